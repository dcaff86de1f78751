//! The document libraries of a site and of the sites below it, each followed by a delta query.

use async_trait::async_trait;
use serde::Deserialize;

use super::drive_item::{self, Drive, Place};
use super::graph::{self, Rows};
use super::rest::segment;
use super::{Fault, Rest, Source};
use crate::clock::from_rfc3339;
use crate::error::{Code, Error};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct SharePoint;

const LIBRARY: &str = "$select=id,name,driveType,webUrl,lastModifiedDateTime";
const SITE: &str = "$select=id,name,displayName,webUrl,lastModifiedDateTime";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: Option<String>,
    display_name: Option<String>,
    web_url: Option<String>,
    last_modified_date_time: Option<String>,
}

#[async_trait]
impl Source for SharePoint {
    /// Libraries, then the sites below.
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let site = match parent {
            Some(parent) if parent.kind == Kind::Library => {
                let address = format!("/drives/{}/root", segment(&parent.id));
                return drive_item::children(rest, &address, Some(parent), cursor).await;
            }
            Some(parent) if parent.kind != Kind::Site => {
                return drive_item::children(rest, &address(parent), Some(parent), cursor).await;
            }
            Some(parent) => parent.id.clone(),
            None => site(rest).await?,
        };
        let above = parent.map(|it| it.id.as_str());
        let (kind, link) = cursor.and_then(|it| it.split_once(' ')).unwrap_or(("libraries", ""));
        let page: Rows<Row> =
            rest.get(if link.is_empty() { first(&site, kind) } else { link.to_owned() }).value().await?;
        let items = page.value.into_iter().map(|row| shown(row, kind, above).into()).collect();
        let next = match page.next {
            Some(link) => Some(format!("{kind} {link}")),
            None if kind == "libraries" => Some("sites ".to_owned()),
            None => None,
        };
        Ok(Page { items, next })
    }

    /// Sites and libraries, then what is in each library.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let place: Place = cursor.map(graph::place).transpose()?.unwrap_or_default();
        if place.begun { drive_item::changes(rest, place).await } else { libraries(rest, place).await }
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        drive_item::read(rest, &address(item), item).await
    }
}

fn address(item: &Item) -> String {
    let drive = item.root.as_deref().unwrap_or_default();
    item.note.clone().unwrap_or_else(|| drive_item::address(drive, &item.id))
}

/// All sites and libraries. They are few, and listed at every sync; a library keeps its position in `place`.
async fn libraries(rest: &Rest, mut place: Place) -> Result<Changes, Fault> {
    let top = site(rest).await?;
    let (mut open, mut items) = (vec![(top, None::<String>)], Vec::<Listed>::new());
    let mut known: Vec<Drive> = std::mem::take(&mut place.drives);
    let before = std::mem::take(&mut place.above);
    while let Some((site, above)) = open.pop() {
        for kind in ["libraries", "sites"] {
            let rows = match all(rest, first(&site, kind)).await {
                // One below that is closed to this account.
                Err(Fault::Status(reply)) if reply.status == 403 && above.is_some() => continue,
                rows => rows?,
            };
            for row in rows {
                if place.above.contains(&row.id) {
                    continue;
                }
                place.above.push(row.id.clone());
                if kind == "sites" {
                    open.push((row.id.clone(), Some(row.id.clone())));
                } else {
                    let at = known.iter().position(|drive| drive.id.as_ref() == Some(&row.id));
                    let new = || Drive::new(format!("/drives/{}", segment(&row.id)), Some(row.id.clone()));
                    place.drives.push(at.map_or_else(new, |at| known.swap_remove(at)));
                }
                items.push(shown(row, kind, above.as_deref()).into());
            }
        }
    }
    let removed = before.into_iter().filter(|id| !place.above.contains(id)).collect();
    place.begun = true;
    Ok(Changes { items, removed, next: Next::More(graph::cursor(&place)?) })
}

fn first(site: &str, kind: &str) -> String {
    let site = segment(site);
    if kind == "sites" {
        format!("/sites/{site}/sites?{SITE}")
    } else {
        format!("/sites/{site}/drives?{LIBRARY}")
    }
}

