//! Syncs: begun, paused, stopped, scheduled, and how they stand.

use super::wire::{ById, Nothing, SetSync, StartSync, SyncFailure, SyncState};
use crate::app::App;
use crate::clock;
use crate::error::{Error, Result};
use crate::event::Change;
use crate::flows::sync;
use crate::library::{self, Phase, Wish};
use crate::world::World;

/// Hours between two syncs that may be chosen.
const HOURS: [u32; 5] = [0, 3, 6, 12, 24];

/// Begins a sync and returns at once; the rest comes as changes.
pub(super) async fn start_sync(app: &App, ask: StartSync) -> Result<SyncState> {
    let world = app.world();
    prepare(&world, &ask)?;
    sync::start(&world, &ask.connection)?;
    state(&world, &ask.connection)
}

/// As [`start_sync`], and waits for the end.
pub(super) async fn sync_to_the_end(app: &App, ask: StartSync) -> Result<SyncState> {
    let world = app.world();
    prepare(&world, &ask)?;
    world.library.set_wish(&ask.connection, Wish::GoOn)?;
    sync::run(&world, &ask.connection).await?;
    state(&world, &ask.connection)
}

fn prepare(world: &World, ask: &StartSync) -> Result<()> {
    let id = &ask.connection;
    let mut row = sync::row(world, id)?;
    if ask.items.is_some() || ask.failed {
        let count = world.library.queue_again(id, ask.items.as_deref())?;
        if let Some(items) = ask.items.as_ref().filter(|items| count < items.len() as u64) {
            return Err(Error::field(
                "items",
                format!(
                    "{count} of {} can be read; the others are not listed, or have no contents.",
                    items.len()
                ),
            ));
        }
        if row.resume.is_none() {
            row.phase = Phase::Reading;
        }
    }
    world.library.put_sync(&row)
}

pub(super) async fn pause_sync(app: &App, ask: ById) -> Result<SyncState> {
    wish(app, &ask.id, Wish::Pause).await
}

pub(super) async fn cancel_sync(app: &App, ask: ById) -> Result<SyncState> {
    wish(app, &ask.id, Wish::Cancel).await
}

async fn wish(app: &App, id: &str, wish: Wish) -> Result<SyncState> {
    let world = app.world();
    let mut row = sync::row(&world, id)?;
    world.library.set_wish(id, wish)?;
    if !is_running(&world, id) && row.phase != Phase::Idle {
        // Nobody is there to heed the wish.
        row.phase = if wish == Wish::Pause { Phase::Paused } else { Phase::Idle };
        if wish == Wish::Cancel {
            (row.resume, row.failure) = (None, None);
            if row.every_hours == 0 {
                world.library.set_next(id, None)?;
            }
        }
        world.library.put_sync(&row)?;
        world.changed(Change::Sync { id: id.to_owned() });
    }
    state(&world, id)
}

pub(super) fn is_running(world: &World, id: &str) -> bool {
    world.syncs.is_running(id) || crate::lock::is_held(&world.locks(), &format!("sync-{id}"))
}

pub(super) async fn sync_state(app: &App, ask: ById) -> Result<SyncState> {
    state(&app.world(), &ask.id)
}

pub(super) async fn syncs(app: &App, _: Nothing) -> Result<Vec<SyncState>> {
    let world = app.world();
    world.store.connections()?.iter().map(|it| state(&world, &it.id)).collect()
}

