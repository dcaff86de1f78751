//! Items: looked into, picked, read, opened.

use std::collections::HashSet;
use std::sync::Arc;

use url::Url;

use super::syncing;
use super::wire::{Crumb, ItemAsk, ItemRow, ItemText, ItemsAsk, ItemsPage, Nothing, Pick, Picked, SyncState};
use crate::app::App;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::{contents, sync};
use crate::item::{Item, Listed};
use crate::library::{self, Read, Row};
use crate::world::World;

/// Pages of a provider's list that one look may take.
const LIVE_PAGES: usize = 5;

/// What stands below an item, or what a word finds by name.
pub(super) async fn items(app: &App, ask: ItemsAsk) -> Result<ItemsPage> {
    let world = app.world();
    world.connection(&ask.connection)?;
    let limit = ask.limit.unwrap_or(200).clamp(1, 1000);
    if let Some(words) = ask.search.as_deref().filter(|words| !words.trim().is_empty()) {
        return by_name(&world, &ask.connection, words, limit);
    }
    if let Some(ids) = &ask.ids {
        return known_items(&world, &ask.connection, ids);
    }
    if ask.failed {
        return failed_items(&world, &ask, limit);
    }
    let row = sync::row(&world, &ask.connection)?;
    if row.complete && !ask.cursor.as_deref().is_some_and(|cursor| cursor.starts_with("live:")) {
        return kept_items(&world, &ask, &row, limit);
    }
    live_items(&world, &ask, &row, limit).await
}

fn by_name(world: &World, connection: &str, words: &str, limit: u32) -> Result<ItemsPage> {
    let query = library::Query {
        words: words.to_owned(),
        connections: Some(vec![connection.to_owned()]),
        names_only: true,
        most: limit,
        ..library::Query::default()
    };
    let hits = world.library.search(&query)?;
    let marks = Marks::of(world, connection)?;
    let items = hits.into_iter().map(|hit| marks.row(world, hit.row)).collect::<Result<_>>()?;
    Ok(ItemsPage { items, next: None, count: None, path: Vec::new(), live: false })
}

fn kept_items(world: &World, ask: &ItemsAsk, row: &library::Sync, limit: u32) -> Result<ItemsPage> {
    let (parent, offset) = (ask.parent.as_deref(), offset(ask)?);
    let page = world.library.below(&row.connection, parent, offset, limit)?;
    paged(world, &row.connection, page, offset, path_to(world, &row.connection, parent)?)
}

fn failed_items(world: &World, ask: &ItemsAsk, limit: u32) -> Result<ItemsPage> {
    let offset = offset(ask)?;
    let page = world.library.failed(&ask.connection, offset, limit)?;
    paged(world, &ask.connection, page, offset, Vec::new())
}

fn known_items(world: &World, connection: &str, ids: &[String]) -> Result<ItemsPage> {
    let marks = Marks::of(world, connection)?;
    let mut items = Vec::new();
    for id in ids.iter().take(1000) {
        if let Some(row) = world.library.item(connection, id)? {
            items.push(marks.row(world, row)?);
        }
    }
    Ok(ItemsPage { items, next: None, count: None, path: Vec::new(), live: false })
}

fn offset(ask: &ItemsAsk) -> Result<u32> {
    let Some(cursor) = &ask.cursor else { return Ok(0) };
    cursor.parse().map_err(|_| Error::field("cursor", "This is no cursor of an earlier page."))
}

fn paged(
    world: &World,
    connection: &str,
    page: library::Folder,
    offset: u32,
    path: Vec<Crumb>,
) -> Result<ItemsPage> {
    let marks = Marks::of(world, connection)?;
    let seen = offset + page.rows.len() as u32;
    Ok(ItemsPage {
        items: page.rows.into_iter().map(|row| marks.row(world, row)).collect::<Result<_>>()?,
        next: (u64::from(seen) < page.count).then(|| seen.to_string()),
        count: Some(super::count(page.count)),
        path,
        live: false,
    })
}

async fn live_items(
    world: &Arc<World>,
    ask: &ItemsAsk,
    row: &library::Sync,
    limit: u32,
) -> Result<ItemsPage> {
    let it = world.connection(&ask.connection)?;
    let reader = contents::reader(world, &it)?;
    let parent = match &ask.parent {
        None => None,
        Some(id) => {
            Some(world.library.item(&row.connection, id)?.ok_or_else(|| Error::not_found("item", id))?.item)
        }
    };
    let mut cursor = ask.cursor.as_deref().and_then(|cursor| cursor.strip_prefix("live:")).map(str::to_owned);
    let mut found: Vec<Item> = Vec::new();
    for _ in 0..LIVE_PAGES {
        let page = reader
            .source
            .children(&reader.rest, parent.as_ref(), cursor.as_deref())
            .await
            .map_err(|fault| fault.error(&reader.provider))?;
        found.extend(page.items.into_iter().map(|Listed { item, .. }| item));
        cursor = page.next;
        if cursor.is_none() || found.len() >= limit as usize {
            break;
        }
    }
    world.library.peek(&row.connection, &found, world.now())?;
    let marks = Marks::of(world, &row.connection)?;
    let mut items = Vec::new();
    for item in &found {
        if let Some(row) = world.library.item(&row.connection, &item.id)? {
            items.push(marks.row(world, row)?);
        }
    }
    Ok(ItemsPage {
        items,
        next: cursor.map(|cursor| format!("live:{cursor}")),
        count: None,
        path: path_to(world, &row.connection, ask.parent.as_deref())?,
        live: true,
    })
}

