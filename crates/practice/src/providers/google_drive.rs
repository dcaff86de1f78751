//! Google Drive, after its discovery document. Sign-in and errors are Google's own: see `google.rs`.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::grants::Grant;
use crate::providers::{Answer, Provider, Registered, google};
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
    ..google::USUAL
};

const FOLDER: &str = "application/vnd.google-apps.folder";
/// What can be opened by id besides My Drive: id, name, type, shared drive.
const FILES: [(&str, &str, &str, &str); 3] = [
    ("1AcmeReportsFolder_2026", "Reports", FOLDER, ""),
    ("0AAcmeSharedDrivePVA", "Acme", FOLDER, "0AAcmeSharedDrivePVA"),
    ("1AcmeHandbookDocument", "Handbook", "application/vnd.google-apps.document", "0AAcmeSharedDrivePVA"),
];

fn allowed(desk: &Desk, request: &Request) -> Result<Grant, crate::Problem> {
    google::allowed(desk, request, &["drive.readonly", "drive.metadata.readonly"])
}

pub fn about(desk: &Desk, request: &Request) -> Answer {
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

pub fn file(desk: &Desk, request: &Request) -> Answer {
    let grant = allowed(desk, request)?;
    let id = request.capture("id");
    if id == "root" {
        let root = format!("0A{}", grant.person().hex("google drive", 17));
        return Ok(Reply::json(200, &shown(&root, "My Drive", FOLDER, "")));
    }
    let all_drives = request.query("supportsAllDrives") == Some("true");
    let found = FILES.iter().find(|(known, _, _, drive)| *known == id && (all_drives || drive.is_empty()));
    Ok(match found {
        Some((id, name, kind, drive)) => Reply::json(200, &shown(id, name, kind, drive)),
        None => google::api_error(404, "notFound", &format!("File not found: {id}."), "NOT_FOUND"),
    })
}

fn shown(id: &str, name: &str, kind: &str, drive: &str) -> Value {
    let mut file = json!({ "kind": "drive#file", "id": id, "name": name, "mimeType": kind });
    if !drive.is_empty() {
        file["driveId"] = json!(drive);
    }
    file
}
