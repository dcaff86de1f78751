//! Drives and their items, after Graph's `driveitem-list-children.md`, `driveitem-delta.md` and
//! `driveitem-get-content.md`, as OneDrive for work and SharePoint answer: no `cTag`, no names of what was deleted,
//! deltas at the root only.
//!
//! In the contents a thing belongs to the library that it is below; below a shortcut, to somebody else's drive; else to
//! the person's own.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::graph::{bad, link, not_found, rows, selected, token};
use super::{allowed, graph_error, is_personal};
use crate::contents::{Change, Contents, Format, Maker, State, Thing, What, page};
use crate::dates::iso;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::grants::Grant;
use crate::providers::{Answer, Endpoint, Host, Kind};
use crate::wire::{Reply, Request};

pub const GRAPH: Host = Host::new(
    "graph.microsoft.com",
    &[
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/drive/root", root),
        Endpoint::new(Kind::Api, "GET", "/v1.0/drives/{drive}/root", root),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/drive/root/delta", delta),
        Endpoint::new(Kind::Api, "GET", "/v1.0/drives/{drive}/root/delta", delta),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/drive/root/children", children),
        Endpoint::new(Kind::Api, "GET", "/v1.0/drives/{drive}/root/children", children),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/drive/items/{id}", item),
        Endpoint::new(Kind::Api, "GET", "/v1.0/drives/{drive}/items/{id}", item),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/drive/items/{id}/children", children),
        Endpoint::new(Kind::Api, "GET", "/v1.0/drives/{drive}/items/{id}/children", children),
        Endpoint::new(Kind::Api, "GET", "/v1.0/me/drive/items/{id}/content", content),
        Endpoint::new(Kind::Api, "GET", "/v1.0/drives/{drive}/items/{id}/content", content),
    ],
);

/// Where the shortcuts in the own drive lead.
const ELSEWHERE: &str = "b!s4Kx0ZbT1kqF3vQ8mJcW7nRfE2pLhYdU9aGtNiVoXyMzBwSrCjPeHuDgAlIkO5T6";
const USUAL_PAGE: usize = 200;
const LARGEST_PAGE: usize = 1000;
/// Seconds for which a download address is good.
const DOWNLOAD: u64 = 300;

/// A drive as a request names it.
struct Drive {
    id: String,
    kind: &'static str,
    /// The library in the contents.
    library: Option<String>,
}

impl Drive {
    /// # Errors
    /// A refusal that is worded already.
    fn of(desk: &Desk, request: &Request, contents: &Contents) -> Result<Result<Drive, Reply>, Problem> {
        let grant = allowed(desk, request, &["Files.Read", "Files.Read.All", "Sites.Read.All"])?;
        let said = request.capture("drive");
        let kind = if desk.provider.id == "SHAREPOINT" { "documentLibrary" } else { "business" };
        if desk.provider.id == "SHAREPOINT" {
            let known = contents.get(said).filter(|thing| thing.kind == "library");
            let drive = |it: &Thing| Drive { id: it.id.clone(), kind, library: Some(it.id.clone()) };
            return Ok(known.map(drive).ok_or_else(|| not_found(desk)));
        }
        let own = own_id(&grant);
        Ok(match said {
            "" => Ok(Drive { id: own, kind, library: None }),
            said if said.eq_ignore_ascii_case(&own) => Ok(Drive { id: own, kind, library: None }),
            ELSEWHERE if grant.has_scope("Files.Read.All") => {
                Ok(Drive { id: ELSEWHERE.to_owned(), kind, library: None })
            }
            ELSEWHERE => return Err(Problem::ScopeMissing),
            _ => Err(not_found(desk)),
        })
    }

    fn is_elsewhere(&self) -> bool {
        self.id == ELSEWHERE
    }

    /// 34 signs like those of other items.
    fn root_id(&self) -> String {
        let signs = self.id.to_uppercase();
        let signs = signs.chars().filter(|it| matches!(it, 'A'..='Z' | '2'..='7'));
        format!("01{}", signs.chain("QWERTYUIOPASDFGHJKLZXCVBNMQWERTY".chars()).take(32).collect::<String>())
    }

    /// Whether a thing is in it, knowing what is or was above.
    fn holds<'a>(&self, thing: &'a Thing, above: &dyn Fn(&'a Thing) -> Option<&'a Thing>) -> bool {
        let mark = std::iter::successors(above(thing), |it| above(it))
            .find(|it| matches!(it.kind, "library" | "shortcut"));
        let is_item = !matches!(thing.kind, "library" | "site");
        is_item
            && match mark {
                Some(mark) if mark.kind == "library" => self.library.as_deref() == Some(mark.id.as_str()),
                Some(_) => self.is_elsewhere(),
                None => self.library.is_none() && !self.is_elsewhere(),
            }
    }
}

