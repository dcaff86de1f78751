//! The loopback API: `POST /v1/<operation>` with JSON, `GET /v1/changes` as server-sent events.
//!
//! Bound to 127.0.0.1; every call needs the key that was made at start (`Authorization: Bearer …`) and a loopback
//! `Host`, so that neither another person's program nor a web page (DNS rebinding) can use it.

mod pages;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tieline_engine::{App, Secret};
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

/// The largest request that is read.
const LARGEST: usize = 1 << 20;

struct Door {
    app: App,
    key: Secret,
    pages: Option<PathBuf>,
}

/// A running API. Stops when closed.
pub struct Server {
    address: SocketAddr,
    key: Secret,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// The address with the key in its fragment, which browsers do not send anywhere.
    pub fn url(&self) -> String {
        format!("http://{}/#token={}", self.address, self.key.expose())
    }

    pub async fn close(self) {
        let _stopped_already = self.stop.send(());
        let _ended = tokio::time::timeout(std::time::Duration::from_secs(2), self.task).await;
    }
}

/// Serves the engine on a port of this computer; 0 takes a free one. With `pages`, also the window's built pages.
pub async fn serve(app: App, port: u16, pages: Option<PathBuf>) -> std::io::Result<Server> {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    let key = Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let door = Arc::new(Door { app, key: key.clone(), pages });
    let api = Router::new()
        .route("/v1/changes", get(changes))
        .route("/v1/{operation}", post(call))
        .layer(middleware::from_fn_with_state(Arc::clone(&door), with_key));
    let router = api
        .fallback(pages::page)
        .layer(middleware::from_fn(at_home))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(door);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let server = axum::serve(listener, router).with_graceful_shutdown(async {
            let _stopped = stopped.await;
        });
        if let Err(error) = server.await {
            tracing::error!(%error, "the API ended");
        }
    });
    Ok(Server { address, key, stop, task })
}

/// Only requests that name this computer get in.
async fn at_home(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if ["127.0.0.1", "localhost"].contains(&name) {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn with_key(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.strip_prefix("Bearer "));
    let right = given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(door.key.expose().as_bytes())));
    if right {
        return next.run(request).await;
    }
    let words = json!({
        "code": "unauthorized", "message": "The key is missing or wrong.", "field": null,
        "hint": "Send the key that was printed at start as a Bearer token.",
    });
    answer(StatusCode::UNAUTHORIZED, &words)
}

async fn call(State(door): State<Arc<Door>>, Path(operation): Path<String>, body: Bytes) -> Response {
    let ask = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
    let Ok(ask) = ask else {
        let words = json!({ "code": "bad_input", "message": "The body is not JSON.", "hint": "Send a JSON object.", "field": null });
        return answer(StatusCode::BAD_REQUEST, &words);
    };
    match door.app.call(&operation, ask).await {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(failure) => {
            let status = match failure.code.as_str() {
                "bad_input" => StatusCode::BAD_REQUEST,
                "not_found" => StatusCode::NOT_FOUND,
                "refused" => StatusCode::FORBIDDEN,
                "not_set_up" | "conflict" | "needs_you" | "busy" => StatusCode::CONFLICT,
                "temporary" | "keyring_locked" | "keyring_absent" => StatusCode::SERVICE_UNAVAILABLE,
                "storage" => StatusCode::INSUFFICIENT_STORAGE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            answer(status, &serde_json::to_value(failure).unwrap_or_default())
        }
    }
}

fn answer(status: StatusCode, value: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, value.to_string()).into_response()
}

async fn changes(State(door): State<Arc<Door>>) -> Response {
    let receiver = door.app.changes();
    let stream = events(receiver);
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

/// Changes as events. A listener that fell behind is told to read everything anew.
fn events(
    receiver: broadcast::Receiver<tieline_engine::wire::Change>,
) -> impl futures_util::Stream<Item = Result<Event, Infallible>> {
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let text = match receiver.recv().await {
            Ok(change) => serde_json::to_string(&change).unwrap_or_default(),
            Err(broadcast::error::RecvError::Lagged(_)) => r#"{"what":"world"}"#.to_owned(),
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok(Event::default().data(text)), receiver))
    })
}
