//! What is told to an organization's addresses: signed, in order, tried again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use tieline_engine::program::{DataSource, Record};
use tieline_engine::{Error, Secret};
use tokio::sync::mpsc;
use url::Url;

use super::super::{links, objects};
use super::{KIND, entry};
use crate::Door;

/// Pauses before the second, third and fourth try.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(25)];
/// What waits for a slow address; more is lost.
const QUEUE: usize = 1000;

/// What an event is about.
#[derive(Debug, Clone)]
pub(crate) enum About {
    DataSource(i64),
    File(i64),
    Files(Vec<i64>),
    Customer(i64),
    Organization(i64),
}

/// Letters on their way, and what was said already.
#[derive(Default)]
pub(crate) struct Post {
    /// One line for each address, so that things arrive in the order in which they happened.
    lines: Mutex<HashMap<(i64, String), mpsc::Sender<Letter>>>,
    /// Data sources whose end was told.
    revoked: Mutex<HashSet<i64>>,
}

struct Letter {
    inner: Value,
    what: String,
}

/// Tells an organization's addresses that something happened to one of its customers. Returns at once.
pub(crate) fn tell(
    door: &Arc<Door>,
    organization: i64,
    customer: &str,
    what: &str,
    about: &About,
    more: Option<&Map<String, Value>>,
) {
    let programs = door.app.programs();
    // An address is its organization's: it is told as long as one of its keys is good, whichever brought it.
    let records = programs
        .is_served(organization)
        .and_then(|served| if served { programs.records(organization, KIND) } else { Ok(Vec::new()) });
    let records = match records {
        Ok(records) => records,
        Err(error) => {
            tracing::warn!(%error, "webhooks cannot be read");
            return;
        }
    };
    if records.is_empty() {
        return;
    }
    let inner = inner(programs.now(), customer, what, about, more);
    for record in records {
        let letter = Letter { inner: inner.clone(), what: what.to_owned() };
        if line(door, organization, record.id).try_send(letter).is_err() {
            tracing::warn!(what, "too much waits for a webhook; this is not told");
        }
    }
}

