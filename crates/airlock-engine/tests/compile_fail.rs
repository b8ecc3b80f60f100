//! Skipping a step of the data path does not compile, and fails for the right reason.
#[test]
fn the_data_path_cannot_be_skipped() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_fail/the_whole_path.rs");
    cases.compile_fail("tests/compile_fail/forge_*.rs");
    cases.compile_fail("tests/compile_fail/release_*.rs");
}
