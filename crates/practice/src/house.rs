//! Everything the practice providers share: the state, the origins, and the way of a request through them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::consent;
use crate::contents::{self, Contents, Shelf};
use crate::desk::{Ask, Code, Desk};
use crate::faults::{Fault, Stage};
use crate::grants::Book;
use crate::pages;
use crate::paths;
use crate::providers::{self, Endpoint, Kind, Provider};
use crate::rules::GrantRules;
use crate::wire::{Reply, Request};

/// The form of every consent page goes here, on the origin that showed it.
pub(crate) const CONSENT: &str = "/practice/consent";

pub(crate) struct House {
    pub clock: Clock,
    /// Documented host patterns in the order of their listeners, exact ones first.
    pub patterns: Vec<&'static str>,
    state: Mutex<State>,
    /// In the order of [`providers::ALL`].
    shelves: [Mutex<Shelf>; providers::ALL.len()],
    items: AtomicUsize,
}

pub(crate) struct State {
    pub book: Book,
    pub codes: HashMap<String, Code>,
    pub pending: Kept<(&'static Provider, Ask)>,
    pub kept: Kept<String>,
    pub faults: BTreeMap<&'static str, Vec<Active>>,
    pub counts: BTreeMap<&'static str, Counts>,
    pub rules: BTreeMap<&'static str, GrantRules>,
    /// The first requests of each form that programs sent to a provider.
    pub heard: BTreeMap<&'static str, Vec<Heard>>,
}

/// A program's request to a provider and what it answered, for whoever holds both against the provider's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub method: String,
    pub host: String,
    pub path: String,
    /// The path's template.
    pub form: String,
    pub query: Vec<(String, String)>,
    /// Without what every request has; of the credentials their scheme.
    pub headers: Vec<(String, String)>,
    /// JSON as it is, the fields of a form as an object, other text as text; null where there was none.
    pub body: Value,
    pub status: u16,
    /// The answer where it is JSON and not long, else null.
    pub answer: Value,
}

impl Heard {
    fn is_like(&self, other: &Heard) -> bool {
        let names =
            |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let fields = |body: &Value| body.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
        self.method == other.method
            && self.host == other.host
            && self.form == other.form
            && names(&self.query) == names(&other.query)
            && names(&self.headers) == names(&other.headers)
            && fields(&self.body) == fields(&other.body)
    }
}

/// As many requests are kept of each form: same method, host, template and names in query, headers and body.
const HEARD_OF_A_FORM: usize = 8;
const LONGEST_ANSWER: usize = 256 << 10;

/// A fault that is switched on; `times` is how often it still strikes, none for until it is cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    pub fault: Fault,
    pub times: Option<u32>,
}

/// How many requests of each kind a provider has received since the start, refused ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub authorize: u64,
    pub exchanges: u64,
    pub refreshes: u64,
    pub revokes: u64,
    pub identifies: u64,
    pub api: u64,
    /// Those of all kinds that were answered with a refusal.
    pub refused: u64,
}

