//! Keys: made, recognised, held against what they may.

use aws_lc_rs::digest;

use super::Programs;
use crate::clock::{self, Seconds};
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::token::{self, Want};
use crate::operations::wire::{AccessToken, KeyRow, OrganizationRow};
use crate::program::{CONTRACTS, GROUPS, Key, May, Reach, Use};
use crate::secret::Secret;
use crate::store::Kind;
use crate::world::World;

/// A temporary key lasts so long (the published connect API: 10 hours).
const TEMPORARY: Seconds = 10 * 3600;

fn hash(secret: &str) -> Vec<u8> {
    // The secret is 256 random bits: there is nothing to guess, and a slow hash would only slow its use.
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

fn new_secret(front: &str) -> Result<Secret> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(Secret::new(format!("{front}{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())))
}

impl Programs {
    /// The key of this secret. None: there is none, or it was revoked.
    pub fn key(&self, secret: &str) -> Result<Option<Key>> {
        self.world().store.key_by_hash(&hash(secret))
    }

    /// A key for one customer that lasts ten hours, and ends with the key it is made of. A customer has the newest
    /// hundred: a program that asks for one at each call fills nothing.
    pub fn temporary(&self, key: &Key, customer: &str) -> Result<Secret> {
        let world = self.world();
        let (secret, now) = (new_secret("tlt_")?, world.now());
        world.store.add_temporary(&hash(secret.expose()), &key.id, customer, now + TEMPORARY, now)?;
        Ok(secret)
    }

    /// The key that a temporary one was made of, and its customer. None: there is none, or its time is over.
    pub fn key_of_temporary(&self, secret: &str) -> Result<Option<(Key, String)>> {
        let world = self.world();
        world.store.key_of_temporary(&hash(secret), world.now())
    }

    /// Whether an organization has a key that is good for the contracts. Without one nothing is told to it any more.
    pub fn is_served(&self, organization: i64) -> Result<bool> {
        let keys = self.world().store.keys()?;
        Ok(keys
            .iter()
            .any(|key| key.organization == organization && key.revoked_at.is_none() && key.may.contracts()))
    }

    /// Origins of pages that some key lets in.
    pub fn origins(&self) -> Result<Vec<String>> {
        let keys = self.world().store.keys()?;
        Ok(keys.into_iter().filter(|key| key.revoked_at.is_none()).flat_map(|key| key.may.origins).collect())
    }

    /// How many keys there are that work.
    pub fn keys(&self) -> Result<usize> {
        Ok(self.world().store.keys()?.iter().filter(|key| key.revoked_at.is_none()).count())
    }

    /// Writes uses down, for good.
    pub fn used(&self, uses: &[Use]) -> Result<()> {
        let world = self.world();
        world.store.used(uses)?;
        world.changed(Change::Keys);
        Ok(())
    }

    /// The key's connections that our own operations show it, also those that are gone: their end is told, and what was
    /// kept of them is found.
    pub fn reaches(&self, key: &Key, connection: &str) -> Result<bool> {
        let Some(organization) = self.world().store.organization_of(connection)? else { return Ok(false) };
        Ok(match &key.may.reach {
            Reach::All => [0, key.organization].contains(&organization),
            Reach::Own => organization == key.organization,
            Reach::These(ids) => {
                ids.iter().any(|id| id == connection) && [0, key.organization].contains(&organization)
            }
        })
    }

    /// A short-lived access token for a program that has the right to it, once its person agreed to this program and
    /// this connection. Written down in the connection's log each time. Never a refresh token, and never one without an
    /// end: nothing here could take it back.
    ///
    /// # Errors
    /// `Refused` without the right, for a token whose end is not known, or after the person said no; `NeedsYou` until the
    /// person has decided; `NotFound` for what the key does not reach; else what keeps the connection from working.
    pub async fn token_for(&self, key: &Key, connection: &str) -> Result<AccessToken> {
        if !key.may.operation("access_token") {
            return Err(Error::new(
                Code::Refused,
                format!("The key {} may not get access tokens.", key.name),
                "Make a key with that right, if the program cannot work without.",
            ));
        }
        if !self.reaches(key, connection)? {
            return Err(Error::not_found("connection", connection));
        }
        let world = self.world();
        // Nobody is asked for what is not given.
        short_lived(&world, &world.connection(connection)?)?;
        let approval = world.store.approval(&key.id, connection, world.now())?;
        if approval.decided_at.is_none() {
            world.changed(Change::Approval);
            return Err(Error::new(
                Code::NeedsYou,
                format!("{} is to get access to this account for the first time.", key.name),
                "Allow it in Tieline's window, then ask again.",
            ));
        }
        if !approval.allowed {
            return Err(Error::new(
                Code::Refused,
                format!("The person at this computer does not let {} have this token.", key.name),
                "Ask them, and make another key for another try.",
            ));
        }
        let (access, it) = token::access(&world, connection, Want::Usable).await?;
        if access.key.is_some() {
            return Err(Error::new(
                Code::Refused,
                "The tokens of this connection are bound to a key that never leaves the keyring.",
                "Ask for its contents through Tieline instead.",
            ));
        }
        short_lived(&world, &it)?;
        world.happened(&it, Kind::TokenGiven, &format!("{} was given an access token.", key.name));
        Ok(token_of(&it, &access.token))
    }
}

/// Only a token that ends by itself leaves: what was handed out cannot be called back when the key is revoked.
fn short_lived(world: &World, it: &Connection) -> Result<()> {
    if it.access_until.is_some() {
        return Ok(());
    }
    let name = world.provider(&it.provider).map_or_else(|_| it.provider.clone(), |it| it.name.clone());
    Err(Error::new(
        Code::Refused,
        format!(
            "{name} does not say when this account's access token ends, so it could be used long after this key."
        ),
        "Ask for what the account holds through Tieline's own operations instead, such as items and read_item.",
    ))
}

fn token_of(it: &Connection, token: &Secret) -> AccessToken {
    AccessToken {
        access_token: token.expose().to_owned(),
        token_type: "Bearer".into(),
        expires_at: it.access_until.map(clock::rfc3339),
    }
}

/// Makes a key. The secret is told once, and only its hash is kept.
pub(crate) fn add_key(
    world: &World,
    name: &str,
    organization: Option<&str>,
    mut may: May,
) -> Result<(Key, Secret)> {
    let name = called("name", name)?;
    let organization = match organization.map(str::trim).filter(|it| !it.is_empty()) {
        Some(organization) => called("organization", organization)?,
        None => name.clone(),
    };
    for word in &may.operations {
        let known = |(group, _, operations): &(&str, &str, &[&str])| {
            group == word || operations.contains(&word.as_str())
        };
        if !GROUPS.iter().any(known) {
            let groups: Vec<&str> = GROUPS.iter().map(|(group, ..)| *group).collect();
            return Err(Error::field(
                "operations",
                format!(
                    "{word} is nothing that a key can be given. There are the groups {}, and the operations in them.",
                    groups.join(", ")
                ),
            ));
        }
    }
    for origin in &mut may.origins {
        *origin = whole_origin(origin)?;
    }
    if may.is_limited() && may.operations.iter().any(|word| word == CONTRACTS) {
        return Err(Error::field(
            "operations",
            "The published contracts work with everything that the key's organization connects, so a key that is limited \
             to some connections cannot have them. Leave contracts out, or let it reach all or its own.",
        ));
    }
    if let Reach::These(ids) = &may.reach {
        for id in ids {
            // Whose they are is not told: to a key, another organization's connection is none.
            let it = world.store.connection(id)?.filter(|it| {
                it.owner.organization == 0
                    || world
                        .store
                        .organization(it.owner.organization)
                        .is_ok_and(|its| its.is_some_and(|its| its.name == organization))
            });
            it.ok_or_else(|| {
                Error::field("reach", format!("There is no connection {id} that this key could reach."))
            })?;
        }
    }
    let secret = new_secret("tlk_")?;
    let mut key = Key {
        id: crate::flows::waiting::new_id()?,
        name,
        organization: 0,
        organization_name: organization,
        may,
        made_at: world.now(),
        last_used_at: None,
        revoked_at: None,
    };
    key.organization = world.store.add_key(&key, &hash(secret.expose()))?;
    world.changed(Change::Keys);
    Ok((key, secret))
}

/// An origin as browsers send it: in lower case, without the usual port.
fn whole_origin(text: &str) -> Result<String> {
    let url = url::Url::parse(text.trim()).ok().filter(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        bare && nobody && matches!(url.scheme(), "http" | "https") && !text.contains('*')
    });
    url.map(|url| url.origin().ascii_serialization()).ok_or_else(|| {
        let words = if text.contains('*') {
            format!("{text} stands for many pages, and a browser names one. Give each origin by itself.")
        } else {
            format!("{text} is no origin. It looks like https://app.acme.example, without a path.")
        };
        Error::field("origins", words)
    })
}

fn called(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 80 || text.chars().any(char::is_control) {
        return Err(Error::field(field, "Give it a name of 1 to 80 letters on one line."));
    }
    Ok(text.to_owned())
}

pub(crate) fn key_row(key: Key) -> KeyRow {
    let contracts = key.may.contracts();
    KeyRow {
        id: key.id,
        name: key.name,
        organization: OrganizationRow {
            number: u32::try_from(key.organization).unwrap_or(u32::MAX),
            id: format!("org_{:08}", key.organization),
            ulid: super::embedded::organization_ulid(key.organization),
            name: key.organization_name,
        },
        operations: key.may.operations.into_iter().filter(|word| contracts || word != CONTRACTS).collect(),
        reach: key.may.reach,
        origins: key.may.origins,
        per_minute: key.may.per_minute,
        made_at: clock::rfc3339(key.made_at),
        last_used_at: key.last_used_at.map(clock::rfc3339),
        revoked_at: key.revoked_at.map(clock::rfc3339),
    }
}
