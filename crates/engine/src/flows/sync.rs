//! A sync: what there is and what changed is listed, then what is wanted is read, its text kept.
//!
//! Every page of a listing and every text is in the library, with the place where it goes on, before the next is
//! asked for: a sync that is interrupted, however, goes on at the item where it stood.

mod listing;
mod reading;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Seconds;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::contents::{self, Reader};
use crate::item::Kind;
use crate::library::{ForProgram, Phase, Sync, Wanted, Wish};
use crate::lock::ConnectionLock;
use crate::store::Kind as Happened;
use crate::world::World;

/// How often is looked whether the person wants a pause, and how often progress is told.
const TICK: Duration = Duration::from_millis(400);
/// After a failure that time may mend, a sync is tried again in so many seconds, then in twice as many, an hour at most.
const TRY_AGAIN: Seconds = 60;
const LONGEST_PAUSE: Seconds = 3600;
/// Another process may be about to end its sync.
const LOCK_LIMIT: Duration = Duration::from_millis(300);

/// Syncs under way in this process.
#[derive(Default)]
pub(crate) struct Syncs(Mutex<HashMap<String, Under>>);

/// One under way.
struct Under {
    task: tokio::task::AbortHandle,
    /// It was asked for again, perhaps after its last look at what is wanted.
    again: Arc<AtomicBool>,
}

impl Syncs {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Under>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_running(&self, id: &str) -> bool {
        self.lock().get(id).is_some_and(|it| !it.task.is_finished())
    }

    /// Ends one, because its connection is going.
    pub fn stop(&self, id: &str) {
        if let Some(it) = self.lock().remove(id) {
            it.task.abort();
        }
    }

    /// Ends them without a trace: each goes on at the next start.
    pub fn close(&self) {
        for (_, it) in self.lock().drain() {
            it.task.abort();
        }
    }
}

/// How a connection is kept in sync, decided by its provider until a person decides.
pub(crate) fn row(world: &World, id: &str) -> Result<Sync> {
    let it = world.connection(id)?;
    let everything = world.provider(&it.provider)?.source.as_ref().is_some_and(|facts| facts.everything);
    let known = world.library.sync(id)?;
    let row = known.unwrap_or_else(|| Sync {
        connection: id.to_owned(),
        everything,
        whole: true,
        ..Sync::default()
    });
    Ok(Sync { provider: it.provider.clone(), title: it.title(), ..row })
}

/// Begins a sync in the background. While one is under way, it reads what was chosen since, at its end at the latest.
pub(crate) fn start(world: &Arc<World>, id: &str) -> Result<()> {
    let it = world.connection(id)?;
    contents::reader(world, &it)?;
    let mut under_way = world.syncs.lock();
    if let Some(it) = under_way.get(id).filter(|it| !it.task.is_finished()) {
        it.again.store(true, Ordering::Relaxed);
        return Ok(());
    }
    world.library.set_wish(id, Wish::GoOn)?;
    let (place, id) = (Arc::clone(world), id.to_owned());
    let (key, again) = (id.clone(), Arc::new(AtomicBool::new(false)));
    let asked_again = Arc::clone(&again);
    let task = tokio::spawn(async move {
        loop {
            let outcome = run(&place, &id).await;
            if let Err(error) = &outcome {
                tracing::info!(connection = id, %error, "a sync did not come to its end");
            }
            let mut under_way = place.syncs.lock();
            if outcome.is_ok()
                && asked_again.swap(false, Ordering::Relaxed)
                && goes_on(&place, &id).unwrap_or(false)
            {
                continue;
            }
            under_way.remove(&id);
            break;
        }
        // Told once more when nobody takes it for running any longer.
        place.changed(Change::Sync { id });
    });
    under_way.insert(key, Under { task: task.abort_handle(), again });
    Ok(())
}

/// Syncs a connection from where its last sync stands to the end.
///
/// # Errors
/// `Busy` while another process does it; `Cancelled` when the person stopped or paused it; else what kept it from
/// going on, which is also noted in the library.
pub(crate) async fn run(world: &Arc<World>, id: &str) -> Result<()> {
    let outcome = alone(world, id).await;
    world.changed(Change::Sync { id: id.to_owned() });
    outcome
}

