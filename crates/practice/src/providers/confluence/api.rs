//! The lists of version 2 of the API, and the download of version 1, after Atlassian's own descriptions
//! (`openapi-v2.v3.json`, `swagger.v3.json`). `sort` is checked and then the order is by age all the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::contents::{container, space_of, status};
use super::{SITES, Site, scoped};
use crate::contents::{Contents, Thing, page};
use crate::dates;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::Answer;
use crate::rules::{Alphabet, Shape};
use crate::wire::{Reply, Request};

const MOST: usize = 250;
const SPACE: &str = "read:space:confluence";
const PAGE: &str = "read:page:confluence";
const FOLDER: &str = "read:folder:confluence";
const HIERARCHY: &str = "read:hierarchical-content:confluence";
const ATTACHMENT: &str = "read:attachment:confluence";

/// The site that the path names, if the token may do this.
fn site(desk: &Desk, request: &Request, scope: &str) -> Result<&'static Site, Problem> {
    scoped(desk, request, scope)?;
    let cloud = request.capture("cloud");
    SITES.iter().find(|site| site.confluence && site.cloud == cloud).ok_or(Problem::BadParameter("cloud"))
}

/// Everything is at one site; the other is empty.
fn is_full(site: &Site) -> bool {
    site.name == "acme"
}

/// One thing of a kind, by its number.
fn named<'a>(
    site: &Site,
    contents: &'a Contents,
    request: &Request,
    kind: &str,
) -> Result<&'a Thing, Problem> {
    let id = request.capture("id");
    if !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::BadParameter("path"));
    }
    let found = contents.get(id).filter(|thing| thing.kind == kind && is_full(site));
    found.filter(|thing| status(contents, thing).is_some()).ok_or(Problem::BadParameter("id"))
}

pub fn spaces(desk: &Desk, request: &Request) -> Answer {
    let site = site(desk, request, SPACE)?;
    let contents = desk.contents();
    let wanted = said(request, "status", &["current", "archived"], &["current", "archived"])?;
    let walk = contents.walk(from(request)?).filter(|(_, thing)| {
        thing.kind == "space"
            && is_full(site)
            && status(&contents, thing).is_some_and(|it| wanted.contains(&it))
    });
    let (things, next) = page(walk, limit(desk, request, 25)?);
    let shown = things.into_iter().map(|thing| {
        json!({
            "id": thing.id, "key": key(thing), "name": thing.name, "type": thing.extra("type"),
            "status": status(&contents, thing), "createdAt": time(thing.created),
            "_links": { "webui": format!("/spaces/{}", key(thing)) },
        })
    });
    Ok(list(site, request, shown.collect(), next))
}

pub fn pages(desk: &Desk, request: &Request) -> Answer {
    posts(desk, request, "page", &["current", "archived"])
}

pub fn blog_posts(desk: &Desk, request: &Request) -> Answer {
    posts(desk, request, "blogpost", &["current"])
}

