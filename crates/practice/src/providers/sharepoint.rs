//! SharePoint, after Graph's pages on sites. Sign-in and errors are Microsoft's own: see `microsoft.rs`.

use serde_json::{Value, json};

use crate::contents::{Format, Maker, State, Thing, USUAL_FILES, page};
use crate::dates::iso;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::microsoft::graph::{link, not_found, rows, selected, token};
use crate::providers::microsoft::{self, drives};
use crate::providers::{Answer, Endpoint, Host, Kind, Provider, Registered, outlook};
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
    hosts: &[
        microsoft::LOGIN,
        drives::GRAPH,
        GRAPH,
        microsoft::GRAPH,
        outlook::mail::GRAPH,
        Host::new(
            HOST,
            &[Endpoint::new(Kind::Api, "GET", "/sites/{site}/_layouts/15/download.aspx", drives::download)],
        ),
    ],
    contents,
    new_id,
    ..microsoft::USUAL
};

/// The lists of sites, which have to stand before the site itself.
pub const GRAPH: Host = Host::new(
    "graph.microsoft.com",
    &[
        Endpoint::new(Kind::Api, "GET", "/v1.0/sites", search),
        Endpoint::new(Kind::Api, "GET", "/v1.0/sites/{site}/drives", libraries),
        Endpoint::new(Kind::Api, "GET", "/v1.0/sites/{site}/sites", below),
    ],
);

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

/// Two libraries, and a site below with one more. Whichever of the organisation's sites is asked has these.
fn contents(maker: &mut Maker) {
    let wanted = maker.wanted();
    let main = add(maker, "library", "Documents", None);
    let second = add(maker, "library", "Campaigns / 2026", None);
    let site = add(maker, "site", "Brand", None);
    let third = add(maker, "library", "Documents", Some(&site));
    maker.file_tree_in(Some(&second), wanted / 5, &USUAL_FILES, drives::new_id);
    maker.file_tree_in(Some(&third), wanted / 10, &USUAL_FILES, drives::new_id);
    maker.file_tree_in(Some(&main), usize::MAX, &USUAL_FILES, drives::new_id);
}

fn add(maker: &mut Maker, kind: &'static str, name: &str, parent: Option<&str>) -> String {
    let id = maker.fresh(|maker| place_id(maker, kind));
    let created = maker.when();
    maker.add(Thing::new(id.clone(), kind, name.to_owned(), Format::None, created).below(parent));
    id
}

fn new_id(maker: &mut Maker, like: &Thing) -> String {
    if matches!(like.kind, "library" | "site") { place_id(maker, like.kind) } else { drives::new_id(maker) }
}

fn place_id(maker: &mut Maker, kind: &str) -> String {
    if kind == "site" {
        return format!("{HOST},{},{}", maker.uuid(), maker.uuid());
    }
    format!("b!{}", maker.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 64))
}

fn libraries(desk: &Desk, request: &Request) -> Answer {
    standing_in(desk, request, "library", |thing| {
        json!({
            "id": thing.id,
            "name": thing.name,
            "driveType": "documentLibrary",
            "createdDateTime": iso(thing.created),
            "lastModifiedDateTime": iso(thing.modified),
            "webUrl": format!("https://{HOST}/sites/Mkt/{}", microsoft::escaped(&thing.name)),
            "quota": { "total": 27_487_790_694_400_u64, "used": 4_810_363_371_u64, "state": "normal" },
        })
    })
}

fn below(desk: &Desk, request: &Request) -> Answer {
    standing_in(desk, request, "site", |thing| {
        json!({
            "id": thing.id,
            "name": thing.name.to_lowercase(),
            "displayName": thing.name,
            "createdDateTime": iso(thing.created),
            "lastModifiedDateTime": iso(thing.modified),
            "webUrl": format!("https://{HOST}/sites/Mkt/{}", microsoft::escaped(&thing.name.to_lowercase())),
            "siteCollection": { "hostname": HOST },
        })
    })
}

/// A page of what stands directly in a site.
fn standing_in(desk: &Desk, request: &Request, kind: &str, shown: fn(&Thing) -> Value) -> Answer {
    may_read(desk, request, &["Sites.Read.All", "Sites.Selected", "Files.Read.All"])?;
    let contents = desk.contents();
    let site = request.capture("site");
    let parent = match contents.get(site).filter(|it| it.kind == "site" && it.state == State::Published) {
        Some(thing) => Some(thing.id.as_str()),
        None if site == "root" || SITES.iter().any(|it| it.whole_id() == site) => None,
        None => return Ok(not_found(desk)),
    };
    let from = token(request, "$skiptoken").and_then(|it| it.parse().ok()).unwrap_or(0);
    let limit = desk.limit(request.query("$top"), 200, 1000);
    let walk = contents.walk_below(parent, from);
    let walk = walk.filter(|(_, thing)| thing.kind == kind && thing.state == State::Published);
    let (things, next) = page(walk, limit);
    let found = things.iter().map(|thing| selected(shown(thing), request)).collect();
    Ok(rows(found, next.map(|at| ("@odata.nextLink", link(request, "$skiptoken", &at.to_string())))))
}

/// Sites by words in their titles or addresses.
fn search(desk: &Desk, request: &Request) -> Answer {
    may_read(desk, request, &["Sites.Read.All"])?;
    let words = request.query("search").unwrap_or_default().to_lowercase();
    let is_meant = |site: &&Site| {
        words == "*"
            || site.title.to_lowercase().contains(&words)
            || site.path.to_lowercase().contains(&words)
    };
    let found = SITES.iter().filter(is_meant).map(|site| selected(told(site), request));
    Ok(rows(found.collect(), None))
}

fn may_read(desk: &Desk, request: &Request, one_of: &[&str]) -> Result<(), Problem> {
    let grant = microsoft::allowed(desk, request, one_of)?;
    if microsoft::is_personal(&grant) { Err(Problem::ScopeMissing) } else { Ok(()) }
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
    let mut site = told(site);
    site["@odata.context"] = json!("https://graph.microsoft.com/v1.0/$metadata#sites/$entity");
    Reply::json(200, &site)
}

fn told(site: &Site) -> Value {
    json!({
        "id": site.whole_id(),
        "name": site.path.rsplit('/').next().unwrap_or_default(),
        "displayName": site.title,
        "webUrl": format!("https://{HOST}/{}", site.path).trim_end_matches('/'),
        "siteCollection": { "hostname": HOST },
    })
}
