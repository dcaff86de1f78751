//! Requests with a proof of possession (RFC 9449), and what is remembered of the origins that want one: the nonce that
//! they gave last, and how far their clock is from ours.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use reqwest::header::HeaderValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use super::{Answer, Request, header_value, verb};
use crate::clock::{Clock, Seconds};
use crate::error::Result;
use crate::oauth::{ProofKey, Proven};
use crate::secret::Secret;

#[derive(Default)]
pub(super) struct Origins(Mutex<HashMap<String, Known>>);

#[derive(Default, Clone)]
struct Known {
    nonce: Option<String>,
    /// A computer's wrong clock must not make its proofs too old or too new.
    ahead: Seconds,
}

/// What each try of one request needs for a proof of its own.
pub(super) struct Proving {
    key: ProofKey,
    method: &'static str,
    url: Url,
    token: Option<Secret>,
}

impl Proving {
    pub fn of(request: &Request) -> Option<Self> {
        let key = request.proof.clone()?;
        let method = verb(request.method);
        Some(Self { key, method, url: request.url.clone(), token: request.bearer.clone() })
    }

    /// The `DPoP` header of one try.
    pub fn header(&self, origins: &Origins) -> Result<HeaderValue> {
        let known = origins.lock().get(&self.origin()).cloned().unwrap_or_default();
        let proof = self.key.proof(&Proven {
            method: self.method,
            url: &self.url,
            token: self.token.as_ref(),
            nonce: known.nonce.as_deref(),
            at: Clock::system().now() + known.ahead,
        })?;
        let mut value = header_value(&proof)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Keeps what an answer tells. True: it was refused for want of this nonce alone, so nothing has been done and it may
    /// be sent once more (RFC 9449 §8, §9).
    pub fn learn(&self, origins: &Origins, answer: &Answer) -> bool {
        let header = |name: &'static str| {
            answer.headers.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
        };
        let mut all = origins.lock();
        let known = all.entry(self.origin()).or_default();
        let date = header("date").next().and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok());
        if let Some(date) = date.map(OffsetDateTime::unix_timestamp) {
            let now = Clock::system().now();
            let sent = now - Seconds::try_from(answer.took.as_secs()).unwrap_or(0) - 1;
            known.ahead = date - date.clamp(sent, now);
        }
        let Some(nonce) = header("dpop-nonce").next() else { return false };
        known.nonce = Some(nonce.to_owned());
        let wanted = "use_dpop_nonce";
        match answer.status {
            400 => answer.body.expose().contains(wanted),
            401 => {
                answer.body.expose().contains(wanted)
                    || header("www-authenticate").any(|it| it.contains(wanted))
            }
            _ => false,
        }
    }

    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

impl Origins {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
