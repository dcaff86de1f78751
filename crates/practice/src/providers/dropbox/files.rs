//! Single files: how a request names them, what is told of them, and their contents.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::contents::{PAPER, SHEET};
use crate::contents::{Contents, Format, State, Thing};
use crate::dates;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::Answer;
use crate::wire::{Reply, Request};

/// The namespace of the team, which `get_current_account` tells.
pub const TEAM_ROOT: &str = "3235641";
/// A content hash is made of pieces so long (dropbox.com/developers/reference/content-hash).
const BLOCK: usize = 4 * 1024 * 1024;

/// What a request sees: everything from the root of the team, else not the team's folders.
pub struct View<'c> {
    pub contents: &'c Contents,
    team: bool,
}

/// The arguments of a call, from a JSON body.
pub fn arguments(request: &Request) -> Result<Value, Reply> {
    request.json().filter(Value::is_object).ok_or_else(|| bad("could not decode input as JSON"))
}

/// The plain words for a request that the specification does not allow.
pub fn bad(words: &str) -> Reply {
    Reply::text(400, &format!("Error in call to API function: request body: {words}"))
}

/// The endpoint's own refusal by its tags, the outer first.
pub fn refused(tags: &[&str]) -> Reply {
    let mut error = Value::Null;
    for tag in tags.iter().rev() {
        let inner = std::mem::replace(&mut error, json!({ ".tag": tag }));
        if !inner.is_null() {
            error[*tag] = inner;
        }
    }
    Reply::json(409, &json!({ "error_summary": format!("{}/..", tags.join("/")), "error": error }))
}

impl<'c> View<'c> {
    /// By the header that names the root.
    pub fn of(request: &Request, contents: &'c Contents) -> Result<View<'c>, Reply> {
        let Some(header) = request.header("dropbox-api-path-root") else {
            return Ok(View { contents, team: false });
        };
        let root: Value = serde_json::from_str(header).unwrap_or_default();
        match root[".tag"].as_str() {
            Some("home") => Ok(View { contents, team: false }),
            Some("root") if root["root"] == TEAM_ROOT => Ok(View { contents, team: true }),
            Some("root") => {
                let info = json!({ ".tag": "team", "root_namespace_id": TEAM_ROOT });
                let error = json!({ ".tag": "invalid_root", "invalid_root": info });
                Err(Reply::json(422, &json!({ "error_summary": "invalid_root/..", "error": error })))
            }
            _ => Err(Reply::text(400, "Invalid Dropbox-API-Path-Root header")),
        }
    }

    pub fn sees(&self, thing: &Thing) -> bool {
        let top = || self.contents.above(thing).last().unwrap_or(thing);
        thing.state == State::Published && (self.team || top().extra("team").is_empty())
    }

    /// In lower case.
    pub fn path(&self, thing: &Thing) -> String {
        self.path_below(thing.parent.as_deref(), &thing.name)
    }

    /// The same for a name below a folder that may be gone by now.
    pub fn path_below(&self, parent: Option<&str>, name: &str) -> String {
        self.display(parent, name).to_lowercase()
    }

    fn display(&self, parent: Option<&str>, name: &str) -> String {
        let mut path = format!("/{name}");
        let mut above = parent;
        while let Some(id) = above {
            let gone = || self.contents.remembered().iter().rev().find(|change| change.id == id);
            let Some(folder) = self.contents.get(id).or_else(|| gone().map(|change| &change.thing)) else {
                break;
            };
            path.insert_str(0, &format!("/{}", folder.name));
            above = folder.parent.as_deref();
        }
        path
    }

    /// What stands at a path in lower case. More than one only where practice things happen to share a name.
    pub fn at(&self, path: &str) -> Vec<&'c Thing> {
        let Some((above, name)) = path.rsplit_once('/') else { return Vec::new() };
        let parents: Vec<Option<&str>> = match above {
            "" => vec![None],
            above => self.at(above).into_iter().map(|folder| Some(folder.id.as_str())).collect(),
        };
        let below = parents.into_iter().flat_map(|parent| self.contents.children(parent));
        below.filter(|thing| self.sees(thing) && thing.name.to_lowercase() == name).collect()
    }

