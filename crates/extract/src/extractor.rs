//! The program's side: keeps workers and gives each one document at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::frame::{MARK, Mark, Outcome, read_answer, write_request};
use crate::worker::ARGUMENT;
use crate::{Format, MAX_INPUT, Reason, Text, Unreadable};

const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Reads documents in worker processes. Clones share the workers, which end when the last clone is dropped.
///
/// A worker that ends, hangs or answers garbage is killed, and its document is unreadable; the next document gets a new
/// worker. A document whose future is dropped takes its worker with it.
#[derive(Clone)]
pub struct Extractor {
    pool: Arc<Pool>,
    time_limit: Duration,
}

impl Extractor {
    /// `program` calls [`serve_if_asked`](crate::serve_if_asked) in its `main`; usually it is the running one. Workers,
    /// at most `workers` and at least one, are started when they are needed.
    pub fn new(program: PathBuf, workers: usize) -> Self {
        let pool = Pool { program, turns: Semaphore::new(workers.max(1)), idle: Mutex::default() };
        Self { pool: Arc::new(pool), time_limit: TIME_LIMIT }
    }

    /// The same workers with another limit than 30 seconds for a document. Waiting for a worker does not count.
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// The document's text. Waits while all workers are busy. Needs tokio's time and IO.
    pub async fn text(&self, bytes: Vec<u8>, format: Format) -> Result<Text, Unreadable> {
        let outcome =
            if bytes.len() > MAX_INPUT { Err(Reason::TooLarge) } else { self.read(&bytes, format).await };
        outcome.map_err(|reason| Unreadable::new(reason, format))
    }

    async fn read(&self, bytes: &[u8], format: Format) -> Outcome {
        let _turn = self.pool.turns.acquire().await.map_err(|_| Reason::NotStarted)?;
        if let Some(worker) = self.pool.idle() {
            match self.ask(worker, bytes, format).await {
                // That may be the doing of an earlier document, or of whoever ended the worker while it was idle.
                Err(Reason::Crashed) => {}
                outcome => return outcome,
            }
        }
        let worker = Worker::start(&self.pool.program).map_err(|_| Reason::NotStarted)?;
        self.ask(worker, bytes, format).await
    }

    /// A worker that gave an answer is kept; any other is dropped here, which kills it.
    async fn ask(&self, mut worker: Worker, bytes: &[u8], format: Format) -> Outcome {
        match timeout(self.time_limit, worker.ask(bytes, format)).await {
            Err(_) => Err(Reason::TooSlow),
            // After a panic a library's own state may be half written.
            Ok(Err(_) | Ok(Err(Reason::Crashed))) => Err(Reason::Crashed),
            Ok(Ok(outcome)) => {
                self.pool.keep(worker);
                outcome
            }
        }
    }
}

struct Pool {
    program: PathBuf,
    turns: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

impl Pool {
    fn idle(&self) -> Option<Worker> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, worker: Worker) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

struct Worker {
    mark: Mark,
    is_marked: bool,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Killed when dropped.
    _process: Child,
}

impl Worker {
    fn start(program: &Path) -> io::Result<Self> {
        let mut mark: Mark = [0; MARK];
        getrandom::fill(&mut mark).map_err(io::Error::other)?;
        let mut command = Command::new(program);
        command
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // CREATE_NO_WINDOW: a console program would flash one.
        #[cfg(windows)]
        command.creation_flags(0x0800_0000);
        let mut process = command.spawn()?;
        let stdin = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let stdout = BufReader::new(process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self { mark, is_marked: false, stdin, stdout, _process: process })
    }

    async fn ask(&mut self, bytes: &[u8], format: Format) -> io::Result<Outcome> {
        if !self.is_marked {
            self.stdin.write_all(&self.mark).await?;
            self.is_marked = true;
        }
        write_request(&mut self.stdin, format, bytes).await?;
        read_answer(&mut self.stdout, &self.mark).await
    }
}
