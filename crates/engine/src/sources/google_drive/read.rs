//! A file's contents: as they are, or exported from one of Google's own formats.

use std::time::Duration;

use serde::Deserialize;

use super::file::{Note, with_key};
use crate::error::{Code, Error};
use crate::item::{Content, Item};
use crate::sources::rest::{DOCUMENT, segment};
use crate::sources::{Fault, Reply, Rest};

/// How often is asked whether a large export is ready, after a second longer each time.
const LOOKS: u64 = 15;

/// A long-running operation; `done` is left out or null while it runs.
#[derive(Deserialize)]
struct Operation {
    name: String,
    done: Option<bool>,
    response: Option<Ready>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    download_uri: Option<String>,
}

#[derive(Deserialize)]
struct Trouble {
    error: Why,
}

#[derive(Deserialize)]
struct Why {
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    reason: Option<String>,
}

pub async fn read(rest: &Rest, item: &Item) -> Result<Content, Fault> {
    let note = Note::of(item);
    let id = note.target.as_deref().unwrap_or(&item.id);
    let key = note.key.as_deref();
    let reply = match &note.export {
        None => {
            let ask = rest.get(format!("/files/{}", segment(id)));
            let ask = ask.query("alt", "media").query("supportsAllDrives", true);
            with_key(ask, id, key).download(DOCUMENT).await
        }
        Some(to) => {
            let ask = rest.get(format!("/files/{}/export", segment(id))).query("mimeType", to);
            match with_key(ask, id, key).download(DOCUMENT).await {
                Err(Fault::Status(reply)) if reason(&reply) == "exportSizeLimitExceeded" => {
                    large(rest, id, key, to).await
                }
                other => other,
            }
        }
    };
    let reply = reply.map_err(in_words)?;
    let told = reply.header("content-type").map(str::to_owned);
    Ok(Content::Document { bytes: reply.body, media_type: note.export.or(told), name: String::new() })
}

/// An export above 10 MB, which Google makes ready in the background.
async fn large(rest: &Rest, id: &str, key: Option<&str>, to: &str) -> Result<Reply, Fault> {
    let ask = rest.post(format!("/files/{}/download", segment(id))).query("mimeType", to);
    let mut operation: Operation = with_key(ask, id, key).value().await?;
    for look in 1..=LOOKS {
        if operation.done == Some(true) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(look)).await;
        operation = rest.get(format!("/operations/{}", segment(&operation.name))).value().await?;
    }
    match operation.response.and_then(|ready| ready.download_uri) {
        Some(address) => with_key(rest.get(address), id, key).download(DOCUMENT).await,
        None if operation.done == Some(true) => {
            Err(Fault::Unreadable("Google Drive could not turn this large document into a file.".into()))
        }
        None => Err(later("Google Drive takes very long to turn this document into a file.")),
    }
}

fn reason(reply: &Reply) -> String {
    let trouble = reply.json::<Trouble>().ok();
    trouble.and_then(|it| it.error.errors.into_iter().next()?.reason).unwrap_or_default()
}

fn in_words(fault: Fault) -> Fault {
    let Fault::Status(reply) = fault else { return fault };
    match reason(&reply).as_str() {
        "cannotDownloadAbusiveFile" => Fault::Unreadable(
            "Google Drive takes this file for malware or spam and gives it to its owner only.".into(),
        ),
        "cannotDownloadFile" | "cannotExportFile" | "fileNotDownloadable" | "fileNotExportable" => {
            Fault::Unreadable("Its owner does not let it be downloaded.".into())
        }
        "downloadQuotaExceeded" => later("Google Drive pauses the downloads of this file for some hours."),
        _ => Fault::Status(reply),
    }
}

fn later(words: &str) -> Fault {
    Fault::Failed(Error::new(Code::Temporary, words, "Tieline tries again at the next sync."))
}
