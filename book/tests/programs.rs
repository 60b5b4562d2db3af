//! The programs of the book say the same each time, and leave a recording.

use ayi_book::PROGRAMS;

#[test]
fn each_program_says_something_and_is_recorded() {
    for program in &PROGRAMS {
        let (said, recording) = program.run().unwrap_or_else(|error| panic!("{}: {error}", program.name));
        println!("== {}\n{said}", program.name);
        assert!(!said.is_empty() && recording.len() > 500, "{}", program.name);
    }
}
