//! The only HTTP client: where a request may go, with what and for how long.

mod failure;
mod network;
mod proving;
mod said;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect;
use tieline_catalog::{Method, host_allowed, host_matches};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use self::network::{bad_certificate, certificates, proxy};
use self::proving::{Origins, Proving};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};
use crate::oauth::ProofKey;
use crate::secret::Secret;

pub use self::network::Network;

/// Where hosts are.
#[derive(Debug, Clone)]
pub enum Routes {
    /// Where DNS says, by https.
    Internet,
    /// On this machine: hosts that match the pattern are at the origin. Nothing else is reached.
    Practice(Vec<(String, Url)>),
}

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    routes: Arc<Routes>,
    origins: Arc<Origins>,
    limits: Limits,
    proxied: bool,
}

#[derive(Clone, Copy)]
struct Limits {
    connect: Duration,
    whole: Duration,
    answer: usize,
    /// The whole of a download, of which no piece may take longer than `whole`.
    fetch: Duration,
}

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    whole: Duration::from_secs(30),
    answer: 1024 * 1024,
    fetch: Duration::from_secs(600),
};

pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    /// Sent in the `Authorization` header and nowhere else.
    pub bearer: Option<Secret>,
    /// Proves possession of this key, to which the token in `bearer` is bound, or is to be.
    pub proof: Option<ProofKey>,
    /// User and password of HTTP Basic, sent as they are given.
    pub basic: Option<(String, Secret)>,
    pub body: Body,
    /// Patterns of the hosts that may see a credential or a body.
    pub allowed_hosts: Vec<String>,
}

pub enum Body {
    None,
    Form(Vec<(String, Secret)>),
    /// The JSON's text.
    Json(Secret),
}

/// What came back, whatever its status; redirects are not followed.
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most 1 MB; bytes that are not UTF-8 become U+FFFD.
    pub body: Secret,
    pub took: Duration,
    /// `Retry-After` in seconds, a date being counted from the answer's own `Date`.
    pub retry_after: Option<u64>,
    /// What must not be shown of the body.
    sent: Vec<Secret>,
}

/// Contents that came back, whatever the status.
pub struct Fetched {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// As in [`Answer`].
    pub retry_after: Option<u64>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {:?})", self.status, self.took)
    }
}

impl Client {
    /// # Errors
    /// Names the field `proxy` or `extra_ca`.
    pub fn new(network: &Network, routes: Routes) -> Result<Self> {
        Self::with_limits(network, routes, LIMITS)
    }

    fn with_limits(network: &Network, routes: Routes, limits: Limits) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("Tieline/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(limits.connect)
            .timeout(limits.whole);
        let mut proxied = false;
        match &routes {
            // Practice is plain http on this machine: a proxy would carry it away, and trusting nobody
            // keeps the system's certificates from being read at all.
            Routes::Practice(_) => builder = builder.no_proxy().tls_certs_only([]),
            Routes::Internet => {
                if let Some(proxy) = proxy(&network.proxy)? {
                    builder = builder.proxy(proxy);
                    proxied = true;
                }
                let extra = certificates(&network.extra_ca)?;
                if !extra.is_empty() {
                    builder = builder.tls_certs_merge(extra);
                }
            }
        }
        let http = builder.build().map_err(|error| match network.extra_ca.trim() {
            "" => Error::internal(error.without_url()),
            _ => bad_certificate(),
        })?;
        Ok(Self { http, routes: Arc::new(routes), origins: Arc::default(), limits, proxied })
    }

    /// Sends one request and reads its answer, within 30 seconds; no redirects, no cookies, no second try but with the
    /// nonce that a proof was refused for.
    ///
    /// # Errors
    /// [`Code::Temporary`] when no answer came, saying whether the name, the certificate, the proxy, the
    /// connection or the time was at fault; [`Code::Refused`] when the address is not one to send this to.
    pub async fn send(&self, request: Request) -> Result<Answer> {
        let proving = Proving::of(&request);
        let (host, call, sent) = self.prepare(request)?;
        let Some(proving) = proving else { return self.once(&host, call, sent).await };
        let again = call.try_clone();
        let call = call.header("DPoP", proving.header(&self.origins)?);
        let answer = self.once(&host, call, sent.clone()).await?;
        let Some(again) = again.filter(|_| proving.learn(&self.origins, &answer)) else { return Ok(answer) };
        let call = again.header("DPoP", proving.header(&self.origins)?);
        let answer = self.once(&host, call, sent).await?;
        proving.learn(&self.origins, &answer);
        Ok(answer)
    }

