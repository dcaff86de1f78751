use std::sync::atomic::{AtomicU32, Ordering};

use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use super::*;

const BACK: &str = "http://127.0.0.1:47823/integrations/zotero";
const CLIENT: [&str; 2] = ["practicezoteroclient", "practice-zotero-secret"];
const KEY: [&str; 3] = ["GET", "api.zotero.org", "/keys/current"];

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn encode(raw: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    raw.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A POST signed by RFC 5849 with these parameters on top of the usual ones.
async fn signed(practice: &Practice, path: &str, secrets: [&str; 2], more: &[(&str, &str)]) -> Answer {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let nonce = format!("nonce{}", CALLS.fetch_add(1, Ordering::Relaxed));
    signed_at(practice, path, secrets, more, now(), &nonce).await
}

async fn signed_at(
    practice: &Practice,
    path: &str,
    secrets: [&str; 2],
    more: &[(&str, &str)],
    stamp: u64,
    nonce: &str,
) -> Answer {
    let stamp = stamp.to_string();
    let mut pairs = vec![
        ("oauth_consumer_key", CLIENT[0]),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", stamp.as_str()),
        ("oauth_version", "1.0"),
    ];
    pairs.extend(more);
    pairs.sort();
    let joined: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    let base =
        format!("POST&{}&{}", encode(&format!("https://www.zotero.org{path}")), encode(&joined.join("&")));
    let key = format!("{}&{}", encode(secrets[0]), encode(secrets[1]));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(base.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    pairs.push(("oauth_signature", &signature));
    let header: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}=\"{}\"", encode(key), encode(value))).collect();
    let header = format!("OAuth {}", header.join(", "));
    send(practice, ["POST", "www.zotero.org", path], &[("Authorization", &header)], "").await
}

