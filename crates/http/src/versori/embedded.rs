//! What an end user sees: the integrations of their hub, what each wants to be connected, and what they activated.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};

use super::activations::{self, Activation};
use super::answer::{Answer, Fault, ok, page};
use super::call::{Call, One};
use super::connections::{self, Connection};
use super::integrations::{self, Integration, Template};
use super::users::{self, User};
use super::{given, hubs};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/hubs/{hub_id}/integrations", get(integrations::list).post(integrations::create))
        .route("/embed/{hub_id}/users/{user_id}/integrations", get(list))
        .route("/embed/{hub_id}/users/{user_id}/integrations/{integration_id}", get(one))
        .route("/embed/{hub_id}/users/{user_id}/activations", get(activated))
        .route("/connection-templates/{connection_template_id}/users/{user_id}", get(connection))
}

/// Nothing is deployed anywhere, so every integration can be activated.
pub(super) fn summary(it: &One<Integration>, is_activated: bool) -> Value {
    json!({
        "id": it.id,
        "name": it.body.name,
        "imageUrl": it.body.image_url,
        "description": it.body.description,
        "variablesSchema": it.body.variables_schema,
        "isDeployed": true,
        "isActivated": is_activated,
    })
}

/// The end user of the path. One who was not made yet sees what is there, as nobody who activated anything: the published
/// React client makes an end user only once they have chosen. An id of ours names one who was made.
fn visitor(call: &Call, hub: &str) -> Result<Option<One<User>>, Fault> {
    let may_come = call.who.user.as_deref().is_none_or(|own| own == call.place("user_id"))
        && call.asked("identifier_type").is_none_or(|kind| kind == "external");
    match users::of(call, hub) {
        Err(fault) if may_come && fault.status == axum::http::StatusCode::NOT_FOUND => Ok(None),
        found => found.map(Some),
    }
}

fn activations_of(call: &Call, user: Option<&One<User>>) -> Result<Vec<One<Activation>>, Fault> {
    let mut all = call.all::<Activation>()?;
    all.retain(|it| user.is_some_and(|user| it.body.user == user.id));
    Ok(all)
}

async fn list(call: Call) -> Answer {
    let hub = hubs::of(&call)?;
    let user = visitor(&call, &hub.id)?;
    let deployed = match call.asked("deployed") {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(Fault::field("deployed", "This is true or false.")),
    };
    let activations = activations_of(&call, user.as_ref())?;
    let is_active = |it: &One<Integration>| activations.iter().any(|known| known.body.integration == it.id);
    let mut all = call.all::<Integration>()?;
    all.retain(|it| it.body.hub == hub.id && deployed);
    let connected = all.iter().filter(|it| is_active(it)).count();
    let all = all.iter().map(|it| (it.id.clone(), summary(it, is_active(it)))).collect();
    let mut page = page(&call, "integrations", all)?;
    page["totalConnected"] = connected.into();
    Ok(ok(&page))
}

async fn one(call: Call) -> Answer {
    let hub = hubs::of(&call)?;
    let user = visitor(&call, &hub.id)?;
    let it: One<Integration> = call.get(call.place("integration_id"))?;
    if it.body.hub != hub.id {
        return Err(Fault::not_found("integration", call.place("integration_id")));
    }
    let is_active = activations_of(&call, user.as_ref())?.iter().any(|known| known.body.integration == it.id);
    let mut shown = summary(&it, is_active);
    shown["connectionTemplates"] =
        integrations::of(&call, &it.id)?.iter().map(integrations::template_shown).collect();
    Ok(ok(&shown))
}

async fn activated(call: Call) -> Answer {
    let hub = hubs::of(&call)?;
    let user = visitor(&call, &hub.id)?;
    let wanted = call.asked("integration_id").map(|id| given::ulid(id).unwrap_or_default());
    let mut all = activations_of(&call, user.as_ref())?;
    all.retain(|it| wanted.as_ref().is_none_or(|id| *id == it.body.integration));
    let all: Result<Vec<_>, Fault> =
        all.iter().map(|it| Ok((it.id.clone(), activations::shown(&call, it)?))).collect();
    Ok(ok(&page(&call, "activations", all?)?))
}

/// The connection that an end user has for a template.
async fn connection(call: Call) -> Answer {
    let template: One<Template> = call.get(call.place("connection_template_id"))?;
    let integration: One<Integration> = call.get(&template.body.integration)?;
    let user = users::of(&call, &integration.body.hub)?;
    let id = if template.body.is_primary {
        Some(user.body.primary.clone())
    } else {
        let all = activations_of(&call, Some(&user))?;
        all.into_iter().find_map(|mut it| it.body.connections.remove(&template.id))
    };
    let id = id.ok_or_else(|| {
        let words = "This end user has connected nothing for this template yet.";
        Fault::new(axum::http::StatusCode::NOT_FOUND, words)
    })?;
    Ok(ok(&connections::shown(&call, &call.get::<Connection>(&id)?)?))
}