/// The id of the person's drive.
pub fn own_id(grant: &Grant) -> String {
    if is_personal(grant) {
        grant.person().hex("onedrive", 16).to_uppercase()
    } else {
        format!("b!{}", grant.person().hex("onedrive", 64))
    }
}

/// An item's id: 34 signs.
pub fn new_id(maker: &mut Maker) -> String {
    format!("01{}", maker.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32))
}

/// The id of what a shortcut leads to, and back.
fn across(id: &str) -> String {
    let rest: String = id.get(2..).unwrap_or_default().chars().rev().collect();
    format!("01{rest}")
}

fn root(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    Ok(match Drive::of(desk, request, &contents)? {
        Ok(drive) if drive.is_elsewhere() => return Err(Problem::ScopeMissing),
        Ok(drive) => Reply::json(200, &selected(root_shown(&drive), request)),
        Err(refusal) => refusal,
    })
}

fn root_shown(drive: &Drive) -> Value {
    json!({
        "id": drive.root_id(),
        "name": "root",
        "root": {},
        "folder": {},
        "size": 0,
        "parentReference": { "driveType": drive.kind, "driveId": drive.id },
    })
}

/// The thing that a request names by its id, as far as it can be seen.
fn named<'c>(drive: &Drive, contents: &'c Contents, id: &str) -> Option<&'c Thing> {
    let is_shown = |thing: &&Thing| thing.state == State::Published;
    let behind = || contents.get(&across(id)).filter(|it| drive.is_elsewhere() && it.kind == "shortcut");
    let above = |thing: &'c Thing| contents.get(thing.parent.as_deref()?);
    contents.get(id).filter(|it| drive.holds(it, &above)).or_else(behind).filter(is_shown)
}

fn item(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let drive = match Drive::of(desk, request, &contents)? {
        Ok(drive) => drive,
        Err(refusal) => return Ok(refusal),
    };
    Ok(match named(&drive, &contents, request.capture("id")) {
        Some(thing) => Reply::json(200, &selected(shown(&drive, &contents, thing, true), request)),
        None => not_found(desk),
    })
}

fn children(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let drive = match Drive::of(desk, request, &contents)? {
        Ok(drive) => drive,
        Err(refusal) => return Ok(refusal),
    };
    let parent = match request.capture("id") {
        "" if drive.is_elsewhere() => return Err(Problem::ScopeMissing),
        "" => drive.library.clone(),
        id if id == drive.root_id() => drive.library.clone(),
        id => match named(&drive, &contents, id) {
            // What stands below a shortcut is in the other drive.
            Some(thing) if thing.kind == "shortcut" && !drive.is_elsewhere() => return Ok(not_found(desk)),
            Some(thing) => Some(thing.id.clone()),
            None => return Ok(not_found(desk)),
        },
    };
    let from = token(request, "$skiptoken").and_then(|it| it.parse().ok()).unwrap_or(0);
    let limit = desk.limit(request.query("$top"), USUAL_PAGE, LARGEST_PAGE);
    let is_shown =
        |thing: &Thing| thing.state == State::Published && !matches!(thing.kind, "library" | "site");
    let walk = contents.walk_below(parent.as_deref(), from).filter(|(_, thing)| is_shown(thing));
    let (things, next) = page(walk, limit);
    let found = things.iter().map(|it| selected(shown(&drive, &contents, it, true), request));
    let next = next.map(|at| ("@odata.nextLink", link(request, "$skiptoken", &at.to_string())));
    Ok(rows(found.collect(), next))
}

