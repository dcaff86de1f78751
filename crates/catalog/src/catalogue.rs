//! All providers: those built in, and those an organisation adds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check;
use crate::provider::Provider;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// The providers that come with Tieline: file name and text.
        pub const BUILT_IN: &[(&str, &str)] = &[
            $((concat!($name, ".toml"), include_str!(concat!("../../../catalog/", $name, ".toml")))),*
        ];
    };
}

built_in![
    "box",
    "confluence",
    "dropbox",
    "gmail",
    "gong",
    "google_cloud_storage",
    "google_drive",
    "intercom",
    "notion",
    "onedrive",
    "outlook",
    "salesforce",
    "servicenow",
    "sharepoint",
    "slack",
    "zendesk",
    "zotero",
];

/// A file that could not be read as a provider: where and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub file: String,
    pub says: String,
}

#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    providers: BTreeMap<String, Arc<Provider>>,
}

impl Catalogue {
    /// The built-in providers. A mistake in one of them is a mistake in this build.
    pub fn built_in() -> (Self, Vec<Mistake>) {
        Self::read(BUILT_IN.iter().copied())
    }

    /// Reads provider files. A broken file is reported and left out; the others stay usable.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> (Self, Vec<Mistake>) {
        let mut catalogue = Self::default();
        let mut mistakes = Vec::new();
        for (file, text) in files {
            match Self::parse(text) {
                Ok(provider) => {
                    if catalogue.add(provider).is_some() {
                        mistakes
                            .push(Mistake { file: file.into(), says: "another file has the same id".into() });
                    }
                }
                Err(says) => mistakes.push(Mistake { file: file.into(), says }),
            }
        }
        (catalogue, mistakes)
    }

    /// Reads one provider. The error names line and key.
    pub fn parse(text: &str) -> Result<Provider, String> {
        let provider: Provider = toml::from_str(text).map_err(|error| error.to_string())?;
        match check::problems(&provider).as_slice() {
            [] => Ok(provider),
            problems => Err(problems.join("; ")),
        }
    }

    /// Adds a provider; gives back the one that had its id.
    pub fn add(&mut self, provider: impl Into<Arc<Provider>>) -> Option<Arc<Provider>> {
        let provider = provider.into();
        self.providers.insert(provider.id.clone(), provider)
    }

    pub fn remove(&mut self, id: &str) -> Option<Arc<Provider>> {
        self.providers.remove(id)
    }

    /// Finds a provider by id or slug, ignoring case, with `-` and `_` alike.
    pub fn get(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.get(&name.trim().to_ascii_uppercase().replace(['-', ' '], "_"))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.values()
    }
}