async fn alone(world: &Arc<World>, id: &str) -> Result<()> {
    let _lock =
        ConnectionLock::take(&world.locks(), &format!("sync-{id}"), LOCK_LIMIT).await.map_err(busy)?;
    let it = world.connection(id)?;
    let reader = contents::reader(world, &it)?;
    let mut row = row(world, id)?;
    row.failure = None;
    if row.phase != Phase::Reading && row.resume.is_none() {
        if !increments(world, id)? {
            row.position = None;
        }
        begin(&mut row, world.now());
    }
    if row.phase != Phase::Reading {
        row.phase = Phase::Listing;
    }
    world.library.put_sync(&row)?;
    world.changed(Change::Sync { id: id.to_owned() });

    let end = tokio::select! {
        outcome = work(world, &reader, &mut row) => outcome.into(),
        wish = wished(world, id) => if wish == Wish::Cancel { End::Cancelled } else { End::Paused },
    };
    // The future that was dropped may have written a newer row than the one in hand.
    let mut row = row_now(world, id, row)?;
    let now = world.now();
    match &end {
        End::Done => {
            (row.phase, row.ended_at, row.failure, row.failures) = (Phase::Idle, Some(now), None, 0);
            let tally = world.library.tally(id)?;
            let mut words = format!("In sync: {} kept", tally.kept);
            if tally.failed > 0 {
                words += &format!(", {} could not be read", tally.failed);
            }
            if row.removed > 0 {
                words += &format!(", {} no longer there and removed", row.removed);
            }
            world.happened(&it, Happened::Synced, &format!("{words}."));
        }
        End::Paused => row.phase = Phase::Paused,
        End::Cancelled => (row.phase, row.resume, row.ended_at) = (Phase::Idle, None, Some(now)),
        End::Failed(error) => {
            row.phase = Phase::Failed;
            row.failures += 1;
            row.failure = Some(
                serde_json::json!({ "code": error.code.as_str(), "message": error.message, "hint": error.hint })
                    .to_string(),
            );
            world.happened(&it, Happened::Failed, &format!("The sync stopped. {}", error.message));
        }
    }
    let next = match (&end, row.every_hours) {
        (End::Failed(error), _) if error.code == Code::Temporary => Some(now + pause(row.failures)),
        (_, 0) => None,
        (_, hours) => Some(now + Seconds::from(hours) * 3600),
    };
    world.library.put_sync(&row)?;
    world.library.set_next(id, next)?;
    world.store.note(id, |it| it.last_used_at = Some(now))?;
    end.outcome()
}

/// How the work of a sync ended.
enum End {
    Done,
    /// It goes on where it stood.
    Paused,
    /// The next one begins anew.
    Cancelled,
    Failed(Error),
}

impl From<Result<()>> for End {
    fn from(outcome: Result<()>) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            // Tieline is closing.
            Err(error) if error.code == Code::Cancelled => Self::Paused,
            Err(error) => Self::Failed(error),
        }
    }
}

impl End {
    fn outcome(self) -> Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Paused | Self::Cancelled => Err(Error::new(
                Code::Cancelled,
                "The sync was stopped.",
                "Start it again to go on where it stood.",
            )),
            Self::Failed(error) => Err(error),
        }
    }
}

/// Before the next try, after so many failures in a row.
fn pause(failures: u32) -> Seconds {
    LONGEST_PAUSE.min(TRY_AGAIN << failures.saturating_sub(1).min(10))
}

fn begin(row: &mut Sync, now: Seconds) {
    row.listing += 1;
    row.whole = row.position.is_none();
    row.resume = row.position.clone();
    (row.removed, row.begun_at) = (0, Some(now));
}

async fn work(world: &Arc<World>, reader: &Reader, row: &mut Sync) -> Result<()> {
    if row.phase == Phase::Listing {
        listing::list(world, reader, row).await?;
        row.phase = Phase::Reading;
        world.library.put_sync(row)?;
    }
    // What is picked meanwhile is read as well.
    while world.library.queue(&row.connection, &wanted(world, row)?, world.now())? > 0 {
        reading::read(world, reader, row).await?;
    }
    world.library.tidy()
}

