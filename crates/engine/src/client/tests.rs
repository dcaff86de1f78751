use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;

const QUICK: Limits = Limits {
    connect: Duration::from_millis(300),
    whole: Duration::from_millis(300),
    answer: 64 * 1024,
    fetch: Duration::from_secs(5),
};

fn serve(answer: impl FnOnce(TcpStream) + Send + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || answer(listener.accept().unwrap().0));
    Url::parse(&format!("http://127.0.0.1:{port}/token?code=canary")).unwrap()
}

fn heard(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    assert!(stream.read(&mut buffer).unwrap() > 0);
}

async fn get(limits: Limits, url: Url) -> Result<Answer> {
    let client = Client::with_limits(&Network::default(), Routes::Practice(Vec::new()), limits).unwrap();
    let allowed_hosts = Vec::new();
    client
        .send(Request {
            method: Method::Get,
            url,
            headers: Vec::new(),
            bearer: None,
            proof: None,
            basic: None,
            body: Body::None,
            allowed_hosts,
        })
        .await
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_limit() {
    let url = serve(|mut stream| {
        heard(&mut stream);
        thread::sleep(Duration::from_secs(2));
    });
    let error = get(QUICK, url).await.unwrap_err();
    assert_eq!(error.code, Code::Temporary);
    assert!(error.message.contains("did not answer within"), "{error}");
}

#[tokio::test]
async fn the_limit_holds_for_the_body_too() {
    let url = serve(|mut stream| {
        heard(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome").unwrap();
        thread::sleep(Duration::from_secs(2));
    });
    let error = get(QUICK, url).await.unwrap_err();
    assert!(error.message.contains("did not answer within"), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let url = serve(|mut stream| {
        heard(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 8192]).is_ok() {}
    });
    let error = get(Limits { whole: Duration::from_secs(20), ..QUICK }, url).await.unwrap_err();
    assert_eq!(error.code, Code::Temporary);
    assert!(error.message.contains("64 KB"), "{error}");
}

#[tokio::test]
async fn nothing_secret_is_in_a_failure() {
    let url = serve(|mut stream| {
        heard(&mut stream);
        stream.write_all(b"canary\r\n\r\n").unwrap();
    });
    let error = get(QUICK, url).await.unwrap_err();
    assert_eq!(error.code, Code::Temporary);
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let after = |pairs: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        retry_after(&headers)
    };
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(after(&[("retry-after", "120")]), Some(120));
    assert_eq!(after(&[date, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(30));
    assert_eq!(after(&[date, ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0));
    assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0));
    assert_eq!(after(&[("retry-after", "soon")]), None);
    assert_eq!(after(&[]), None);
}

/// A server that wants the nonce `n-2`, and at `/never` one that nobody can give; what it was sent goes to `heard`.
fn wanting_a_nonce(status: &'static str, heard: std::sync::mpsc::Sender<String>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let proof = text.lines().find_map(|line| line.strip_prefix("dpop: ")).unwrap().to_owned();
            let pleased = claims(&proof)["nonce"] == "n-2" && !text.contains("/never");
            heard.send(text).unwrap();
            let (line, body) = if pleased { ("200 OK", "{}") } else { (status, "") };
            let more = "Connection: close\r\nDPoP-Nonce: n-2\r\nDate: Mon, 01 Jan 2035 00:00:00 GMT\r\nWWW-Authenticate: DPoP error=\"use_dpop_nonce\"";
            let body = if status.starts_with("400") && body.is_empty() {
                r#"{"error":"use_dpop_nonce"}"#
            } else {
                body
            };
            write!(stream, "HTTP/1.1 {line}\r\n{more}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                .unwrap();
        }
    });
    Url::parse(&format!("http://127.0.0.1:{port}/me?x=1")).unwrap()
}

fn claims(proof: &str) -> serde_json::Value {
    use base64::Engine as _;
    let claims = proof.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn a_wanted_nonce_is_sent_once_more_and_then_at_once() {
    for (status, heard_in_all) in [("401 Unauthorized", 3), ("400 Bad Request", 3), ("403 Forbidden", 2)] {
        let (tell, heard) = std::sync::mpsc::channel();
        let url = wanting_a_nonce(status, tell);
        let client = Client::with_limits(&Network::default(), Routes::Practice(Vec::new()), LIMITS).unwrap();
        let key = ProofKey::make().unwrap();
        let ask = || Request {
            method: Method::Get,
            url: url.clone(),
            headers: Vec::new(),
            bearer: Some(Secret::new("the-token")),
            proof: Some(key.clone()),
            basic: None,
            body: Body::None,
            allowed_hosts: vec!["127.0.0.1".into()],
        };
        let first = client.send(ask()).await.unwrap();
        let second = client.clone().send(ask()).await.unwrap();
        assert_eq!((first.status == 200, second.status), (heard_in_all == 3, 200), "{status}");

        let all: Vec<String> = heard.try_iter().collect();
        assert_eq!(all.len(), heard_in_all, "{status}");
        assert!(all.iter().all(|it| it.contains("authorization: DPoP the-token")), "{all:?}");
        let proofs: Vec<_> = all
            .iter()
            .map(|it| claims(it.lines().find_map(|line| line.strip_prefix("dpop: ")).unwrap()))
            .collect();
        assert!(proofs[0].get("nonce").is_none() && proofs[1..].iter().all(|it| it["nonce"] == "n-2"));
        assert!(proofs.iter().all(|it| it["htm"] == "GET" && it["htu"] == url.as_str().replace("?x=1", "")));
        let mut own: Vec<_> = proofs.iter().map(|it| it["jti"].to_string()).collect();
        own.sort();
        own.dedup();
        assert_eq!(own.len(), proofs.len(), "each try has a proof of its own");
        // 1 January 2035 is what the server's clock says.
        assert!(proofs[1]["iat"].as_i64().unwrap().abs_diff(2_051_222_400) < 60, "{}", proofs[1]["iat"]);
    }
}

#[tokio::test]
async fn a_nonce_that_stays_wanted_is_not_tried_for_ever() {
    let (tell, heard) = std::sync::mpsc::channel();
    let mut url = wanting_a_nonce("400 Bad Request", tell);
    url.set_path("/never");
    let client = Client::with_limits(&Network::default(), Routes::Practice(Vec::new()), LIMITS).unwrap();
    let request = Request {
        method: Method::Post,
        url,
        headers: Vec::new(),
        bearer: None,
        proof: Some(ProofKey::make().unwrap()),
        basic: None,
        body: Body::Form(vec![("grant_type".into(), Secret::new("refresh_token"))]),
        allowed_hosts: vec!["127.0.0.1".into()],
    };
    let answer = client.send(request).await.unwrap();
    let all: Vec<String> = heard.try_iter().collect();
    assert_eq!((answer.status, all.len()), (400, 2));
    assert!(all.iter().all(|it| !it.contains("authorization:") && it.ends_with("grant_type=refresh_token")));
    assert!(all.iter().all(|it| {
        let proof = it.lines().find_map(|line| line.strip_prefix("dpop: ")).unwrap();
        claims(proof).get("ath").is_none()
    }));
}