impl House {
    pub fn new(folder: Option<&Path>, items: Option<usize>) -> std::io::Result<House> {
        let mut patterns: Vec<&'static str> = Vec::new();
        for host in providers::ALL.iter().flat_map(|provider| provider.hosts) {
            if !patterns.contains(&host.pattern) {
                patterns.push(host.pattern);
            }
        }
        patterns.sort_by_key(|pattern| pattern.starts_with('*'));
        let state = State {
            book: Book::open(folder)?,
            codes: HashMap::new(),
            pending: Kept::default(),
            kept: Kept::default(),
            faults: BTreeMap::new(),
            counts: BTreeMap::new(),
            rules: BTreeMap::new(),
            heard: BTreeMap::new(),
        };
        Ok(House {
            clock: Clock::default(),
            patterns,
            state: Mutex::new(state),
            shelves: Default::default(),
            items: AtomicUsize::new(items.unwrap_or(contents::USUAL_COUNT).min(contents::MOST)),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a provider holds at this moment.
    pub fn contents(&self, provider: &Provider) -> Arc<Contents> {
        self.at_shelf(provider, |shelf, items, now| shelf.contents(provider, items, now).clone())
    }

    /// Changes what a provider holds; the work gets the shelf, how many things there are at first and the time.
    pub fn at_shelf<T>(&self, provider: &Provider, work: impl FnOnce(&mut Shelf, usize, u64) -> T) -> T {
        let at = providers::ALL.iter().position(|other| other.id == provider.id).unwrap_or(0);
        let mut shelf = self.shelves[at].lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut shelf, self.items.load(Ordering::Relaxed), self.clock.now())
    }

    /// Lets all contents be made anew when they are next needed.
    pub fn set_items(&self, count: usize) {
        self.items.store(count.min(contents::MOST), Ordering::Relaxed);
        for shelf in &self.shelves {
            shelf.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Answers a request that came to the listener of this host pattern.
    pub fn answer(&self, pattern: &str, mut request: Request) -> Reply {
        if !matches!(request.host.as_str(), "127.0.0.1" | "localhost")
            && !paths::host_matches(pattern, &request.host)
        {
            return Reply::text(421, "This practice host does not answer for that name.");
        }
        if request.path == CONSENT {
            return consent::decide(self, &request);
        }
        let mut found = Vec::new();
        let mut other_method = false;
        for (provider, endpoint) in endpoints(pattern) {
            let Some(captures) = paths::capture(endpoint.path, &request.path) else { continue };
            if endpoint.method == request.method || endpoint.method == "GET" && request.method == "HEAD" {
                found.push((provider, endpoint, captures));
            } else {
                other_method = true;
            }
        }
        if found.is_empty() {
            return nothing(pattern, &request, if other_method { 405 } else { 404 });
        }
        let owner = if found.len() > 1 { self.owner(&request) } else { None };
        let position = found.iter().position(|(provider, ..)| owner == Some(provider.id)).unwrap_or(0);
        let (provider, endpoint, captures) = found.swap_remove(position);
        request.captures = captures;
        self.serve(provider, endpoint, &request)
    }

    fn serve(&self, provider: &'static Provider, endpoint: &Endpoint, request: &Request) -> Reply {
        let desk = Desk { provider, house: self };
        let Some(stage) = stage(endpoint, request) else {
            let reply = (endpoint.answer)(&desk, request)
                .unwrap_or_else(|problem| desk.say(problem, Stage::Exchange, request));
            self.hear(provider, endpoint, request, &reply);
            return reply;
        };
        self.count(provider, |counts| match stage {
            Stage::Authorize | Stage::Consent => counts.authorize += 1,
            Stage::Exchange => counts.exchanges += 1,
            Stage::Refresh => counts.refreshes += 1,
            Stage::Revoke => counts.revokes += 1,
            Stage::Identify => counts.identifies += 1,
            Stage::Api => counts.api += 1,
        });
        let work =
            || (endpoint.answer)(&desk, request).unwrap_or_else(|problem| desk.say(problem, stage, request));
        let reply = match self.strike_at(provider, stage) {
            None => work(),
            Some(Fault::Slow) => Reply { delay: Duration::from_secs(20), ..work() },
            Some(Fault::DropReply) => Reply { cut: true, ..work() },
            Some(Fault::Garbage) => Reply::page(200, pages::garbage()).refused(),
            Some(Fault::Huge) => Reply::json(200, &json!({ "padding": "x".repeat(5 << 20) })).refused(),
            Some(fault) => match fault.problem() {
                Some(problem) => desk.say(problem, stage, request),
                None => work(),
            },
        };
        if reply.refused {
            self.count(provider, |counts| counts.refused += 1);
        }
        // That is the browser's.
        if !matches!(stage, Stage::Authorize | Stage::Consent) {
            self.hear(provider, endpoint, request, &reply);
        }
        reply
    }

    /// Keeps a request that was answered well, unless enough of its form are kept already.
    fn hear(&self, provider: &'static Provider, endpoint: &Endpoint, request: &Request, reply: &Reply) {
        if reply.refused {
            return;
        }
        const USUAL: [&str; 6] =
            ["host", "user-agent", "accept", "content-length", "connection", "accept-encoding"];
        let headers = request.headers.iter().filter(|(name, _)| !USUAL.contains(&name.as_str()));
        let headers = headers.cloned().map(|(name, value)| match name.as_str() {
            "authorization" => (name, value.split(' ').next().unwrap_or_default().to_owned()),
            _ => (name, value),
        });
        let heard = Heard {
            method: request.method.clone(),
            host: request.host.clone(),
            path: request.path.clone(),
            form: endpoint.path.to_owned(),
            query: request.query.clone(),
            headers: headers.collect(),
            body: if request.is_form() {
                request
                    .form()
                    .into_iter()
                    .map(|(name, value)| (name, value.into()))
                    .collect::<Map<_, _>>()
                    .into()
            } else if request.body.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&request.body)
                    .unwrap_or_else(|_| String::from_utf8_lossy(&request.body).into())
            },
            status: reply.status,
            answer: if reply.body.len() < LONGEST_ANSWER { reply.value() } else { Value::Null },
        };
        let mut state = self.state();
        let all = state.heard.entry(provider.id).or_default();
        if all.iter().filter(|it| it.is_like(&heard)).count() < HEARD_OF_A_FORM {
            all.push(heard);
        }
    }

    pub fn count(&self, provider: &'static Provider, add: impl FnOnce(&mut Counts)) {
        add(self.state().counts.entry(provider.id).or_default());
    }

    /// Whether this fault is on; if so, one of its times is used up.
    pub fn strike(&self, provider: &'static Provider, fault: Fault) -> bool {
        self.strike_first(provider, |active| active == fault).is_some()
    }

    /// The fault that spoils a request as a whole at this stage, if one is on.
    fn strike_at(&self, provider: &'static Provider, stage: Stage) -> Option<Fault> {
        // These alter a good answer and are asked for where that is made.
        let alters = |fault| matches!(fault, Fault::NoRefreshToken | Fault::ShortPages);
        self.strike_first(provider, |fault| !alters(fault) && fault.strikes(stage))
    }

    fn strike_first(&self, provider: &'static Provider, pick: impl Fn(Fault) -> bool) -> Option<Fault> {
        let mut state = self.state();
        let list = state.faults.get_mut(provider.id)?;
        let at = list.iter().position(|active| pick(active.fault))?;
        let fault = list[at].fault;
        if let Some(times) = &mut list[at].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                list.remove(at);
            }
        }
        Some(fault)
    }

