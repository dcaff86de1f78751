//! Google Drive, after its discovery document. Sign-in and errors are Google's own: see `google.rs`.

mod changes;
mod files;
mod query;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::contents::{Contents, Format, Maker, State, Thing, USUAL_FILES, page};
use crate::desk::Desk;
use crate::grants::Grant;
use crate::providers::{Answer, Endpoint, Kind, Provider, Registered, google};
use crate::wire::{Reply, Request};

pub static GOOGLE_DRIVE: Provider = Provider {
    id: "GOOGLE_DRIVE",
    name: "Google Drive",
    apps: &[
        // Of the type "Desktop app", then of the type "Web application".
        Registered::new("410000000001-drive.apps.googleusercontent.com", Some("GOCSPX-practice-drive")),
        Registered {
            client_id: "410000000001-driveweb.apps.googleusercontent.com",
            client_secret: Some("GOCSPX-practice-drive-web"),
            redirects: Some(google::WEB),
        },
    ],
    contents,
    new_id: |maker, _| new_id(maker),
    ..google::USUAL
};

/// Google's own formats, which have no bytes but by export.
const DOCUMENT: Format = Format::Native("application/vnd.google-apps.document");
const SHEET: Format = Format::Native("application/vnd.google-apps.spreadsheet");
const SLIDES: Format = Format::Native("application/vnd.google-apps.presentation");
const FORM: Format = Format::Native("application/vnd.google-apps.form");
const DRAWING: Format = Format::Native("application/vnd.google-apps.drawing");
const FOLDER: &str = "application/vnd.google-apps.folder";
const SHORTCUT: &str = "application/vnd.google-apps.shortcut";

// Of `extra`.
/// It stands in nobody's My Drive, but was shared.
const SHARED: &str = "shared";
/// The shared drive, for a thing that is gone.
const DRIVE: &str = "drive";
/// What a shortcut leads to.
const TARGET: &str = "target";
/// The resource key of a thing that is shared by its link.
const KEY: &str = "resource key";
/// Its owner forbids downloads.
const LOCKED: &str = "locked";
const ABUSIVE: &str = "abusive";
/// An export of it is above 10 MB.
const LARGE: &str = "large";

/// Things that are always there, unless there are very few.
const ACME_DRIVE: &str = "0AAcmeSharedDrivePVA";
const REPORTS: &str = "1AcmeReportsFolder_2026";
const HANDBOOK: &str = "1AcmeHandbookDocument";
const FEW: usize = 60;

pub const API: &[Endpoint] = &[
    Endpoint::new(Kind::Identify, "GET", "/drive/v3/about", about),
    Endpoint::new(Kind::Api, "GET", "/drive/v3/files", files::list),
    Endpoint::new(Kind::Api, "GET", "/drive/v3/files/{id}", files::file),
    Endpoint::new(Kind::Api, "GET", "/drive/v3/files/{id}/export", files::export),
    Endpoint::new(Kind::Api, "POST", "/drive/v3/files/{id}/download", files::download),
    Endpoint::new(Kind::Api, "GET", "/drive/v3/operations/{name}", files::operation),
    Endpoint::new(Kind::Api, "GET", "/drive/v3/changes/startPageToken", changes::start),
    Endpoint::new(Kind::Api, "GET", "/drive/v3/changes", changes::list),
    Endpoint::new(Kind::Api, "GET", "/drive/v3/drives", drives),
];

pub const DOWNLOADS: &[Endpoint] = &[Endpoint::new(Kind::Api, "GET", "/download", files::downloaded)];

/// A tree in My Drive, a shared drive, what others shared, and shortcuts: to a document, into a circle, to nothing.
fn contents(maker: &mut Maker) {
    if maker.wanted() >= FEW {
        shared_drive(maker);
        shared_with_me(maker);
        shortcuts(maker);
    }
    let own = [(DOCUMENT, 16), (SHEET, 8), (SLIDES, 5), (FORM, 1)];
    let mix: Vec<_> = own.into_iter().chain(USUAL_FILES).collect();
    maker.file_tree_of(&mix, new_id);
}

fn shared_drive(maker: &mut Maker) {
    let created = maker.when();
    maker.add(Thing::new(ACME_DRIVE.to_owned(), "drive", "Acme".to_owned(), Format::None, created));
    let folder = add(maker, new_id, "folder", "Contracts", Format::None, Some(ACME_DRIVE), |it| {
        it.with(DRIVE, ACME_DRIVE)
    });
    let handbook = |_: &mut Maker| HANDBOOK.to_owned();
    add(maker, handbook, "file", "Handbook", DOCUMENT, Some(ACME_DRIVE), |it| it.with(DRIVE, ACME_DRIVE));
    for format in [Format::Docx, Format::Pdf, Format::Plain, SHEET, Format::Markdown] {
        let name = maker.file_name(format);
        add(maker, new_id, "file", &name, format, Some(&folder), |it| it.with(DRIVE, ACME_DRIVE));
    }
}

fn shared_with_me(maker: &mut Maker) {
    let reports = |_: &mut Maker| REPORTS.to_owned();
    add(maker, reports, "folder", "Reports", Format::None, None, |it| it.with(SHARED, "yes"));
    add(maker, new_id, "file", "Floor plan", DRAWING, Some(REPORTS), |it| it);
    add(maker, new_id, "file", "All of 2025", DOCUMENT, Some(REPORTS), |it| it.with(LARGE, "yes"));
    add(maker, new_id, "file", "Board minutes.pdf", Format::Pdf, Some(REPORTS), |it| it.with(LOCKED, "yes"));
    add(maker, new_id, "file", "invoice_final.dat", Format::Unknown, Some(REPORTS), |it| {
        it.with(ABUSIVE, "yes")
    });
    add(maker, new_id, "file", "By link.txt", Format::Plain, None, |it| {
        it.with(SHARED, "yes").with(KEY, "0-kLd9Zx1vYbW2c")
    });
}

