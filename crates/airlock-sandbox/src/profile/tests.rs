//! Real folders, laid out as installers lay them out.

mod untrusted;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use tempfile::TempDir;

use super::{arguments::Options, *};

/// A small machine.
struct Machine {
    root: PathBuf,
    _folder: TempDir,
    host: Host,
}

impl Machine {
    fn new(search: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("home/project")).unwrap();
        let host = Host {
            search: env::join_paths(search.iter().map(|folder| root.join(folder))).unwrap(),
            home: Some(root.join("home")),
            folder: root.join("home/project"),
            ..Host::default()
        };
        Self { root, _folder: folder, host }
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, path: &str, text: &str) {
        self.file(path, text);
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn package(&self, folder: &str, about: &str, script: &str) {
        self.file(&format!("{folder}/package.json"), about);
        self.program(&format!("{folder}/{script}"), "#!/usr/bin/env node\n");
    }

    /// Resolves a command line (`ROOT` is the machine's root) and writes what comes of it the same way: the command,
    /// what is visible, and what comes first in `PATH`.
    fn resolve(&self, line: &str) -> Result<(String, Vec<String>, String), String> {
        let root = self.root.display().to_string();
        let command: Vec<OsString> = line.split(' ').map(|word| word.replace("ROOT", &root).into()).collect();
        let profile =
            Profile::of(&command, &self.host).map_err(|error| error.to_string().replace(&root, "ROOT"))?;
        let shown = |text: &OsStr| text.to_str().unwrap().replace(&root, "ROOT");
        let command: Vec<_> = profile.command.iter().map(|word| shown(word)).collect();
        let visible = profile.read_only.iter().map(|path| shown(path.as_os_str())).collect();
        let search = shown(&profile.search);
        let first = search.strip_suffix(SEARCH).unwrap().trim_end_matches(':').to_owned();
        Ok((command.join(" "), visible, first))
    }

    fn expect(&self, line: &str, command: &str, visible: &[&str], search: &str) {
        let got = self.resolve(line).unwrap();
        let visible = visible.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(got, (command.to_owned(), visible, search.to_owned()), "{line}");
    }

    fn refusal(&self, line: &str) -> String {
        self.resolve(line).map(|got| panic!("{line}: {got:?}")).unwrap_err()
    }
}

const NVM: &str = "home/.nvm/versions/node/v22";

/// Node.js as nvm has it, with npm and one package installed globally.
fn nvm() -> Machine {
    let machine = Machine::new(&["home/.nvm/versions/node/v22/bin"]);
    machine.program(&format!("{NVM}/bin/node"), "ELF");
    machine.package(&format!("{NVM}/lib/node_modules/npm"), "{}", "bin/npx-cli.js");
    machine.package(&format!("{NVM}/lib/node_modules/npm"), "{}", "bin/npm-cli.js");
    machine.link(&format!("{NVM}/bin/npx"), "../lib/node_modules/npm/bin/npx-cli.js");
    machine.link(&format!("{NVM}/bin/npm"), "../lib/node_modules/npm/bin/npm-cli.js");
    machine.package(
        &format!("{NVM}/lib/node_modules/@mcp/server-files"),
        r#"{"version": "1.4.2", "bin": {"mcp-files": "dist/index.js"}}"#,
        "dist/index.js",
    );
    machine.link(&format!("{NVM}/bin/mcp-files"), "../lib/node_modules/@mcp/server-files/dist/index.js");
    machine
}

#[test]
fn the_system_needs_nothing() {
    let machine = Machine::new(&[]);
    machine.expect(
        "/bin/sh -c true",
        &format!("{}/sh -c true", fs::canonicalize("/bin").unwrap().display()),
        &[],
        "",
    );
}

