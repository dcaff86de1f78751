//! Keys: shown in a request, recognised, held against what they may.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq;
use tieline_engine::program::Key;
use tieline_engine::{Error, Secret};

use super::rates::UNKNOWN;
use super::{Allowance, Refused, Tier, is_own, origin};
use crate::Door;

/// Letters of a connection's id that are noted. Ours are shorter; what is noted is kept for good.
const MOST_CONNECTION: usize = 64;

/// A key for the time of a run: 256 bits.
pub(crate) fn session_key() -> tieline_engine::Result<Secret> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// What becomes known of a request on its way, for the log of uses.
#[derive(Clone, Default)]
pub(super) struct Visit(Arc<Seen>);

#[derive(Default)]
struct Seen {
    key: OnceLock<String>,
    what: OnceLock<String>,
    connection: Mutex<String>,
}

impl Visit {
    /// Key, name of what was asked for, connection; none where no key was recognised.
    pub(super) fn seen(&self) -> Option<(String, Option<String>, String)> {
        let connection = self.0.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.0.key.get().map(|key| (key.clone(), self.0.what.get().cloned(), connection))
    }
}

/// How a program may prove itself at a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A key, under this scheme of `Authorization` (in lower case).
    Key(&'static str),
    /// A short-lived token that stands for a key and one customer, under this scheme.
    Temporary(&'static str),
    /// A key in a header of its own.
    Header(&'static str),
}

/// Whoever asks.
#[derive(Clone)]
pub(crate) struct Caller {
    /// None: the person at this computer, by the key of this run.
    pub key: Option<Key>,
    /// The end user the program acts for: a temporary token's, else what the header `customer-id` names.
    pub customer: Option<String>,
    /// A temporary token was shown and no key: whoever holds it is a page, and stays within one customer.
    pub temporary: bool,
    /// What is left of the key's requests; none where they are not counted.
    pub allowance: Option<Allowance>,
    visit: Visit,
}

impl Caller {
    /// The organization whose things it sees; 0 for the person.
    pub(crate) fn organization(&self) -> i64 {
        self.key.as_ref().map_or(0, |key| key.organization)
    }

    /// Notes which connection the request is about, for the log of uses: one that is within the caller's reach.
    pub(crate) fn about(&self, connection: &str) {
        let noted = connection.chars().take(MOST_CONNECTION).collect();
        *self.visit.0.connection.lock().unwrap_or_else(PoisonError::into_inner) = noted;
    }
}

/// What a request asks for, which a key may or may not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Operation(&'a str),
    Contract,
    /// Anything a valid key may: to see what changes within its reach.
    Anything,
}

impl Door {
    /// Lets a program in to a contract's route, or says why not. Tries every proof in turn, and takes the first that is
    /// good.
    pub(crate) fn admit(&self, parts: &Parts, ways: &[Way], tier: Tier) -> Result<Caller, Refused> {
        self.admit_to(Wanted::Contract, parts, ways, tier)
    }

    pub(crate) fn admit_to(
        &self,
        wanted: Wanted<'_>,
        parts: &Parts,
        ways: &[Way],
        tier: Tier,
    ) -> Result<Caller, Refused> {
        let proofs = proofs(&parts.headers, ways);
        if proofs.is_empty() {
            let words = "The key is missing. Send it as `Authorization: Bearer <key>`; keys are made in Tieline, under \
                         Settings, For other programs, or by `tieline key add`.";
            return Err(Refused::new(StatusCode::UNAUTHORIZED, words));
        }
        for (way, proof) in proofs {
            match way {
                Way::Key(_) | Way::Header(_) if self.is_session(proof) => {
                    if origin(&parts.headers).is_some_and(|it| !is_own(&parts.headers, it)) {
                        let words = "The key of this run is for no page but Tieline's own. Make a key that names the \
                                     page's origin, in Tieline under Settings, For other programs.";
                        return Err(Refused::new(StatusCode::FORBIDDEN, words));
                    }
                    return Ok(self.caller(parts, None, customer(&parts.headers)));
                }
                Way::Key(_) | Way::Header(_) => {
                    if let Some(key) = self.app.programs().key(proof)? {
                        return self.welcome(wanted, parts, key, customer(&parts.headers), false, tier);
                    }
                }
                Way::Temporary(_) => {
                    if let Some((key, customer)) = self.app.programs().key_of_temporary(proof)? {
                        return self.welcome(wanted, parts, key, Some(customer), true, tier);
                    }
                }
            }
        }
        self.rates.take(UNKNOWN, Tier::UNKNOWN, Instant::now())?;
        let words = "The key is wrong, or it was revoked or has run out. Look at the keys in Tieline, under Settings, \
                     For other programs.";
        Err(Refused::new(StatusCode::UNAUTHORIZED, words))
    }

    /// The same from the point where the key is known, for a contract with a proof of its own.
    pub(crate) fn welcome(
        &self,
        wanted: Wanted<'_>,
        parts: &Parts,
        key: Key,
        customer: Option<String>,
        temporary: bool,
        tier: Tier,
    ) -> Result<Caller, Refused> {
        let mut caller = self.caller(parts, Some(key), customer);
        caller.temporary = temporary;
        let Some(key) = &caller.key else { return Ok(caller) };
        // Before anything is refused, so that refusals count.
        caller.allowance = match key.may.per_minute {
            Some(0) => None,
            most => Some(self.rates.take(&key.id, most.map_or(tier, Tier), Instant::now())?),
        };
        if let Some(origin) = origin(&parts.headers).filter(|it| !is_own(&parts.headers, it))
            && !origin.to_str().is_ok_and(|origin| key.may.origins.iter().any(|it| it == origin))
        {
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                format!(
                    "The key {:?} does not let this page use it. Name the page's origin in a key.",
                    key.name
                ),
            ));
        }
        let allowed = match wanted {
            Wanted::Operation(name) => key.may.operation(name),
            Wanted::Contract => key.may.contracts(),
            Wanted::Anything => true,
        };
        if !allowed {
            let (what, why) = match wanted {
                Wanted::Operation(name) => (format!("call {name}"), ""),
                _ => ("speak the published contracts".to_owned(), why_not(key)),
            };
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                format!(
                    "The key {:?} may not {what}.{why} A key that may is made in Tieline, under Settings.",
                    key.name
                ),
            ));
        }
        Ok(caller)
    }

    fn caller(&self, parts: &Parts, key: Option<Key>, customer: Option<String>) -> Caller {
        let visit = parts.extensions.get::<Visit>().cloned().unwrap_or_default();
        if let Some(key) = &key {
            let _known_already = visit.0.key.set(key.id.clone());
        }
        Caller { key, customer, temporary: false, allowance: None, visit }
    }

    fn is_session(&self, given: &str) -> bool {
        self.session.as_ref().is_some_and(|key| key.expose().as_bytes().ct_eq(given.as_bytes()).into())
    }
}

