//! Airbyte's public API, as far as a client that signs people in needs it.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Map, Value, json};
use tieline_engine::{Error, Result};

use super::consent::{Asking, HandedOver, redirect_url};
use super::credential::sign_in;
use super::definition::Definition;
use super::source::{Changing, Making, Source};
use super::workspace::Workspace;
use super::{Ask, Asker, Problem};
use crate::Door;

type Answer = Result<Response, Problem>;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/v1/sources/initiateOAuth", post(initiate))
        .route("/v1/sources", get(sources).post(make_source))
        .route("/v1/sources/{source}", get(source).patch(patch_source).put(put_source).delete(forget_source))
        .route("/v1/workspaces", get(workspaces).post(make_workspace))
        .route("/v1/workspaces/{workspace}", get(workspace).patch(rename_workspace).delete(forget_workspace))
        .route("/v1/workspaces/{workspace}/oauthCredentials", put(set_app).delete(forget_app))
        .route("/v1/workspaces/{workspace}/definitions/sources", get(definitions))
        .route("/v1/workspaces/{workspace}/definitions/sources/{definition}", get(definition))
}

async fn initiate(asker: Asker, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    // `name` is the older word for it.
    let field = if ask.text("source_type")?.is_some() { "source_type" } else { "name" };
    let word = ask.text(field)?.ok_or_else(|| Error::field("source_type", "This is missing."))?;
    let definition = asker.books.definition(word, "source_type")?;
    let given = ask.object("o_auth_input_configuration")?.cloned().unwrap_or_default();
    let form = asker.books.form(&definition).await?;
    let scopes = ask.texts("requested_scopes")?.filter(|scopes| !scopes.is_empty());
    // Optional ones count only beside those that are requested.
    let more = ask.texts("requested_optional_scopes")?.filter(|_| scopes.is_some()).unwrap_or_default();
    let asking = Asking {
        by: asker.caller.key.clone(),
        definition: &definition,
        workspace: Some(ask.needed("workspace_id")?),
        redirect_url: redirect_url(ask.needed("redirect_url")?, ask.text("state")?, true)?,
        inputs: definition.inputs(&form, &given)?,
        scopes: scopes.map(|scopes| scopes.into_iter().chain(more).collect()),
        more_scopes: Vec::new(),
        handed_over: HandedOver::SecretId,
        takes_answers: false,
    };
    let (_, link) = asker.books.begin(asking).await?;
    done(&json!({ "consentUrl": link }))
}

async fn sources(asker: Asker) -> Answer {
    let wanted = asker.queried("workspaceIds");
    let mut sources = asker.books.sources()?;
    sources.retain(|source| wanted.is_empty() || wanted.contains(&source.kept.workspace.as_str()));
    list(&asker, "/v1/sources", sources, |source| show(&asker, source))
}

async fn make_source(asker: Asker, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let configuration =
        ask.object("configuration")?.ok_or_else(|| Error::field("configuration", "This is missing."))?;
    let kind = configuration.get("sourceType").and_then(Value::as_str);
    // A client that needs no configuration fills in any source type: one that is unknown here says nothing.
    let definition = match ask.text("definition_id")? {
        Some(id) => Some(asker.books.definition(id, "definition_id")?),
        None => kind.and_then(|kind| asker.books.definition(kind, "configuration.sourceType").ok()),
    };
    let sign_in = sign_in(&ask, configuration)?;
    if definition.is_none() && sign_in.is_none() {
        let sourceless = Error::field(
            "definition_id",
            "Say what the source is: definitionId, or configuration.sourceType.",
        );
        return Err(sourceless.into());
    }
    let making = Making {
        name: ask.needed("name")?,
        workspace: ask.needed("workspace_id")?,
        definition: definition.as_ref(),
        configuration: configuration.clone(),
        sign_in,
    };
    let source = asker.books.make_source(making).await?;
    asker.caller.about(&source.kept.connection);
    done(&show(&asker, &source))
}

async fn source(asker: Asker) -> Answer {
    let source = asker.books.source(asker.part("source"))?;
    asker.caller.about(&source.kept.connection);
    done(&show(&asker, &source))
}

async fn patch_source(asker: Asker, body: Bytes) -> Answer {
    change(asker, &body, false).await
}

async fn put_source(asker: Asker, body: Bytes) -> Answer {
    change(asker, &body, true).await
}

