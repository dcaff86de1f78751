//! Gong: the company's calls with their transcripts, by workspace (`/v2/calls/extensive`, `/v2/calls/transcript`).
//!
//! Calls are found by when they began, never by when they changed, so a sync lists all of them; a company with very many
//! is listed whole once a week and by its last weeks in between, because its integrations share ten thousand requests a
//! day. A transcript comes some time after its call: a recent call is read anew once a day. Gong demands that private
//! calls are left out, and has no filter for it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Fault, Rest, Source};
use crate::clock::{Seconds, day, from_rfc3339, rfc3339};
use crate::error::Error;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Gong;

const DAY: Seconds = 86_400;
/// Transcripts come and are corrected for so long after a call.
const WINDOW: Seconds = 14 * DAY;
/// A company with more calls is not listed whole every time.
const MANY: u64 = 5000;
const WHOLE_EVERY: Seconds = 7 * DAY;
/// The end of a span does not belong to it, and clocks differ.
const MARGIN: Seconds = 60;
/// No call is older.
const FIRST: &str = "2015-01-01T00:00:00Z";

#[derive(Deserialize)]
struct Workspaces {
    #[serde(default)]
    workspaces: Vec<Workspace>,
}

#[derive(Deserialize)]
struct Workspace {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Calls {
    #[serde(default)]
    calls: Vec<Call>,
    #[serde(default)]
    records: Records,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    cursor: Option<String>,
    total_records: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    meta_data: About,
    #[serde(default)]
    parties: Vec<Party>,
    content: Option<Summary>,
}

/// Ids have up to twenty digits, more than a number here holds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    title: Option<String>,
    url: Option<String>,
    started: Option<String>,
    #[serde(default, deserialize_with = "maybe_text_or_number")]
    workspace_id: Option<String>,
    is_private: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Party {
    #[serde(default, deserialize_with = "maybe_text_or_number")]
    speaker_id: Option<String>,
    name: Option<String>,
    email_address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    brief: Option<String>,
    #[serde(default)]
    key_points: Vec<KeyPoint>,
}

#[derive(Deserialize)]
struct KeyPoint {
    text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transcripts {
    #[serde(default)]
    call_transcripts: Vec<Transcript>,
}

#[derive(Deserialize)]
struct Transcript {
    #[serde(default)]
    transcript: Vec<Monologue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Monologue {
    #[serde(default, deserialize_with = "maybe_text_or_number")]
    speaker_id: Option<String>,
    topic: Option<String>,
    #[serde(default)]
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    text: String,
}

/// What the list tells of a call and its transcript does not.
#[derive(Default, Serialize, Deserialize)]
struct Note {
    speakers: BTreeMap<String, String>,
    summary: String,
}

/// Where a listing stands, and where the next begins.
#[derive(Clone, Serialize, Deserialize)]
struct Place {
    /// When the listing of everything was begun last.
    whole: Seconds,
    from: String,
    to: String,
    cursor: Option<String>,
}

#[async_trait]
impl Source for Gong {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let Some(parent) = parent else { return Ok(Page { items: workspaces(rest).await?, next: None }) };
        let Some(workspace) = parent.id.strip_prefix("workspace/") else { return Ok(Page::default()) };
        let (to, cursor) = match cursor.and_then(|cursor| cursor.split_once(' ')) {
            Some((to, cursor)) => (to.to_owned(), Some(cursor.to_owned())),
            None => (rfc3339(rest.clock().now() + MARGIN), None),
        };
        let filter = json!({ "fromDateTime": FIRST, "toDateTime": to, "workspaceId": workspace });
        let found = calls(rest, filter, cursor).await?;
        let next = found.records.cursor.clone().map(|cursor| format!("{to} {cursor}"));
        Ok(Page { items: shown(rest, found), next })
    }

