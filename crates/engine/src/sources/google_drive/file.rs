//! A file as Drive tells of it, and the item that it becomes.

use serde::{Deserialize, Serialize};

use crate::clock::from_rfc3339;
use crate::item::{Item, Kind};
use crate::sources::rest::Ask;

/// The fields of [`File`] that every list asks for.
pub const FILE: &str = "id,name,mimeType,size,headRevisionId,modifiedTime,parents,driveId,resourceKey,\
    shortcutDetails(targetId,targetMimeType,targetResourceKey),capabilities(canDownload)";

const FOLDER: &str = "application/vnd.google-apps.folder";
const SHORTCUT: &str = "application/vnd.google-apps.shortcut";
/// In front of the types of Google's own formats, which have no bytes but by export.
const NATIVE: &str = "application/vnd.google-apps.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    pub id: String,
    pub name: Option<String>,
    mime_type: Option<String>,
    size: Option<String>,
    head_revision_id: Option<String>,
    modified_time: Option<String>,
    #[serde(default)]
    parents: Vec<String>,
    pub drive_id: Option<String>,
    resource_key: Option<String>,
    #[serde(rename = "shortcutDetails")]
    pub shortcut: Option<Shortcut>,
    capabilities: Option<Capabilities>,
    pub trashed: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortcut {
    pub target_id: String,
    target_mime_type: Option<String>,
    pub target_resource_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    can_download: Option<bool>,
}

/// What reading needs to know beside the id; see [`Item::note`].
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The type into which Google turns its own format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    /// Of the file that a shortcut leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Without which a file that is shared by its link is not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Note {
    pub fn of(item: &Item) -> Self {
        item.note.as_deref().and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default()
    }

    fn text(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }
}

impl Shortcut {
    /// Folders are listed where they are; a shortcut to a shortcut could lead in a circle.
    pub fn leads_to_contents(&self) -> bool {
        !matches!(self.target_mime_type.as_deref(), Some(FOLDER | SHORTCUT))
    }
}

impl File {
    pub fn is_folder(&self) -> bool {
        self.mime_type.as_deref() == Some(FOLDER)
    }

    /// `top`: the folder whose contents stand at the top.
    pub fn item(self, top: &str) -> Item {
        let export = self.mime_type.as_deref().and_then(export);
        let kind = if self.is_folder() { Kind::Folder } else { Kind::File };
        let selectable = self.has_contents();
        let note = Note {
            export: export.map(|(_, to)| to.to_owned()),
            target: None,
            key: self.resource_key.clone(),
        };
        let format = if kind == Kind::Folder { None } else { self.format() };
        let key = self.resource_key.map_or(String::new(), |key| format!("&resourcekey={key}"));
        let modified = self.modified_time.as_deref().and_then(from_rfc3339);
        Item {
            parent: self.parents.into_iter().next().filter(|parent| parent != top),
            root: self.drive_id,
            kind,
            format,
            size: self.size.and_then(|size| size.parse().ok()).filter(|_| export.is_none()),
            modified,
            url: Some(format!("https://drive.google.com/open?id={}{key}", self.id)),
            selectable,
            expandable: kind == Kind::Folder,
            version: self.head_revision_id.or(self.modified_time).unwrap_or_default(),
            note: note.text(),
            id: self.id,
            name: self.name.unwrap_or_default(),
        }
    }

    /// A shortcut's item. Without a target there is nothing to read.
    pub fn leading_to(self, target: Option<Self>, top: &str) -> Item {
        let item = Item { selectable: false, format: None, note: None, ..self.item(top) };
        let Some(target) = target.filter(|target| target.shortcut.is_none()) else { return item };
        let target = target.item("");
        let note = Note { target: Some(target.id.clone()), ..Note::of(&target) };
        Item {
            format: target.format,
            size: target.size,
            modified: target.modified,
            selectable: target.selectable,
            version: format!("{} {}", target.id, target.version),
            note: note.text(),
            ..item
        }
    }

    /// Pictures, sound and films have no text, and Google's forms, maps and sites no export.
    fn has_contents(&self) -> bool {
        let media_type = self.mime_type.as_deref().unwrap_or_default();
        let readable = match media_type.strip_prefix(NATIVE) {
            Some(_) => export(media_type).is_some(),
            None => !["image/", "audio/", "video/"].iter().any(|it| media_type.starts_with(it)),
        };
        readable && self.capabilities.as_ref().and_then(|it| it.can_download) != Some(false)
    }

    fn format(&self) -> Option<String> {
        if let Some((format, _)) = self.mime_type.as_deref().and_then(export) {
            return Some(format.to_owned());
        }
        let (stem, ending) = self.name.as_deref()?.rsplit_once('.')?;
        let is_ending =
            !stem.is_empty() && ending.len() <= 8 && ending.chars().all(|it| it.is_ascii_alphanumeric());
        (is_ending && !ending.is_empty()).then(|| ending.to_ascii_lowercase())
    }
}

/// The file ending and type in which one of Google's own formats is read
/// (developers.google.com/workspace/drive/api/guides/ref-export-formats).
fn export(media_type: &str) -> Option<(&'static str, &'static str)> {
    Some(match media_type.strip_prefix(NATIVE)? {
        "document" => ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        "spreadsheet" => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        "presentation" => {
            ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation")
        }
        "drawing" => ("pdf", "application/pdf"),
        "script" => ("json", "application/vnd.google-apps.script+json"),
        _ => return None,
    })
}

/// Adds the key of a file that is shared by its link.
pub fn with_key<'r>(ask: Ask<'r>, id: &str, key: Option<&str>) -> Ask<'r> {
    match key {
        Some(key) => ask.header("X-Goog-Drive-Resource-Keys", format!("{id}/{key}")),
        None => ask,
    }
}