    async fn once(&self, host: &str, call: reqwest::RequestBuilder, sent: Vec<Secret>) -> Result<Answer> {
        let started = Instant::now();
        let mut response = call.send().await.map_err(|error| self.failure(host, &error))?;

        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let headers = plain(response.headers());
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(host, &error))? {
            if body.len() + chunk.len() > self.limits.answer {
                return Err(Error::new(
                    Code::Temporary,
                    format!(
                        "{host} sent more than {} KB, so Tieline stopped reading.",
                        self.limits.answer / 1024
                    ),
                    "Try again later. If it stays, this address may not be the provider's.",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        let body = Secret::new(String::from_utf8_lossy(&body));
        Ok(Answer { status, headers, body, took: started.elapsed(), retry_after, sent })
    }

    /// Fetches contents: as [`Client::send`], but up to `most` bytes, and for as long as something keeps coming.
    ///
    /// # Errors
    /// As [`Client::send`]; [`Code::BadInput`] where the answer is longer than `most`.
    pub async fn fetch(&self, request: Request, most: usize) -> Result<Fetched> {
        let (host, call, _) = self.prepare(request)?;
        let mut response =
            call.timeout(self.limits.fetch).send().await.map_err(|error| self.failure(&host, &error))?;
        let too_long = |length: u64| length > most as u64;
        if response.content_length().is_some_and(too_long) {
            return Err(too_large(most));
        }
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let headers = plain(response.headers());
        let mut body = Vec::new();
        loop {
            let chunk = tokio::time::timeout(self.limits.whole, response.chunk()).await;
            let chunk = chunk.map_err(|_| {
                Error::new(
                    Code::Temporary,
                    format!("{host} stopped in the middle of its answer."),
                    "Try again in a few minutes.",
                )
            })?;
            let Some(chunk) = chunk.map_err(|error| self.failure(&host, &error))? else { break };
            if too_long((body.len() + chunk.len()) as u64) {
                return Err(too_large(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status, headers, body, retry_after })
    }

    /// Tells a program something at an address that it named: https, or http on this computer; in practice this computer
    /// only. Ten seconds, no redirects; what comes back is not read. Answers the status.
    pub async fn tell(&self, url: &Url, headers: &[(&str, String)], body: Vec<u8>) -> Result<u16> {
        let here = is_loopback(url);
        let practice = matches!(*self.routes, Routes::Practice(_));
        if !(here && url.scheme() == "http" || !practice && url.scheme() == "https") {
            return Err(Error::new(
                Code::Refused,
                "Tieline tells programs something at https addresses only, or on this computer.",
                "Name another address.",
            ));
        }
        let mut call = self.http.post(url.clone()).timeout(Duration::from_secs(10)).body(body);
        for (name, value) in headers {
            call = call.header(*name, value);
        }
        let host = url.host_str().unwrap_or_default();
        let answer = call.send().await.map_err(|error| self.failure(host, &error))?;
        Ok(answer.status().as_u16())
    }

    /// Checks where a request may go and puts it together.
    fn prepare(&self, request: Request) -> Result<(String, reqwest::RequestBuilder, Vec<Secret>)> {
        let host = host_of(&request.url)?;
        if request.carries_something() && !host_allowed(&request.allowed_hosts, &host) {
            return Err(Error::new(
                Code::Refused,
                format!(
                    "Tieline sent nothing to {host}: it is not one of the addresses listed for this provider."
                ),
                "If your organisation uses this address, its administrator can add it to the provider's file.",
            ));
        }
        let target = self.place(&request.url)?;
        let mut headers = headers(&request)?;
        if target.host_str() != request.url.host_str() {
            headers.insert(HOST, header_value(&host)?);
        }
        let method = reqwest::Method::from_bytes(verb(request.method).as_bytes()).map_err(Error::internal)?;
        let mut call = self.http.request(method, target).headers(headers);
        let sent = said::sent(&request);
        if let Some(body) = request.body.into_text() {
            call = call.body(body.expose().to_owned());
        }
        Ok((host, call, sent))
    }

    /// Where the browser has to go for `url`.
    ///
    /// # Errors
    /// [`Code::Refused`] for what is not https, or has no place in practice mode.
    pub fn browser_url(&self, url: Url) -> Result<Url> {
        self.place(&url)
    }

    /// Where `url` is: itself, or its practice origin.
    fn place(&self, url: &Url) -> Result<Url> {
        let host = host_of(url)?;
        match &*self.routes {
            Routes::Internet if url.scheme() == "https" => Ok(url.clone()),
            Routes::Internet => Err(Error::new(
                Code::Refused,
                format!("Tieline does not talk to {host} without encryption."),
                "Use the address that begins with https://.",
            )),
            Routes::Practice(_) if is_loopback(url) => Ok(url.clone()),
            Routes::Practice(routes) => {
                let (_, origin) =
                    routes.iter().find(|(pattern, _)| host_matches(pattern, &host)).ok_or_else(|| {
                        Error::new(
                            Code::Refused,
                            format!("{host} is not part of practice mode, so nothing was sent."),
                            "Turn practice mode off to reach real addresses.",
                        )
                    })?;
                let mut placed = origin.clone();
                placed.set_path(url.path());
                placed.set_query(url.query());
                Ok(placed)
            }
        }
    }
}

impl Request {
    fn carries_something(&self) -> bool {
        let authorized = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let credential = self.bearer.is_some() || self.basic.is_some() || self.proof.is_some();
        authorized || credential || !matches!(self.body, Body::None)
    }
}

impl Body {
    fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Form(_) => Some("application/x-www-form-urlencoded"),
            Self::Json(_) => Some("application/json"),
        }
    }

    fn into_text(self) -> Option<Secret> {
        match self {
            Self::None => None,
            Self::Json(text) => Some(text),
            Self::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in &pairs {
                    form.append_pair(name, value.expose());
                }
                Some(Secret::new(form.finish()))
            }
        }
    }
}

fn headers(request: &Request) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(kind) = request.body.content_type() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in &request.headers {
        let name = reqwest::header::HeaderName::try_from(name.as_str())
            .map_err(|_| Error::internal(format_args!("{name:?} as the name of a header")))?;
        let mut value = header_value(value)?;
        value.set_sensitive(name == AUTHORIZATION);
        headers.insert(name, value);
    }
    let credential = match (&request.bearer, &request.basic) {
        (Some(token), _) => {
            let scheme = if request.proof.is_some() { "DPoP" } else { "Bearer" };
            Some(Zeroizing::new(format!("{scheme} {}", token.expose())))
        }
        (None, Some((user, password))) => {
            use base64::Engine as _;
            let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
            let pair = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
            Some(Zeroizing::new(format!("Basic {}", *pair)))
        }
        (None, None) => None,
    };
    if let Some(credential) = credential {
        let mut value = header_value(&credential)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn verb(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    }
}

fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let plain = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), plain(value))).collect()
}

fn too_large(most: usize) -> Error {
    Error::new(
        Code::BadInput,
        format!("It is larger than {} MB, which is more than Tieline reads.", most / (1024 * 1024)),
        "Open it at its source.",
    )
}

fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| Error::internal("characters that no header can hold"))
}

/// The host in lower case, without its port.
fn host_of(url: &Url) -> Result<String> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(
            Code::Refused,
            "Tieline does not use addresses that hold a user name or password.",
            "Leave out what stands before the @.",
        ));
    }
    url.host_str().map(str::to_ascii_lowercase).ok_or_else(|| {
        Error::new(Code::Refused, "The address names no host.", "Use an address that begins with https://.")
    })
}

/// Whether an address names this computer.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// RFC 9110 §10.2.3: seconds, or a date, which is counted from the answer's `Date` because the provider's
/// clock and ours may differ.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let stamp = |text: &str| OffsetDateTime::parse(text, &Rfc2822).ok().map(OffsetDateTime::unix_timestamp);
    let from = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(stamp);
    let wait = stamp(text)? - from.unwrap_or_else(|| Clock::system().now());
    Some(u64::try_from(wait).unwrap_or(0))
}
