//! Sources: signing in for them, making, changing and testing them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use tieline_engine::wire::Tested;
use tieline_engine::{Code, Error, Result};

use super::{Answer, Member, done, list};
use crate::Door;
use crate::airbyte::consent::{Asking, Bound, HandedOver, redirect_url};
use crate::airbyte::credential::{SignIn, sign_in};
use crate::airbyte::definition::Definition;
use crate::airbyte::source::{Changing, Making, Source};
use crate::airbyte::{Ask, Asker};

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/sources", get(sources).post(make))
        .route("/sources/oauth", post(initiate))
        .route("/sources/authorize", post(authorize))
        .route("/sources/oauth/callback", post(callback))
        .route("/sources/test", post(test))
        .route("/sources/{source}", get(source).put(put).patch(patch).delete(forget))
}

/// The native flow: the person ends at `redirect_url` with a `secret_id`, of which [`make`] makes a source.
async fn initiate(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let definition = asker.books.definition(ask.needed("source_definition_id")?, "source_definition_id")?;
    let workspace = ask.needed("workspace_id")?;
    let (_, link) = begin(&asker, &ask, &definition, Some(workspace), HandedOver::SecretId).await?;
    done(&json!({ "consentUrl": link, "consent_url": link }))
}

/// The connector flow: the person ends at `redirect_url` with the `connection_id`, of which [`callback`] makes a source.
async fn authorize(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let definition = asker.books.definition(ask.needed("slug")?, "slug")?;
    let (id, link) = begin(&asker, &ask, &definition, None, HandedOver::ConnectionId).await?;
    done(&json!({ "authorization_url": link, "connection_id": id }))
}

/// Answers with the coordinate and the address to send the person to. What services need to know besides their name (a
/// subdomain, say) is taken as `o_auth_input_configuration` in both flows; the person is asked for what is missing.
async fn begin(
    asker: &Asker,
    ask: &Ask,
    definition: &Definition,
    workspace: Option<&str>,
    handed_over: HandedOver,
) -> Result<(String, String)> {
    let given = match ask.object("o_auth_input_configuration")? {
        Some(given) => given.clone(),
        None => ask.object("configuration")?.cloned().unwrap_or_default(),
    };
    let form = asker.books.form(definition).await?;
    let asking = Asking {
        by: asker.caller.key.clone(),
        definition,
        workspace,
        redirect_url: redirect_url(ask.needed("redirect_url")?, ask.text("state")?, false)?,
        inputs: definition.inputs(&form, &given)?,
        scopes: None,
        more_scopes: Vec::new(),
        handed_over,
        takes_answers: false,
    };
    let (consent, link) = asker.books.begin(asking).await?;
    Ok((consent.coordinate(), link))
}

async fn callback(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let definition = asker.books.definition(ask.needed("source_definition_id")?, "source_definition_id")?;
    let making = Making {
        name: ask.needed("source_name")?,
        workspace: ask.needed("workspace_id")?,
        definition: Some(&definition),
        configuration: ask.object("configuration")?.cloned().unwrap_or_default(),
        sign_in: Some(SignIn { field: "connection_id".into(), id: ask.needed("connection_id")?.into() }),
    };
    made(&asker, making).await
}

/// The account comes as `secret_id` (or `connection_id`), beside the configuration or in it, or as tokens there.
async fn make(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let definition = asker.books.definition(ask.needed("source_definition_id")?, "source_definition_id")?;
    let configuration = ask.object("configuration")?.cloned().unwrap_or_default();
    let making = Making {
        name: ask.needed("name")?,
        workspace: ask.needed("workspace_id")?,
        definition: Some(&definition),
        sign_in: sign_in(&ask, &configuration)?,
        configuration,
    };
    made(&asker, making).await
}

async fn made(asker: &Asker, making: Making<'_>) -> Answer {
    let source = asker.books.make_source(making).await?;
    asker.caller.about(&source.kept.connection);
    Ok((StatusCode::CREATED, axum::Json(show(asker, &source))).into_response())
}

async fn sources(Member(asker): Member) -> Answer {
    let wanted = asker.queried("workspace_id");
    let mut sources = asker.books.sources()?;
    sources.retain(|source| wanted.is_empty() || wanted.contains(&source.kept.workspace.as_str()));
    list(&asker, sources, |source| show(&asker, source))
}

