//! Source definitions: what a source can be of. They are this program's providers; images of further ones are not run.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::{Answer, Member, done, list, sorry};
use crate::Door;
use crate::airbyte::definition::Definition;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/source-definitions", get(definitions).post(make))
        .route("/source-definitions/{definition}", get(definition).put(change).patch(change).delete(change))
        .route("/source-definitions/{definition}/spec", get(specification))
}

async fn definitions(Member(asker): Member) -> Answer {
    list(&asker, asker.books.definitions(), show)
}

async fn definition(Member(asker): Member) -> Answer {
    done(&show(&asker.books.definition(asker.part("definition"), "source_definition_id")?))
}

async fn specification(Member(asker): Member) -> Answer {
    let definition = asker.books.definition(asker.part("definition"), "source_definition_id")?;
    let form = asker.books.form(&definition).await?;
    done(&json!({
        "connection_specification": definition.specification(&form),
        "documentation_url": null,
        // What changed at the source replaces what was read of it.
        "supported_destination_sync_modes": ["append_dedup"],
    }))
}

async fn make(Member(_): Member) -> Response {
    let words = "Definitions of your own cannot be made: connectors in images are not run here. A service that is not in \
                 the list is described in Tieline, under Settings.";
    sorry(StatusCode::UNPROCESSABLE_ENTITY, words).into_response()
}

async fn change(Member(asker): Member) -> Answer {
    let definition = asker.books.definition(asker.part("definition"), "source_definition_id")?;
    let words = format!(
        "{} comes with Tieline: its definition cannot be changed or deleted. What a source of it is to do differently goes \
         into that source, at sources/{{source_id}}.",
        definition.name
    );
    Ok(sorry(StatusCode::FORBIDDEN, &words))
}

fn show(definition: &Definition) -> Value {
    json!({
        "source_definition_id": definition.id.to_string(), "name": definition.name, "slug": definition.slug,
        "docker_repository": definition.repository(), "docker_image_tag": env!("CARGO_PKG_VERSION"),
        "documentation_url": null, "icon": null,
    })
}
