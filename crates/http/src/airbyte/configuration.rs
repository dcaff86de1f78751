//! The two calls of Airbyte's configuration API that sign a person in. Where the organization's own app is registered
//! with the client's address, the provider's answer goes there and the client hands it over; else the answer comes here
//! and the client gets the coordinate instead. Tokens are never handed out.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value, json};
use tieline_engine::{Error, Result};

use super::consent::{Asking, Bound, Consent, HandedOver, Outcome, redirect_url};
use super::credential::SignIn;
use super::definition::Definition;
use super::{Ask, Asker, Problem};
use crate::Door;

/// Tokens and identity are fetched meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/api/v1/source_oauths/get_consent_url", post(get_consent_url))
        .route("/api/v1/source_oauths/complete_oauth", post(complete_oauth))
}

async fn get_consent_url(asker: Asker, body: Bytes) -> Result<Response, Problem> {
    let ask = Ask::read(&body)?;
    let definition = wanted(&asker, &ask)?;
    let given = ask.object("o_auth_input_configuration")?.cloned().unwrap_or_default();
    let form = asker.books.form(&definition).await?;
    let asking = Asking {
        by: asker.caller.key.clone(),
        definition: &definition,
        workspace: Some(ask.needed("workspace_id")?),
        redirect_url: redirect_url(ask.needed("redirect_url")?, None, true)?,
        inputs: definition.inputs(&form, &given)?,
        scopes: None,
        more_scopes: Vec::new(),
        handed_over: HandedOver::SecretId,
        takes_answers: true,
    };
    let (_, link) = asker.books.begin(asking).await?;
    Ok(Json(json!({ "consentUrl": link })).into_response())
}

/// By its id, or by the source that is signed in again.
fn wanted(asker: &Asker, ask: &Ask) -> Result<Definition> {
    match ask.text("source_id")? {
        Some(id) if ask.text("source_definition_id")?.is_none() => {
            Ok(asker.books.definition_of(&asker.books.source(id)?.kept.provider))
        }
        _ => asker.books.definition(ask.needed("source_definition_id")?, "source_definition_id"),
    }
}

async fn complete_oauth(asker: Asker, body: Bytes) -> Result<Response, Problem> {
    let ask = Ask::read(&body)?;
    let definition = wanted(&asker, &ask)?;
    let workspace = ask.needed("workspace_id")?;
    let query =
        ask.object("query_params")?.ok_or_else(|| Error::field("query_params", "This is missing."))?;
    let mut consent = begun(&asker, &definition, query)?;
    let answer = match asker.books.outcome(&mut consent, PATIENCE).await? {
        Outcome::Connected(connection) => {
            let bound = Bound { workspace, provider: Some(&definition.provider) };
            let sign_in = SignIn { field: "query_params".into(), id: consent.coordinate() };
            asker.books.look(&sign_in, &bound).await?;
            asker.caller.about(&connection);
            let payload = json!({ "secret_id": consent.coordinate() });
            json!({ "request_succeeded": true, "request_error": null, "auth_payload": payload })
        }
        Outcome::Failed(why) => {
            json!({ "request_succeeded": false, "request_error": why, "auth_payload": {} })
        }
        Outcome::Waiting => {
            let why = "The person has not finished signing in. Ask again when they are back.";
            json!({ "request_succeeded": false, "request_error": why, "auth_payload": {} })
        }
    };
    Ok(Json(answer).into_response())
}

/// The sign-in that the browser came back from, by what it brought: the coordinate, or the provider's answer.
fn begun(asker: &Asker, definition: &Definition, query: &Map<String, Value>) -> Result<Consent> {
    if let Some(id) = query.get("secret_id").and_then(Value::as_str) {
        return asker.books.consent(id);
    }
    let mut words = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        match value {
            Value::Null => continue,
            Value::String(text) => words.append_pair(name, text),
            other => words.append_pair(name, &other.to_string()),
        };
    }
    let path = asker.books.callback_path(&definition.provider).unwrap_or_default();
    let flow = asker.books.programs.deliver(&path, &words.finish())?;
    asker.books.consent_of(&flow)
}
