//! The book of grants: who allowed which app what, with the tokens that came of it. Only hashes of the
//! tokens are written down, so that the file is no way in and a search for tokens on disk finds none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::faults::{Fault, Problem};
use crate::people::Person;
use crate::rules::{GrantRules, Old, Refresh, Shapes};

/// Replaced refresh tokens remembered per grant, and unexpired tokens kept of each kind.
const REMEMBERED: usize = 50;

/// One person's permission for one app at one provider.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Grant {
    pub id: u64,
    /// The provider's id, such as `ZENDESK`.
    pub provider: String,
    pub client_id: String,
    /// The id of a [`Person`].
    pub person: String,
    pub scopes: Vec<String>,
    /// The address the browser was sent back to.
    pub redirect_uri: String,
    /// What the provider's code or its consent page's choices put here.
    pub extras: BTreeMap<String, String>,
    /// The documented host at which the code was exchanged, such as `acme.zendesk.com`.
    pub host: String,
    pub created: u64,
    /// The fault "wrong issuer" struck at the sign-in; [`crate::desk::Desk::issuer`] heeds it.
    pub foreign_issuer: bool,
    /// A fault chosen on the sign-in page that waits for the first refresh.
    pub later: Option<Fault>,
    pub ended: bool,
    pub(crate) refresh: Vec<Held>,
    pub(crate) spent: Vec<Spent>,
    pub(crate) access: Vec<Held>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Held {
    id: u64,
    hash: String,
    expires: Option<u64>,
    used: bool,
    /// Kept in memory only, for providers that repeat a token they gave.
    #[serde(skip)]
    plain: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spent {
    hash: String,
    at: u64,
}

/// What a token endpoint gives out.
#[derive(Debug, Clone)]
pub struct Issued {
    pub access: String,
    /// The number of the access token, for providers that list tokens.
    pub token_id: u64,
    pub expires_in: Option<u64>,
    /// None where the provider gives none with this answer.
    pub refresh: Option<String>,
    pub refresh_expires_in: Option<u64>,
    pub grant: Grant,
}

/// What an access token stands for.
#[derive(Debug, Clone)]
pub struct Access {
    pub token_id: u64,
    /// Seconds since 1970.
    pub expires: Option<u64>,
    pub grant: Grant,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Book {
    grants: Vec<Grant>,
    /// Redirect addresses registered on top of the usual ones, by provider.
    pub redirects: BTreeMap<String, Vec<String>>,
    last_id: u64,
    #[serde(skip)]
    file: Option<PathBuf>,
}

impl Grant {
    pub fn person(&self) -> &'static Person {
        Person::find(&self.person).unwrap_or(&crate::people::PEOPLE[0])
    }

    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    pub fn extra(&self, key: &str) -> &str {
        self.extras.get(key).map_or("", String::as_str)
    }
}

impl Book {
    /// Reads the book from the folder; an unreadable one is put aside, since it holds nothing real.
    pub fn open(folder: Option<&Path>) -> std::io::Result<Book> {
        let Some(folder) = folder else { return Ok(Book::default()) };
        std::fs::create_dir_all(folder)?;
        let file = folder.join("grants.json");
        let mut book = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "the practice grants were unreadable and start anew");
                Book::default()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Book::default(),
            Err(error) => return Err(error),
        };
        book.file = Some(file);
        Ok(book)
    }

    /// Replaces the file in one step. A failure is told and survived: practice goes on in memory.
    pub fn save(&self) {
        let Some(file) = &self.file else { return };
        let beside = file.with_extension("json.new");
        let written = serde_json::to_vec(self)
            .map_err(std::io::Error::other)
            .and_then(|bytes| std::fs::write(&beside, bytes))
            .and_then(|()| std::fs::rename(&beside, file));
        if let Err(error) = written {
            tracing::warn!(%error, "the practice grants could not be written");
        }
    }

    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Opens a grant for what the person allowed and gives its first tokens.
    pub fn open_grant(&mut self, draft: Grant, rules: &GrantRules, shapes: &Shapes, now: u64) -> Issued {
        let same = |grant: &Grant| {
            !grant.ended
                && grant.provider == draft.provider
                && grant.client_id == draft.client_id
                && grant.person == draft.person
        };
        let at = match self.grants.iter().position(|grant| rules.one_grant && same(grant)) {
            Some(at) => {
                let grant = &mut self.grants[at];
                (grant.scopes, grant.extras) = (draft.scopes, draft.extras);
                (grant.host, grant.redirect_uri) = (draft.host, draft.redirect_uri);
                (grant.later, grant.foreign_issuer) = (draft.later, draft.foreign_issuer);
                at
            }
            None => {
                if let Some(most) = rules.most_grants {
                    let live: Vec<u64> =
                        self.grants.iter().filter(|it| same(it)).map(|grant| grant.id).collect();
                    let over = (live.len() + 1).saturating_sub(most);
                    live.into_iter().take(over).for_each(|id| self.end(id));
                }
                self.last_id += 1;
                let grant = Grant { id: self.last_id, created: now, ..draft };
                self.grants.push(grant);
                self.grants.len() - 1
            }
        };
        let issued = self.issue(at, rules, shapes, now, true);
        self.save();
        issued
    }

    /// Answers a refresh token with new tokens, by the provider's rules.
    pub fn renew(
        &mut self,
        token: &str,
        client_id: &str,
        rules: &GrantRules,
        shapes: &Shapes,
        now: u64,
    ) -> Result<Issued, Problem> {
        let hash = hashed(token);
        let at = self.refresh_at(&hash, client_id).ok_or(Problem::RefreshUnknown)?;
        let grant = &mut self.grants[at];
        if grant.ended {
            return Err(Problem::Revoked);
        }
        if rules.grant_seconds.is_some_and(|seconds| now >= grant.created + seconds) {
            return Err(Problem::RefreshExpired);
        }
        match grant.refresh.iter_mut().find(|held| held.hash == hash) {
            Some(held) if held.expires.is_some_and(|end| now >= end) => return Err(Problem::RefreshExpired),
            Some(held) => {
                held.expires = rules.refresh_seconds.map(|seconds| now + seconds);
                // A provider that repeats the token has it at hand again, also after a restart.
                held.plain = Some(token.to_owned());
                if !matches!(rules.refresh, Refresh::Rotates(Old::Lives)) && rotates(rules) {
                    let gone = std::mem::take(&mut grant.refresh);
                    grant.spent.extend(gone.into_iter().map(|held| Spent { hash: held.hash, at: now }));
                    keep_last(&mut grant.spent);
                }
            }
            None => {
                let at_time = grant.spent.iter().find(|it| it.hash == hash).map_or(0, |spent| spent.at);
                let Refresh::Rotates(old) = rules.refresh else { return Err(Problem::RefreshUnknown) };
                let good = match old {
                    Old::Lives => true,
                    Old::Lingers(seconds) => now < at_time + seconds,
                    Old::UntilNewIsUsed => grant.access.last().is_some_and(|held| !held.used),
                    Old::Dies | Old::EndsGrant => false,
                };
                if !good {
                    grant.ended |= old == Old::EndsGrant;
                    self.save();
                    return Err(Problem::RefreshReused);
                }
            }
        }
        if !rules.keeps_access && !rules.repeats_access {
            self.grants[at].access.clear();
        }
        let issued = self.issue(at, rules, shapes, now, false);
        self.save();
        Ok(issued)
    }

    /// What an access token stands for at this provider.
    pub fn access(&mut self, token: &str, provider: &str, now: u64) -> Result<Access, Problem> {
        let hash = hashed(token);
        for grant in self.grants.iter_mut().filter(|grant| grant.provider == provider) {
            let Some(held) = grant.access.iter_mut().find(|held| held.hash == hash) else { continue };
            if grant.ended {
                return Err(Problem::Revoked);
            }
            if held.expires.is_some_and(|end| now >= end) {
                return Err(Problem::TokenExpired);
            }
            held.used = true;
            let (token_id, expires) = (held.id, held.expires);
            return Ok(Access { token_id, expires, grant: grant.clone() });
        }
        Err(Problem::TokenUnknown)
    }

    /// The grant, living or ended, to which an access or refresh token belongs.
    pub fn grant_of(&self, token: &str) -> Option<&Grant> {
        let hash = hashed(token);
        let holds = |held: &[Held]| held.iter().any(|it| it.hash == hash);
        self.grants.iter().find(|grant| {
            holds(&grant.access) || holds(&grant.refresh) || grant.spent.iter().any(|it| it.hash == hash)
        })
    }

    /// The grant to which the access token with this number belongs.
    pub fn grant_with_token_id(&self, token_id: u64) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.access.iter().any(|held| held.id == token_id))
    }

    /// Ends a grant with all its tokens, as a revocation does. The caller saves.
    pub fn end(&mut self, id: u64) {
        if let Some(grant) = self.grants.iter_mut().find(|grant| grant.id == id) {
            grant.ended = true;
        }
    }

    /// Ends every living grant that the test picks, and tells how many those were.
    pub fn end_where(&mut self, pick: impl Fn(&Grant) -> bool) -> usize {
        let chosen: Vec<u64> =
            self.grants.iter().filter(|grant| !grant.ended && pick(grant)).map(|grant| grant.id).collect();
        chosen.iter().for_each(|id| self.end(*id));
        self.save();
        chosen.len()
    }

    fn refresh_at(&self, hash: &str, client_id: &str) -> Option<usize> {
        self.grants.iter().position(|grant| {
            grant.client_id == client_id
                && (grant.refresh.iter().any(|held| held.hash == hash)
                    || grant.spent.iter().any(|spent| spent.hash == hash))
        })
    }

    fn issue(&mut self, at: usize, rules: &GrantRules, shapes: &Shapes, now: u64, first: bool) -> Issued {
        let mut next_id = self.last_id;
        let mut mint = |shape: &crate::rules::Shape, seconds: Option<u64>| {
            next_id += 1;
            let plain = shape.mint();
            let expires = seconds.map(|seconds| now + seconds);
            Held { id: next_id, hash: hashed(&plain), expires, used: false, plain: Some(plain) }
        };
        let grant = &mut self.grants[at];
        let living = grant.access.iter().rev().find(|held| {
            rules.repeats_access && held.plain.is_some() && held.expires.is_none_or(|end| now < end)
        });
        let access = match living {
            Some(held) => held.clone(),
            None => {
                let held = mint(&shapes.access, rules.access_seconds);
                grant.access.push(held.clone());
                keep_last(&mut grant.access);
                held
            }
        };
        let refresh = match (rules.refresh, first) {
            (Refresh::None, _) | (Refresh::Fixed, false) => None,
            (Refresh::Fixed | Refresh::Repeated, _) => {
                if grant.refresh.last().is_none_or(|held| held.plain.is_none()) {
                    grant.refresh.push(mint(&shapes.refresh, rules.refresh_seconds));
                }
                // A new sign-in or a use counts as use: the idle time starts again.
                if let Some(held) = grant.refresh.last_mut() {
                    held.expires = rules.refresh_seconds.map(|seconds| now + seconds);
                }
                grant.refresh.last().cloned()
            }
            (Refresh::Rotates(_), _) => {
                grant.refresh.push(mint(&shapes.refresh, rules.refresh_seconds));
                grant.refresh.last().cloned()
            }
        };
        keep_last(&mut grant.refresh);
        let issued = Issued {
            token_id: access.id,
            expires_in: access.expires.map(|end| end.saturating_sub(now)),
            access: access.plain.unwrap_or_default(),
            refresh_expires_in: refresh.as_ref().and(rules.refresh_seconds),
            refresh: refresh.and_then(|held| held.plain),
            grant: grant.clone(),
        };
        self.last_id = next_id;
        issued
    }
}

fn rotates(rules: &GrantRules) -> bool {
    matches!(rules.refresh, Refresh::Rotates(_))
}

fn keep_last<T>(list: &mut Vec<T>) {
    let over = list.len().saturating_sub(REMEMBERED);
    list.drain(..over);
}

fn hashed(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}
