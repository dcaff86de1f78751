//! `cargo xtask bundle`: the packages that people install. On Debian and Ubuntu deb and rpm; elsewhere what the system
//! calls for.

use crate::Done;
use crate::packages;
use crate::shell::{must, npm_ci, program, target};

pub fn bundle() -> Done {
    packages::install(&[packages::BUILD, packages::BUNDLE])?;
    npm_ci("ui")?;
    // Tauri's command line builds the page as well (`beforeBuildCommand`). It finds `src-tauri` from the top folder.
    let kinds: &[&str] = if cfg!(target_os = "linux") {
        &["--bundles", "deb,rpm"]
    } else if cfg!(target_os = "windows") {
        &["--bundles", "nsis"]
    } else {
        &["--bundles", "dmg"]
    };
    // The packages bring the command line as well.
    must(&mut program("", &["cargo", "build", "--release", "--locked", "--bin", "tieline"]))?;
    // Not in `ui`'s lock file: some registries lack its packages for other systems, and `npm ci` then refuses them all.
    let tool = ["npm", "exec", "--yes", "--package=@tauri-apps/cli@2.12.5", "--", "tauri", "build"];
    let line = [&tool, kinds].concat();
    must(&mut program("", &line))?;
    eprintln!("The packages are in {}.", target().join("release/bundle").display());
    Ok(())
}
