//! The HTTP/1.1 of the listeners, byte by byte.

use tieline_practice::Practice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::*;

/// Writes the pieces with a pause between them, closes its side and reads all that comes back.
async fn converse(practice: &Practice, pieces: &[&str]) -> String {
    let port = practice.origin(ZENDESK).unwrap().port().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece.as_bytes()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A connection that was closed with bytes unread may end in a reset after the answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 ").skip(1).map(|rest| &rest[..3]).collect()
}

const ME: &str = "GET /api/v2/users/me.json HTTP/1.1\r\nHost: acme.zendesk.com\r\n\r\n";

#[tokio::test]
async fn a_connection_carries_several_requests_in_any_pieces() {
    let practice = memory().await;
    assert_eq!(statuses(&converse(&practice, &[ME, ME]).await), ["200", "200"]);
    assert_eq!(statuses(&converse(&practice, &[&format!("{ME}{ME}{ME}")]).await), ["200"; 3]);
    let torn = [&ME[..7], &ME[7..30], &ME[30..ME.len() - 2], &ME[ME.len() - 2..]];
    assert_eq!(statuses(&converse(&practice, &torn).await), ["200"]);
    let body = r#"{"grant_type":"client_secrets"}"#;
    let post = format!(
        "POST /oauth/tokens HTTP/1.1\r\nHost: acme.zendesk.com\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = converse(&practice, &[&post, &body[..9], &body[9..], ME]).await;
    assert_eq!(statuses(&answer), ["401", "200"]);
}

#[tokio::test]
async fn a_head_request_gets_no_body() {
    let practice = memory().await;
    let answer = converse(&practice, &[&ME.replace("GET", "HEAD")]).await;
    assert_eq!(statuses(&answer), ["200"]);
    assert!(answer.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn nonsense_is_refused_and_the_connection_ends() {
    let practice = memory().await;
    let with = |header: &str| ME.replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"));
    for (sent, status) in [
        ("hello\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET http://acme.zendesk.com/ HTTP/1.1\r\nHost: acme.zendesk.com\r\n\r\n".to_owned(), "400"),
        (with("Content-Length: many"), "400"),
        (with("Content-Length: 99999999"), "413"),
        (with("Transfer-Encoding: chunked"), "411"),
    ] {
        assert_eq!(statuses(&converse(&practice, &[&sent, ME]).await), [status], "{sent}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let practice = memory().await;
    let status = |method: &'static str, path: &'static str| {
        let practice = practice.clone();
        async move { send(&practice, method, ZENDESK, path, &[], "").await.unwrap().status }
    };
    assert_eq!(status("GET", "/nowhere").await, 404);
    assert_eq!(status("GET", "/oauth/tokens").await, 405);
    assert_eq!(status("GET", "/practice/consent").await, 405);
    assert_eq!(status("POST", "/practice/consent").await, 410);
}
