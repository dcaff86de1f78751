//! Activations: an end user has connected what an integration wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Fault, nothing, ok};
use super::call::{Call, Kept, One, new_id};
use super::connections::{self, Connection, Place, Wanted};
use super::embedded;
use super::given::{self, Given};
use super::integrations::{self, Integration, Template};
use super::users::{self, User};
use crate::Door;

#[derive(Serialize, Deserialize)]
pub(super) struct Activation {
    pub user: String,
    pub hub: String,
    pub integration: String,
    /// By connection template.
    pub connections: BTreeMap<String, String>,
    pub variables: Map<String, Value>,
}

impl Kept for Activation {
    const KIND: &'static str = "versori/activation";
    const NAME: &'static str = "activation";
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/activations", post(create))
        .route("/activations/{activation_id}", get(one).delete(forget))
        .route("/activations/{activation_id}/variables", put(set_variables))
}

pub(super) fn shown(call: &Call, it: &One<Activation>) -> Result<Value, Fault> {
    Ok(json!({
        "id": it.id,
        "hubId": it.body.hub,
        "user": users::shown(call, &call.get::<User>(&it.body.user)?)?,
        "integration": embedded::summary(&call.get(&it.body.integration)?, true),
    }))
}

/// The one of the path; an end user's own token finds nobody else's.
fn named(call: &Call) -> Result<One<Activation>, Fault> {
    let id = call.place("activation_id");
    let it: One<Activation> = call.get(id)?;
    users::allowed(call, call.get(&it.body.user)?).map_err(|_| Fault::not_found(Activation::NAME, id))?;
    Ok(it)
}

/// A connection for a template: one that is there, or one to be made.
struct Bound {
    /// Path in the body.
    at: String,
    template: String,
    by: By,
}

enum By {
    Known(String),
    New(Box<Wanted>),
}

impl By {
    fn known(&self) -> Option<String> {
        match self {
            Self::Known(id) => Some(id.clone()),
            Self::New(_) => None,
        }
    }
}

fn bound(given: &Given<'_>) -> Bound {
    let by = match given.maybe_ulid("connectionId") {
        Some(id) => By::Known(id),
        None => By::New(Box::new(connections::read(given))),
    };
    Bound { at: given.path(""), template: given.ulid("templateId"), by }
}

