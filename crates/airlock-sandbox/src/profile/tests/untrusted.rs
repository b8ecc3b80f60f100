//! Files from anywhere that try to choose what is shown. Each has its control: the same, when the user says it.

use super::*;

/// Python of the user's `PATH`, and something to steal.
fn python() -> Machine {
    let machine = pyenv();
    machine.file("home/.ssh/id_rsa", "KEY");
    machine
}

/// Node.js, and a project of the user that no command names.
fn node() -> Machine {
    let machine = nvm();
    machine.file("home/app/package.json", r#"{"bin": {"app": "cli.js"}}"#);
    machine.file("home/app/.env", "TOKEN=1");
    machine.file("home/app/y.js", "");
    machine.program("home/app/cli.js", "#!/usr/bin/env node\n");
    machine.file("home/app/node_modules/dep/index.js", "");
    machine
}

impl Machine {
    /// What is visible for a command, besides Node.js itself.
    fn besides_node(&self, line: &str) -> Vec<String> {
        let installation = ["bin", "lib"].map(|part| format!("ROOT/{NVM}/{part}"));
        let (_, visible, _) = self.resolve(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        visible.into_iter().filter(|path| !installation.contains(path)).collect()
    }

    /// A program whose text may mention `ROOT`.
    fn script(&self, path: &str, text: &str) {
        self.program(path, &text.replace("ROOT", self.root.to_str().unwrap()));
    }

    /// A link to an absolute place of this machine.
    fn link_to(&self, path: &str, target: &str) {
        self.link(path, self.root.join(target).to_str().unwrap());
    }

    fn name(&mut self, paths: &[&str]) {
        self.host.named = paths.iter().map(|path| self.root.join(path)).collect();
    }
}

#[test]
fn words_of_a_line_are_not_the_users() {
    let machine = node();
    let table = [
        ("#!/usr/bin/env -S node --import=data:text/javascript,x ROOT/home/app/y.js", "more than options"),
        ("#!/usr/bin/env -S node --require ./x.js", "more than options"),
        ("#!ROOT/home/.nvm/versions/node/v22/bin/node ROOT/home/app/y.js", "more than options"),
        ("#!/usr/bin/env -S npx @mcp/server-files", "which is itself a script"),
        ("#!/usr/bin/env mcp-files", "which is itself a script"),
    ];
    for (line, refusal) in table {
        machine.script("x/u6", line);
        let got = machine.refusal("ROOT/x/u6");
        assert!(got.contains(refusal) && got.contains("start it yourself"), "{line}: {got}");
    }
    let app = ["ROOT/home/app"];
    assert_eq!(machine.besides_node("node --import=data:text/javascript,x ROOT/home/app/y.js"), app);

    // An argument of the user's is the script's, and not a script.
    machine.script("x/u6", "#!/usr/bin/env -S node --require");
    let (command, ..) = machine.resolve("ROOT/x/u6 ROOT/home/app/y.js").unwrap();
    assert_eq!(command, format!("ROOT/{NVM}/bin/node --require ROOT/x/u6 ROOT/home/app/y.js"));
    assert_eq!(machine.besides_node("ROOT/x/u6 ROOT/home/app/y.js"), ["ROOT/x/u6"]);
}

#[test]
fn a_script_that_says_it_is_for_node_has_no_package_by_that() {
    let machine = node();
    for line in ["#!/usr/bin/env node", "#!/usr/bin/env -S node --no-warnings --max-old-space-size=99"] {
        // It was put into the user's project, which does not know it.
        machine.script("home/app/downloads/u6", line);
        assert_eq!(machine.besides_node("ROOT/home/app/downloads/u6"), ["ROOT/home/app/downloads/u6"]);
        assert_eq!(machine.besides_node("node ROOT/home/app/downloads/u6"), ["ROOT/home/app"]);
        // A program of the project.
        machine.script("home/app/cli.js", line);
        assert_eq!(machine.besides_node("ROOT/home/app/cli.js"), ["ROOT/home/app"]);
        machine.script("home/app/node_modules/dep/cli.js", line);
        let modules = ["ROOT/home/app/node_modules"];
        assert_eq!(machine.besides_node("ROOT/home/app/node_modules/dep/cli.js"), modules);
    }
    // An option that loads something else.
    for option in ["--import=./x.js", "--env-file=.env", "-r./x.js", "--eval=1", "--no-such-option"] {
        machine.script("home/app/cli.js", &format!("#!/usr/bin/env -S node {option}"));
        assert_eq!(machine.besides_node("ROOT/home/app/cli.js"), ["ROOT/home/app/cli.js"], "{option}");
    }
    // A program that the user installed, which is a link.
    machine.script("home/app/cli.js", "#!/usr/bin/env node");
    machine.file("home/app/package.json", "{}");
    assert_eq!(machine.besides_node("ROOT/home/app/cli.js"), ["ROOT/home/app/cli.js"]);
    machine.link_to("home/.local/bin/app", "home/app/cli.js");
    assert_eq!(machine.besides_node("ROOT/home/.local/bin/app"), ["ROOT/home/app"]);
}

#[test]
fn a_line_chooses_only_among_the_users_interpreters() {
    let mut machine = python();
    machine.program("x/python3", "ELF: a copy of head");
    for line in
        ["#!ROOT/x/python3 ROOT/home/.ssh/id_rsa", "#!/usr/bin/env ROOT/x/python3", "#!ROOT/x/python3"]
    {
        machine.script("x/u7", line);
        let refusal = machine.refusal("ROOT/x/u7");
        assert!(refusal.contains("start it yourself: `ROOT/x/python3 ROOT/x/u7`"), "{line}: {refusal}");
    }
    // Said by the user, one way or another.
    let visible = ["ROOT/home/.ssh/id_rsa", "ROOT/x/python3"];
    machine.expect(
        "ROOT/x/python3 ROOT/home/.ssh/id_rsa",
        "ROOT/x/python3 ROOT/home/.ssh/id_rsa",
        &visible,
        "ROOT/x",
    );
    machine.name(&["x"]);
    machine.expect("ROOT/x/u7", "ROOT/x/python3 ROOT/x/u7", &["ROOT/x/python3", "ROOT/x/u7"], "ROOT/x");
    machine.name(&[]);
    // The user's own one, told to read something else.
    let [bin, lib] = version("3.9.18");
    for (line, refused) in [
        ("#!/usr/bin/env -S python3 -u ROOT/home/.ssh/id_rsa", true),
        ("#!/usr/bin/env -S python3 -c import ROOT/home/.ssh/id_rsa", true),
        ("#!/usr/bin/env -S python3 -uI", false),
        ("#!ROOT/home/.pyenv/versions/3.9.18/bin/python3 -E", false),
    ] {
        machine.script("x/u7", line);
        if refused {
            assert!(machine.refusal("ROOT/x/u7").contains("more than options"), "{line}");
        } else {
            assert_eq!(machine.resolve("ROOT/x/u7").unwrap().1, [&bin, &lib, "ROOT/x/u7"], "{line}");
        }
    }
}

#[test]
fn an_environment_does_not_choose_what_it_was_made_from() {
    let mut machine = python();
    let venv = ["bin", "pyvenv.cfg"].map(|part| format!("ROOT/x/venv/{part}"));
    let home = |machine: &Machine, home: &str| {
        machine.file("x/venv/pyvenv.cfg", &format!("home = {}\n", machine.root.join(home).display()));
    };
    machine.program("x/venv/bin/python3", "ELF");
    machine.file("home/app2/lib/python3.x/secret.py", "");
    machine.file("home/app2/bin/run", "");
    home(&machine, "home/app2/bin");
    machine.expect("ROOT/x/venv/bin/python3", "ROOT/x/venv/bin/python3", &[&venv[0], &venv[1]], &venv[0]);
    // Another environment of the user's.
    machine.link("home/app2/bin/python3", "/bin/true");
    let refusal = machine.refusal("ROOT/x/venv/bin/python3");
    assert!(
        refusal.contains("`ROOT/x/venv/pyvenv.cfg` says")
            && refusal.contains("`--ro ROOT/home/app2/bin --ro ROOT/home/app2/lib`"),
        "{refusal}"
    );
    fs::remove_file(machine.root.join("home/app2/bin/python3")).unwrap();
    machine.program("home/app2/bin/python3", "ELF");
    assert_eq!(machine.refusal("ROOT/x/venv/bin/python3"), refusal);
    // Neither does its own interpreter.
    home(&machine, "nowhere");
    for target in ["home/app2/bin/python3", "home/.pyenv/versions/../../app2/bin/python3"] {
        let _ = fs::remove_file(machine.root.join("x/venv/bin/python3"));
        machine.link_to("x/venv/bin/python3", target);
        let got = machine.refusal("ROOT/x/venv/bin/python3");
        assert!(got.contains("`--ro ROOT/home/app2/bin --ro ROOT/home/app2/lib`"), "{got}");
    }
    machine.name(&["home/app2/bin", "home/app2/lib"]);
    home(&machine, "home/app2/bin");
    let (_, visible, _) = machine.resolve("ROOT/x/venv/bin/python3").unwrap();
    assert_eq!(visible, ["ROOT/home/app2/bin", "ROOT/home/app2/lib", &venv[0], &venv[1]]);

    // A way to an interpreter of the user's, over something that is none.
    machine.name(&[]);
    home(&machine, "nowhere");
    let [bin, lib] = version("3.12.4");
    let there = bin.replace("ROOT", machine.root.to_str().unwrap());
    fs::remove_file(machine.root.join("home/app2/bin/python3")).unwrap();
    machine.link("home/app2/bin/python3", &format!("{there}/python3"));
    assert!(machine.refusal("ROOT/x/venv/bin/python3").contains("leads out of its folder"));
    // Directly, without any `home`.
    fs::remove_file(machine.root.join("x/venv/bin/python3")).unwrap();
    machine.link("x/venv/bin/python3", &format!("{there}/python3"));
    let (_, visible, _) = machine.resolve("ROOT/x/venv/bin/python3").unwrap();
    assert_eq!(visible, [&*bin, &*lib, &*venv[0], &*venv[1]]);
}

/// As installers lay them out.
#[test]
fn environments_of_uv_conda_and_pipx_work() {
    let machine = pyenv();
    let uv = "home/.local/share/uv/python";
    machine.program(&format!("{uv}/cpython-3.12.4-linux/bin/python3.12"), "ELF");
    machine.file(&format!("{uv}/cpython-3.12.4-linux/lib/python3.12/os.py"), "");
    machine.link(&format!("{uv}/cpython-3.12-linux"), "cpython-3.12.4-linux");
    machine.program("home/miniconda3/bin/python3.11", "ELF");
    machine.link("home/miniconda3/bin/python3", "python3.11");
    machine.file("home/miniconda3/lib/python3.11/os.py", "");
    let based = [
        (format!("{uv}/cpython-3.12-linux"), "python3.12", format!("ROOT/{uv}/cpython-3.12.4-linux")),
        ("home/miniconda3".to_owned(), "python3", "ROOT/home/miniconda3".to_owned()),
    ];
    for (at, (base, name, real)) in based.iter().enumerate() {
        let venv = format!("home/.local/share/tools/{at}");
        machine.link_to(&format!("{venv}/bin/python3"), &format!("{base}/bin/{name}"));
        machine.link(&format!("{venv}/bin/python"), "python3");
        machine.file(&format!("{venv}/lib/python3.x/site.py"), "");
        machine.link(&format!("{venv}/lib64"), "lib");
        let home = machine.root.join(base).join("bin");
        machine.file(&format!("{venv}/pyvenv.cfg"), &format!("home = {}\n", home.display()));
        machine.script(&format!("{venv}/bin/server"), &format!("#!ROOT/{venv}/bin/python\n"));
        // Started from a desktop, whose `PATH` is another one.
        machine.link_to(&format!("home/.local/bin/server-{at}"), &format!("{venv}/bin/server"));
        let line = format!("ROOT/home/.local/bin/server-{at}");
        let (command, visible, _) = machine.resolve(&line).unwrap();
        assert_eq!(command, format!("ROOT/{venv}/bin/python {line}"));
        let mut expected: Vec<_> =
            ["bin", "lib", "pyvenv.cfg"].iter().map(|part| format!("ROOT/{venv}/{part}")).collect();
        expected.extend(["bin", "lib"].map(|part| format!("{real}/{part}")));
        expected.sort();
        assert_eq!(visible, expected);
    }
    let conda = ["ROOT/home/miniconda3/bin", "ROOT/home/miniconda3/lib"];
    machine.expect("ROOT/home/miniconda3/bin/python3", "ROOT/home/miniconda3/bin/python3", &conda, conda[0]);
}

#[test]
fn links_of_a_folder_do_not_lead_out_of_it() {
    let mut machine = node();
    machine.program("x/python3", "ELF");
    machine.file("home/.ssh/id_rsa", "KEY");
    machine.file("x/own/main.js", "");
    // A script, a folder on the way to one, a program.
    machine.link_to("x/id.py", "home/.ssh/id_rsa");
    machine.link_to("x/src", "home/app");
    machine.link_to("x/tool", "home/app/cli.js");
    machine.link_to("x/up", "home/app/../.ssh/id_rsa");
    // It lies inside by its name alone.
    machine.link("x/usr", "/usr");
    machine.link(
        "x/by-name",
        &format!("usr/../{}/home/.ssh/id_rsa", machine.root.strip_prefix("/").unwrap().display()),
    );
    for (line, target) in [
        ("ROOT/x/python3 ROOT/x/id.py", "home/.ssh/id_rsa"),
        ("ROOT/x/python3 ROOT/x/up", "home/.ssh/id_rsa"),
        ("ROOT/x/python3 ROOT/x/by-name", "home/.ssh/id_rsa"),
        ("node ROOT/x/src/y.js", "home/app/y.js"),
        ("ROOT/x/src/cli.js", "home/app/cli.js"),
        ("ROOT/x/tool", "home/app/cli.js"),
    ] {
        let refusal = machine.refusal(line);
        assert!(refusal.contains(&format!("`--ro ROOT/{target}`")), "{line}: {refusal}");
        machine.name(&[target]);
        let (_, visible, _) = machine.resolve(line).unwrap();
        assert!(visible.contains(&format!("ROOT/{target}")), "{line}: {visible:?}");
        // And not the folder that it lies in, which was not named.
        assert!(!visible.contains(&"ROOT/home/app".to_owned()), "{line}: {visible:?}");
        machine.name(&[]);
    }
    // Those that stay, and those in a folder that is the user's own.
    machine.link("x/main", "own/main.js");
    assert_eq!(machine.besides_node("node ROOT/x/main"), ["ROOT/x/own/main.js"]);
    machine.link("home/code", "app");
    machine.link_to("home/elsewhere", "home/app");
    assert_eq!(machine.besides_node("node ROOT/home/elsewhere/y.js"), ["ROOT/home/app"]);
}

#[test]
fn folders_that_are_shown_are_no_links_to_others() {
    let mut machine = node();
    machine.file("x/main.js", "");
    machine.link_to("x/node_modules", "home/app");
    assert!(
        machine.refusal("node ROOT/x/main.js").contains("`ROOT/x/node_modules` is a link that leads out")
    );
    machine.name(&["home/app"]);
    assert_eq!(machine.besides_node("node ROOT/x/main.js"), ["ROOT/home/app", "ROOT/x/main.js"]);
    machine.name(&[]);
    fs::remove_file(machine.root.join("x/node_modules")).unwrap();
    machine.file("x/node_modules/a/index.js", "");
    assert_eq!(machine.besides_node("node ROOT/x/main.js"), ["ROOT/x/main.js", "ROOT/x/node_modules"]);

    machine.program("x/venv/bin/python3", "ELF");
    machine.file("x/venv/pyvenv.cfg", "");
    for part in ["lib", "lib64"] {
        machine.link_to(&format!("x/venv/{part}"), "home/app");
        let refusal = machine.refusal("ROOT/x/venv/bin/python3");
        assert!(refusal.contains(&format!("`ROOT/x/venv/{part}` is a link that leads out")), "{refusal}");
        fs::remove_file(machine.root.join(format!("x/venv/{part}"))).unwrap();
    }
    fs::remove_file(machine.root.join("x/venv/pyvenv.cfg")).unwrap();
    machine.link_to("x/venv/pyvenv.cfg", "home/app/.env");
    assert!(machine.refusal("ROOT/x/venv/bin/python3").contains("pyvenv.cfg` is a link that leads out"));
}

#[test]
fn a_suggestion_is_one_word_of_the_shell() {
    let machine = python();
    machine.file("home/a'$(id)", "KEY");
    machine.program("x/python3", "ELF");
    machine.link_to("x/id.py", "home/a'$(id)");
    let refusal = machine.refusal("ROOT/x/python3 ROOT/x/id.py");
    assert!(refusal.contains(r"`--ro 'ROOT/home/a'\''$(id)'`"), "{refusal}");
}

/// A `..` behind a link goes up from where that leads, so that the name of the whole says something else.
#[test]
fn a_link_does_not_choose_the_name_of_something_else() {
    let machine = python();
    machine.file("home/app2/pyvenv.cfg", "");
    machine.program("home/app2/bin/python3", "ELF");
    machine.file("home/app2/lib/python3.x/secret.py", "");
    // Up twice from `y/b/c/d` is `y/b`, which has folders of the same names as the machine's root, up twice from `y/here`.
    machine.program("y/b/home/app2/bin/python3", "ELF");
    machine.file("y/b/c/d/e", "");
    machine.link("y/here", "b/c/d");
    machine.link("y/python3", "here/../../home/app2/bin/python3");
    machine.expect("ROOT/y/python3", "ROOT/y/python3", &["ROOT/y/b/home/app2/bin/python3"], "ROOT/y");
    let way = Way::of(&machine.root.join("y/python3")).unwrap();
    assert!(!way.names.contains(&machine.root.join("home/app2/bin/python3")), "{way:?}");
}

#[test]
fn packages_that_lie_elsewhere_are_named() {
    let mut machine = node();
    let about = |script: &str| format!(r#"{{"version": "1.0.0", "bin": "{script}"}}"#);
    // Its program is one of the user's.
    let outside = machine.root.join("home/app/y.js");
    for script in ["../../../app/y.js", outside.to_str().unwrap()] {
        machine.file("home/project/node_modules/evil/package.json", &about(script));
        let refusal = machine.refusal("npx evil");
        assert!(refusal.contains("lies elsewhere") && refusal.contains("`--ro ROOT/home/app`"), "{refusal}");
    }
    // Linked, as by `npm link` or into a workspace.
    machine.file("home/app/package.json", &about("cli.js"));
    machine.link("home/project/node_modules/linked", "../../app");
    let refusal = machine.refusal("npx linked");
    assert!(refusal.contains("`--ro ROOT/home/app`"), "{refusal}");
    machine.name(&["home/app"]);
    assert_eq!(machine.besides_node("npx linked"), ["ROOT/home/app"]);
    machine.name(&[]);
    // All of them.
    fs::rename(machine.root.join("home/project/node_modules"), machine.root.join("home/modules")).unwrap();
    machine.link("home/project/node_modules", "../modules");
    assert!(machine.refusal("npx evil").contains("node_modules` is a link that leads out"));

    // As pnpm lays them out.
    fs::remove_file(machine.root.join("home/project/node_modules")).unwrap();
    machine.package("home/project/node_modules/.pnpm/p@1.0.0/node_modules/p", &about("cli.js"), "cli.js");
    machine.link("home/project/node_modules/p", ".pnpm/p@1.0.0/node_modules/p");
    machine.link("home/project/node_modules/.bin/p", "../p/cli.js");
    for line in ["npx p", "node node_modules/p/cli.js", "node_modules/.bin/p", "node node_modules/.bin/p"] {
        assert_eq!(machine.besides_node(line), ["ROOT/home/project/node_modules"], "{line}");
    }
    // An installation that is not on PATH.
    machine.host.search = OsString::from("/usr/bin");
    let npx = format!("ROOT/{NVM}/bin/npx");
    assert_eq!(machine.besides_node(&format!("{npx} -y @mcp/server-files /x")), Vec::<String>::new());
}
