//! Connections: looked at, tested, renewed, renamed, ended.

use super::show;
use super::wire::{
    ById, ConnectionDetail, ConnectionRow, Disconnect, Disconnected, EventLine, EventsAsk, Nothing, Rename,
    Tested,
};
use crate::app::App;
use crate::connection::Trouble;
use crate::diagnose;
use crate::error::{Code, Error, Result};
use crate::flows::check::{self, Outcome};
use crate::flows::disconnect as ending;
use crate::flows::token::{self, Want};
use crate::store::Kind;
use crate::world::World;

/// What needs its person first, then by name.
pub(super) async fn connections(app: &App, _: Nothing) -> Result<Vec<ConnectionRow>> {
    let world = app.world();
    let vault = world.vault.state().await;
    let mut rows = Vec::new();
    for it in world.store.connections()? {
        match world.provider(&it.provider) {
            Ok(provider) => rows.push(show::row(&provider, &it, vault)),
            Err(_) => tracing::warn!(
                connection = it.id,
                provider = it.provider,
                "the provider's description is gone"
            ),
        }
    }
    let urgency = |row: &ConnectionRow| match row.state {
        super::wire::ConnectionState::NeedsYou => 0,
        super::wire::ConnectionState::WaitingForAdmin => 1,
        super::wire::ConnectionState::KeyringLocked => 2,
        super::wire::ConnectionState::TemporarilyFailing => 3,
        super::wire::ConnectionState::Disconnecting => 4,
        super::wire::ConnectionState::Working => 5,
    };
    rows.sort_by_cached_key(|row| {
        (urgency(row), row.name.to_lowercase(), row.provider_name.to_lowercase(), row.id.clone())
    });
    Ok(rows)
}

pub(super) async fn connection(app: &App, ask: ById) -> Result<ConnectionDetail> {
    let world = app.world();
    let it = world.connection(&ask.id)?;
    let provider = world.provider(&it.provider)?;
    show::detail(&world, &provider, &it, world.vault.state().await)
}

pub(super) async fn rename(app: &App, ask: Rename) -> Result<ConnectionRow> {
    let world = app.world();
    let name = ask.name.trim().to_owned();
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Error::field("name", "A name has at most 100 characters on one line."));
    }
    let before = world.connection(&ask.id)?.title();
    let noted = world.store.note(&ask.id, |it| it.name.clone_from(&name))?;
    let it = noted.ok_or_else(|| Error::not_found("connection", &ask.id))?;
    if it.title() != before {
        world.happened(&it, Kind::Renamed, &format!("Renamed from {before}."));
    }
    row(&world, &ask.id).await
}

pub(super) async fn test(app: &App, ask: ById) -> Result<Tested> {
    let world = app.world();
    let outcome = check::test(&world, &ask.id).await?;
    let provider = world.provider(&world.connection(&ask.id)?.provider)?;
    match outcome {
        Outcome::Works { took } => {
            let took_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            tested(&world, &ask.id, None, format!("{} answered in {took_ms} ms.", provider.name), took_ms)
                .await
        }
        Outcome::Unasked => {
            let words =
                format!("The sign-in is there and in time. {} has nothing to test it with.", provider.name);
            tested(&world, &ask.id, None, words, 0).await
        }
        Outcome::Fails(trouble) => tested(&world, &ask.id, Some(trouble), String::new(), 0).await,
    }
}

pub(super) async fn refresh(app: &App, ask: ById) -> Result<Tested> {
    let world = app.world();
    let it = world.connection(&ask.id)?;
    match token::access(&world, &ask.id, Want::Renewed(it.secret_version)).await {
        Ok(_) => tested(&world, &ask.id, None, "The sign-in was renewed.".into(), 0).await,
        Err(error) if matches!(error.code, Code::NeedsYou | Code::Temporary) => {
            let trouble = world.connection(&ask.id)?.trouble;
            match trouble {
                Some(trouble) => tested(&world, &ask.id, Some(trouble), String::new(), 0).await,
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

async fn tested(
    world: &World,
    id: &str,
    trouble: Option<Trouble>,
    words: String,
    took_ms: u32,
) -> Result<Tested> {
    let it = world.connection(id)?;
    let provider = world.provider(&it.provider)?;
    let problem = trouble.map(|trouble| diagnose::problem(&provider, &trouble, &show::about(&it)));
    let words = problem.as_ref().map_or(words, |problem| format!("{} {}", problem.happened, problem.why));
    Ok(Tested { ok: problem.is_none(), words, took_ms, problem, row: row(world, id).await? })
}

async fn row(world: &World, id: &str) -> Result<ConnectionRow> {
    let it = world.connection(id)?;
    let provider = world.provider(&it.provider)?;
    Ok(show::row(&provider, &it, world.vault.state().await))
}

pub(super) async fn disconnect(app: &App, ask: Disconnect) -> Result<Disconnected> {
    let world = app.world();
    let it = world.connection(&ask.id)?;
    let provider = world.provider(&it.provider)?;
    let ended = ending::disconnect(&world, &ask.id, ask.revoke, ask.keep_contents).await?;
    Ok(Disconnected {
        name: it.title(),
        revoked: ended.revoked,
        queued: ended.queued,
        grant_page: ended.page.then(|| show::grant_page(&provider, &it.fields())).flatten(),
        words: ended.words,
    })
}

pub(super) async fn events(app: &App, ask: EventsAsk) -> Result<Vec<EventLine>> {
    let world = app.world();
    let limit = ask.limit.unwrap_or(100).clamp(1, 500);
    let rows = world.store.events(ask.id.as_deref(), ask.before, limit)?;
    Ok(rows.into_iter().map(show::event).collect())
}
