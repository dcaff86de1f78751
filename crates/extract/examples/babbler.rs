//! A program that is no worker and prints for ever, for the tests.

use std::io::Write;

fn main() {
    while writeln!(std::io::stdout(), "This is not an answer.").is_ok() {}
}