async fn create(call: Call) -> Answer {
    let (named, integration, wanted, variables) = given::read(&call.body, |given| {
        if !given.has("connections") {
            given.wrong("connections", "This is needed; it may be empty.");
        }
        let variables = given.object_or_none("dynamicVariables").map(|given| given.whole());
        let wanted: Vec<Bound> = given.objects("connections").iter().map(bound).collect();
        (given.text("userId"), given.ulid("integrationId"), wanted, variables.unwrap_or_default())
    })?;
    let integration: One<Integration> = call.get(&integration)?;
    let hub = integration.body.hub.clone();
    let user = users::named(&call, &hub, &named)?.ok_or_else(|| Fault::not_found(User::NAME, &named))?;
    not_yet(&call, &user, &integration)?;
    let templates = integrations::of(&call, &integration.id)?;
    let mut chosen: Vec<(&One<Template>, Bound)> = Vec::new();
    for wanted in wanted {
        let at = format!("{}templateId", wanted.at);
        let template = templates.iter().find(|it| it.id == wanted.template);
        let template = template.ok_or_else(|| Fault::field(&at, "The integration has no such template."))?;
        if chosen.iter().any(|(known, _)| known.id == template.id) {
            return Err(Fault::field(at, "This template is there twice."));
        }
        chosen.push((template, wanted));
    }
    let missing = templates.iter().filter(|it| it.body.is_used && !it.body.is_primary);
    let missing: Vec<(String, String)> = missing
        .filter(|it| !chosen.iter().any(|(known, _)| known.id == it.id))
        .map(|it| ("connections".into(), format!("{} ({}) has to be connected too.", it.body.name, it.id)))
        .collect();
    if !missing.is_empty() {
        return Err(Fault::fields(missing));
    }
    let (mut bound, mut made) = (BTreeMap::new(), Vec::new());
    let mut in_use: Vec<String> = chosen.iter().filter_map(|(_, wanted)| wanted.by.known()).collect();
    let mut failed = None;
    for (template, wanted) in chosen {
        match resolve(&call, &user, template, wanted, &in_use).await {
            Ok((connection, is_new)) => {
                in_use.push(connection.id.clone());
                bound.insert(template.id.clone(), connection.id.clone());
                if is_new {
                    made.push(connection);
                }
            }
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    let fault = {
        let _alone = call.shared.writing.lock().await;
        let ready = || not_yet(&call, &user, &integration).and_then(|()| still_there(&call, &bound));
        match failed.or_else(|| ready().err()) {
            Some(fault) => fault,
            None => {
                let activation = Activation {
                    user: user.id,
                    hub,
                    integration: integration.id,
                    connections: bound,
                    variables,
                };
                return Ok(ok(&shown(&call, &call.keep(&new_id(), &activation)?)?));
            }
        }
    };
    for it in &made {
        connections::unmake(&call, it).await?;
    }
    Err(fault)
}

fn not_yet(call: &Call, user: &One<User>, integration: &One<Integration>) -> Result<(), Fault> {
    let is = |it: &One<Activation>| it.body.user == user.id && it.body.integration == integration.id;
    if call.all::<Activation>()?.iter().any(is) {
        return Err(Fault::conflict(
            "This end user has activated this integration already. Delete that activation first.",
        ));
    }
    Ok(())
}

/// Another activation of this moment may have put its own connection in the place of one of these.
fn still_there(call: &Call, bound: &BTreeMap<String, String>) -> Result<(), Fault> {
    for id in bound.values() {
        if call.find::<Connection>(id)?.is_none() {
            let words = "A connection of the same name was made for this end user at the same moment. Activate again.";
            return Err(Fault::conflict(words));
        }
    }
    Ok(())
}

/// The connection, and whether it was made just now. The published React client names one after the integration each time
/// it is activated, so a new one takes the place of what an earlier activation left; not of what is `in_use` here.
async fn resolve(
    call: &Call,
    user: &One<User>,
    template: &One<Template>,
    wanted: Bound,
    in_use: &[String],
) -> Result<(One<Connection>, bool), Fault> {
    let connector = template.body.connector.clone();
    match wanted.by {
        By::Known(id) => {
            let known = call.find::<Connection>(&id)?;
            let known = known.filter(|it| it.body.user == user.id && it.body.connector == connector);
            let at = format!("{}connectionId", wanted.at);
            let words = "This end user has no such connection to the template's connector.";
            known.map(|known| (known, false)).ok_or_else(|| Fault::field(at, words))
        }
        By::New(new) => {
            let place = Place {
                hub: user.body.hub.clone(),
                user: user.id.clone(),
                owner: user.owner(call.who.organization),
                connector,
                connector_name: template.body.name.clone(),
                connector_at: Some(format!("{}templateId", wanted.at)),
                replaces_unless: Some(in_use.to_vec()),
            };
            Ok((connections::make(call, &place, *new).await?, true))
        }
    }
}

async fn one(call: Call) -> Answer {
    Ok(ok(&shown(&call, &named(&call)?)?))
}

/// The connections stay: they are the end user's.
async fn forget(call: Call) -> Answer {
    let it = named(&call)?;
    call.forget::<Activation>(&it.id)?;
    Ok(nothing())
}

async fn set_variables(call: Call) -> Answer {
    let mut it = named(&call)?;
    let variables = given::read(&call.body, |given| {
        given.object_or_none("dynamicVariables").map(|given| given.whole()).unwrap_or_default()
    })?;
    it.body.variables = variables;
    let it = call.keep(&it.id, &it.body)?;
    Ok(ok(&json!({ "dynamicVariables": it.body.variables })))
}
