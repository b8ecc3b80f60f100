//! The condition `within`: a path must lie inside one of some folders.
//!
//! Two things decide, and both must agree. The text must be plain: whatever some program along the way could
//! decode, expand or normalize into another path is refused. Then the path is resolved by the [`Files`] port,
//! symbolic links included, and must begin with all components of an allowed folder.
//!
//! What this cannot see: hard links, and links that are made between the check and the use.

use std::path::{Component, Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::{Denied, compile_each};
use crate::{
    policy::{PolicyProblem, fold::is_invisible},
    ports::Files,
};

/// Longest path in bytes, as on Linux.
const MAX_PATH_LEN: usize = 4096;

/// The folders of one condition.
#[derive(Clone, Debug)]
pub(super) struct Folders(Box<[String]>);

impl Folders {
    pub(super) fn compile(folders: &[String]) -> Result<Self, Vec<PolicyProblem>> {
        let compile = |folder: &str| match check_text(folder) {
            Err(why) => Err(format!("the folder {why}")),
            Ok(()) if folder.split('/').any(|component| component == "..") => {
                Err("a folder is written without `..`".to_owned())
            }
            Ok(()) => Ok(folder.to_owned()),
        };
        compile_each("within", folders, compile).map(Self)
    }

    pub(super) fn check(&self, path: &str, files: &dyn Files) -> Result<(), Denied> {
        check_text(path).map_err(|why| self.denied(why))?;
        let resolve = |path: &str| resolve(path, files).ok_or_else(|| self.denied("cannot be resolved"));
        let resolved = resolve(path)?;
        // Some programs drop `link/..` from the text, others follow the link first: both must stay inside.
        let shortened = lexical(path);
        let other = if shortened == path { None } else { Some(resolve(&shortened)?) };
        let inside = |path: &Path| {
            // Folders are resolved at each call, because a link may have been changed.
            self.0
                .iter()
                .filter_map(|folder| self::resolve(folder, files))
                .any(|folder| path.starts_with(folder))
        };
        if inside(&resolved) && other.as_deref().is_none_or(inside) {
            Ok(())
        } else {
            Err(self.denied("lies outside the allowed folders"))
        }
    }

    fn denied(&self, why: &'static str) -> Denied {
        let folders: Vec<_> = self.0.iter().map(|folder| format!("`{folder}`")).collect();
        Denied::path(why).hint(format!("use a plain path inside {}", folders.join(" or ")))
    }
}

/// The resolved path, if the port's answer is one: absolute and without `.` and `..`.
fn resolve(path: &str, files: &dyn Files) -> Option<PathBuf> {
    let resolved = files.resolve(path)?;
    let plain = resolved.components().all(|part| !matches!(part, Component::ParentDir | Component::CurDir));
    (resolved.is_absolute() && plain).then_some(resolved)
}

/// The path with `.` and `name/..` taken out of the text.
fn lexical(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Refuses every text that some program could take for another path.
fn check_text(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("is an empty path");
    }
    if path.len() > MAX_PATH_LEN {
        return Err("is longer than a path can be");
    }
    if path.chars().any(is_invisible) {
        return Err("has control or invisible characters");
    }
    if path.trim() != path {
        return Err("has white space around the path");
    }
    if path.contains('\\') {
        return Err("has a backslash");
    }
    if path.starts_with("//") {
        return Err("begins with two slashes");
    }
    if has_drive_or_scheme(path) {
        return Err("is a URL or has a drive letter");
    }
    if path.chars().any(is_look_alike) {
        return Err("has a character that can be mistaken for `/`, `.`, `~` or a backslash");
    }
    if has_suspicious_escape(path.as_bytes()) {
        return Err("has percent-encoded characters that can change the path");
    }
    path.split('/').try_for_each(check_component)
}

fn check_component(component: &str) -> Result<(), &'static str> {
    let bare = component.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if bare.is_empty() && !matches!(component, "" | "." | "..") {
        return Err("has a component of dots and white space");
    }
    if component.starts_with('~') {
        return Err("begins with `~`, which may stand for another folder");
    }
    if component.starts_with('$') || component.contains("${") || component.contains("$(") {
        return Err("has a `$`, which may stand for something else");
    }
    Ok(())
}

fn has_drive_or_scheme(path: &str) -> bool {
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    let lower = path.to_ascii_lowercase();
    drive || lower.contains("://") || lower.starts_with("file:") || lower.contains(":file:")
}

