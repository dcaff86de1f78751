//! OneDrive, after Graph's pages on drives. Sign-in and errors are Microsoft's own: see `microsoft.rs`.

use serde_json::json;

use crate::desk::Desk;
use crate::providers::{Answer, Provider, Registered, microsoft};
use crate::wire::{Reply, Request};

pub static ONEDRIVE: Provider = Provider {
    id: "ONEDRIVE",
    name: "OneDrive",
    apps: &[
        // Any directory and personal accounts, then this directory only, then the platform Web.
        Registered::new("0ed00000-0000-4000-8000-000000000001", None),
        Registered::new(microsoft::ONE_TENANT[0], None),
        Registered {
            client_id: "0ed00000-0000-4000-8000-000000000021",
            client_secret: Some("practice~onedrive~secret"),
            redirects: Some(microsoft::WEB),
        },
    ],
    inputs: &[("tenant", "acme.onmicrosoft.com")],
    ..microsoft::USUAL
};

pub fn drive(desk: &Desk, request: &Request) -> Answer {
    let grant = microsoft::allowed(desk, request, &["Files.Read", "Files.Read.All", "Sites.Read.All"])?;
    let person = grant.person();
    let (kind, id, address) = if microsoft::is_personal(&grant) {
        ("personal", person.hex("onedrive", 16).to_uppercase(), "https://onedrive.live.com".to_owned())
    } else {
        let place = person.email.replace(['@', '.'], "_");
        let id = format!("b!{}", person.hex("onedrive", 64));
        ("business", id, format!("https://acme-my.sharepoint.com/personal/{place}/Documents"))
    };
    Ok(Reply::json(
        200,
        &json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#drives/$entity",
            "id": id,
            "driveType": kind,
            "webUrl": address,
            "owner": { "user": {
                "id": person.uuid("microsoft"),
                "displayName": person.name,
                "email": person.email,
            } },
            "quota": {
                "total": 1_099_511_627_776_u64,
                "used": 48_103_633_715_u64,
                "remaining": 1_051_407_994_061_u64,
                "deleted": 0,
                "state": "normal",
            },
        }),
    ))
}
