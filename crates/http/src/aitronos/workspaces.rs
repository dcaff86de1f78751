//! Workspaces, and the OAuth apps that an organization brings for its sources.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, put};
use serde_json::{Value, json};

use super::{Answer, Member, done, list};
use crate::Door;
use crate::airbyte::Ask;
use crate::airbyte::workspace::Workspace;

pub(super) fn routes() -> Router<Arc<Door>> {
    let app = || put(set_app).post(set_app);
    Router::new()
        .route("/workspaces", get(workspaces).post(make))
        .route("/workspaces/{workspace}", get(workspace).patch(rename).put(rename).delete(forget))
        // The documentation does not print its path: the first is like its other paths, the second is Airbyte's.
        .route("/workspaces/{workspace}/oauth-credentials", app())
        .route("/workspaces/{workspace}/oauthCredentials", app())
}

async fn workspaces(Member(asker): Member) -> Answer {
    list(&asker, asker.books.workspaces()?, show)
}

async fn make(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let workspace = asker.books.make_workspace(ask.needed("name")?)?;
    Ok((StatusCode::CREATED, axum::Json(show(&workspace))).into_response())
}

async fn workspace(Member(asker): Member) -> Answer {
    done(&show(&asker.books.workspace(asker.part("workspace"))?))
}

async fn rename(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let mut workspace = asker.books.workspace(asker.part("workspace"))?;
    if let Some(name) = ask.changed("name")? {
        workspace = asker.books.save_workspace(&workspace.id, name)?;
    }
    done(&show(&workspace))
}

async fn forget(Member(asker): Member) -> Answer {
    asker.books.forget_workspace(asker.part("workspace")).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn set_app(Member(asker): Member, body: Bytes) -> Answer {
    let workspace = asker.books.set_app(asker.part("workspace"), &Ask::read(&body)?).await?;
    done(&show(&workspace))
}

fn show(workspace: &Workspace) -> Value {
    json!({ "workspace_id": workspace.id, "name": workspace.name, "data_residency": "local" })
}