    /// Switches a fault on; one that is on already gets the new number of times.
    pub fn set_fault(&self, provider: &'static Provider, active: Active) {
        let mut state = self.state();
        let list = state.faults.entry(provider.id).or_default();
        list.retain(|other| other.fault != active.fault);
        if active.times != Some(0) {
            list.push(active);
        }
    }

    /// Which of several providers at one address is meant.
    fn owner(&self, request: &Request) -> Option<&'static str> {
        let client = request
            .query("client_id")
            .map(str::to_owned)
            .or_else(|| request.field("client_id"))
            .or_else(|| request.basic().map(|(name, _)| name));
        let by_client = client.and_then(|client| {
            providers::ALL.into_iter().find(|provider| provider.app(&client).is_some()).map(|it| it.id)
        });
        by_client.or_else(|| {
            let token = request
                .bearer()
                .map(str::to_owned)
                .or_else(|| request.field("token"))
                .or_else(|| request.field("refresh_token"))
                .or_else(|| request.query("token").map(str::to_owned))?;
            let state = self.state();
            let provider = &state.book.grant_of(&token)?.provider;
            Provider::find(provider).map(|provider| provider.id)
        })
    }
}

/// What the providers that declare this host answer to.
fn endpoints(pattern: &str) -> impl Iterator<Item = (&'static Provider, &'static Endpoint)> {
    providers::ALL.into_iter().flat_map(move |provider| {
        let hosts = provider.hosts.iter().filter(move |host| host.pattern == pattern);
        hosts.flat_map(move |host| host.endpoints.iter().map(move |endpoint| (provider, endpoint)))
    })
}

fn nothing(pattern: &str, request: &Request, status: u16) -> Reply {
    if request.header("accept").is_some_and(|accept| accept.contains("text/html")) {
        Reply::page(status, pages::nothing_here(pattern))
    } else {
        Reply::json(status, &json!({ "error": "not_found" }))
    }
}

fn stage(endpoint: &Endpoint, request: &Request) -> Option<Stage> {
    Some(match endpoint.kind {
        Kind::Authorize => Stage::Authorize,
        Kind::Token if request.field("grant_type").as_deref() == Some("refresh_token") => Stage::Refresh,
        Kind::Token => Stage::Exchange,
        Kind::Revoke => Stage::Revoke,
        Kind::Identify => Stage::Identify,
        Kind::Api => Stage::Api,
        Kind::Step => return None,
    })
}

/// A memory whose entries fade.
pub(crate) struct Kept<T>(HashMap<String, (T, u64)>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(HashMap::new())
    }
}

impl<T: Clone> Kept<T> {
    pub fn keep(&mut self, key: String, value: T, now: u64, seconds: u64) {
        self.0.retain(|_, (_, end)| now < *end);
        self.0.insert(key, (value, now + seconds));
    }

    pub fn take(&mut self, key: &str, now: u64) -> Option<T> {
        self.0.remove(key).filter(|(_, end)| now < *end).map(|(value, _)| value)
    }

    pub fn look(&self, key: &str, now: u64) -> Option<T> {
        self.0.get(key).filter(|(_, end)| now < *end).map(|(value, _)| value.clone())
    }
}
