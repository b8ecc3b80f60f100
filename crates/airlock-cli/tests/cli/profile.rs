//! What a command is shown without being named: files from anywhere choose none of it.
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::common::{Ran, airlock, feed};

/// A home with a project that no command names, and a folder that came from somewhere.
struct Home(TempDir);

impl Home {
    /// `None` where no box can be had.
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    fn new() -> Option<Self> {
        let home = Self(tempfile::tempdir().unwrap());
        let ran = home.exec(&[], &["/bin/true"]);
        if ran.code == 125 {
            println!("skipped: no box can be had here: {}", ran.err);
            return None;
        }
        home.open("");
        for (name, text) in
            [("project/.env", "TOKEN=4711"), ("project/package.json", "{}"), ("project/y.js", "")]
        {
            home.file(name, text);
        }
        // Any program that prints what it is told to.
        fs::copy("/usr/bin/cat", home.file("x/python3", "")).unwrap();
        home.open("x/python3");
        Some(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// As root it is somebody else that reads there.
    fn open(&self, name: &str) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn script(&self, name: &str, text: &str) {
        self.file(name, &text.replace("HOME", self.path("").to_str().unwrap().trim_end_matches('/')));
        self.open(name);
    }

    fn exec(&self, flags: &[&str], command: &[&str]) -> Ran {
        let mut airlock = airlock(self.0.path());
        airlock.args(["exec", "--memory", "2048"]).args(flags).arg("--").args(command);
        feed(&mut airlock, b"")
    }

    fn refused(&self, command: &[&str], says: &str) {
        let ran = self.exec(&[], command);
        assert_eq!((ran.code, &*ran.out), (127, ""), "{command:?}: {ran:?}");
        assert!(ran.err.contains(says), "{command:?}: {ran:?}");
    }
}

#[test]
fn files_from_anywhere_do_not_choose_what_is_shown() {
    let Some(home) = Home::new() else { return };
    let token = home.path("project/.env");
    let token = token.to_str().unwrap();
    // The control: what the user says is shown.
    let ran = home.exec(&[], &["x/python3", token]);
    assert_eq!((ran.code, &*ran.out), (0, "TOKEN=4711"), "{ran:?}");

    home.script("x/line", "#!HOME/x/python3 HOME/project/.env\n");
    home.refused(&["x/line"], "start it yourself");
    symlink(token, home.path("x/link.py")).unwrap();
    home.refused(&["x/python3", "x/link.py"], &format!("`--ro {token}`"));
    let ran = home.exec(&["--ro", token], &["x/python3", "x/link.py"]);
    assert_eq!((ran.code, &*ran.out), (0, "TOKEN=4711"), "{ran:?}");
    symlink(home.path("project"), home.path("x/src")).unwrap();
    home.refused(&["x/python3", "x/src/.env"], "leads out of its folder");
    // Nor does their name draw on the terminal.
    symlink(token, home.path("x/\u{1b}[2J")).unwrap();
    home.refused(&["x/python3", "x/\u{1b}[2J"], "x/\\u{1b}[2J` is a link");
}

#[test]
fn an_environment_does_not_show_what_it_names() {
    let Some(home) = Home::new() else { return };
    fs::create_dir_all(home.path("x/venv/bin")).unwrap();
    fs::copy("/usr/bin/cat", home.path("x/venv/bin/python3")).unwrap();
    home.file("project/lib/python3.x/secret", "TOKEN=4711");
    fs::create_dir(home.path("project/bin")).unwrap();
    home.file("x/venv/pyvenv.cfg", &format!("home = {}\n", home.path("project/bin").display()));
    let secret = home.path("project/lib/python3.x/secret");
    home.file("x/empty", "");
    // `cat` ignores `-u`. The second file is an argument, which is not shown.
    let command = ["x/venv/bin/python3", "-u", "x/empty", secret.to_str().unwrap()];
    let ran = home.exec(&[], &command);
    assert!(ran.code == 1 && ran.out.is_empty() && ran.err.contains("No such file"), "{ran:?}");
    let folder = home.path("project/lib");
    let ran = home.exec(&["--ro", folder.to_str().unwrap()], &command);
    assert_eq!((ran.code, &*ran.out), (0, "TOKEN=4711"), "{ran:?}");
    // With an interpreter there it may be right, so that the user is asked.
    fs::copy("/usr/bin/cat", home.path("project/bin/python3")).unwrap();
    home.refused(&command, "says that its Python is in");
}

#[test]
fn the_first_line_of_a_script_for_node_names_nothing() {
    let Some(home) = Home::new() else { return };
    let code =
        "console.log(process.getBuiltinModule(%22fs%22).readFileSync(%22HOME/project/.env%22,%22utf8%22))";
    let option = format!("--import=data:text/javascript,{code}");
    home.script("x/line", &format!("#!/usr/bin/env -S node {option} HOME/project/y.js\n"));
    home.script("x/alone", &format!("#!/usr/bin/env -S node {option}\n"));
    home.script("project/downloads/alone", &format!("#!/usr/bin/env -S node {option}\n"));
    home.script("x/works", "#!/usr/bin/env -S node --no-warnings\nconsole.log(6 * 7)\n");
    let ran = home.exec(&[], &["x/works"]);
    if ran.err.contains("not found") {
        println!("skipped: no Node.js: {ran:?}");
        return;
    }
    assert_eq!((ran.code, &*ran.out), (0, "42\n"), "{ran:?}");
    // The control: what is done there works when the user says so.
    let option = option.replace("HOME", home.path("").to_str().unwrap().trim_end_matches('/'));
    let y = home.path("project/y.js");
    let ran = home.exec(&[], &["node", &option, y.to_str().unwrap()]);
    assert_eq!((ran.code, &*ran.out), (0, "TOKEN=4711\n"), "{ran:?}");

    home.refused(&["x/line"], "more than options");
    for script in ["x/alone", "project/downloads/alone"] {
        let ran = home.exec(&[], &[script]);
        assert!(ran.code != 0 && ran.out.is_empty() && ran.err.contains("ENOENT"), "{script}: {ran:?}");
    }
}

#[test]
fn a_report_says_what_was_shown_besides() {
    let Some(home) = Home::new() else { return };
    home.file("x/server.py", "");
    fs::create_dir_all(home.path("x/venv/bin")).unwrap();
    home.file("x/venv/pyvenv.cfg", "");
    fs::copy("/usr/bin/cat", home.path("x/venv/bin/python3")).unwrap();
    let command = ["x/venv/bin/python3", "x/server.py"];
    let json = home.exec(&["--format", "json"], &command);
    let expected = ["bin", "pyvenv.cfg"].map(|part| home.path("x/venv").join(part));
    let report = json.json();
    let shown: Vec<_> =
        report["shown"].as_array().unwrap().iter().map(|path| Path::new(path.as_str().unwrap())).collect();
    assert_eq!(shown, expected);
    // Nothing is added to what the program says, where nobody looks on.
    let text = home.exec(&[], &command);
    assert_eq!((text.code, &*text.out, &*text.err), (0, "", ""));
    let system = home.exec(&["--format", "json"], &["/bin/sh", "-c", "true"]);
    assert_eq!(system.json()["shown"], serde_json::json!([]));
}
