//! Other programs: the keys they come with, whom they act for, and what they may do. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::clock::Seconds;
use crate::sync_options::SyncOptions;

/// Whoever a program works for: everything made through a key belongs to the key's organization, and no other sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// From 1; never used twice. 0 stands for the person at this computer.
    pub number: i64,
    pub name: String,
    pub made_at: Seconds,
}

/// A key, without its secret, of which only a hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub id: String,
    /// What a person calls the program.
    pub name: String,
    pub organization: i64,
    pub organization_name: String,
    pub may: May,
    pub made_at: Seconds,
    pub last_used_at: Option<Seconds>,
    pub revoked_at: Option<Seconds>,
}

/// The limits of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct May {
    /// Names of operations and of groups of them; see [`GROUPS`].
    pub operations: Vec<String>,
    pub reach: Reach,
    /// Origins of pages that may use it from a browser (`https://app.acme.example`); none: no page may.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Requests a minute in place of the usual limits; 0: as many as it likes.
    #[serde(default)]
    pub per_minute: Option<u32>,
}

/// Which connections a key reaches through our own operations. The published contracts work with everything of its
/// organization and with nothing else, so that a key that is limited to some connections has no right to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    #[default]
    All,
    /// Those that were connected through a key of its organization.
    Own,
    These(Vec<String>),
}

/// The group that holds no operations of ours.
pub const CONTRACTS: &str = "contracts";

/// Groups of operations that a key may be given: name, what it means, the operations. What stands in no group can be
/// called by the person only.
pub const GROUPS: &[(&str, &str, &[&str])] = &[
    (
        "look",
        "See services, connections and how they fare",
        &[
            "status",
            "providers",
            "provider",
            "check_form",
            "connections",
            "connection",
            "events",
            "sync_state",
            "syncs",
            "flows",
            "flow",
        ],
    ),
    ("read", "List, search and read what connections hold", &["items", "search", "read_item", "library"]),
    (
        "sync",
        "Choose what is read, and sync",
        &["pick", "start_sync", "sync_to_the_end", "pause_sync", "cancel_sync", "set_sync"],
    ),
    (
        "connect",
        "Connect accounts, test, renew, rename and disconnect them",
        &["connect", "sign_in_link", "cancel", "test", "refresh", "rename", "disconnect"],
    ),
    (CONTRACTS, "Speak the published contracts: Carbon, Versori, Aitronos, Airbyte", &[]),
    (
        "tokens",
        "Get short-lived access tokens, after you agreed to each program and connection",
        &["access_token"],
    ),
];

impl May {
    /// What a key may do where nobody said otherwise: everything but tokens.
    pub fn usual() -> Self {
        let groups = GROUPS.iter().map(|(name, ..)| (*name).to_owned());
        Self { operations: groups.filter(|name| name != "tokens").collect(), ..Self::default() }
    }

    pub fn operation(&self, name: &str) -> bool {
        self.operations.iter().any(|allowed| {
            let group = GROUPS.iter().find(|(group, ..)| group == allowed);
            group.map_or(allowed == name, |(_, _, operations)| operations.contains(&name))
        }) && GROUPS.iter().any(|(_, _, operations)| operations.contains(&name))
    }

    /// What a key may do where nobody said otherwise, within this reach.
    pub fn usual_within(reach: Reach) -> Self {
        let mut may = Self { reach, ..Self::usual() };
        let limited = may.is_limited();
        may.operations.retain(|name| !limited || name != CONTRACTS);
        may
    }

    /// Never for a key that is limited to some connections.
    pub fn contracts(&self) -> bool {
        !self.is_limited() && self.operations.iter().any(|it| it == CONTRACTS)
    }

    /// To connections that were named, and not to all of somebody.
    pub fn is_limited(&self) -> bool {
        matches!(self.reach, Reach::These(_))
    }
}

/// The end user that a program acts for, within its organization. The person at this computer is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    pub organization: i64,
    pub customer: String,
}

/// A customer as an organization knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// From 1; never used twice.
    pub number: i64,
    pub organization: i64,
    /// The organization's own name for it.
    pub id: String,
    /// Settings as the contract wrote them.
    pub settings: Map<String, Value>,
    pub made_at: Seconds,
    pub changed_at: Seconds,
}

/// A connection as the published contracts list it. It stays listed when the connection is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSource {
    /// From 1; never used twice.
    pub number: i64,
    /// The connection's id, also after it has gone.
    pub connection: String,
    pub owner: Owner,
    pub provider: String,
    /// The provider's id of the account.
    pub account: String,
    /// What a person calls the account.
    pub title: String,
    /// What the form asked for (a subdomain, a tenant), under the provider's own keys.
    pub inputs: BTreeMap<String, String>,
    pub tags: Map<String, Value>,
    pub options: SyncOptions,
    /// The last thing that was done with it, and when.
    pub action: Action,
    pub action_at: Seconds,
    pub revoked: bool,
    pub made_at: Seconds,
    pub changed_at: Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    Add,
    Update,
    Cancel,
    Revoke,
}

/// Something that a contract keeps and the engine only stores: JSON without secrets, under a kind and an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub organization: i64,
    pub kind: String,
    pub id: String,
    pub body: Value,
    pub made_at: Seconds,
    pub changed_at: Seconds,
}

/// One or several uses of a key, of one sort, within a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub key: String,
    pub at: Seconds,
    /// The operation, or method and route.
    pub what: String,
    /// The connection it was about; empty where it was about none.
    pub connection: String,
    /// HTTP status.
    pub status: u16,
    pub times: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_what_it_was_given_and_never_what_is_the_person_s() {
        let may =
            May { operations: vec!["look".into(), "search".into(), "save_app".into()], ..May::default() };
        assert!(may.operation("connections") && may.operation("search"));
        assert!(!may.operation("items") && !may.operation("save_app") && !may.contracts());
        let usual = May::usual();
        assert!(usual.operation("connect") && usual.contracts() && !usual.operation("access_token"));
        let limited = May { reach: Reach::These(vec!["a".into()]), ..usual };
        assert!(
            limited.operation("connect") && !limited.contracts(),
            "not to everything of its organization"
        );
        assert!(!May::usual_within(limited.reach).operations.iter().any(|it| it == "contracts"));
    }
}
