//! Files as the API tells of them: lists, single ones, their contents and exports.

use serde_json::{Value, json};

use super::query::{Asked, Query};
use super::{
    ABUSIVE, DRAWING, FOLDER, KEY, LARGE, LOCKED, SHARED, SHORTCUT, TARGET, allowed, drive_of, root,
};
use crate::contents::{Contents, Format, State, Thing, page};
use crate::dates;
use crate::desk::Desk;
use crate::providers::google::{self, Fields};
use crate::providers::{Answer, google_drive};
use crate::wire::{Reply, Request};

const USUAL: &str = "kind,id,name,mimeType";
const USUAL_LIST: &str = "kind,nextPageToken,incompleteSearch,files(kind,id,name,mimeType)";

/// A thing among what is asked about.
struct Seen<'a> {
    thing: &'a Thing,
    root: &'a str,
}

impl Asked for Seen<'_> {
    fn is_in(&self, parent: &str) -> bool {
        match &self.thing.parent {
            Some(own) => own == parent,
            None => self.thing.extra(SHARED).is_empty() && (parent == "root" || parent == self.root),
        }
    }

    fn term(&self, name: &str) -> Option<String> {
        Some(match name {
            "name" | "fullText" => self.thing.name.clone(),
            "mimeType" => media_type(self.thing).to_owned(),
            "trashed" => (self.thing.state == State::Trashed).to_string(),
            "sharedWithMe" => (!self.thing.extra(SHARED).is_empty()).to_string(),
            "starred" => "false".to_owned(),
            "shortcutDetails.targetId" => self.thing.extra(TARGET).to_owned(),
            "modifiedTime" => dates::iso(self.thing.modified),
            _ => return None,
        })
    }
}

pub fn list(desk: &Desk, request: &Request) -> Answer {
    let grant = allowed(desk, request)?;
    let fields = match Fields::of(request, USUAL_LIST) {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let limit = match google_drive::page_size(desk, request, 100, 1000) {
        Ok(limit) => limit,
        Err(reply) => return Ok(reply),
    };
    let Some(query) = request.query("q").map_or(Some(Query::All(Vec::new())), Query::read) else {
        return Ok(invalid("q"));
    };
    let Ok(from) = request.query("pageToken").map_or(Ok(0), place) else { return Ok(invalid("pageToken")) };
    let every_drive =
        ["supportsAllDrives", "includeItemsFromAllDrives"].iter().all(|it| request.query(it) == Some("true"));
    let drive = request.query("driveId").unwrap_or_default();
    match request.query("corpora").unwrap_or("user") {
        "user" if drive.is_empty() => {}
        "drive" if !drive.is_empty() && every_drive => {}
        _ => return Ok(invalid("corpora")),
    }
    let contents = desk.contents();
    if !drive.is_empty() && contents.get(drive).is_none_or(|it| it.kind != "drive") {
        return Ok(google::api_error(
            404,
            "notFound",
            &format!("Shared drive not found: {drive}"),
            "NOT_FOUND",
        ));
    }
    let root = root(&grant);
    // The account's own corpus has of the shared drives only what a query names the folder of.
    let anywhere = drive.is_empty() && every_drive && query.names_a_parent();
    let is_meant = |thing: &Thing| {
        thing.kind != "drive"
            && query.fits(&Seen { thing, root: &root })
            && (anywhere || drive_of(&contents, thing) == drive)
    };
    let (things, next) = page(contents.walk(from).filter(|(_, thing)| is_meant(thing)), limit);
    let inside = fields.inside("files");
    let files: Vec<_> = things.iter().map(|thing| shown(&contents, thing, &root, &inside)).collect();
    let mut reply = json!({ "kind": "drive#fileList", "incompleteSearch": false, "files": files });
    if let Some(next) = next {
        reply["nextPageToken"] = json!(format!("{TOKEN}{next}"));
    }
    // The files are cut already.
    Ok(fields.outside("files").reply(reply))
}

/// In front of the place in a page token.
const TOKEN: &str = "~!!~AI9FV7R";

fn place(token: &str) -> Result<usize, ()> {
    token.strip_prefix(TOKEN).and_then(|place| place.parse().ok()).ok_or(())
}

pub fn invalid(parameter: &str) -> Reply {
    google::api_error(400, "invalid", &format!("Invalid Value: {parameter}"), "INVALID_ARGUMENT")
}

pub fn file(desk: &Desk, request: &Request) -> Answer {
    let grant = allowed(desk, request)?;
    let fields = match Fields::of(request, USUAL) {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let root = root(&grant);
    if ["root", &root].contains(&request.capture("id")) {
        let own = json!({ "kind": "drive#file", "id": root, "name": "My Drive", "mimeType": FOLDER, "trashed": false });
        return Ok(fields.reply(own));
    }
    let contents = desk.contents();
    let Some(thing) = found(&contents, request, request.query("supportsAllDrives") == Some("true")) else {
        return Ok(not_found(request));
    };
    if request.query("alt") != Some("media") {
        return Ok(Reply::json(200, &shown(&contents, thing, &root, &fields)));
    }
    google::allowed(desk, request, &["drive.readonly"])?;
    if let Some(refused) = refused(thing) {
        return Ok(refused);
    }
    if matches!(thing.format, Format::None | Format::Native(_)) {
        let words = "Only files with binary content can be downloaded. Use Export with Docs Editors files.";
        return Ok(google::api_error(403, "fileNotDownloadable", words, "PERMISSION_DENIED"));
    }
    Ok(media(thing.media_type(), thing.bytes()))
}

/// A link-shared file is found with its key only.
fn found<'a>(contents: &'a Contents, request: &Request, every_drive: bool) -> Option<&'a Thing> {
    let thing = contents.get(request.capture("id"))?;
    let in_drive = !drive_of(contents, thing).is_empty();
    let keys = request.header("x-goog-drive-resource-keys").unwrap_or_default();
    let key = format!("{}/{}", thing.id, thing.extra(KEY));
    let unlocked = thing.extra(KEY).is_empty() || keys.split(',').any(|it| it.trim() == key);
    (unlocked && (every_drive || !in_drive)).then_some(thing)
}

