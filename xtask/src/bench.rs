//! `cargo xtask bench`: the figures, of release builds, as ratios of one run.

use crate::Done;
use crate::packages;
use crate::session::Session;
use crate::shell::{must, npm_ci, program, target};

pub fn bench() -> Done {
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
    must(&mut Session::passing()?.command("", &[&measure]))
}