#[test]
fn a_program_is_shown_alone_with_its_links() {
    let machine = Machine::new(&["home/bin"]);
    machine.program("opt/tool-2/tool", "ELF");
    machine.file("opt/tool-2/secret", "x");
    machine.link("opt/tool", "tool-2");
    machine.link("home/bin/tool", "../../opt/tool/tool");
    let visible = ["ROOT/opt/tool-2/tool"];
    for line in ["tool --flag x", "../bin/tool --flag x", "ROOT/home/bin/tool --flag x"] {
        machine.expect(line, "ROOT/home/bin/tool --flag x", &visible, "ROOT/home/bin");
    }
    let profile = Profile::of(&["tool".into()], &machine.host).unwrap();
    let path = |name: &str| machine.root.join(name);
    let links = ["home/bin/tool", "opt/tool/tool"].map(|name| (path(name), path("opt/tool-2/tool")));
    assert_eq!(profile.links, links);
    assert_eq!(machine.refusal("toll"), "`toll` is not found on PATH");
    machine.file("home/bin/notes", "x");
    assert_eq!(machine.refusal("notes"), "`notes` is not found on PATH");
    assert_eq!(machine.refusal("../bin/notes"), "`ROOT/home/project/../bin/notes` is not a program");
}

#[test]
fn node_shows_its_installation_and_the_scripts_package() {
    let machine = nvm();
    let (bin, lib) = (format!("ROOT/{NVM}/bin"), format!("ROOT/{NVM}/lib"));
    let node = format!("{bin}/node");
    machine.expect("node -e 1", &format!("{node} -e 1"), &[&bin, &lib], &bin);
    // Installed globally: below the installation.
    let script = format!("{lib}/node_modules/@mcp/server-files/dist/index.js");
    machine.expect("mcp-files /x", &format!("{node} {script} /x"), &[&bin, &lib], &bin);

    machine.package("home/project/node_modules/a/node_modules/b", "{}", "b.js");
    machine.file("home/project/.env", "SECRET=1");
    machine.expect(
        "node --require x node_modules/a/node_modules/b/b.js --port 1",
        &format!("{node} --require x ROOT/home/project/node_modules/a/node_modules/b/b.js --port 1"),
        &[&bin, &lib, "ROOT/home/project/node_modules"],
        &bin,
    );
    // A package of the user's own, in a workspace: what it imports lies above.
    machine.file("home/work/packages/server/src/main.js", "");
    machine.file("home/work/packages/server/package.json", "{}");
    machine.file("home/work/node_modules/dep/index.js", "");
    machine.expect(
        "node ../work/packages/server/src/main.js",
        &format!("{node} ROOT/home/work/packages/server/src/main.js"),
        &[&bin, &lib, "ROOT/home/work/node_modules", "ROOT/home/work/packages/server"],
        &bin,
    );
    // No package, or one that is the home: the file alone.
    machine.file("home/package.json", "{}");
    machine.file("home/scripts/one.mjs", "");
    machine.expect(
        "node ROOT/home/scripts/one.mjs",
        &format!("{node} ROOT/home/scripts/one.mjs"),
        &[&bin, &lib, "ROOT/home/scripts/one.mjs"],
        &bin,
    );
    assert_eq!(machine.refusal("node gone.js"), "`ROOT/home/project/gone.js` does not exist");
}

#[test]
fn an_interpreter_in_the_home_does_not_show_the_home() {
    let machine = Machine::new(&["home/bin"]);
    machine.program("home/bin/node", "ELF");
    machine.program("home/bin/python3", "ELF");
    machine.file("home/lib/python3.12/os.py", "");
    for name in ["node", "python3"] {
        let program = format!("ROOT/home/bin/{name}");
        machine.expect(name, &program, &[&program], "ROOT/home/bin");
    }
}

