//! The gallery, the forms, and the organisation's apps.

use tieline_catalog::template::Fields;
use tieline_catalog::{InputKind, Normalised, Provider, Secret as HasSecret, normalise, template};

use super::show;
use super::wire::{
    AppSummary, ByProvider, CheckForm, ChoiceLine, FieldCheck, ForgetApp, FormCheck, Guide, InputField,
    Nothing, ProviderCard, ProviderForm, SaveApp,
};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::connect::shown;
use crate::flows::finish;
use crate::secret::Secret;
use crate::service;
use crate::store::AppRow;
use crate::ways;
use crate::world::World;

/// Those set up already first, then by name.
pub(super) async fn providers(app: &App, _: Nothing) -> Result<Vec<ProviderCard>> {
    let world = app.world();
    let (apps, connections) = (world.store.apps(0)?, world.store.connections()?);
    let mut cards: Vec<ProviderCard> = {
        let catalogue = world.catalogue.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A service that a program described is that program's to connect.
        let shown = catalogue.iter().filter(|provider| !service::is_of_program(&provider.id));
        shown.map(|provider| show::card(provider, &apps, &connections)).collect()
    };
    cards.sort_by_cached_key(|card| (!card.app_ready, card.name.to_lowercase()));
    Ok(cards)
}

pub(super) async fn provider(app: &App, ask: ByProvider) -> Result<ProviderForm> {
    let world = app.world();
    let provider = world.provider(&ask.provider)?;
    let card = show::card(&provider, &world.store.apps(0)?, &world.store.connections()?);
    let inputs = provider.inputs.iter().map(|input| InputField {
        key: input.key.clone(),
        label: input.label.clone(),
        help: input.help.clone(),
        where_to_find: input.where_to_find.clone(),
        example: input.example.clone(),
        kind: match input.kind {
            InputKind::Text => "text",
            InputKind::Email => "email",
            InputKind::Choice => "choice",
        }
        .into(),
        choices: input
            .choices
            .iter()
            .map(|it| ChoiceLine { value: it.value.clone(), label: it.label.clone() })
            .collect(),
        default: input.default.clone(),
        required: input.required,
    });
    Ok(ProviderForm {
        card,
        notice: provider.notice.clone(),
        inputs: inputs.collect(),
        scopes: provider.scopes.iter().map(|scope| finish::scope_line(&provider, &scope.name)).collect(),
        grant_page: show::grant_page(&provider, &Fields::new()),
        unconfirmed: provider.unconfirmed.clone(),
        client_id_label: provider.register.client_id_label.clone(),
        secret_label: provider.register.secret_label.clone(),
        secret: match provider.oauth.secret {
            HasSecret::Required => "required",
            HasSecret::Optional => "optional",
            HasSecret::None => "none",
        }
        .into(),
    })
}

pub(super) async fn check_form(app: &App, ask: CheckForm) -> Result<FormCheck> {
    let world = app.world();
    let provider = world.provider(&ask.provider)?;
    let inputs = normalise(&provider, &ask.inputs);
    let fields = provider.inputs.iter().map(|input| FieldCheck {
        key: input.key.clone(),
        value: inputs.values.get(&input.key).cloned().unwrap_or_default(),
        preview: inputs.preview(input),
        problem: inputs
            .problems
            .iter()
            .find(|problem| problem.key == input.key)
            .map(|problem| problem.says.clone()),
    });
    let fields: Vec<FieldCheck> = fields.collect();
    let app_host = World::app_host(&provider, &inputs.values);
    let row = world.app(0, &provider, &inputs.values)?;
    let mut means = world.means(row.as_ref())?;
    if let Some(relay) = ask.relay.as_ref().map(|relay| relay.trim()).filter(|relay| !relay.is_empty()) {
        means.relay = Some(relay.to_owned());
    }
    means.port = ask.loopback_port.or(means.port);
    let wanted = ask.way.as_deref().and_then(ways::from_key);
    let mut plans = ways::plans(&provider, &means);
    plans.sort_by_key(|plan| wanted != Some(plan.way));
    let connections = world.store.connections()?;
    let ready = inputs.problems.is_empty() && row.is_some() && plans.iter().any(|plan| plan.usable);
    Ok(FormCheck {
        fields,
        app: row.as_ref().map(|row| show::app(&provider, row, &connections)),
        app_host,
        guide: guide(&provider, &inputs, &plans),
        ways: plans.iter().map(shown).collect(),
        ready,
    })
}

fn guide(provider: &Provider, inputs: &Normalised, plans: &[ways::Plan]) -> Guide {
    let redirects = ways::to_register(provider, plans);
    let scopes: Vec<String> =
        provider.scopes.iter().filter(|scope| !scope.optional).map(|scope| scope.name.clone()).collect();
    let mut fields = inputs.values.clone();
    fields.insert("redirect".into(), redirects.first().cloned().unwrap_or_default());
    for plan in plans {
        fields.insert(ways::key(plan.way).into(), plan.redirect.clone());
    }
    fields.insert("scopes".into(), scopes.join(" "));
    Guide {
        who: provider.register.who.clone(),
        url: template::fill_url(&provider.register.url, &fields).unwrap_or_default(),
        steps: provider.register.steps.iter().map(|step| template::fill_gently(step, &fields)).collect(),
        redirects,
        scopes,
    }
}

pub(super) async fn apps(app: &App, _: Nothing) -> Result<Vec<AppSummary>> {
    let world = app.world();
    let connections = world.store.connections()?;
    let rows = world.store.apps(0)?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let provider = world.provider(&row.provider).ok()?;
            Some(show::app(&provider, row, &connections))
        })
        .collect())
}

