//! What Drive is asked, and how it answers.

use serde::Deserialize;

use super::OWN;
use super::file::{FILE, File, with_key};
use crate::error::{Code, Error};
use crate::sources::rest::segment;
use crate::sources::{Fault, Rest};

/// The most that a page holds of files, changes and shared drives.
const PAGE: u32 = 1000;
const DRIVES: u32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    #[serde(default)]
    pub files: Vec<File>,
    pub next_page_token: Option<String>,
    incomplete_search: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drives {
    #[serde(default)]
    pub drives: Vec<Drive>,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
pub struct Drive {
    pub id: String,
    pub name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    #[serde(default)]
    pub changes: Vec<Change>,
    pub next_page_token: Option<String>,
    pub new_start_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    #[serde(default)]
    pub removed: bool,
    pub file_id: Option<String>,
    pub file: Option<File>,
    pub drive_id: Option<String>,
    pub drive: Option<Drive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    start_page_token: String,
}

pub async fn start(rest: &Rest, drive: &str) -> Result<String, Fault> {
    let ask = rest.get("/changes/startPageToken").query("supportsAllDrives", true);
    let start: Start = ask.maybe("driveId", Some(drive).filter(|it| *it != OWN)).value().await?;
    Ok(start.start_page_token)
}

pub async fn drives(rest: &Rest, page: Option<&str>) -> Result<Drives, Fault> {
    let ask = rest.get("/drives").query("pageSize", DRIVES).query("fields", "nextPageToken,drives(id,name)");
    expiring(ask.maybe("pageToken", page).value().await, page)
}

pub async fn files(rest: &Rest, query: &str, drive: &str, page: Option<&str>) -> Result<Files, Fault> {
    let drive = Some(drive).filter(|drive| *drive != OWN);
    let ask = rest
        .get("/files")
        .query("pageSize", PAGE)
        .query("supportsAllDrives", true)
        .query("includeItemsFromAllDrives", true)
        .query("fields", format!("nextPageToken,incompleteSearch,files({FILE})"))
        .query("q", query)
        .maybe("corpora", drive.map(|_| "drive"))
        .maybe("driveId", drive)
        .maybe("pageToken", page);
    let found: Files = expiring(ask.value().await, page)?;
    if found.incomplete_search == Some(true) {
        // What is missing would be taken to be gone.
        let words = "Google Drive answered with a part of its files only.";
        return Err(Fault::Failed(Error::new(
            Code::Temporary,
            words,
            "Tieline tries again at the next sync.",
        )));
    }
    Ok(found)
}

/// A page of a list is good for some hours.
fn expiring<T>(found: Result<T, Fault>, page: Option<&str>) -> Result<T, Fault> {
    match found {
        Err(Fault::Status(reply)) if reply.status == 400 && page.is_some() => Err(Fault::Expired),
        other => other,
    }
}

pub async fn log(rest: &Rest, drive: &str, page: &str) -> Result<Log, Fault> {
    let fields = format!(
        "nextPageToken,newStartPageToken,changes(removed,fileId,driveId,drive(id,name),file(trashed,{FILE}))"
    );
    rest.get("/changes")
        .query("pageToken", page)
        .query("pageSize", PAGE)
        .query("includeRemoved", true)
        // Left the list and still to be seen is not gone.
        .query("includeCorpusRemovals", true)
        .query("supportsAllDrives", true)
        .query("includeItemsFromAllDrives", true)
        .query("fields", fields)
        .maybe("driveId", Some(drive).filter(|drive| *drive != OWN))
        .value()
        .await
}

pub async fn one(rest: &Rest, id: &str, key: Option<&str>) -> Result<File, Fault> {
    let fields = format!("trashed,{FILE}");
    let ask = rest.get(format!("/files/{}", segment(id))).query("fields", fields);
    with_key(ask.query("supportsAllDrives", true), id, key).value().await
}

pub fn parents<T: AsRef<str>>(folders: &[T]) -> String {
    let conditions: Vec<_> =
        folders.iter().map(|folder| format!("'{}' in parents", escaped(folder.as_ref()))).collect();
    format!("({}) and trashed = false", conditions.join(" or "))
}

/// As text stands between the quotes of a query.
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
