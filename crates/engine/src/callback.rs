//! The way back from the browser: a listener on this machine, and addresses delivered or pasted.

mod head;
mod page;
mod returned;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::form_urlencoded;

pub use self::page::{Page, escaped};
pub use self::returned::{DEEP_LINKS, Return, parse_return};
use crate::error::{Code, Error, Result};

/// The longest request head and the longest address that is read, in bytes.
const LONGEST: usize = 16 * 1024;
/// What one connection may take to say its request, or to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Browsers open connections ahead of need; more at once than this wait their turn.
const AT_ONCE: usize = 64;

/// What came back: where to, and with what.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    /// With its leading slash, as it was sent.
    pub path: String,
    /// Decoded, in the order they came.
    pub query: Vec<(String, String)>,
}

impl Callback {
    pub(crate) fn new(path: &str, query: &str) -> Self {
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { path: path.to_owned(), query }
    }

    /// The value of a parameter; `None` if it is absent or repeated (RFC 6749 §3.1 forbids repeating).
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(key, _)| key == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Whether any parameter is repeated.
    pub fn has_duplicates(&self) -> bool {
        self.query
            .iter()
            .enumerate()
            .any(|(at, (name, _))| self.query[..at].iter().any(|(other, _)| other == name))
    }
}

impl fmt::Debug for Callback {
    /// Names only: the values are codes and states.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Callback").field("path", &self.path).field("query", &names).finish()
    }
}

/// Listens for one sign-in on `127.0.0.1` and `::1`. Closes when dropped, with every connection.
pub struct Loopback {
    port: u16,
    path: String,
    v4: TcpListener,
    /// Absent where the machine has no IPv6.
    v6: Option<TcpListener>,
    /// Connections that are heard, or being answered: two sign-ins may come back at the same moment.
    open: JoinSet<Option<(TcpStream, Callback)>>,
}

impl Loopback {
    /// Binds `port`, or any free one, on both stacks.
    ///
    /// # Errors
    /// [`Code::Conflict`] naming the port when another program has it on either stack.
    pub async fn open(port: Option<u16>, path: &str) -> Result<Self> {
        // A port that is free on one stack can be taken on the other: another free one is tried then.
        let tries = if port.is_some() { 1 } else { 20 };
        let mut last = Error::internal("no port was tried");
        for _ in 0..tries {
            match bind(port.unwrap_or(0)).await {
                Ok((port, v4, v6)) => {
                    return Ok(Self { port, path: path.to_owned(), v4, v6, open: JoinSet::new() });
                }
                Err((port, error)) => last = taken(port, &error),
            }
        }
        Err(last)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the return that `accept` takes, and answers it with the page that it names. Whatever else arrives is
    /// answered and changes nothing. May be cancelled and called again, and then takes those that came meanwhile; has no end
    /// of its own.
    pub async fn answer(&mut self, accept: impl Fn(&Callback) -> Option<Page>) -> Callback {
        loop {
            let room = self.open.len() < AT_ONCE;
            let stream = tokio::select! {
                stream = incoming(&self.v4, self.v6.as_ref()), if room => stream,
                Some(heard) = self.open.join_next() => {
                    let Ok(Some((mut stream, callback))) = heard else { continue };
                    if let Some(page) = accept(&callback) {
                        say_page(&mut stream, &page).await;
                        return callback;
                    }
                    tracing::info!(?callback, "an unexpected return");
                    self.open.spawn(async move {
                        say(&mut stream, "400 Bad Request", &Page::unexpected().html()).await;
                        part(stream).await;
                        None
                    });
                    continue;
                }
            };
            let (port, path) = (self.port, self.path.clone());
            self.open.spawn(listen(stream, port, path));
        }
    }
}

async fn bind(port: u16) -> Result<(u16, TcpListener, Option<TcpListener>), (u16, io::Error)> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| (port, error))?;
    let port = v4.local_addr().map_err(|error| (port, error))?.port();
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
        Ok(v6) => Ok((port, v4, Some(v6))),
        // Whoever else listens there would get what is sent to `localhost`.
        Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
            Err((port, error))
        }
        Err(error) => {
            tracing::debug!(%error, "no IPv6 loopback on this machine");
            Ok((port, v4, None))
        }
    }
}

fn taken(port: u16, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => Error::new(
            Code::Conflict,
            format!("Port {port} on this computer is in use by another program, or by another sign-in."),
            "Close that program or finish the other sign-in, then try again.",
        ),
        _ => Error::new(
            Code::Conflict,
            format!("Port {port} on this computer cannot be opened: {error}."),
            "Choose another port in the settings of the organisation's app, from 1024 to 65535.",
        ),
    }
}

async fn incoming(v4: &TcpListener, v6: Option<&TcpListener>) -> TcpStream {
    loop {
        let sixth = async {
            match v6 {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        let taken = tokio::select! {
            taken = v4.accept() => taken,
            taken = sixth => taken,
        };
        match taken {
            Ok((stream, _)) => return stream,
            // Out of file descriptors, or gone before it was taken: not ours to end on.
            Err(error) => {
                tracing::debug!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Reads one request. Gives it back, unanswered, if it is a GET of `path` from this machine's browser.
async fn listen(mut stream: TcpStream, port: u16, path: String) -> Option<(TcpStream, Callback)> {
    let head = timeout(PATIENCE, read_head(&mut stream)).await.ok()??;
    match head::read(&head, port, &path) {
        Some(callback) => Some((stream, callback)),
        None => {
            say(&mut stream, "404 Not Found", "").await;
            part(stream).await;
            None
        }
    }
}

/// Everything up to the empty line; at most [`LONGEST`] bytes, and what is longer is not a head.
async fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
        if head.windows(4).any(|four| four == b"\r\n\r\n") || head.len() > LONGEST {
            return Some(head);
        }
    }
}

async fn say_page(stream: &mut TcpStream, page: &Page) {
    match &page.then {
        Some(then) => say(stream, &format!("303 See Other\r\nLocation: {then}"), "").await,
        None => say(stream, "200 OK", &page.html()).await,
    }
}

async fn say(stream: &mut TcpStream, status: &str, html: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{html}",
        page::HEADERS,
        html.len()
    );
    let written = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    if !matches!(timeout(Duration::from_secs(1), written).await, Ok(Ok(()))) {
        tracing::debug!("a connection ended before its answer did");
    }
}

/// Reads on until the other side has closed: closing over unread bytes would reset the connection, and the
/// answer with it.
async fn part(mut stream: TcpStream) {
    let rest = async {
        let mut rest = [0; 1024];
        for _ in 0..64 {
            if !matches!(stream.read(&mut rest).await, Ok(1..)) {
                return;
            }
        }
    };
    if timeout(Duration::from_secs(1), rest).await.is_err() {
        tracing::debug!("a connection stayed open after its answer");
    }
}
