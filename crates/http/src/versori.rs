//! Contract 2: the embedded API of Versori, version 1, under `/api/embedded/v1`, its development root `/embedded/v1` and,
//! for what its documents call so, bare: hubs with their end users, whose connections to services outside the catalogue are begun here
//! ([`initialise`]), come back to a page of ours ([`page`]) and are finished with a code ([`connections`]).
//!
//! Everything but those connections is a record; ids are ULIDs. Nothing is run here, so what is activated is what a
//! program finds to work with, and an integration is ready as soon as it is there.

mod activations;
mod answer;
mod call;
mod connections;
mod credentials;
mod embedded;
mod exchange;
mod given;
mod hubs;
mod initialise;
mod integrations;
mod page;
mod schemes;
mod signing;
mod users;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::json;
use tieline_engine::embedded::EmbeddedSignIns;

use self::answer::Fault;
use crate::Door;

/// What the requests of one run share.
#[derive(Default)]
struct Shared {
    sign_ins: EmbeddedSignIns,
    /// Held while something that must be unique is looked for and written.
    writing: tokio::sync::Mutex<()>,
}

pub(crate) fn router() -> Router<Arc<Door>> {
    let bare = Router::new()
        .route("/healthz", get(healthz))
        .merge(hubs::routes())
        .merge(users::routes())
        .merge(connections::routes())
        .merge(initialise::routes())
        .merge(embedded::routes())
        .merge(activations::routes())
        .merge(credentials::routes())
        .merge(signing::routes());
    let whole = bare.clone().merge(integrations::routes()).merge(page::routes());
    let all = ROOTS.iter().fold(bare, |all, root| all.nest(root, whole.clone()));
    all.layer(Extension(Arc::<Shared>::default()))
}

/// The published client puts its path, with a slash in front, after a base that may end with one.
const ROOTS: [&str; 3] = ["/api/embedded/v1", "/embedded/v1", "//embedded/v1"];

async fn healthz() -> Response {
    answer::ok(&json!({ "message": "OK" }))
}

/// An error that no handler made, in this contract's words.
pub(crate) fn sorry(status: StatusCode, words: &str) -> Response {
    Fault::new(status, words).into_response()
}
