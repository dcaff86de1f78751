//! What this contract's links to pages of ours are for: each for one sign-in or one connection.

use serde_json::{Map, Value};
use tieline_engine::SyncOptions;
use tieline_engine::program::Owner;

pub(super) use crate::links::{hex, random};

pub(super) type Links = crate::links::Links<Link>;

/// What a link was made for.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub owner: Owner,
    pub provider: String,
    /// The sign-in it leads back from.
    pub flow: Option<String>,
    /// The data source it is about, once there is one.
    pub source: Option<i64>,
    pub options: SyncOptions,
    pub data_source_tags: Map<String, Value>,
}

impl Link {
    pub fn new(
        owner: Owner,
        provider: &str,
        options: SyncOptions,
        data_source_tags: Map<String, Value>,
    ) -> Self {
        Self { owner, provider: provider.to_owned(), flow: None, source: None, options, data_source_tags }
    }
}

impl Links {
    pub fn name_of_flow(&self, flow: &str) -> Option<String> {
        self.name_of(|link| link.flow.as_deref() == Some(flow))
    }
}
