//! What is noticed without a request, and told: a sign-in that came to its good end, a sync that ended, an account that was
//! disconnected in the window.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::json;
use tieline_engine::wire::{Change, FlowStep, SyncState};
use tokio::sync::broadcast;

use super::super::{call, objects, told};
use super::tell_of;
use crate::Door;

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
                        tell_of(&door, &source, "ADD");
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
            Ok(Ok(Change::World)) => seen.remember(&door).await,
            Ok(Err(broadcast::error::RecvError::Lagged(_))) => {
                for sync in syncs(&door).await {
                    seen.look(&door, &sync.connection).await;
                }
            }
            Ok(Ok(_)) => {}
            Ok(Err(broadcast::error::RecvError::Closed)) => return,
        }
    }
}

async fn syncs(door: &Door) -> Vec<SyncState> {
    call(door, "syncs", json!({})).await.unwrap_or_default()
}

/// How each connection's sync was last seen.
#[derive(Default)]
struct Seen {
    ended: HashMap<String, Option<String>>,
    running: HashSet<String>,
}

impl Seen {
    /// What ended before now is no news.
    async fn remember(&mut self, door: &Door) {
        for sync in syncs(door).await {
            self.ended.insert(sync.connection, sync.ended_at);
        }
    }

    async fn look(&mut self, door: &Arc<Door>, id: &str) {
        let Ok(Some(source)) = door.app.programs().data_source_of(id) else { return };
        let Ok(Some(sync)) = objects::sync_state(door, id).await else { return };
        if sync.running {
            self.running.insert(id.to_owned());
            return;
        }
        // Two may end within a second, and a short one may never be seen to run.
        let was_running = self.running.remove(id);
        let before = self.ended.insert(id.to_owned(), sync.ended_at.clone()).flatten();
        let ended =
            sync.ended_at.is_some() && (was_running || sync.ended_at != before) && sync.failure.is_none();
        if ended {
            tell_of(door, &source, "DATA_SOURCE_READY");
        }
        told::follow(door, source, ended);
    }
}

fn after_change(door: &Arc<Door>, id: &str) {
    if let Ok(Some(source)) = door.app.programs().data_source_of(id)
        && source.revoked
    {
        tell_of(door, &source, "REVOKE");
    }
}
