//! What is noticed without a request, and told: a sign-in that came to its good end, a sync that ended, an account that was
//! disconnected in the window. What happens in another process of the same person is told by that one, where it serves;
//! else from here, a moment later.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tieline_engine::program::DataSource;
use tieline_engine::wire::{Change, FlowStep, Phase, SyncState};
use tokio::sync::broadcast;

use super::super::{call, objects, schedule, told};
use super::tell_of;
use crate::Door;

/// How a connection's last end was told.
const KIND: &str = "carbon.ended";
/// How long the process in which something happened has to tell it before another one does.
const FIRST: Duration = Duration::from_secs(2);

/// Tells ADD once a sign-in has come to its good end.
pub(crate) fn tell_when_connected(door: &Arc<Door>, flow: &str) {
    let (programs, door, flow) = (door.app.programs(), Arc::downgrade(door), flow.to_owned());
    tokio::spawn(async move {
        // A sign-in ends by itself after ten minutes; a person may decide about another account a little later.
        for _ in 0..60 {
            let Ok(now) = programs.ended(&flow, Duration::from_secs(15)).await else { return };
            match now.step {
                FlowStep::Waiting | FlowStep::Finishing => {}
                FlowStep::OtherAccount => tokio::time::sleep(Duration::from_secs(2)).await,
                FlowStep::Connected => {
                    let source = now.connection.and_then(|id| programs.data_source_of(&id).ok().flatten());
                    if let (Some(door), Some(source)) = (door.upgrade(), source) {
                        let _none_before =
                            programs.forget_record(source.owner.organization, KIND, &source.connection);
                        tell_of(&door, &source, "ADD");
                        if let Err(sorry) = schedule::apply(&door, &source).await {
                            let connection = &source.connection;
                            tracing::warn!(connection, detail = %sorry.detail(), "not scheduled");
                        }
                    }
                    return;
                }
                FlowStep::Refused | FlowStep::Failed | FlowStep::Cancelled | FlowStep::TimedOut => return,
            }
        }
    });
}

/// Looks at what changes and tells it: a sync that came to its end, an account that was disconnected in the window. Ends
/// with the server.
pub(crate) async fn watch(door: Weak<Door>) {
    let mut seen = Seen::default();
    let Some(mut changes) = door.upgrade().map(|door| door.app.changes()) else { return };
    if let Some(door) = door.upgrade() {
        seen.remember(&door).await;
    }
    loop {
        let change = tokio::time::timeout(Duration::from_secs(5), changes.recv()).await;
        let Some(door) = door.upgrade() else { return };
        match change {
            Err(_) => {}
            Ok(Ok(Change::Sync { id })) => seen.look(&door, &id).await,
            Ok(Ok(Change::Connection { id })) => after_change(&door, &id),
            Ok(Ok(Change::Elsewhere)) => seen.look_elsewhere(&door).await,
            Ok(Ok(Change::World)) => seen.remember(&door).await,
            Ok(Err(broadcast::error::RecvError::Lagged(_))) => {
                for sync in syncs(&door).await.unwrap_or_default() {
                    seen.look(&door, &sync.connection).await;
                }
            }
            Ok(Ok(_)) => {}
            Ok(Err(broadcast::error::RecvError::Closed)) => return,
        }
    }
}

/// None where they cannot be read now, which is not the same as that there are none.
async fn syncs(door: &Door) -> Option<Vec<SyncState>> {
    call(door, "syncs", json!({})).await.ok()
}

/// How each connection's last sync ended; none: there was none, or it is under way.
#[derive(Default)]
struct Seen {
    ended: HashMap<String, Option<Value>>,
    /// What those that are under way were last seen to do, and whether something waits to be read.
    running: HashMap<String, (Phase, bool)>,
}

impl Seen {
    /// What ended before now is no news.
    async fn remember(&mut self, door: &Door) {
        for sync in syncs(door).await.unwrap_or_default() {
            self.ended.insert(sync.connection.clone(), end(&sync));
        }
    }

    async fn look(&mut self, door: &Arc<Door>, id: &str) {
        let Ok(Some(source)) = door.app.programs().data_source_of(id) else { return };
        let Ok(Some(sync)) = objects::sync_state(door, id).await else { return };
        if sync.running {
            // What is to be read stands in the queue from here on.
            let now = (sync.phase, sync.waiting > 0);
            if self.running.insert(id.to_owned(), now) != Some(now) {
                told::follow_queue(door, source);
            }
            return;
        }
        // Two may end within a second, and a short one may never be seen to run.
        let was_running = self.running.remove(id).is_some();
        let end = end(&sync);
        let before = self.ended.insert(id.to_owned(), end.clone()).flatten();
        let ended = end.as_ref().filter(|_| was_running || end != before);
        if let Some(end) = ended {
            // What was seen to run here is told in any case.
            let _noted = is_first(door, &source, end);
            tell_of(door, &source, "DATA_SOURCE_READY");
        }
        told::follow(door, source, ended.is_some());
    }

    /// What ended in another process.
    async fn look_elsewhere(&mut self, door: &Arc<Door>) {
        let Some(syncs) = syncs(door).await else { return };
        let gone: Vec<String> = self
            .ended
            .keys()
            .filter(|id| !syncs.iter().any(|sync| sync.connection == **id))
            .cloned()
            .collect();
        for id in gone {
            self.ended.remove(&id);
            later(door, id, after_change);
        }
        for sync in syncs {
            if sync.running || self.ended.get(&sync.connection) == Some(&end(&sync)) {
                continue;
            }
            self.ended.insert(sync.connection.clone(), end(&sync));
            let how = end(&sync);
            later(door, sync.connection, move |door, id| {
                let Ok(Some(source)) = door.app.programs().data_source_of(id) else { return };
                match &how {
                    Some(how) if is_first(door, &source, how) => {
                        tell_of(door, &source, "DATA_SOURCE_READY");
                        told::follow(door, source, true);
                    }
                    Some(_) => {}
                    None => told::follow(door, source, false),
                }
            });
        }
    }
}

/// By what its good end is told from every other.
fn end(sync: &SyncState) -> Option<Value> {
    let good = !sync.running && !sync.cancelled && sync.failure.is_none();
    let at = sync.ended_at.as_ref().filter(|_| good)?;
    Some(json!({ "ended_at": at, "listings": sync.listings }))
}

fn later(door: &Arc<Door>, id: String, then: impl FnOnce(&Arc<Door>, &str) + Send + 'static) {
    let door = Arc::downgrade(door);
    tokio::spawn(async move {
        tokio::time::sleep(FIRST).await;
        if let Some(door) = door.upgrade() {
            then(&door, &id);
        }
    });
}

/// Whether this end was told by nobody yet; from now on it was.
fn is_first(door: &Door, source: &DataSource, how: &Value) -> bool {
    let (programs, organization) = (door.app.programs(), source.owner.organization);
    let known = programs.record(organization, KIND, &source.connection).ok().flatten().map(|it| it.body);
    known.as_ref() != Some(how)
        && programs
            .swap_record(organization, KIND, &source.connection, known.as_ref(), how)
            .unwrap_or_default()
}

fn after_change(door: &Arc<Door>, id: &str) {
    if let Ok(Some(source)) = door.app.programs().data_source_of(id)
        && source.revoked
        && is_first(door, &source, &json!({ "revoked": true }))
    {
        tell_of(door, &source, "REVOKE");
    }
}
