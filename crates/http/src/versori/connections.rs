//! Connections of end users to connectors. One with an authorization code becomes a connection of the engine, to a service
//! that stands in no catalogue; any other is kept as it comes, with its secrets in the keyring.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tieline_engine::program::Owner;

use super::activations::Activation;
use super::answer::{self, Answer, Fault, created, ok, page};
use super::call::{Call, Kept, One, new_id};
use super::credentials::{self, Credential, Typed};
use super::exchange::{self, Code, Service};
use super::given::{self, Given};
use super::hubs;
use super::integrations::Template;
use super::schemes::{self, Client, Scheme};
use super::users::{self, User};
use crate::Door;

#[derive(Serialize, Deserialize)]
pub(super) struct Connection {
    pub hub: String,
    pub user: String,
    pub connector: String,
    /// Unique among the end user's to the connector. The published React client calls every end user's by the name of
    /// the integration.
    pub name: String,
    action: Vec<Part>,
    trigger: Vec<Part>,
    variables: Value,
}

/// A credential, and how it is used.
#[derive(Clone, Serialize, Deserialize)]
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
    /// Where the body says which connector; none where it does not.
    pub connector_at: Option<String>,
    /// What is made takes the place of the end user's connection of the same name, where nothing uses that: neither their
    /// primary connection, nor an activation, nor any of these ids. None: a name that is taken is an error.
    pub replaces_unless: Option<Vec<String>>,
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

/// The connection that makes room for one of this name; an error where it cannot.
fn replaced(call: &Call, place: &Place, at: &str, name: &str) -> Result<Option<One<Connection>>, Fault> {
    let has = |it: &One<Connection>| {
        it.body.user == place.user && it.body.connector == place.connector && it.body.name == name
    };
    let Some(known) = call.all::<Connection>()?.into_iter().find(has) else { return Ok(None) };
    if let Some(wanted) = &place.replaces_unless
        && !wanted.contains(&known.id)
        && !is_used(call, &known.id)?
    {
        return Ok(Some(known));
    }
    let mut fault = Fault::conflict(format!("There is a connection called {name} to the connector already."));
    fault.fields.push((at.to_owned(), "Choose another name.".into()));
    Err(fault)
}

fn is_used(call: &Call, connection: &str) -> Result<bool, Fault> {
    let activates = |it: &One<Activation>| it.body.connections.values().any(|id| id == connection);
    Ok(call.all::<Activation>()?.iter().any(activates)
        || call.all::<User>()?.iter().any(|user| user.body.primary == connection))
}

/// Makes a connection, all of it or nothing.
pub(super) async fn make(call: &Call, place: &Place, wanted: Wanted) -> Result<One<Connection>, Fault> {
    let Wanted { at, name, action, trigger, variables } = wanted;
    replaced(call, place, &at, &name)?;
    let actions = action.len();
    let mut made: Vec<Made> = Vec::new();
    let mut failed = None;
    for part in action.into_iter().chain(trigger) {
        match make_part(call, place, &name, part).await {
            Ok(part) => made.push(part),
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    let mut action: Vec<Part> = made.iter().map(|made| made.part.clone()).collect();
    let trigger = action.split_off(actions.min(action.len()));
    let (hub, user, connector) = (place.hub.clone(), place.user.clone(), place.connector.clone());
    let connection = Connection { hub, user, connector, name, action, trigger, variables };
    let kept = {
        let _alone = call.shared.writing.lock().await;
        let before = failed.map_or_else(|| replaced(call, place, &at, &connection.name), Err);
        before.and_then(|before| {
            let kept = call.keep(&new_id(), &connection)?;
            if let Some(before) = &before {
                call.forget::<Connection>(&before.id)?;
            }
            Ok((kept, before))
        })
    };
    match kept {
        Ok((kept, before)) => {
            if let Some(before) = before
                && let Err(fault) = end_parts(call, &before).await
            {
                // Nothing uses it, and the new one is there.
                tracing::warn!(words = fault.message, "a replaced connection could not be ended");
            }
            Ok(kept)
        }
        Err(fault) => {
            for it in made {
                take_back(call, it).await?;
            }
            Err(fault)
        }
    }
}

/// A part, and what was done for it.
struct Made {
    part: Part,
    client: Client,
    /// The credential, where it is new.
    credential: Option<String>,
}

async fn take_back(call: &Call, made: Made) -> Result<(), Fault> {
    let mut ended: Vec<String> = made.credential.into_iter().collect();
    match made.client {
        Client::AsItWas => {}
        Client::Made(id) => ended.push(id),
        Client::Replaced { before, secret } => {
            credentials::replace_client(call, *before, None, secret.unwrap_or_default()).await?;
        }
    }
    for id in &ended {
        if let Some(credential) = call.find::<Credential>(id)? {
            end(call, &credential).await?;
        }
    }
    Ok(())
}

async fn make_part(call: &Call, place: &Place, name: &str, wanted: WantedPart) -> Result<Made, Fault> {
    let WantedPart { at, name: its_name, mut scheme, proof } = wanted;
    let its_name = if its_name.is_empty() { name.to_owned() } else { its_name };
    let client = schemes::keep_client(call, &mut scheme, &its_name, Some(&place.user)).await?;
    let is_new = !matches!(proof, Proof::Known(_));
    let credential = match proof {
        Proof::Known(id) => known(call, place, &id),
        Proof::Typed(typed) => credentials::create(call, typed, Some(&place.user)).await.map(|it| it.id),
        Proof::Code(code) => {
            exchange::exchange(call, place, &scheme, &at, *code, (its_name, name)).await.map(|it| it.id)
        }
    };
    let (credential, fault) = match credential {
        Ok(credential) => (credential, None),
        Err(fault) => (String::new(), Some(fault)),
    };
    let made = Made {
        credential: (is_new && fault.is_none()).then(|| credential.clone()),
        part: Part { id: new_id(), scheme: scheme.config, credential },
        client,
    };
    match fault {
        None => Ok(made),
        Some(fault) => {
            take_back(call, made).await?;
            Err(fault)
        }
    }
}

/// A credential that is kept already. What the organization keeps, or another end user, is none for an end user's token.
fn known(call: &Call, place: &Place, id: &str) -> Result<String, Fault> {
    let it: One<Credential> = call.get(id)?;
    let is_theirs = it.body.made_for.as_ref() == Some(&place.user);
    if call.who.user.is_none() || is_theirs { Ok(it.id) } else { Err(Fault::not_found(Credential::NAME, id)) }
}

/// Deletes a connection with the credentials that came with it or with another of the end user's. An account that was
/// signed in to is disconnected, unless another connection is to the same account.
pub(super) async fn unmake(call: &Call, it: &One<Connection>) -> Result<(), Fault> {
    end_parts(call, it).await?;
    call.forget::<Connection>(&it.id)
}

async fn end_parts(call: &Call, it: &One<Connection>) -> Result<(), Fault> {
    let mut others = call.all::<Connection>()?;
    others.retain(|other| other.id != it.id);
    for part in it.body.parts() {
        let used =
            others.iter().any(|other| other.body.parts().any(|used| used.credential == part.credential));
        let credential = call.find::<Credential>(&part.credential)?;
        if let Some(credential) = credential.filter(|it| !used && it.body.made_for.is_some()) {
            end(call, &credential).await?;
        }
    }
    Ok(())
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
    let place = Place {
        hub: hub.id,
        user: user.id,
        owner,
        connector,
        connector_name,
        connector_at: Some("connectorId".into()),
        replaces_unless: None,
    };
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
