//! How often a customer's data sources are synced by themselves.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tieline_engine::program::DataSource;
use tieline_engine::wire::SyncState;

use super::limits::CONFIG;
use super::objects::sync_state;
use super::{Sorry, call};
use crate::Door;

/// Where nobody says how often.
const USUAL_HOURS: i64 = 24;

/// Settings by these names are the customer's, else the organization's.
pub(super) const SOURCES: &str = "auto_sync_enabled_sources";
pub(super) const INTERVAL: &str = "auto_sync_interval";
/// In place of a list of sources.
pub(super) const ALL: &str = "ALL";

/// Hours between two syncs of a provider's data sources, 0 for none; nothing where nobody ever said.
fn hours(customer: &Map<String, Value>, organization: &Map<String, Value>, provider: &str) -> Option<i64> {
    let sources = customer.get(SOURCES).or_else(|| organization.get(SOURCES)).filter(|it| !it.is_null())?;
    let enabled = match sources {
        Value::Array(sources) => sources.iter().any(|it| it == provider),
        word => word == ALL,
    };
    let interval =
        |from: &Map<String, Value>| from.get(INTERVAL).and_then(Value::as_i64).filter(|it| *it > 0);
    Some(if enabled {
        interval(customer).or_else(|| interval(organization)).unwrap_or(USUAL_HOURS)
    } else {
        0
    })
}

/// Schedules a data source as its customer and organization want it.
pub(super) async fn apply(door: &Arc<Door>, source: &DataSource) -> Result<(), Sorry> {
    let programs = door.app.programs();
    let owner = &source.owner;
    let customer = programs.customer(owner.organization, &owner.customer)?;
    let organization = programs.record(owner.organization, CONFIG.0, CONFIG.1)?;
    let organization = organization.and_then(|it| it.body.as_object().cloned()).unwrap_or_default();
    let hours = hours(&customer.map(|it| it.settings).unwrap_or_default(), &organization, &source.provider);
    let (Some(hours), false) = (hours, source.revoked) else { return Ok(()) };
    // Gone meanwhile, or so already.
    let Some(state) = sync_state(door, &source.connection).await? else { return Ok(()) };
    if i64::from(state.every_hours) != hours {
        let ask = json!({ "connection": source.connection, "every_hours": hours });
        let _set: Vec<SyncState> = call(door, "set_sync", ask).await?;
    }
    Ok(())
}

/// As [`apply`], for all data sources of an organization, or of one customer.
pub(super) async fn apply_all(
    door: &Arc<Door>,
    organization: i64,
    customer: Option<&str>,
) -> Result<(), Sorry> {
    for source in door.app.programs().data_sources(organization, customer)? {
        apply(door, &source).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_s_word_wins_and_a_day_is_usual() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let of = |customer: Value, organization: Value| hours(&map(customer), &map(organization), "BOX");
        assert_eq!(of(json!({}), json!({})), None);
        assert_eq!(of(json!({ INTERVAL: 3 }), json!({})), None);
        assert_eq!(of(json!({ SOURCES: ["BOX"] }), json!({})), Some(24));
        assert_eq!(of(json!({ SOURCES: "ALL", INTERVAL: 6 }), json!({ INTERVAL: 12 })), Some(6));
        assert_eq!(of(json!({ SOURCES: ["GMAIL"] }), json!({ SOURCES: "ALL" })), Some(0));
        assert_eq!(of(json!({ INTERVAL: -1 }), json!({ SOURCES: "ALL", INTERVAL: 12 })), Some(12));
        assert_eq!(of(json!({ SOURCES: [] }), json!({})), Some(0));
    }
}
