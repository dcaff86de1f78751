//! Connections: that a source's contents go to the library of this computer.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tieline_engine::Result;

use super::sources::tested;
use super::{Answer, Member, done, list};
use crate::Door;
use crate::airbyte::link::{self, Link};
use crate::airbyte::{Ask, Asker};

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/connections", get(links).post(make))
        .route("/connections/test", post(test))
        .route("/connections/{connection}", get(link).patch(change).delete(forget))
}

async fn links(Member(asker): Member) -> Answer {
    let rows: Result<Vec<Value>> = asker.books.links()?.iter().map(|link| show(&asker, link)).collect();
    list(&asker, rows?, Value::clone)
}

async fn make(Member(asker): Member, body: Bytes) -> Answer {
    let link = asker.books.make_link(&Ask::read(&body)?).await?;
    Ok((StatusCode::CREATED, axum::Json(show(&asker, &link)?)).into_response())
}

async fn link(Member(asker): Member) -> Answer {
    done(&show(&asker, &asker.books.link(asker.part("connection"))?)?)
}

async fn change(Member(asker): Member, body: Bytes) -> Answer {
    let link = asker.books.change_link(asker.part("connection"), &Ask::read(&body)?).await?;
    done(&show(&asker, &link)?)
}

async fn forget(Member(asker): Member) -> Answer {
    asker.books.forget_link(asker.part("connection")).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The library needs no test: it is the source's account that may fail.
async fn test(Member(asker): Member, body: Bytes) -> Answer {
    let ask = Ask::read(&body)?;
    let source = asker.books.source(ask.needed("source_id")?)?;
    tested(&asker, &source.kept.connection).await
}

fn show(asker: &Asker, link: &Link) -> Result<Value> {
    let workspace = asker.books.source(&link.kept.source)?.kept.workspace;
    Ok(json!({
        "connection_id": link.id, "name": link.kept.name, "source_id": link.kept.source,
        "destination_id": link::library(), "workspace_id": workspace,
        "status": if link.kept.active { "active" } else { "inactive" },
        "schedule": link.kept.schedule, "configurations": link.kept.configurations,
    }))
}