/// Why a key that was given the contracts has no right to them, as a sentence that goes on.
pub(crate) fn why_not(key: &Key) -> &'static str {
    if key.may.is_limited() {
        " It is limited to some connections, and they work with everything of its organization."
    } else {
        ""
    }
}

/// Names what is asked for in the log of uses, where the route alone does not tell.
pub(crate) fn name(parts: &Parts, what: &str) {
    if let Some(visit) = parts.extensions.get::<Visit>() {
        let _named_already = visit.0.what.set(what.to_owned());
    }
}

fn customer(headers: &HeaderMap) -> Option<String> {
    let id = any_text(headers.get("customer-id")?.as_bytes());
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

/// A header's bytes are UTF-8 from some clients and Latin-1 from others (RFC 9110 §5.5).
fn any_text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

fn proofs<'a>(headers: &'a HeaderMap, ways: &[Way]) -> Vec<(Way, &'a str)> {
    let mut found = Vec::new();
    for (scheme, value) in bearer(headers, &[]) {
        for way in ways {
            if matches!(way, Way::Key(name) | Way::Temporary(name) if *name == scheme) {
                found.push((*way, value));
            }
        }
    }
    for way in ways {
        if let Way::Header(name) = way {
            let values = headers.get_all(*name).iter().filter_map(|value| value.to_str().ok());
            found.extend(values.map(|value| (*way, value.trim())));
        }
    }
    found
}

/// Scheme (in lower case) and value of every `Authorization` header of these schemes; without schemes, of every one.
pub(crate) fn bearer<'a>(
    headers: &'a HeaderMap,
    schemes: &'a [&'a str],
) -> impl Iterator<Item = (String, &'a str)> {
    headers.get_all(header::AUTHORIZATION).iter().filter_map(move |value| {
        let (scheme, value) = value.to_str().ok()?.trim().split_once(' ')?;
        let scheme = scheme.to_ascii_lowercase();
        let wanted = schemes.is_empty() || schemes.contains(&scheme.as_str());
        (wanted && !value.trim().is_empty()).then(|| (scheme, value.trim()))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_customer_is_any_text() {
        let named = |bytes: &[u8]| {
            let value = HeaderValue::from_bytes(bytes).unwrap();
            customer(&HeaderMap::from_iter([("customer-id".parse().unwrap(), value)]))
        };
        assert_eq!(named("José".as_bytes()).as_deref(), Some("José"));
        assert_eq!(named(b"Jos\xe9 ").as_deref(), Some("José"));
        assert_eq!(named(b"  "), None);
    }

    #[test]
    fn every_authorization_header_is_read_in_any_case() {
        let mut headers = HeaderMap::new();
        for value in ["token  one ", "BEARER two", "Basic three", "Bearer", "Bearer "] {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        headers.append("x-api-key", HeaderValue::from_static("four"));
        let found: Vec<_> = bearer(&headers, &["token", "bearer"]).collect();
        assert_eq!(found, [("token".to_owned(), "one"), ("bearer".to_owned(), "two")]);
        let ways = [Way::Key("bearer"), Way::Temporary("token"), Way::Header("x-api-key")];
        let values: Vec<_> = proofs(&headers, &ways);
        assert_eq!(values, [(ways[1], "one"), (ways[0], "two"), (ways[2], "four")]);
    }
}
