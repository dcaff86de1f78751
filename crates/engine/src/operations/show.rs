//! Connections as they are shown: rows, details, words. No rule is left to a face.

use tieline_catalog::{Provider, RefreshKind, template};

use super::keys;
use super::wire::{
    Account, AppSummary, ConnectionDetail, ConnectionRow, ConnectionState, DisconnectPlan, EventLine,
    GrantPage, Health, Lasts, NamedValue, Permission, ProviderCard, SecretPlace,
};
use crate::clock::{Seconds, day, rfc3339};
use crate::connection::Connection;
use crate::deadline;
use crate::diagnose::{self, About};
use crate::error::Result;
use crate::flows::{disconnect, finish};
use crate::store::{AppRow, EventRow, Kind};
use crate::vault::VaultState;
use crate::ways;
use crate::world::World;

pub(super) fn category(provider: &Provider) -> String {
    serde_json::to_value(provider.category)
        .ok()
        .and_then(|it| it.as_str().map(str::to_owned))
        .unwrap_or_default()
}

pub(super) fn card(provider: &Provider, apps: &[AppRow], connections: &[Connection]) -> ProviderCard {
    let used = connections.iter().filter(|it| it.provider == provider.id).count();
    ProviderCard {
        id: provider.id.clone(),
        slug: provider.slug(),
        callback: provider.callback_path().trim_start_matches("/integrations/").to_owned(),
        name: provider.name.clone(),
        category: category(provider),
        summary: provider.summary.clone(),
        monogram: provider.monogram.clone(),
        color: provider.color.clone(),
        app_ready: apps.iter().any(|app| app.provider == provider.id),
        connections: u32::try_from(used).unwrap_or(u32::MAX),
        custom: provider.id.starts_with("CUSTOM_"),
    }
}

pub(super) fn app(provider: &Provider, row: &AppRow, connections: &[Connection]) -> AppSummary {
    let uses = |it: &&Connection| {
        it.provider == row.provider && it.app_host == row.host && it.app_organization == row.organization
    };
    let used = connections.iter().filter(uses).count();
    AppSummary {
        provider: row.provider.clone(),
        provider_name: provider.name.clone(),
        host: row.host.clone(),
        client_id: row.client_id.clone(),
        has_secret: row.secret_version > 0,
        relay: row.relay.clone(),
        loopback_port: row.loopback_port,
        saved_at: rfc3339(row.saved_at),
        connections: u32::try_from(used).unwrap_or(u32::MAX),
    }
}

/// The state a person understands.
pub(super) fn state(it: &Connection, vault: VaultState) -> ConnectionState {
    let locked = matches!(vault, VaultState::Locked | VaultState::Absent | VaultState::FileLocked);
    match &it.trouble {
        _ if it.disconnecting => ConnectionState::Disconnecting,
        Some(trouble) if trouble.waits_for_admin() => ConnectionState::WaitingForAdmin,
        Some(trouble) if trouble.is_final() => ConnectionState::NeedsYou,
        _ if locked => ConnectionState::KeyringLocked,
        Some(_) => ConnectionState::TemporarilyFailing,
        None => ConnectionState::Working,
    }
}

fn state_words(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Working => "Working",
        ConnectionState::NeedsYou => "Needs you",
        ConnectionState::TemporarilyFailing => "Temporarily failing",
        ConnectionState::WaitingForAdmin => "Waiting for an administrator",
        ConnectionState::KeyringLocked => "Keyring locked",
        ConnectionState::Disconnecting => "Disconnecting",
    }
}

pub(super) fn about(it: &Connection) -> About<'_> {
    About { connection: Some(it), client_id: &it.client_id, redirect: &it.redirect, scopes: &it.asked }
}

pub(super) fn row(provider: &Provider, it: &Connection, vault: VaultState) -> ConnectionRow {
    let state = state(it, vault);
    let deadline = deadline::next(provider, it);
    let problem = it.trouble.as_ref().map(|trouble| diagnose::problem(provider, trouble, &about(it)));
    let missing = finish::missing(provider, it).len();
    ConnectionRow {
        id: it.id.clone(),
        provider: provider.id.clone(),
        provider_name: provider.name.clone(),
        slug: provider.slug(),
        monogram: provider.monogram.clone(),
        color: provider.color.clone(),
        name: it.title(),
        account: Account {
            id: it.account_id.clone(),
            name: it.account_name.clone(),
            email: it.account_email.clone(),
            workspace: it.account_workspace.clone(),
        },
        state,
        state_words: state_words(state).into(),
        problem,
        sign_in_words: deadline::words(&deadline),
        next_sign_in_at: deadline.at.map(rfc3339),
        connected_at: rfc3339(it.connected_at),
        last_used_at: it.last_used_at.map(rfc3339),
        missing_scopes: u32::try_from(missing).unwrap_or(u32::MAX),
    }
}