async fn source(Member(asker): Member) -> Answer {
    let source = asker.books.source(asker.part("source"))?;
    asker.caller.about(&source.kept.connection);
    done(&show(&asker, &source))
}

async fn put(Member(asker): Member, body: Bytes) -> Answer {
    change(asker, &body, true).await
}

async fn patch(Member(asker): Member, body: Bytes) -> Answer {
    change(asker, &body, false).await
}

async fn change(asker: Asker, body: &[u8], whole: bool) -> Answer {
    let ask = Ask::read(body)?;
    let configuration = ask.object("configuration")?.cloned();
    if whole && configuration.is_none() {
        return Err(Error::field("configuration", "This is missing.").into());
    }
    let changing = Changing {
        name: if whole { Some(ask.needed("name")?) } else { ask.changed("name")? },
        workspace: ask.text("workspace_id")?,
        sign_in: sign_in(&ask, &configuration.clone().unwrap_or_default())?,
        configuration,
        whole,
    };
    let source = asker.books.change_source(asker.part("source"), changing).await?;
    asker.caller.about(&source.kept.connection);
    done(&show(&asker, &source))
}

async fn forget(Member(asker): Member) -> Answer {
    asker.books.forget_source(asker.part("source")).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A source by its id, or one that is about to be made: then its sign-in is tested and stays good, or the tokens in its
/// configuration are tried and not kept.
async fn test(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let connection = match ask.text("source_id")? {
        Some(id) => asker.books.source(id)?.kept.connection,
        None => {
            let definition =
                asker.books.definition(ask.needed("source_definition_id")?, "source_definition_id")?;
            let configuration = ask.object("configuration")?.cloned().unwrap_or_default();
            let workspace = ask.needed("workspace_id")?;
            let Some(sign_in) = sign_in(&ask, &configuration)? else {
                return tried(&asker, workspace, &definition, &configuration).await;
            };
            let bound = Bound { workspace, provider: Some(&definition.provider) };
            asker.books.look(&sign_in, &bound).await?.1
        }
    };
    tested(&asker, &connection).await
}

/// Asks the provider whether it takes the tokens of a configuration.
async fn tried(
    asker: &Asker,
    workspace: &str,
    definition: &Definition,
    configuration: &Map<String, Value>,
) -> Answer {
    let failed = |words: &str| {
        done(&json!({ "status": "failed", "message": words, "job_info": { "succeeded": false } }))
    };
    match asker.books.try_tokens(workspace, definition, configuration).await {
        Ok(true) => {
            let words = format!("{} takes the access token.", definition.name);
            done(&json!({ "status": "succeeded", "message": words, "job_info": { "succeeded": true } }))
        }
        Ok(false) => failed("Nobody has signed in for this source yet, so there is no account to test."),
        Err(error) if error.code == Code::Refused => failed(&format!("{} {}", error.message, error.hint)),
        Err(error) => Err(error.into()),
    }
}

/// Asks the provider whether an account still works.
pub(super) async fn tested(asker: &Asker, connection: &str) -> Answer {
    asker.caller.about(connection);
    match asker.books.test_connection(connection).await {
        Ok(tested) => done(&outcome(&tested)),
        // The person took the account away.
        Err(error) if error.code == Code::NotFound => {
            let words = "The account of this source was disconnected. Sign in again and give the source the new sign-in.";
            done(&json!({ "status": "failed", "message": words, "job_info": { "succeeded": false } }))
        }
        Err(error) => Err(error.into()),
    }
}

fn outcome(tested: &Tested) -> Value {
    let why = tested.problem.as_ref().map(|problem| format!("{} {}", problem.happened, problem.why));
    let code = tested.problem.as_ref().map(|problem| &problem.code);
    json!({
        "status": if tested.ok { "succeeded" } else { "failed" },
        "message": why.as_ref().unwrap_or(&tested.words),
        "job_info": { "succeeded": tested.ok, "took_ms": tested.took_ms, "failure_reason": code },
    })
}

fn show(asker: &Asker, source: &Source) -> Value {
    let definition = asker.books.definition_of(&source.kept.provider);
    json!({
        "source_id": source.id, "name": source.kept.name, "source_definition_id": definition.id.to_string(),
        "workspace_id": source.kept.workspace, "configuration": source.kept.configuration,
        "source_type": definition.slug,
    })
}
