//! What a key may: its operations, the connections within its reach, its organization's and nobody else's things, and
//! access tokens only after its person agreed.

use std::time::Duration;

use serde_json::{Value, json};
use tieline_engine::NAMES;
use tieline_engine::program::GROUPS;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::security::api::Api;

fn group(name: &str) -> &'static [&'static str] {
    GROUPS.iter().find(|(group, ..)| *group == name).expect("a group").2
}

#[tokio::test(flavor = "multi_thread")]
async fn key_calls_the_operations_it_was_given_and_no_other() {
    let api = Api::open().await;
    let every: Vec<&str> = GROUPS.iter().map(|(name, ..)| *name).collect();
    let every = api.key(json!({ "name": "Every", "operations": every, "per_minute": 0 })).await.secret;
    let looks = api.key(json!({ "name": "Looks", "operations": ["look"], "per_minute": 0 })).await.secret;
    let one = api.key(json!({ "name": "One", "operations": ["library"], "per_minute": 0 })).await.secret;
    let given: Vec<&str> = GROUPS.iter().flat_map(|(_, _, operations)| operations.iter().copied()).collect();
    for name in NAMES {
        // What is asked is wrong or about nothing, so that nothing happens where it is let through.
        let ask = json!({ "id": "none", "connection": "none", "reconnect": "none", "provider": "NONE", "words": "" });
        let refused = |it: &(u16, Value)| it.0 == 403 && it.1["code"] == "forbidden";
        let persons = !given.contains(name);
        assert_eq!(refused(&api.call(&every, name, ask.clone()).await), persons, "{name} with every group");
        let looking = group("look").contains(name);
        assert_eq!(refused(&api.call(&looks, name, ask.clone()).await), !looking, "{name} with look");
        assert_eq!(refused(&api.call(&one, name, ask).await), *name != "library", "{name} with one");
    }
    for persons in
        ["add_key", "keys", "save_settings", "set_practice", "save_app", "decide_approval", "unlock_keyring"]
    {
        assert!(NAMES.contains(&persons) && !given.contains(&persons), "{persons} is the person's");
    }
    let (status, said) = api.call(&every, "nothing_of_this_name", json!({})).await;
    assert_eq!((status, said["code"].as_str()), (404, Some("not_found")));
    let answer = api.ask("GET /v1/events", &[&format!("Authorization: Bearer {one}")], "").await;
    assert_eq!(answer.status, 403, "the stream of changes needs the right to the log");
    let looks = format!("Authorization: Bearer {looks}");
    let answer = api.ask("POST /user_data_sources", &[&looks, "customer-id: maya"], "{}").await;
    assert_eq!(answer.status, 403, "the contracts need their right");
}

/// Operations that are about one connection, each with an ask that names it.
fn about(connection: &str) -> Vec<(&'static str, Value)> {
    let by_id = ["connection", "sync_state", "pause_sync", "cancel_sync", "test", "refresh", "access_token"];
    let mut all: Vec<(&str, Value)> = by_id.iter().map(|name| (*name, json!({ "id": connection }))).collect();
    all.extend([
        ("events", json!({ "id": connection })),
        ("items", json!({ "connection": connection })),
        ("search", json!({ "words": "plan", "connection": connection })),
        ("read_item", json!({ "connection": connection, "item": "none" })),
        ("pick", json!({ "connection": connection, "add": [] })),
        ("start_sync", json!({ "connection": connection })),
        ("sync_to_the_end", json!({ "connection": connection })),
        ("set_sync", json!({ "connection": connection, "every_hours": 3 })),
        ("connect", json!({ "provider": "BOX", "reconnect": connection })),
        ("rename", json!({ "id": connection, "name": "Taken" })),
        ("disconnect", json!({ "id": connection, "revoke": false })),
    ]);
    all
}

async fn rows(api: &Api, key: &str, operation: &str, list: &str, field: &str) -> Vec<String> {
    let (status, said) = api.call(key, operation, json!({ "words": "e", "limit": 200 })).await;
    assert_eq!(status, 200, "{operation}: {said}");
    let rows = said
        .pointer(list)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_else(|| panic!("{operation}: {said}"));
    let mut ids: Vec<String> = rows
        .iter()
        .map(|row| row.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned())
        .collect();
    ids.dedup();
    ids
}

