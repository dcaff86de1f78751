//! What the session's keyring holds, seen with another program's eyes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Every entry of practice mode over this data folder: name and secret.
pub fn entries(folder: &Path) -> BTreeMap<String, String> {
    let place = folder.canonicalize().expect("the folder is there").join("practice");
    let service = format!("app.tieline.desktop.practice@{}", place.display());
    let found = Command::new("secret-tool")
        .args(["search", "--all", "--unlock", "service", &service])
        .output()
        .expect("secret-tool of libsecret-tools is installed");
    let text = String::from_utf8(found.stdout).expect("text");
    let mut entries = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(label) = line.strip_prefix("label = Tieline: ") {
            label.clone_into(&mut name);
        } else if let Some(secret) = line.strip_prefix("secret = ") {
            entries.insert(name.clone(), secret.to_owned());
        }
    }
    entries
}

/// The names of the entries that hold somebody's tokens.
pub fn token_entries(folder: &Path) -> Vec<String> {
    entries(folder).into_keys().filter(|name| name.starts_with("connection/")).collect()
}
