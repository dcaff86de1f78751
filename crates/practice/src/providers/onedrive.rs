//! OneDrive, after Graph's pages on drives. Sign-in and errors are Microsoft's own: see `microsoft.rs`.

use serde_json::json;

use crate::contents::{Format, Maker, State, Thing};
use crate::desk::Desk;
use crate::providers::microsoft::{self, drives};
use crate::providers::{Answer, Endpoint, Host, Kind, Provider, Registered, outlook, sharepoint};
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
    hosts: &[
        microsoft::LOGIN,
        drives::GRAPH,
        sharepoint::GRAPH,
        microsoft::GRAPH,
        outlook::mail::GRAPH,
        Host::new(
            "acme-my.sharepoint.com",
            &[Endpoint::new(
                Kind::Api,
                "GET",
                "/personal/{place}/_layouts/15/download.aspx",
                drives::download,
            )],
        ),
    ],
    contents,
    id_of,
    new_id: |maker, _| drives::new_id(maker),
    ..microsoft::USUAL
};

/// A drive with a notebook, with shortcuts to a folder and a file that somebody shared, and with files.
fn contents(maker: &mut Maker) {
    if maker.wanted() >= 20 {
        add(maker, "notebook", "Notebook of the team", Format::None, None);
        let folder = add(maker, "shortcut", "Shared by Jonas", Format::None, None);
        let inner = add(maker, "shared", "Offers", Format::None, Some(&folder));
        for format in [Format::Docx, Format::Pdf, Format::Markdown] {
            let name = maker.file_name(format);
            add(maker, "shared", &name, format, Some(&inner));
        }
        let name = maker.file_name(Format::Plain);
        add(maker, "shared", &name, Format::Plain, Some(&folder));
        add(maker, "shortcut", "Price list.docx", Format::Docx, None);
    }
    maker.file_tree(drives::new_id);
}

fn add(maker: &mut Maker, kind: &'static str, name: &str, format: Format, parent: Option<&str>) -> String {
    let id = maker.fresh(drives::new_id);
    let created = maker.when();
    let modified = maker.since(created);
    let thing = Thing::new(id.clone(), kind, name.to_owned(), format, created).below(parent);
    maker.add(Thing { modified, ..thing });
    id
}

/// What is shared takes a permission that is not asked for at first.
fn id_of(thing: &Thing) -> Option<String> {
    (thing.state == State::Published && thing.kind != "shared").then(|| thing.id.clone())
}

pub fn drive(desk: &Desk, request: &Request) -> Answer {
    let grant = microsoft::allowed(desk, request, &["Files.Read", "Files.Read.All", "Sites.Read.All"])?;
    let person = grant.person();
    let id = drives::own_id(&grant);
    let (kind, address) = if microsoft::is_personal(&grant) {
        ("personal", "https://onedrive.live.com".to_owned())
    } else {
        let place = person.email.replace(['@', '.'], "_");
        ("business", format!("https://acme-my.sharepoint.com/personal/{place}/Documents"))
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
