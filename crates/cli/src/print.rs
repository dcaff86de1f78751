//! The one place that writes: data to stdout, talk to stderr.

use std::process::ExitCode;

use serde::Serialize;
use tieline_engine::Code;
use tieline_engine::wire::Failure;

use crate::Everywhere;

pub const EXIT_CODES: &str = "Exit codes: 0 done · 1 unexpected · 2 bad input · 3 not found or not set up · 4 somebody \
has to act · 5 the service or the network, time mends it · 6 keyring locked or missing · 7 data folder · 8 cancelled, \
refused or timed out";

/// Writes a line of data. A reader that has gone (`| head`) is no fault of ours.
pub fn line(text: &str) {
    use std::io::Write;
    let _reader_has_gone = writeln!(std::io::stdout().lock(), "{text}");
}

pub fn json(value: &impl Serialize) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

pub fn talk(text: &str) {
    eprintln!("{text}");
}

/// Columns as wide as their widest cell; the last one is left ragged.
pub fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.into_iter().map(|cell| shown(&cell)).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([heads[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let print = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(&heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>());
    rows.iter().for_each(|row| print(row));
}

/// Text of a provider, made safe for a terminal: no control characters can move its cursor.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What is wrong with the words of the command line itself, as JSON too where that was asked for; help and version are
/// no failures.
pub fn not_understood(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
        let words = error.render().to_string();
        let words = words.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
        json(&serde_json::json!({ "error": Failure {
            code: "bad_input".into(),
            message: words.split_whitespace().collect::<Vec<_>>().join(" "),
            hint: "Look at: tieline --help".into(),
            field: None,
        } }));
    }
    let _nobody_reads = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Says what failed and picks the exit code.
pub fn failed(all: &Everywhere, failure: &Failure) -> ExitCode {
    if all.json {
        json(&serde_json::json!({ "error": failure }));
    }
    if let Some(field) = &failure.field {
        eprint!("{field}: ");
    }
    eprintln!("{}", shown(&failure.message));
    if !failure.hint.is_empty() {
        eprintln!("{}", shown(&failure.hint));
    }
    ExitCode::from(match Code::from_name(&failure.code) {
        Code::Internal => 1,
        Code::BadInput => 2,
        Code::NotFound | Code::NotSetUp => 3,
        Code::NeedsYou | Code::Conflict => 4,
        Code::Temporary | Code::Busy | Code::TooMany => 5,
        Code::KeyringLocked | Code::KeyringAbsent => 6,
        Code::Storage => 7,
        Code::Cancelled | Code::TimedOut | Code::Refused => 8,
    })
}
