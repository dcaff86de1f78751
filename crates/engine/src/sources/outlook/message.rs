//! One message: its head and body as text, or the whole of it as MIME where files hang on it.

use serde::Deserialize;
use serde_json::Value;

use super::{DOCUMENT, ask};
use crate::clock::from_rfc3339;
use crate::item::{Content, Item, Kind, Listed};
use crate::sources::graph::Rows;
use crate::sources::{Fault, Rest};

pub const MESSAGE: &str = "subject,from,toRecipients,ccRecipients,receivedDateTime,sentDateTime,hasAttachments,\
    parentFolderId,webLink,isDraft,body";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: String,
    subject: Option<String>,
    from: Option<Person>,
    #[serde(default)]
    to_recipients: Vec<Person>,
    #[serde(default)]
    cc_recipients: Vec<Person>,
    received_date_time: Option<String>,
    sent_date_time: Option<String>,
    has_attachments: Option<bool>,
    pub parent_folder_id: Option<String>,
    web_link: Option<String>,
    pub is_draft: Option<bool>,
    body: Option<Body>,
    #[serde(rename = "@removed")]
    removed: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    email_address: Option<Address>,
}

#[derive(Deserialize)]
struct Address {
    name: Option<String>,
    address: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Attachment {
    name: Option<String>,
}

impl Message {
    /// A delta query may tell of a change by the changed fields only.
    pub fn is_whole(&self) -> bool {
        self.removed.is_none() && self.body.is_some() && self.parent_folder_id.is_some()
    }

    /// `folder`: where it was found. None for a draft.
    pub fn listed(self, folder: Option<&str>) -> Option<Listed> {
        if self.is_draft == Some(true) {
            return None;
        }
        let text = self.text();
        let has_files = self.has_attachments == Some(true);
        let at = self.received_date_time.as_deref().or(self.sent_date_time.as_deref());
        let item = Item {
            parent: folder.map(str::to_owned).or_else(|| self.parent_folder_id.clone()),
            format: Some(if has_files { "eml" } else { "txt" }.into()),
            modified: at.and_then(from_rfc3339),
            // Its change key changes when it is read or flagged.
            version: print(&text, has_files),
            url: self.web_link,
            ..Item::content(self.id, title(self.subject), Kind::Message)
        };
        Some(Listed { item, content: (!has_files).then_some(Content::Text(text)) })
    }

    /// Head and body as a person reads them.
    fn text(&self) -> String {
        let people = |all: &[Person]| all.iter().filter_map(Person::shown).collect::<Vec<_>>().join(", ");
        let lines = [
            ("Subject", self.subject.clone().unwrap_or_default()),
            ("From", self.from.as_ref().and_then(Person::shown).unwrap_or_default()),
            ("To", people(&self.to_recipients)),
            ("Cc", people(&self.cc_recipients)),
            (
                "Date",
                self.sent_date_time.clone().or_else(|| self.received_date_time.clone()).unwrap_or_default(),
            ),
        ];
        let mut text = String::new();
        for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
            text += &format!("{name}: {value}\n");
        }
        let body = self.body.as_ref().and_then(|body| body.content.as_deref()).unwrap_or_default();
        text + "\n" + body.replace("\r\n", "\n").trim()
    }
}

impl Person {
    /// `Anna Müller <anna@example.org>`.
    fn shown(&self) -> Option<String> {
        let Address { name, address } = self.email_address.as_ref()?;
        match (name.as_deref().filter(|it| !it.is_empty()), address.as_deref()) {
            (Some(name), Some(address)) if name != address => Some(format!("{name} <{address}>")),
            (name, address) => address.or(name).map(str::to_owned),
        }
    }
}

/// `at` is the message's address.
pub async fn read(rest: &Rest, at: &str) -> Result<Content, Fault> {
    let message: Message = ask(rest, format!("{at}?$select={MESSAGE}"), "").value().await?;
    if message.is_draft == Some(true) {
        return Err(Fault::Gone);
    }
    if message.has_attachments != Some(true) {
        return Ok(Content::Text(message.text()));
    }
    match ask(rest, format!("{at}/$value"), "").download(DOCUMENT).await {
        Ok(reply) => Ok(Content::Document {
            bytes: reply.body,
            media_type: Some("message/rfc822".into()),
            name: "message.eml".into(),
        }),
        // Too large: without the files, and with their names.
        Err(Fault::Unreadable(_)) => {
            let files: Rows<Attachment> =
                ask(rest, format!("{at}/attachments?$select=name"), "").value().await?;
            let names = files.value.into_iter().filter_map(|it| it.name);
            Ok(Content::Text(names.fold(message.text(), |text, name| text + "\n\nAttachment: " + &name)))
        }
        Err(fault) => Err(fault),
    }
}

fn title(subject: Option<String>) -> String {
    subject.filter(|it| !it.trim().is_empty()).unwrap_or_else(|| "(No subject)".into())
}

/// FNV-1a: it has to differ, and to hide nothing.
fn print(text: &str, has_files: bool) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    format!("{hash:016x}{}", if has_files { "+" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(more: &str) -> Message {
        let text = format!(
            r#"{{"id":"AAk","subject":"Hello","from":{{"emailAddress":{{"name":"Anna","address":"anna@a.example"}}}},
            "toRecipients":[{{"emailAddress":{{"name":"b@b.example","address":"b@b.example"}}}}],
            "receivedDateTime":"2026-03-01T08:30:00Z","parentFolderId":"AAf","body":{{"contentType":"text",
            "content":"One\r\ntwo\r\n"}},"isDraft":false{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_message_is_its_head_and_its_body() {
        let Listed { item, content } = message("").listed(None).unwrap();
        let text = "Subject: Hello\nFrom: Anna <anna@a.example>\nTo: b@b.example\nDate: 2026-03-01T08:30:00Z\n\nOne\ntwo";
        assert_eq!(content, Some(Content::Text(text.into())));
        assert_eq!((item.parent.as_deref(), item.modified), (Some("AAf"), Some(1_772_353_800)));
        let same = message(r#","isRead":true"#).listed(None).unwrap();
        assert_eq!(same.item.version, item.version);
        let with_files = message(r#","hasAttachments":true"#).listed(None).unwrap();
        assert!(with_files.content.is_none() && with_files.item.version != item.version);
    }

    #[test]
    fn what_is_told_in_part_is_not_taken_for_the_whole() {
        let part: Message = serde_json::from_str(r#"{"id":"AAk","isRead":true}"#).unwrap();
        let gone: Message = serde_json::from_str(r#"{"id":"AAk","@removed":{"reason":"deleted"}}"#).unwrap();
        assert!(!part.is_whole() && !gone.is_whole() && message("").is_whole());
    }
}
