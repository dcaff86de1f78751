//! Services that are not in the catalogue: described, changed and forgotten.

use tieline_catalog::ClientAuth;

use super::setting_up::{check_client_id, store_app};
use super::show;
use super::wire::{ByProvider, Nothing, ProviderCard, SaveService, ServiceForm};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::discover;
use crate::secret::Secret;
use crate::service::{self, Proof, Service, Wishes};
use crate::store::{AppRow, ServiceRow};
use crate::world::World;

fn kept(world: &World, id: &str) -> Result<ServiceRow> {
    let known = world.store.services()?.into_iter().find(|row| row.id == id);
    known.ok_or_else(|| Error::not_found("described service", id))
}

pub(super) async fn service(app: &App, ask: ByProvider) -> Result<ServiceForm> {
    let world = app.world();
    let ServiceRow { id, service } = kept(&world, &ask.provider)?;
    let row = world.store.app(0, &id, "")?;
    let (apps, connections) = (world.store.apps(0)?, world.store.connections()?);
    let typed = service.typed();
    Ok(ServiceForm {
        card: show::card(&service.provider(&id), &apps, &connections),
        issuer: service.issuer.clone().unwrap_or_default(),
        client_id: row.as_ref().map(|row| row.client_id.clone()).unwrap_or_default(),
        has_secret: row.is_some_and(|row| row.secret_version > 0),
        client_auth: service.proof().word().into(),
        scopes: typed.scopes,
        prompt: typed.prompt,
        offline_access: typed.offline_access,
        additional_parameters: typed.additional,
        offline_by_consent: service.offline_by_consent,
        authorize_url: service.authorize_url,
        token_url: service.token_url,
    })
}

/// The service that is changed, else the one of this name, which may be new.
fn id_of(world: &World, ask: &SaveService) -> Result<String> {
    let named = Service::id(&ask.name)?;
    let id = match &ask.id {
        Some(id) => kept(world, id)?.id,
        None => named.clone(),
    };
    // One that was renamed keeps the id of its first name.
    let called = |row: &ServiceRow| Service::id(&row.service.name).is_ok_and(|its| its == named);
    let other = world
        .store
        .services()?
        .into_iter()
        .find(|row| if row.id == id { ask.id.is_none() && !called(row) } else { called(row) });
    match other {
        Some(row) => Err(Error::field(
            "name",
            format!("{} has this name already, or had it before. Choose another.", row.service.name),
        )),
        None => Ok(id),
    }
}

