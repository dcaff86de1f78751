//! Gmail, after its discovery document. Sign-in and errors are Google's own: see `google.rs`.

use serde_json::json;

use crate::desk::Desk;
use crate::providers::{Answer, Provider, Registered, google};
use crate::wire::{Reply, Request};

pub static GMAIL: Provider = Provider {
    id: "GMAIL",
    name: "Gmail",
    apps: &[
        // Of the type "Desktop app", then of the type "Web application".
        Registered::new("410000000001-gmail.apps.googleusercontent.com", Some("GOCSPX-practice-gmail")),
        Registered {
            client_id: "410000000001-gmailweb.apps.googleusercontent.com",
            client_secret: Some("GOCSPX-practice-gmail-web"),
            redirects: Some(google::WEB),
        },
    ],
    ..google::USUAL
};

pub fn profile(desk: &Desk, request: &Request) -> Answer {
    let person = google::allowed(desk, request, &["gmail.readonly", "gmail.metadata"])?.person();
    let user = request.capture("user");
    if user != "me" && !user.eq_ignore_ascii_case(person.email) {
        let words = format!("Delegation denied for {}", person.email);
        return Ok(google::api_error(403, "forbidden", &words, "PERMISSION_DENIED"));
    }
    let number = |realm| person.digits(realm, 5).parse::<u32>().unwrap_or_default();
    Ok(Reply::json(
        200,
        &json!({
            "emailAddress": person.email,
            "messagesTotal": number("gmail messages"),
            "threadsTotal": number("gmail messages") / 3,
            "historyId": person.digits("gmail history", 8),
        }),
    ))
}