pub(super) async fn save_app(app: &App, ask: SaveApp) -> Result<AppSummary> {
    let world = app.world();
    let provider = world.provider(&ask.provider)?;
    // Only the inputs that tell which app it is have to be right.
    let needed = template::names(&provider.register.per);
    let inputs = normalise(&provider, &ask.inputs);
    if let Some(problem) = inputs.problems.iter().find(|problem| needed.contains(&problem.key.as_str())) {
        return Err(Error::field(problem.key.clone(), problem.says.clone()));
    }
    let host = World::app_host(&provider, &inputs.values);
    let known = world.app(0, &provider, &inputs.values)?;
    let client_id = ask.client_id.trim().to_owned();
    check_client_id(&provider, &client_id)?;
    let relay = ask
        .relay
        .as_deref()
        .map(str::trim)
        .filter(|relay| !relay.is_empty())
        .map(relay_address)
        .transpose()?;
    if let Some(port) = ask.loopback_port.filter(|port| *port < 1024) {
        return Err(Error::field(
            "loopback_port",
            format!("{port} belongs to the system. Choose a port between 1024 and 65535."),
        ));
    }
    let old = known.as_ref().map_or(0, |row| row.secret_version);
    let typed = ask.client_secret.as_deref().map(str::trim);
    let secret = match typed {
        None => None,
        Some("") => Some(None),
        Some(text) if text.chars().any(|c| c.is_control() || c.is_whitespace()) || text.len() > 2000 => {
            return Err(Error::field(
                "client_secret",
                "A secret is one word. Copy it again without line breaks.",
            ));
        }
        Some(text) => Some(Some(Secret::new(text))),
    };
    if provider.oauth.secret == HasSecret::Required
        && (matches!(secret, Some(None)) || secret.is_none() && old == 0)
    {
        let words =
            format!("{} needs the {} too.", provider.name, provider.register.secret_label.to_lowercase());
        return Err(Error::field("client_secret", words));
    }
    if provider.oauth.secret == HasSecret::None && matches!(secret, Some(Some(_))) {
        return Err(Error::field(
            "client_secret",
            format!("An app of {} works without a secret. Leave this empty.", provider.name),
        ));
    }
    let mut row = AppRow {
        organization: 0,
        redirect: None,
        provider: provider.id.clone(),
        host,
        client_id,
        secret_version: old,
        relay,
        loopback_port: ask.loopback_port,
        saved_at: world.now(),
    };
    store_app(&world, &mut row, known.as_ref(), secret).await?;
    world.changed(Change::Providers);
    Ok(show::app(&provider, &row, &world.store.connections()?))
}

/// Vault first, then the row that points to it. `secret`: none keeps what is there, `Some(None)` removes it.
pub(crate) async fn store_app(
    world: &World,
    row: &mut AppRow,
    known: Option<&AppRow>,
    secret: Option<Option<Secret>>,
) -> Result<()> {
    let old_entry = known.and_then(AppRow::secret_entry);
    match secret {
        None => world.store.save_app(row, None, None)?,
        Some(None) => {
            row.secret_version = 0;
            world.store.save_app(row, None, old_entry.as_deref())?;
        }
        Some(Some(secret)) => {
            row.secret_version = known.map_or(0, |known| known.secret_version) + 1;
            let entry = row.secret_entry().unwrap_or_default();
            let _making = world.making(entry.clone());
            world.store.expect_stray(&entry)?;
            world.vault.set(&entry, &secret).await?;
            world.store.save_app(row, Some(&entry), old_entry.as_deref())?;
        }
    }
    world.sweep().await;
    Ok(())
}

pub(crate) fn check_client_id(provider: &Provider, client_id: &str) -> Result<()> {
    let label = &provider.register.client_id_label;
    if client_id.is_empty() {
        return Err(Error::field("client_id", format!("{label} is needed.")));
    }
    if client_id.len() > 512 || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::field(
            "client_id",
            format!("{label} is one word of letters, digits and signs. Copy it again."),
        ));
    }
    let fits = provider
        .register
        .client_id_pattern
        .as_ref()
        .is_none_or(|pattern| tieline_catalog::fits(pattern, client_id));
    if !fits {
        return Err(Error::field("client_id", provider.register.client_id_problem.clone()));
    }
    Ok(())
}

/// The organisation's page: https, and without a query.
pub(super) fn relay_address(text: &str) -> Result<String> {
    let url = service::address("relay", text, false).or_else(|error| {
        // A page on this computer is what an administrator tries it out with.
        url::Url::parse(text)
            .ok()
            .filter(|url| matches!(url.host_str(), Some("127.0.0.1" | "localhost")))
            .ok_or(error)
    })?;
    if url.query().is_some() {
        return Err(Error::field("relay", "The address of the page must not hold a ?."));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub(super) async fn forget_app(app: &App, ask: ForgetApp) -> Result<Nothing> {
    let world = app.world();
    let provider = world.provider(&ask.provider)?;
    let row = world
        .store
        .app(0, &provider.id, &ask.host)?
        .ok_or_else(|| Error::not_found("app for", &provider.name))?;
    let used = world
        .store
        .connections()?
        .into_iter()
        .filter(|it| it.provider == provider.id && it.app_host == row.host && it.app_organization == 0)
        .count();
    if used > 0 {
        return Err(Error::new(
            Code::Conflict,
            format!("{used} connections use this app and could not be renewed without it."),
            "Disconnect them first, or replace the app.",
        ));
    }
    world.store.forget_app(&row)?;
    world.sweep().await;
    world.changed(Change::Providers);
    Ok(Nothing {})
}
