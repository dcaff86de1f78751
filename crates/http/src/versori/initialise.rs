//! The beginning of a sign-in: the address to send the end user's browser to.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use serde_json::json;
use tieline_engine::embedded::{Bound, Embedding};

use super::answer::{Answer, Fault, ok};
use super::call::Call;
use super::{given, hubs, page};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/embed/{hub_id}/connector/{connector_id}/oauth2/initialise", post(in_a_hub))
        // The newer spelling, and that of the connectors' own API.
        .route("/o/{organisation_id}/systems/{system_id}/oauth2/initialise", post(of_a_system))
        .route("/o/{organisation_id}/connectors/{system_id}/oauth2/initialise", post(of_a_system))
}

/// The engine's names of fields, and this contract's.
const FIELDS: [(&str, &str); 6] = [
    ("authorize_url", "authorizeUrl"),
    ("client_id", "clientId"),
    ("scopes", "scopes"),
    ("prompt", "prompt"),
    ("additional", "additionalParams"),
    ("redirect", "redirectUrl"),
];

async fn in_a_hub(call: Call) -> Answer {
    let hub = hubs::open(&call)?;
    begin(&call, Some(hub.id), "connector_id")
}

async fn of_a_system(call: Call) -> Answer {
    call.own_organisation()?;
    begin(&call, None, "system_id")
}

/// The credential is not looked at before the code comes: an unknown one, or one of somebody else, fails then.
fn begin(call: &Call, hub: Option<String>, connector: &str) -> Answer {
    let service = given::ulid(call.place(connector))
        .ok_or_else(|| Fault::field(connector, "This is no ULID: 26 letters and digits."))?;
    let asked = given::read(&call.body, |given| {
        let credential = given.object("credential").map(|credential| {
            credential.ulid("organisationId");
            credential.ulid("id")
        });
        let redirect = given.maybe("redirectUrl").filter(|text| !text.is_empty());
        Embedding {
            bound: Bound {
                organization: call.who.organization,
                place: hub,
                service,
                credential: credential.unwrap_or_default(),
                client_id: given.written("clientId"),
                redirect: redirect.unwrap_or_else(|| page::address(&call.origin)),
            },
            authorize_url: given.written("authorizeUrl"),
            scopes: given.texts("scopes"),
            prompt: given.maybe("prompt"),
            offline_access: !given.flag("disableOfflineAccess").unwrap_or_default(),
            additional: given.maybe("additionalParams").unwrap_or_default(),
        }
    })?;
    let here = |field: &str| {
        FIELDS.iter().find(|(engine, _)| *engine == field).map(|(_, contract)| (*contract).to_owned())
    };
    let programs = call.programs();
    let begun = programs.begin_embedded(&asked).map_err(|error| Fault::at(error, here))?;
    let url = begun.url.to_string();
    call.shared.sign_ins.put(begun, programs.now());
    Ok(ok(&json!({ "url": url })))
}
