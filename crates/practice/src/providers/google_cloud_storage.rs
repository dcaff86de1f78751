//! Google Cloud Storage, after its discovery document. Sign-in and errors are Google's own: see `google.rs`.

mod objects;

use serde_json::{Value, json};

use crate::contents::{Format, Maker, State, Thing, USUAL_FILES};
use crate::desk::Desk;
use crate::providers::{Answer, Endpoint, Kind, Provider, Registered, google};
use crate::wire::{Reply, Request};

pub static GOOGLE_CLOUD_STORAGE: Provider = Provider {
    id: "GOOGLE_CLOUD_STORAGE",
    name: "Google Cloud Storage",
    // A project of its own, as advised: Cloud sessions end sooner than others.
    apps: &[
        // Of the type "Desktop app", then of the type "Web application".
        Registered::new("410000000002-storage.apps.googleusercontent.com", Some("GOCSPX-practice-storage")),
        Registered {
            client_id: "410000000002-storageweb.apps.googleusercontent.com",
            client_secret: Some("GOCSPX-practice-storage-web"),
            redirects: Some(google::WEB),
        },
    ],
    inputs: &[("bucket", "acme-reports"), ("project", PROJECT)],
    contents,
    new_id,
    ..google::USUAL
};

const PROJECT: &str = "acme-data-123456";
/// Everybody at Acme may read these; the third belongs to Amara, and the last asks its readers to pay.
const OPEN: [&str; 2] = ["acme-reports", "acme-exports"];
const CLOSED: &str = "acme-payroll";
const PAID: &str = "acme-archive";
const OWNER: &str = "amara";

/// The bucket that has something in it.
const FULL: &str = "acme-reports";

// Of `extra`.
/// A folder that a program made an object of, to be seen when it is empty.
const MARKER: &str = "marker";
/// It is stored compressed and unpacked on the way.
const GZIP: &str = "gzip";

pub const API: &[Endpoint] = &[
    Endpoint::new(Kind::Identify, "GET", "/storage/v1/b", buckets),
    Endpoint::new(Kind::Api, "GET", "/storage/v1/b/{bucket}/o", objects::list),
    Endpoint::new(Kind::Api, "GET", "/storage/v1/b/{bucket}/o/{object}", objects::object),
];

const FOLDERS: [&str; 10] = [
    "2025/",
    "2025/invoices/",
    "2026/",
    "2026/may/",
    "2026/may/raw data/",
    "exports/",
    "exports/crm/",
    "handbook/",
    "old/",
    "old/from the server/",
];
const EMPTY: &str = "2027/";
const BIG: usize = 12_000_000;

/// Folders are parts of names: only those that a program marked are seen when nothing is in them. What is in the
/// trash is a version that is no longer the current one.
fn contents(maker: &mut Maker) {
    for name in FOLDERS.into_iter().chain([EMPTY]) {
        let above = name[..name.len() - 1].rfind('/').map(|end| &name[..=end]);
        let own = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let at = maker.when();
        maker.add(
            Thing::new(name.to_owned(), "folder", own, Format::None, at).below(above).with(MARKER, "yes"),
        );
    }
    for at in 0..maker.missing() {
        let special = at.checked_sub(USUAL_FILES.len());
        let format = match (USUAL_FILES.get(at), special) {
            (Some((format, _)), _) => *format,
            (None, Some(0)) => Format::Broken,
            (None, Some(1..=3)) => Format::Plain,
            (None, _) => maker.pick(&USUAL_FILES).0,
        };
        let folder = match maker.number(8) {
            0 => None,
            _ => Some(*maker.pick(&FOLDERS)),
        };
        let mut name = String::new();
        let id = maker.fresh(|maker| {
            name = maker.file_name(format);
            format!("{}{name}", folder.unwrap_or_default())
        });
        let created = maker.when();
        let modified = maker.since(created);
        let mut file = Thing::new(id, "file", name, format, created).below(folder);
        file.modified = modified;
        match special {
            Some(1) => file.text = Some(String::new()),
            Some(2) => file = file.with(Thing::LENGTH, BIG.to_string()),
            Some(3) => file = file.with(GZIP, "yes"),
            Some(later) if later % 40 == 5 => file.state = State::Trashed,
            _ => {}
        }
        maker.add(file);
    }
}

/// A name in the same folder: an object's name is all that it is known by.
fn new_id(maker: &mut Maker, like: &Thing) -> String {
    let folder = like.parent.as_deref().unwrap_or_default();
    let end = if like.kind == "folder" { "/".to_owned() } else { format!(".{}", like.extension()) };
    format!("{folder}new-{}{end}", maker.hex(8))
}

/// Reading a bucket and listing a project's buckets are two roles: only Amara has the second.
fn buckets(desk: &Desk, request: &Request) -> Answer {
    let person = google::allowed(desk, request, &["devstorage.read_only"])?.person();
    let Some(project) = request.query("project").filter(|project| !project.is_empty()) else {
        let words = "Required parameter: project";
        return Ok(google::api_error(400, "required", words, "INVALID_ARGUMENT"));
    };
    if project != PROJECT {
        let words = format!("Unknown project id: {project}");
        return Ok(google::api_error(400, "invalid", &words, "INVALID_ARGUMENT"));
    }
    if person.id != OWNER {
        return Ok(denied(person.email, "storage.buckets.list access to the Google Cloud project."));
    }
    let items: Vec<Value> = OPEN
        .into_iter()
        .chain([CLOSED, PAID])
        .map(|name| json!({ "kind": "storage#bucket", "id": name, "name": name, "location": "EU" }))
        .collect();
    Ok(Reply::json(200, &json!({ "kind": "storage#buckets", "items": items })))
}

fn denied(email: &str, what: &str) -> Reply {
    google::api_error(403, "forbidden", &format!("{email} does not have {what}"), "PERMISSION_DENIED")
}
