//! The loopback listener, spoken to over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helping functions too")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tieline_engine::callback::{Callback, Loopback, Page};
use tieline_engine::error::Code;

const PATH: &str = "/integrations/box";

/// Sends `request`, whole, and reads the answer to its end.
fn ask(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    read(stream)
}

fn read(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is not the matter here.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn get(port: u16, target: &str) -> String {
    ask(port, format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").as_bytes())
}

fn mine(callback: &Callback) -> Option<Page> {
    let page = if callback.get("error").is_some() { Page::declined() } else { Page::connected() };
    (callback.get("state") == Some("right")).then_some(page)
}

/// Runs `browser` against a listener that waits for `state=right`, which it has to send in the end.
async fn with_listener<T: Send + 'static>(browser: impl FnOnce(u16) -> T + Send + 'static) -> (Callback, T) {
    let mut loopback = Loopback::open(None, PATH).await.unwrap();
    let port = loopback.port();
    let browser = tokio::task::spawn_blocking(move || browser(port));
    let callback = tokio::time::timeout(Duration::from_secs(30), loopback.answer(mine)).await;
    (callback.expect("the right return was not seen"), browser.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_return_is_taken_and_answered() {
    let (callback, page) = with_listener(|port| get(port, &format!("{PATH}?code=a%20b&state=right"))).await;
    assert_eq!(callback.path, PATH);
    assert_eq!(callback.get("code"), Some("a b"));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("<h1>Connected</h1><p>You can close this tab and go back to Tieline.</p>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_does_not_say_connected() {
    let (callback, page) =
        with_listener(|port| get(port, &format!("{PATH}?error=access_denied&state=right"))).await;
    assert_eq!(callback.get("error"), Some("access_denied"));
    assert!(page.contains("<h1>Not connected</h1>"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn security_11_everything_else_is_404_without_detail() {
    let (_, answers) = with_listener(|port| {
        let host = format!("Host: 127.0.0.1:{port}");
        let answers = [
            get(port, "/favicon.ico"),
            get(port, "/"),
            get(port, &format!("{PATH}/?state=right")),
            ask(
                port,
                format!("POST {PATH}?state=right HTTP/1.1\r\n{host}\r\nContent-Length: 3\r\n\r\nabc")
                    .as_bytes(),
            ),
            ask(port, format!("GET {PATH}?state=right HTTP/1.1\r\nHost: evil.example\r\n\r\n").as_bytes()),
            ask(port, format!("GET {PATH}?state=right HTTP/1.1\r\n\r\n").as_bytes()),
            ask(port, b"\x16\x03\x01\x02\x00\x01\x00 not http \xff\r\n\r\n"),
            ask(
                port,
                format!(
                    "GET {PATH}?state=right HTTP/1.1\r\n{host}\r\nCookie: {}\r\n\r\n",
                    "x".repeat(20_000)
                )
                .as_bytes(),
            ),
        ];
        get(port, &format!("{PATH}?state=right"));
        answers
    })
    .await;
    for answer in answers {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
        assert_eq!(body, "");
        assert!(!answer.contains("integrations"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_heads_up_to_16_kb_are_read_in_pieces() {
    let (callback, page) = with_listener(|port| {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let code = "c".repeat(6_000);
        let head = format!(
            "GET {PATH}?code={code}&state=right HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {}\r\n\r\n",
            "k".repeat(9_000)
        );
        for piece in head.as_bytes().chunks(1_000) {
            stream.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        read(stream)
    })
    .await;
    assert_eq!(callback.get("code").map(str::len), Some(6_000));
    assert!(page.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn security_07_a_strange_state_is_an_unexpected_return_and_the_wait_goes_on() {
    let (callback, answers) = with_listener(|port| {
        let answers = [
            get(port, &format!("{PATH}?code=a&state=wrong")),
            get(port, &format!("{PATH}?code=a&state=right&state=right")),
            get(port, PATH),
        ];
        get(port, &format!("{PATH}?code=b&state=right"));
        answers
    })
    .await;
    assert_eq!(callback.get("code"), Some("b"));
    for answer in answers {
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{answer}");
        assert!(answer.contains("<h1>Unexpected return</h1>"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_hold_nobody_up() {
    let started = Instant::now();
    let (_, silent) = with_listener(|port| {
        let silent: Vec<_> =
            (0..20).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()).collect();
        let mut half = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        half.write_all(b"GET /integ").unwrap();
        get(port, &format!("{PATH}?state=right"));
        (silent, half)
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn even_more_of_them_than_fit_are_outwaited() {
    let (callback, silent) = with_listener(|port| {
        let silent: Vec<_> =
            (0..80).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()).collect();
        get(port, &format!("{PATH}?state=right"));
        silent.len()
    })
    .await;
    assert_eq!((callback.get("state"), silent), (Some("right"), 80));
}

#[tokio::test(flavor = "multi_thread")]
async fn security_10_it_listens_on_loopback_only_on_both_stacks_and_closes() {
    let mut loopback = Loopback::open(None, PATH).await.unwrap();
    let port = loopback.port();
    let answer = tokio::spawn(async move { loopback.answer(mine).await });
    let page = tokio::task::spawn_blocking(move || {
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        if TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, 0))).is_err() {
            return get(port, &format!("{PATH}?state=right")); // no IPv6 on this machine
        }
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {PATH}?state=right HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n").unwrap();
        read(stream)
    });
    assert!(page.await.unwrap().starts_with("HTTP/1.1 200 OK"));
    answer.await.unwrap();
    // Bound to everything, the port would not be free for 127.0.0.2 while it is open.
    let open = Loopback::open(Some(port), PATH).await.unwrap();
    #[cfg(target_os = "linux")]
    assert!(TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).is_ok());
    drop(open);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    let error = Loopback::open(Some(port), PATH).await.err().unwrap();
    assert_eq!(error.code, Code::Conflict);
    assert!(error.message.contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn a_port_taken_on_the_other_stack_is_named_too() {
    let Ok(other) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        // Without IPv6 nobody can sit there; then the port has to open.
        assert!(Loopback::open(None, PATH).await.is_ok());
        return;
    };
    let port = other.local_addr().unwrap().port();
    let error = Loopback::open(Some(port), PATH).await.err().unwrap();
    assert_eq!(error.code, Code::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_was_cancelled_can_be_taken_up_again() {
    let mut loopback = Loopback::open(None, PATH).await.unwrap();
    let port = loopback.port();
    let first = tokio::time::timeout(Duration::from_millis(50), loopback.answer(mine)).await;
    assert!(first.is_err());
    let browser = tokio::task::spawn_blocking(move || get(port, &format!("{PATH}?state=right")));
    loopback.answer(mine).await;
    assert!(browser.await.unwrap().contains("Connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_at_the_same_moment_is_kept_for_the_next_wait() {
    let mut loopback = Loopback::open(None, PATH).await.unwrap();
    let port = loopback.port();
    let (begun, was_begun) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let slow = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(format!("GET {PATH}?state=right&code=second HTTP/1.1\r\n").as_bytes()).unwrap();
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        stream.write_all(format!("Host: 127.0.0.1:{port}\r\n\r\n").as_bytes()).unwrap();
        read(stream)
    });
    was_begun.recv().unwrap();
    let fast = tokio::task::spawn_blocking(move || {
        // The other one is being heard by now.
        std::thread::sleep(Duration::from_millis(100));
        get(port, &format!("{PATH}?state=right&code=first"))
    });
    assert_eq!(loopback.answer(mine).await.get("code"), Some("first"));
    assert!(fast.await.unwrap().contains("Connected"));
    go_on.send(()).unwrap();
    let next = tokio::time::timeout(Duration::from_secs(5), loopback.answer(mine)).await;
    assert_eq!(next.expect("it was not dropped").get("code"), Some("second"));
    assert!(slow.await.unwrap().contains("Connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn security_15_the_page_runs_and_loads_only_its_own_hashed_parts() {
    let (_, page) = with_listener(|port| get(port, &format!("{PATH}?state=right"))).await;
    let (head, html) = page.split_once("\r\n\r\n").unwrap();
    for header in [
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "Content-Security-Policy: default-src 'none';",
    ] {
        assert!(head.contains(header), "{head}");
    }
    for (element, directive) in [("style", "style-src"), ("script", "script-src")] {
        let open = format!("<{element}>");
        assert_eq!(html.matches(&open).count(), 1);
        let text = html.split_once(&open).unwrap().1.split_once(&format!("</{element}>")).unwrap().0;
        let expected = format!("{directive} 'sha256-{}'", sha256(text));
        assert!(head.contains(&expected), "expected {expected} in {head}");
    }
    assert!(html.contains("history.replaceState("));
}

/// In Base64, as a content security policy has it. By another program, so that it proves something.
fn sha256(text: &str) -> String {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is needed for this test");
    openssl.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(openssl.wait_with_output().unwrap().stdout)
}
