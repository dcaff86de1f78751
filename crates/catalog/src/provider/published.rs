//! How the published connect API speaks of a provider.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Names and facts of the published connect API (contract 1), where they are not the usual ones.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Published {
    /// The last part of the callback's path; empty: the id in lower case.
    pub callback: String,
    /// Its own fields, each with the input it fills.
    pub inputs: BTreeMap<String, String>,
    /// Template over the inputs of the part of the external id that names the account; empty: the account's own name.
    pub title: String,
    /// What customers are told to enable in an app of their own, where it is less than is usually asked for.
    pub scopes: Vec<String>,
    /// Template of the part of the external id that names domain, tenant or site.
    pub domain: String,
    /// End of an input that it leaves out there: `.atlassian.net`.
    pub domain_end: String,
    /// It has a file picker.
    pub picker: bool,
    /// Whether it brings everything as soon as it is connected.
    pub everything_at_first: AtFirst,
    /// It does where this kind of things is named, too; empty: none does.
    pub at_first_where_named: String,
    /// A program chooses which kinds of things are read of it: articles, tickets, conversations, what is attached to them.
    pub kinds_are_chosen: bool,
    /// It can be asked for changes only.
    pub increments: bool,
}

/// Whether everything is brought as soon as an account is connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtFirst {
    #[default]
    Never,
    /// Where `sync_files_on_connection` is not false.
    UnlessTold,
    /// That field is not heeded.
    Always,
}

impl AtFirst {
    pub fn is_brought(self, sync_files_on_connection: bool) -> bool {
        match self {
            Self::Never => false,
            Self::UnlessTold => sync_files_on_connection,
            Self::Always => true,
        }
    }
}
