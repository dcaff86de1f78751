//! A connection that a program asked for is listed for it, and kept in sync as it said.

use tieline_catalog::Provider;

use crate::connection::Connection;
use crate::error::Result;
use crate::flows::connect::ForProgram;
use crate::flows::sync;
use crate::program::{Action, DataSource, Owner};
use crate::world::World;

/// Hours between syncs where a customer's settings name none.
const USUALLY: u32 = 24;

/// The connection that an account had before it was revoked: what was kept of it is its again.
pub(super) fn returning(
    world: &World,
    owner: &Owner,
    provider: &str,
    account: &str,
) -> Result<Option<String>> {
    if owner.organization == 0 || account.is_empty() {
        return Ok(None);
    }
    let before = world.store.revoked_data_source(owner, provider, account)?;
    let Some(before) = before else { return Ok(None) };
    let is_there = world.store.connection(&before.connection)?.is_some();
    Ok((!is_there).then_some(before.connection))
}

/// Lists a connection, or lists it anew, and begins what the program wants to happen at once.
pub(super) fn publish(
    world: &World,
    provider: &Provider,
    it: &Connection,
    program: &ForProgram,
    reconnected: bool,
) -> Result<()> {
    if it.owner.organization == 0 {
        return Ok(());
    }
    let now = world.now();
    world.store.customer_made(it.owner.organization, &it.owner.customer, now)?;
    let known = world.store.data_source_of(&it.id)?;
    let mut tags = known.as_ref().map(|known| known.tags.clone()).unwrap_or_default();
    tags.extend(program.tags.clone());
    world.store.publish(&DataSource {
        number: 0,
        connection: it.id.clone(),
        owner: it.owner.clone(),
        provider: it.provider.clone(),
        account: it.account_id.clone(),
        title: it.title(),
        inputs: it.inputs.clone(),
        tags,
        options: program.options.clone(),
        action: if reconnected { Action::Update } else { Action::Add },
        action_at: now,
        revoked: false,
        made_at: known.map_or(now, |known| known.made_at),
        changed_at: now,
    })?;
    if provider.source.is_some() {
        let facts = &provider.published;
        let asked =
            program.options.everything_at_first(facts.everything_at_first, &facts.at_first_where_named);
        let before = world.library.sync(&it.id)?;
        let scheduled = hours(world, &it.owner, &it.provider)?;
        let hours = scheduled.unwrap_or_else(|| before.as_ref().map_or(0, |before| before.every_hours));
        let begins = asked || program.options.sync_source_items;
        let next_at = match (begins, hours) {
            (true, _) => Some(now),
            (false, 0) => None,
            (false, hours) => Some(now + i64::from(hours) * 3600),
        };
        // A sign-in asks for more; it takes nothing back that an earlier one asked for.
        let everything = asked || before.is_some_and(|before| before.everything);
        world.library.set_sync(&it.id, everything, hours, next_at)?;
        if asked {
            sync::cover(world, &it.id)?;
        }
        world.due.notify_one();
    }
    Ok(())
}

/// Hours between syncs that a customer's settings name for a provider: `auto_sync_enabled_sources` and
/// `auto_sync_interval` of the published API. 0: none by itself; nothing where they do not say.
fn hours(world: &World, owner: &Owner, provider: &str) -> Result<Option<u32>> {
    let Some(customer) = world.store.customer(owner.organization, &owner.customer)? else { return Ok(None) };
    let on = match customer.settings.get("auto_sync_enabled_sources") {
        Some(serde_json::Value::String(all)) => all == "ALL",
        Some(serde_json::Value::Array(some)) => some.iter().any(|it| it == provider),
        _ => return Ok(None),
    };
    let interval = customer.settings.get("auto_sync_interval").and_then(serde_json::Value::as_u64);
    let hours = interval.and_then(|hours| u32::try_from(hours).ok()).filter(|hours| *hours > 0);
    Ok(Some(if on { hours.unwrap_or(USUALLY) } else { 0 }))
}
