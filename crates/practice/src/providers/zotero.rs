//! Zotero.

use crate::providers::{Host, Provider, Registered};

pub static ZOTERO: Provider = Provider {
    id: "ZOTERO",
    name: "Zotero",
    apps: &[Registered::new("practicezoteroclient", Some("practice-zotero-secret"))],
    hosts: &[Host::new("www.zotero.org", &[]), Host::new("api.zotero.org", &[])],
    ..Provider::USUAL
};