/// Every page of a list.
async fn all(rest: &Rest, first: String) -> Result<Vec<Row>, Fault> {
    let (mut rows, mut next) = (Vec::new(), Some(first));
    while let Some(address) = next {
        let page: Rows<Row> = rest.get(address).value().await?;
        rows.extend(page.value);
        next = page.next;
    }
    Ok(rows)
}

fn shown(row: Row, kind: &str, above: Option<&str>) -> Item {
    let is_library = kind == "libraries";
    let title = if is_library { row.name } else { row.display_name.or(row.name) };
    let what = if is_library { Kind::Library } else { Kind::Site };
    Item {
        parent: above.map(str::to_owned),
        root: is_library.then(|| row.id.clone()),
        modified: row.last_modified_date_time.as_deref().and_then(from_rfc3339),
        url: row.web_url,
        ..Item::container(row.id, title.unwrap_or_default(), what)
    }
}

/// The id of the connection's site: as noted at the sign-in, else by what the person typed.
async fn site(rest: &Rest) -> Result<String, Fault> {
    let noted = rest.field("site_id");
    if !noted.is_empty() {
        return Ok(noted.to_owned());
    }
    let typed = rest.field("site").trim();
    let path = path(typed);
    let at = if path.is_empty() { "/sites/root".to_owned() } else { format!("/sites/root:/{path}") };
    match rest.get(format!("{at}?{SITE}")).value::<Row>().await {
        Err(Fault::Status(reply)) if reply.status == 404 => by_title(rest, typed).await,
        other => Ok(other?.id),
    }
}

/// The one site that is called so.
async fn by_title(rest: &Rest, title: &str) -> Result<String, Fault> {
    let found = all(rest, format!("/sites?search={}&{SITE}", segment(title))).await?;
    let is_called = |name: &Option<String>| name.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(title));
    let mut named = found.into_iter().filter(|row| is_called(&row.display_name) || is_called(&row.name));
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one.id),
        _ => Err(Fault::Failed(Error::new(
            Code::NotFound,
            "SharePoint has no site at this address. The title of a site often differs from its address.",
            "Open the site in the browser, copy its address, and connect it with that.",
        ))),
    }
}

/// `sites/Mkt` out of a name, a path or the address of a site, a library or something shared; empty for the main site.
fn path(typed: &str) -> String {
    let rest =
        typed.strip_prefix("https://").map_or(typed, |it| it.split_once('/').map_or("", |(_, path)| path));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    // A sharing link has its kind in front: `:w:/r/`, `:f:/s/`.
    let mut parts = rest.split('/').filter(|it| !it.is_empty() && !it.starts_with(':')).peekable();
    let _ = parts.next_if_eq(&"r");
    let place = match parts.next() {
        None => return String::new(),
        Some("s") => "sites",
        Some("t") => "teams",
        Some(place @ ("sites" | "teams")) => place,
        Some(name) if !typed.contains("://") && !name.contains('.') => {
            return format!("sites/{}", encoded(name));
        }
        Some(_) => return String::new(),
    };
    parts.next().map_or_else(String::new, |name| format!("{place}/{}", encoded(name)))
}

/// Percent-encoded once, also where it was already.
fn encoded(name: &str) -> String {
    if name.contains('%') { name.to_owned() } else { segment(name) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_site_is_found_in_what_people_paste() {
        let host = "https://contoso.sharepoint.com";
        for (typed, path) in [
            ("", ""),
            ("sites/Mkt", "sites/Mkt"),
            ("/teams/Field-Ops/", "teams/Field-Ops"),
            ("Mkt", "sites/Mkt"),
            ("Marketing team", "sites/Marketing%20team"),
            (host, ""),
            (&format!("{host}/"), ""),
            (&format!("{host}/Shared%20Documents/Forms/AllItems.aspx"), ""),
            (&format!("{host}/sites/Mkt/Shared%20Documents/Forms/AllItems.aspx?id=1"), "sites/Mkt"),
            (&format!("{host}/:f:/r/sites/Mkt/Shared%20Documents"), "sites/Mkt"),
            (&format!("{host}/:w:/s/Mkt/EaBc?e=1"), "sites/Mkt"),
            (&format!("{host}/teams/A%20B"), "teams/A%20B"),
        ] {
            assert_eq!(super::path(typed), path, "{typed}");
        }
    }
}
