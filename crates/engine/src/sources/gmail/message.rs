//! A mail as Gmail tells of it, and the item that it becomes.

use serde::Deserialize;

use crate::item::{Item, Kind};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    id: String,
    thread_id: Option<String>,
    #[serde(default)]
    label_ids: Vec<String>,
    /// Milliseconds since 1970, as text.
    internal_date: Option<String>,
    size_estimate: Option<u64>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

/// Labels of mails that are not listed.
const HIDDEN: [&str; 4] = ["DRAFT", "TRASH", "SPAM", "CHAT"];

/// Whether a label decides if a mail is listed, or where.
pub fn is_place(label: &str) -> bool {
    matches!(label, "INBOX" | "SENT") || HIDDEN.contains(&label) || label.starts_with("Label_")
}

impl Message {
    /// None for a draft, spam, and what is in the bin.
    pub fn item(self, account: &str) -> Option<Item> {
        if self.label_ids.iter().any(|label| HIDDEN.contains(&label.as_str())) {
            return None;
        }
        let own = self.label_ids.iter().filter(|label| label.starts_with("Label_")).min();
        let given = |name: &str| self.label_ids.iter().find(|label| *label == name);
        let parent = own.or_else(|| given("INBOX")).or_else(|| given("SENT")).cloned();
        let headers = self.payload.map(|payload| payload.headers).unwrap_or_default();
        let subject = headers.into_iter().find(|header| header.name.eq_ignore_ascii_case("subject"));
        let subject = subject.map(|header| header.value).filter(|subject| !subject.trim().is_empty());
        let thread = self.thread_id.as_ref().unwrap_or(&self.id);
        let account: String = url::form_urlencoded::byte_serialize(account.as_bytes()).collect();
        Some(Item {
            parent,
            format: Some("eml".into()),
            size: self.size_estimate,
            modified: self.internal_date.and_then(|date| date.parse::<i64>().ok()).map(|date| date / 1000),
            url: Some(format!("https://mail.google.com/mail/?authuser={account}#all/{thread}")),
            // Another text is another mail, with another id.
            version: "1".into(),
            ..Item::content(self.id, subject.unwrap_or_else(|| "(no subject)".into()), Kind::Message)
        })
    }
}