#[test]
fn npx_takes_what_is_there() {
    let mut machine = nvm();
    let (bin, lib) = (format!("ROOT/{NVM}/bin"), format!("ROOT/{NVM}/lib"));
    let node = format!("{bin}/node");
    let global = format!("{node} {lib}/node_modules/@mcp/server-files/dist/index.js /data");
    for line in [
        "npx -y @mcp/server-files /data",
        "npx @mcp/server-files@latest /data",
        "npx --yes @mcp/server-files@1.4.2 /data",
        "npx -y @mcp/server-files@1 /data",
        "npx -p @mcp/server-files mcp-files /data",
        "npx --package=@mcp/server-files -- mcp-files /data",
    ] {
        machine.expect(line, &global, &[&bin, &lib], &bin);
    }
    for line in [
        "npx -y @mcp/server-files@1.4.1",
        "npx -y @mcp/server-files@^1.4.0",
        "npx -y @mcp/server-other",
        "npx -p @mcp/server-files other",
    ] {
        let refusal = machine.refusal(line);
        assert!(
            refusal.contains("no network") && refusal.contains("npm install -g @mcp/server-"),
            "{refusal}"
        );
    }
    for line in
        ["npx ../../../etc/x", "npx -y .hidden", "npx @/x", "npx https://example.com/x.tgz", "npx -c x"]
    {
        assert!(machine.refusal(line).contains("/path/to/its/script.js"), "{line}");
    }
    assert_eq!(machine.refusal("npx -y"), "`npx` is given no package");

    // The project's own comes first, and what was fetched before comes last.
    let about = r#"{"version": "2.0.0", "bin": "cli.js"}"#;
    machine.package("home/.npm/_npx/0a/node_modules/fetched", about, "cli.js");
    let fetched = "ROOT/home/.npm/_npx/0a/node_modules";
    machine.expect("npx fetched", &format!("{node} {fetched}/fetched/cli.js"), &[fetched, &bin, &lib], &bin);
    machine.host.npm_cache = Some(machine.root.join("cache"));
    assert!(machine.refusal("npx fetched").contains("would have to fetch `fetched`"));
    machine.package("home/project/node_modules/@mcp/server-files", about, "cli.js");
    let own = "ROOT/home/project/node_modules";
    machine.expect(
        "npx @mcp/server-files",
        &format!("{node} {own}/@mcp/server-files/cli.js"),
        &[&bin, &lib, own],
        &bin,
    );
}

#[test]
fn fetchers_are_refused() {
    let machine = nvm();
    for name in ["uvx", "pipx", "bunx"] {
        machine.program(&format!("{NVM}/bin/{name}"), "ELF");
        assert!(machine.refusal(&format!("{name} server")).contains("no network"), "{name}");
    }
    assert!(machine.refusal("npm exec server").contains("npm install -g"));
}

/// Python as pyenv has it.
fn pyenv() -> Machine {
    let machine = Machine::new(&["home/.pyenv/shims"]);
    for version in ["3.9.18", "3.12.4", "3.12.10"] {
        machine.program(&format!("home/.pyenv/versions/{version}/bin/python3.x"), "ELF");
        machine.link(&format!("home/.pyenv/versions/{version}/bin/python3"), "python3.x");
        machine.file(&format!("home/.pyenv/versions/{version}/lib/python3.x/os.py"), "");
    }
    machine.program("home/.pyenv/shims/python3", "#!/usr/bin/env bash\n");
    machine.file("home/.pyenv/version", "3.9.18\n");
    machine
}

fn version(version: &str) -> [String; 2] {
    ["bin", "lib"].map(|part| format!("ROOT/home/.pyenv/versions/{version}/{part}"))
}

#[test]
fn shims_of_pyenv_are_followed() {
    let mut machine = pyenv();
    let expect = |machine: &Machine, want: &str| {
        let [bin, lib] = version(want);
        machine.expect("python3 -m server", &format!("{bin}/python3 -m server"), &[&bin, &lib], &bin);
    };
    expect(&machine, "3.9.18");
    machine.file("home/.python-version", "3.12\n");
    expect(&machine, "3.12.10");
    machine.host.pyenv_version = Some("3.7:3.12.4".to_owned());
    expect(&machine, "3.12.4");
    machine.host.pyenv_version = Some("../x".to_owned());
    assert_eq!(machine.refusal("python3"), "pyenv has no `python3` for the version `../x`");
    machine.host.pyenv_version = Some("system".to_owned());
    assert!(machine.refusal("python3").contains("`system`"));
}

