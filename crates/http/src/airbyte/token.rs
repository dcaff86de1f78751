//! A short-lived token for a program's key, as Airbyte's applications get one for their id and secret.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value, json};
use tieline_engine::{Code, Error, Result};

use super::{APPLICATION, Ask, Problem, sorry};
use crate::Door;
use crate::guard::why_not;

/// Seconds; the engine's temporary keys last so long.
const GOOD_FOR: i64 = 10 * 3600;

/// Clients go there with and without the version, depending on how they join addresses.
pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/v1/applications/token", post(token))
        .route("/applications/token", post(token))
        .route("/api/v1/applications/token", post(token))
}

async fn token(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let ask = read(&headers, &body)?;
    if ask.text("grant_type")?.is_some_and(|it| it != "client_credentials") {
        return Err(Error::field("grant_type", "This must be client_credentials.").into());
    }
    let (id, secret) = (ask.needed("client_id")?, ask.needed("client_secret")?);
    let programs = door.app.programs();
    let Some(key) = programs.key(secret)?.filter(|key| key.id == id) else {
        let words = "client_id is the key's id and client_secret the key itself, and these are not of one key that is \
                     good. Look at the keys in Tieline, under Settings, For other programs.";
        return Ok(sorry(StatusCode::UNAUTHORIZED, words));
    };
    if !key.may.contracts() {
        let words = format!("The key {:?} may not speak the published contracts.{}", key.name, why_not(&key));
        return Ok(sorry(StatusCode::FORBIDDEN, &words));
    }
    let token = programs.temporary(&key, APPLICATION)?;
    let answer = json!({ "access_token": token.expose(), "token_type": "Bearer", "expires_in": GOOD_FOR });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// A form, as OAuth has it, or the same as JSON. Some clients write `grant-type`.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Ask> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let fields: Map<String, Value> = if kind.starts_with("application/x-www-form-urlencoded") {
        url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), json!(value))).collect()
    } else {
        serde_json::from_slice(body).map_err(|_| {
            Error::new(
                Code::BadInput,
                "The body is neither a form nor a JSON object.",
                "Send client_id and client_secret.",
            )
        })?
    };
    Ok(Ask::new(fields.into_iter().map(|(name, value)| (name.replace('-', "_"), value)).collect()))
}