    /// Workspaces, then calls.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let now = rest.clock().now();
        let mut place = match cursor {
            None => {
                let place = Place { whole: now, from: FIRST.into(), to: rfc3339(now + MARGIN), cursor: None };
                let next = Next::More(text(&place)?);
                return Ok(Changes { items: workspaces(rest).await?, removed: Vec::new(), next });
            }
            Some(cursor) => serde_json::from_str::<Place>(cursor).map_err(|_| Fault::Expired)?,
        };
        if place.from != FIRST && place.cursor.is_none() {
            if now - place.whole > WHOLE_EVERY {
                return Err(Fault::Expired);
            }
            place.to = rfc3339(now + MARGIN);
        }
        let filter = json!({ "fromDateTime": place.from, "toDateTime": place.to });
        let mut found = calls(rest, filter, place.cursor.take()).await?;
        let many = found.records.total_records.is_some_and(|total| total > MANY);
        place.cursor = found.records.cursor.take();
        let next = if place.cursor.is_some() {
            Next::More(text(&place)?)
        } else if many || place.from != FIRST {
            let from = rfc3339(from_rfc3339(&place.to).unwrap_or(now) - WINDOW);
            Next::Done(Some(text(&Place { from, ..place })?))
        } else {
            Next::Done(None)
        };
        Ok(Changes { items: shown(rest, found), removed: Vec::new(), next })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let note: Note =
            item.note.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        let asked = rest.post("/v2/calls/transcript").json(&json!({ "filter": { "callIds": [item.id] } }));
        let found: Transcripts = match asked.value().await {
            Err(Fault::Status(reply)) if reply.status == 404 => Transcripts::default(),
            other => other?,
        };
        let spoken = found.call_transcripts.iter().flat_map(|it| &it.transcript);
        let mut parts = Vec::from_iter(Some(note.summary.clone()).filter(|summary| !summary.is_empty()));
        let mut topic = None;
        for monologue in spoken {
            if monologue.topic != topic {
                parts.extend(monologue.topic.clone());
                topic = monologue.topic.clone();
            }
            parts.push(words(monologue, &note.speakers));
        }
        if parts.is_empty() {
            return Err(Fault::Unreadable("Gong has no transcript of this call, at least not yet.".into()));
        }
        Ok(Content::Text(parts.join("\n\n")))
    }
}

async fn workspaces(rest: &Rest) -> Result<Vec<Listed>, Fault> {
    let found: Workspaces = match rest.get("/v2/workspaces").value().await {
        // Without the permission to list them their calls stand at the top.
        Err(Fault::Status(reply)) if reply.status == 403 => return Ok(Vec::new()),
        other => other?,
    };
    let container = |it: Workspace| {
        let name = it.name.unwrap_or_else(|| it.id.clone());
        Item::container(format!("workspace/{}", it.id), name, Kind::Workspace).into()
    };
    Ok(found.workspaces.into_iter().map(container).collect())
}

/// About a hundred calls, oldest first. Status 404 is Gong's empty list.
async fn calls(rest: &Rest, filter: Value, cursor: Option<String>) -> Result<Calls, Fault> {
    let mut body = json!({
        "filter": filter,
        "contentSelector": { "exposedFields": { "parties": true, "content": { "brief": true, "keyPoints": true } } },
    });
    // With a cursor the request has to be the same again.
    if let Some(cursor) = cursor {
        body["cursor"] = json!(cursor);
    }
    match rest.post("/v2/calls/extensive").json(&body).value().await {
        Err(Fault::Status(reply)) if reply.status == 404 => Ok(Calls::default()),
        other => other,
    }
}

fn shown(rest: &Rest, found: Calls) -> Vec<Listed> {
    let now = rest.clock().now();
    let calls = found.calls.into_iter().filter(|call| call.meta_data.is_private != Some(true));
    calls.map(|call| listed(call, now).into()).collect()
}

fn listed(call: Call, now: Seconds) -> Item {
    let Call { meta_data: about, parties, content } = call;
    let started = about.started.as_deref().and_then(from_rfc3339);
    let title = about.title.filter(|title| !title.trim().is_empty());
    let title = title.unwrap_or_else(|| started.map_or("Call".into(), |at| format!("Call of {}", day(at))));
    let speakers = parties.into_iter().filter_map(|it| Some((it.speaker_id?, it.name.or(it.email_address)?)));
    let note = Note { speakers: speakers.collect(), summary: content.map(summary).unwrap_or_default() };
    let note = serde_json::to_string(&note).unwrap_or_default();
    // Gong does not tell when a transcript comes or is corrected; its summary is made of it.
    let mut version = format!("{:016x}", hash(&note));
    if started.is_some_and(|at| now - at < WINDOW) {
        version += &format!("/{}", now / DAY);
    }
    Item {
        parent: about.workspace_id.map(|id| format!("workspace/{id}")),
        format: Some("txt".into()),
        modified: started,
        url: about.url,
        version,
        note: Some(note),
        ..Item::content(about.id, title, Kind::Call)
    }
}

fn summary(it: Summary) -> String {
    let points = it.key_points.into_iter().filter_map(|point| point.text).map(|text| format!("- {text}"));
    it.brief.into_iter().filter(|brief| !brief.is_empty()).chain(points).collect::<Vec<_>>().join("\n")
}

/// `Maya Lind: Hello. How are you?`
fn words(monologue: &Monologue, speakers: &BTreeMap<String, String>) -> String {
    let name = monologue.speaker_id.as_ref().and_then(|id| speakers.get(id));
    let sentences: Vec<_> = monologue.sentences.iter().map(|it| it.text.as_str()).collect();
    format!("{}: {}", name.map_or("Somebody", String::as_str), sentences.join(" "))
}

fn text(place: &Place) -> Result<String, Fault> {
    serde_json::to_string(place).map_err(|error| Fault::Failed(Error::internal(error)))
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("neither a text nor a number")),
    }
}

