//! Requests of one connection: its address, its token, its pace.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Method, Provider, Sign, SourceFacts, host_allowed};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use super::Fault;
use crate::client::{Body, Client, Fetched, Request};
use crate::clock::{Clock, Seconds};
use crate::error::{Code, Error};
use crate::item::Kind;
use crate::secret::Secret;

/// The longest answer that is a page of a list.
const PAGE: usize = 64 * 1024 * 1024;
/// The longest document that is read.
pub const DOCUMENT: usize = 100 * 1024 * 1024;
/// Tries of one request that the provider or the line spoils.
const TRIES: u32 = 5;
/// The longest that a single request waits in pauses that the provider asks for.
const LONGEST_PAUSES: Seconds = 2 * 3600;
/// Jumps that a download may make.
const JUMPS: usize = 5;

/// Hands out the access token and its version; given the version that was refused, a newer one.
pub type Tokens = Arc<
    dyn Fn(Option<u32>) -> Pin<Box<dyn Future<Output = Result<(Secret, u32), Error>> + Send>> + Send + Sync,
>;

/// Asks one provider in the name of one connection. Cheap to clone; what is asked ends when its future is dropped.
#[derive(Clone)]
pub struct Rest {
    client: Client,
    clock: Clock,
    tokens: Tokens,
    facts: Arc<SourceFacts>,
    base: Arc<str>,
    hosts: Arc<[String]>,
    fields: Arc<Fields>,
    besides: Arc<[Kind]>,
    pace: Arc<Pace>,
    /// What [`Rest::once`] found.
    found: Arc<OnceCell<Arc<dyn Any + Send + Sync>>>,
}

/// How fast a connection may be asked: shared by all who ask in its name.
pub struct Pace {
    at_once: Semaphore,
    /// Milliseconds between two requests where a number a minute is documented.
    gap: Option<Duration>,
    next: Mutex<Instant>,
    /// Until when nothing is asked, because the provider wants a pause. 0: no pause.
    until: AtomicI64,
}

impl Pace {
    /// `documented`: the number of requests a minute is kept to. A practice provider has no such limit to protect; the
    /// pauses that it asks for are waited out all the same.
    pub fn new(facts: Option<&SourceFacts>, documented: bool) -> Self {
        let gap = facts
            .filter(|_| documented)
            .and_then(|facts| facts.per_minute)
            .map(|count| Duration::from_millis(66_000 / u64::from(count.max(1))));
        Self {
            at_once: Semaphore::new(facts.map_or(1, |facts| facts.at_once.max(1)) as usize),
            gap,
            next: Mutex::new(Instant::now()),
            until: AtomicI64::new(0),
        }
    }

    /// Until when the provider wants a pause.
    pub fn paused_until(&self, now: Seconds) -> Option<Seconds> {
        Some(self.until.load(Ordering::Relaxed)).filter(|until| *until > now)
    }

    fn pause(&self, until: Seconds) {
        self.until.fetch_max(until, Ordering::Relaxed);
    }

    /// When the next request has its place in the documented rhythm. A burst of ten is let through.
    fn place(&self, now: Instant) -> Instant {
        let Some(gap) = self.gap else { return now };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next + gap).max(now.checked_sub(gap * 10).unwrap_or(now));
        *next
    }
}

/// A provider's answer.
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}

impl Reply {
    /// The header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON of that shape.
    ///
    /// # Errors
    /// [`Code::Temporary`] when it is none: providers answer with a web page when they are not well.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|error| {
            tracing::debug!(%error, status = self.status, "an answer is not what was expected");
            Fault::Failed(Error::new(
                Code::Temporary,
                "The provider’s answer could not be understood.",
                "Try again later. If it stays, report it with the log.",
            ))
        })
    }

    /// The address of `Link: <…>; rel="next"` (RFC 8288).
    pub fn next_link(&self) -> Option<String> {
        let links = self.headers.iter().filter(|(name, _)| name == "link");
        // An address may hold commas.
        links.flat_map(|(_, value)| value.split('<').skip(1)).find_map(|link| {
            let (address, about) = link.split_once('>')?;
            let is_next = about.split([';', ',']).any(|it| matches!(it.trim(), "rel=\"next\"" | "rel=next"));
            is_next.then(|| address.to_owned())
        })
    }

    fn shows(&self, signs: &[Sign]) -> bool {
        signs.iter().any(|it| it.status == self.status && self.says(&it.contains))
    }

    fn says(&self, words: &str) -> bool {
        let start = &self.body[..self.body.len().min(16 * 1024)];
        String::from_utf8_lossy(start).contains(words)
    }
}

/// One request, put together step by step.
pub struct Ask<'r> {
    rest: &'r Rest,
    method: Method,
    address: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    json: Option<String>,
}

