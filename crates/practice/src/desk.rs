//! The desk at which a provider's code works: its provider's apps, codes and grants, the time, and the
//! consent page. Everything a handler can do is a method here.

use std::collections::BTreeMap;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::contents::Contents;
use crate::faults::{Fault, Problem, Stage};
use crate::grants::{Access, Grant, Issued};
use crate::house::House;
use crate::pages;
use crate::providers::{Provider, Registered};
use crate::redirects::Mismatch;
use crate::rules::{GrantRules, Shape};
use crate::wire::{Reply, Request};

#[derive(Clone, Copy)]
pub struct Desk<'a> {
    pub provider: &'static Provider,
    pub(crate) house: &'a House,
}

/// What an app asks of the person.
#[derive(Debug, Clone)]
pub struct Ask {
    pub client_id: String,
    /// The address exactly as the request had it.
    pub redirect_sent: Option<String>,
    /// The address to which the browser will go. Empty: the page shows the code for copying.
    pub redirect_uri: String,
    pub state: Option<String>,
    pub scopes: Vec<String>,
    /// The S256 code challenge.
    pub challenge: Option<String>,
    /// Goes into the grant's extras.
    pub extras: BTreeMap<String, String>,
}

/// The way home for the browser.
#[derive(Debug, Clone)]
pub struct Back {
    pub redirect_uri: String,
    pub state: Option<String>,
}

/// The person pressed Allow.
pub struct Decided<'a> {
    pub code: &'a str,
    pub back: &'a Back,
    /// What will become the grant once the code is exchanged.
    pub grant: &'a Grant,
}

/// A problem in the place where it came up.
pub struct Trouble<'a> {
    pub problem: Problem,
    pub stage: Stage,
    pub request: &'a Request,
    back: Option<&'a Back>,
    provider: &'static Provider,
}

/// A code waiting to be exchanged.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub provider: &'static str,
    pub redirect_sent: Option<String>,
    pub challenge: Option<String>,
    pub expires: u64,
    pub used: bool,
    pub draft: Grant,
}

/// A code as it comes to the token endpoint.
#[derive(Debug, Clone, Default)]
pub struct Redemption<'a> {
    pub code: &'a str,
    pub client_id: &'a str,
    pub redirect_uri: Option<&'a str>,
    pub verifier: Option<&'a str>,
    /// The host the request came to, kept with the grant.
    pub host: &'a str,
}

