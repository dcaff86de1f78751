//! `cargo xtask bench`: the figures, of release builds, as ratios of one run.

use crate::Done;
use crate::packages;
use crate::session::Session;
use crate::shell::{must, npm_ci, program, target};

/// Measurements by name ("requests", "contents", …) are made alone; without a name all are.
pub fn bench(only: &[String]) -> Done {
    packages::install(&[packages::BUILD, packages::SESSION, packages::WINDOW])?;
    npm_ci("ui")?;
    must(&mut program("ui", &["npm", "run", "build"]))?;
    // The empty window it is held against is an example beside the real one, built the same way.
    for line in [
        &["cargo", "build", "--release", "--locked", "--package", "tieline-desktop", "--bins", "--examples"]
            [..],
        &["cargo", "build", "--release", "--locked", "--package", "tieline-bench"],
    ] {
        must(&mut program("", line))?;
    }
    let measure = target().join("release/tieline-bench").display().to_string();
    let line: Vec<&str> = [measure.as_str()].into_iter().chain(only.iter().map(String::as_str)).collect();
    must(&mut Session::passing()?.command("", &line))
}
