//! Hubs: places in a program where its end users connect accounts.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, Fault, created, nothing, ok, page};
use super::call::{Call, Kept, One, new_id};
use super::{given, schemes};
use crate::Door;

#[derive(Serialize, Deserialize)]
pub(super) struct Hub {
    pub name: String,
    /// The connector that every end user connects first, and how.
    pub connector: String,
    pub scheme: Value,
    pub is_default: bool,
    /// Deleted: its users and what they activated stay.
    pub gone: bool,
}

impl Kept for Hub {
    const KIND: &'static str = "versori/hub";
    const NAME: &'static str = "hub";
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/o/{organisation_id}/hubs", get(list))
        .route("/hubs", post(create))
        .route("/hubs/{hub_id}", get(one).patch(change).delete(forget))
}

/// The hub of the path, also a deleted one: what is in it can be read on.
pub(super) fn of(call: &Call) -> Result<One<Hub>, Fault> {
    call.get(call.place("hub_id"))
}

/// The hub of the path, where something is to be made in it.
pub(super) fn open(call: &Call) -> Result<One<Hub>, Fault> {
    let hub = of(call)?;
    if hub.body.gone { Err(Fault::not_found(Hub::NAME, &hub.id)) } else { Ok(hub) }
}

/// What a connector is called: nothing but its scheme tells.
pub(super) fn connector_name(scheme: &Value, otherwise: &str) -> String {
    let described = scheme.get("description").and_then(Value::as_str).unwrap_or_default().trim();
    if described.is_empty() { otherwise.to_owned() } else { described.to_owned() }
}

fn shown(hub: &One<Hub>) -> Value {
    let Hub { name, connector, scheme, is_default, .. } = &hub.body;
    json!({
        "id": hub.id,
        "name": name,
        "primaryConnector": {
            "connectorId": connector,
            "name": connector_name(scheme, name),
            "imageUrl": "",
            "variables": [],
            "authSchemeConfig": scheme,
        },
        "isDefault": is_default,
    })
}

async fn list(call: Call) -> Answer {
    call.own_organisation()?;
    let hubs = call.all::<Hub>()?;
    let hubs = hubs.iter().filter(|hub| !hub.body.gone).map(|hub| (hub.id.clone(), shown(hub))).collect();
    Ok(ok(&page(&call, "hubs", hubs)?))
}

async fn create(call: Call) -> Answer {
    call.organisation_only()?;
    let (organisation, name, connector, scheme) = given::read(&call.body, |given| {
        let scheme = given.object("authSchemeConfig").map(|given| schemes::read(&given));
        (given.ulid("organisationId"), given.text("name"), given.ulid("primaryConnectorId"), scheme)
    })?;
    if organisation != call.who.id {
        return Err(Fault::not_found("organisation", &organisation));
    }
    let mut scheme = scheme.unwrap_or_default();
    schemes::keep_client(&call, &mut scheme, &name, None).await?;
    let _alone = call.shared.writing.lock().await;
    let is_default = !call.all::<Hub>()?.iter().any(|hub| hub.body.is_default && !hub.body.gone);
    let hub = Hub { name, connector, scheme: scheme.config, is_default, gone: false };
    Ok(created(&shown(&call.keep(&new_id(), &hub)?)))
}

async fn one(call: Call) -> Answer {
    Ok(ok(&shown(&open(&call)?)))
}

async fn change(call: Call) -> Answer {
    call.organisation_only()?;
    let (name, is_default) = given::read(&call.body, |given| {
        (given.has("name").then(|| given.text("name")), given.flag("isDefault"))
    })?;
    let _alone = call.shared.writing.lock().await;
    let mut hub = open(&call)?;
    if let Some(name) = name {
        hub.body.name = name;
    }
    if let Some(is_default) = is_default {
        if is_default {
            for mut other in call.all::<Hub>()? {
                if other.body.is_default && other.id != hub.id {
                    other.body.is_default = false;
                    call.keep(&other.id, &other.body)?;
                }
            }
        }
        hub.body.is_default = is_default;
    }
    Ok(ok(&shown(&call.keep(&hub.id, &hub.body)?)))
}

async fn forget(call: Call) -> Answer {
    call.organisation_only()?;
    let _alone = call.shared.writing.lock().await;
    let mut hub = open(&call)?;
    (hub.body.gone, hub.body.is_default) = (true, false);
    call.keep(&hub.id, &hub.body)?;
    Ok(nothing())
}
