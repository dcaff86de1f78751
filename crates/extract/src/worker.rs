//! The worker's side: a process that reads documents and nothing else.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use crate::Format;
use crate::frame::{MARK, Mark, read_request, write_answer};

/// The first argument of a worker.
pub(crate) const ARGUMENT: &str = "--extract-worker";

/// Readers go down by themselves with what they read.
const STACK: usize = 64 * 1024 * 1024;

/// What a worker may use beyond what the program takes to start.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 1024 * 1024 * 1024;

/// Call this first thing in `main`, before threads and arguments are looked at. In a program whose first argument is
/// `--extract-worker` it serves an [`Extractor`](crate::Extractor) over stdin and stdout until stdin closes, and then
/// ends the process; in any other it returns at once.
///
/// On Linux a worker gets a gigabyte of address space and leaves no core dump. Elsewhere memory has no limit but the
/// computer's.
pub fn serve_if_asked() {
    if std::env::args_os().nth(1).is_none_or(|it| it != ARGUMENT) {
        return;
    }
    confine();
    // A caught panic is an answer. There is nobody to read more about it.
    std::panic::set_hook(Box::new(|_| {}));
    std::process::exit(i32::from(serve().is_err()));
}

/// Reads stdin here and documents in a thread: when the program goes away while a document is being read, stdin closes,
/// and the worker ends with it.
fn serve() -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    let mut mark: Mark = [0; MARK];
    stdin.read_exact(&mut mark)?;
    let (documents, work) = sync_channel(0);
    std::thread::Builder::new().stack_size(STACK).spawn(move || answer_all(&work, &mark))?;
    while let Some(document) = read_request(&mut stdin)? {
        documents.send(document).map_err(|_| io::ErrorKind::BrokenPipe)?;
    }
    Ok(())
}

fn answer_all(work: &Receiver<(Format, Vec<u8>)>, mark: &Mark) {
    while let Ok((format, bytes)) = work.recv() {
        let outcome = crate::text(&bytes, format).map_err(|it| it.reason);
        // The lock keeps what a library prints from another thread out of the answer.
        if write_answer(&mut io::stdout().lock(), mark, &outcome).is_err() {
            std::process::exit(1);
        }
    }
}

/// Best effort: without limits the time limit and the process still hold.
#[cfg(target_os = "linux")]
fn confine() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

    let limit = MEMORY.saturating_add(mapped().unwrap_or(MEMORY));
    let _ = setrlimit(Resource::As, Rlimit { current: Some(limit), maximum: Some(limit) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// The address space that the program takes already, for a window's libraries are large.
#[cfg(target_os = "linux")]
fn mapped() -> Option<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split(' ').next()?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

#[cfg(not(target_os = "linux"))]
fn confine() {}
