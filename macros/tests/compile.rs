//! What the attributes accept (`pass/`) and how they answer mistakes (`ui/`).
//!
//! Each mistake in `ui/` gives exactly one error. After a change of the texts, write them again with
//! `TRYBUILD=overwrite cargo test -p ayi-macros --test compile`, and read them.

#[test]
fn programs() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/ui/*.rs");
}
