//! Requests being answered, each a task of its own: what a program asked for is done to its end and noted, also when the
//! program hangs up.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::admission::Visit;
use crate::Door;

/// What is under way.
#[derive(Default)]
pub(crate) struct Work(Mutex<JoinSet<()>>);

impl Work {
    /// Does this to its end, whoever still waits for it. None: it was cut off, by a fault of ours or the server's end.
    pub(super) async fn answer(
        &self,
        work: impl Future<Output = Response> + Send + 'static,
    ) -> Option<Response> {
        let (tell, told) = oneshot::channel();
        {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                // Nobody hears it where the program has hung up.
                let _heard = tell.send(work.await);
            });
        }
        told.await.ok()
    }

    /// All that is under way, for the end of the server.
    pub(crate) fn take(&self) -> JoinSet<()> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Notes the use of the key that was recognised, if one was, when the work on a request ends, however it ends.
pub(super) struct Noting {
    door: Arc<Door>,
    visit: Visit,
    what: String,
    /// What was answered; an error of ours until something is.
    status: StatusCode,
}

impl Noting {
    pub(super) fn new(door: Arc<Door>, visit: Visit, what: String) -> Self {
        Self { door, visit, what, status: StatusCode::INTERNAL_SERVER_ERROR }
    }

    pub(super) fn answered(mut self, answer: Response) -> Response {
        self.status = answer.status();
        answer
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        if let Some((key, named, connection)) = self.visit.seen() {
            let what = named.unwrap_or_else(|| std::mem::take(&mut self.what));
            self.door.uses.note(&key, what, connection, self.status.as_u16(), self.door.app.programs().now());
        }
    }
}
