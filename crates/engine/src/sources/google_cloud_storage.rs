//! Objects of one bucket (`/storage/v1`).
//!
//! Objects have names and no folders; what stands before a slash is shown as one. Nothing tells of changes or
//! deletions, so every sync lists all, and a new generation means new contents.

use async_trait::async_trait;
use serde::Deserialize;

use super::rest::{DOCUMENT, segment};
use super::{Fault, Reply, Rest, Source};
use crate::clock::from_rfc3339;
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct GoogleCloudStorage;

/// The most that a page holds.
const PAGE: u32 = 1000;
const FIELDS: &str = "nextPageToken,prefixes,\
    items(name,size,contentType,updated,generation,customerEncryption(keySha256))";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Objects {
    #[serde(default)]
    items: Vec<Object>,
    #[serde(default)]
    prefixes: Vec<String>,
    next_page_token: Option<String>,
}

/// 64-bit numbers come as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    name: String,
    size: Option<String>,
    content_type: Option<String>,
    updated: Option<String>,
    generation: Option<String>,
    /// There where the customer keeps the key.
    customer_encryption: Option<serde::de::IgnoredAny>,
}

#[async_trait]
impl Source for GoogleCloudStorage {
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        // A prefix may end within a name: then the top has what begins with it.
        let prefix = parent.map_or(rest.field("prefix"), |parent| &parent.id);
        let found = objects(rest, prefix, Some("/"), cursor).await?;
        let folders = found.prefixes.iter().map(|name| folder(rest, name).into());
        let files = found.items.into_iter().filter(|object| !object.name.ends_with('/'));
        let items = folders.chain(files.map(|object| file(rest, object).into())).collect();
        Ok(Page { items, next: found.next_page_token })
    }

    /// Objects come in the order of their names, each after the folders that it opens.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let found = objects(rest, rest.field("prefix"), None, cursor).await?;
        let top = top(rest).len();
        let (mut items, mut open): (Vec<Listed>, String) = (Vec::new(), String::new());
        for object in found.items {
            for (end, _) in object.name.match_indices('/').filter(|(end, _)| *end >= top) {
                let within = &object.name[..=end];
                if !open.starts_with(within) {
                    items.push(folder(rest, within).into());
                }
            }
            let end = object.name.rfind('/').map_or(0, |end| end + 1);
            open.replace_range(.., &object.name[..end]);
            // One that ends in a slash is there only to show an empty folder.
            if end < object.name.len() {
                items.push(file(rest, object).into());
            }
        }
        let next = found.next_page_token.map_or(Next::Done(None), Next::More);
        Ok(Changes { items, removed: Vec::new(), next })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let reply = match media(rest, &item.id, Some(&item.version)).await {
            // Overwritten since it was listed.
            Err(Fault::Status(reply)) if reply.status == 404 => media(rest, &item.id, None).await,
            other => other,
        }?;
        if reply.header("content-encoding").is_some_and(|it| it != "identity") {
            return Err(Fault::Unreadable(
                "It is stored compressed, and its owner forbids to unpack it.".into(),
            ));
        }
        let media_type = reply.header("content-type").map(str::to_owned);
        Ok(Content::Document { bytes: reply.body, media_type, name: String::new() })
    }
}

async fn objects(
    rest: &Rest,
    prefix: &str,
    delimiter: Option<&str>,
    page: Option<&str>,
) -> Result<Objects, Fault> {
    let asked = rest
        .get(format!("/b/{}/o", segment(rest.field("bucket"))))
        .query("maxResults", PAGE)
        .query("fields", FIELDS)
        .maybe("prefix", Some(prefix).filter(|prefix| !prefix.is_empty()))
        .maybe("delimiter", delimiter)
        .maybe("includeFoldersAsPrefixes", delimiter.map(|_| true))
        .maybe("pageToken", page);
    match asked.value().await {
        Err(Fault::Status(reply)) if reply.status == 400 && page.is_some() => Err(Fault::Expired),
        other => other,
    }
}

/// Unpacked by Google where the object is stored with `Content-Encoding: gzip`, because no such encoding is asked for.
async fn media(rest: &Rest, name: &str, generation: Option<&str>) -> Result<Reply, Fault> {
    let path = format!("/b/{}/o/{}", segment(rest.field("bucket")), segment(name));
    rest.get(path).query("alt", "media").maybe("generation", generation).download(DOCUMENT).await
}

/// The folder that the chosen prefix ends in; what stands in it stands at the top.
fn top(rest: &Rest) -> &str {
    let prefix = rest.field("prefix");
    &prefix[..prefix.rfind('/').map_or(0, |end| end + 1)]
}

fn folder(rest: &Rest, name: &str) -> Item {
    let (parent, own) = split(rest, name);
    let root = Some(rest.field("bucket").to_owned());
    Item { parent, root, ..Item::container(name, own, Kind::Folder) }
}

fn file(rest: &Rest, object: Object) -> Item {
    let (parent, own) = split(rest, &object.name);
    let media_type = object.content_type.as_deref().unwrap_or_default();
    // Pictures, sound and films have no text.
    let has_text = !["image/", "audio/", "video/"].iter().any(|it| media_type.starts_with(it));
    let bucket = rest.field("bucket");
    let url =
        format!("https://console.cloud.google.com/storage/browser/_details/{bucket}/{}", path(&object.name));
    Item {
        parent,
        root: Some(bucket.to_owned()),
        format: format(own),
        size: object.size.as_deref().and_then(|size| size.parse().ok()),
        modified: object.updated.as_deref().and_then(from_rfc3339),
        url: Some(url),
        selectable: has_text && object.customer_encryption.is_none(),
        version: object.generation.unwrap_or_default(),
        ..Item::content(object.name.as_str(), own, Kind::File)
    }
}

/// The folder that a name stands in, and what is left of the name.
fn split<'n>(rest: &Rest, name: &'n str) -> (Option<String>, &'n str) {
    let bare = name.strip_suffix('/').unwrap_or(name);
    let start = bare.rfind('/').map_or(0, |end| end + 1);
    let own = if start < bare.len() { &bare[start..] } else { "/" };
    (Some(&name[..start]).filter(|it| it.len() > top(rest).len()).map(str::to_owned), own)
}

fn format(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    let is_ending = !stem.is_empty() && (1..=8).contains(&ending.len());
    (is_ending && ending.chars().all(|it| it.is_ascii_alphanumeric())).then(|| ending.to_ascii_lowercase())
}

fn path(name: &str) -> String {
    name.split('/').map(segment).collect::<Vec<_>>().join("/")
}
