//! Outlook, after Graph's pages on mail folders. Sign-in and errors are Microsoft's own: see `microsoft.rs`.

mod batch;
mod categories;
mod folders;
pub mod mail;

use serde_json::json;

use crate::desk::Desk;
use crate::faults::Problem;
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
    contents: folders::contents,
    id_of: folders::id_of,
    new_id: folders::new_id,
    ..microsoft::USUAL
};

/// The mailbox that everybody at Acme shares.
const SHARED: &str = "support@acme.example";

pub fn inbox(desk: &Desk, request: &Request) -> Answer {
    Ok(mailbox(desk, request)?.map_or_else(|refusal| refusal, |mailbox| folder(desk, &mailbox, 1248)))
}

pub fn shared(desk: &Desk, request: &Request) -> Answer {
    let count = |mailbox: &str| if mailbox == SHARED { 312 } else { 1248 };
    Ok(mailbox(desk, request)?
        .map_or_else(|refusal| refusal, |mailbox| folder(desk, &mailbox, count(&mailbox))))
}

/// The mailbox that a request means, if it may be read.
///
/// # Errors
/// A refusal that is worded already.
fn mailbox(desk: &Desk, request: &Request) -> Result<Result<String, Reply>, Problem> {
    let said = request.capture("user").to_lowercase();
    if said.is_empty() {
        let grant = microsoft::allowed(desk, request, &["Mail.Read", "Mail.ReadBasic"])?;
        return Ok(Ok(grant.person().email.to_owned()));
    }
    let grant = microsoft::allowed(desk, request, &["Mail.Read.Shared", "Mail.Read"])?;
    if said == grant.person().email || said == SHARED && grant.has_scope("Mail.Read.Shared") {
        return Ok(Ok(said));
    }
    if said == SHARED || PEOPLE.iter().any(|person| person.email == said) {
        return Err(Problem::ScopeMissing);
    }
    Ok(Err(microsoft::graph_error(desk, 404, "ErrorInvalidUser", "The requested user is invalid.")))
}

fn folder(desk: &Desk, mailbox: &str, count: u32) -> Reply {
    let id = desk.contents().iter().find(|it| it.kind == "inbox").map(|it| it.id.clone());
    Reply::json(
        200,
        &json!({
            "@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#users('{mailbox}')/mailFolders/$entity"),
            "id": id,
            "displayName": "Inbox",
            "totalItemCount": count,
        }),
    )
}
