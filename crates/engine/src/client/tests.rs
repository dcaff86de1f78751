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