/// From no token everything there is; then what changed.
fn delta(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let drive = match Drive::of(desk, request, &contents)? {
        Ok(drive) if drive.is_elsewhere() => return Err(Problem::ScopeMissing),
        Ok(drive) => drive,
        Err(refusal) => return Ok(refusal),
    };
    let limit = desk.limit(request.query("$top"), USUAL_PAGE, LARGEST_PAGE);
    let numbers = |text: String| text.split('.').map(|it| it.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    match request.query("token") {
        None => Ok(listing(request, &drive, &contents, contents.now_at(), 0, limit)),
        Some("latest") => Ok(round(request, Vec::new(), contents.now_at())),
        Some(_) => match token(request, "token").and_then(numbers).as_deref() {
            Some([start, from]) => Ok(listing(request, &drive, &contents, *start, *from as usize, limit)),
            Some([position]) => Ok(changed(desk, request, &drive, &contents, *position, limit)),
            _ => Ok(bad(desk, "The token is malformed.")),
        },
    }
}

fn listing(
    request: &Request,
    drive: &Drive,
    contents: &Contents,
    start: u64,
    from: usize,
    limit: usize,
) -> Reply {
    let above = |thing: &Thing| contents.get(thing.parent.as_deref()?);
    let walk = contents.walk(from).filter(|(_, it)| it.state == State::Published && drive.holds(it, &above));
    let (things, next) = page(walk, limit);
    let root = (from == 0).then(|| root_shown(drive));
    let found = root.into_iter().chain(things.iter().map(|it| shown(drive, contents, it, false)));
    let found = found.map(|it| selected(it, request)).collect();
    match next {
        Some(at) => rows(found, Some(("@odata.nextLink", link(request, "token", &format!("{start}.{at}"))))),
        None => round(request, found, start),
    }
}

fn round(request: &Request, found: Vec<Value>, position: u64) -> Reply {
    rows(found, Some(("@odata.deltaLink", link(request, "token", &position.to_string()))))
}

/// Changes from a position on, each with the folders above it; a thing comes as often as it changed.
fn changed(
    desk: &Desk,
    request: &Request,
    drive: &Drive,
    contents: &Contents,
    position: u64,
    limit: usize,
) -> Reply {
    let Ok(changes) = contents.since(position) else {
        let words = "Resync required. Replace any local items with the server's version (including deletes).";
        let fresh = Request { query: Vec::new(), ..request.clone() };
        let again = link(&fresh, "token", &format!("{}.0", contents.now_at()));
        return graph_error(desk, 410, "resyncChangesApplyDifferences", words).header("location", &again);
    };
    let above = |thing: &Thing| {
        let id = thing.parent.as_deref()?;
        let gone = || changes.iter().map(|it| &it.thing).find(|it| it.id == id);
        contents.get(id).or_else(gone)
    };
    let (mut found, mut told) = (Vec::new(), Vec::new());
    for change in changes.iter().take(limit) {
        let now =
            contents.get(&change.id).filter(|it| it.state == State::Published && drive.holds(it, &above));
        if let Some(thing) = now {
            let mut folders: Vec<&Thing> =
                contents.above(thing).take_while(|it| it.kind != "library").collect();
            folders.retain(|it| !told.contains(&it.id));
            told.extend(folders.iter().map(|it| it.id.clone()));
            found.extend(folders.into_iter().rev().map(|it| shown(drive, contents, it, false)));
            found.push(shown(drive, contents, thing, false));
        } else if drive.holds(&change.thing, &above) || left(drive, contents, change) {
            found.push(json!({
                "id": change.id,
                "size": 0,
                "deleted": { "state": "deleted" },
                "parentReference": { "driveType": drive.kind, "driveId": drive.id },
            }));
        }
    }
    if !found.is_empty() {
        found.insert(0, root_shown(drive));
    }
    let found = found.into_iter().map(|it| selected(it, request)).collect();
    match changes.get(..limit).filter(|some| some.len() < changes.len()).and_then(<[_]>::last) {
        Some(last) => {
            rows(found, Some(("@odata.nextLink", link(request, "token", &last.position.to_string()))))
        }
        None => round(request, found, contents.now_at()),
    }
}

/// Whether a move led out of the drive.
fn left(drive: &Drive, contents: &Contents, change: &Change) -> bool {
    let What::Moved { from } = &change.what else { return false };
    let before = change.thing.clone().below(from.as_deref());
    let above = |thing: &Thing| contents.get(thing.parent.as_deref()?);
    std::iter::successors(above(&before), |it| above(it))
        .find(|it| matches!(it.kind, "library" | "shortcut"))
        .map_or(drive.library.is_none(), |mark| drive.library.as_deref() == Some(mark.id.as_str()))
}

/// A thing as it appears in a drive. A delta tells no path.
fn shown(drive: &Drive, contents: &Contents, thing: &Thing, with_path: bool) -> Value {
    // In the drive that a shortcut leads to, what the shortcut stands for is the thing itself.
    let is_target = thing.kind == "shortcut" && drive.is_elsewhere();
    let (id, parent) = if is_target {
        (across(&thing.id), drive.root_id())
    } else {
        let above = thing.parent.as_deref().filter(|it| drive.library.as_deref() != Some(*it));
        let is_shortcut = |id: &str| contents.get(id).is_some_and(|it| it.kind == "shortcut");
        let above = above.map(|id| if is_shortcut(id) { across(id) } else { id.to_owned() });
        (thing.id.clone(), above.unwrap_or_else(|| drive.root_id()))
    };
    let mut item = json!({
        "id": id,
        "name": thing.name,
        "createdDateTime": iso(thing.created),
        "lastModifiedDateTime": iso(thing.modified),
        "eTag": format!("\"{{{id}}},{}\"", thing.revision),
        "webUrl": format!("https://acme.sharepoint.com/_layouts/15/Doc.aspx?sourcedoc={id}"),
        "parentReference": { "driveType": drive.kind, "driveId": drive.id, "id": parent },
        "size": 0,
    });
    if with_path {
        let names = contents.above(thing).take_while(|it| !matches!(it.kind, "library" | "shortcut"));
        let mut names: Vec<String> = names.map(|it| super::escaped(&it.name)).collect();
        names.reverse();
        let path = std::iter::once(format!("/drives/{}/root:", drive.id)).chain(names);
        item["parentReference"]["path"] = json!(path.collect::<Vec<_>>().join("/"));
    }
    let count = || contents.children(Some(&thing.id)).filter(|it| it.state == State::Published).count();
    if thing.kind == "shortcut" && !is_target {
        let mut remote = json!({
            "id": across(&thing.id),
            "name": thing.name,
            "lastModifiedDateTime": iso(thing.modified),
            "parentReference": { "driveType": "business", "driveId": ELSEWHERE },
        });
        match thing.format {
            Format::None => remote["folder"] = json!({ "childCount": count() }),
            _ => remote["file"] = json!({ "mimeType": thing.media_type() }),
        }
        item["remoteItem"] = remote;
    } else if thing.kind == "notebook" {
        item["package"] = json!({ "type": "oneNote" });
    } else if thing.format == Format::None {
        item["folder"] = json!({ "childCount": count() });
    } else {
        item["size"] = json!(thing.size());
        item["file"] =
            json!({ "mimeType": thing.media_type(), "hashes": { "quickXorHash": quick_xor_hash(thing) } });
        item["@microsoft.graph.downloadUrl"] = json!(download_url(drive, &id, 0));
    }
    item
}

/// As long as the real one, equal for equal contents, and made without the file.
fn quick_xor_hash(thing: &Thing) -> String {
    let words = match thing.extra.get(Thing::LENGTH) {
        Some(length) => format!("{length} {}", thing.id),
        None => thing.words(),
    };
    STANDARD.encode(&Sha256::digest(format!("{} {} {words}", thing.id, thing.format.name()))[..20])
}

fn content(desk: &Desk, request: &Request) -> Answer {
    let contents = desk.contents();
    let drive = match Drive::of(desk, request, &contents)? {
        Ok(drive) => drive,
        Err(refusal) => return Ok(refusal),
    };
    let id = request.capture("id");
    let is_file = |it: &&Thing| it.format != Format::None && (it.kind != "shortcut" || drive.is_elsewhere());
    Ok(match named(&drive, &contents, id) {
        None => not_found(desk),
        Some(thing) if is_file(&thing) => {
            Reply::empty(302).header("location", &download_url(&drive, id, desk.now() + DOWNLOAD))
        }
        Some(_) => bad(desk, "You cannot get content for a folder"),
    })
}

/// A pre-authenticated address, on a host of its own.
fn download_url(drive: &Drive, id: &str, until: u64) -> String {
    let place = if drive.library.is_some() {
        "https://acme.sharepoint.com/sites/Mkt"
    } else {
        "https://acme-my.sharepoint.com/personal/acme"
    };
    let elsewhere = if drive.is_elsewhere() { "e" } else { "o" };
    let pass = URL_SAFE_NO_PAD.encode(format!("{until}.{elsewhere}"));
    format!(
        "{place}/_layouts/15/download.aspx?UniqueId={id}&Translate=false&tempauth=v1.{pass}&ApiVersion=2.0"
    )
}

/// Answers a download address. It carries its own permission, and a token beside it is refused.
pub fn download(desk: &Desk, request: &Request) -> Answer {
    let pass = request.query("tempauth").and_then(|it| it.strip_prefix("v1."));
    let pass = pass.and_then(|it| URL_SAFE_NO_PAD.decode(it).ok()).and_then(|it| String::from_utf8(it).ok());
    let until = pass.as_deref().and_then(|it| it.split_once('.')?.0.parse::<u64>().ok());
    if request.header("authorization").is_some() || until.is_none_or(|until| until < desk.now()) {
        return Ok(Reply::text(401, "401 UNAUTHORIZED"));
    }
    let contents = desk.contents();
    let id = request.query("UniqueId").unwrap_or_default();
    let found = contents.get(id).or_else(|| contents.get(&across(id)).filter(|it| it.kind == "shortcut"));
    Ok(match found.filter(|it| it.state == State::Published && it.format != Format::None) {
        Some(thing) => Reply { body: thing.bytes(), ..Reply::empty(200) }
            .header("content-type", "application/octet-stream"),
        None => Reply::text(404, "404 FILE NOT FOUND"),
    })
}
