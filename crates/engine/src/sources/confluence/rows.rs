//! The rows of the lists, and the items that they are.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::clock::{Seconds, from_rfc3339};
use crate::item::{Item, Kind, Listed, ending, is_without_text};
use crate::sources::Rest;

/// A page of a list.
#[derive(Deserialize)]
pub struct Rows<T> {
    pub results: Vec<T>,
    #[serde(rename = "_links", default)]
    pub links: Links,
}

#[derive(Default, Deserialize)]
pub struct Links {
    pub next: Option<String>,
    /// `https://acme.atlassian.net/wiki`, which `webui` is appended to.
    pub base: Option<String>,
    pub webui: Option<String>,
}

#[derive(Deserialize)]
pub struct Space {
    pub id: String,
    pub name: Option<String>,
    pub status: Option<String>,
    #[serde(rename = "_links", default)]
    pub links: Links,
}

/// A page or a blog post.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    pub id: String,
    pub status: Option<String>,
    pub title: Option<String>,
    pub space_id: Option<String>,
    pub parent_id: Option<String>,
    pub parent_type: Option<String>,
    pub version: Option<Version>,
    pub body: Option<Body>,
    #[serde(rename = "_links", default)]
    pub links: Links,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    pub number: Option<u64>,
    pub created_at: Option<String>,
}

#[derive(Deserialize)]
pub struct Body {
    pub view: Option<View>,
}

#[derive(Deserialize)]
pub struct View {
    pub value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Folder {
    pub id: String,
    pub title: Option<String>,
    pub space_id: Option<String>,
    pub parent_id: Option<String>,
    pub parent_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub id: String,
    pub status: Option<String>,
    pub title: Option<String>,
    pub page_id: Option<String>,
    pub blog_post_id: Option<String>,
    pub media_type: Option<String>,
    pub file_size: Option<u64>,
    pub version: Option<Version>,
    #[serde(rename = "_links", default)]
    pub links: Links,
}

#[derive(Deserialize)]
pub struct Child {
    pub id: String,
    pub title: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

pub fn is_current(status: Option<&str>) -> bool {
    status.is_none_or(|status| status == "current")
}

pub fn space(rest: &Rest, base: &str, space: Space) -> Listed {
    let url = address(rest, base, &space.links);
    let name = space.name.unwrap_or_default();
    Item { url, ..Item::container(format!("space/{}", space.id), name, Kind::Space) }.into()
}

pub fn folder(folder: &Folder, known: &BTreeMap<String, Folder>) -> Listed {
    let parent = above(&folder.space_id, &folder.parent_id, folder.parent_type.as_deref(), known);
    Item { parent, ..Item::container(&folder.id, folder.title.clone().unwrap_or_default(), Kind::Folder) }
        .into()
}

pub fn post(
    rest: &Rest,
    base: &str,
    post: Post,
    kind: Kind,
    known: &BTreeMap<String, Folder>,
) -> Option<Listed> {
    if !is_current(post.status.as_deref()) {
        return None;
    }
    let (modified, version) = told(post.version);
    let item = Item {
        parent: above(&post.space_id, &post.parent_id, post.parent_type.as_deref(), known),
        format: Some("html".into()),
        modified,
        url: address(rest, base, &post.links),
        expandable: true,
        version,
        ..Item::content(post.id, post.title.unwrap_or_default(), kind)
    };
    Some(item.into())
}

pub fn attachment(rest: &Rest, base: &str, file: Attachment, parent: &str) -> Option<Listed> {
    if !is_current(file.status.as_deref()) {
        return None;
    }
    let name = file.title.unwrap_or_default();
    let (modified, version) = told(file.version);
    let format = ending(&name);
    let is_media =
        |media_type: &str| ["image/", "video/", "audio/"].iter().any(|it| media_type.starts_with(it));
    let never =
        format.as_deref().is_some_and(is_without_text) || file.media_type.as_deref().is_some_and(is_media);
    let item = Item {
        parent: Some(parent.to_owned()),
        format,
        size: file.file_size,
        modified,
        url: address(rest, base, &file.links),
        selectable: !never,
        version,
        ..Item::content(file.id, name, Kind::Attachment)
    };
    Some(item.into())
}

/// When it was changed, and its version.
fn told(version: Option<Version>) -> (Option<Seconds>, String) {
    let Some(version) = version else { return Default::default() };
    let number = version.number.map(|number| number.to_string());
    let modified = version.created_at.as_deref().and_then(from_rfc3339);
    (modified, number.or(version.created_at).unwrap_or_default())
}

fn above(
    space: &Option<String>,
    parent: &Option<String>,
    kind: Option<&str>,
    folders: &BTreeMap<String, Folder>,
) -> Option<String> {
    let seen = parent.clone().filter(|id| match kind {
        None | Some("page") => true,
        Some("folder") => folders.contains_key(id),
        Some(_) => false,
    });
    seen.or_else(|| space.as_ref().map(|id| format!("space/{id}")))
}

fn address(rest: &Rest, base: &str, links: &Links) -> Option<String> {
    let base = if base.is_empty() { format!("{}/wiki", rest.field("site_url")) } else { base.to_owned() };
    links.webui.as_ref().map(|path| format!("{base}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_something_unseen_hangs_on_its_space() {
        let hung = |kind| above(&Some("7".into()), &Some("12".into()), kind, &BTreeMap::new());
        assert_eq!(hung(Some("page")).as_deref(), Some("12"));
        for kind in ["folder", "whiteboard", "database"] {
            assert_eq!(hung(Some(kind)).as_deref(), Some("space/7"));
        }
    }
}