fn not_found(request: &Request) -> Reply {
    let words = format!("File not found: {}.", request.capture("id"));
    google::api_error(404, "notFound", &words, "NOT_FOUND")
}

fn refused(thing: &Thing) -> Option<Reply> {
    if !thing.extra(ABUSIVE).is_empty() {
        let words = "This file has been identified as malware or spam and cannot be downloaded.";
        return Some(google::api_error(403, "cannotDownloadAbusiveFile", words, "PERMISSION_DENIED"));
    }
    let words = "This file cannot be downloaded by the user.";
    (!thing.extra(LOCKED).is_empty())
        .then(|| google::api_error(403, "cannotDownloadFile", words, "PERMISSION_DENIED"))
}

fn media(kind: &str, bytes: Vec<u8>) -> Reply {
    Reply { body: bytes, ..Reply::empty(200) }.header("content-type", kind)
}

pub fn export(desk: &Desk, request: &Request) -> Answer {
    google::allowed(desk, request, &["drive.readonly"])?;
    let contents = desk.contents();
    let Some(thing) = found(&contents, request, true) else { return Ok(not_found(request)) };
    let Some(to) = request.query("mimeType") else {
        let words = "Required parameter: mimeType";
        return Ok(google::api_error(400, "required", words, "INVALID_ARGUMENT"));
    };
    if let Some(refused) = refused(thing) {
        return Ok(refused);
    }
    let Format::Native(_) = thing.format else {
        let words = "Export only supports Docs Editors files.";
        return Ok(google::api_error(403, "fileNotExportable", words, "PERMISSION_DENIED"));
    };
    if !thing.extra(LARGE).is_empty() {
        let words = "This file is too large to be exported.";
        return Ok(google::api_error(403, "exportSizeLimitExceeded", words, "PERMISSION_DENIED"));
    }
    Ok(match exported(thing, to) {
        Some(bytes) => media(to, bytes),
        None => google::api_error(
            400,
            "badRequest",
            "The requested conversion is not supported.",
            "INVALID_ARGUMENT",
        ),
    })
}

/// Into what Google's formats can be turned.
fn exported(thing: &Thing, to: &str) -> Option<Vec<u8>> {
    let formats: &[Format] = match media_type(thing).rsplit_once('.')?.1 {
        "document" => &[Format::Docx, Format::Odt, Format::Rtf, Format::Pdf, Format::Plain, Format::Markdown],
        "spreadsheet" => &[Format::Xlsx, Format::Ods, Format::Pdf, Format::Csv, Format::Tsv],
        "presentation" => &[Format::Pptx, Format::Odp, Format::Pdf, Format::Plain],
        "drawing" => &[Format::Pdf, Format::Image],
        _ => &[],
    };
    let format = formats.iter().find(|format| format.media_type() == to)?;
    Some(thing.bytes_as(*format))
}

