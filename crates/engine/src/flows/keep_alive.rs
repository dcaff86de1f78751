//! What goes on by itself: sign-ins renewed before they are forgotten, troubles of a moment tried again, queued
//! disconnects made, strays swept, syncs begun when they are due.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::connection::Connection;
use crate::deadline;
use crate::flows::token::Want;
use crate::flows::{check, disconnect, sync, token};
use crate::world::World;

/// How often is looked.
const TICK: Duration = Duration::from_secs(30);

/// Looks at every connection at start and then at each tick, until the world is gone. A tick after a sleep is a
/// resume: whatever came due meanwhile is due now.
pub(crate) async fn run(world: Weak<World>) {
    let Some(due) = world.upgrade().map(|world| Arc::clone(&world.due)) else { return };
    let mut at_start = true;
    loop {
        match world.upgrade() {
            Some(world) => round(&world).await,
            None => return,
        }
        let next = tokio::time::Instant::now() + TICK;
        loop {
            match world.upgrade() {
                Some(world) => sync::begin_due(&world, std::mem::take(&mut at_start)),
                None => return,
            }
            tokio::select! {
                () = due.notified() => {}
                () = tokio::time::sleep_until(next) => break,
            }
        }
    }
}

/// One look at every connection.
pub(crate) async fn round(world: &World) {
    world.clock.catch_up();
    world.sweep().await;
    let Ok(connections) = world.store.connections() else { return };
    for it in connections {
        let now = world.now();
        let waiting = it.waits(now);
        if it.disconnecting {
            if !waiting {
                retry_disconnect(world, &it).await;
            }
            continue;
        }
        let Ok(provider) = world.provider(&it.provider) else { continue };
        match &it.trouble {
            Some(trouble) if trouble.is_final() => {}
            Some(_) if !waiting => {
                if let Err(error) = check::test(world, &it.id).await {
                    tracing::debug!(connection = it.id, %error, "still in trouble");
                }
            }
            Some(_) => {}
            None if deadline::keep_alive_is_due(&provider, &it, now) || was_cut_off(world, &it) => {
                if let Err(error) = token::access(world, &it.id, Want::Renewed(it.secret_version)).await {
                    tracing::info!(connection = it.id, %error, "could not be renewed ahead of its limit");
                }
            }
            None => {}
        }
    }
}

/// Whether a refresh was begun and not finished: the sooner it is made up for, the likelier the provider still takes
/// the token it had replaced.
fn was_cut_off(world: &World, it: &Connection) -> bool {
    world
        .store
        .unfinished_refresh(&it.id)
        .ok()
        .flatten()
        .is_some_and(|begun| begun.version == it.secret_version)
}

async fn retry_disconnect(world: &World, it: &Connection) {
    match disconnect::disconnect(world, &it.id, Some(true), it.keep_contents).await {
        Ok(ended) if !ended.queued => {}
        _ => {
            let now = world.now();
            let _tried_again_anyway = world.store.note(&it.id, |it| {
                (it.last_failed_at, it.retry_at) = (Some(now), Some(now + 60));
            });
        }
    }
}
