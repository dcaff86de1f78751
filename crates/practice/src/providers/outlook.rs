//! Outlook, after Graph's pages on mail folders. Sign-in and errors are Microsoft's own: see `microsoft.rs`.

use serde_json::json;

use crate::desk::Desk;
use crate::people::PEOPLE;
use crate::providers::{Answer, Provider, Registered, microsoft};
use crate::wire::{Reply, Request};

pub static OUTLOOK: Provider = Provider {
    id: "OUTLOOK",
    name: "Outlook",
    apps: &[
        // Any directory and personal accounts, then this directory only, then the platform Web.
        Registered::new("0ed00000-0000-4000-8000-000000000002", None),
        Registered::new(microsoft::ONE_TENANT[1], None),
        Registered {
            client_id: "0ed00000-0000-4000-8000-000000000022",
            client_secret: Some("practice~outlook~secret"),
            redirects: Some(microsoft::WEB),
        },
    ],
    inputs: &[("tenant", "acme.onmicrosoft.com")],
    ..microsoft::USUAL
};

/// The mailbox that everybody at Acme shares.
const SHARED: &str = "support@acme.example";

pub fn inbox(desk: &Desk, request: &Request) -> Answer {
    let grant = microsoft::allowed(desk, request, &["Mail.Read", "Mail.ReadBasic"])?;
    Ok(folder(grant.person().email, 1248))
}

pub fn shared(desk: &Desk, request: &Request) -> Answer {
    let grant = microsoft::allowed(desk, request, &["Mail.Read.Shared", "Mail.Read"])?;
    let mailbox = request.capture("user").to_lowercase();
    if mailbox == grant.person().email {
        return Ok(folder(&mailbox, 1248));
    }
    if mailbox == SHARED && grant.has_scope("Mail.Read.Shared") {
        return Ok(folder(SHARED, 312));
    }
    if mailbox == SHARED || PEOPLE.iter().any(|person| person.email == mailbox) {
        return Err(crate::Problem::ScopeMissing);
    }
    Ok(microsoft::graph_error(desk, 404, "ErrorInvalidUser", "The requested user is invalid."))
}

fn folder(mailbox: &str, count: u32) -> Reply {
    Reply::json(
        200,
        &json!({
            "@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#users('{mailbox}')/mailFolders/$entity"),
            "id": format!("AAMkAG{}=", mailbox.replace(['@', '.'], "")),
            "displayName": "Inbox",
            "totalItemCount": count,
        }),
    )
}
