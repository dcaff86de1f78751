//! The loopback API: the engine's operations as `POST /v1/<operation>`, what changes as `GET /v1/events`, and three
//! published contracts, for programs that speak them already.
//!
//! Bound to 127.0.0.1. Every request passes `guard` first: who asks (a program of this computer, by a name of this
//! computer, from a page that some key names, or from none), then with what key. Keys are made by the person; each is
//! limited to operations and connections, and every use is noted. Only the description of our own operations, the
//! pages that a browser lands on after a sign-in, and the words that a server is well need no key.

mod airbyte;
mod aitronos;
mod asking;
mod carbon;
mod guard;
mod links;
mod openapi;
mod own;
mod page;
mod pages;
mod reach;
mod reference;
mod talks;
mod uses;
mod versori;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware;
use axum::response::Response;
use tieline_engine::{App, Code, Error, Result, Secret};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use guard::{Caller, Tier, Way};

/// How to serve.
#[derive(Debug, Clone, Default)]
pub struct ServeOptions {
    /// 0 takes a free one.
    pub port: u16,
    /// The window's built pages, to be served as well.
    pub pages: Option<PathBuf>,
    /// Make a key for the time of this run that may do all the person may. It stands in [`Server::url`].
    pub session: bool,
}

/// What handlers work with.
pub(crate) struct Door {
    pub app: App,
    pub address: SocketAddr,
    pub(crate) session: Option<Secret>,
    pub(crate) pages: Option<PathBuf>,
    pub(crate) rates: guard::Rates,
    pub(crate) uses: uses::Uses,
    pub(crate) work: guard::Work,
    pub(crate) streams: own::Streams,
    pub(crate) carbon: carbon::Kept,
    pub(crate) asking: asking::Kept,
}

impl Door {
    /// `http://127.0.0.1:47824`, to which paths of this server are appended.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A running API. Stops when closed.
pub struct Server {
    door: Arc<Door>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    pub fn port(&self) -> u16 {
        self.door.address.port()
    }

    /// The address. With a key of this run, that stands in its fragment, which browsers do not send anywhere.
    pub fn url(&self) -> String {
        match &self.door.session {
            Some(key) => format!("{}/#token={}", self.door.origin(), key.expose()),
            None => format!("{}/", self.door.origin()),
        }
    }

    /// Takes nothing new, lets what is under way come to its end for a moment, and notes the last uses.
    pub async fn close(self) {
        let _stopped_already = self.stop.send(());
        let _ended = self.task.await;
        uses::flush(&self.door).await;
    }
}

/// The published contracts that are served beside our own operations.
pub const CONTRACTS: [&str; 4] = ["Carbon", "Versori", "Aitronos", "Airbyte"];

/// Serves the engine on a port of this computer.
///
/// # Errors
/// `Conflict` where the port cannot be opened, above all because another program has it.
pub async fn serve(app: App, options: ServeOptions) -> Result<Server> {
    let most = talks::most();
    let port = options.port;
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let bound = bound.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
    let (listener, address) = bound.map_err(|error| not_opened(port, &error))?;
    let session = if options.session { Some(guard::session_key()?) } else { None };
    let door = Arc::new(Door {
        app,
        address,
        session,
        pages: options.pages,
        rates: guard::Rates::default(),
        uses: uses::Uses::default(),
        work: guard::Work::default(),
        streams: own::Streams::default(),
        carbon: carbon::Kept::default(),
        asking: asking::Kept::default(),
    });
    tokio::spawn(carbon::watch(Arc::downgrade(&door)));
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(talks::run(listener, most, router(&door), Arc::clone(&door), stopped));
    Ok(Server { door, stop, task })
}

fn not_opened(port: u16, error: &std::io::Error) -> Error {
    let happened = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("Port {port} is taken: another program, perhaps another Tieline, listens there.")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("Port {port} may not be used: the system keeps it for itself.")
        }
        _ => format!("Port {port} cannot be opened: {error}."),
    };
    Error::new(Code::Conflict, happened, "Choose another port, or end the other program.")
}

