//! The log of uses: what each key was used for, noted together once a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tieline_engine::program::Use;

use crate::Door;

const EVERY: Duration = Duration::from_secs(1);
/// Sorts of uses that wait while the log cannot be written; more are dropped, and the program's own log says so.
const MOST_WAITING: usize = 10_000;

/// Key, second, operation or route, connection, status.
type Sort = (String, i64, String, String, u16);

/// Uses that are not written yet, and how often each occurred.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<Sort, u32>>);

impl Uses {
    pub(crate) fn note(&self, key: &str, what: String, connection: String, status: u16, at: i64) {
        self.add((key.to_owned(), at, what, connection, status), 1);
    }

    fn add(&self, sort: Sort, more: u32) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= MOST_WAITING && !uses.contains_key(&sort) {
            tracing::error!("uses of keys are dropped: the log of uses cannot be written");
            return;
        }
        let times = uses.entry(sort).or_default();
        *times = times.saturating_add(more);
    }

    fn take(&self) -> Vec<Use> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut uses: Vec<Use> = taken
            .into_iter()
            .map(|((key, at, what, connection, status), times)| Use {
                key,
                at,
                what,
                connection,
                status,
                times,
            })
            .collect();
        uses.sort_by(|a, b| (a.at, &a.key, &a.what).cmp(&(b.at, &b.key, &b.what)));
        uses
    }
}

/// Writes what was noted, once a second.
pub(crate) async fn run(door: Arc<Door>) {
    loop {
        tokio::time::sleep(EVERY).await;
        flush(&door).await;
    }
}

pub(crate) async fn flush(door: &Door) {
    let uses = door.uses.take();
    if uses.is_empty() {
        return;
    }
    let programs = door.app.programs();
    let written = tokio::task::spawn_blocking(move || (programs.used(&uses), uses)).await;
    if let Ok((Err(error), uses)) = written {
        tracing::warn!(%error, "uses of keys could not be noted; it is tried again");
        for it in uses {
            door.uses.add((it.key, it.at, it.what, it.connection, it.status), it.times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_of_one_sort_within_a_second_are_one_line() {
        let uses = Uses::default();
        for (what, at) in [("search", 5), ("items", 5), ("search", 5), ("search", 6)] {
            uses.note("k", what.into(), "c".into(), 200, at);
        }
        let lines: Vec<(String, i64, u32)> =
            uses.take().into_iter().map(|it| (it.what, it.at, it.times)).collect();
        assert_eq!(lines, [("items".into(), 5, 1), ("search".into(), 5, 2), ("search".into(), 6, 1)]);
        assert_eq!(uses.take(), []);
    }
}