fn field(answer: &Answer, name: &str) -> String {
    let pairs = form_urlencoded::parse(answer.text.as_bytes());
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

async fn request(practice: &Practice) -> [String; 2] {
    let answer = signed(practice, "/oauth/request", [CLIENT[1], ""], &[("oauth_callback", BACK)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(field(&answer, "oauth_callback_confirmed"), "true");
    [field(&answer, "oauth_token"), field(&answer, "oauth_token_secret")]
}

async fn decide(practice: &Practice, token: &str, visit: &Visit) -> Url {
    let wishes = [
        ("oauth_token", token),
        ("name", "Tieline"),
        ("library_access", "1"),
        ("notes_access", "1"),
        ("write_access", "0"),
        ("all_groups", "read"),
    ];
    visit.answer(&page(practice, "www.zotero.org", "/oauth/authorize", &wishes)).await.unwrap()
}

async fn access(practice: &Practice, token: &[String; 2], verifier: &str) -> Answer {
    let more = [("oauth_token", token[0].as_str()), ("oauth_verifier", verifier)];
    signed(practice, "/oauth/access", [CLIENT[1], &token[1]], &more).await
}

async fn connect(practice: &Practice, visit: &Visit) -> Answer {
    let token = request(practice).await;
    let back = decide(practice, &token[0], visit).await;
    access(practice, &token, &query(&back, "oauth_verifier")).await
}

#[tokio::test]
async fn the_whole_way() {
    let practice = practice().await;
    let token = request(&practice).await;
    let back = decide(&practice, &token[0], &Visit::default()).await;
    assert!(back.as_str().starts_with(BACK));
    assert_eq!((query(&back, "oauth_token"), query(&back, "state")), (token[0].clone(), String::new()));
    let reply = access(&practice, &token, &query(&back, "oauth_verifier")).await;
    let key = field(&reply, "oauth_token_secret");
    assert_eq!((key.len(), field(&reply, "oauth_token")), (24, key.clone()));

    let who = bearer(&practice, KEY, &key).await;
    assert_eq!(who.says("/displayName"), (200, "Maya Lind".into()));
    assert_eq!(who.json()["userID"].to_string(), field(&reply, "userID"));
    let granted = json!({
        "user": { "library": true, "files": true, "notes": true },
        "groups": { "all": { "library": true, "write": false } },
    });
    assert_eq!(who.json()["access"], granted);
    let own_header = [("Zotero-API-Key", key.as_str()), ("Zotero-API-Version", "3")];
    assert_eq!(send(&practice, KEY, &own_header, "").await.status, 200);

    let ended = bearer(&practice, ["DELETE", KEY[1], KEY[2]], &key).await;
    assert_eq!(ended.status, 204);
    let dead = bearer(&practice, KEY, &key).await;
    assert_eq!((dead.status, dead.text.as_str()), (403, "Invalid key"));
}

#[tokio::test]
async fn signatures_nonces_and_times_are_really_checked() {
    let practice = practice().await;
    let ask = [("oauth_callback", BACK)];
    let guess = signed(&practice, "/oauth/request", ["guess", ""], &ask).await;
    assert_eq!((guess.status, field(&guess, "oauth_problem")), (401, "signature_invalid".into()));

    let path = "/oauth/request";
    let secrets = [CLIENT[1], ""];
    let late = signed_at(&practice, path, secrets, &ask, now() - 86_400, "late").await;
    assert_eq!(field(&late, "oauth_problem"), "timestamp_refused");
    let stamp = now();
    assert_eq!(signed_at(&practice, path, secrets, &ask, stamp, "twice").await.status, 200);
    let replay = signed_at(&practice, path, secrets, &ask, stamp, "twice").await;
    assert_eq!((replay.status, field(&replay, "oauth_problem")), (401, "nonce_used".into()));

    let bad = [("oauth_callback", "https://evil.example/integrations/slack")];
    let bad = signed(&practice, path, secrets, &bad).await;
    assert_eq!(field(&bad, "oauth_parameters_rejected"), "oauth_callback");
}

#[tokio::test]
async fn a_request_token_is_for_one_use_and_for_its_own_verifier() {
    let practice = practice().await;
    let (one, two) = (request(&practice).await, request(&practice).await);
    let back = decide(&practice, &one[0], &Visit::default()).await;
    let verifier = query(&back, "oauth_verifier");
    let crossed = access(&practice, &two, &verifier).await;
    assert_eq!((crossed.status, field(&crossed, "oauth_problem")), (401, "verifier_invalid".into()));
    let wrong = [one[0].clone(), two[1].clone()];
    assert_eq!(field(&access(&practice, &wrong, &verifier).await, "oauth_problem"), "signature_invalid");
    assert_eq!(access(&practice, &one, &verifier).await.status, 200);
    assert_eq!(field(&access(&practice, &one, &verifier).await, "oauth_problem"), "token_rejected");
}

#[tokio::test]
async fn what_is_unticked_is_missing_altogether() {
    let practice = practice().await;
    let untick = ["groups:read", "notes"].map(str::to_owned).to_vec();
    let reply = connect(&practice, &Visit { untick, ..Visit::default() }).await;
    let who = bearer(&practice, KEY, &field(&reply, "oauth_token")).await;
    assert_eq!(who.json()["access"], json!({ "user": { "library": true, "files": true } }));
}

#[tokio::test]
async fn errors_are_worded_as_documented() {
    let practice = practice().await;
    let token = request(&practice).await;
    let no = decide(&practice, &token[0], &Visit { cancel: true, ..Visit::default() }).await;
    assert_eq!((query(&no, "oauth_token"), query(&no, "oauth_verifier")), (token[0].clone(), String::new()));

    practice.set_fault("ZOTERO", Fault::CodeExpired, Some(1)).await;
    let late = connect(&practice, &Visit::default()).await;
    assert_eq!((late.status, field(&late, "oauth_problem")), (401, "token_expired".into()));
    let key = field(&connect(&practice, &Visit::default()).await, "oauth_token");
    practice.set_fault("ZOTERO", Fault::RateLimited, Some(1)).await;
    let limited = bearer(&practice, KEY, &key).await;
    assert!(limited.status == 429 && limited.head.contains("retry-after"));
    practice.set_fault("ZOTERO", Fault::Revoked, Some(1)).await;
    assert_eq!(bearer(&practice, KEY, &key).await.text, "Invalid key");
}

#[tokio::test]
async fn a_library_tells_what_changed_and_where_files_lie() {
    let practice = practice().await;
    let reply = connect(&practice, &Visit::default()).await;
    let (key, user) = (field(&reply, "oauth_token"), field(&reply, "userID"));
    let get =
        async |path: &str| bearer(&practice, ["GET", KEY[1], &format!("/users/{user}{path}")], &key).await;
    let version = |answer: &Answer| {
        let (_, rest) = answer.head.split_once("last-modified-version: ").unwrap();
        rest.lines().next().unwrap().parse::<u64>().unwrap()
    };
    let first = get("/items").await;
    assert_eq!(first.json().as_array().unwrap().len(), 25, "unless another number is asked");
    assert!(first.head.contains("rel=\"next\"") && first.head.contains("start=25"));
    assert_eq!(get("/items?limit=500").await.json().as_array().unwrap().len(), 100);
    assert!(get("/groups").await.head.contains("backoff: 1"));
    assert_eq!(get("/deleted").await.status, 400, "since has to be said");

    let seen = practice.contents("ZOTERO").await;
    let own = |kind: &str| seen.iter().find(|it| it.kind == kind && !it.id.contains('/')).unwrap();
    let (note, reference) = (own("note"), own("reference"));
    let since = version(&first);
    practice.change("ZOTERO", json!({ "do": "unpublish", "thing": note.thing, "state": "trashed" })).await;
    practice.change("ZOTERO", json!({ "do": "rename", "thing": reference.thing, "name": "Renamed" })).await;
    let changed = get(&format!("/items?since={since}&includeTrashed=1")).await;
    assert_eq!(version(&changed), since + 2);
    let changed = changed.json();
    let of =
        |key: &str| changed.as_array().unwrap().iter().find(|it| it["key"] == key).unwrap()["data"].clone();
    assert_eq!((&of(&note.id)["deleted"], &of(&reference.id)["title"]), (&json!(1), &json!("Renamed")));
    practice.change("ZOTERO", json!({ "do": "delete", "thing": note.thing })).await;
    assert_eq!(get(&format!("/deleted?since={since}")).await.json()["items"], json!([note.id]));

    let file =
        seen.iter().find(|it| it.kind == "attachment" && it.format == "txt" && !it.id.contains('/')).unwrap();
    let there = get(&format!("/items/{}/file", file.id)).await;
    assert_eq!(there.status, 302);
    let (_, rest) = there.head.split_once("location: ").unwrap();
    let address: Url = rest.lines().next().unwrap().parse().unwrap();
    // Header names and values came in lower case.
    let query = address.query().unwrap().replace("x-amz-", "X-Amz-").replace("-signature", "-Signature");
    let path = format!("{}?{query}", address.path());
    let to = ["GET", address.host_str().unwrap(), &path];
    assert!(send(&practice, to, &[], "").await.text.contains(&file.token));
    assert_eq!(bearer(&practice, to, &key).await.status, 400, "no second permission beside the signature");
    practice.set_clock_ahead(61).await;
    assert_eq!(send(&practice, to, &[], "").await.status, 403);
}
