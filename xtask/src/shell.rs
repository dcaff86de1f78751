//! Starting other programs from the project's top folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Done;

/// The project's top folder.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top().join("target"), |dir| top().join(dir))
}

/// A program with its arguments, to be run in `folder` below the top.
pub fn program(folder: &str, line: &[&str]) -> Command {
    let mut command = Command::new(line.first().copied().unwrap_or_default());
    command.args(line.iter().skip(1)).current_dir(top().join(folder));
    command
}

/// Runs to the end; anything but success is an error that names the program.
pub fn must(command: &mut Command) -> Done {
    let name = command.get_program().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    eprintln!("── {name} {}", words.join(" "));
    let status = command.status().map_err(|why| format!("{name} could not be started: {why}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} {} ended with {status}.", words.join(" "))) }
}

/// The program is there and says yes.
pub fn answers(line: &[&str]) -> bool {
    let mut command = program("", line);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// `npm ci`, unless what is installed is the lock file's.
pub fn npm_ci(folder: &str) -> Done {
    let changed =
        |path: &str| top().join(folder).join(path).metadata().and_then(|facts| facts.modified()).ok();
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_some() && installed >= changed("package-lock.json") {
        return Ok(());
    }
    must(&mut program(folder, &["npm", "ci", "--no-audit", "--no-fund"]))
        .map_err(|why| format!("{why} Tieline's window needs Node 20 or newer with npm."))
}
