//! The organization that a key belongs to: what it has, and what holds for all its customers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::body::{At, Body, FromBody, fields, object};
use super::limits::CONFIG;
use super::objects::instant;
use super::users::Settings;
use super::webhooks::{About, tell};
use super::{Answer, ByKey, answer, schedule, statistics, success};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/organization", get(organization))
        .route("/organization/update", post(update))
        .route("/organization/statistics", post(aggregate))
}

/// Its sums are those of this moment.
async fn organization(State(door): State<Arc<Door>>, by: ByKey) -> Answer {
    let programs = door.app.programs();
    let number = by.organization();
    let known = programs.organization(number)?;
    let config = programs.record(number, CONFIG.0, CONFIG.1)?;
    // The person at this computer has no organization, and may look as if it were one.
    let (name, made_at) = known.map_or_else(|| (String::new(), 0), |it| (it.name, it.made_at));
    let changed_at = config.as_ref().map_or(made_at, |it| it.changed_at);
    let now = instant(programs.now());
    let shown = json!({
        "id": number,
        "name": name,
        "nickname": null,
        "remove_branding": false,
        "custom_branding": null,
        "custom_limits": {},
        "global_user_config": config.map_or_else(|| json!({}), |it| it.body),
        "connector_settings": {},
        "file_sync_usage": {},
        "logging_settings": {},
        "period_ends_at": null,
        "cancel_at_period_end": null,
        "file_statistics_aggregated_at": now,
        "created_at": instant(made_at),
        "updated_at": instant(changed_at),
    });
    let mut shown = shown.as_object().cloned().unwrap_or_default();
    shown.extend(statistics::of(&door, programs.data_sources(number, None)?).await?.aggregates());
    answer(shown.into())
}

/// Where settings by source are kept as they were sent. None of them is about anything that is done here.
const BY_SOURCE: (&str, &str) = ("carbon.organization", "data_source_configs");

struct Update {
    settings: Option<Settings>,
    by_source: Map<String, Value>,
}

impl FromBody for Update {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            settings: it.maybe("global_user_config", fields(Settings::read)),
            by_source: it.maybe("data_source_configs", object).unwrap_or_default(),
        })(body, at)
    }
}

async fn update(State(door): State<Arc<Door>>, by: ByKey, Body(ask): Body<Update>) -> Answer {
    let programs = door.app.programs();
    if !ask.by_source.is_empty() {
        let known = programs.record(by.organization(), BY_SOURCE.0, BY_SOURCE.1)?;
        let mut configs = known.and_then(|it| it.body.as_object().cloned()).unwrap_or_default();
        configs.extend(ask.by_source);
        programs.save_record(by.organization(), BY_SOURCE.0, BY_SOURCE.1, &configs.into())?;
    }
    if let Some(settings) = ask.settings {
        let known = programs.record(by.organization(), CONFIG.0, CONFIG.1)?;
        let mut config = known.and_then(|it| it.body.as_object().cloned()).unwrap_or_default();
        settings.write(&mut config);
        config.extend(settings.limits().clone());
        programs.save_record(by.organization(), CONFIG.0, CONFIG.1, &config.into())?;
        schedule::apply_all(&door, by.organization(), None).await?;
    }
    success()
}

/// The sums are made whenever they are asked for; whoever waits for them is told that they are there.
async fn aggregate(State(door): State<Arc<Door>>, by: ByKey) -> Answer {
    let about = About::Organization(by.organization());
    tell(&door, by.organization(), "", "FILE_STATISTICS_AGGREGATED", &about, None);
    success()
}
