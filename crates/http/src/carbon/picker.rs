//! The page on which a person chooses files: one folder at a time, plain links and one form, no script.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use tieline_engine::program::DataSource;
use tieline_engine::wire::{ItemRow, ItemsPage, Picked};
use url::form_urlencoded;

use super::callback::{failed, provider_name, source};
use super::choosing::{self, Choice};
use super::links::Link;
use super::page::{Page, escaped, go};
use super::{Sorry, call, webhooks};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/integrations/pick/{name}", get(look).post(choose))
}

/// Items on one page.
const PAGE: u32 = 200;

/// Where in the picker a person is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    /// The folder; none: the top.
    parent: Option<String>,
    cursor: Option<String>,
    /// How many were just chosen.
    chosen: Option<u32>,
}

impl Place {
    /// This place's address, with `more` after it.
    fn address(&self, name: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(parent) = &self.parent {
            query.append_pair("parent", parent);
        }
        if let Some(cursor) = &self.cursor {
            query.append_pair("cursor", cursor);
        }
        for (key, value) in more {
            query.append_pair(key, value);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/integrations/pick/{name}{mark}{query}")
    }
}

/// The link and the account it is about.
fn opened(door: &Door, name: &str) -> Option<(Link, DataSource)> {
    let link = door.carbon.links.find(&door.app.programs(), name)?;
    let source = source(door, link.source?).filter(|source| source.owner == link.owner && !source.revoked)?;
    Some((link, source))
}

fn closed() -> Response {
    Page::new("This page is closed")
        .words(
            "It was open for an hour, the account was disconnected, or the program was shut out. Go back to the program you came from.",
        )
        .answer(StatusCode::NOT_FOUND)
}

async fn look(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    Query(place): Query<Place>,
) -> Response {
    let Some((_, source)) = opened(&door, &name) else { return closed() };
    match listed(&door, &source, &place).await {
        Ok(page) => folder(&door, &name, &source, &place, &page),
        Err(sorry) => failed(&sorry),
    }
}

async fn listed(door: &Door, source: &DataSource, place: &Place) -> Result<ItemsPage, Sorry> {
    let ask = json!({
        "connection": source.connection, "parent": place.parent, "cursor": place.cursor, "limit": PAGE,
    });
    call(door, "items", ask).await
}

fn folder(door: &Door, name: &str, source: &DataSource, place: &Place, page: &ItemsPage) -> Response {
    let Ok(word) = door.carbon.links.form(name) else { return closed() };
    let mut html = format!("<p>{}: {}</p>", provider_name(door, &source.provider), escaped(&source.title));
    if let Some(count) = place.chosen {
        let what = if count == 1 { "One was".to_owned() } else { format!("{count} were") };
        html += &format!(
            "<p class=\"note\" role=\"status\">{what} chosen and will be read now. Choose more, or close this tab.</p>"
        );
    }
    html += &path(name, page);
    let action = escaped(&place.address(name, &[]));
    html += &format!(
        "<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"once\" value=\"{word}\"><ul class=\"rows\">"
    );
    if page.items.is_empty() {
        html += "<li class=\"empty\">Nothing is in here.</li>";
    }
    // Folders first, and what cannot be read last.
    let mut items: Vec<&ItemRow> = page.items.iter().collect();
    items.sort_by_key(|item| (!item.expandable, !item.selectable));
    for (number, item) in items.into_iter().enumerate() {
        html += &row(name, number, item);
    }
    html += "</ul><footer><span>Only text is kept, on this computer. Files stay where they are.</span>";
    if let Some(next) = &page.next {
        let next = Place { parent: place.parent.clone(), cursor: Some(next.clone()), chosen: None };
        html += &format!("<a href=\"{}\">Show more</a>", escaped(&next.address(name, &[])));
    }
    html += "<button>Read these</button></footer></form>";
    Page::wide("Choose what to read").markup(&html).answer(StatusCode::OK)
}

/// Where we are, from the top down.
fn path(name: &str, page: &ItemsPage) -> String {
    let mut html = String::from("<nav aria-label=\"Folder\"><ol>");
    let top = Place::default().address(name, &[]);
    match page.path.split_last() {
        None => html += "<li aria-current=\"page\">All files</li>",
        Some((last, above)) => {
            html += &format!("<li><a href=\"{}\">All files</a></li>", escaped(&top));
            for crumb in above {
                let place = Place { parent: Some(crumb.id.clone()), ..Place::default() };
                html += &format!(
                    "<li><a href=\"{}\">{}</a></li>",
                    escaped(&place.address(name, &[])),
                    escaped(&crumb.name)
                );
            }
            html += &format!("<li aria-current=\"page\">{}</li>", escaped(&last.name));
        }
    }
    html + "</ol></nav>"
}

fn row(name: &str, number: usize, item: &ItemRow) -> String {
    let title = escaped(if item.name.is_empty() { "Without a name" } else { &item.name });
    let chosen = matches!(item.picked, Picked::Itself | Picked::With);
    let can_be_read = item.selectable || item.expandable;
    let state = match (chosen, can_be_read) {
        (true, _) => " checked disabled",
        (false, false) => " disabled",
        (false, true) => "",
    };
    let note = match (chosen, can_be_read, item.expandable, item.size) {
        (true, ..) => "chosen".to_owned(),
        (_, false, ..) => "cannot be read".to_owned(),
        (_, _, true, _) => "with what comes later".to_owned(),
        (_, _, false, Some(size)) => size_words(size),
        (_, _, false, None) => item.format.clone().unwrap_or_default(),
    };
    let note = escaped(&note);
    let tick = format!("<input type=\"checkbox\" name=\"item\" value=\"{}\"{state}", escaped(&item.id));
    if item.expandable {
        // The name leads inside, so the box has a name of its own.
        let inside = Place { parent: Some(item.id.clone()), ..Place::default() };
        return format!(
            "<li>{tick} id=\"i{number}\" aria-label=\"{title}, whole folder\"><label for=\"i{number}\"><a href=\"{}\">{title}</a>\
             <small>{note}</small></label></li>",
            escaped(&inside.address(name, &[]))
        );
    }
    format!("<li><label>{tick}>{title}<small>{note}</small></label></li>")
}

/// As a person says it.
fn size_words(bytes: f64) -> String {
    match bytes {
        ..1e3 => format!("{bytes:.0} bytes"),
        ..1e6 => format!("{:.0} KB", bytes / 1e3),
        ..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

async fn choose(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    Query(place): Query<Place>,
    body: Bytes,
) -> Response {
    let Some((link, source)) = opened(&door, &name) else { return closed() };
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let once = form.iter().find(|(key, _)| key == "once").map_or("", |(_, word)| word.as_str());
    if !door.carbon.links.sent(&name, once) {
        // Sent twice, or left open for long: what it shows may be old, so it is shown anew.
        return go(&place.address(&name, &[]));
    }
    let items: Vec<String> = form.iter().filter(|(key, _)| key == "item").map(|(_, id)| id.clone()).collect();
    if items.is_empty() {
        return go(&place.address(&name, &[]));
    }
    match read(&door, &link, &source, &items).await {
        Ok(()) => go(&place.address(&name, &[("chosen", &items.len().to_string())])),
        Err(sorry) => failed(&sorry),
    }
}

/// Chooses these files as the link says, and begins to read them.
async fn read(door: &Arc<Door>, link: &Link, source: &DataSource, items: &[String]) -> Result<(), Sorry> {
    let choice = Choice {
        request_id: link.options.request_id.clone(),
        noted_only: link.options.file_sync_config.skip_file_processing,
        ..Choice::default()
    };
    // Another link may have been followed since.
    let as_linked = DataSource { options: link.options.clone(), ..source.clone() };
    choosing::choose(door, &as_linked, items, &choice).await?;
    webhooks::tell_of(door, source, "UPDATE");
    Ok(())
}

#[cfg(test)]
mod tests {
    use tieline_engine::item::Kind;
    use tieline_engine::wire::Crumb;

    use super::*;

    fn item(id: &str, name: &str) -> ItemRow {
        ItemRow {
            connection: "c1".into(),
            id: id.into(),
            parent: None,
            name: name.into(),
            kind: Kind::File,
            format: Some("pdf".into()),
            size: Some(2_100_000.0),
            modified: None,
            url: None,
            selectable: true,
            expandable: false,
            read: "no".into(),
            failure: None,
            picked: Picked::No,
        }
    }

    #[test]
    fn names_and_ids_of_files_are_no_markup() {
        let html = row("n", 0, &item("\"><script>", "<b>Plan</b>"));
        assert!(!html.contains("<b>") && !html.contains("<script>"), "{html}");
        assert!(html.contains("2.1 MB"));
        let folder = ItemRow { expandable: true, selectable: false, ..item("f&1", "Plans \"2027\"") };
        let html = row("n", 3, &folder);
        assert!(html.contains("/integrations/pick/n?parent=f%261"), "{html}");
        assert!(html.contains("aria-label=\"Plans &quot;2027&quot;, whole folder\""), "{html}");
    }

    #[test]
    fn what_is_chosen_or_cannot_be_read_is_not_chosen_again() {
        let chosen = ItemRow { picked: Picked::With, ..item("1", "a") };
        assert!(row("n", 0, &chosen).contains("checked disabled"));
        let film = ItemRow { selectable: false, ..item("1", "a") };
        assert!(row("n", 0, &film).contains("cannot be read"));
    }

    #[test]
    fn the_way_back_up_is_shown() {
        let crumb = |id: &str, name: &str| Crumb { id: id.into(), name: name.into() };
        let page = ItemsPage {
            items: Vec::new(),
            next: None,
            count: None,
            path: vec![crumb("a", "Plans"), crumb("b", "<2027>")],
            live: true,
        };
        let html = path("n", &page);
        assert!(
            html.contains("?parent=a\">Plans</a>")
                && html.contains("<li aria-current=\"page\">&lt;2027&gt;</li>")
        );
    }
}