pub(super) async fn save_service(app: &App, ask: SaveService) -> Result<ProviderCard> {
    let world = app.world();
    let practice = world.practice.is_some();
    let id = id_of(&world, &ask)?;
    let wishes = Wishes {
        scopes: &ask.scopes,
        prompt: ask.prompt.as_deref(),
        offline_access: ask.offline_access.unwrap_or(true),
        additional: &ask.additional_parameters,
    };
    let (scopes, authorize_parameters) = wishes.read()?;
    let proof = Proof::read(ask.client_auth.as_deref())?;
    let (mut issuer, mut revocation_url, mut userinfo_url) = (None, None, None);
    let (mut client_auth, mut issuer_promised) = (ClientAuth::default(), false);
    let (mut offline_by_consent, mut push_url, mut dpop) = (false, None, false);
    let (authorize_url, token_url) = if ask.issuer.trim().is_empty() {
        let missing = |field: &str, what: &str| {
            Error::field(field, format!("{what} is needed where no issuer is given."))
        };
        if ask.authorize_url.trim().is_empty() {
            return Err(missing("authorize_url", "The authorize address"));
        }
        if ask.token_url.trim().is_empty() {
            return Err(missing("token_url", "The token address"));
        }
        let authorize = service::address("authorize_url", &ask.authorize_url, practice)?;
        (authorize, service::address("token_url", &ask.token_url, practice)?)
    } else {
        let issuer_url = service::address("issuer", &ask.issuer, practice)?;
        let found = discover::metadata(&world, &issuer_url, practice).await?;
        issuer = Some(found.issuer);
        (revocation_url, userinfo_url) = (found.revocation, found.userinfo);
        (client_auth, issuer_promised) = (found.client_auth, found.issuer_promised);
        offline_by_consent = found.offline_by_consent;
        (push_url, dpop) = (found.push, found.dpop);
        (found.authorize, found.token)
    };
    let known = world.store.app(0, &id, "")?;
    let typed = ask.client_secret.as_deref().map(str::trim);
    let secret = match (proof, typed) {
        (Proof::Nothing, Some(text)) if !text.is_empty() => {
            return Err(Error::field(
                "client_secret",
                "An app without proof has no secret. Leave this empty, or choose how the secret is sent.",
            ));
        }
        (Proof::Nothing, _) => Some(None),
        (_, typed) => typed.map(|text| (!text.is_empty()).then(|| Secret::new(text))),
    };
    let keeps = secret.is_none() && known.as_ref().is_some_and(|row| row.secret_version > 0);
    // A secret goes only where it was meant to go when it was typed.
    let before = kept(&world, &id).ok().and_then(|row| row.service.token_url.parse::<url::Url>().ok());
    if keeps && before.is_some_and(|before| before.origin() != token_url.origin()) {
        return Err(Error::field(
            "client_secret",
            "The token address lies at another host now. Enter the secret again, so that it goes nowhere by mistake.",
        ));
    }
    let service = Service {
        name: ask.name.trim().to_owned(),
        issuer,
        authorize_url: authorize_url.into(),
        token_url: token_url.into(),
        revocation_url: revocation_url.map(Into::into),
        userinfo_url: userinfo_url.map(Into::into),
        scopes,
        authorize_parameters,
        token_parameters: std::collections::BTreeMap::new(),
        has_secret: keeps || matches!(secret, Some(Some(_))),
        client_auth: if let Proof::By(chosen) = proof { chosen } else { client_auth },
        client_auth_chosen: proof != Proof::AsTold,
        issuer_promised,
        offline_by_consent,
        push_url: push_url.map(Into::into),
        dpop,
    };
    let provider = service.provider(&id);
    check_client_id(&provider, ask.client_id.trim())?;
    let mut row = AppRow {
        organization: 0,
        redirect: None,
        provider: id.clone(),
        host: String::new(),
        client_id: ask.client_id.trim().to_owned(),
        secret_version: known.as_ref().map_or(0, |row| row.secret_version),
        relay: known.as_ref().and_then(|row| row.relay.clone()),
        loopback_port: known.as_ref().and_then(|row| row.loopback_port),
        saved_at: world.now(),
    };
    store_app(&world, &mut row, known.as_ref(), secret).await?;
    world.store.save_service(&ServiceRow { id, service })?;
    let card = show::card(&provider, &[row], &world.store.connections()?);
    world.catalogue.write().unwrap_or_else(std::sync::PoisonError::into_inner).add(provider);
    world.changed(Change::Providers);
    Ok(card)
}

pub(super) async fn forget_service(app: &App, ask: ByProvider) -> Result<Nothing> {
    let world = app.world();
    let provider = world.provider(&ask.provider)?;
    if !provider.id.starts_with("CUSTOM_") {
        return Err(Error::field("provider", format!("{} comes with Tieline and stays.", provider.name)));
    }
    if world.store.connections()?.iter().any(|it| it.provider == provider.id) {
        return Err(Error::new(
            Code::Conflict,
            format!("There are connections to {}.", provider.name),
            "Disconnect them first.",
        ));
    }
    if let Some(row) = world.store.app(0, &provider.id, "")? {
        world.store.forget_app(&row)?;
    }
    world.store.forget_service(&provider.id)?;
    world.catalogue.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&provider.id);
    world.sweep().await;
    world.changed(Change::Providers);
    Ok(Nothing {})
}
