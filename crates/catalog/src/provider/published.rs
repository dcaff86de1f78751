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
    /// Template of the part of the external id that names domain, tenant or site.
    pub domain: String,
    /// It has a file picker.
    pub picker: bool,
    /// It brings everything as soon as it is connected, unless told otherwise.
    pub everything_at_first: bool,
    /// It brings everything as soon as it is connected where this kind of things is named; empty: none does.
    pub at_first_where_named: String,
    /// It can be asked for changes only.
    pub increments: bool,
}