pub(super) async fn set_sync(app: &App, ask: SetSync) -> Result<Vec<SyncState>> {
    let world = app.world();
    if let Some(hours) = ask.every_hours.filter(|hours| !HOURS.contains(hours)) {
        return Err(Error::field("every_hours", format!("{hours} is not one of 0 (off), 3, 6, 12 and 24.")));
    }
    let ids: Vec<String> = match ask.connection {
        Some(id) => vec![world.connection(&id)?.id],
        None => world.store.connections()?.into_iter().map(|it| it.id).collect(),
    };
    for id in &ids {
        let row = sync::row(&world, id)?;
        let hours = ask.every_hours.unwrap_or(row.every_hours);
        let next_at = match (hours, ask.every_hours) {
            (_, None) => row.next_at,
            (0, _) => None,
            (hours, Some(_)) => {
                let from = row.ended_at.unwrap_or_else(|| world.now());
                Some(from + i64::from(hours) * 3600)
            }
        };
        world.library.put_sync(&row)?;
        world.library.set_sync(id, ask.everything.unwrap_or(row.everything), hours, next_at)?;
        if row.everything && ask.everything == Some(false) {
            sync::let_go(&world, &row)?;
        }
        world.changed(Change::Sync { id: id.clone() });
    }
    ids.iter().map(|id| state(&world, id)).collect()
}

pub(super) fn state(world: &World, id: &str) -> Result<SyncState> {
    let it = world.connection(id)?;
    let provider = world.provider(&it.provider)?;
    let row = sync::row(world, id)?;
    let tally = world.library.tally(id)?;
    let picked = if row.everything { library::Picked::default() } else { world.library.picked(id)? };
    let running = is_running(world, id);
    let paused_until = running.then(|| world.pace(id, &provider).paused_until(world.now())).flatten();
    let items = provider.source.as_ref().map_or_else(|| "items".to_owned(), |facts| facts.items.clone());
    let can = crate::sources::of(&provider.id).is_some() && provider.source.is_some();
    let words = words(&provider.name, &items, &row, &tally, running, paused_until.map(|at| at - world.now()));
    Ok(SyncState {
        connection: id.to_owned(),
        can,
        items,
        everything: row.everything,
        every_hours: row.every_hours,
        next_at: row.next_at.map(clock::rfc3339),
        phase: row.phase,
        running,
        complete: row.complete,
        listed: super::count(tally.listed),
        waiting: super::count(tally.waiting),
        kept: super::count(tally.kept),
        failed: super::count(tally.failed),
        bytes: tally.bytes as f64,
        bytes_waiting: tally.bytes_waiting as f64,
        paused_until: paused_until.map(clock::rfc3339),
        ended_at: row.ended_at.map(clock::rfc3339),
        listings: u32::try_from(row.listing).unwrap_or(u32::MAX),
        removed: super::count(row.removed),
        cancelled: !running && world.library.wish(id)? == Wish::Cancel,
        failure: row.failure.as_deref().and_then(|text| serde_json::from_str::<SyncFailure>(text).ok()),
        picked_folders: super::count(picked.folders),
        picked_items: super::count(picked.items),
        picked_bytes: picked.bytes as f64,
        words,
    })
}

fn words(
    provider: &str,
    items: &str,
    row: &library::Sync,
    tally: &library::Tally,
    running: bool,
    pause: Option<i64>,
) -> String {
    let of = tally.waiting + tally.kept + tally.failed;
    match (row.phase, running) {
        (_, true) if pause.is_some() => {
            let left = pause.unwrap_or(0).max(0);
            format!(
                "{provider} asks us to pause. It goes on in {}:{:02}; nothing is lost.",
                left / 60,
                left % 60
            )
        }
        (Phase::Listing, true) => format!("Looking what there is: {} seen so far.", tally.listed),
        (Phase::Reading, true) => format!("Reading {} of {of}.", tally.kept + tally.failed),
        (Phase::Listing | Phase::Reading, false) => "Interrupted; it goes on at the next start.".into(),
        (Phase::Paused, _) => format!("Paused; {} of {of} {items} are here.", tally.kept),
        (Phase::Failed, _) => "The last sync stopped before its end.".into(),
        (Phase::Idle, _) if row.ended_at.is_none() => "Not synced yet.".into(),
        (Phase::Idle, _) if tally.failed > 0 => {
            format!("In sync: {} {items} here, {} could not be read.", tally.kept, tally.failed)
        }
        (Phase::Idle, _) => format!("In sync: {} {items} here.", tally.kept),
    }
}
