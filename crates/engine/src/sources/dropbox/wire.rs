//! What Dropbox is asked and what it answers, after its API specification (dropbox/dropbox-api-spec, `files.stone`).

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::clock::from_rfc3339;
use crate::error::{Code, Error};
use crate::item::{Item, Kind, ending, is_without_text};
use crate::sources::rest::{Ask, DOCUMENT};
use crate::sources::{Fault, Reply, Rest};

/// Where contents come from; everything else is at the address of the catalogue.
const CONTENT: &str = "https://content.dropboxapi.com/2";

#[derive(Deserialize)]
pub struct Entries {
    pub entries: Vec<Entry>,
    pub cursor: String,
    /// Only this tells the end: pages may be short and even empty.
    pub has_more: bool,
}

#[derive(Deserialize)]
#[serde(tag = ".tag", rename_all = "snake_case")]
pub enum Entry {
    File(File),
    Folder(Folder),
    Deleted(Deleted),
    #[serde(other)]
    Else,
}

#[derive(Deserialize)]
pub struct File {
    pub id: String,
    name: String,
    /// None where it is shared and not mounted.
    pub path_lower: Option<String>,
    path_display: Option<String>,
    pub server_modified: Option<String>,
    rev: Option<String>,
    size: Option<u64>,
    content_hash: Option<String>,
    is_downloadable: Option<bool>,
    export_info: Option<ExportInfo>,
    preview_url: Option<String>,
}

#[derive(Deserialize)]
pub struct Folder {
    pub id: String,
    name: String,
    pub path_lower: Option<String>,
    path_display: Option<String>,
}

#[derive(Deserialize)]
pub struct Deleted {
    pub path_lower: Option<String>,
}

#[derive(Deserialize)]
struct ExportInfo {
    export_as: Option<String>,
    export_options: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub struct Revisions {
    pub entries: Vec<File>,
    #[serde(default)]
    pub has_more: bool,
}

impl Entry {
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(file) => file.path_lower.as_deref(),
            Self::Folder(folder) => folder.path_lower.as_deref(),
            Self::Deleted(deleted) => deleted.path_lower.as_deref(),
            Self::Else => None,
        }
    }

    pub fn item(self, parent: Option<String>) -> Option<Item> {
        let item = match self {
            Self::File(file) => file.item(),
            Self::Folder(folder) => {
                let url = folder.path_display.as_deref().and_then(address);
                Item { url, ..Item::container(folder.id, folder.name, Kind::Folder) }
            }
            Self::Deleted(_) | Self::Else => return None,
        };
        Some(Item { parent, ..item })
    }
}

impl File {
    fn item(self) -> Item {
        // What has to be exported, such as Paper, says nothing of its contents by their hash.
        let exported = self.is_downloadable == Some(false);
        let export = exported.then(|| self.export_info.and_then(ExportInfo::best)).flatten();
        let format = match &export {
            Some((_, format)) => Some(format.clone()),
            None => ending(&self.name),
        };
        let readable = !format.as_deref().is_some_and(is_without_text) && (!exported || export.is_some());
        let hash = self.content_hash.filter(|_| !exported);
        Item {
            selectable: readable,
            format,
            size: self.size,
            modified: self.server_modified.as_deref().and_then(from_rfc3339),
            url: self.preview_url.or_else(|| self.path_display.as_deref().and_then(address)),
            version: hash.or(self.rev).unwrap_or_default(),
            note: export.map(|(option, _)| option),
            ..Item::content(self.id, self.name, Kind::File)
        }
    }
}

impl ExportInfo {
    /// The form that keeps most of the words with least around them, as an option of the export, empty for the usual
    /// one, and as a file ending.
    fn best(self) -> Option<(String, String)> {
        let options = self.export_options.unwrap_or_default();
        let forms = [("markdown", "md"), ("md", "md"), ("html", "html")];
        let named = forms.into_iter().find(|(form, _)| options.iter().any(|option| option == form));
        match (named, self.export_as) {
            (Some((form, ending)), _) => Some((form.into(), ending.into())),
            (None, Some(usual)) => {
                let ending = forms.into_iter().find(|(form, _)| *form == usual);
                Some((String::new(), ending.map_or(usual, |(_, ending)| ending.into())))
            }
            (None, None) => options.first().map(|option| (option.clone(), option.clone())),
        }
    }
}

/// Where a person finds a path.
fn address(path: &str) -> Option<String> {
    let mut url = Url::parse("https://www.dropbox.com/home").ok()?;
    url.path_segments_mut().ok()?.extend(path.split('/').filter(|part| !part.is_empty()));
    Some(url.into())
}

