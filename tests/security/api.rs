//! The loopback API's door, spoken to byte by byte where a client would not send such a thing: one test for each rule,
//! with the requests that must fail.

use std::net::{TcpStream as Blocking, UdpSocket};
use std::time::Duration;

use serde_json::{Value, json};
use tieline_engine::program::GROUPS;
use tieline_engine::wire::AddedKey;
use tieline_http::{ServeOptions, Server};
use tieline_practice::visitor::Visit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::stage::{self, Stage};

/// The product with its API, and what programs say to it.
pub struct Api {
    pub stage: Stage,
    pub server: Server,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {} {}", self.head, self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.lines().filter_map(|line| line.split_once(':'));
        found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

impl Api {
    pub async fn open() -> Self {
        let stage = Stage::open().await;
        let options = ServeOptions { session: true, ..ServeOptions::default() };
        let server = tieline_http::serve(stage.app.clone(), options).await.expect("a free port");
        Self { stage, server }
    }

    pub fn session_key(&self) -> String {
        let url: Url = self.server.url().parse().expect("an address");
        url.fragment().expect("a key").trim_start_matches("token=").to_owned()
    }

    pub async fn key(&self, ask: Value) -> AddedKey {
        self.stage.ask("add_key", ask).await.unwrap_or_else(|failure| panic!("{}", failure.message))
    }

