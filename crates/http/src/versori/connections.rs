//! Connections of end users to connectors. One with an authorization code becomes a connection of the engine, to a service
//! that stands in no catalogue; any other is kept as it comes, with its secrets in the keyring.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tieline_engine::program::Owner;

use super::answer::{self, Answer, Fault, created, ok, page};
use super::call::{Call, Kept, One, new_id};
use super::credentials::{self, Credential, Typed};
use super::exchange::{self, Code, Service};
use super::given::{self, Given};
use super::integrations::Template;
use super::schemes::{self, Scheme};
use super::{hubs, users};
use crate::Door;

#[derive(Serialize, Deserialize)]
pub(super) struct Connection {
    pub hub: String,
    pub user: String,
    pub connector: String,
    /// Unique among the connector's.
    pub name: String,
    action: Vec<Part>,
    trigger: Vec<Part>,
    variables: Value,
}

/// A credential, and how it is used.
#[derive(Serialize, Deserialize)]
pub(super) struct Part {
    id: String,
    scheme: Value,
    pub credential: String,
}

impl Connection {
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.action.iter().chain(&self.trigger)
    }
}

impl Kept for Connection {
    const KIND: &'static str = "versori/connection";
    const NAME: &'static str = "connection";
}

/// Where a connection is made, and for whom.
pub(super) struct Place {
    pub hub: String,
    pub user: String,
    pub owner: Owner,
    pub connector: String,
    pub connector_name: String,
}

/// A connection as it was asked for.
#[derive(Default)]
pub(super) struct Wanted {
    /// Where it stands in the body.
    at: String,
    name: String,
    action: Vec<WantedPart>,
    trigger: Vec<WantedPart>,
    variables: Value,
}

struct WantedPart {
    /// Path of the credential.
    at: String,
    name: String,
    scheme: Scheme,
    proof: Proof,
}

enum Proof {
    /// One that is kept already.
    Known(String),
    Typed(Typed),
    Code(Box<Code>),
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/hubs/{hub_id}/users/{user_id}/connections", get(list).post(create))
}

/// Reads `{name, credentials: {action, trigger}, variables}`.
pub(super) fn read(given: &Given<'_>) -> Wanted {
    let mut wanted = Wanted { at: given.path("name"), name: given.text("name"), ..Wanted::default() };
    let variables = given.objects("variables");
    for variable in &variables {
        variable.text("name");
    }
    wanted.variables = given.get("variables").cloned().unwrap_or_else(|| json!([]));
    if let Some(credentials) = given.object("credentials") {
        wanted.action = credentials.objects("action").iter().filter_map(part).collect();
        wanted.trigger = credentials.objects("trigger").iter().filter_map(part).collect();
    }
    wanted
}

fn part(given: &Given<'_>) -> Option<WantedPart> {
    let scheme = given.object("authSchemeConfig").map(|given| schemes::read(&given));
    let credential = given.object("credential")?;
    let scheme = scheme?;
    let at = given.path("credential");
    let name = credential.maybe("name").unwrap_or_default();
    let kind = credential.maybe("type").unwrap_or_default();
    let proof = if kind == "oauth2-code" {
        let data = credential.object("data")?;
        let by_code = scheme.oauth2.as_ref().is_some_and(|it| it.grant == "authorization_code");
        if !by_code {
            credential
                .wrong("type", "A code needs a scheme of the type oauth2 whose grant is authorization_code.");
        }
        Proof::Code(Box::new(exchange::read(&data)))
    } else if kind.is_empty() && credential.has("id") {
        Proof::Known(credential.ulid("id"))
    } else {
        Proof::Typed(credentials::read(&credential))
    };
    Some(WantedPart { at, name, scheme, proof })
}

