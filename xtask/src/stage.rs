//! One stage of the test run: a program, its time, and how many of its tests passed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How a stage's own words tell what passed.
#[derive(Clone, Copy)]
pub enum Counts {
    /// The stage is one check: it passed if its program succeeded.
    One,
    /// `Summary [ 3.2s] 12 tests run: 11 passed, 1 failed` of nextest, `test result: ok. 5 passed; 0 failed` of cargo.
    Cargo,
    /// `ℹ pass 5`, `ℹ fail 0`, `ℹ cancelled 0` of `node --test`.
    Node,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
}

pub struct Stage {
    pub name: String,
    pub tally: Tally,
    /// What its program ended with, if by itself.
    pub code: Option<i32>,
    pub took: Duration,
}

/// Runs a stage to its end, shows what it says and keeps it in `log`. A program that fails without naming a failed
/// test, or that names no test at all, counts as one failure.
pub fn stage(name: &str, counts: Counts, command: &mut Command, log: PathBuf) -> Stage {
    eprintln!("\n━━ {name}");
    let began = Instant::now();
    let (code, said) = match watch(command, log) {
        Ok(end) => end,
        Err(why) => {
            eprintln!("{name} could not be run: {why}");
            (None, Vec::new())
        }
    };
    let good = code == Some(0);
    let mut tally = count(counts, &said);
    if matches!(counts, Counts::One) {
        tally = Tally { passed: u32::from(good), failed: u32::from(!good) };
    } else if tally.failed == 0 && (!good || tally.passed == 0) {
        tally.failed = 1;
    }
    Stage { name: name.to_owned(), tally, code, took: began.elapsed() }
}

fn watch(command: &mut Command, log: PathBuf) -> std::io::Result<(Option<i32>, Vec<String>)> {
    let log = Arc::new(Mutex::new((File::create(log)?, Vec::new())));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let readers = [
        child.stdout.take().map(|pipe| copy(pipe, log.clone())),
        child.stderr.take().map(|pipe| copy(pipe, log.clone())),
    ];
    let status = child.wait()?;
    for reader in readers.into_iter().flatten() {
        // A reader that failed has shown less, which the counts then tell.
        let _ = reader.join();
    }
    let said = log.lock().map(|mut kept| std::mem::take(&mut kept.1)).unwrap_or_default();
    Ok((status.code(), said))
}

type Log = Arc<Mutex<(File, Vec<String>)>>;

fn copy(pipe: impl Read + Send + 'static, log: Log) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Some(Ok(line)) = lines.next() {
            let line = String::from_utf8_lossy(&line).into_owned();
            eprintln!("{line}");
            if let Ok(mut kept) = log.lock() {
                let _ = writeln!(kept.0, "{line}");
                kept.1.push(line);
            }
        }
    })
}

fn count(counts: Counts, said: &[String]) -> Tally {
    let mut tally = Tally::default();
    for line in said.iter().map(|line| bare(line)) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match counts {
            Counts::One => {}
            Counts::Cargo
                if line.trim_start().starts_with("Summary [") || line.starts_with("test result:") =>
            {
                for pair in words.windows(2) {
                    let (Ok(number), word) = (pair[0].parse::<u32>(), pair[1]) else { continue };
                    if word.starts_with("passed") {
                        tally.passed += number;
                    } else if word.starts_with("failed")
                        || word.starts_with("timed")
                        || word.starts_with("exec")
                    {
                        tally.failed += number;
                    }
                }
            }
            Counts::Cargo => {}
            Counts::Node => {
                if let ["ℹ", word, number] = words[..] {
                    let number = number.parse::<u32>().unwrap_or(0);
                    match word {
                        "pass" => tally.passed += number,
                        "fail" | "cancelled" | "skipped" | "todo" => tally.failed += number,
                        _ => {}
                    }
                }
            }
        }
    }
    tally
}

/// Without the colours.
fn bare(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line.chars();
    while let Some(letter) = rest.next() {
        if letter == '\u{1b}' {
            rest.by_ref().find(|end| end.is_ascii_alphabetic());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn nextest_and_cargo_summaries_are_added_up() {
        let said = lines(
            "\u{1b}[32m     Summary\u{1b}[0m [   3.2s] 14 tests run: 11 passed (1 slow), 2 failed, 1 timed out, 0 skipped\n\
             test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured\n\
             a test that says 7 passed by itself",
        );
        assert_eq!(count(Counts::Cargo, &said), Tally { passed: 16, failed: 3 });
    }

    #[test]
    fn a_skipped_node_test_is_a_failure() {
        let said = lines("ℹ tests 6\nℹ pass 4\nℹ fail 1\nℹ cancelled 0\nℹ skipped 1\nℹ duration_ms 12.5");
        assert_eq!(count(Counts::Node, &said), Tally { passed: 4, failed: 2 });
    }

    #[test]
    fn a_program_that_says_nothing_or_cannot_start_counts_as_failed() {
        let log = std::env::temp_dir().join(format!("tieline-xtask-{}.log", std::process::id()));
        let silent = stage("silent", Counts::Cargo, &mut Command::new("true"), log.clone());
        assert_eq!(silent.tally, Tally { passed: 0, failed: 1 });
        let absent = stage("absent", Counts::One, &mut Command::new("/no/such/program"), log.clone());
        assert_eq!(absent.tally, Tally { passed: 0, failed: 1 });
        let _ = std::fs::remove_file(log);
    }
}
