//! `cargo xtask test`: everything that proves the project, from a clean clone, with one summary at the end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Done;
use crate::packages;
use crate::session::{self, Session};
use crate::shell::{answers, must, npm_ci, program, target, top};
use crate::stage::{Counts, Stage, stage};

/// A stage that hangs is ended, so that the summary always comes. Seconds; the longest, a cold build on two cores, takes 600.
const LONGEST: &str = "1500";

/// Stages by name ("ui", "window", …) run alone; without a name all run.
pub fn test(only: &[String]) -> Done {
    packages::install(&[packages::BUILD, packages::SESSION, packages::WINDOW, packages::PYTHON])?;
    npm_ci("ui")?;
    npm_ci("tests")?;
    let tools = tools()?;
    let python = python()?;
    let logs = top().join("artefacts/logs");
    std::fs::create_dir_all(&logs).map_err(|why| format!("{} could not be made: {why}", logs.display()))?;

    let stages: Vec<Stage> = plan()
        .into_iter()
        .filter(|(name, ..)| only.is_empty() || only.iter().any(|wanted| wanted == name))
        .map(|part| {
            let first = play(&part, &tools, &python, &logs);
            if first.code == Some(session::KEYRING_CRASHED) {
                eprintln!("{}", session::CRASHED);
                return play(&part, &tools, &python, &logs);
            }
            first
        })
        .collect();
    summary(&stages)
}

/// One stage of the plan, in a session of its own where it needs one.
fn play(&(name, counts, session, folder, line): &Plan, tools: &str, python: &Path, logs: &Path) -> Stage {
    let line = [&["timeout", "--kill-after=20", LONGEST], line].concat();
    let session = if session { Session::passing().map(Some) } else { Ok(None) };
    let mut command = match &session {
        Ok(Some(session)) => session.command(folder, &line),
        Ok(None) => program(folder, &line),
        // `false` fails the stage, and the reason stands above it.
        Err(why) => {
            eprintln!("{why}");
            Command::new("false")
        }
    };
    command.env("PATH", format!("{tools}:{}", std::env::var("PATH").unwrap_or_default()));
    command.env("TIELINE_BUILT", target().join("debug"));
    command.env("TIELINE_PYTHON", python);
    stage(name, counts, &mut command, logs.join(format!("{name}.log")))
}

type Plan = (&'static str, Counts, bool, &'static str, &'static [&'static str]);

/// Name, how to count, whether it needs a session with a keyring, folder, line. The window's code embeds `ui/dist`,
/// so the page is built before anything of Rust.
fn plan() -> Vec<Plan> {
    // One too old for this project's configuration counts as none.
    let rust: &[&str] = if answers(&["cargo", "nextest", "show-config", "version"]) {
        &["cargo", "nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        // In one process, the end-to-end tests take turns at the product's one port.
        &["cargo", "test", "--workspace", "--no-fail-fast", "--", "--test-threads=1"]
    };
    vec![
        ("ui-types", Counts::One, false, "ui", &["npm", "run", "check"]),
        ("ui-build", Counts::One, false, "ui", &["npm", "run", "build"]),
        ("format", Counts::One, false, "", &["cargo", "fmt", "--all", "--check"]),
        (
            "lints",
            Counts::One,
            false,
            "",
            &["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        ),
        ("build", Counts::One, false, "", &["cargo", "build", "--workspace", "--bins", "--locked"]),
        ("rust", Counts::Cargo, true, "", rust),
        ("ui", Counts::Node, true, "tests", &["npm", "run", "--silent", "ui"]),
        ("published", Counts::Node, true, "tests", &["npm", "run", "--silent", "published"]),
        ("window", Counts::Node, true, "tests", &["npm", "run", "--silent", "window"]),
        ("demo", Counts::One, true, "", &["sh", "-c", "exec \"$TIELINE_BUILT/tieline\" demo"]),
    ]
}

/// `tauri-driver` is a program of cargo, kept inside the target folder. Answers the folder for `PATH`.
fn tools() -> Done<String> {
    let root = target().join("tools");
    if !root.join("bin/tauri-driver").exists() {
        let root = root.display().to_string();
        must(&mut program(
            "",
            &["cargo", "install", "tauri-driver", "--version", "^2", "--locked", "--root", &root],
        ))?;
    }
    Ok(root.join("bin").display().to_string())
}

/// The published clients of Python live in an environment of their own, made anew when their list changes. Answers its
/// Python.
fn python() -> Done<PathBuf> {
    let list = top().join("tests/published/requirements.txt");
    let home = target().join("tools/python");
    let (installed, python) = (home.join("requirements.txt"), home.join("bin/python"));
    let wanted = std::fs::read(&list).map_err(|why| format!("{}: {why}", list.display()))?;
    if std::fs::read(&installed).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    let [home, pip, from] = [home, python.clone(), list].map(|path| path.display().to_string());
    must(&mut program("", &["python3", "-m", "venv", "--clear", &home]))?;
    must(&mut program(
        "",
        &[&pip, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &from],
    ))?;
    std::fs::write(&installed, wanted).map_err(|why| format!("{}: {why}", installed.display()))?;
    Ok(python)
}

fn summary(stages: &[Stage]) -> Done {
    let passed: u32 = stages.iter().map(|stage| stage.tally.passed).sum();
    let failed: u32 = stages.iter().map(|stage| stage.tally.failed).sum();
    let mut text = String::from("\n");
    for Stage { name, tally, took, .. } in stages {
        let mark = if tally.failed == 0 { "✓" } else { "✗" };
        text += &format!(
            "{mark} {name:<10} {:>5} passed {:>4} failed {:>10}\n",
            tally.passed,
            tally.failed,
            time(*took)
        );
    }
    text += &format!("\n{passed} passed, {failed} failed\n");
    std::io::stdout().write_all(text.as_bytes()).map_err(|why| why.to_string())?;
    match (passed, failed) {
        (0, 0) => Err("No stage has that name.".into()),
        (_, 0) => Ok(()),
        _ => Err(format!("What each stage said is in {}.", top().join("artefacts/logs").display())),
    }
}

fn time(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", took.as_secs_f32())
    }
}