fn path_to(world: &World, connection: &str, id: Option<&str>) -> Result<Vec<Crumb>> {
    let Some(id) = id else { return Ok(Vec::new()) };
    let mut path = world.library.above(connection, id)?;
    path.extend(world.library.item(connection, id)?);
    Ok(path.into_iter().map(|row| Crumb { id: row.item.id, name: row.item.name }).collect())
}

/// What is picked, to be told at each item.
struct Marks {
    everything: bool,
    picks: HashSet<String>,
    /// What stands above something picked.
    partly: HashSet<String>,
}

impl Marks {
    fn of(world: &World, connection: &str) -> Result<Self> {
        let everything = sync::row(world, connection).is_ok_and(|row| row.everything);
        let picks: HashSet<String> = world.library.picks(connection)?.into_iter().collect();
        let mut partly = HashSet::new();
        for id in picks.iter().take(2000) {
            partly.extend(world.library.above(connection, id)?.into_iter().map(|row| row.item.id));
        }
        Ok(Self { everything, picks, partly })
    }

    fn row(&self, world: &World, row: Row) -> Result<ItemRow> {
        let id = &row.item.id;
        let picked = if self.everything {
            Picked::With
        } else if self.picks.contains(id) {
            Picked::Itself
        } else if self.picks.is_empty() {
            Picked::No
        } else if world.library.is_picked(&row.connection, id)? {
            Picked::With
        } else if self.partly.contains(id) {
            Picked::Partly
        } else {
            Picked::No
        };
        Ok(item_row(row, picked))
    }
}

pub(super) fn item_row(row: Row, picked: Picked) -> ItemRow {
    let Row { connection, item, read, failure, .. } = row;
    ItemRow {
        connection,
        id: item.id,
        parent: item.parent,
        name: item.name,
        kind: item.kind,
        format: item.format,
        size: item.size.map(|size| size as f64),
        modified: item.modified.map(clock::rfc3339),
        url: item.url,
        selectable: item.selectable,
        expandable: item.expandable,
        read: match read {
            Read::No | Read::Ready => "no",
            Read::Waiting => "waiting",
            Read::Kept => "kept",
            Read::Failed => "failed",
        }
        .into(),
        failure,
        picked,
    }
}

pub(super) async fn pick(app: &App, ask: Pick) -> Result<SyncState> {
    let world = app.world();
    let row = sync::row(&world, &ask.connection)?;
    for id in &ask.add {
        if world.library.item(&ask.connection, id)?.is_none() {
            return Err(Error::field(
                "add",
                format!("There is no item {id} in this connection, or it was not listed yet."),
            ));
        }
    }
    if row.everything && !(ask.add.is_empty() && ask.remove.is_empty()) {
        // Who picks wants no longer everything.
        world.library.set_sync(&ask.connection, false, row.every_hours, row.next_at)?;
    }
    world.library.pick(&ask.connection, &ask.add, &ask.remove, world.now())?;
    if row.everything || !ask.remove.is_empty() {
        sync::let_go(&world, &row)?;
    }
    world.changed(Change::Sync { id: ask.connection.clone() });
    syncing::state(&world, &ask.connection)
}
/// The kept text, or what the provider gives now.
pub(super) async fn read_item(app: &App, ask: ItemAsk) -> Result<ItemText> {
    let world = app.world();
    let row =
        world.library.item(&ask.connection, &ask.item)?.ok_or_else(|| Error::not_found("item", &ask.item))?;
    if let Some(text) = world.library.text(row.row)? {
        return Ok(ItemText { item: item_row(row, Picked::No), text, kept: true });
    }
    if !row.item.selectable {
        return Err(Error::new(
            Code::Refused,
            format!("{} has no text of its own.", row.item.name),
            "Look into it instead.",
        ));
    }
    let reader = contents::reader(&world, &world.connection(&ask.connection)?)?;
    let content =
        reader.source.read(&reader.rest, &row.item).await.map_err(|fault| fault.error(&reader.provider))?;
    let text = contents::text(&world, &row.item, content)
        .await
        .map_err(|words| Error::new(Code::Refused, words, "Open it at its source."))?;
    Ok(ItemText { item: item_row(row, Picked::No), text, kept: false })
}

/// Opens an item where it is. Its address is the provider's word, so it is opened only if it is https.
pub(super) async fn open_item(app: &App, ask: ItemAsk) -> Result<Nothing> {
    let world = app.world();
    let row =
        world.library.item(&ask.connection, &ask.item)?.ok_or_else(|| Error::not_found("item", &ask.item))?;
    let url = row.item.url.as_deref().and_then(|text| Url::parse(text).ok()).ok_or_else(|| {
        Error::new(
            Code::NotFound,
            format!("{} has no page of its own.", row.item.name),
            "Look at what it stands in.",
        )
    })?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if url.scheme() != "https" {
        return Err(Error::new(
            Code::Refused,
            format!("Tieline did not open {host}: its address is not encrypted."),
            "Open it at the provider yourself.",
        ));
    }
    if world.practice.is_some() {
        return Err(Error::new(
            Code::Refused,
            format!("This is practice: {host} is not real, so there is no page to open."),
            "Turn practice mode off to work with real accounts.",
        ));
    }
    world.browser.open(&url, &[host], false)?;
    Ok(Nothing {})
}
