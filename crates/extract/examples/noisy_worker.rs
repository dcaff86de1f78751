//! A worker in which something prints to stdout all the time, for the tests.

use std::io::Write;
use std::time::Duration;

fn main() {
    std::thread::spawn(|| {
        loop {
            if writeln!(std::io::stdout(), "unknown glyph name 'a42'").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    tieline_extract::serve_if_asked();
}
