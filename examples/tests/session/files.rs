//! The files: what lies in the folder is read, and nothing else, however it is named.

use std::{fs, path::Path};

use serde_json::json;

use crate::harness::{Session, folder, outcomes, shipped};

const SERVER: &str = env!("CARGO_BIN_EXE_files");

/// A folder to share, with a file in it, and a secret beside it.
fn fill(folder: &Path) {
    fs::create_dir_all(folder.join("shared/letters")).unwrap();
    fs::write(folder.join("shared/hello.txt"), "Hello. Mail to zoe@example.org.").unwrap();
    fs::write(folder.join("secret.txt"), "the secret").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink("hello.txt", folder.join("shared/link_inside")).unwrap();
        symlink("../secret.txt", folder.join("shared/link_out")).unwrap();
        symlink("..", folder.join("shared/up")).unwrap();
    }
}

#[tokio::test]
async fn the_folder_is_the_limit() {
    let folder = folder();
    fill(folder.path());
    let absolute = |path: &str| folder.path().join(path).display().to_string();
    let (inside, outside) = (absolute("shared/hello.txt"), absolute("secret.txt"));
    let session = Session::start(folder, SERVER, &[], &shipped("files.toml")).await;

    let mut read = vec!["shared/hello.txt", "shared/letters/../hello.txt", &inside];
    let mut refused = vec![
        "secret.txt",
        "shared/../secret.txt",
        "shared/letters/../../secret.txt",
        &outside,
        "/etc/passwd",
        "~/secret.txt",
        "shared/%2e%2e/secret.txt",
        "shared\\..\\secret.txt",
        "",
    ];
    if cfg!(unix) {
        read.push("shared/link_inside");
        refused.extend(["shared/link_out", "shared/up/secret.txt"]);
    }
    let mut expected = Vec::new();
    for path in read {
        let answer = session.call("read_file", json!({"path": path})).await;
        assert_eq!(answer.text(), "Hello. Mail to z***@example.org.", "{path}");
        expected.push("read_file allowed -");
    }
    for path in refused {
        let answer = session.call("read_file", json!({"path": path})).await;
        assert_eq!(answer.refused().as_deref(), Some("path_denied"), "{path}");
        expected.push("read_file blocked path_denied");
    }
    let (records, _) = session.end().await;
    assert_eq!(outcomes(&records), expected);
}

#[tokio::test]
async fn folders_are_listed_within_the_same_limit() {
    let folder = folder();
    fill(folder.path());
    let session = Session::start(folder, SERVER, &[], &shipped("files.toml")).await;
    let listed = session.call("list_folder", json!({"path": "shared"})).await;
    assert!(listed.text().starts_with("hello.txt\nletters/"), "{}", listed.text());
    for path in [".", "..", "/", "shared/.."] {
        let refused = session.call("list_folder", json!({"path": path})).await;
        assert_eq!(refused.refused().as_deref(), Some("path_denied"), "{path}");
    }
    // What is not there is the tool's own business.
    let missing = session.call("read_file", json!({"path": "shared/none.txt"})).await;
    assert!(missing.is_error && missing.refused().is_none(), "{missing:?}");
    let (records, _) = session.end().await;
    let mut expected = vec!["list_folder allowed -"];
    expected.extend(["list_folder blocked path_denied"; 4]);
    expected.push("read_file failed -");
    assert_eq!(outcomes(&records), expected);
}
