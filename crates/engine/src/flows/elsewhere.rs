//! What other processes of the same person write, such as the command line and `tieline serve`: the window shows it a
//! moment later.

use std::sync::Weak;
use std::time::Duration;

use crate::event::Change;
use crate::world::World;

/// How often is looked. A look costs a few microseconds and reads no page of the files.
const TICK: Duration = Duration::from_secs(1);

/// Tells [`Change::Elsewhere`] until the world is gone.
pub(crate) async fn watch(world: Weak<World>) {
    let (mut seen, mut again) = (None, false);
    while let Some(world) = world.upgrade() {
        if let Some(now) = world.store.written_elsewhere().zip(world.library.written_elsewhere()) {
            let changed = seen.is_some_and(|before| before != now);
            // Told once more when it has become quiet: who wrote last lets go of its locks only afterwards.
            if changed || again {
                world.changed(Change::Elsewhere);
            }
            (seen, again) = (Some(now), changed);
        }
        drop(world);
        tokio::time::sleep(TICK).await;
    }
}