    /// By id or path.
    pub fn find(&self, path: &str) -> Result<&'c Thing, Reply> {
        let thing = if path.starts_with("id:") {
            self.contents.get(path).filter(|thing| self.sees(thing))
        } else if path.starts_with('/') && path.len() > 1 {
            self.at(&path.to_lowercase()).first().copied()
        } else {
            return Err(bad("path: did not match pattern"));
        };
        thing.ok_or_else(|| refused(&["path", "not_found"]))
    }

    pub fn metadata(&self, thing: &Thing) -> Value {
        let path = self.display(thing.parent.as_deref(), &thing.name);
        let mut told = json!({
            ".tag": thing.kind, "id": thing.id, "name": thing.name, "path_lower": path.to_lowercase(),
            "path_display": path,
        });
        if thing.kind == "folder" {
            return told;
        }
        let exported = export(thing.format);
        let bytes = thing.bytes();
        told["client_modified"] = json!(dates::iso(thing.modified));
        told["server_modified"] = json!(dates::iso(thing.modified));
        let revision = hex(&Sha256::digest(format!("{}/{}", thing.id, thing.revision)));
        told["rev"] = json!(&revision[..18]);
        told["size"] = json!(bytes.len());
        told["is_downloadable"] = json!(exported.is_none());
        told["content_hash"] = json!(content_hash(&bytes));
        if let Some((usual, options)) = exported {
            told["export_info"] = json!({ "export_as": usual });
            if !options.is_empty() {
                told["export_info"]["export_options"] = json!(options);
            }
        }
        told
    }
}

/// The usual form of an export and the further ones.
fn export(format: Format) -> Option<(&'static str, &'static [&'static str])> {
    match format {
        PAPER => Some(("html", &["html", "markdown"])),
        SHEET => Some(("xlsx", &[])),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn content_hash(bytes: &[u8]) -> String {
    let blocks: Vec<u8> = bytes.chunks(BLOCK).flat_map(Sha256::digest).collect();
    hex(&Sha256::digest(blocks))
}

/// The arguments of a call to the content host: in a header that is plain ASCII, with no body.
fn named<'c>(
    desk: &Desk,
    request: &Request,
    contents: &'c Contents,
) -> Result<(View<'c>, &'c Thing, Value), Answer> {
    let grant = desk.bearer(request).map_err(Err)?.grant;
    if !grant.has_scope("files.content.read") {
        return Err(Err(Problem::ScopeMissing));
    }
    let media_type = request.header("content-type").unwrap_or("text/plain");
    if !["text/plain", "application/octet-stream"].iter().any(|it| media_type.starts_with(it)) {
        return Err(Ok(Reply::text(400, "Error in call to API function: Bad HTTP \"Content-Type\" header")));
    }
    let header = request.header("dropbox-api-arg").filter(|text| text.is_ascii());
    let arguments: Option<Value> = header.and_then(|text| serde_json::from_str(text).ok());
    let Some(arguments) = arguments.filter(|it| it["path"].is_string()) else {
        return Err(Ok(Reply::text(400, "Error in call to API function: HTTP header \"Dropbox-API-Arg\"")));
    };
    let view = View::of(request, contents).map_err(Ok)?;
    let thing = view.find(arguments["path"].as_str().unwrap_or_default()).map_err(Ok)?;
    match thing.kind {
        "folder" => Err(Ok(refused(&["path", "not_file"]))),
        _ if !thing.extra("restricted").is_empty() => Err(Ok(refused(&["path", "restricted_content"]))),
        _ => Ok((view, thing, arguments)),
    }
}

/// What stands in the header of an answer has to be plain ASCII, too.
fn ascii(value: &Value) -> String {
    let escaped = |letter: char| match letter {
        ' '..='~' => letter.to_string(),
        _ => letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    value.to_string().chars().map(escaped).collect()
}

pub fn download(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let (view, thing, _) = match named(desk, request, &contents) {
        Ok(named) => named,
        Err(answer) => return answer,
    };
    if export(thing.format).is_some() {
        return Ok(refused(&["unsupported_file"]));
    }
    let told = ascii(&view.metadata(thing));
    let reply = Reply { body: thing.bytes(), ..Reply::empty(200) };
    Ok(reply.kind("application/octet-stream").header("dropbox-api-result", &told))
}

pub fn export_file(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let (view, thing, arguments) = match named(desk, request, &contents) {
        Ok(named) => named,
        Err(answer) => return answer,
    };
    let Some((usual, options)) = export(thing.format) else { return Ok(refused(&["non_exportable"])) };
    let form = match arguments["export_format"].as_str() {
        None => usual,
        Some(form) if options.contains(&form) => form,
        Some(_) => return Ok(refused(&["invalid_export_format"])),
    };
    let (format, media_type) = match form {
        "markdown" => (Format::Markdown, "text/markdown"),
        "html" => (Format::Html, "text/html"),
        _ => (Format::Xlsx, "application/octet-stream"),
    };
    let body = thing.bytes_as(format);
    let told = json!({
        "export_metadata": { "name": format!("{}.{}", thing.name, format.extension()), "size": body.len() },
        "file_metadata": view.metadata(thing),
    });
    let reply = Reply { body, ..Reply::empty(200) };
    Ok(reply.kind(media_type).header("dropbox-api-result", &ascii(&told)))
}