/// Begins an operation that is done when it is looked at.
pub fn download(desk: &Desk, request: &Request) -> Answer {
    let grant = google::allowed(desk, request, &["drive.readonly"])?;
    let contents = desk.contents();
    let Some(thing) = found(&contents, request, true) else { return Ok(not_found(request)) };
    let to = request.query("mimeType").unwrap_or(Format::Docx.media_type());
    if let Some(refused) = refused(thing) {
        return Ok(refused);
    }
    let name = format!("{}-{}", grant.person().hex("google operation", 8), thing.token());
    desk.keep(&format!("operation/{name}"), format!("{} {to}", thing.id), 86_400);
    let about = json!({ "@type": "type.googleapis.com/google.apps.drive.v3.DownloadFileMetadata", "resourceKey": "" });
    Ok(Reply::json(200, &json!({ "name": name, "done": null, "metadata": about })))
}

pub fn operation(desk: &Desk, request: &Request) -> Answer {
    google::allowed(desk, request, &["drive.readonly"])?;
    let name = request.capture("name");
    if desk.look(&format!("operation/{name}")).is_none() {
        return Ok(google::api_error(404, "notFound", "Operation not found.", "NOT_FOUND"));
    }
    let ready = json!({
        "@type": "type.googleapis.com/google.apps.drive.v3.DownloadFileResponse",
        "downloadUri": format!("https://drive.usercontent.google.com/download?operation={name}"),
        "partialDownloadAllowed": false,
    });
    Ok(Reply::json(200, &json!({ "name": name, "done": true, "response": ready })))
}

pub fn downloaded(desk: &Desk, request: &Request) -> Answer {
    google::allowed(desk, request, &["drive.readonly"])?;
    let name = request.query("operation").unwrap_or_default();
    let kept = desk.look(&format!("operation/{name}")).unwrap_or_default();
    let contents = desk.contents();
    let (id, to) = kept.split_once(' ').unwrap_or_default();
    Ok(match contents.get(id).and_then(|thing| exported(thing, to)) {
        Some(bytes) => media(to, bytes),
        None => Reply::text(404, "Not found"),
    })
}

fn media_type(thing: &Thing) -> &'static str {
    match thing.kind {
        "folder" | "drive" => FOLDER,
        "shortcut" => SHORTCUT,
        _ => thing.media_type(),
    }
}

/// The file resource with what of it is asked for. A size is made only when asked for.
pub fn shown(contents: &Contents, thing: &Thing, root: &str, fields: &Fields) -> Value {
    let kind = media_type(thing);
    let mut file = json!({
        "kind": "drive#file",
        "id": thing.id,
        "name": thing.name,
        "mimeType": kind,
        "trashed": thing.state == State::Trashed,
        "modifiedTime": format!("{}.000Z", dates::iso(thing.modified).trim_end_matches('Z')),
        "createdTime": format!("{}.000Z", dates::iso(thing.created).trim_end_matches('Z')),
        "version": thing.revision.to_string(),
        "webViewLink": format!("https://drive.google.com/open?id={}", thing.id),
        "capabilities": { "canDownload": thing.extra(LOCKED).is_empty() && kind != FOLDER },
    });
    let parent = match &thing.parent {
        Some(parent) => Some(parent.as_str()),
        None if !thing.extra(SHARED).is_empty() || thing.kind == "drive" => None,
        None => Some(root),
    };
    if let Some(parent) = parent {
        file["parents"] = json!([parent]);
    }
    let drive = drive_of(contents, thing);
    if !drive.is_empty() {
        file["driveId"] = json!(drive);
    }
    if !thing.extra(KEY).is_empty() {
        file["resourceKey"] = json!(thing.extra(KEY));
    }
    if !matches!(thing.format, Format::None | Format::Native(_)) {
        file["headRevisionId"] = json!(super::revision(thing));
        if fields.has("size") {
            file["size"] = json!(thing.size().to_string());
        }
    }
    if thing.kind == "shortcut" {
        let target = thing.extra(TARGET);
        let kind = contents.get(target).map_or(DRAWING.media_type(), media_type);
        file["shortcutDetails"] = json!({ "targetId": target, "targetMimeType": kind });
        if let Some(key) = contents.get(target).map(|it| it.extra(KEY)).filter(|key| !key.is_empty()) {
            file["shortcutDetails"]["targetResourceKey"] = json!(key);
        }
    }
    fields.cut(&mut file);
    file
}
