//! Where providers are practised, and as which app: what the practice providers tell the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

/// A documented host pattern and the loopback origin that stands in for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `api.box.com`, or `*.zendesk.com` where `*` is one or more labels.
    pub host: String,
    /// `http://127.0.0.1:<port>/`.
    pub origin: Url,
}

/// An OAuth app as an administrator of a made-up organisation would have registered it. Where a provider has several,
/// the most usual comes first. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PracticeApp {
    /// `ZENDESK`.
    pub provider: String,
    pub client_id: String,
    pub client_secret: Option<String>,
    /// Believable values for what the provider's form asks for.
    pub inputs: BTreeMap<String, String>,
}

/// Everything that practice mode needs to know of running practice providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practised {
    pub routes: Vec<Route>,
    pub apps: Vec<PracticeApp>,
    /// The page on which a person switches their faults.
    pub control: Url,
}