fn router(door: &Arc<Door>) -> Router {
    Router::new()
        .merge(own::router())
        .merge(asking::router())
        .merge(carbon::router())
        .merge(versori::router())
        .merge(aitronos::router())
        .merge(airbyte::router())
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(Arc::clone(door), guard::stand))
        .with_state(Arc::clone(door))
}

/// An error in the dialect that clients of this path parse.
pub(crate) fn sorry(path: &str, status: StatusCode, words: &str) -> Response {
    dialect(path)(status, words)
}

type Dialect = fn(StatusCode, &str) -> Response;

/// Whose dialect is spoken below which prefix; the first that fits. A prefix fits whole parts of a path only.
const DIALECTS: &[(&str, Dialect)] = &[
    ("/v1/organizations", aitronos::sorry),
    ("/v1/sources", airbyte::sorry),
    ("/v1/source_oauth", airbyte::sorry),
    ("/v1/workspaces", airbyte::sorry),
    ("/v1/applications", airbyte::sorry),
    ("/applications", airbyte::sorry),
    ("/api/v1", airbyte::sorry),
    ("/v1", own::sorry),
    ("/api/embedded/v1", versori::sorry),
    ("/embedded/v1", versori::sorry),
    ("//embedded/v1", versori::sorry),
    ("/embed", versori::sorry),
    ("/hubs", versori::sorry),
    ("/activations", versori::sorry),
    ("/healthz", versori::sorry),
    ("/connection-templates", versori::sorry),
    ("/o", versori::sorry),
];

fn dialect(path: &str) -> Dialect {
    let below =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    DIALECTS.iter().find(|(prefix, _)| below(prefix)).map_or(carbon::sorry, |(_, sorry)| *sorry)
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let words = format!("{} does not take {method}. The Allow header names what it takes.", uri.path());
    sorry(uri.path(), StatusCode::METHOD_NOT_ALLOWED, &words)
}

async fn nothing_here(State(door): State<Arc<Door>>, request: Request) -> Response {
    let path = request.uri().path();
    if request.method() == Method::GET
        && let Some(page) = pages::page(&door, path).await
    {
        return page;
    }
    let words = format!("There is nothing at {path}. {}/v1/ describes what there is.", door.origin());
    sorry(path, StatusCode::NOT_FOUND, &words)
}

/// The HTTP status of a failure.
pub(crate) fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadInput => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Refused => StatusCode::FORBIDDEN,
        Code::NotSetUp | Code::Conflict | Code::NeedsYou | Code::Cancelled | Code::Busy => {
            StatusCode::CONFLICT
        }
        Code::Temporary | Code::TimedOut | Code::KeyringLocked | Code::KeyringAbsent => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::Storage => StatusCode::INSUFFICIENT_STORAGE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_the_dialect_of_its_contract() {
        let of = |path: &str| dialect(path) as usize;
        let all: [(&[&str], Dialect); 5] = [
            (&["/v1", "/v1/", "/v1/connections", "/v1/sourcesx"], own::sorry),
            (&["/v1/organizations/org_1/knowledge/connectors/sources"], aitronos::sorry),
            (&["/v1/sources", "/v1/sources/initiateOAuth", "/api/v1/source_oauths/x"], airbyte::sorry),
            (
                &[
                    "/api/embedded/v1/embed/x",
                    "/embedded/v1",
                    "//embedded/v1/x",
                    "/hubs",
                    "/embed/a/b",
                    "/o/x/hubs",
                    "/healthz",
                ],
                versori::sorry,
            ),
            (&["/", "/user_data_sources", "/integrations/box", "/oauth", "/health"], carbon::sorry),
        ];
        for (paths, wanted) in all {
            for path in paths {
                assert_eq!(of(path), wanted as usize, "{path}");
            }
        }
    }
}
