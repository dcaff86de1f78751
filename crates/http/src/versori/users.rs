//! End users of a hub, each with a connection to the hub's primary connector.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tieline_engine::program::Owner;

use super::activations::Activation;
use super::answer::{self, Answer, Fault, created, nothing, ok, page};
use super::call::{Call, Kept, One, new_id};
use super::connections::{self, Connection};
use super::{given, hubs};
use crate::Door;

#[derive(Serialize, Deserialize)]
pub(super) struct User {
    pub hub: String,
    /// The organization's own id for it; unique in the hub, and never changed.
    pub external_id: String,
    pub display_name: String,
    /// The connection to the hub's primary connector.
    pub primary: String,
}

impl Kept for User {
    const KIND: &'static str = "versori/user";
    const NAME: &'static str = "end user";
}

impl One<User> {
    /// Whom the engine connects accounts for. Two hubs may call different people by one name.
    pub fn owner(&self, organization: i64) -> Owner {
        owner(organization, &self.body.external_id, &self.body.hub)
    }
}

fn owner(organization: i64, external_id: &str, hub: &str) -> Owner {
    Owner { organization, customer: format!("{external_id}@{hub}") }
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/hubs/{hub_id}/users", get(list).post(create))
        .route("/hubs/{hub_id}/users/{user_id}", get(one).delete(forget))
}

/// The end user of the path in a hub: by external id, or by ours where the query says `identifier_type=internal`. An end
/// user's own token finds nobody else.
pub(super) fn of(call: &Call, hub: &str) -> Result<One<User>, Fault> {
    let named = call.place("user_id");
    let internal = match call.asked("identifier_type") {
        None | Some("external") => false,
        Some("internal") => true,
        Some(_) => return Err(Fault::field("identifier_type", "This is internal or external.")),
    };
    let found = call.all::<User>()?.into_iter().find(|user| {
        let id = if internal { &user.id } else { &user.body.external_id };
        user.body.hub == hub && id == named
    });
    allowed(call, found.ok_or_else(|| Fault::not_found(User::NAME, named))?)
}

/// An end user that a body names, by either id.
pub(super) fn named(call: &Call, hub: &str, name: &str) -> Result<Option<One<User>>, Fault> {
    let mut all = call.all::<User>()?;
    all.retain(|user| user.body.hub == hub);
    let by = |is: &dyn Fn(&One<User>) -> bool| all.iter().position(is);
    let at = by(&|user| user.body.external_id == name).or_else(|| by(&|user| user.id == name));
    at.map(|at| allowed(call, all.swap_remove(at))).transpose()
}

pub(super) fn allowed(call: &Call, user: One<User>) -> Result<One<User>, Fault> {
    match &call.who.user {
        Some(own) if *own != user.body.external_id => {
            Err(Fault::not_found(User::NAME, call.place("user_id")))
        }
        _ => Ok(user),
    }
}

fn summary(user: &One<User>) -> Value {
    json!({
        "id": user.id,
        "externalId": user.body.external_id,
        "displayName": user.body.display_name,
        "hubId": user.body.hub,
        "createdAt": answer::date(user.made_at),
        "updatedAt": answer::date(user.changed_at),
    })
}

pub(super) fn shown(call: &Call, user: &One<User>) -> Result<Value, Fault> {
    let mut shown = summary(user);
    shown["primaryConnection"] = connections::shown(call, &call.get(&user.body.primary)?)?;
    Ok(shown)
}

async fn list(call: Call) -> Answer {
    call.organisation_only()?;
    let hub = hubs::of(&call)?;
    let search = call.asked("search").unwrap_or_default().to_lowercase();
    let fits = |user: &One<User>| {
        let texts = [&user.id, &user.body.external_id, &user.body.display_name];
        texts.iter().any(|text| text.to_lowercase().contains(&search))
    };
    let users = call.all::<User>()?;
    let users = users.iter().filter(|user| user.body.hub == hub.id && fits(user));
    let users = users.map(|user| (user.id.clone(), summary(user))).collect();
    Ok(ok(&page(&call, "users", users)?))
}

fn taken(call: &Call, hub: &str, external_id: &str) -> Result<(), Fault> {
    let is_there = |user: &One<User>| user.body.hub == hub && user.body.external_id == external_id;
    if call.all::<User>()?.iter().any(is_there) {
        return Err(Fault::conflict(format!("This hub has an end user {external_id} already.")));
    }
    Ok(())
}

async fn create(call: Call) -> Answer {
    let hub = hubs::open(&call)?;
    let (external_id, display_name, primary) = given::read(&call.body, |given| {
        let primary = given.object("primaryConnection").map(|given| connections::read(&given));
        (given.text("externalId"), given.maybe("displayName").unwrap_or_default(), primary)
    })?;
    if call.who.user.as_ref().is_some_and(|own| *own != external_id) {
        let words = "An end user's token makes nobody but its own end user: externalId has to be its sub.";
        return Err(Fault::new(StatusCode::FORBIDDEN, words));
    }
    taken(&call, &hub.id, &external_id)?;
    let at = connections::Place {
        hub: hub.id.clone(),
        user: new_id(),
        owner: owner(call.who.organization, &external_id, &hub.id),
        connector: hub.body.connector.clone(),
        connector_name: hubs::connector_name(&hub.body.scheme, &hub.body.name),
        connector_at: None,
        replaces_unless: None,
    };
    let primary = connections::make(&call, &at, primary.unwrap_or_default()).await?;
    let fault = {
        let _alone = call.shared.writing.lock().await;
        match taken(&call, &hub.id, &external_id) {
            Err(fault) => fault,
            Ok(()) => {
                let user = User { hub: hub.id, external_id, display_name, primary: primary.id };
                return Ok(created(&shown(&call, &call.keep(&at.user, &user)?)?));
            }
        }
    };
    connections::unmake(&call, &primary).await?;
    Err(fault)
}

async fn one(call: Call) -> Answer {
    let hub = hubs::of(&call)?;
    Ok(ok(&shown(&call, &of(&call, &hub.id)?)?))
}

/// The user goes with all it connected and activated.
async fn forget(call: Call) -> Answer {
    let hub = hubs::of(&call)?;
    let user = of(&call, &hub.id)?;
    for it in call.all::<Activation>()?.iter().filter(|it| it.body.user == user.id) {
        call.forget::<Activation>(&it.id)?;
    }
    for it in call.all::<Connection>()?.iter().filter(|it| it.body.user == user.id) {
        connections::unmake(&call, it).await?;
    }
    call.forget::<User>(&user.id)?;
    let owner = user.owner(call.who.organization);
    call.programs().forget_customer(owner.organization, &owner.customer)?;
    Ok(nothing())
}
