//! The real ports pass the suites that the fakes pass.

use airlock_host::{AuditFile, HostFiles, SystemClock};

#[test]
fn the_clock_keeps_its_contract() {
    airlock_testkit::clock_contract(&SystemClock::new());
}

#[test]
fn files_keep_their_contract() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    std::fs::write(folder.join("file"), "").unwrap();
    airlock_testkit::files_contract(&HostFiles::new(&folder), &folder);
}

#[test]
fn the_audit_file_keeps_its_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    airlock_testkit::audit_sink_contract(&AuditFile::open(&path).unwrap());
    assert_eq!(std::fs::read_to_string(path).unwrap(), "{\"tool\":\"contract\"}\n");
}