impl Ask<'_> {
    /// Appends a parameter to the address.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Appends a parameter where there is a value.
    pub fn maybe(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.json = Some(body.to_string());
        self
    }

    /// Sends it. A success is answered; any other status is [`Fault::Status`].
    pub async fn send(self) -> Result<Reply, Fault> {
        let (rest, url) = (self.rest, self.url()?);
        rest.exchange(&self, url, PAGE).await
    }

    /// Sends it and reads the answer's JSON.
    pub async fn value<T: DeserializeOwned>(self) -> Result<T, Fault> {
        self.send().await?.json()
    }

    /// Sends it and follows where it leads, up to `most` bytes; the token goes to the provider's own hosts only.
    pub async fn download(self, most: usize) -> Result<Reply, Fault> {
        let mut url = self.url()?;
        for _ in 0..JUMPS {
            let reply = match self.rest.exchange(&self, url.clone(), most).await {
                Err(Fault::Status(reply)) if (300..400).contains(&reply.status) => reply,
                other => return other,
            };
            let Some(next) = reply.header("location").and_then(|place| url.join(place).ok()) else {
                return Err(Fault::Status(reply));
            };
            url = next;
        }
        Err(Fault::Unreadable("The provider sent Tieline from address to address without an end.".into()))
    }

    fn url(&self) -> Result<Url, Fault> {
        let whole = if self.address.starts_with("https://") || self.address.starts_with("http://") {
            self.address.clone()
        } else {
            format!("{}{}", self.rest.base, self.address)
        };
        let mut url =
            Url::parse(&whole).map_err(|_| Fault::Failed(Error::internal("an address that is none")))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

/// What [`Rest::new`] is made of.
pub struct Parts {
    pub client: Client,
    pub clock: Clock,
    pub tokens: Tokens,
    /// Inputs and facts of the connection.
    pub fields: Fields,
    /// Kinds to be listed besides the usual ones.
    pub besides: Vec<Kind>,
    pub pace: Arc<Pace>,
}

impl Rest {
    /// None where the provider's entry tells nothing about contents, or a field of its address is missing.
    pub fn new(provider: &Provider, parts: Parts) -> Option<Self> {
        let facts = provider.source.clone()?;
        let base = template::fill_url(&facts.api, &parts.fields).ok()?;
        let hosts = provider.oauth.api_hosts.iter().map(|host| template::fill_gently(host, &parts.fields));
        Some(Self {
            client: parts.client,
            clock: parts.clock,
            tokens: parts.tokens,
            facts: Arc::new(facts),
            base: base.into(),
            hosts: hosts.collect(),
            fields: Arc::new(parts.fields),
            besides: parts.besides.into(),
            pace: parts.pace,
            found: Arc::default(),
        })
    }

    /// An input or a fact of the connection; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Whether this kind is listed besides what is listed for everybody.
    pub fn lists(&self, kind: Kind) -> bool {
        self.besides.contains(&kind)
    }

    /// What a source asks for once and needs at many pages, such as the names of people. It is asked for anew at the
    /// next sync, or the next look.
    pub async fn once<T: Send + Sync + 'static>(
        &self,
        find: impl Future<Output = Result<T, Fault>>,
    ) -> Result<Arc<T>, Fault> {
        let found =
            self.found.get_or_try_init(|| async { Ok::<_, Fault>(Arc::new(find.await?) as _) }).await?;
        let other = || Fault::Failed(Error::internal("a source asks for two things once"));
        Arc::clone(found).downcast().map_err(|_| other())
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// `address` is a path, appended to the provider's `[source] api`, or a whole address that the provider gave;
    /// what is not percent-encoded yet goes in by [`segment`] or [`Ask::query`].
    pub fn get(&self, address: impl Into<String>) -> Ask<'_> {
        self.ask(Method::Get, address.into())
    }

    pub fn post(&self, address: impl Into<String>) -> Ask<'_> {
        self.ask(Method::Post, address.into())
    }

    fn ask(&self, method: Method, address: String) -> Ask<'_> {
        Ask { rest: self, method, address, query: Vec::new(), headers: Vec::new(), json: None }
    }

    /// Tries until there is an answer that is about the request: pauses are waited for, a spoiled try is made again,
    /// a refused token is renewed once.
    async fn exchange(&self, ask: &Ask<'_>, url: Url, most: usize) -> Result<Reply, Fault> {
        let (mut tries, mut waited, mut renewed) = (0, 0, None);
        loop {
            self.wait_out_pause().await;
            let token = match renewed {
                None if self.is_ours(&url) => Some((self.tokens)(None).await?),
                Some(refused) if self.is_ours(&url) => Some((self.tokens)(Some(refused)).await?),
                _ => None,
            };
            let version = token.as_ref().map(|(_, version)| *version);
            let outcome = {
                let _permit = self.pace.at_once.acquire().await;
                // A download host has no part in the provider's count.
                if version.is_some() {
                    tokio::time::sleep_until(self.pace.place(Instant::now()).into()).await;
                }
                self.client.fetch(self.request(ask, url.clone(), token.map(|(token, _)| token)), most).await
            };
            tries += 1;
            let fetched = match outcome {
                Ok(fetched) => fetched,
                Err(error) if error.code == Code::Temporary && tries < TRIES => {
                    tokio::time::sleep(spoiled_pause(tries)).await;
                    continue;
                }
                Err(error) if error.code == Code::BadInput => return Err(Fault::Unreadable(error.message)),
                Err(error) => return Err(Fault::Failed(error)),
            };
            let retry_after = fetched.retry_after;
            let reply = reply(fetched);
            self.heed(&reply);
            if self.is_limit(&reply) {
                let pause = self.asked_pause(&reply, retry_after, tries);
                waited += pause;
                if waited > LONGEST_PAUSES {
                    return Err(Fault::Failed(Error::new(
                        Code::Temporary,
                        "The provider asks for a very long pause.",
                        "Tieline tries again at the next sync.",
                    )));
                }
                self.pace.pause(self.clock.now() + pause);
                continue;
            }
            match reply.status {
                _ if renewed.is_none() && version.is_some() && self.is_refusal(&reply) => renewed = version,
                200..=299 => return Ok(reply),
                500.. if tries < TRIES => {
                    let wait = retry_after.map_or(spoiled_pause(tries), |it| Duration::from_secs(it.min(60)));
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(Fault::Status(reply)),
            }
        }
    }

    fn request(&self, ask: &Ask<'_>, url: Url, bearer: Option<Secret>) -> Request {
        // What was meant for the provider's API is not for the host of a download.
        let (headers, body) = match (&bearer, &ask.json) {
            (None, _) => (Vec::new(), Body::None),
            (Some(_), None) => (ask.headers.clone(), Body::None),
            (Some(_), Some(text)) => (ask.headers.clone(), Body::Json(Secret::new(text.as_str()))),
        };
        Request {
            method: if bearer.is_some() { ask.method } else { Method::Get },
            url,
            headers,
            bearer,
            proof: None,
            basic: None,
            body,
            allowed_hosts: self.hosts.to_vec(),
        }
    }

    fn is_ours(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| host_allowed(&self.hosts, host))
    }

    async fn wait_out_pause(&self) {
        while let Some(until) = self.pace.paused_until(self.clock.now()) {
            let left = (until - self.clock.now()).clamp(0, 5);
            tokio::time::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0) * 1000 + 50)).await;
        }
    }

    /// Sees from any answer whether a pause is wanted before the next request.
    fn heed(&self, reply: &Reply) {
        let number = |name: &String| reply.header(name).and_then(|text| text.trim().parse::<f64>().ok());
        let now = self.clock.now();
        if let Some(seconds) = self.facts.backoff.iter().find_map(number) {
            self.pace.pause(now + whole(seconds));
        }
        let used_up = self.facts.remaining.iter().find_map(number).is_some_and(|left| left < 1.0);
        if used_up && (200..300).contains(&reply.status) {
            let at = self.facts.reset.iter().find_map(number).map_or(now + 5, |reset| from_now(reset, now));
            self.pace.pause(at.min(now + 300));
        }
    }

    fn is_limit(&self, reply: &Reply) -> bool {
        !reply.shows(&self.facts.blocked) && (reply.status == 429 || reply.shows(&self.facts.limited))
    }

    fn is_refusal(&self, reply: &Reply) -> bool {
        !reply.shows(&self.facts.forbidden) && (reply.status == 401 || reply.shows(&self.facts.refused))
    }

    /// Seconds: what the provider says, else doubling from one.
    fn asked_pause(&self, reply: &Reply, retry_after: Option<u64>, tries: u32) -> Seconds {
        let number = |name: &String| reply.header(name).and_then(|text| text.trim().parse::<f64>().ok());
        let now = self.clock.now();
        let asked = retry_after.and_then(|it| Seconds::try_from(it).ok());
        let reset = || self.facts.reset.iter().find_map(number).map(|it| from_now(it, now) - now);
        asked.or_else(reset).unwrap_or(1 << tries.min(6)).max(1)
    }
}

/// Percent-encodes one segment of a path.
pub fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn reply(fetched: Fetched) -> Reply {
    Reply { status: fetched.status, headers: fetched.headers, body: fetched.body }
}

fn whole(seconds: f64) -> Seconds {
    seconds.clamp(0.0, 86_400.0).ceil() as Seconds
}

/// Providers tell resets in seconds from now or since 1970.
fn from_now(reset: f64, now: Seconds) -> Seconds {
    if reset > 1e9 { reset.min(4e9).ceil() as Seconds } else { now + whole(reset) }
}

fn spoiled_pause(tries: u32) -> Duration {
    Duration::from_millis(250 << tries.min(5))
}