async fn change(asker: Asker, body: &[u8], whole: bool) -> Answer {
    let ask = Ask::read(body)?;
    let configuration = ask.object("configuration")?.cloned();
    let changing = Changing {
        name: if whole { Some(ask.needed("name")?) } else { ask.changed("name")? },
        workspace: ask.text("workspace_id")?,
        sign_in: sign_in(&ask, &configuration.clone().unwrap_or_default())?,
        configuration,
        whole,
    };
    if whole && changing.configuration.is_none() {
        return Err(Error::field("configuration", "This is missing.").into());
    }
    let source = asker.books.change_source(asker.part("source"), changing).await?;
    asker.caller.about(&source.kept.connection);
    done(&show(&asker, &source))
}

async fn forget_source(asker: Asker) -> Answer {
    asker.books.forget_source(asker.part("source")).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn workspaces(asker: Asker) -> Answer {
    let wanted = asker.queried("workspaceIds");
    let mut workspaces = asker.books.workspaces()?;
    workspaces.retain(|workspace| wanted.is_empty() || wanted.contains(&workspace.id.as_str()));
    list(&asker, "/v1/workspaces", workspaces, show_workspace)
}

async fn make_workspace(asker: Asker, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    done(&show_workspace(&asker.books.make_workspace(ask.needed("name")?)?))
}

async fn workspace(asker: Asker) -> Answer {
    done(&show_workspace(&asker.books.workspace(asker.part("workspace"))?))
}

async fn rename_workspace(asker: Asker, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let mut workspace = asker.books.workspace(asker.part("workspace"))?;
    if let Some(name) = ask.changed("name")? {
        workspace = asker.books.save_workspace(&workspace.id, name)?;
    }
    done(&show_workspace(&workspace))
}

async fn forget_workspace(asker: Asker) -> Answer {
    asker.books.forget_workspace(asker.part("workspace")).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn set_app(asker: Asker, body: Bytes) -> Answer {
    let workspace = asker.books.set_app(asker.part("workspace"), &Ask::read(&body)?).await?;
    done(&show_workspace(&workspace))
}

/// What it names stands in the query (a subdomain, say, beside the name), or in a body.
async fn forget_app(asker: Asker, body: Bytes) -> Answer {
    let ask = match asker.queried("name").first() {
        Some(name) => {
            let inputs: Map<String, Value> =
                asker.query.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            Ask::new(Map::from_iter([("name".into(), json!(name)), ("configuration".into(), inputs.into())]))
        }
        None => Ask::read(&body)?,
    };
    asker.books.forget_app(asker.part("workspace"), &ask).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn definitions(asker: Asker) -> Answer {
    asker.books.workspace_used(asker.part("workspace"))?;
    let rows: Vec<Value> = asker.books.definitions().iter().map(show_definition).collect();
    done(&json!({ "data": rows }))
}

async fn definition(asker: Asker) -> Answer {
    let definition = asker.books.definition(asker.part("definition"), "definition_id")?;
    done(&show_definition(&definition))
}

fn list<T>(asker: &Asker, path: &str, rows: Vec<T>, show: impl Fn(&T) -> Value) -> Answer {
    let (rows, next) = asker.page(rows)?;
    let mut answer = json!({ "data": rows.iter().map(show).collect::<Vec<_>>() });
    if let Some(next) = next {
        let mut words = url::form_urlencoded::Serializer::new(String::new());
        words.extend_pairs(asker.query.iter().filter(|(name, _)| name != "offset"));
        words.append_pair("offset", &next.to_string());
        answer["next"] = json!(format!("{}{path}?{}", asker.books.door.origin(), words.finish()));
    }
    done(&answer)
}

fn show(asker: &Asker, source: &Source) -> Value {
    let definition = asker.books.definition_of(&source.kept.provider);
    json!({
        "sourceId": source.id, "name": source.kept.name, "workspaceId": source.kept.workspace,
        "configuration": source.kept.configuration, "definitionId": definition.id.to_string(),
        "sourceType": definition.slug, "createdAt": source.made_at,
    })
}

fn show_workspace(workspace: &Workspace) -> Value {
    json!({ "workspaceId": workspace.id, "name": workspace.name, "dataResidency": "local", "notifications": {} })
}

fn show_definition(definition: &Definition) -> Value {
    json!({
        "id": definition.id.to_string(), "name": definition.name,
        "dockerRepository": definition.repository(), "dockerImageTag": env!("CARGO_PKG_VERSION"),
    })
}

fn done(value: &Value) -> Answer {
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(value)).into_response())
}
