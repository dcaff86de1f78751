//! `cargo xtask run`: from a fresh clone to the open window, or to the same job in a terminal.

use crate::Done;
use crate::packages;
use crate::session::{self, Session};
use crate::shell::{must, npm_ci, program, target};

/// `rest` goes to the program (`--practice`).
pub fn run(rest: &[String]) -> Done {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let own_session = cfg!(target_os = "linux") && !session::there_is_one();
    let display =
        !cfg!(target_os = "linux") || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| is_set(name));

    let session_packages = if own_session { packages::SESSION } else { &[] };
    packages::install(&[packages::BUILD, session_packages])?;
    if !display {
        eprintln!(
            "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open."
        );
        eprintln!("The same job runs in the terminal instead: tieline demo.");
        must(&mut program("", &["cargo", "build", "--bin", "tieline"]))?;
        let tieline = built("tieline");
        let line = [&[tieline.as_str(), "demo"], rest.as_slice()].concat();
        if own_session {
            eprintln!("No session bus runs here: the demo gets a private one with a keyring of its own.");
            let session = Session::passing()?;
            return must(&mut session.command("", &line));
        }
        return must(&mut program("", &line));
    }

    npm_ci("ui")?;
    must(&mut program("ui", &["npm", "run", "build"]))?;
    must(&mut program("", &["cargo", "build", "--package", "tieline-desktop"]))?;
    let window = built("tieline-desktop");
    let line = [&[window.as_str()], rest.as_slice()].concat();
    if own_session {
        let home = target().join("session");
        eprintln!("No session bus runs here: the window gets a private one with a keyring of its own,");
        eprintln!("kept in {}. It is for trying out: its key is no secret.", home.display());
        let session = Session::kept(home)?;
        return must(&mut session.command("", &line));
    }
    must(&mut program("", &line))
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn built(name: &str) -> String {
    target().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)).display().to_string()
}
