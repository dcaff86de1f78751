//! Connections: how many there may be, how long one may say nothing, and how they end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower_service::Service;

use crate::{Door, uses};

/// Connections at a time, where the process may have the files; further ones wait until one ends. Each is an open file,
/// and half of the files are left to the engine.
const MOST: u64 = 512;
/// Files that the process is to have. Some systems begin with 256.
const FILES: u64 = 2 * MOST;
/// A connection has so long to begin with a request, and so long where others wait for its place.
const FIRST_HEAD: Duration = Duration::from_secs(10);
const FIRST_HEAD_HURRIED: Duration = Duration::from_secs(1);
/// The later heads have so long to arrive, and a kept connection so long to ask again: longer than clients keep theirs,
/// so that it is they who hang up.
const IDLE: Duration = Duration::from_secs(120);
/// What the server below takes at all. `guard` has closer limits, and answers in words.
const MOST_HEADERS: usize = 256;
const MOST_HEAD: usize = 64 << 10;
/// A client that hangs keeps the server from ending no longer than this.
const GRACE: Duration = Duration::from_secs(1);

/// Takes connections, so many at a time, until told to stop.
pub(crate) async fn run(
    listener: TcpListener,
    most: usize,
    router: Router,
    door: Arc<Door>,
    mut stopped: oneshot::Receiver<()>,
) {
    let noting = tokio::spawn(uses::run(Arc::clone(&door)));
    let (hang_up, _) = watch::channel(());
    let mut talks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if talks.len() < most => accepted,
            Some(_) = talks.join_next() => continue,
            _ = &mut stopped => break,
        };
        let stream = match accepted {
            // Bound as it is, nobody else gets through; should that ever change, this still holds.
            Ok((stream, peer)) if peer.ip().is_loopback() => stream,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                // Out of file descriptors, most likely: let some connections end first.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        talks.spawn(talk(stream, router.clone(), hang_up.subscribe()));
        if talks.len() == most {
            tracing::warn!("{most} connections are open: kept ones are closed, and further ones wait");
            hang_up.send_replace(());
        }
    }
    drop(listener);
    hang_up.send_replace(());
    let mut work = door.work.take();
    let all_ended = async { tokio::join!(ended(&mut talks), ended(&mut work)) };
    let _ended = tokio::time::timeout(GRACE, all_ended).await;
    // Streams of events have no end of their own.
    talks.shutdown().await;
    work.shutdown().await;
    noting.abort();
}

/// How many connections there may be at a time.
pub(crate) fn most() -> usize {
    usize::try_from(files() / 2).unwrap_or(usize::MAX)
}

/// How many files this process may open, after asking for as many as we want.
#[cfg(unix)]
fn files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (now, wanted) = (current.unwrap_or(FILES), maximum.map_or(FILES, |most| most.min(FILES)));
    if now >= wanted {
        return FILES.min(now);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "this process may not open more files");
            now
        }
    }
}

#[cfg(not(unix))]
fn files() -> u64 {
    FILES
}

async fn ended(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// One connection to its end. Told to hang up, it answers what was asked and takes nothing more; one that has not asked
/// yet is hurried.
async fn talk(stream: TcpStream, router: Router, mut hang_up: watch::Receiver<()>) {
    let _slower_without = stream.set_nodelay(true);
    let asked = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&asked);
    let service = hyper::service::service_fn(move |request| {
        heard.store(true, Ordering::Relaxed);
        router.clone().call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE).max_headers(MOST_HEADERS).max_buf_size(MOST_HEAD);
    let mut talk = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut first = pin!(tokio::time::sleep(FIRST_HEAD));
    let mut waits = true;
    loop {
        tokio::select! {
            ended = talk.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            Ok(()) = hang_up.changed() => {
                let hurried = Instant::now() + FIRST_HEAD_HURRIED;
                if asked.load(Ordering::Relaxed) {
                    talk.as_mut().graceful_shutdown();
                } else if waits && hurried < first.deadline() {
                    first.as_mut().reset(hurried);
                }
            }
            () = first.as_mut(), if waits => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                waits = false;
            }
        }
    }
}