    /// Sends bytes as they are; `{port}` in them is the API's. Reads until the API hangs up.
    pub async fn say(&self, text: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.server.port())).await.expect("it listens");
        let text = text.replace("{port}", &self.server.port().to_string());
        // It may answer, and hang up, before it has read everything.
        let _heard_enough = stream.write_all(text.as_bytes()).await;
        let mut answer = Vec::new();
        let _hung_up = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
            .await
            .expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}: {answer}"));
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A request with these header lines besides the usual ones.
    pub async fn ask(&self, line: &str, headers: &[&str], body: &str) -> Answer {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        self.say(&format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{{port}}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
        .await
    }

    /// An operation with a key: status and answer.
    pub async fn call(&self, key: &str, operation: &str, ask: Value) -> (u16, Value) {
        let bearer = format!("Authorization: Bearer {key}");
        let answer = self.ask(&format!("POST /v1/{operation}"), &[&bearer], &ask.to_string()).await;
        (answer.status, answer.json())
    }

    /// A sign-in that a program begins and its person finishes; yields the connection.
    pub async fn connect(&self, key: &str, provider: &str) -> String {
        let ask = json!({ "provider": provider, "inputs": self.stage.inputs(provider) });
        let (status, flow) = self.call(key, "connect", ask).await;
        assert_eq!(status, 200, "{flow}");
        let id = flow["id"].as_str().expect("an id").to_owned();
        let (status, link) = self.call(key, "sign_in_link", json!({ "id": id })).await;
        assert_eq!(status, 200, "{link}");
        let page: Url = link["url"].as_str().expect("a link").parse().expect("an address");
        let back = Visit::default().answer(&page).await.expect("the page sends the browser back");
        self.stage.bring(&back).await;
        for _ in 0..400 {
            let (_, flow) = self.call(key, "flow", json!({ "id": id })).await;
            if let Some(connection) = flow["connection"].as_str() {
                return connection.to_owned();
            }
            assert!(["waiting", "finishing"].contains(&flow["step"].as_str().unwrap_or("")), "{flow}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sign-in did not end");
    }
}

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}")
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn api_listens_on_loopback_only() {
    let api = Api::open().await;
    let port = api.server.port();
    assert_eq!(
        crate::security::callback::listening(port),
        ["0100007F"],
        "127.0.0.1, as the kernel writes it"
    );
    assert!(Blocking::connect(("127.0.0.1", port)).is_ok());
    assert!(Blocking::connect(("127.0.0.2", port)).is_err(), "loopback, and not ours");
    // The address by which this computer would go out; nothing is sent. Where it has no network, there is none.
    let probe = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    if probe.connect("192.0.2.1:9").is_ok()
        && let Ok(own) = probe.local_addr()
        && !own.ip().is_loopback()
    {
        assert!(Blocking::connect((own.ip(), port)).is_err(), "{own} answers");
    }
    api.server.close().await;
    assert!(Blocking::connect(("127.0.0.1", port)).is_err(), "closed is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_answers_only_to_this_computer_s_names() {
    let api = Api::open().await;
    let key = bearer(&api.session_key());
    let request = |target: &str, hosts: &str| {
        format!(
            "POST {target} HTTP/1.1\r\n{hosts}{key}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        )
    };
    for name in ["127.0.0.1", "localhost", "LocalHost"] {
        let hosts = format!("Host: {name}:{{port}}\r\n");
        assert_eq!(api.say(&request("/v1/connections", &hosts)).await.status, 200, "{name}");
    }
    for host in [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.evil.example:{port}",
        "evil.example@127.0.0.1:{port}",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "127.0.0.1:{port}0",
        "0.0.0.0:{port}",
        "127.0.0.2:{port}",
        "[::1]:{port}",
        "LOCALHOST.:{port}",
        "",
    ] {
        for target in ["/v1/connections", "/v1/openapi.json", "/health", "/", "/hubs"] {
            let answer = api.say(&request(target, &format!("Host: {host}\r\n"))).await;
            assert_eq!(answer.status, 421, "{host} {target}: {}", answer.body);
            assert!(answer.body.contains(&format!("localhost:{}", api.server.port())), "{}", answer.body);
            assert!(answer.header("access-control-allow-origin").is_none());
        }
    }
    for (target, hosts, status) in [
        ("/v1/connections", "", [400, 421]),
        ("/v1/connections", "Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n", [400, 421]),
        ("/v1/connections", "Host: evil.example\r\nHost: 127.0.0.1:{port}\r\n", [400, 421]),
        ("http://evil.example/v1/connections", "Host: 127.0.0.1:{port}\r\n", [421, 421]),
    ] {
        let answer = api.say(&request(target, hosts)).await;
        assert!(status.contains(&answer.status), "{target} {hosts}: {} {}", answer.status, answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn api_lets_in_no_page_but_those_the_key_names() {
    let api = Api::open().await;
    let named = api.key(json!({ "name": "A", "origins": ["https://app.acme.example"] })).await;
    let other = api.key(json!({ "name": "B" })).await;
    let line = "POST /v1/connections";
    let page = "Origin: https://app.acme.example";

    let answer = api.ask(line, &[&bearer(&named.secret), page], "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.acme.example"));
    assert!(answer.header("vary").is_some_and(|it| it.eq_ignore_ascii_case("origin")));
    let own = format!("Origin: http://127.0.0.1:{}", api.server.port());
    let answer = api.ask(line, &[&bearer(&api.session_key()), &own], "{}").await;
    assert_eq!(answer.status, 200, "our own page: {}", answer.body);
    assert!(answer.header("access-control-allow-origin").is_none());

    let answer = api.ask(line, &[&bearer(&other.secret), page], "{}").await;
    assert_eq!(answer.status, 403, "the page of another key: {}", answer.body);
    for line in [line, "POST /v1/keys", "GET /v1/events"] {
        let answer = api.ask(line, &[&bearer(&api.session_key()), page], "{}").await;
        assert_eq!(answer.status, 403, "the key of the run is for our own page, {line}: {}", answer.body);
    }
    for two in [[page, own.as_str()], [own.as_str(), page], [page, "Origin: https://evil.example"]] {
        let answer = api.ask(line, &[&bearer(&named.secret), two[0], two[1]], "{}").await;
        assert_eq!(answer.status, 403, "a page has one origin: {two:?}");
    }
    for foreign in [
        "https://evil.example",
        "https://app.acme.example.evil.example",
        "http://app.acme.example",
        "https://app.acme.example:444",
        "null",
        "http://127.0.0.1:1",
        "http://localhost:{port}",
        "https://127.0.0.1:{port}",
        "",
    ] {
        let foreign = format!("Origin: {foreign}");
        for key in [&named.secret, &other.secret, &api.session_key()] {
            for line in [line, "GET /v1/events", "GET /v1/openapi.json", "POST /user_data_sources"] {
                let answer = api.ask(line, &[&bearer(key), &foreign], "{}").await;
                assert_eq!(answer.status, 403, "{foreign} {line}: {}", answer.body);
                assert!(answer.header("access-control-allow-origin").is_none(), "{}", answer.head);
            }
        }
    }
    let _: Value = api.stage.ask("revoke_key", json!({ "id": named.key.id })).await.expect("revoked");
    let answer = api.ask(line, &[&bearer(&other.secret), page], "{}").await;
    assert_eq!(answer.status, 403);
    assert!(answer.header("access-control-allow-origin").is_none(), "the page went with its key");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_tells_browsers_beforehand_which_pages_may_ask() {
    let api = Api::open().await;
    api.key(json!({ "name": "A", "origins": ["https://app.acme.example"] })).await;
    let wants =
        ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,customer-id"];
    for path in ["/v1/connections", "/integrations/oauth_url", "/hubs", "/v1/sources", "/there/is/nothing"] {
        let line = format!("OPTIONS {path}");
        let named = ["Origin: https://app.acme.example", wants[0], wants[1]];
        let answer = api.ask(&line, &named, "").await;
        assert_eq!(answer.status, 204, "{path}: {}", answer.body);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.acme.example"));
        let headers = answer.header("access-control-allow-headers").expect("headers").to_owned();
        for header in ["authorization", "content-type", "customer-id"] {
            assert!(headers.contains(header), "{headers}");
        }
        assert!(answer.header("access-control-allow-private-network").is_none(), "it was not asked for");
        let private = "Access-Control-Request-Private-Network: true";
        let answer = api.ask(&line, &[named[0], wants[0], private], "").await;
        assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));

        let answer = api.ask(&line, &["Origin: https://evil.example", wants[0], private], "").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.head.to_ascii_lowercase().contains("access-control"), "{}", answer.head);
    }
    // A page may read why it was refused.
    for (line, status) in [("POST /v1/connections", 401), ("GET /v1/connections", 405), ("GET /v1/a/b", 404)]
    {
        let answer = api.ask(line, &["Origin: https://app.acme.example"], "").await;
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.acme.example"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn api_reads_heads_and_bodies_of_a_measure_only() {
    let api = Api::open().await;
    let key = bearer(&api.session_key());
    let line = "POST /v1/connections";
    let many: String = (0..100).map(|number| format!("X-{number}: 1\r\n")).collect();
    let long = format!("X-Long: {}", "a".repeat(17 << 10));
    for headers in [many.trim_end(), &long] {
        let answer = api.ask(line, &[&key, headers], "{}").await;
        assert_eq!(answer.status, 431, "{}", answer.body);
        assert_eq!(answer.json()["code"], "too_large");
    }
    let endless: String = (0..5000).map(|number| format!("X-{number}: 1\r\n")).collect();
    assert_eq!(api.ask(line, &[&key, endless.trim_end()], "{}").await.status, 431);
    let answer = api.ask(&format!("POST /v1/connections?{}", "a".repeat(9 << 10)), &[&key], "{}").await;
    assert_eq!(answer.status, 414);

    let large = "x".repeat((1 << 20) + 1);
    let answer = api.ask(line, &[&key], &large).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("too_large")));
    let chunked = format!(
        "{line} HTTP/1.1\r\nHost: 127.0.0.1:{{port}}\r\n{key}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    assert_eq!(api.say(&chunked).await.status, 413, "a length that is not told beforehand");
    let answer = api.ask(line, &[&key], &format!("{{{}}}", " ".repeat(1 << 19))).await;
    assert_eq!(answer.status, 200, "half of it is fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_wants_a_key_for_everything_but_its_description() {
    let api = Api::open().await;
    for path in ["/v1/openapi.json", "/v1/"] {
        assert_eq!(api.ask(&format!("GET {path}"), &[], "").await.status, 200, "{path}");
    }
    let key = api.key(json!({ "name": "A" })).await;
    let good = bearer(&key.secret);
    assert_eq!(api.ask("POST /v1/connections", &[&good], "{}").await.status, 200);
    let (known, _) = key.secret.split_at(key.secret.len() - 1);
    let by_programs = api.stage.app.programs();
    let own = by_programs.key(&key.secret).expect("a key").expect("a key");
    let temporary = by_programs.temporary(&own, "maya").expect("a token");
    for (what, header) in [
        ("none", "X-Nothing: here".to_owned()),
        ("empty", "Authorization: Bearer ".to_owned()),
        ("wrong", bearer("tlk_0000")),
        ("cut", bearer(known)),
        ("longer", bearer(&format!("{}0", key.secret))),
        ("its id", bearer(&key.key.id)),
        ("another scheme", format!("Authorization: Basic {}", key.secret)),
        ("a cookie", format!("Cookie: Authorization=Bearer {}", key.secret)),
        ("a page's token", bearer(temporary.expose())),
        ("a page's token", format!("Authorization: Token {}", temporary.expose())),
    ] {
        for line in ["POST /v1/connections", "POST /v1/nothing", "GET /v1/events"] {
            let answer = api.ask(line, &[&header], "{}").await;
            assert_eq!(answer.status, 401, "{what} {line}: {}", answer.body);
            assert_eq!(answer.json()["code"], "unauthorized", "{what}");
            assert!(answer.header("www-authenticate").is_some(), "{what}");
        }
    }
    // Each header is judged by itself.
    let several = ["Authorization: Bearer no", "authorization: bEARER no", &good];
    assert_eq!(api.ask("POST /v1/connections", &several, "{}").await.status, 200);

    for address in [
        format!("/v1/connections?access_token={}", key.secret),
        format!("/v1/connections?key={}", key.secret),
        format!("/v1/connections?api_key={}", api.session_key()),
        format!("/v1/{}/connections", key.secret),
        format!("/integrations/oauth_url?Authorization=Bearer%20{}", key.secret),
    ] {
        for headers in [&[][..], &[good.as_str()]] {
            let answer = api.ask(&format!("POST {address}"), headers, "{}").await;
            assert_eq!(answer.status, 400, "{address}");
            assert!(!answer.body.contains(&key.secret), "it is not repeated");
        }
    }
    let _: Value = api.stage.ask("revoke_key", json!({ "id": key.key.id })).await.expect("revoked");
    assert_eq!(api.ask("POST /v1/connections", &[&good], "{}").await.status, 401, "revoked");
    let token = format!("Authorization: Token {}", temporary.expose());
    assert_eq!(
        api.ask("POST /user_data_sources", &[&token], "{}").await.status,
        401,
        "what was made of it ended with it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn api_counts_the_requests_of_each_key() {
    let api = Api::open().await;
    let few = api.key(json!({ "name": "A", "per_minute": 3 })).await.secret;
    let any = api.key(json!({ "name": "B", "per_minute": 0 })).await.secret;
    for _ in 0..3 {
        assert_eq!(api.call(&few, "providers", json!({})).await.0, 200);
    }
    let answer = api.ask("POST /v1/providers", &[&bearer(&few)], "{}").await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").and_then(|it| it.parse().ok()).expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    let words = answer.json()["message"].to_string() + &answer.json()["hint"].to_string();
    assert!(words.contains(&format!("{wait} second")), "{words}");
    for _ in 0..5 {
        assert_eq!(api.call(&any, "providers", json!({})).await.0, 200, "another key is not hindered");
    }
    // What is refused counts as well, and so do keys that are not known, all of them together.
    let looks = api.key(json!({ "name": "C", "operations": ["look"], "per_minute": 3 })).await.secret;
    for status in [403, 403, 403, 429] {
        assert_eq!(api.call(&looks, "disconnect", json!({ "id": "none" })).await.0, status);
    }
    let mut refused = 0;
    let (status, said) = loop {
        let (status, said) = api.call(&format!("tlk_{refused}"), "providers", json!({})).await;
        if status != 401 || refused == 10_000 {
            break (status, said);
        }
        refused += 1;
    };
    assert_eq!(status, 429, "{refused} wrong keys");
    assert!(refused > 100 && said["message"].to_string().contains("unknown keys"), "{refused} {said}");
    assert_eq!(api.call(&any, "providers", json!({})).await.0, 200, "a known key is not hindered");
}

/// Errors that no handler made, in the words that the clients of each prefix parse.
#[tokio::test(flavor = "multi_thread")]
async fn api_s_own_errors_are_in_the_dialect_of_their_prefix() {
    let api = Api::open().await;
    let key = bearer(&api.session_key());
    let own = |it: &Value| it["code"].is_string() && it["message"].is_string() && it["hint"].is_string();
    let versori =
        |it: &Value| it["code"].is_string() && it["message"].is_string() && it.get("hint").is_none();
    let aitronos = |it: &Value| it["success"] == false && it["error"]["message"].is_string();
    let airbyte = |it: &Value| it["status"].is_u64() && it["title"].is_string();
    let carbon = |it: &Value| it["detail"].is_string() && it.get("title").is_none();
    let organization = "/v1/organizations/org_00000001/knowledge/connectors";
    type Dialect = fn(&Value) -> bool;
    let prefixes: [(&str, &str, Dialect); 5] = [
        ("/v1", "/connections", own),
        ("/api/embedded/v1", "/healthz", versori),
        (organization, "/sources/oauth", aitronos),
        ("/v1/sources", "/initiateOAuth", airbyte),
        ("/integrations", "/oauth_url", carbon),
    ];
    let large = "x".repeat((1 << 20) + 1);
    for (prefix, known, dialect) in prefixes {
        let requests = [
            (format!("GET {prefix}/there/is/nothing"), "", 404),
            (format!("PATCH {prefix}{known}"), "", 405),
            (format!("POST {prefix}{known}"), large.as_str(), 413),
        ];
        for (line, body, status) in requests {
            let answer = api.ask(&line, &[&key], body).await;
            assert_eq!(answer.status, status, "{line}: {}", answer.body);
            assert!(dialect(&answer.json()), "{line}: {}", answer.body);
            assert_eq!(answer.header("content-type").map(|it| it.contains("json")), Some(true), "{line}");
            assert!(status != 405 || answer.header("allow").is_some(), "{line}: {}", answer.head);
        }
    }
    let typed = "Content-Type: application/json";
    let program = bearer(&api.key(json!({ "name": "A" })).await.secret);
    for (line, status, dialect) in [
        ("POST /v1/%ff", 404, own as Dialect),
        ("GET /integrations/%ff", 400, carbon),
        ("GET /integrations/ask/%ff", 400, carbon),
        ("POST /integrations/ask/x", 415, carbon),
        ("DELETE /delete_webhook/%ff", 400, carbon),
        ("DELETE /deletefile/%FF", 400, carbon),
        ("GET /raw_file/%ff", 400, carbon),
    ] {
        let of = if line.contains("/v1/") { &key } else { &program };
        let answer = api.ask(line, &[of, typed, "customer-id: maya"], "{}").await;
        assert_eq!(answer.status, status, "{line}: {}", answer.body);
        assert!(dialect(&answer.json()), "{line}: {}", answer.body);
    }
    let answer = api.ask("POST /v1/%ff", &[], "{}").await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (401, Some("unauthorized")),
        "the key is first"
    );
    let (status, said) = {
        let answer = api.ask("POST /v1/connections", &[&key], "{nonsense").await;
        (answer.status, answer.json())
    };
    assert_eq!((status, said["code"].as_str()), (400, Some("bad_input")));
}

#[tokio::test(flavor = "multi_thread")]
async fn api_names_the_field_that_is_wrong_to_every_key() {
    let api = Api::open().await;
    let every: Vec<&str> = GROUPS.iter().map(|(name, ..)| *name).collect();
    let key = api.key(json!({ "name": "A", "operations": every })).await.secret;
    for key in [key, api.session_key()] {
        for (operation, ask, field) in [
            ("connect", json!({}), "provider"),
            ("connect", json!({ "provider": "BOX", "inputs": { "a": 5 } }), "inputs.a"),
            ("search", json!({}), "words"),
            ("connection", json!({ "id": 5 }), "id"),
            ("events", json!({ "limit": -1 }), "limit"),
        ] {
            let (status, said) = api.call(&key, operation, ask.clone()).await;
            assert_eq!((status, said["field"].as_str()), (400, Some(field)), "{operation} {ask}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn api_keeps_only_the_hash_of_a_key() {
    let api = Api::open().await;
    let key = api.key(json!({ "name": "A" })).await;
    let bare = key.secret.trim_start_matches("tlk_").to_owned();
    let own = api.stage.app.programs().key(&key.secret).expect("a key").expect("a key");
    let temporary = api.stage.app.programs().temporary(&own, "maya").expect("a token").expose().to_owned();
    for operation in ["connections", "keys", "nothing"] {
        api.call(&key.secret, operation, json!({})).await;
    }
    let session = api.session_key();
    for operation in ["keys", "key_groups", "serving"] {
        let (status, said) = api.call(&session, operation, json!({})).await;
        assert_eq!(status, 200, "{said}");
        assert!(!said.to_string().contains(&bare), "{operation} tells it again");
    }
    let Api { stage, server } = api;
    server.close().await;
    stage.app.close().await;
    let mut looked = 0;
    let mut folders = vec![stage.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).expect("a file");
            looked += bytes.len();
            for secret in [&bare, &session, &temporary] {
                let found = bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
                assert!(!found, "it stands in {}", entry.path().display());
            }
        }
    }
    assert!(looked > 4096, "the store was looked at");
}

/// A whole program at its most talkative.
#[tokio::test(flavor = "multi_thread")]
async fn api_writes_no_key_into_its_log() {
    let place = stage::place::Place::open().await;
    let added = stage::place::run(place.command(&["key", "add", "A", "--json"])).await;
    let added = stage::json_of(&added);
    let secret = added["secret"].as_str().expect("a key").to_owned();
    let mut command = place.command(&["serve", "--port", "0", "--no-browser", "--run-key"]);
    command
        .env("TIELINE_LOG", "trace")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().expect("its words"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    let mut talk = child.stderr.take().expect("its log");
    let talk = std::thread::spawn(move || {
        let mut all = String::new();
        std::io::Read::read_to_string(&mut talk, &mut all).map(|_| all)
    });
    let said: Value = serde_json::from_str(&line).expect("JSON");
    let url: Url = said["url"].as_str().expect("an address").parse().expect("an address");
    let session = url.fragment().expect("a key").trim_start_matches("token=").to_owned();
    for (key, status) in [(&secret, 200), (&session, 200), (&format!("{secret}0"), 401)] {
        for path in ["/v1/connections", "/v1/there/is/nothing"] {
            let header = format!("Bearer {key}");
            let at = url.join(path).expect("an address");
            let reply =
                tieline_practice::client::send("POST", &at, &[("authorization", &header)], b"{}").await;
            let reply = reply.expect("an answer");
            assert!(reply.status == status || reply.status == 404, "{path}: {}", reply.status);
        }
    }
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    let log = talk.join().expect("read").expect("text");
    assert!(log.len() > 1000, "it talks: {log}");
    for secret in [&secret, &session] {
        assert!(!log.contains(secret.trim_start_matches("tlk_")), "a key stands in the log");
    }
}

/// The short form of the figure in `bench`, which does it for a minute.
#[tokio::test(flavor = "multi_thread")]
async fn api_answers_two_hundred_requests_in_flight() {
    const IN_FLIGHT: usize = 200;
    const ROUNDS: usize = 20;
    let api = Api::open().await;
    let connection = api.stage.connect("BOX").await;
    let key = api.key(json!({ "name": "A", "per_minute": 0 })).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let port = api.server.port();
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..IN_FLIGHT {
        let (client, secret, connection) = (client.clone(), key.secret.clone(), connection.clone());
        lanes.spawn(async move {
            let mut wrong = Vec::new();
            for round in 0..ROUNDS {
                let (operation, ask) = match (lane + round) % 4 {
                    0 => ("connections", json!({})),
                    1 => ("sync_state", json!({ "id": connection })),
                    2 => ("events", json!({ "limit": 10 })),
                    _ => ("search", json!({ "words": "plan" })),
                };
                let url = format!("http://127.0.0.1:{port}/v1/{operation}");
                let reply = client.post(url).bearer_auth(&secret).json(&ask).send().await;
                match reply {
                    Ok(reply) if reply.status() == 200 => drop(reply.bytes().await),
                    Ok(reply) => wrong.push(format!("{operation}: {}", reply.status())),
                    Err(why) => wrong.push(format!("{operation}: {why:?}")),
                }
            }
            wrong
        });
    }
    let wrong: Vec<String> = lanes.join_all().await.into_iter().flatten().collect();
    assert!(
        wrong.is_empty(),
        "{} of {}: {:?}",
        wrong.len(),
        IN_FLIGHT * ROUNDS,
        &wrong[..wrong.len().min(5)]
    );
    let Api { stage, server } = api;
    server.close().await;
    let uses: Vec<Value> =
        stage.ask("key_uses", json!({ "id": key.key.id, "limit": 500 })).await.expect("uses");
    let noted: u64 = uses.iter().filter_map(|it| it["times"].as_u64()).sum();
    assert_eq!(noted, (IN_FLIGHT * ROUNDS) as u64, "each of them is in the log");
}