impl Desk<'_> {
    /// Seconds since 1970, practice time.
    pub fn now(&self) -> u64 {
        self.house.clock.now()
    }

    /// The provider's rules, or those that a test has put in their place.
    pub fn rules(&self) -> GrantRules {
        self.house.state().rules.get(self.provider.id).unwrap_or(&self.provider.rules).clone()
    }

    pub fn app(&self, client_id: &str) -> Result<&'static Registered, Problem> {
        self.provider.app(client_id).ok_or(Problem::UnknownClient)
    }

    /// The address to which the browser goes back, by the rules of the provider or the app.
    pub fn redirect(&self, app: &Registered, sent: Option<&str>) -> Result<String, Problem> {
        let rule = app.redirects.as_ref().unwrap_or(&self.provider.redirects);
        let slug = self.provider.callback();
        let state = self.house.state();
        let added = state.book.redirects.get(self.provider.id).map_or(&[][..], Vec::as_slice);
        match sent {
            None if rule.may_be_missing => Ok(rule.first(&slug, added)),
            None => Err(Problem::RedirectMissing),
            Some(address) if rule.accept(address, &slug, added) => Ok(address.to_owned()),
            Some(_) if rule.mismatch == Mismatch::FirstRegistered => Ok(rule.first(&slug, added)),
            Some(_) => Err(Problem::RedirectMismatch),
        }
    }

    /// The page on which the person decides.
    pub fn consent(&self, ask: Ask) -> Reply {
        let id = Shape::new("", crate::rules::Alphabet::Url, 32).mint();
        let page = pages::consent(self.provider, &id, &ask);
        self.house.state().pending.keep(id, (self.provider, ask), self.now(), 1800);
        Reply::page(200, page)
    }

    /// A code as the app brings it; without issuing anything.
    pub fn code_draft(&self, code: &str) -> Option<Grant> {
        self.house.state().codes.get(code).map(|code| code.draft.clone())
    }

    /// Exchanges a code by `rules` and checks lifetime, single use, client, redirect and verifier.
    pub fn redeem(&self, offer: &Redemption, rules: &GrantRules) -> Result<Issued, Problem> {
        let now = self.now();
        let mut state = self.house.state();
        let code = state
            .codes
            .get_mut(offer.code)
            .filter(|code| code.provider == self.provider.id && code.draft.client_id == offer.client_id)
            .ok_or(Problem::CodeUnknown)?;
        if code.used {
            return Err(Problem::CodeUsed);
        }
        if now >= code.expires {
            return Err(Problem::CodeExpired);
        }
        let app = self.provider.app(offer.client_id).ok_or(Problem::UnknownClient)?;
        let rule = app.redirects.as_ref().unwrap_or(&self.provider.redirects);
        if rule.repeated_at_exchange && code.redirect_sent.as_deref() != offer.redirect_uri {
            return Err(Problem::RedirectDiffers);
        }
        // RFC 9700 4.8.2: a verifier without a challenge is as wrong as the reverse.
        let proof = offer.verifier.map(|verifier| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
        if self.provider.pkce != crate::providers::Pkce::Ignored && code.challenge != proof {
            return Err(Problem::VerifierWrong);
        }
        code.used = true;
        let draft = Grant { host: offer.host.to_owned(), ..code.draft.clone() };
        let mut issued = state.book.open_grant(draft, rules, &self.provider.shapes, now);
        drop(state);
        if self.house.strike(self.provider, Fault::NoRefreshToken) {
            issued.refresh = None;
            issued.refresh_expires_in = None;
        }
        Ok(issued)
    }

    /// Answers a refresh token by `rules`.
    pub fn renew(&self, token: &str, client_id: &str, rules: &GrantRules) -> Result<Issued, Problem> {
        let now = self.now();
        let mut state = self.house.state();
        let owner = state.book.grant_of(token).filter(|grant| grant.provider == self.provider.id);
        if let Some((id, fault)) = owner.and_then(|grant| Some((grant.id, grant.later?))) {
            if fault == Fault::Revoked {
                state.book.end(id);
                state.book.save();
            }
            return Err(fault.problem().unwrap_or(Problem::Unavailable));
        }
        state.book.renew(token, client_id, rules, &self.provider.shapes, now)
    }

    /// What the request's bearer token stands for.
    pub fn bearer(&self, request: &Request) -> Result<Access, Problem> {
        self.access(request.bearer().ok_or(Problem::TokenUnknown)?)
    }

    pub fn access(&self, token: &str) -> Result<Access, Problem> {
        self.house.state().book.access(token, self.provider.id, self.now())
    }

    /// The grant of an access or refresh token of this provider, living or ended.
    pub fn grant_of(&self, token: &str) -> Option<Grant> {
        let state = self.house.state();
        state.book.grant_of(token).filter(|grant| grant.provider == self.provider.id).cloned()
    }

    pub fn grant_with_token_id(&self, token_id: u64) -> Option<Grant> {
        let state = self.house.state();
        let grant = state.book.grant_with_token_id(token_id);
        grant.filter(|grant| grant.provider == self.provider.id && !grant.ended).cloned()
    }

    /// Ends a grant with all its tokens.
    pub fn end(&self, grant_id: u64) {
        self.end_where(|grant| grant.id == grant_id);
    }

    /// Ends every living grant that the test picks, of any provider, and tells how many those were.
    pub fn end_where(&self, pick: impl Fn(&Grant) -> bool) -> usize {
        self.house.state().book.end_where(pick)
    }

    /// What the provider holds at this moment. A later change does not reach what was handed out here, so a
    /// handler asks once; nothing is locked meanwhile.
    pub fn contents(&self) -> impl Deref<Target = Contents> + use<> {
        self.house.contents(self.provider)
    }

    /// How many entries a page has: what the client asks, else the usual number, within 1 and the most. One
    /// when that fault struck.
    pub fn limit(&self, asked: Option<&str>, usual: usize, most: usize) -> usize {
        if self.house.strike(self.provider, Fault::ShortPages) {
            return 1;
        }
        asked.and_then(|asked| asked.parse().ok()).unwrap_or(usual).clamp(1, most)
    }

    /// Remembers something for so many seconds, in memory only.
    pub fn keep(&self, key: &str, value: String, seconds: u64) {
        let key = format!("{}/{key}", self.provider.id);
        self.house.state().kept.keep(key, value, self.now(), seconds);
    }

    /// Hands back what was kept, once.
    pub fn take(&self, key: &str) -> Option<String> {
        self.house.state().kept.take(&format!("{}/{key}", self.provider.id), self.now())
    }

    /// Looks at what was kept and leaves it.
    pub fn look(&self, key: &str) -> Option<String> {
        self.house.state().kept.look(&format!("{}/{key}", self.provider.id), self.now())
    }

    /// The issuer to put into an id_token: the provider's, or a foreign one when that fault struck.
    pub fn issuer(&self, grant: &Grant, own: &str) -> String {
        if grant.foreign_issuer { FOREIGN_ISSUER.to_owned() } else { own.to_owned() }
    }

    /// The part of the request's host in front of `suffix`, such as `acme` before `.zendesk.com`; none when
    /// a browser came to the loopback address.
    pub fn subdomain<'r>(&self, request: &'r Request, suffix: &str) -> Option<&'r str> {
        request.host.strip_suffix(suffix)
    }

    /// The provider's reply to a problem.
    pub fn say(&self, problem: Problem, stage: Stage, request: &Request) -> Reply {
        self.say_back(problem, stage, request, None)
    }

    /// The same when the way home is known.
    pub fn say_back(&self, problem: Problem, stage: Stage, request: &Request, back: Option<&Back>) -> Reply {
        let trouble = Trouble { problem, stage, request, back, provider: self.provider };
        let mut reply = (self.provider.trouble)(self, &trouble).unwrap_or_else(|| trouble.generic());
        let waits = reply.headers.iter().any(|(name, _)| name == "retry-after");
        if problem == Problem::RateLimited && !waits {
            reply = reply.header("retry-after", "2");
        }
        reply.refused()
    }
}