pub(super) fn detail(
    world: &World,
    provider: &Provider,
    it: &Connection,
    vault: VaultState,
) -> Result<ConnectionDetail> {
    let fields = it.fields();
    let inputs = provider.inputs.iter().filter_map(|input| {
        let value = it.inputs.get(&input.key).filter(|value| !value.is_empty())?;
        Some(NamedValue { label: input.label.clone(), value: value.clone() })
    });
    let permissions = it.asked.iter().map(|name| {
        let line = finish::scope_line(provider, name);
        let told = it
            .granted
            .as_ref()
            .filter(|_| provider.scope(name).is_none_or(|scope| !scope.unreported && !scope.at_registration));
        Permission {
            granted: told.map(|granted| finish::is_granted(provider, name, granted)),
            name: line.name,
            meaning: line.meaning,
            without: line.without,
            asked: true,
        }
    });
    let extra = it.granted.iter().flatten().filter(|name| {
        !it.asked.iter().any(|asked| asked == *name || finish::is_one_scope(provider, asked, name))
    });
    let extra = extra.map(|name| Permission {
        name: name.clone(),
        meaning: finish::scope_line(provider, name).meaning,
        without: String::new(),
        asked: false,
        granted: Some(true),
    });
    let (revokes, words) = disconnect::plan(provider, it);
    let events = world.store.events(Some(&it.id), None, 50)?;
    Ok(ConnectionDetail {
        row: row(provider, it, vault),
        inputs: inputs.collect(),
        client_id: it.client_id.clone(),
        app_host: it.app_host.clone(),
        redirect: it.redirect.clone(),
        way_words: ways::from_key(&it.way).map(ways::title).unwrap_or_default().into(),
        permissions: permissions.chain(extra).collect(),
        lasts: lasts(provider, it, world.now()),
        secret: SecretPlace { words: format!("In {}", world.vault.place()), entry: it.secret_entry() },
        health: health(provider, it),
        grant_page: grant_page(provider, &fields),
        disconnect: DisconnectPlan {
            revokes,
            words,
            reaches_further: provider.revoke.reaches_further.clone(),
            kept_texts: u32::try_from(world.library.tally(&it.id)?.kept).unwrap_or(u32::MAX),
        },
        program: keys::options(world, it)?,
        events: events.into_iter().map(event).collect(),
    })
}

fn lasts(provider: &Provider, it: &Connection, now: Seconds) -> Lasts {
    let name = &provider.name;
    let deadline = deadline::next(provider, it);
    Lasts {
        access_until: it.access_until.map(rfc3339),
        access_words: match (it.access_until, it.access_life) {
            (Some(until), _) if until <= now => {
                "The key in hand has run out; the next use fetches a new one.".into()
            }
            (Some(_), Some(life)) => format!("Each key works for {}.", span(life)),
            _ if it.has_refresh => {
                format!("{name} does not say how long a key works; Tieline renews it when it is refused.")
            }
            _ => "The key works until somebody takes it back.".into(),
        },
        refresh_words: match (it.has_refresh, provider.lifetime.refresh) {
            (false, _) => "There is nothing to renew.".into(),
            (true, RefreshKind::Rotates) => {
                "Each renewal replaces the whole sign-in; the one before stops working.".into()
            }
            (true, RefreshKind::MayRotate) => {
                "A renewal may replace the whole sign-in; Tieline keeps whatever comes.".into()
            }
            (true, _) => "The sign-in stays the same and fetches new keys.".into(),
        },
        next_sign_in_at: deadline.at.map(rfc3339),
        why: deadline.why,
        ends_early: provider.lifetime.ends_early.clone(),
    }
}

fn span(seconds: Seconds) -> String {
    let (count, unit) = match seconds {
        ..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn health(provider: &Provider, it: &Connection) -> Health {
    Health {
        words: match (&it.trouble, it.last_ok_at) {
            (Some(trouble), _) => {
                let problem = diagnose::problem(provider, trouble, &about(it));
                format!("{} Since {}.", problem.happened, day(trouble.since))
            }
            (None, Some(_)) => "Everything works.".into(),
            (None, None) => "Not tested yet.".into(),
        },
        last_ok_at: it.last_ok_at.map(rfc3339),
        last_refresh_at: it.last_refresh_at.map(rfc3339),
        refreshes: it.refreshes,
        last_failed_at: it.last_failed_at.map(rfc3339),
    }
}

pub(super) fn grant_page(provider: &Provider, fields: &template::Fields) -> Option<GrantPage> {
    let page = provider.grant_page.as_ref()?;
    let url = template::fill_url(&page.url, fields).ok()?;
    Some(GrantPage { url, words: template::fill_gently(&page.words, fields) })
}

pub(super) fn event(row: EventRow) -> EventLine {
    EventLine {
        id: row.id,
        tone: Kind::tone(&row.kind).into(),
        connection: row.connection,
        connection_name: row.connection_name,
        at: rfc3339(row.at),
        kind: row.kind,
        words: row.words,
    }
}
