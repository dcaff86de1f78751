//! How the program was started.

use std::path::PathBuf;

use tauri::{App, Manager};

/// The address scheme that comes back here, and the name the desktop knows the program by.
pub fn scheme() -> &'static str {
    if cfg!(debug_assertions) { "app.tieline.desktop.dev" } else { tieline_engine::SCHEME }
}

/// Arguments and surroundings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// `TIELINE_DATA`: a data folder in place of the platform's.
    pub data_folder: Option<PathBuf>,
    /// `--practice`
    pub practice: bool,
    /// Our own addresses among the arguments, where the deep-link plugin does not take them.
    pub links: Vec<String>,
}

impl Start {
    pub fn read(args: impl Iterator<Item = String>) -> Self {
        let args: Vec<String> = args.collect();
        let data_folder = std::env::var_os("TIELINE_DATA").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { data_folder, practice: args.iter().any(|arg| arg == "--practice"), links: links(&args) }
    }

    /// The data folder that the engine will use.
    pub fn folder(&self, app: &App) -> tauri::Result<PathBuf> {
        match &self.data_folder {
            Some(folder) => Ok(folder.clone()),
            None => Ok(app.path().data_dir()?.join(tieline_engine::SCHEME)),
        }
    }
}

/// Our own addresses among arguments (the program's name not among them). The deep-link plugin takes an address only
/// when it is the one argument, so that one is left to it.
pub fn links(args: &[String]) -> Vec<String> {
    if args.len() == 1 {
        return Vec::new();
    }
    let ours =
        |arg: &&String| arg.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case(scheme()));
    args.iter().filter(ours).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn an_address_between_other_arguments_is_found() {
        let address = format!("{}://integrations/box?code=1", scheme());
        assert_eq!(links(&words(&format!("--practice {address}"))), std::slice::from_ref(&address));
        assert_eq!(links(&words(&address.clone())), [""; 0], "the plugin takes it");
        assert_eq!(links(&words("--practice https://integrations/box other.scheme://x")), [""; 0]);
        assert!(Start::read(words("--practice").into_iter()).practice);
    }
}