fn name_is_free(call: &Call, connector: &str, wanted: (&str, &str)) -> Result<(), Fault> {
    let (at, name) = wanted;
    let taken = |it: &One<Connection>| it.body.connector == connector && it.body.name == name;
    if call.all::<Connection>()?.iter().any(taken) {
        let mut fault = Fault::conflict(format!("The connector has a connection called {name} already."));
        fault.fields.push((at.to_owned(), "Choose another name.".into()));
        return Err(fault);
    }
    Ok(())
}

/// Makes a connection, all of it or nothing.
pub(super) async fn make(call: &Call, place: &Place, wanted: Wanted) -> Result<One<Connection>, Fault> {
    let name = wanted.name.clone();
    name_is_free(call, &place.connector, (&wanted.at, &name))?;
    let actions = wanted.action.len();
    let mut made: Vec<Made> = Vec::new();
    let mut failed = None;
    for part in wanted.action.into_iter().chain(wanted.trigger) {
        match make_part(call, place, &name, part).await {
            Ok(part) => made.push(part),
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    let fault = {
        let _alone = call.shared.writing.lock().await;
        match failed.or_else(|| name_is_free(call, &place.connector, (&wanted.at, &name)).err()) {
            Some(fault) => fault,
            None => {
                let mut action: Vec<Part> = made.into_iter().map(|made| made.part).collect();
                let trigger = action.split_off(actions);
                let connection = Connection {
                    hub: place.hub.clone(),
                    user: place.user.clone(),
                    connector: place.connector.clone(),
                    name,
                    action,
                    trigger,
                    variables: wanted.variables,
                };
                return call.keep(&new_id(), &connection);
            }
        }
    };
    for it in &made {
        take_back(call, it).await?;
    }
    Err(fault)
}

/// A part, with the credentials that were made for it.
struct Made {
    part: Part,
    credentials: Vec<String>,
}

async fn take_back(call: &Call, made: &Made) -> Result<(), Fault> {
    for id in &made.credentials {
        if let Some(credential) = call.find::<Credential>(id)? {
            end(call, &credential).await?;
        }
    }
    Ok(())
}

async fn make_part(call: &Call, place: &Place, name: &str, wanted: WantedPart) -> Result<Made, Fault> {
    let WantedPart { at, name: its_name, mut scheme, proof } = wanted;
    let its_name = if its_name.is_empty() { name.to_owned() } else { its_name };
    let mut made = Made {
        part: Part { id: new_id(), scheme: Value::Null, credential: String::new() },
        credentials: schemes::keep_client(call, &mut scheme, &its_name).await?.into_iter().collect(),
    };
    let credential = match proof {
        Proof::Known(id) => call.get::<Credential>(&id).map(|it| it.id),
        Proof::Typed(typed) => credentials::create(call, typed).await.map(|it| it.id),
        Proof::Code(code) => {
            exchange::exchange(call, place, &scheme, &at, *code, (its_name, name)).await.map(|it| it.id)
        }
    };
    match credential {
        Ok(credential) => {
            made.credentials.push(credential.clone());
            made.part.scheme = scheme.config;
            made.part.credential = credential;
            Ok(made)
        }
        Err(fault) => {
            take_back(call, &made).await?;
            Err(fault)
        }
    }
}

/// Deletes a connection with its credentials. An account that was signed in to is disconnected, unless another connection
/// is to the same account.
pub(super) async fn unmake(call: &Call, it: &One<Connection>) -> Result<(), Fault> {
    let mut others = call.all::<Connection>()?;
    others.retain(|other| other.id != it.id);
    for part in it.body.parts() {
        let used =
            others.iter().any(|other| other.body.parts().any(|used| used.credential == part.credential));
        let Some(credential) = call.find::<Credential>(&part.credential)?.filter(|_| !used) else { continue };
        end(call, &credential).await?;
    }
    call.forget::<Connection>(&it.id)
}

async fn end(call: &Call, credential: &One<Credential>) -> Result<(), Fault> {
    let mut others = call.all::<Credential>()?;
    others.retain(|other| other.id != credential.id);
    let Credential { connection, service, .. } = &credential.body;
    if let Some(connection) = connection
        && !others.iter().any(|it| it.body.connection.as_ref() == Some(connection))
    {
        match call.door.app.call("disconnect", json!({ "id": connection })).await {
            Err(failure) if failure.code != tieline_engine::Code::NotFound.as_str() => {
                return Err(failure.into());
            }
            _ => {}
        }
    }
    credentials::drop_one(call, credential).await?;
    if let Some(service) = service
        && !others.iter().any(|it| it.body.service.as_ref() == Some(service))
    {
        call.programs().forget_embedded(call.who.organization, service).await?;
        call.forget::<Service>(service)?;
    }
    Ok(())
}

pub(super) fn shown(call: &Call, it: &One<Connection>) -> Result<Value, Fault> {
    let parts = |parts: &[Part]| -> Result<Value, Fault> {
        let shown = parts.iter().map(|part| {
            let credential = call.get::<Credential>(&part.credential)?;
            Ok(json!({
                "id": part.id,
                "authSchemeConfig": part.scheme,
                "credential": credentials::shown(call, &credential)?,
            }))
        });
        shown.collect::<Result<Vec<Value>, Fault>>().map(Value::Array)
    };
    let mut credentials = json!({ "action": parts(&it.body.action)? });
    if !it.body.trigger.is_empty() {
        credentials["trigger"] = parts(&it.body.trigger)?;
    }
    let mut shown = summary(it);
    shown["credentials"] = credentials;
    shown["variables"] = it.body.variables.clone();
    Ok(shown)
}

fn summary(it: &One<Connection>) -> Value {
    json!({
        "id": it.id,
        "name": it.body.name,
        "createdAt": answer::date(it.made_at),
        "updatedAt": answer::date(it.changed_at),
    })
}

async fn list(call: Call) -> Answer {
    let hub = hubs::of(&call)?;
    let user = users::of(&call, &hub.id)?;
    let connectors: Option<Vec<String>> = call.asked("hub_connector_id").map(|all| {
        all.split(',').map(|it| it.trim().to_ascii_uppercase()).filter(|it| !it.is_empty()).collect()
    });
    let fits = |it: &One<Connection>| {
        it.body.user == user.id && connectors.as_ref().is_none_or(|all| all.contains(&it.body.connector))
    };
    let all = call.all::<Connection>()?;
    let all = all.iter().filter(|it| fits(it)).map(|it| (it.id.clone(), summary(it))).collect();
    Ok(ok(&page(&call, "connections", all)?))
}

async fn create(call: Call) -> Answer {
    let hub = hubs::open(&call)?;
    let user = users::of(&call, &hub.id)?;
    let (connector, wanted) = given::read(&call.body, |given| {
        (given.ulid("connectorId"), given.object("connection").map(|given| read(&given)))
    })?;
    let owner = user.owner(call.who.organization);
    let wanted = wanted.unwrap_or_default();
    let connector_name = connector_name(&call, &connector, &wanted)?;
    let place = Place { hub: hub.id, user: user.id, owner, connector, connector_name };
    let made = make(&call, &place, wanted).await?;
    Ok(created(&shown(&call, &made)?))
}

/// What a person would call the connector: the name of a template of it, what its scheme says, or where one signs in.
fn connector_name(call: &Call, connector: &str, wanted: &Wanted) -> Result<String, Fault> {
    if let Some(template) = call.all::<Template>()?.into_iter().find(|it| it.body.connector == connector) {
        return Ok(template.body.name);
    }
    let scheme =
        wanted.action.iter().chain(&wanted.trigger).map(|part| &part.scheme).find(|it| it.oauth2.is_some());
    let host = scheme.and_then(|it| it.oauth2.as_ref()).and_then(|it| url::Url::parse(&it.token_url).ok());
    let host = host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "A service".into());
    Ok(scheme.map_or(host.clone(), |scheme| hubs::connector_name(&scheme.config, &host)))
}