fn maybe_text_or_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(json: Value) -> Call {
        serde_json::from_value(json).expect("a call")
    }

    #[test]
    fn a_call_is_listed_with_who_spoke_and_what_about() {
        let of = |brief: &str| {
            call(json!({
                "metaData": {
                    "id": "12345678901234567890", "title": " ", "started": "2026-03-01T10:00:00+02:00",
                    "workspaceId": "623457276584334", "isPrivate": false,
                },
                "parties": [
                    { "speakerId": "1", "name": "Maya Lind" },
                    { "speakerId": 2, "emailAddress": "jo@x.example" },
                    { "speakerId": null, "name": "Nobody" },
                ],
                "content": { "brief": brief, "keyPoints": [{ "text": "Prices" }] },
            }))
        };
        let item = listed(of("On prices."), 1_800_000_000);
        assert_eq!(item.id, "12345678901234567890");
        assert_eq!(
            (item.name.as_str(), item.parent.as_deref()),
            ("Call of 1 Mar 2026", Some("workspace/623457276584334"))
        );
        assert_eq!(item.version, listed(of("On prices."), 1_900_000_000).version);
        assert_ne!(item.version, listed(of("On other things."), 1_800_000_000).version);
        let note: Note = serde_json::from_str(item.note.as_deref().expect("a note")).expect("it is JSON");
        assert_eq!(note.summary, "On prices.\n- Prices");
        let spoken = |speaker: &str| Monologue {
            speaker_id: Some(speaker.into()),
            topic: None,
            sentences: vec![Sentence { text: "Hello.".into() }, Sentence { text: "Bye.".into() }],
        };
        assert_eq!(words(&spoken("2"), &note.speakers), "jo@x.example: Hello. Bye.");
        assert_eq!(words(&spoken("3"), &note.speakers), "Somebody: Hello. Bye.");
    }

    #[test]
    fn a_recent_call_is_read_again_daily() {
        let version = |now| {
            let about = json!({ "metaData": { "id": "1", "started": "2026-03-01T10:00:00Z" } });
            listed(call(about), now).version
        };
        let start = from_rfc3339("2026-03-01T10:00:00Z").expect("a time");
        assert_eq!(version(start + 60), version(start + 120));
        assert_ne!(version(start), version(start + DAY));
        assert_eq!(version(start + WINDOW), version(start + 2 * WINDOW));
    }
}
