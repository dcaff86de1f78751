//! Google Cloud Storage, after its discovery document. Sign-in and errors are Google's own: see `google.rs`.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::providers::{Answer, Provider, Registered, google};
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
    ..google::USUAL
};

const PROJECT: &str = "acme-data-123456";
/// Everybody at Acme may read these; the third belongs to Amara, and the last asks its readers to pay.
const OPEN: [&str; 2] = ["acme-reports", "acme-exports"];
const CLOSED: &str = "acme-payroll";
const PAID: &str = "acme-archive";
const OWNER: &str = "amara";

pub fn objects(desk: &Desk, request: &Request) -> Answer {
    let person = google::allowed(desk, request, &["devstorage.read_only"])?.person();
    let bucket = request.capture("bucket");
    if bucket == PAID && request.query("userProject").is_none() {
        let words = "Bucket is a requester pays bucket but no user project provided.";
        return Ok(google::api_error(400, "required", words, "INVALID_ARGUMENT"));
    }
    if bucket == CLOSED && person.id != OWNER {
        return Ok(denied(person.email, "storage.objects.list access to the Google Cloud Storage bucket."));
    }
    if ![CLOSED, PAID].contains(&bucket) && !OPEN.contains(&bucket) {
        let words = "The specified bucket does not exist.";
        return Ok(google::api_error(404, "notFound", words, "NOT_FOUND"));
    }
    let names = ["2026/may/sales.csv", "2026/may/support.csv", "readme.txt"];
    let prefix = request.query("prefix").unwrap_or_default();
    let most = request.query("maxResults").and_then(|text| text.parse().ok()).unwrap_or(1000);
    let fitting: Vec<&str> = names.into_iter().filter(|name| name.starts_with(prefix)).collect();
    let items: Vec<Value> = fitting
        .iter()
        .take(most)
        .map(|name| {
            json!({
                "kind": "storage#object",
                "id": format!("{bucket}/{name}/1763799905000000"),
                "name": name,
                "bucket": bucket,
                "generation": "1763799905000000",
                "metageneration": "1",
                "contentType": "text/plain",
                "size": "2048",
                "updated": "2026-05-22T08:45:05.000Z",
            })
        })
        .collect();
    let mut reply = json!({ "kind": "storage#objects" });
    if fitting.len() > items.len() {
        reply["nextPageToken"] = json!("Cg1yZWFkbWUudHh0");
    }
    if !items.is_empty() {
        reply["items"] = json!(items);
    }
    Ok(Reply::json(200, &reply))
}

/// Reading a bucket and listing a project's buckets are two roles: only Amara has the second.
pub fn buckets(desk: &Desk, request: &Request) -> Answer {
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