/// Whether something was chosen after a sync's last look; the next one begins with reading it.
fn goes_on(world: &World, id: &str) -> Result<bool> {
    let mut row = row(world, id)?;
    let waits = world.library.queue(id, &wanted(world, &row)?, world.now())? > 0;
    if waits {
        row.phase = Phase::Reading;
        world.library.put_sync(&row)?;
    }
    Ok(waits)
}

/// What is wanted, as the person or the program last decided.
fn wanted(world: &World, row: &Sync) -> Result<Wanted> {
    let everything = world.library.sync(&row.connection)?.map_or(row.everything, |now| now.everything);
    let Some(it) = world.store.data_source_of(&row.connection)? else {
        return Ok(Wanted { everything, program: None });
    };
    let chosen = world.provider(&it.provider)?.published.kinds_are_chosen;
    let program = ForProgram {
        without: Kind::ALL.into_iter().filter(|kind| chosen && !it.options.reads(*kind)).collect(),
        nothing_is_fetched: it.options.file_sync_config.skip_file_processing,
        tags: if it.options.tags.is_object() { it.options.tags.to_string() } else { "{}".into() },
        request_id: it.options.request_id,
    };
    Ok(Wanted { everything, program: Some(program) })
}

/// A request for everything covers what is known already: it is found by that request, with the tags of its sign-in.
pub(crate) fn cover(world: &World, id: &str) -> Result<()> {
    let wanted = wanted(world, &row(world, id)?)?;
    world.library.cover(id, &wanted, world.now())
}

/// The person chose less than before. Of what nobody but the person decides about, the next sync lets go; requests of
/// programs only add, so that it is done here.
pub(crate) fn let_go(world: &World, row: &Sync) -> Result<()> {
    let wanted = wanted(world, row)?;
    if wanted.program.is_none() {
        return Ok(());
    }
    world.library.let_go(&row.connection, &wanted)
}

/// Whether only changes are asked for: a program may want everything looked at each time.
fn increments(world: &World, id: &str) -> Result<bool> {
    Ok(world.store.data_source_of(id)?.is_none_or(|it| it.options.incremental_sync))
}

/// Ends when the person wants something else than that it goes on; tells progress meanwhile.
async fn wished(world: &World, id: &str) -> Wish {
    loop {
        tokio::time::sleep(TICK).await;
        match world.library.wish(id) {
            Ok(Wish::GoOn) | Err(_) => world.changed(Change::Sync { id: id.to_owned() }),
            Ok(wish) => return wish,
        }
    }
}

fn row_now(world: &World, id: &str, in_hand: Sync) -> Result<Sync> {
    Ok(world.library.sync(id)?.map_or(in_hand, |now| now))
}

fn busy(error: Error) -> Error {
    if error.code == Code::Busy {
        return Error::new(
            Code::Busy,
            "This account is already being synced.",
            "Wait for its end, or pause it.",
        );
    }
    error
}

/// Begins what is due: scheduled syncs, missed ones once, and those that the last end of the program cut off.
pub(crate) fn begin_due(world: &Arc<World>, at_start: bool) {
    let Ok(rows) = world.library.syncs() else { return };
    for row in rows {
        let due = row.next_at.is_some_and(|at| at <= world.now());
        let cut_off = at_start && matches!(row.phase, Phase::Listing | Phase::Reading);
        let can = world.connection(&row.connection).is_ok_and(|it| {
            !it.disconnecting && it.trouble.as_ref().is_none_or(|trouble| !trouble.is_final())
        });
        if can
            && (due && row.phase != Phase::Paused || cut_off)
            && let Err(error) = start(world, &row.connection)
        {
            tracing::info!(connection = row.connection, %error, "a due sync was not begun");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_before_another_try_grow_up_to_an_hour() {
        assert_eq!([1, 2, 4, 6, 7, 90].map(pause), [60, 120, 480, 1920, 3600, 3600]);
    }
}
