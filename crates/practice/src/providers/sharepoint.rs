//! SharePoint, after Graph's pages on sites. Sign-in and errors are Microsoft's own: see `microsoft.rs`.

use serde_json::json;

use crate::desk::Desk;
use crate::providers::{Answer, Provider, Registered, microsoft};
use crate::wire::{Reply, Request};

pub static SHAREPOINT: Provider = Provider {
    id: "SHAREPOINT",
    name: "SharePoint",
    apps: &[
        // Any directory and personal accounts, then this directory only, then the platform Web.
        Registered::new("0ed00000-0000-4000-8000-000000000003", None),
        Registered::new(microsoft::ONE_TENANT[2], None),
        Registered {
            client_id: "0ed00000-0000-4000-8000-000000000023",
            client_secret: Some("practice~sharepoint~secret"),
            redirects: Some(microsoft::WEB),
        },
    ],
    inputs: &[("tenant", "acme.onmicrosoft.com"), ("site", "sites/Mkt")],
    ..microsoft::USUAL
};

/// Where a site is, and what people call it.
struct Site {
    path: &'static str,
    title: &'static str,
    id: &'static str,
}

const HOST: &str = "acme.sharepoint.com";
const SITES: [Site; 4] = [
    Site { path: "", title: "Acme", id: "0a1b2c3d-1111-4222-8333-444455556666" },
    Site { path: "sites/Mkt", title: "Marketing team", id: "1b2c3d4e-1111-4222-8333-444455556666" },
    Site { path: "sites/Support", title: "Customer support", id: "2c3d4e5f-1111-4222-8333-444455556666" },
    Site { path: "teams/Field-Ops", title: "Field operations", id: "3d4e5f60-1111-4222-8333-444455556666" },
];

impl Site {
    /// Host name, site collection and site, as Graph joins them.
    fn whole_id(&self) -> String {
        format!("{HOST},{},{}", self.id, self.id.replace("-1111-", "-2222-"))
    }
}

/// `root`, `root:/sites/Mkt`, `acme.sharepoint.com:/sites/Mkt` or a site's id.
pub fn site(desk: &Desk, request: &Request) -> Answer {
    let address = request.capture("site");
    let path = address.strip_prefix("root:/").or_else(|| address.strip_prefix(&format!("{HOST}:/")));
    // With the id in hand less is needed than for looking a site up.
    let needed: &[&str] = match path {
        None if address != "root" => &["Sites.Read.All", "Sites.Selected", "Files.Read.All"],
        _ => &["Sites.Read.All", "Sites.Selected"],
    };
    let grant = microsoft::allowed(desk, request, needed)?;
    if microsoft::is_personal(&grant) {
        let words = "This API is not supported for MSA accounts";
        return Ok(microsoft::graph_error(desk, 400, "BadRequest", words));
    }
    let found = SITES.iter().find(|site| match path {
        Some(path) => !site.path.is_empty() && site.path.eq_ignore_ascii_case(path.trim_end_matches('/')),
        None => address == "root" && site.path.is_empty() || address == site.whole_id(),
    });
    Ok(match found {
        Some(site) => shown(site),
        None if path.is_some_and(|path| !path.contains('/')) => microsoft::graph_error(
            desk,
            404,
            "itemNotFound",
            "The provided path does not exist, or does not represent a site",
        ),
        None => microsoft::graph_error(desk, 404, "itemNotFound", "Requested site could not be found"),
    })
}

fn shown(site: &Site) -> Reply {
    Reply::json(
        200,
        &json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#sites/$entity",
            "id": site.whole_id(),
            "name": site.path.rsplit('/').next().unwrap_or_default(),
            "displayName": site.title,
            "webUrl": format!("https://{HOST}/{}", site.path).trim_end_matches('/'),
            "siteCollection": { "hostname": HOST },
        }),
    )
}