/// All pages or blog posts, or those of the space that the path names.
fn posts(desk: &Desk, request: &Request, kind: &str, usual: &[&'static str]) -> Answer {
    const STATUSES: [&str; 4] = ["current", "archived", "deleted", "trashed"];
    let site = site(desk, request, PAGE)?;
    let contents = desk.contents();
    let within = request.captures.iter().any(|(name, _)| name == "id");
    let within = if within { Some(named(site, &contents, request, "space")?) } else { None };
    let wanted = said(request, "status", &STATUSES, usual)?;
    let root = said(request, "depth", &["all", "root"], &["all"])?.contains(&"root");
    let format = body_format(request, &["storage", "atlas_doc_format"])?;
    said(
        request,
        "sort",
        &["id", "-id", "created-date", "-created-date", "modified-date", "-modified-date"],
        &[],
    )?;
    let (ids, spaces) = (numbers(request, "id", 250)?, numbers(request, "space-id", 100)?);
    let from = from(request)?;
    let walk: Box<dyn Iterator<Item = (usize, &Thing)>> = match &ids {
        Some(ids) => {
            Box::new(ids.iter().enumerate().skip(from).filter_map(|(at, id)| Some((at, contents.get(id)?))))
        }
        None => Box::new(contents.walk(from)),
    };
    let walk = walk.filter(|(_, thing)| {
        let is_wanted = thing.kind == kind
            && is_full(site)
            && status(&contents, thing).is_some_and(|it| wanted.contains(&it));
        if !is_wanted || within.is_none() && spaces.is_none() {
            return is_wanted;
        }
        let space = space_of(&contents, thing).map(|space| &space.id);
        spaces.as_ref().is_none_or(|spaces| space.is_some_and(|id| spaces.contains(id)))
            && within.is_none_or(|within| space == Some(&within.id))
            && !(root && thing.parent != within.map(|space| space.id.clone()))
    });
    let (things, next) = page(walk, limit(desk, request, 25)?);
    let shown = things.into_iter().map(|thing| post(&contents, thing, format)).collect();
    Ok(list(site, request, shown, next))
}

pub fn one_page(desk: &Desk, request: &Request) -> Answer {
    one_post(desk, request, "page")
}

pub fn one_blog_post(desk: &Desk, request: &Request) -> Answer {
    one_post(desk, request, "blogpost")
}

fn one_post(desk: &Desk, request: &Request, kind: &str) -> Answer {
    let site = site(desk, request, PAGE)?;
    let contents = desk.contents();
    let thing = named(site, &contents, request, kind)?;
    let draft = request.query("get-draft") == Some("true");
    let usual: &[&'static str] =
        if draft { &["draft", "current"] } else { &["current", "archived", "trashed"] };
    let known = ["current", "archived", "trashed", "deleted", "historical", "draft"];
    let wanted = said(request, "status", &known, usual)?;
    let known = [
        "storage",
        "atlas_doc_format",
        "view",
        "export_view",
        "anonymous_export_view",
        "styled_view",
        "editor",
    ];
    let format = body_format(request, &known)?;
    if !status(&contents, thing).is_some_and(|it| wanted.contains(&it)) {
        return Err(Problem::BadParameter("id"));
    }
    let mut shown = post(&contents, thing, format);
    shown["_links"]["base"] = json!(base(site));
    Ok(Reply::json(200, &shown))
}

pub fn folder(desk: &Desk, request: &Request) -> Answer {
    let site = site(desk, request, FOLDER)?;
    let contents = desk.contents();
    let mut shown = post(&contents, named(site, &contents, request, "folder")?, None);
    shown["type"] = json!("folder");
    shown["_links"]["base"] = json!(base(site));
    Ok(Reply::json(200, &shown))
}

pub fn below_page(desk: &Desk, request: &Request) -> Answer {
    direct_children(desk, request, "page")
}

pub fn below_folder(desk: &Desk, request: &Request) -> Answer {
    direct_children(desk, request, "folder")
}

/// What stands directly in it, of any kind but files, and less is told of each than elsewhere.
fn direct_children(desk: &Desk, request: &Request, kind: &str) -> Answer {
    let site = site(desk, request, HIERARCHY)?;
    let contents = desk.contents();
    let above = named(site, &contents, request, kind)?;
    let walk = contents.walk_below(Some(&above.id), from(request)?).filter(|(_, thing)| {
        let seen = matches!(status(&contents, thing), Some("current" | "archived"));
        seen && matches!(thing.kind, "page" | "folder" | "whiteboard")
    });
    let (things, next) = page(walk, limit(desk, request, 25)?);
    let shown = things.into_iter().map(|thing| {
        json!({
            "id": thing.id, "status": status(&contents, thing), "title": thing.name, "type": thing.kind,
            "spaceId": space_of(&contents, thing).map(|space| &space.id), "childPosition": Value::Null,
        })
    });
    Ok(list(site, request, shown.collect(), next))
}

pub fn attachments(desk: &Desk, request: &Request) -> Answer {
    files(desk, request, None)
}

pub fn page_attachments(desk: &Desk, request: &Request) -> Answer {
    files(desk, request, Some("page"))
}

pub fn blog_post_attachments(desk: &Desk, request: &Request) -> Answer {
    files(desk, request, Some("blogpost"))
}

fn files(desk: &Desk, request: &Request, kind: Option<&str>) -> Answer {
    let site = site(desk, request, ATTACHMENT)?;
    let contents = desk.contents();
    let above = match kind {
        Some(kind) => Some(named(site, &contents, request, kind)?),
        None => None,
    };
    let wanted = said(request, "status", &["current", "archived", "trashed"], &["current", "archived"])?;
    said(request, "sort", &["created-date", "-created-date", "modified-date", "-modified-date"], &[])?;
    let from = from(request)?;
    let walk: Box<dyn Iterator<Item = (usize, &Thing)>> = match above {
        Some(above) => Box::new(contents.walk_below(Some(&above.id), from)),
        None => Box::new(contents.walk(from)),
    };
    let walk = walk.filter(|(_, thing)| {
        thing.kind == "attachment"
            && is_full(site)
            && status(&contents, thing).is_some_and(|it| wanted.contains(&it))
    });
    let (things, next) = page(walk, limit(desk, request, 50)?);
    let shown = things.into_iter().map(|thing| file(&contents, thing)).collect();
    Ok(list(site, request, shown, next))
}

/// Version 1: sends on to the host of the media, where the address itself is the proof.
pub fn download(desk: &Desk, request: &Request) -> Answer {
    let site = site(desk, request, "readonly:content.attachment:confluence")?;
    let contents = desk.contents();
    let file = contents.get(request.capture("attachment")).filter(|thing| {
        let here = thing.kind == "attachment" && thing.parent.as_deref() == Some(request.capture("id"));
        here && is_full(site) && status(&contents, thing) == Some("current")
    });
    let Some(file) = file else {
        let words = format!("No attachment found with id : {}", request.capture("attachment"));
        return Ok(Reply::json(404, &json!({ "statusCode": 404, "message": words })));
    };
    let token = Shape::new("", Alphabet::Url, 43).mint();
    desk.keep(&format!("media/{token}"), file.id.clone(), 600);
    let pairs =
        [("token", token.as_str()), ("client", "a1b2c3d4-0000-4000-8000-0000000c0f1e"), ("dl", "true")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Reply::redirect(&format!("https://api.media.atlassian.com/file/{}/binary", file_id(file)), &pairs))
}

pub fn media(desk: &Desk, request: &Request) -> Answer {
    let id = desk.look(&format!("media/{}", request.query("token").unwrap_or_default()));
    let contents = desk.contents();
    let file = id.and_then(|id| contents.get(&id));
    match file.filter(|file| request.bearer().is_none() && file_id(file) == request.capture("file")) {
        Some(file) => {
            Ok(Reply { body: file.bytes(), ..Reply::empty(200).header("content-type", file.media_type()) })
        }
        None => Ok(Reply::json(403, &json!({ "error": { "code": "JwtAuthoriser:AuthorisationError" } }))),
    }
}

fn post(contents: &Contents, thing: &Thing, format: Option<&str>) -> Value {
    let above = container(contents, thing).filter(|above| above.kind != "space");
    let space = space_of(contents, thing);
    let path = if thing.kind == "blogpost" { "blog" } else { "pages" };
    let mut shown = json!({
        "id": thing.id, "status": status(contents, thing), "title": thing.name,
        "spaceId": space.map(|space| &space.id), "authorId": AUTHOR, "createdAt": time(thing.created),
        "version": version(thing),
        "_links": { "webui": format!("/spaces/{}/{path}/{}", space.map(key).unwrap_or_default(), thing.id) },
    });
    if thing.kind != "blogpost" {
        shown["parentId"] = json!(above.map(|above| &above.id));
        shown["parentType"] = json!(above.map(|above| above.kind));
        shown["position"] = Value::Null;
        shown["ownerId"] = json!(AUTHOR);
    }
    if let Some(format) = format {
        let value = match format {
            "atlas_doc_format" => json!({ "type": "doc", "version": 1, "content": [] }).to_string(),
            _ => thing.html(),
        };
        shown["body"] = json!({ format: { "representation": format, "value": value } });
    }
    shown
}

fn file(contents: &Contents, thing: &Thing) -> Value {
    let page = thing.parent.clone().unwrap_or_default();
    let mut shown = json!({
        "id": thing.id, "status": status(contents, thing), "title": thing.name, "createdAt": time(thing.created),
        "mediaType": thing.media_type(), "mediaTypeDescription": "File", "comment": "", "fileId": file_id(thing),
        "fileSize": thing.size(), "version": version(thing),
        // Both were taken away from apps in 2026 and are still told.
        "webuiLink": format!("/pages/viewpageattachments.action?pageId={page}"),
        "downloadLink": format!("/download/attachments/{page}/{}", thing.id),
        "_links": { "webui": format!("/pages/viewpageattachments.action?pageId={page}") },
    });
    let of_post = container(contents, thing).is_some_and(|above| above.kind == "blogpost");
    shown[if of_post { "blogPostId" } else { "pageId" }] = json!(page);
    shown
}

const AUTHOR: &str = "712020:0b6a2c1d-5d3f-4a7e-9c61-2f8e7d9a4b50";

fn version(thing: &Thing) -> Value {
    json!({
        "number": thing.revision, "message": "", "minorEdit": false, "authorId": AUTHOR,
        "createdAt": time(thing.modified),
    })
}

fn key(space: &Thing) -> String {
    let front = if space.extra("type") == "personal" { "~" } else { "AC" };
    format!("{front}{}", &space.id[space.id.len().saturating_sub(4)..])
}

/// The file at the host of the media has an id of its own.
fn file_id(thing: &Thing) -> String {
    format!("5e1f0c3a-0000-4000-8000-{:0>12}", thing.id.trim_start_matches("att"))
}

fn time(seconds: u64) -> String {
    dates::iso(seconds).replace('Z', ".000Z")
}

fn base(site: &Site) -> String {
    format!("https://{}.atlassian.net/wiki", site.name)
}

/// `next` is a path at the site: whoever appends it to the gateway's host has lost the cloud id.
fn list(site: &Site, request: &Request, results: Vec<Value>, next: Option<usize>) -> Reply {
    let mut links = json!({ "base": base(site) });
    let Some(next) = next else { return Reply::json(200, &json!({ "results": results, "_links": links })) };
    let path = request.path.find("/wiki/").map_or("", |at| &request.path[at..]);
    let cursor =
        URL_SAFE_NO_PAD.encode(json!({ "contentOrder": "id", "contentOrderValue": next }).to_string());
    let pairs = request.query.iter().filter(|(name, _)| name != "cursor");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .append_pair("cursor", &cursor)
        .finish();
    let next = format!("{path}?{query}");
    links["next"] = json!(next);
    let reply = Reply::json(200, &json!({ "results": results, "_links": links }));
    reply.header("link", &format!("<{next}>; rel=\"next\", <{}>; rel=\"base\"", base(site)))
}

fn from(request: &Request) -> Result<usize, Problem> {
    let Some(cursor) = request.query("cursor") else { return Ok(0) };
    let read = || {
        let text = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let value: Value = serde_json::from_slice(&text).ok()?;
        usize::try_from(value["contentOrderValue"].as_u64()?).ok()
    };
    read().ok_or(Problem::BadParameter("cursor"))
}

fn limit(desk: &Desk, request: &Request, usual: usize) -> Result<usize, Problem> {
    let asked = request.query("limit");
    if asked.is_some_and(|asked| !asked.parse().is_ok_and(|limit: usize| (1..=MOST).contains(&limit))) {
        return Err(Problem::BadParameter("limit"));
    }
    Ok(desk.limit(asked, usual, MOST))
}

/// The values of a parameter, which may be repeated, out of those that are known.
fn said(
    request: &Request,
    name: &'static str,
    known: &[&'static str],
    usual: &[&'static str],
) -> Result<Vec<&'static str>, Problem> {
    let mut values = Vec::new();
    for (_, said) in request.query.iter().filter(|(key, _)| key == name) {
        let value = known.iter().find(|known| *known == said).ok_or(Problem::BadParameter(name))?;
        values.push(*value);
    }
    Ok(if values.is_empty() { usual.to_vec() } else { values })
}

fn body_format<'r>(request: &'r Request, known: &[&str]) -> Result<Option<&'r str>, Problem> {
    let said = request.query("body-format");
    if said.is_none_or(|said| known.contains(&said)) {
        Ok(said)
    } else {
        Err(Problem::BadParameter("body-format"))
    }
}

/// Numbers, repeated or separated by commas: the description has the one, its words the other.
fn numbers(request: &Request, name: &'static str, most: usize) -> Result<Option<Vec<String>>, Problem> {
    let said = request.query.iter().filter(|(key, _)| key == name);
    let all: Vec<String> = said.flat_map(|(_, value)| value.split(',')).map(str::to_owned).collect();
    if all.len() > most || all.iter().any(|it| it.parse::<u64>().is_err()) {
        return Err(Problem::BadParameter(name));
    }
    Ok((!all.is_empty()).then_some(all))
}
