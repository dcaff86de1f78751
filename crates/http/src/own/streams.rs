//! `GET /v1/events`: what changes from now on, as server-sent events.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tieline_engine::program::Key;
use tieline_engine::wire::Change;
use tokio::sync::broadcast;

use super::{WAYS, sorry};
use crate::guard::{self, Refused, Wanted};
use crate::reach::Within;
use crate::{Door, Tier};

/// Streams that one key may have open at a time. Each holds a connection, of which there are not many.
const MOST: usize = 16;

/// How many streams each key has open; the key of the run has no id.
#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<String, usize>>);

impl Streams {
    fn change(&self, key: &str, change: impl FnOnce(usize) -> usize) -> usize {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = change(open.get(key).copied().unwrap_or_default());
        if now == 0 {
            open.remove(key);
        } else {
            open.insert(key.to_owned(), now);
        }
        now
    }
}

pub(super) async fn events(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    guard::name(&parts, "events (stream)");
    let caller = match door.admit_to(Wanted::Operation("events"), &parts, WAYS, Tier::OWN) {
        Ok(caller) => caller,
        Err(refused) => return refused.answer(sorry),
    };
    let listener = Listener::new(door, caller.key);
    if listener.open > MOST {
        let words = format!(
            "This key has {MOST} streams of changes open, and no more are given to one key. Close one, and read what \
             changes from those that stay."
        );
        return Refused::new(StatusCode::TOO_MANY_REQUESTS, words).answer(sorry);
    }
    let headers = [(header::CACHE_CONTROL, "no-store")];
    (headers, Sse::new(listener.stream()).keep_alive(KeepAlive::default())).into_response()
}

/// One open stream, counted from its making to its end.
struct Listener {
    door: Arc<Door>,
    key: Option<Key>,
    /// Streams of this key, with this one, when it was made.
    open: usize,
    receiver: broadcast::Receiver<Change>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.door.streams.change(id(self.key.as_ref()), |open| open.saturating_sub(1));
    }
}

fn id(key: Option<&Key>) -> &str {
    key.map_or("", |key| &key.id)
}

impl Listener {
    fn new(door: Arc<Door>, key: Option<Key>) -> Self {
        let receiver = door.app.changes();
        let open = door.streams.change(id(key.as_ref()), |open| open + 1);
        Self { door, key, open, receiver }
    }

    fn stream(self) -> impl futures_util::Stream<Item = Result<Event, Infallible>> {
        futures_util::stream::unfold(self, |mut listener| async move {
            let text = listener.next().await?;
            Some((Ok(Event::default().data(text)), listener))
        })
    }

    /// The next change that this listener may see; none at the end, which for a program comes with the end of its key.
    async fn next(&mut self) -> Option<String> {
        loop {
            let change = match self.receiver.recv().await {
                Ok(change) => change,
                // A listener that fell behind is told to read everything anew.
                Err(broadcast::error::RecvError::Lagged(_)) => Change::World,
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            if let Some(key) = &self.key {
                if !self.door.app.programs().live_key(&key.id).is_ok_and(|key| key.is_some()) {
                    return None;
                }
                if !self.may_see(key, &change) {
                    continue;
                }
            }
            return Some(serde_json::to_string(&change).unwrap_or_default());
        }
    }

    fn may_see(&self, key: &Key, change: &Change) -> bool {
        let within = Within::of(self.door.app.programs(), key);
        match change {
            Change::Connection { id } | Change::Sync { id } => within.holds(id).unwrap_or(false),
            Change::Flow { id } => self.door.app.programs().sees_flow(key, id).unwrap_or(false),
            Change::Keyring | Change::Providers | Change::Settings | Change::Elsewhere | Change::World => {
                true
            }
            // Between the engine, the window and its person.
            _ => false,
        }
    }
}