/// A call that takes and gives JSON.
pub async fn call(rest: &Rest, path: &str, arguments: &Value) -> Result<Reply, Fault> {
    let ask = |root: Option<&str>| rooted(rest.post(path).json(arguments), root).send();
    match ask(root(rest).as_deref()).await {
        Err(Fault::Status(reply)) if refuses_root(&reply) => ask(None).await,
        other => other,
    }
}

/// A call whose answer is a file; what it takes goes into a header.
pub async fn contents(rest: &Rest, path: &str, arguments: &Value) -> Result<Reply, Fault> {
    let (address, arguments) = (format!("{CONTENT}{path}"), header(arguments));
    let ask = |root: Option<&str>| {
        rooted(rest.post(&address).header("Dropbox-API-Arg", &arguments), root).download(DOCUMENT)
    };
    match ask(root(rest).as_deref()).await {
        Err(Fault::Status(reply)) if refuses_root(&reply) => ask(None).await,
        other => other,
    }
}

fn rooted<'r>(ask: Ask<'r>, root: Option<&str>) -> Ask<'r> {
    match root {
        Some(root) => ask.header("Dropbox-API-Path-Root", root),
        None => ask,
    }
}

/// The folders of a team are in view only from the root of the team; where a member's own folder is the root, nothing
/// need be said.
fn root(rest: &Rest) -> Option<String> {
    let (root, home) = (rest.field("root_namespace"), rest.field("home_namespace"));
    (!root.is_empty() && root != home).then(|| json!({ ".tag": "root", "root": root }).to_string())
}

/// Apps that see one folder only may not name a root ("Path root is not supported for sandbox app").
fn refuses_root(reply: &Reply) -> bool {
    reply.status == 400 && String::from_utf8_lossy(&reply.body).contains("sandbox app")
}

/// JSON that a header can hold: everything but plain ASCII escaped.
fn header(arguments: &Value) -> String {
    let mut text = String::new();
    for letter in arguments.to_string().chars() {
        if (' '..='~').contains(&letter) {
            text.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // Writing to text cannot fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

/// Whether an answer is the refusal whose summary begins so, such as `path/not_found`.
pub fn says(reply: &Reply, summary: &str) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        error_summary: String,
    }
    reply.status == 409
        && reply.json::<Refusal>().is_ok_and(|refusal| refusal.error_summary.starts_with(summary))
}

/// Why contents were refused.
pub fn refused(fault: Fault) -> Fault {
    let Fault::Status(reply) = fault else { return fault };
    if says(&reply, "path/not_found") {
        Fault::Gone
    } else if says(&reply, "path/restricted_content") {
        Fault::Unreadable("Dropbox has blocked this file, for legal reasons for example.".into())
    } else if says(&reply, "path/unsupported")
        || says(&reply, "non_exportable")
        || says(&reply, "path/not_file")
    {
        Fault::Unreadable("Dropbox offers this file in no form that can be read.".into())
    } else if says(&reply, "retry_error") {
        Fault::Failed(Error::new(
            Code::Temporary,
            "Dropbox has not made the document ready for reading yet.",
            "Tieline tries again at the next sync.",
        ))
    } else {
        Fault::Status(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_holds_any_name() {
        let arguments = json!({ "path": "/Größe/🎉\u{7f}\"x\"" });
        let text = header(&arguments);
        assert_eq!(text, r#"{"path":"/Gr\u00f6\u00dfe/\ud83c\udf89\u007f\"x\""}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), arguments);
    }

    fn file(more: Value) -> Item {
        let mut file =
            json!({ ".tag": "file", "id": "id:a", "name": "Plan.paper", "rev": "1", "content_hash": "h" });
        for (key, value) in more.as_object().unwrap() {
            file[key] = value.clone();
        }
        serde_json::from_value::<Entry>(file).unwrap().item(None).unwrap()
    }

    #[test]
    fn what_cannot_be_downloaded_is_exported() {
        let paper = file(json!({
            "is_downloadable": false, "export_info": { "export_as": "html", "export_options": ["html", "markdown"] },
        }));
        assert_eq!((paper.note.as_deref(), paper.format.as_deref()), (Some("markdown"), Some("md")));
        assert_eq!(paper.version, "1");
        let sheet = file(json!({ "is_downloadable": false, "export_info": { "export_as": "xlsx" } }));
        assert_eq!((sheet.note.as_deref(), sheet.format.as_deref()), (Some(""), Some("xlsx")));
        assert!(!file(json!({ "is_downloadable": false })).selectable);
        let plain = file(json!({ "name": "a.txt", "path_display": "/Übersicht/a b.txt" }));
        assert_eq!((plain.note, plain.version.as_str()), (None, "h"));
        assert_eq!(plain.url.as_deref(), Some("https://www.dropbox.com/home/%C3%9Cbersicht/a%20b.txt"));
    }
}
