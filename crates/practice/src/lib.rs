//! Seventeen practice providers on loopback: each documented host of a provider is an origin of its own that
//! speaks the provider's documented wire format, so that any real client of the provider can be pointed at
//! it. A person signs in at a page that looks the part and says that it is practice; switches make things
//! go wrong. Nothing here leaves the computer, and nothing here is secret.

pub mod client;
mod clock;
mod consent;
pub mod contents;
mod control;
pub mod dates;
pub mod desk;
pub mod faults;
pub mod grants;
mod house;
mod join;
pub mod jwt;
mod pages;
mod paths;
pub mod people;
pub mod providers;
pub mod redirects;
pub mod rules;
mod server;
pub mod visitor;
pub mod wire;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::AbortHandle;
use url::Url;

use crate::house::House;
use crate::wire::Request;

pub use crate::contents::Seen;
pub use crate::faults::{Fault, Problem, Stage};
pub use crate::house::{Active, Counts, Heard};
pub use crate::join::{join, join_or_start};
pub use tieline_catalog::practice::{PracticeApp as App, Practised, Route};

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where grants are kept, as hashes, so that practice sign-ins survive a restart. None: memory only.
    pub folder: Option<PathBuf>,
    /// How many things each provider holds, at most a million. None: 300.
    pub items: Option<usize>,
}

/// The running practice providers, whether this process runs them or another does. They stop when the last
/// clone in the process that started them is dropped.
#[derive(Clone)]
pub struct Practice {
    routes: Arc<[Route]>,
    apps: Arc<[App]>,
    control: Url,
    running: Option<Arc<Running>>,
}

struct Running {
    house: Arc<House>,
    listeners: Vec<AbortHandle>,
    /// Held by the one process that runs the providers of a folder.
    _lock: Option<std::fs::File>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.listeners.iter().for_each(AbortHandle::abort);
    }
}

/// Starts all providers and the control address, each on a free loopback port.
///
/// # Errors
/// When a port cannot be opened or the folder cannot be read or made.
pub async fn start(options: Options) -> io::Result<Practice> {
    start_with(options, None).await
}

async fn start_with(options: Options, lock: Option<std::fs::File>) -> io::Result<Practice> {
    let house = Arc::new(House::new(options.folder.as_deref(), options.items)?);
    let mut running = Running { house: house.clone(), listeners: Vec::new(), _lock: lock };
    let mut origins = Vec::new();
    for pattern in house.patterns.clone() {
        let house = house.clone();
        let (origin, listener) = server::serve(move |request| house.answer(pattern, request)).await?;
        running.listeners.push(listener);
        origins.push(origin);
    }
    let routes: Arc<[Route]> = control::routes(&house.patterns, &origins).into();
    let shown = routes.clone();
    let (control, listener) = server::serve(move |request| control::answer(&house, &shown, &request)).await?;
    running.listeners.push(listener);
    Ok(Practice { routes, apps: control::apps().into(), control, running: Some(Arc::new(running)) })
}

impl Practice {
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The origin that stands in for a documented host such as `acme.zendesk.com`.
    pub fn origin(&self, host: &str) -> Option<&Url> {
        let route = self.routes.iter().find(|route| paths::host_matches(&route.host, host));
        route.map(|route| &route.origin)
    }

    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// What an engine in practice mode has to know.
    pub fn practised(&self) -> Practised {
        Practised { routes: self.routes.to_vec(), apps: self.apps.to_vec(), control: self.control.clone() }
    }

    /// The page with all switches, for a person; JSON below it.
    pub fn control(&self) -> &Url {
        &self.control
    }

    /// Switches a fault on at a provider (id or slug), for so many requests or until it is cleared.
    pub async fn set_fault(&self, provider: &str, fault: Fault, times: Option<u32>) {
        self.tell("PUT", &format!("faults/{provider}"), json!(Active { fault, times })).await;
    }

    pub async fn clear_faults(&self) {
        self.tell("DELETE", "faults", Value::Null).await;
    }

    /// Requests since the start. All zero when the process that runs the providers is gone.
    pub async fn counts(&self, provider: &str) -> Counts {
        let said = self.tell("GET", &format!("counts/{provider}"), Value::Null).await;
        serde_json::from_value(said).unwrap_or_default()
    }

    /// The first requests of each form that came to a provider, with their answers.
    pub async fn heard(&self, provider: &str) -> Vec<Heard> {
        let said = self.tell("GET", &format!("heard/{provider}"), Value::Null).await;
        serde_json::from_value(said).unwrap_or_default()
    }

    /// Registers exact redirect addresses at a provider, beside the usual ones; replaces earlier additions.
    pub async fn register_redirects(&self, provider: &str, addresses: &[String]) {
        self.tell("PUT", &format!("redirects/{provider}"), json!(addresses)).await;
    }

    /// Replaces single fields of a provider's [`rules::GrantRules`], such as `{"access_seconds": 2}`; `null`
    /// takes back all that was replaced.
    pub async fn set_rules(&self, provider: &str, fields: Value) {
        self.tell("PUT", &format!("rules/{provider}"), fields).await;
    }

    /// Lets practice time run so many seconds ahead of the computer's.
    pub async fn set_clock_ahead(&self, seconds: u64) {
        self.tell("PUT", "clock", json!({ "ahead_seconds": seconds })).await;
    }

    /// What a correct client sees of a provider's contents in the end. Makes every file to tell its size.
    pub async fn contents(&self, provider: &str) -> Vec<Seen> {
        let mut said = self.tell("GET", &format!("contents/{provider}"), Value::Null).await;
        serde_json::from_value(said["items"].take()).unwrap_or_default()
    }

    /// Changes a provider's contents: see `PUT contents/{PROVIDER}` of the control address. Yields the `id` by
    /// which a client knows the thing, null when it must not see it, and the thing's own id as `thing`.
    pub async fn change(&self, provider: &str, order: Value) -> Value {
        self.tell("PUT", &format!("contents/{provider}"), order).await
    }

    /// Makes the contents of all providers anew, with so many things each.
    pub async fn set_items(&self, count: usize) {
        self.tell("PUT", "items", json!({ "count": count })).await;
    }

    /// Asks control; a failure is logged, and the answer is then null.
    async fn tell(&self, method: &str, path: &str, body: Value) -> Value {
        match self.ask(method, path, body).await {
            Ok(value) => value,
            Err(error) => {
                tracing::warn!(%error, method, path, "the practice providers did not do as told");
                Value::Null
            }
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> io::Result<Value> {
        let url = self.control.join(path).map_err(io::Error::other)?;
        let body = body.to_string().into_bytes();
        let kind = ("content-type", "application/json");
        let reply = match &self.running {
            Some(running) => {
                let request = Request {
                    method: method.to_owned(),
                    host: "127.0.0.1".to_owned(),
                    path: url.path().to_owned(),
                    headers: vec![(kind.0.to_owned(), kind.1.to_owned())],
                    body,
                    ..Request::default()
                };
                control::answer(&running.house, &self.routes, &request)
            }
            None => client::send(method, &url, &[kind], &body).await?,
        };
        let said: Value = serde_json::from_slice(&reply.body)?;
        if reply.status == 200 { Ok(said) } else { Err(io::Error::other(said.to_string())) }
    }
}