pub(crate) const FOREIGN_ISSUER: &str = "https://login.elsewhere.example";

impl Trouble<'_> {
    /// The browser takes an error home, with the state it came with. Where no way home is known, a page.
    pub fn call_back(&self, pairs: &[(&str, &str)]) -> Reply {
        let Some(back) = self.back.filter(|back| !back.redirect_uri.is_empty()) else {
            let (_, words, _) = self.problem.generic();
            return self.page("The sign-in cannot go on", words);
        };
        let state = back.state.as_deref().map(|state| ("state", state));
        let pairs: Vec<_> = pairs
            .iter()
            .copied()
            .chain(state)
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Reply::redirect(&back.redirect_uri, &pairs)
    }

    /// The provider's own error page, status 400; the app hears nothing.
    pub fn page(&self, title: &str, words: &str) -> Reply {
        Reply::page(400, pages::trouble(self.provider, title, words))
    }

    /// By RFC 6749 and 6750.
    fn generic(&self) -> Reply {
        let (code, words, status) = self.problem.generic();
        match (self.stage, self.problem) {
            (
                Stage::Authorize,
                Problem::UnknownClient | Problem::RedirectMismatch | Problem::RedirectMissing,
            ) => self.page("The sign-in cannot go on", words),
            (Stage::Authorize | Stage::Consent, _) => {
                self.call_back(&[("error", code), ("error_description", words)])
            }
            (Stage::Exchange | Stage::Refresh | Stage::Revoke, _) => {
                Reply::json(status, &serde_json::json!({ "error": code, "error_description": words }))
            }
            (Stage::Identify | Stage::Api, Problem::Revoked) => {
                Reply::json(401, &serde_json::json!({ "error": "invalid_token", "error_description": words }))
            }
            (Stage::Identify | Stage::Api, _) => {
                Reply::json(status, &serde_json::json!({ "error": code, "error_description": words }))
            }
        }
    }
}
