//! Sign-ins that programs carry themselves, at services that they describe as they go.
//!
//! Each service that a program connects to becomes a provider of its own, with the organization's app; so its
//! connections are renewed, shown and ended like any other, and nobody else signs in through that app.

use std::sync::{Arc, PoisonError};

use tieline_catalog::Provider;
use tieline_catalog::template::Fields;

use super::Programs;
use crate::clock::Seconds;
use crate::diagnose::{self, About};
use crate::error::{Error, Result};
use crate::event::Change;
use crate::flows::embedded;
pub use crate::flows::embedded::{Begun, Bound, EmbeddedSignIns, Embedding, Finishing};
use crate::operations::store_app;
use crate::program::Key;
use crate::secret::Secret;
use crate::service;
use crate::store::{AppRow, ServiceRow};
use crate::world::World;

/// What is known of a connection's tokens; never the tokens themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedToken {
    /// The granted ones where the service tells them, else those that were asked for.
    pub scopes: Vec<String>,
    pub until: Option<Seconds>,
    pub has_refresh: bool,
    /// Why it does not work now, in a sentence.
    pub trouble: Option<String>,
}

/// An organization's number as a ULID, for contracts that name organizations so: no time, and the number.
pub fn organization_ulid(number: i64) -> String {
    // Crockford's digits, of five bits each.
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let number = number.unsigned_abs();
    let digit = |place: u32| DIGITS[(number.checked_shr(place * 5).unwrap_or(0) & 31) as usize];
    (0..26).rev().map(|place| char::from(digit(place))).collect()
}

/// The provider that a service of an organization becomes.
fn provider_id(organization: i64, service: &str) -> String {
    service::id_of_program(organization, service)
}

impl Programs {
    /// Makes the address of a sign-in page, with a state of 256 random bits and PKCE. Errors name the field of
    /// [`Embedding`] or [`Bound`].
    pub fn begin_embedded(&self, asked: &Embedding) -> Result<Begun> {
        embedded::begin(&self.world(), asked)
    }

    /// Exchanges the code of a sign-in and yields the connection's id. The code is tried once. Errors: `Refused` with
    /// what the service said, `Temporary` where it cannot be reached, those of the keyring; `BadInput` at `token_url`,
    /// `token_parameters` or `client_auth`.
    pub async fn finish_embedded(&self, begun: Begun, with: Finishing) -> Result<String> {
        let world = self.world();
        // Whoever asked may go away in the middle, and tokens that a service has just given must not be dropped then.
        tokio::spawn(async move { finish(&world, begun, with).await }).await.map_err(Error::internal)?
    }

    /// The key of this id. None: there is none, or it was revoked.
    pub fn live_key(&self, id: &str) -> Result<Option<Key>> {
        Ok(self.world().store.key(id)?.filter(|key| key.revoked_at.is_none()))
    }

    /// None: the connection is gone.
    pub fn embedded_token(&self, connection: &str) -> Result<Option<EmbeddedToken>> {
        let world = self.world();
        let Some(it) = world.store.connection(connection)? else { return Ok(None) };
        let trouble = match (&it.trouble, world.provider(&it.provider)) {
            (Some(trouble), Ok(provider)) => {
                let about = About { connection: Some(&it), ..About::default() };
                let problem = diagnose::problem(&provider, trouble, &about);
                Some(format!("{} {}", problem.happened, problem.why))
            }
            _ => None,
        };
        let scopes = it.granted.clone().unwrap_or_else(|| it.asked.clone());
        Ok(Some(EmbeddedToken { scopes, until: it.access_until, has_refresh: it.has_refresh, trouble }))
    }

    /// Replaces the client secret of a service's app; nothing happens where the service was never connected to.
    pub async fn replace_embedded_secret(
        &self,
        organization: i64,
        service: &str,
        secret: Option<Secret>,
    ) -> Result<()> {
        let world = self.world();
        let Some(known) = world.store.app(organization, &provider_id(organization, service), "")? else {
            return Ok(());
        };
        let mut row = AppRow { saved_at: world.now(), ..known.clone() };
        store_app(&world, &mut row, Some(&known), Some(secret)).await
    }

    /// Forgets a service and its app once no connection needs them.
    pub async fn forget_embedded(&self, organization: i64, service: &str) -> Result<()> {
        let (world, id) = (self.world(), provider_id(organization, service));
        if !world.store.connections()?.iter().any(|it| it.provider == id) {
            forget(&world, organization, &id).await?;
        }
        Ok(())
    }
}

async fn finish(world: &World, begun: Begun, with: Finishing) -> Result<String> {
    // Nobody's code should be spent on tokens that could not be kept.
    world.vault.ready().await?;
    let (organization, id) = (begun.bound.organization, provider_id(begun.bound.organization, &with.service));
    let service = embedded::described(world, &begun, &with).await?;
    let before = world.store.services()?.into_iter().find(|row| row.id == id);
    let none = Fields::new();
    let provider = Arc::new(service.provider(&id));
    let row = app(world, organization, &provider, &begun, with.secret.clone()).await?;
    keep(world, &ServiceRow { id: id.clone(), service })?;
    let keys = world.app_keys(Some(&row), &provider, &none).await?;
    let finished = embedded::finish(world, provider, &keys, &begun, with).await;
    if finished.is_err() {
        // As it was before.
        match &before {
            Some(before) => keep(world, before)?,
            None => forget(world, organization, &id).await?,
        }
    }
    world.changed(Change::Providers);
    finished
}

/// The organization's app for the service, with the secret that the program named.
async fn app(
    world: &World,
    organization: i64,
    provider: &Provider,
    begun: &Begun,
    secret: Option<Secret>,
) -> Result<AppRow> {
    let known = world.store.app(organization, &provider.id, "")?;
    let mut row = AppRow {
        organization,
        provider: provider.id.clone(),
        host: String::new(),
        client_id: begun.bound.client_id.clone(),
        secret_version: known.as_ref().map_or(0, |known| known.secret_version),
        relay: None,
        loopback_port: None,
        redirect: Some(begun.bound.redirect.clone()),
        saved_at: world.now(),
    };
    let kept = match &known {
        Some(known) => {
            world.app_keys(Some(known), provider, &Fields::new()).await.ok().map(|keys| keys.secret)
        }
        None => None,
    };
    let new = (kept.as_ref() != Some(&secret)).then_some(secret);
    store_app(world, &mut row, known.as_ref(), new).await?;
    Ok(row)
}

fn keep(world: &World, row: &ServiceRow) -> Result<()> {
    world.store.save_service(row)?;
    let provider = row.service.provider(&row.id);
    world.catalogue.write().unwrap_or_else(PoisonError::into_inner).add(provider);
    Ok(())
}

async fn forget(world: &World, organization: i64, id: &str) -> Result<()> {
    if let Some(row) = world.store.app(organization, id, "")? {
        world.store.forget_app(&row)?;
    }
    world.store.forget_service(id)?;
    world.catalogue.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    world.sweep().await;
    world.changed(Change::Providers);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_has_one_ulid() {
        assert_eq!(organization_ulid(1), "00000000000000000000000001");
        assert_eq!(organization_ulid(33), "00000000000000000000000011");
        assert_eq!(organization_ulid(i64::MAX), "00000000000007ZZZZZZZZZZZZ");
    }
}
