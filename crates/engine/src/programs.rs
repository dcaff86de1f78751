//! The engine's door for other programs: whose key it is, whom it acts for, what was published to it.
//!
//! The published contracts are adapters over this and over [`App::call`]; nothing here knows any of their words.

mod connecting;
mod contents;
pub mod embedded;
mod keys;

use serde_json::{Map, Value};

use crate::app::App;
use crate::clock::Seconds;
use crate::error::{Error, Result};
use crate::program::{Action, Customer, DataSource, Organization, Record};
use crate::secret::Secret;
use crate::world::World;

pub use crate::library::{Content, Contents, Mark, Order, Read as FileState, TagTest, Tagging};
pub use connecting::{Adopting, Connecting, OwnApp, PublishedProvider};
pub(crate) use keys::{add_key, key_row};

/// Cheap to clone.
#[derive(Clone)]
pub struct Programs {
    app: App,
}

impl App {
    pub fn programs(&self) -> Programs {
        Programs { app: self.clone() }
    }
}

impl Programs {
    fn world(&self) -> std::sync::Arc<World> {
        self.app.world()
    }

    /// Seconds since 1970 by the engine's clock.
    pub fn now(&self) -> Seconds {
        self.world().now()
    }

    pub fn organization(&self, number: i64) -> Result<Option<Organization>> {
        self.world().store.organization(number)
    }

    // ── Customers ──────────────────────────────────────────────────────────────────────────────────────

    pub fn customer(&self, organization: i64, id: &str) -> Result<Option<Customer>> {
        self.world().store.customer(organization, id)
    }

    /// Makes it where there is none.
    pub fn customer_made(&self, organization: i64, id: &str) -> Result<Customer> {
        let world = self.world();
        world.store.customer_made(organization, id, world.now())
    }

    /// The oldest first.
    pub fn customers(&self, organization: i64) -> Result<Vec<Customer>> {
        self.world().store.customers(organization)
    }

    /// Replaces its settings. `auto_sync_enabled_sources` (`"ALL"` or a list of providers) and `auto_sync_interval`
    /// (hours) are obeyed when an account is connected for it; the rest is the contract's own.
    pub fn set_customer(
        &self,
        organization: i64,
        id: &str,
        settings: Map<String, Value>,
    ) -> Result<Customer> {
        let world = self.world();
        world.store.set_customer(organization, id, &settings, world.now())
    }

    pub fn forget_customer(&self, organization: i64, id: &str) -> Result<bool> {
        self.world().store.forget_customer(organization, id)
    }

    // ── Data sources ───────────────────────────────────────────────────────────────────────────────────

    /// Those of an organization, or of one customer of it, the oldest first.
    pub fn data_sources(&self, organization: i64, customer: Option<&str>) -> Result<Vec<DataSource>> {
        self.world().store.data_sources(organization, customer)
    }

    /// Whoever it belongs to: the caller compares the owner.
    pub fn data_source(&self, number: i64) -> Result<Option<DataSource>> {
        self.world().store.data_source(number)
    }

    pub fn data_source_of(&self, connection: &str) -> Result<Option<DataSource>> {
        self.world().store.data_source_of(connection)
    }

    /// Changes title, tags, options, action or whether it is revoked.
    pub fn change_data_source(
        &self,
        number: i64,
        change: impl FnOnce(&mut DataSource),
    ) -> Result<DataSource> {
        let world = self.world();
        let changed = world.store.change_data_source(number, world.now(), change)?;
        changed.ok_or_else(|| Error::not_found("data source", &number.to_string()))
    }

    /// Notes what was just done with it.
    pub fn acted(&self, number: i64, action: Action) -> Result<DataSource> {
        let now = self.now();
        self.change_data_source(number, |it| {
            it.action = action;
            it.action_at = now;
            it.revoked = it.revoked || action == Action::Revoke;
        })
    }

    pub fn forget_data_source(&self, number: i64) -> Result<()> {
        self.world().store.forget_data_source(number)
    }

    // ── What a contract keeps ──────────────────────────────────────────────────────────────────────────

    pub fn record(&self, organization: i64, kind: &str, id: &str) -> Result<Option<Record>> {
        self.world().store.record(organization, kind, id)
    }

    /// The oldest first.
    pub fn records(&self, organization: i64, kind: &str) -> Result<Vec<Record>> {
        self.world().store.records(Some(organization), kind)
    }

    pub fn records_of_all(&self, kind: &str) -> Result<Vec<Record>> {
        self.world().store.records(None, kind)
    }

    pub fn save_record(&self, organization: i64, kind: &str, id: &str, body: &Value) -> Result<Record> {
        let world = self.world();
        world.store.save_record(organization, kind, id, body, world.now())
    }

    /// Saves a record where it still is as it was `before`; none: where there is none. False: another was faster.
    pub fn swap_record(
        &self,
        organization: i64,
        kind: &str,
        id: &str,
        before: Option<&Value>,
        body: &Value,
    ) -> Result<bool> {
        let world = self.world();
        world.store.swap_record((organization, kind, id), before, body, world.now())
    }

    pub fn forget_record(&self, organization: i64, kind: &str, id: &str) -> Result<bool> {
        self.world().store.forget_record(organization, kind, id)
    }

    /// From 1 up, each once.
    pub fn next_number(&self, organization: i64, kind: &str) -> Result<i64> {
        self.world().store.next_number(organization, kind)
    }

    /// Keeps a secret of a contract in the keyring; the record that names it is the contract's.
    pub async fn keep_secret(&self, organization: i64, name: &str, secret: &Secret) -> Result<()> {
        self.world().vault.set(&entry(organization, name), secret).await
    }

    pub async fn secret(&self, organization: i64, name: &str) -> Result<Option<Secret>> {
        self.world().vault.get(&entry(organization, name)).await
    }

    pub async fn forget_secret(&self, organization: i64, name: &str) -> Result<()> {
        self.world().vault.delete(&entry(organization, name)).await
    }
}

fn entry(organization: i64, name: &str) -> String {
    format!("program/{organization}/{name}")
}