const LISTS: [(&str, &str, &str); 5] = [
    ("connections", "", "/id"),
    ("syncs", "", "/connection"),
    ("events", "", "/connection"),
    ("library", "/parts", "/connection"),
    ("search", "/hits", "/item/connection"),
];

#[tokio::test(flavor = "multi_thread")]
async fn key_sees_the_connections_within_its_reach_and_no_other() {
    let api = Api::open().await;
    api.stage.practice.set_items(60).await;
    let every: Vec<&str> = GROUPS.iter().map(|(name, ..)| *name).collect();
    let mine = api.stage.connect("BOX").await;
    let hidden = api.stage.connect("DROPBOX").await;
    for id in [&mine, &hidden] {
        let all = json!({ "connection": id, "everything": true });
        let _: Value = api.stage.ask("set_sync", all).await.expect("everything is wanted");
        let _: Value = api.stage.ask("sync_to_the_end", json!({ "connection": id })).await.expect("a sync");
    }
    let limited = |operations: &[&str]| json!({ "name": "These", "operations": operations, "reach": { "these": [mine] }, "per_minute": 0 });
    let refused =
        api.stage.ask::<Value>("add_key", limited(&every)).await.expect_err("contracts reach everything");
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("bad_input", Some("operations")));
    let own_only: Vec<&str> = every.iter().copied().filter(|name| *name != "contracts").collect();
    let these = api.key(limited(&own_only)).await.secret;
    let own = json!({ "name": "Own", "operations": every, "reach": "own", "per_minute": 0 });
    let own = api.key(own).await.secret;
    let all = api.key(json!({ "name": "All", "operations": every, "per_minute": 0 })).await.secret;

    for (operation, list, field) in LISTS {
        assert_eq!(
            rows(&api, &these, operation, list, field).await,
            std::slice::from_ref(&mine),
            "{operation}"
        );
        assert_eq!(rows(&api, &own, operation, list, field).await, [""; 0], "{operation}");
        let mut both = rows(&api, &all, operation, list, field).await;
        both.sort();
        both.dedup();
        assert_eq!(both.len(), 2, "{operation}");
    }
    for key in [&these, &own] {
        for (operation, ask) in about(&hidden) {
            let (status, said) = api.call(key, operation, ask).await;
            assert_eq!((status, said["code"].as_str()), (404, Some("not_found")), "{operation}: {said}");
            let unknown = about("0123456789abcdef").into_iter().find(|(name, _)| *name == operation);
            let (status, other) = api.call(key, operation, unknown.expect("an ask").1).await;
            assert_eq!(status, 404, "{operation}: {other}");
            let told = |it: &Value, id: &str| it["message"].as_str().unwrap_or_default().replace(id, "…");
            assert_eq!(
                told(&said, &hidden),
                told(&other, "0123456789abcdef"),
                "{operation} tells that it exists"
            );
        }
    }
    let (_, status) = api.call(&these, "status", json!({})).await;
    assert_eq!(status["sign_ins"], 1, "{status}");
    let (_, cards) = api.call(&these, "providers", json!({})).await;
    let counts: u64 =
        cards.as_array().expect("cards").iter().filter_map(|it| it["connections"].as_u64()).sum();
    assert_eq!(counts, 1);
    let (_, library) = api.call(&own, "library", json!({})).await;
    assert_eq!((library["texts"].as_u64(), library["size"].as_f64()), (Some(0), Some(0.0)), "{library}");
    let (_, changed) = api.call(&these, "set_sync", json!({ "every_hours": 3 })).await;
    assert_eq!(changed.as_array().map(Vec::len), Some(1), "{changed}");
    let (_, state) = api.call(&api.session_key(), "sync_state", json!({ "id": hidden })).await;
    assert_ne!(state["every_hours"], 3, "what is out of reach is not changed");
    assert_eq!(api.stage.row(&hidden).await.name, api.stage.row(&hidden).await.account.name, "nor renamed");
    let (status, _) = api.call(&these, "connection", json!({ "id": mine })).await;
    assert_eq!(status, 200, "what is within reach is there");
}

