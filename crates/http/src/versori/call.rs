//! A request with everything a handler needs, and who sent it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tieline_engine::embedded::organization_ulid;
use tieline_engine::program::Record;
use tieline_engine::{Error, Programs};
use ulid::Ulid;

use super::answer::Fault;
use super::{Shared, signing};
use crate::Door;
use crate::guard::{Caller, Tier, Way};

pub(super) struct Call {
    pub door: Arc<Door>,
    pub shared: Arc<Shared>,
    pub who: Who,
    /// `http://127.0.0.1:47824`, by the name that the program called us.
    pub origin: String,
    /// An object; empty for requests without a body.
    pub body: Value,
    place: HashMap<String, String>,
    query: HashMap<String, String>,
}

/// Whoever asks.
pub(super) struct Who {
    pub caller: Caller,
    pub organization: i64,
    /// The organization's ULID.
    pub id: String,
    /// The end user whose own token was shown, by the organization's name for it. None: the organization itself asks.
    pub user: Option<String>,
}

/// What is kept of one kind.
pub(super) trait Kept: Serialize + DeserializeOwned {
    const KIND: &'static str;
    const NAME: &'static str;
}

pub(super) struct One<T> {
    pub id: String,
    pub body: T,
    pub made_at: i64,
    pub changed_at: i64,
}

fn one<T: Kept>(record: Record) -> Result<One<T>, Fault> {
    let body = serde_json::from_value(record.body)
        .map_err(|error| Fault::from(Error::internal(format!("a {} is not readable: {error}", T::NAME))))?;
    Ok(One { id: record.id, body, made_at: record.made_at, changed_at: record.changed_at })
}

pub(super) fn new_id() -> String {
    Ulid::generate().to_string()
}

impl Call {
    pub fn programs(&self) -> Programs {
        self.door.app.programs()
    }

    /// A part of the path, by its name in the route.
    pub fn place(&self, name: &str) -> &str {
        self.place.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query that says something.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The organization of the path has to be the caller's own; any other is as good as none.
    pub fn own_organisation(&self) -> Result<(), Fault> {
        let named = self.place("organisation_id");
        if named.eq_ignore_ascii_case(&self.who.id) {
            Ok(())
        } else {
            Err(Fault::not_found("organisation", named))
        }
    }

    /// What only the organization itself may, and no end user.
    pub fn organisation_only(&self) -> Result<(), Fault> {
        match self.who.user {
            None => Ok(()),
            Some(_) => Err(Fault::new(
                StatusCode::FORBIDDEN,
                "An end user's token is not enough for this. Send the organisation's key as a Bearer token.",
            )),
        }
    }

    pub fn all<T: Kept>(&self) -> Result<Vec<One<T>>, Fault> {
        self.programs().records(self.who.organization, T::KIND)?.into_iter().map(one).collect()
    }

    pub fn find<T: Kept>(&self, id: &str) -> Result<Option<One<T>>, Fault> {
        // However it is spelled; another organization's is not found.
        let id = id.to_ascii_uppercase();
        self.programs().record(self.who.organization, T::KIND, &id)?.map(one).transpose()
    }

    pub fn get<T: Kept>(&self, id: &str) -> Result<One<T>, Fault> {
        self.find(id)?.ok_or_else(|| Fault::not_found(T::NAME, id))
    }

    pub fn keep<T: Kept>(&self, id: &str, body: &T) -> Result<One<T>, Fault> {
        let body = serde_json::to_value(body).map_err(|error| Fault::from(Error::internal(error)))?;
        one(self.programs().save_record(self.who.organization, T::KIND, id, &body)?)
    }

    pub fn forget<T: Kept>(&self, id: &str) -> Result<(), Fault> {
        self.programs().forget_record(self.who.organization, T::KIND, id)?;
        Ok(())
    }
}

impl FromRequest<Arc<Door>> for Call {
    type Rejection = Fault;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Fault> {
        let (mut parts, body) = request.into_parts();
        let who = who(door, &parts).await?;
        let place =
            RawPathParams::from_request_parts(&mut parts, door).await.map_err(|_| unreadable("address"))?;
        let place = place.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let shared = parts.extensions.get::<Arc<Shared>>().cloned().unwrap_or_default();
        // Its port is ours: the door looked at it already.
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let origin = format!("http://{host}");
        let takes_body = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
        let body = if takes_body {
            let body = Bytes::from_request(Request::from_parts(parts, body), door).await;
            let body = body.map_err(|_| unreadable("body"))?;
            serde_json::from_slice::<Value>(&body).ok().filter(Value::is_object).ok_or_else(|| {
                Fault::new(StatusCode::BAD_REQUEST, "The body has to be a JSON object, and this is none.")
            })?
        } else {
            Value::Object(Map::new())
        };
        Ok(Self { door: Arc::clone(door), shared, who, origin, body, place, query })
    }
}

fn unreadable(what: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, format!("The {what} cannot be read. Send it as UTF-8."))
}

/// `Bearer` with a key, or `JWT` with a token that the organization signed for one of its end users. Several headers are
/// judged one by one.
async fn who(door: &Arc<Door>, parts: &Parts) -> Result<Who, Fault> {
    let as_who = |caller: Caller, user: Option<String>| {
        let organization = caller.organization();
        Who { caller, organization, id: organization_ulid(organization), user }
    };
    match door.admit(parts, &[Way::Key("bearer")], Tier::OWN) {
        Ok(caller) => Ok(as_who(caller, None)),
        Err(refused) if refused.status != StatusCode::UNAUTHORIZED => Err(refused.into()),
        Err(refused) => match signing::caller(door, parts)? {
            Some((caller, user)) => Ok(as_who(caller, Some(user))),
            None => Err(refused.into()),
        },
    }
}