fn shortcuts(maker: &mut Maker) {
    let contract = new_id(maker);
    let document = "Terms of trade";
    add(
        maker,
        move |_| contract.clone(),
        "file",
        document,
        DOCUMENT,
        Some(ACME_DRIVE),
        |it| it.with(DRIVE, ACME_DRIVE),
    );
    let to = |target: &'static str| move |it: Thing| it.with(TARGET, target);
    add(maker, new_id, "shortcut", "Handbook", Format::None, None, to(HANDBOOK));
    add(maker, new_id, "shortcut", "Reports", Format::None, Some(REPORTS), to(REPORTS));
    add(
        maker,
        new_id,
        "shortcut",
        "Old price list",
        Format::None,
        None,
        to("1GoneLongAgoAndNobodyMisses_itAtAl"),
    );
}

fn add(
    maker: &mut Maker,
    id: impl FnMut(&mut Maker) -> String,
    kind: &'static str,
    name: &str,
    format: Format,
    parent: Option<&str>,
    more: impl FnOnce(Thing) -> Thing,
) -> String {
    let (id, created) = (maker.fresh(id), maker.when());
    let modified = maker.since(created);
    let thing = Thing::new(id.clone(), kind, name.to_owned(), format, created).below(parent);
    maker.add(more(Thing { modified, ..thing }));
    id
}

/// 33 characters that begin with a one.
fn new_id(maker: &mut Maker) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    format!("1{}", maker.of(letters, 32))
}

fn allowed(desk: &Desk, request: &Request) -> Result<Grant, crate::Problem> {
    google::allowed(desk, request, &["drive.readonly", "drive.metadata.readonly"])
}

/// The id of the person's My Drive.
fn root(grant: &Grant) -> String {
    format!("0A{}", grant.person().hex("google drive", 17))
}

/// The shared drive that a thing stands in; empty for one elsewhere.
fn drive_of<'a>(contents: &'a Contents, thing: &'a Thing) -> &'a str {
    if thing.kind == "drive" {
        return &thing.id;
    }
    match contents.above(thing).last() {
        Some(top) if top.kind == "drive" => &top.id,
        Some(_) => "",
        None => thing.extra(DRIVE),
    }
}

/// Changes with what is written and with nothing else.
fn revision(thing: &Thing) -> String {
    let written = thing.text.as_deref().unwrap_or_default();
    let digest = Sha256::digest(format!("{}/{}/{written}", thing.id, thing.text.is_some()));
    let hex: String = digest[..17].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0B{hex}")
}

/// `pageSize`, which is refused outside of its bounds.
fn page_size(desk: &Desk, request: &Request, usual: usize, most: usize) -> Result<usize, Reply> {
    let asked = request.query("pageSize");
    if asked.is_some_and(|asked| !asked.parse().is_ok_and(|size: usize| (1..=most).contains(&size))) {
        let words = format!("Invalid value. Values must be within the range: [1, {most}]");
        return Err(google::api_error(400, "invalidParameter", &words, "INVALID_ARGUMENT"));
    }
    Ok(desk.limit(asked, usual, most))
}

fn drives(desk: &Desk, request: &Request) -> Answer {
    google::allowed(desk, request, &["drive.readonly"])?;
    let limit = match page_size(desk, request, 10, 100) {
        Ok(limit) => limit,
        Err(reply) => return Ok(reply),
    };
    let fields = match google::Fields::of(request, "kind,nextPageToken,drives(kind,id,name)") {
        Ok(fields) => fields,
        Err(reply) => return Ok(reply),
    };
    let Ok(from) = request.query("pageToken").map_or(Ok(0), str::parse) else {
        return Ok(files::invalid("pageToken"));
    };
    let contents = desk.contents();
    let all = contents.walk_below(None, from);
    let shown = all.filter(|(_, thing)| thing.kind == "drive" && thing.state == State::Published);
    let (things, next) = page(shown, limit);
    let found: Vec<Value> = things.into_iter().map(changes::drive).collect();
    let mut reply = json!({ "kind": "drive#driveList", "drives": found });
    if let Some(next) = next {
        reply["nextPageToken"] = json!(next.to_string());
    }
    Ok(fields.reply(reply))
}

fn about(desk: &Desk, request: &Request) -> Answer {
    let person = allowed(desk, request)?.person();
    if request.query("fields").is_none_or(str::is_empty) {
        let words = "The 'fields' parameter is required for this method.";
        return Ok(google::api_error(400, "required", words, "INVALID_ARGUMENT"));
    }
    // Google writes 64-bit numbers as text.
    Ok(Reply::json(
        200,
        &json!({
            "user": {
                "kind": "drive#user",
                "displayName": person.name,
                "photoLink": google::picture(person),
                "me": true,
                "permissionId": person.digits("google drive", 18),
                "emailAddress": person.email,
            },
            "storageQuota": {
                "limit": "2199023255552",
                "usage": "73014444032",
                "usageInDrive": "61203283968",
                "usageInDriveTrash": "104857600",
            },
        }),
    ))
}
