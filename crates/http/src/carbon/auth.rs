//! Temporary tokens for pages, what a page may look like, and whether the server is up.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::get;
use serde_json::{Value, json};

use super::{Answer, ByKey, Caller, Sorry, answer};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/health", get(health))
        .route("/auth/v1/access_token", get(access_token))
        .route("/auth/v1/white_labeling", get(white_labeling))
}

async fn health() -> Answer {
    answer(json!({ "status": "ok" }))
}

/// A customer's id that came with the key itself.
struct KeyAndCustomer {
    by: ByKey,
    customer: String,
}

impl FromRequestParts<Arc<Door>> for KeyAndCustomer {
    type Rejection = Sorry;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Sorry> {
        let by = match ByKey::from_request_parts(parts, door).await {
            Err(sorry) if sorry.status() == StatusCode::UNAUTHORIZED && is_token(parts, door).await => {
                let words =
                    "Only a key makes tokens, and a token was sent. Ask with the key and the customer-id.";
                return Err(Sorry::new(StatusCode::FORBIDDEN, words));
            }
            by => by?,
        };
        let customer = by.guard.customer.clone().ok_or_else(super::no_customer)?;
        Ok(Self { by, customer })
    }
}

/// Whether they come with a good temporary token.
async fn is_token(parts: &mut Parts, door: &Arc<Door>) -> bool {
    Caller::from_request_parts(parts, door).await.is_ok()
}

/// A token that stands for the key and this customer for ten hours. Only the key itself makes one: a token that made
/// further tokens would never end. Nothing renews one, so the second word is empty: ask again.
async fn access_token(State(door): State<Arc<Door>>, who: KeyAndCustomer) -> Answer {
    let programs = door.app.programs();
    let key = who.by.key();
    programs.customer_made(key.organization, &who.customer)?;
    let token = programs.temporary(key, &who.customer)?;
    answer(json!({ "access_token": token.expose(), "refresh_token": "" }))
}

async fn white_labeling(State(door): State<Arc<Door>>, caller: Caller) -> Answer {
    let customer = door.app.programs().customer(caller.organization(), &caller.customer)?;
    let setting = |name: &str| {
        let value = customer.as_ref().and_then(|it| it.settings.get(name)).filter(|it| it.is_object());
        value.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    };
    answer(json!({
        "remove_branding": false,
        "integrations": {},
        "custom_limits": setting("custom_limits"),
        "connector_settings": setting("connector_settings"),
    }))
}