/// Whether normalization, or a careless eye, makes a separator, a dot or a tilde of the character.
fn is_look_alike(c: char) -> bool {
    const PLAIN: [char; 4] = ['/', '.', '~', '\\'];
    if c.is_ascii() {
        return false;
    }
    let drawn_alike = matches!(
        c,
        '\u{2044}'
            | '\u{2215}'
            | '\u{2216}'
            | '\u{2571}'
            | '\u{2572}'
            | '\u{27cb}'
            | '\u{27cd}'
            | '\u{29f5}'
            | '\u{29f8}'
            | '\u{29f9}'
            | '\u{338}'
            | '\u{337}'
            | '\u{3002}'
            | '\u{ff61}'
            | '\u{a4f8}'
            | '\u{a4fa}'
            | '\u{660}'
            | '\u{6d4}'
            | '\u{701}'
            | '\u{702}'
            | '\u{2cdc}'
            | '\u{223c}'
            | '\u{2dc}'
            | '\u{2053}'
            | '\u{301c}'
    );
    drawn_alike || std::iter::once(c).nfkc().any(|part| PLAIN.contains(&part))
}

/// Percent signs that stand for something which matters in a path: `%2e`, `%2f`, `%5c`, `%7e`, `%00`, another
/// percent sign (encoded twice), bytes beyond ASCII (overlong forms, look-alikes), and `%u002e`.
fn has_suspicious_escape(path: &[u8]) -> bool {
    path.windows(3).any(|window| match window {
        [b'%', b'u' | b'U', digit] => digit.is_ascii_hexdigit(),
        [b'%', high, low] => hex(*high).zip(hex(*low)).is_some_and(|(high, low)| {
            let byte = high * 16 + low;
            !byte.is_ascii()
                || byte.is_ascii_control()
                || matches!(byte, b'.' | b'/' | b'\\' | b'~' | b'%' | b'$' | b':')
        }),
        _ => false,
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::{Folders, lexical};
    use crate::{code::Code, ports::Files};

    /// A file system of symbolic links only; everything else is taken to exist. The working directory is
    /// `/data`.
    struct Links(&'static [(&'static str, &'static str)]);

    impl Files for Links {
        fn resolve(&self, path: &str) -> Option<PathBuf> {
            let mut done = PathBuf::from("/");
            let start = if path.starts_with('/') { String::new() } else { "/data/".to_owned() };
            let mut todo: Vec<String> = (start + path).split('/').rev().map(str::to_owned).collect();
            for _ in 0..100 {
                let Some(part) = todo.pop() else { return Some(done) };
                match part.as_str() {
                    "" | "." => {}
                    ".." => {
                        done.pop();
                    }
                    name => {
                        let next = done.join(name);
                        match self.0.iter().find(|(link, _)| next.to_str() == Some(*link)) {
                            Some((_, target)) => {
                                done = PathBuf::from("/");
                                todo.extend(target.split('/').rev().map(str::to_owned));
                            }
                            None => done = next,
                        }
                    }
                }
            }
            None
        }
    }

    const LINKS: Links = Links(&[
        ("/data/out", "/etc"),
        ("/data/in", "/data/deep/down/here"),
        ("/shared", "/data/shared"),
        ("/data/loop", "/data/loop"),
        ("/link_to_other", "/other"),
    ]);

    fn check(folders: &[&str], path: &str) -> bool {
        let folders: Vec<_> = folders.iter().map(|&folder| folder.to_owned()).collect();
        Folders::compile(&folders).unwrap().check(path, &LINKS).is_ok()
    }

    #[test]
    fn paths_inside_pass() {
        for path in [
            "/data",
            "/data/",
            "/data/x",
            "/data//x",
            "/data/./x",
            "/data/a/../b",
            "x",
            "./x",
            "a/../b",
            ".",
            "in/x",
            "/shared/x",
            "/data/.hidden",
            "/data/a..b",
            "/data/...x",
            "/data/a b.txt",
            "/data/100%",
            "/data/100%20.txt",
            "/data/x%zz",
            "/data/Größe",
            "/data/読む.txt",
            "/data/a~",
            "/data/price$5",
            "/data/a:b",
            "/data/profile:x",
            "/data/in/..",
            "/tmp/../data/x",
            "/data/½",
        ] {
            assert!(check(&["/data"], path), "{path}");
        }
        assert!(
            check(&["."], "x") && check(&["sub"], "sub/x") && !check(&["sub"], "x") && check(&["/"], "/etc")
        );
        assert!(check(&["/nowhere", "/link_to_other"], "/other/x"));
    }

    #[test]
    fn paths_outside_are_refused() {
        for path in [
            "/",
            "/etc/passwd",
            "/data2",
            "/database/x",
            "/dat",
            "/DATA/x",
            "../etc",
            "..",
            "/data/..",
            "/data/../etc",
            "/data/a/../../etc",
            "/data/./../etc",
            "out/passwd",
            "/data/out/passwd",
            "/data/out/../etc/x",
            // The text stays inside, the file does not; and the other way round.
            "/data/out/../x",
            "in/../../../x",
            "/data/loop/x",
        ] {
            assert!(!check(&["/data"], path), "{path}");
        }
    }

    #[test]
    fn tricks_are_refused_even_where_they_would_resolve_inside() {
        for path in [
            "",
            " ",
            " /data/x",
            "/data/x ",
            "/data/x\u{0}",
            "/data/x\u{0}.txt",
            "/data/\nx",
            "/data/x\r",
            "/data/\u{7f}",
            "/data/x\u{200b}",
            "/data/\u{202e}x",
            "/data/\u{feff}x",
            "/data/\u{85}x",
            "/data/%2e%2e/etc",
            "/data/%2E%2E/etc",
            "/data/.%2e/x",
            "/data/%2fetc",
            "/data/%2Fetc",
            "/data/%5cx",
            "/data/%252e%252e/x",
            "/data/%25%32%65",
            "/data/%c0%ae%c0%ae/x",
            "/data/%c0%af",
            "/data/%e0%80%af",
            "/data/%ef%bc%8f",
            "/data/%00",
            "/data/%0a",
            "/data/%7e",
            "/data/%u002e",
            "/data/%uff0e",
            "/data/%U2215",
            "/data/\u{ff0e}\u{ff0e}/x",
            "/data/\u{2024}\u{2024}/x",
            "/data/\u{2025}/x",
            "/data/\u{2026}",
            "/data\u{2215}..\u{2215}etc",
            "/data\u{2044}x",
            "/data\u{ff0f}x",
            "/data\u{29f8}x",
            "/data\u{ff3c}x",
            "/data\u{2216}x",
            "/data/\u{fe52}x",
            "/data/\u{ff61}",
            "\u{ff5e}/x",
            "\u{223c}/x",
            "/data/\u{2100}",
            "\\data\\x",
            "/data\\..\\etc",
            "..\\etc",
            "C:\\x",
            "C:/x",
            "c:x",
            "\\\\server\\share",
            "//server/share",
            "\\\\?\\C:\\x",
            "file:///data/x",
            "FILE:/data/x",
            "file:x",
            "http://x/data",
            "jar:file:/data/x",
            "~",
            "~/x",
            "~root/x",
            "/data/~/x",
            "$HOME/x",
            "/data/$HOME",
            "/data/a${HOME}",
            "/data/$(id)",
            "/data/...",
            "/data/.../x",
            "/data/.. /x",
            "/data/ ../x",
            "/data/. ./x",
            "/data/..\u{a0}/x",
        ] {
            assert!(!check(&["/data"], path), "{path:?}");
            assert!(!check(&["/"], path), "{path:?} although everything is allowed");
        }
        assert!(!check(&["/"], &format!("/{}", "a".repeat(4096))));
    }

    #[test]
    fn a_port_that_cannot_tell_refuses() {
        struct Answer(Option<&'static str>);
        impl Files for Answer {
            fn resolve(&self, path: &str) -> Option<PathBuf> {
                if path == "/data" { Some(PathBuf::from("/data")) } else { self.0.map(PathBuf::from) }
            }
        }
        let folders = Folders::compile(&["/data".to_owned()]).unwrap();
        for (answer, expected) in [
            (None, false),
            (Some(""), false),
            (Some("data/x"), false),
            (Some("/data/../etc"), false),
            (Some("/data/missing/../../etc"), false),
            (Some("/data/x"), true),
        ] {
            let denied = folders.check("/data/x", &Answer(answer)).err();
            assert_eq!(denied.is_none(), expected, "{answer:?}");
            assert!(denied.is_none_or(|denied| denied.code == Code::PathDenied));
        }
        // A folder that cannot be resolved allows nothing.
        let folders = Folders::compile(&["/gone".to_owned()]).unwrap();
        assert!(folders.check("/gone/x", &Answer(None)).is_err());
    }

    #[test]
    fn folders_are_plain_too() {
        for folder in
            ["", "~", "~/x", "$HOME", "/data/../x", "C:\\x", "file:///x", "/data/%2e", " /data", "//x"]
        {
            assert!(Folders::compile(&[folder.to_owned()]).is_err(), "{folder:?}");
        }
    }

    #[test]
    fn shortening_the_text() {
        for (path, expected) in [
            ("/a/../b", "/b"),
            ("/../../a", "/a"),
            ("a/..", "."),
            ("../a/../b", "../b"),
            ("a/../../b", "../b"),
            ("/", "/"),
            ("./a//b/", "a/b"),
        ] {
            assert_eq!(lexical(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_inside(parts in prop::collection::vec("\\.|\\.\\.|in|out|x|deep|data|etc||\\PC{1,4}", 0..8), absolute: bool) {
            let path = format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"));
            if check(&["/data"], &path) {
                prop_assert!(LINKS.resolve(&path).unwrap().starts_with("/data"));
                prop_assert!(LINKS.resolve(&lexical(&path)).unwrap().starts_with("/data"));
            }
        }
    }
}
