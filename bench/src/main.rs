//! The project's figures. Times of one computer say little, so each is held against a floor measured in the same run:
//! bare requests to the same endpoint, and an empty window built the same way.
//!
//! Needs a session bus with an unlocked keyring; the window's figures need Xvfb and both programs built. What cannot be
//! measured is said, with the reason, and left out.

mod burden;
mod callback;
mod contents;
mod refreshes;
mod requests;
mod stage;
mod window;

use std::io::{BufRead, Write};
use std::process::ExitCode;

/// One line of the table.
pub struct Figure {
    pub what: String,
    pub tieline: String,
    pub floor: String,
    pub ratio: Option<f64>,
    /// The ratio to stay below.
    pub aim: Option<f64>,
}

/// What a measurement ends with; the text says why there is none.
pub type Measured<T> = Result<T, String>;

fn main() -> ExitCode {
    tieline_engine::extract_if_asked();
    tokio::runtime::Runtime::new().map_or(ExitCode::FAILURE, |runtime| runtime.block_on(measure()))
}

async fn measure() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("practise") {
        return practise().await;
    }
    let only: Vec<String> = std::env::args().skip(1).collect();
    let mut figures = Vec::new();
    let mut all_measured = true;
    for what in ["refreshes", "callback", "contents", "requests", "window", "package"] {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == what) {
            continue;
        }
        let measured = match what {
            "refreshes" => refreshes::measure().await,
            "callback" => callback::measure().await,
            "contents" => contents::measure().await,
            "requests" => requests::measure().await,
            "window" => window::measure().await,
            _ => window::package(),
        };
        match measured {
            Ok(more) => figures.extend(more),
            Err(why) => {
                all_measured = false;
                eprintln!("{what}: not measured. {why}");
            }
        }
    }
    match print(&figures) {
        Ok(()) if all_measured => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The practice providers in a process of their own, so that their work is not counted as the product's. They end with
/// standard input.
async fn practise() -> ExitCode {
    let Ok(practice) = tieline_practice::start(tieline_practice::Options::default()).await else {
        return ExitCode::FAILURE;
    };
    let said = writeln!(std::io::stdout(), "{}", practice.control());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().last());
    let _ended = ended.await;
    if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(figures: &[Figure]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<52} {:>16} {:>16} {:>7} {:>7}", "", "Tieline", "floor", "ratio", "aim")?;
    for it in figures {
        let number = |number: Option<f64>| number.map(|it| format!("{it:.2}")).unwrap_or_default();
        let (ratio, aim) = (number(it.ratio), number(it.aim));
        writeln!(out, "{:<52} {:>16} {:>16} {ratio:>7} {aim:>7}", it.what, it.tieline, it.floor)?;
    }
    Ok(())
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