/// They work with everything of an organization, so that a key for some connections has no right to them.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_some_connections_speaks_no_contract() {
    let api = Api::open().await;
    let mine = api.stage.connect("BOX").await;
    let usual = api.key(json!({ "name": "A", "reach": { "these": [mine] } })).await;
    assert!(!usual.key.operations.iter().any(|it| it == "contracts"), "{:?}", usual.key.operations);
    // One that an earlier Tieline made with both.
    let wide = api.key(json!({ "name": "B", "per_minute": 0 })).await;
    let store =
        rusqlite::Connection::open(api.stage.folder.path().join("practice/tieline.db")).expect("the store");
    let may = json!({ "operations": ["look", "contracts"], "reach": { "these": [mine] } }).to_string();
    store.execute("UPDATE key SET may = ?2 WHERE id = ?1", [&wide.key.id, &may]).expect("written");
    let keys: Vec<Value> = api.stage.ask("keys", json!({})).await.expect("keys");
    let row = keys.iter().find(|row| row["id"] == wide.key.id.as_str()).expect("the key");
    assert_eq!(row["operations"], json!(["look"]), "what is shown is what it may");
    for key in [&usual, &wide] {
        let bearer = format!("Authorization: Bearer {}", key.secret);
        for line in [
            "POST /user_data_sources",
            "POST /integrations/oauth_url",
            "GET /v1/workspaces",
            "POST /api/embedded/v1/hubs",
        ] {
            let answer = api.ask(line, &[&bearer, "customer-id: maya"], "{}").await;
            assert_eq!(answer.status, 403, "{line}: {}", answer.body);
        }
        let answer = api.ask("POST /user_data_sources", &[&bearer, "customer-id: maya"], "{}").await;
        let limited = answer.body.contains("limited to some connections");
        assert!(limited, "the sentence says why: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_is_its_key_s_and_not_that_of_whoever_reaches_the_account() {
    let api = Api::open().await;
    let mine = api.stage.connect("BOX").await;
    let ask = |name: &str, organization: &str, reach: Value| json!({ "name": name, "organization": organization, "operations": ["look", "connect"], "reach": reach, "per_minute": 0 });
    let first = api.key(ask("First", "Acme", json!("all"))).await.secret;
    let second = api.key(ask("Second", "Acme", json!("own"))).await.secret;
    let limited = api.key(ask("Limited", "Acme", json!({ "these": [mine] }))).await.secret;
    let foreign = api.key(ask("Foreign", "Beta", json!("all"))).await.secret;
    // The person's account, which nearly all of them reach.
    let again = json!({ "provider": "BOX", "reconnect": mine });
    let begin = async |key: &str| {
        let (status, flow) = api.call(key, "connect", again.clone()).await;
        assert_eq!(status, 200, "{flow}");
        flow["id"].as_str().expect("an id").to_owned()
    };
    let of_first = begin(&first).await;
    let of_limited = begin(&limited).await;
    let person = api.stage.begin("BOX", json!({ "reconnect": mine })).await.id;
    let sees = [
        (&first, [true, true, true]),
        (&second, [true, true, false]),
        (&limited, [false, true, true]),
        (&foreign, [false, false, true]),
    ];
    for (key, sees) in sees {
        let listed = rows(&api, key, "flows", "", "/id").await;
        for (flow, sees) in [&of_first, &of_limited, &person].into_iter().zip(sees) {
            assert_eq!(listed.contains(flow), sees, "{listed:?}");
            for operation in ["flow", "sign_in_link"] {
                let (status, said) = api.call(key, operation, json!({ "id": flow })).await;
                assert_eq!(status, if sees { 200 } else { 404 }, "{operation}: {said}");
            }
            if !sees {
                assert_eq!(api.call(key, "cancel", json!({ "id": flow })).await.0, 404);
            }
        }
    }
    let (_, flow) = api.call(&first, "flow", json!({ "id": of_first })).await;
    assert_eq!(flow["step"], "waiting", "nobody else ended it");
    assert_eq!(api.call(&first, "cancel", json!({ "id": of_first })).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_of_one_key_do_not_push_out_another_s() {
    let api = Api::open().await;
    let ask = |name: &str| json!({ "name": name, "operations": ["look", "connect"], "per_minute": 0 });
    let quiet = api.key(ask("Quiet")).await.secret;
    let loud = api.key(ask("Loud")).await.secret;
    let begin = json!({ "provider": "DROPBOX", "inputs": api.stage.inputs("DROPBOX") });
    let (_, waits) = api.call(&quiet, "connect", begin.clone()).await;
    let (_, ended) = api.call(&quiet, "connect", begin.clone()).await;
    assert_eq!(api.call(&quiet, "cancel", json!({ "id": ended["id"] })).await.0, 200);
    let mut begun = Vec::new();
    let said = loop {
        let (status, flow) = api.call(&loud, "connect", begin.clone()).await;
        if status != 200 {
            break (status, flow);
        }
        begun.push(flow["id"].clone());
        assert!(begun.len() <= 200, "there is an end to them");
    };
    assert_eq!((said.0, said.1["code"].as_str()), (429, Some("too_many_requests")), "{}", said.1);
    assert!(said.1["message"].as_str().is_some_and(|it| it.contains("200 sign-ins") && it.contains("Loud")));
    assert_eq!(api.call(&quiet, "connect", begin.clone()).await.0, 200, "nobody else is hindered");
    for id in &begun {
        assert_eq!(api.call(&loud, "cancel", json!({ "id": id })).await.0, 200);
    }
    // Once the last has ended there is room, and what is forgotten for it is the key's own.
    while api.call(&loud, "connect", begin.clone()).await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for flow in [&waits, &ended] {
        let (status, said) = api.call(&quiet, "flow", json!({ "id": flow["id"] })).await;
        assert_eq!(status, 200, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn organization_sees_its_own_connections_and_no_other_s() {
    let api = Api::open().await;
    let every: Vec<&str> = GROUPS.iter().map(|(name, ..)| *name).collect();
    let ask = |name: &str, organization: &str, reach: &str| json!({ "name": name, "organization": organization, "operations": every, "reach": reach, "per_minute": 0 });
    let first = api.key(ask("First", "Acme", "own")).await.secret;
    let second = api.key(ask("Second", "Acme", "own")).await.secret;
    let widest = api.key(ask("Widest", "Beta", "all")).await.secret;

    let id = api.connect(&first, "BOX").await;
    let (_, flows) = api.call(&first, "flows", json!({})).await;
    for (key, sees) in [(&first, true), (&second, true), (&widest, false)] {
        let listed = rows(&api, key, "connections", "", "/id").await;
        assert_eq!(listed.contains(&id), sees, "{listed:?}");
        let (status, _) = api.call(key, "connection", json!({ "id": id })).await;
        assert_eq!(status, if sees { 200 } else { 404 });
        for flow in flows.as_array().expect("sign-ins") {
            let (status, _) = api.call(key, "flow", json!({ "id": flow["id"] })).await;
            assert_eq!(status, if sees { 200 } else { 404 }, "its sign-in");
        }
    }
    let begun = json!({ "provider": "DROPBOX", "inputs": api.stage.inputs("DROPBOX") });
    let (_, flow) = api.call(&first, "connect", begun).await;
    for operation in ["flow", "sign_in_link", "cancel"] {
        let (status, said) = api.call(&widest, operation, json!({ "id": flow["id"] })).await;
        assert_eq!(status, 404, "{operation}: {said}");
        let (_, unknown) = api.call(&widest, operation, json!({ "id": "none" })).await;
        let told = |it: &Value, id: &str| it["message"].as_str().unwrap_or_default().replace(id, "…");
        assert_eq!(told(&said, flow["id"].as_str().expect("an id")), told(&unknown, "none"));
    }
    assert!(rows(&api, &widest, "flows", "", "/id").await.is_empty());
    assert_eq!(rows(&api, &first, "flows", "", "/id").await.len(), flows.as_array().map_or(0, Vec::len) + 1);
    for way in ["loopback", "paste"] {
        let ask = json!({ "provider": "BOX", "way": way });
        let (status, said) = api.call(&first, "connect", ask).await;
        assert_eq!((status, said["field"].as_str()), (400, Some("way")));
    }
}

/// Through a published contract: the same number, from another organization and from another customer.
#[tokio::test(flavor = "multi_thread")]
async fn another_s_data_source_is_as_unknown_as_one_that_never_was() {
    let api = Api::open().await;
    let first = api.key(json!({ "name": "First", "per_minute": 0 })).await.secret;
    let second = api.key(json!({ "name": "Second", "per_minute": 0 })).await.secret;
    let (bearer, customer) = (format!("Authorization: Bearer {first}"), "customer-id: maya");
    let body =
        json!({ "service": "BOX", "connecting_new_account": true, "sync_source_items": false }).to_string();
    let answer = api.ask("POST /integrations/oauth_url", &[&bearer, customer], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let page = answer.json()["oauth_url"].as_str().expect("a link").parse().expect("an address");
    let back = tieline_practice::visitor::Visit::default().answer(&page).await.expect("the page sends back");
    api.stage.bring(&back).await;
    let mut number = None;
    for _ in 0..200 {
        let listed = api.ask("POST /user_data_sources", &[&bearer, customer], "{}").await.json();
        number = listed["results"][0]["id"].as_i64();
        if number.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let number = number.expect("a data source");
    let others = [
        [format!("Authorization: Bearer {second}"), "customer-id: maya".to_owned()],
        [format!("Authorization: Bearer {first}"), "customer-id: noah".to_owned()],
    ];
    for [key, customer] in &others {
        let listed = api.ask("POST /user_data_sources", &[key, customer], "{}").await.json();
        assert_eq!(listed["results"], json!([]), "{listed}");
        for path in [
            "/integrations/items/list",
            "/integrations/items/sync",
            "/revoke_access_token",
            "/data_sources/tags/remove",
        ] {
            let ask = |id: i64| json!({ "data_source_id": id, "remove_all_tags": true }).to_string();
            let answer = api.ask(&format!("POST {path}"), &[key, customer], &ask(number)).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.body);
            let unknown = api.ask(&format!("POST {path}"), &[key, customer], &ask(999_999)).await;
            assert_eq!(unknown.status, 404, "{path}");
            let told = |answer: &crate::security::api::Answer, id: &str| answer.body.replace(id, "…");
            assert_eq!(
                told(&answer, &number.to_string()),
                told(&unknown, "999999"),
                "{path} tells that it exists"
            );
        }
    }
    let listed = api.ask("POST /user_data_sources", &[&bearer, customer], "{}").await.json();
    assert_eq!(listed["results"][0]["revoked_access"], false, "nobody else ended it");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_of_a_key_is_in_its_log() {
    let api = Api::open().await;
    let connection = api.stage.connect("BOX").await;
    let key = api.key(json!({ "name": "A", "operations": ["look"], "per_minute": 7 })).await;
    let bearer = format!("Authorization: Bearer {}", key.secret);
    for (line, body, status) in [
        ("POST /v1/connection", json!({ "id": connection }).to_string(), 200),
        ("POST /v1/connection", json!({ "id": connection }).to_string(), 200),
        // Kept for good, so nothing that the program makes up.
        ("POST /v1/connection", json!({ "id": "x".repeat(900_000) }).to_string(), 404),
        ("POST /v1/search", json!({ "words": "plan" }).to_string(), 403),
        ("POST /v1/providers", "{nonsense".to_owned(), 400),
        ("POST /user_data_sources", "{}".to_owned(), 403),
        ("POST /v1/status", "{}".to_owned(), 200),
        ("POST /v1/status", "{}".to_owned(), 429),
    ] {
        assert_eq!(api.ask(line, &[&bearer], &body).await.status, status, "{line} {body}");
    }
    let Api { stage, server } = api;
    server.close().await;
    let uses: Vec<Value> = stage.ask("key_uses", json!({ "id": key.key.id })).await.expect("uses");
    let times = |what: &str, status: u16| -> u64 {
        let of = uses.iter().filter(|it| it["what"] == what && it["status"] == status);
        of.filter_map(|it| it["times"].as_u64()).sum()
    };
    let about = uses.iter().filter(|it| it["what"] == "connection" && it["status"] == 200);
    assert!(
        about.clone().count() > 0 && about.clone().all(|it| it["connection"] == connection.as_str()),
        "{uses:?}"
    );
    assert_eq!((times("connection", 200), times("connection", 404)), (2, 1));
    assert!(uses.iter().filter(|it| it["status"] == 404).all(|it| it["connection"] == ""));
    assert_eq!((times("search", 403), times("providers", 400)), (1, 1), "{uses:?}");
    assert_eq!(times("POST /user_data_sources", 403), 1, "{uses:?}");
    assert_eq!((times("status", 200), times("status", 429)), (1, 1), "{uses:?}");
    let (mut paged, mut before) = (Vec::new(), Value::Null);
    loop {
        let ask = json!({ "id": key.key.id, "before": before, "limit": 2 });
        let page: Vec<Value> = stage.ask("key_uses", ask).await.expect("a page");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        before = last["id"].clone();
        paged.extend(page);
    }
    assert_eq!(paged, uses, "page by page it is the same");
    let keys: Vec<Value> = stage.ask("keys", json!({})).await.expect("keys");
    assert!(keys[0]["last_used_at"].is_string(), "{keys:?}");
}

/// The stream of changes, read line by line.
struct Heard(BufReader<TcpStream>);

impl Heard {
    async fn open(api: &Api, key: &str) -> Self {
        let port = api.server.port();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
        let ask = format!(
            "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\r\n"
        );
        stream.write_all(ask.as_bytes()).await.expect("it is taken");
        let mut heard = Self(BufReader::new(stream));
        while heard.line().await.is_some_and(|line| !line.is_empty()) {}
        heard
    }

    /// None: it ended.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_line(&mut line));
        let count = read.await.expect("in time").expect("read");
        (count > 0).then(|| line.trim_end().to_owned())
    }

    async fn change(&mut self) -> Option<Value> {
        loop {
            if let Some(data) = self.line().await?.strip_prefix("data:") {
                return serde_json::from_str(data.trim()).ok();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_heard_within_reach_and_as_long_as_the_key_is_good() {
    let api = Api::open().await;
    let mine = api.stage.connect("BOX").await;
    let hidden = api.stage.connect("DROPBOX").await;
    let key = api.key(json!({ "name": "A", "reach": { "these": [mine] } })).await;
    let mut heard = Heard::open(&api, &key.secret).await;
    for (id, name) in [(&hidden, "Theirs"), (&mine, "Ours")] {
        let _: Value = api.stage.ask("rename", json!({ "id": id, "name": name })).await.expect("renamed");
    }
    // What comes first is about the connection within reach, though the other's change came before.
    loop {
        let change = heard.change().await.expect("a change");
        assert_ne!(change["id"], json!(hidden), "{change}");
        assert!(
            !["keys", "approval", "serving"].contains(&change["what"].as_str().unwrap_or("")),
            "{change}"
        );
        if change == json!({ "what": "connection", "id": mine }) {
            break;
        }
    }
    let _: Value = api.stage.ask("revoke_key", json!({ "id": key.key.id })).await.expect("revoked");
    while let Some(change) = heard.change().await {
        assert_ne!(change["what"], "keys", "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_connection_is_heard_and_what_was_kept_of_it_is_found() {
    let api = Api::open().await;
    api.stage.set("read_later", json!(false)).await;
    let id = api.stage.connect("ZENDESK").await;
    let key = api.key(json!({ "name": "A", "reach": { "these": [id] } })).await.secret;
    let blind = api.key(json!({ "name": "B", "reach": "own" })).await.secret;
    let _: Value = api.stage.ask("sync_to_the_end", json!({ "connection": id })).await.expect("synced");
    let found = async |key: &str| {
        let (_, found) = api.call(key, "search", json!({ "words": "a" })).await;
        found["hits"].as_array().expect("hits").len()
    };
    let before = found(&key).await;
    assert!(before > 0);

    let mut heard = Heard::open(&api, &key).await;
    let ask = json!({ "id": id, "keep_contents": true });
    let _: Value = api.stage.ask("disconnect", ask).await.expect("disconnected");
    while heard.change().await.expect("a change") != json!({ "what": "connection", "id": id }) {}
    let (status, log) = api.call(&key, "events", json!({ "id": id })).await;
    assert_eq!((status, &log[0]["kind"]), (200, &json!("disconnected")), "{log}");
    assert_eq!(found(&key).await, before);
    assert_eq!(api.call(&key, "connection", json!({ "id": id })).await.0, 404);
    assert_eq!((api.call(&blind, "events", json!({ "id": id })).await.0, found(&blind).await), (404, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_a_program_gets_short_lived_tokens_after_its_person_agreed_and_never_a_refresh_token() {
    let api = Api::open().await;
    let id = api.stage.connect("DROPBOX").await;
    let ask = json!({ "id": id });
    let usual = api.key(json!({ "name": "Usual" })).await.secret;
    assert_eq!(api.call(&usual, "access_token", ask.clone()).await.0, 403, "off unless it was given");
    let session = api.session_key();
    assert_eq!(
        api.call(&session, "access_token", ask.clone()).await.0,
        403,
        "not for the page of this run either"
    );
    let key = api.key(json!({ "name": "Backup", "operations": ["look", "tokens"] })).await.secret;
    let another = api.key(json!({ "name": "Another", "operations": ["tokens"] })).await.secret;

    let (status, said) = api.call(&key, "access_token", ask.clone()).await;
    assert_eq!((status, said["code"].as_str()), (409, Some("needs_you")), "{said}");
    assert!(said.get("access_token").is_none());
    let (_, asked) = api.call(&session, "approvals", json!({})).await;
    assert_eq!(
        (asked[0]["key_name"].as_str(), asked[0]["connection"].as_str()),
        (Some("Backup"), Some(id.as_str()))
    );
    let (status, _) = api.call(&key, "decide_approval", json!({ "id": asked[0]["id"], "allow": true })).await;
    assert_eq!(status, 403, "a program does not decide for its person");
    let allow = json!({ "id": asked[0]["id"], "allow": true });
    assert_eq!(api.call(&session, "decide_approval", allow).await.0, 200);

    let (status, token) = api.call(&key, "access_token", ask.clone()).await;
    assert_eq!(status, 200, "{token}");
    let mut fields: Vec<&String> = token.as_object().expect("an object").keys().collect();
    fields.sort();
    assert_eq!(fields, ["access_token", "expires_at", "token_type"], "and nothing else");
    let access = token["access_token"].as_str().expect("a token");
    let entries = crate::stage::keyring::entries(api.stage.folder.path());
    let pair = entries.iter().find(|(name, _)| name.starts_with("connection/")).expect("an entry").1;
    let pair: Value = serde_json::from_str(pair).expect("JSON");
    let texts: Vec<&str> = pair.as_object().expect("fields").values().filter_map(Value::as_str).collect();
    assert!(texts.contains(&access), "it is the connection's");
    assert!(
        texts.iter().all(|text| *text == access || !token.to_string().contains(text)),
        "and no other secret"
    );

    let (status, _) = api.call(&another, "access_token", ask.clone()).await;
    assert_eq!(status, 409, "each program is agreed to by itself");
    let (_, asked) = api.call(&session, "approvals", json!({})).await;
    let refuse = json!({ "id": asked[0]["id"], "allow": false });
    assert_eq!(api.call(&session, "decide_approval", refuse).await.0, 200);
    let (status, said) = api.call(&another, "access_token", ask).await;
    assert_eq!((status, said["code"].as_str()), (403, Some("refused")), "{said}");

    // What has no end is not handed out, and nobody is asked about it.
    for provider in ["NOTION", "INTERCOM"] {
        let endless = json!({ "id": api.stage.connect(provider).await });
        let (status, said) = api.call(&key, "access_token", endless).await;
        assert_eq!((status, said["code"].as_str()), (403, Some("refused")), "{provider}: {said}");
        assert!(said["hint"].as_str().is_some_and(|it| it.contains("read_item")), "{said}");
    }
    assert_eq!(api.call(&session, "approvals", json!({})).await.1, json!([]));

    // Another program does not hear of it.
    let nosy = api.key(json!({ "name": "Nosy", "operations": ["look"] })).await.secret;
    for ask in [json!({ "id": id }), json!({})] {
        let (status, events) = api.call(&nosy, "events", ask).await;
        assert!(status == 200 && !events.to_string().contains("Backup"), "{events}");
        assert!(events.as_array().is_some_and(|lines| !lines.is_empty()), "and all else it does");
    }
    let (_, detail) = api.call(&nosy, "connection", json!({ "id": id })).await;
    assert!(detail["events"].is_array() && !detail.to_string().contains("Backup"), "{detail}");

    let (_, events) = api.call(&session, "events", json!({ "id": id })).await;
    let told = |row: &&Value| {
        row["kind"] == "token_given" && row["words"].as_str().is_some_and(|it| it.contains("Backup"))
    };
    assert_eq!(
        events.as_array().expect("events").iter().filter(told).count(),
        1,
        "each is written down: {events}"
    );
}
