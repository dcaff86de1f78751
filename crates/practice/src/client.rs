//! A small HTTP/1.1 client for loopback: one request, one connection, no redirects followed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::wire::Reply;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request to a loopback address and reads the whole answer.
pub async fn send(method: &str, url: &Url, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Reply> {
    timeout(PATIENCE, exchange(method, url, headers, body)).await?
}

async fn exchange(method: &str, url: &Url, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Reply> {
    let host = url.host_str().filter(|host| matches!(*host, "127.0.0.1" | "localhost"));
    let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an address of this computer"));
    };
    let mut stream = TcpStream::connect((host, port)).await?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut head = format!("{method} {}{query} HTTP/1.1\r\n", url.path());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("host: {host}:{port}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "there was no answer"))
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut reply = Reply::empty(status);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        reply = reply.header(&name.to_ascii_lowercase(), value.trim());
    }
    reply.body = answer[end + 4..].to_vec();
    Some(reply)
}
