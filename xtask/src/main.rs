//! `cargo xtask run | test | types | bundle | bench | session`. Standard library only, so that it builds in seconds.

mod bench;
mod bundle;
mod packages;
mod run;
mod session;
mod shell;
mod stage;
mod test;

use std::process::ExitCode;

const USE: &str =
    "cargo xtask run [--practice]  build and open the window (in a terminal: the same job as a demo)
cargo xtask test             everything that proves the project, with one summary at the end
cargo xtask types            the page's types anew, after an operation changed
cargo xtask bundle           deb and rpm into target/release/bundle
cargo xtask bench            the figures, as ratios of one run
cargo xtask session LINE…    a program in a desktop session of its own, with an unlocked keyring";

/// Writes the UI's types anew, where the engine's operations have changed.
fn types() -> Done {
    let line = ["cargo", "test", "--quiet", "-p", "tieline-engine", "--test", "bindings"];
    shell::must(shell::program("", &line).env("TIELINE_WRITE_TYPES", "1"))
}

/// What a chore ends with; the text is for the person who started it.
type Done<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let chore = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    let done = match chore.as_str() {
        "session" => session::session(&rest),
        other => chore_of(other, &rest).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|why| {
        eprintln!("{why}");
        ExitCode::FAILURE
    })
}

fn chore_of(name: &str, rest: &[String]) -> Done {
    match name {
        "run" => run::run(rest),
        "test" => test::test(rest),
        "bundle" => bundle::bundle(),
        "bench" => bench::bench(rest),
        "types" => types(),
        "help" | "--help" | "-h" => {
            eprintln!("{USE}");
            Ok(())
        }
        other => Err(format!("There is no chore \"{other}\". These there are:\n{USE}")),
    }
}