/// Both published shapes of an event in one.
fn inner(now: i64, customer: &str, what: &str, about: &About, more: Option<&Map<String, Value>>) -> Value {
    let (kind, id) = match about {
        About::DataSource(number) => ("DATA_SOURCE", json!(number.to_string())),
        About::File(number) => ("FILE", json!(number.to_string())),
        About::Files(numbers) => {
            ("FILE_LIST", json!(numbers.iter().map(|it| it.to_string()).collect::<Vec<_>>()))
        }
        About::Customer(number) => ("ORGANIZATION_USER", json!(number.to_string())),
        About::Organization(number) => ("ORGANIZATION", json!(number.to_string())),
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let more = match more {
        Some(more) => json!(more.iter().map(|(key, it)| (key.clone(), text(it))).collect::<HashMap<_, _>>()),
        None => json!("null"),
    };
    let object = json!({ "object_type": kind, "object_id": id, "additional_information": more });
    json!({
        "webhook_type": what, "customer_id": customer, "timestamp": now.to_string(), "obj": object, "object": object,
    })
}

/// Tells what happened to a data source: ADD, UPDATE, CANCEL, REVOKE, DATA_SOURCE_READY.
pub(crate) fn tell_of(door: &Arc<Door>, source: &DataSource, what: &str) {
    let mut revoked = door.carbon.post.revoked.lock().unwrap_or_else(PoisonError::into_inner);
    match what {
        "REVOKE" if !revoked.insert(source.number) => return,
        "ADD" => drop(revoked.remove(&source.number)),
        _ => {}
    }
    drop(revoked);
    let provider = objects::published(door, &source.provider);
    let mut more = Map::new();
    more.insert("data_source_type".into(), source.provider.clone().into());
    more.insert("data_source_external_id".into(), objects::external_id(source, provider.as_ref()).into());
    if let Some(request) = &source.options.request_id {
        more.insert("request_id".into(), request.clone().into());
    }
    let about = About::DataSource(source.number);
    tell(door, source.owner.organization, &source.owner.customer, what, &about, Some(&more));
}

fn line(door: &Arc<Door>, organization: i64, id: String) -> mpsc::Sender<Letter> {
    let mut lines = door.carbon.post.lines.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (organization, id);
    if let Some(line) = lines.get(&key).filter(|line| !line.is_closed()) {
        return line.clone();
    }
    let (line, mut letters) = mpsc::channel(QUEUE);
    let (weak, (organization, id)) = (Arc::downgrade(door), key.clone());
    tokio::spawn(async move {
        while let Some(letter) = letters.recv().await {
            if let Err(error) = deliver(&weak, organization, &id, &letter).await {
                tracing::warn!(%error, what = letter.what, "a webhook");
            }
        }
    });
    lines.insert(key, line.clone());
    line
}

/// Tries until an address takes a letter, four times at most; then the address is flagged, until it takes one.
async fn deliver(door: &Weak<Door>, organization: i64, id: &str, letter: &Letter) -> Result<(), Error> {
    let mut reason = String::new();
    for try_number in 0..=PAUSES.len() {
        // Neither a server that was closed nor an address that was deleted is kept waiting for.
        let Some(programs) = door.upgrade().map(|door| door.app.programs()) else { return Ok(()) };
        if !programs.is_served(organization)? {
            return Ok(());
        }
        let Some(record) = programs.record(organization, KIND, id)? else { return Ok(()) };
        let Some(key) = programs.secret(organization, &entry(id)).await? else { return Ok(()) };
        let url = record.body["url"].as_str().and_then(|url| Url::parse(url).ok());
        let Some(url) = url else { return Ok(()) };
        let body = json!({ "payload": letter.inner.to_string() }).to_string();
        let headers = signatures(&key, programs.now(), &body);
        match programs.post(&url, &headers, body.into_bytes()).await {
            Ok(status) if (200..300).contains(&status) => {
                return flag(&programs, &record, "ACTIVE", None);
            }
            Ok(status) => reason = format!("It answered with status {status}."),
            Err(error) => reason = error.message,
        }
        if let Some(pause) = PAUSES.get(try_number) {
            tokio::time::sleep(*pause).await;
        }
    }
    let Some(programs) = door.upgrade().map(|door| door.app.programs()) else { return Ok(()) };
    match programs.record(organization, KIND, id)? {
        Some(record) => flag(&programs, &record, "FLAGGED", Some(&reason)),
        None => Ok(()),
    }
}

fn flag(
    programs: &tieline_engine::Programs,
    record: &Record,
    status: &str,
    reason: Option<&str>,
) -> Result<(), Error> {
    if record.body["status"] == status {
        return Ok(());
    }
    let mut body = record.body.clone();
    body["status"] = status.into();
    body["status_reason"] = reason.into();
    programs.save_record(record.organization, KIND, &record.id, &body)?;
    Ok(())
}

/// HMAC-SHA256 of `{t}.{body}` with the signing key's bytes. The body is sent without spaces, so that both signatures,
/// of the body as sent and of the JSON without spaces, are over the same text.
fn signatures(key: &Secret, now: i64, body: &str) -> [(&'static str, String); 3] {
    let hash = signature(key.expose(), now, body);
    [
        ("Content-Type", "application/json".to_owned()),
        ("Carbon-Signature", format!("t={now},v1={hash}")),
        ("Carbon-Signature-Compact", format!("t={now},v2={hash}")),
    ]
}

fn signature(key: &str, now: i64, body: &str) -> String {
    let pairs = key.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        u8::from_str_radix(std::str::from_utf8(pair).unwrap_or_default(), 16).unwrap_or_default()
    };
    let key: Vec<u8> = pairs.map(byte).collect();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{now}.{body}").as_bytes());
    links::hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_over_time_and_body_with_the_key_s_bytes() {
        // "Jefe", in hexadecimal digits.
        let key = Secret::new("4a656665");
        let [_, sent, compact] = signatures(&key, 17, r#"{"payload":"{}"}"#);
        let (name, value) = sent;
        assert_eq!((name, &value[..8]), ("Carbon-Signature", "t=17,v1="));
        assert_eq!(value.len(), 8 + 64);
        assert_eq!(compact.1[8..], value[8..]);
        assert_ne!(signature("4a656665", 18, r#"{"payload":"{}"}"#), value[8..]);
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(br#"17.{"payload":"{}"}"#);
        assert_eq!(links::hex(&mac.finalize().into_bytes()), value[8..]);
    }

    #[test]
    fn an_event_has_both_published_shapes() {
        let more = json!({ "a": 1, "b": "x" });
        let it = inner(17, "maya", "ADD", &About::DataSource(7), more.as_object());
        assert_eq!(it["obj"], it["object"]);
        assert_eq!(it["obj"]["object_id"], "7");
        assert_eq!(it["obj"]["additional_information"], json!({ "a": "1", "b": "x" }));
        assert_eq!((&it["timestamp"], &it["customer_id"]), (&json!("17"), &json!("maya")));
        assert_eq!(inner(1, "m", "X", &About::File(1), None)["obj"]["additional_information"], "null");
    }
}
