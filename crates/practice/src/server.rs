//! Listeners on 127.0.0.1 and just enough HTTP/1.1: bodies with a length, kept-alive connections, and a
//! way to hang up without an answer.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use crate::wire::{Reply, Request};

const MOST_HEAD: usize = 64 << 10;
const MOST_BODY: usize = 1 << 20;
const IDLE: Duration = Duration::from_secs(60);

/// Serves one address until the handle is aborted, which also ends its connections.
pub async fn serve<F>(answer: F) -> io::Result<(Url, AbortHandle)>
where
    F: Fn(Request) -> Reply + Clone + Send + Sync + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(io::Error::other)?;
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let answer = answer.clone();
                        connections.spawn(async move {
                            if let Err(error) = converse(stream, answer).await {
                                tracing::trace!(%error, "a practice connection ended");
                            }
                        });
                    }
                    // Out of file descriptors, most likely: let some connections end first.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Ok((address, task.abort_handle()))
}

async fn converse<F: Fn(Request) -> Reply>(mut stream: TcpStream, answer: F) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut buffer).await? {
        let (mut request, last) = match parse_head(&head) {
            Some(parsed) => parsed,
            None => return write(&mut stream, &Reply::text(400, "This is not HTTP/1.1."), false, true).await,
        };
        if request.header("transfer-encoding").is_some() {
            return write(&mut stream, &Reply::text(411, "Send the length."), false, true).await;
        }
        let length = match request.header("content-length").map(str::parse::<usize>) {
            None => 0,
            Some(Ok(length)) if length <= MOST_BODY => length,
            Some(Ok(_)) => return write(&mut stream, &Reply::text(413, "Too long."), false, true).await,
            Some(Err(_)) => return write(&mut stream, &Reply::text(400, "Bad length."), false, true).await,
        };
        if request.header("expect").is_some_and(|it| it.eq_ignore_ascii_case("100-continue")) {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while buffer.len() < length {
            if read_more(&mut stream, &mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        request.body = buffer.drain(..length).collect();
        let bare = request.method == "HEAD";
        let reply = answer(request);
        if reply.cut {
            return Ok(());
        }
        if !reply.delay.is_zero() {
            tokio::time::sleep(reply.delay).await;
        }
        write(&mut stream, &reply, bare, last).await?;
        if last {
            break;
        }
    }
    Ok(())
}

/// The bytes up to the blank line, which are taken out of the buffer; none when the peer is done.
async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(buffer.drain(..end + 4).collect()));
        }
        if buffer.len() > MOST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if read_more(stream, buffer).await? == 0 {
            return Ok(None);
        }
    }
}

async fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.reserve(8 << 10);
    timeout(IDLE, stream.read_buf(buffer)).await?
}

/// The request without its body, and whether the connection ends after it.
fn parse_head(head: &[u8]) -> Option<(Request, bool)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target, version) = (first.next()?, first.next()?, first.next()?);
    if first.next().is_some() || !target.starts_with('/') || !version.starts_with("HTTP/1.") {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers,
        ..Request::default()
    };
    let host = request.header("host")?.to_ascii_lowercase();
    let port = host.rfind(':').filter(|colon| host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    request.host = host[..port.unwrap_or(host.len())].to_owned();
    let close = request.header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
    Some((request, close || version == "HTTP/1.0"))
}

async fn write(stream: &mut TcpStream, reply: &Reply, bare: bool, last: bool) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    for (name, value) in &reply.headers {
        // A value with a line break would be a header of somebody else's.
        let value: String = value.chars().filter(|letter| !letter.is_control()).collect();
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !matches!(reply.status, 204 | 304) {
        head.push_str(&format!("content-length: {}\r\n", reply.body.len()));
    }
    head.push_str(if last { "connection: close\r\n\r\n" } else { "\r\n" });
    let mut bytes = head.into_bytes();
    if !bare {
        bytes.extend_from_slice(&reply.body);
    }
    stream.write_all(&bytes).await?;
    stream.flush().await
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Site is overloaded",
        _ => "Practice",
    }
}