#[test]
fn a_virtual_environment_shows_what_it_was_made_from() {
    let machine = pyenv();
    let [bin, lib] = version("3.12.4");
    let home = bin.replace("ROOT", machine.root.to_str().unwrap());
    machine.link("home/project/.venv/bin/python", "python3");
    machine.link("home/project/.venv/bin/python3", &format!("{home}/python3"));
    machine.file("home/project/.venv/lib/python3.x/site.py", "");
    machine.file("home/project/.venv/pyvenv.cfg", &format!("home = {home}\nversion = 3.12.4\n"));
    machine.file("home/project/server.py", "");
    machine.file("home/project/.env", "");
    let venv = ["bin", "lib", "pyvenv.cfg"].map(|part| format!("ROOT/home/project/.venv/{part}"));
    let visible = [bin.as_str(), &lib, &venv[0], &venv[1], &venv[2], "ROOT/home/project/server.py"];
    machine.expect(
        ".venv/bin/python -B -W error server.py --x",
        "ROOT/home/project/.venv/bin/python -B -W error ROOT/home/project/server.py --x",
        &visible,
        &venv[0],
    );
    // A command that was installed into it, with its line as pip writes it, short and long.
    let python = machine.root.join("home/project/.venv/bin/python");
    let python = python.display();
    for line in [format!("#!{python}\n"), format!("#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n")]
    {
        machine.program("home/project/.venv/bin/mcp-server", &line);
        machine.expect(
            ".venv/bin/mcp-server -m x",
            "ROOT/home/project/.venv/bin/python ROOT/home/project/.venv/bin/mcp-server -m x",
            visible.get(..5).unwrap(),
            &venv[0],
        );
    }
}

#[test]
fn scripts_are_found_among_options() {
    let table: &[(&Options, &str, Option<&str>)] = &[
        (&PYTHON, "-u s.py -m x", Some("s.py")),
        (&PYTHON, "-m s.py", None),
        (&PYTHON, "-Bm s.py", None),
        (&PYTHON, "-ms s.py", None),
        (&PYTHON, "-c s.py", None),
        (&PYTHON, "-Werror s.py", Some("s.py")),
        (&PYTHON, "-Wcommon s.py", Some("s.py")),
        (&PYTHON, "-X dev s.py", Some("s.py")),
        (&PYTHON, "- s.py", None),
        (&PYTHON, "", None),
        (&NODE, "--max-old-space-size=100 s.js", Some("s.js")),
        (&NODE, "-r mod s.js -e", Some("s.js")),
        (&NODE, "-e 1 s.js", None),
        (&NODE, "-- s.js", Some("s.js")),
        (&NODE, "--", None),
    ];
    for (options, line, want) in table {
        let mut words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let got = script_of(&mut words, options).map(|script| script.to_str().unwrap().to_owned());
        assert_eq!(got.as_deref(), *want, "{line}");
    }
}

#[test]
fn lines_of_scripts() {
    let machine = Machine::new(&["bin"]);
    machine.program("bin/lang", "ELF");
    let root = machine.root.display().to_string();
    let table = [
        ("#!/usr/bin/env lang", Ok("ROOT/bin/lang ROOT/bin/script a")),
        ("#!/usr/bin/env -S lang --x  --y", Ok("ROOT/bin/lang --x --y ROOT/bin/script a")),
        ("#! ROOT/bin/lang one two ", Ok("ROOT/bin/lang one two ROOT/bin/script a")),
        ("#!/usr/bin/env -i lang", Err("start its interpreter yourself")),
        ("#!/usr/bin/env", Err("start its interpreter yourself")),
        ("#!/usr/bin/env nolang", Err("`nolang` is not found on PATH")),
        ("#!", Err("is not")),
        ("#!ROOT/bin/script", Err("which is itself a script; start it yourself")),
    ];
    for (line, want) in table {
        machine.program("bin/script", &format!("{}\nrest\n", line.replace("ROOT", &root)));
        let got = machine.resolve("script a").map(|(command, _, _)| command);
        match (&got, want) {
            (Ok(command), Ok(want)) => assert_eq!(command, want, "{line}"),
            (Err(text), Err(want)) => assert!(text.contains(want), "{line}: {text}"),
            _ => panic!("{line}: {got:?}"),
        }
    }
}
