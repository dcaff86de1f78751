//! The log: one text file in the data folder, of our own lines only. Other crates' lines may hold addresses with codes.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Mutex;

use tieline_engine::Redacted;
use tracing_subscriber::EnvFilter;

/// Bytes after which a start begins the file anew.
const LONGEST: u64 = 4 * 1024 * 1024;

const OURS: &str = "off,tieline_desktop=info,tieline_engine=info,tieline_practice=info";

/// Logs into `folder/tieline.log` from here on; without a writable folder, to stderr.
pub fn start(folder: &Path) {
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(OURS)).with_ansi(false);
    // A second subscriber is refused, which only a test could meet.
    let _ = match file(folder) {
        Ok(file) => lines.with_writer(Mutex::new(file)).try_init(),
        Err(_) => lines.with_writer(|| Redacted::new(std::io::stderr())).try_init(),
    };
}

fn file(folder: &Path) -> std::io::Result<Redacted<File>> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("tieline.log");
    let long = path.metadata().is_ok_and(|facts| facts.len() > LONGEST);
    let file = OpenOptions::new().create(true).write(true).append(!long).truncate(long).open(path)?;
    Ok(Redacted::new(file))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_long_log_begins_anew_and_a_short_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            writeln!(file(folder.path()).unwrap(), "a line").unwrap();
        }
        let path = folder.path().join("tieline.log");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a line\na line\n");
        std::fs::write(&path, vec![b'x'; LONGEST as usize + 1]).unwrap();
        writeln!(file(folder.path()).unwrap(), "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\n");
    }

    #[test]
    fn a_line_is_written_without_what_must_not_stand_in_it() {
        let folder = tempfile::tempdir().unwrap();
        writeln!(file(folder.path()).unwrap(), "came back with code=abc for anna@acme.example").unwrap();
        let text = std::fs::read_to_string(folder.path().join("tieline.log")).unwrap();
        assert_eq!(text, "came back with code=… for …\n");
    }
}
