//! Contents: looked into, picked, synced, searched, forgotten.

use std::collections::HashSet;
use std::sync::Arc;

use url::Url;

use super::wire::{
    ById, Crumb, ForgetContents, Found, Hit, ItemAsk, ItemRow, ItemText, ItemsAsk, ItemsPage, LibraryPart,
    LibraryState, Nothing, Pick, Picked, SearchAsk, SetSync, StartSync, SyncFailure, SyncState,
};
use crate::app::App;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::{contents, sync};
use crate::item::{Item, Listed};
use crate::library::{self, Phase, Read, Row, Wish};
use crate::world::World;

/// Pages of a provider's list that one look may take.
const LIVE_PAGES: usize = 5;
/// Hours between two syncs that may be chosen.
const HOURS: [u32; 5] = [0, 3, 6, 12, 24];

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
        connection: Some(connection.to_owned()),
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
        count: Some(count(page.count)),
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
    world.library.peek(&row.connection, &found)?;
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

fn item_row(row: Row, picked: Picked) -> ItemRow {
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
            Read::No => "no",
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
    world.changed(Change::Sync { id: ask.connection.clone() });
    state(&world, &ask.connection)
}

/// Begins a sync and returns at once; the rest comes as changes.
pub(super) async fn start_sync(app: &App, ask: StartSync) -> Result<SyncState> {
    let world = app.world();
    prepare(&world, &ask)?;
    sync::start(&world, &ask.connection)?;
    state(&world, &ask.connection)
}

/// As [`start_sync`], and waits for the end.
pub(super) async fn sync_to_the_end(app: &App, ask: StartSync) -> Result<SyncState> {
    let world = app.world();
    prepare(&world, &ask)?;
    world.library.set_wish(&ask.connection, Wish::GoOn)?;
    sync::run(&world, &ask.connection).await?;
    state(&world, &ask.connection)
}

fn prepare(world: &World, ask: &StartSync) -> Result<()> {
    let id = &ask.connection;
    let mut row = sync::row(world, id)?;
    if ask.items.is_some() || ask.failed {
        let count = world.library.queue_again(id, ask.items.as_deref())?;
        if let Some(items) = ask.items.as_ref().filter(|items| count < items.len() as u64) {
            return Err(Error::field(
                "items",
                format!(
                    "{count} of {} can be read; the others are not listed, or have no contents.",
                    items.len()
                ),
            ));
        }
        if row.resume.is_none() {
            row.phase = Phase::Reading;
        }
    }
    world.library.put_sync(&row)
}

pub(super) async fn pause_sync(app: &App, ask: ById) -> Result<SyncState> {
    wish(app, &ask.id, Wish::Pause).await
}

pub(super) async fn cancel_sync(app: &App, ask: ById) -> Result<SyncState> {
    wish(app, &ask.id, Wish::Cancel).await
}

async fn wish(app: &App, id: &str, wish: Wish) -> Result<SyncState> {
    let world = app.world();
    let mut row = sync::row(&world, id)?;
    world.library.set_wish(id, wish)?;
    if !is_running(&world, id) && matches!(row.phase, Phase::Listing | Phase::Reading | Phase::Paused) {
        // Nobody is there to heed the wish.
        row.phase = if wish == Wish::Pause { Phase::Paused } else { Phase::Idle };
        if wish == Wish::Cancel {
            row.resume = None;
        }
        world.library.put_sync(&row)?;
        world.changed(Change::Sync { id: id.to_owned() });
    }
    state(&world, id)
}

fn is_running(world: &World, id: &str) -> bool {
    world.syncs.is_running(id) || crate::lock::is_held(&world.locks(), &format!("sync-{id}"))
}

pub(super) async fn sync_state(app: &App, ask: ById) -> Result<SyncState> {
    state(&app.world(), &ask.id)
}

pub(super) async fn syncs(app: &App, _: Nothing) -> Result<Vec<SyncState>> {
    let world = app.world();
    world.store.connections()?.iter().map(|it| state(&world, &it.id)).collect()
}

pub(super) async fn set_sync(app: &App, ask: SetSync) -> Result<Vec<SyncState>> {
    let world = app.world();
    if let Some(hours) = ask.every_hours.filter(|hours| !HOURS.contains(hours)) {
        return Err(Error::field("every_hours", format!("{hours} is not one of 0 (off), 3, 6, 12 and 24.")));
    }
    let ids: Vec<String> = match ask.connection {
        Some(id) => vec![world.connection(&id)?.id],
        None => world.store.connections()?.into_iter().map(|it| it.id).collect(),
    };
    for id in &ids {
        let row = sync::row(&world, id)?;
        let hours = ask.every_hours.unwrap_or(row.every_hours);
        let next_at = match (hours, ask.every_hours) {
            (0, _) => None,
            (_, None) => row.next_at,
            (hours, Some(_)) => {
                let from = row.ended_at.unwrap_or_else(|| world.now());
                Some(from + i64::from(hours) * 3600)
            }
        };
        world.library.put_sync(&row)?;
        world.library.set_sync(id, ask.everything.unwrap_or(row.everything), hours, next_at)?;
        world.changed(Change::Sync { id: id.clone() });
    }
    ids.iter().map(|id| state(&world, id)).collect()
}

fn state(world: &World, id: &str) -> Result<SyncState> {
    let it = world.connection(id)?;
    let provider = world.provider(&it.provider)?;
    let row = sync::row(world, id)?;
    let tally = world.library.tally(id)?;
    let picked = if row.everything { library::Picked::default() } else { world.library.picked(id)? };
    let running = is_running(world, id);
    let paused_until = running.then(|| world.pace(id, &provider).paused_until(world.now())).flatten();
    let items = provider.source.as_ref().map_or_else(|| "items".to_owned(), |facts| facts.items.clone());
    let can = crate::sources::of(&provider.id).is_some() && provider.source.is_some();
    let words = words(&provider.name, &items, &row, &tally, running, paused_until.map(|at| at - world.now()));
    Ok(SyncState {
        connection: id.to_owned(),
        can,
        items,
        everything: row.everything,
        every_hours: row.every_hours,
        next_at: row.next_at.map(clock::rfc3339),
        phase: row.phase,
        running,
        complete: row.complete,
        listed: count(tally.listed),
        waiting: count(tally.waiting),
        kept: count(tally.kept),
        failed: count(tally.failed),
        bytes: tally.bytes as f64,
        bytes_waiting: tally.bytes_waiting as f64,
        paused_until: paused_until.map(clock::rfc3339),
        ended_at: row.ended_at.map(clock::rfc3339),
        removed: count(row.removed),
        failure: row.failure.as_deref().and_then(|text| serde_json::from_str::<SyncFailure>(text).ok()),
        picked_folders: count(picked.folders),
        picked_items: count(picked.items),
        picked_bytes: picked.bytes as f64,
        words,
    })
}

fn words(
    provider: &str,
    items: &str,
    row: &library::Sync,
    tally: &library::Tally,
    running: bool,
    pause: Option<i64>,
) -> String {
    let of = tally.waiting + tally.kept + tally.failed;
    match (row.phase, running) {
        (_, true) if pause.is_some() => {
            let left = pause.unwrap_or(0).max(0);
            format!(
                "{provider} asks us to pause. It goes on in {}:{:02}; nothing is lost.",
                left / 60,
                left % 60
            )
        }
        (Phase::Listing, true) => format!("Looking what there is: {} seen so far.", tally.listed),
        (Phase::Reading, true) => format!("Reading {} of {of}.", tally.kept + tally.failed),
        (Phase::Listing | Phase::Reading, false) => "Interrupted; it goes on at the next start.".into(),
        (Phase::Paused, _) => format!("Paused; {} of {of} {items} are here.", tally.kept),
        (Phase::Failed, _) => "The last sync stopped before its end.".into(),
        (Phase::Idle, _) if row.ended_at.is_none() => "Not synced yet.".into(),
        (Phase::Idle, _) if tally.failed > 0 => {
            format!("In sync: {} {items} here, {} could not be read.", tally.kept, tally.failed)
        }
        (Phase::Idle, _) => format!("In sync: {} {items} here.", tally.kept),
    }
}

pub(super) async fn search(app: &App, ask: SearchAsk) -> Result<Found> {
    let world = app.world();
    let since = match ask.since.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(
            clock::from_rfc3339(text)
                .ok_or_else(|| Error::field("since", "This is no time such as 2026-11-22T08:00:00Z."))?,
        ),
        None => None,
    };
    let connections = match &ask.provider {
        Some(name) => {
            let id = world.provider(name)?.id.clone();
            Some(
                world
                    .library
                    .syncs()?
                    .into_iter()
                    .filter(|it| it.provider == id)
                    .map(|it| it.connection)
                    .collect(),
            )
        }
        None => None,
    };
    let most = ask.limit.unwrap_or(50).clamp(1, 200);
    let query = library::Query {
        words: ask.words,
        connection: ask.connection,
        connections,
        kinds: ask.kinds,
        since,
        names_only: false,
        most: most + 1,
    };
    let library = world.library.clone();
    let mut found =
        tokio::task::spawn_blocking(move || library.search(&query)).await.map_err(Error::internal)??;
    let more = found.len() > most as usize;
    found.truncate(most as usize);
    let hits = found.into_iter().map(|hit| hit_row(&world, hit)).collect::<Result<_>>()?;
    Ok(Found { hits, texts: count(world.library.kept()?), more })
}

fn hit_row(world: &World, hit: library::Hit) -> Result<Hit> {
    let (connection, id) = (hit.row.connection.clone(), hit.row.item.id.clone());
    let (provider, account) = whose(world, &connection)?;
    let path = world.library.above(&connection, &id)?;
    // A web view counts in UTF-16.
    let units: Vec<u32> = hit
        .snippet
        .chars()
        .scan(0, |at, letter| {
            let here = *at;
            *at += letter.len_utf16() as u32;
            Some(here)
        })
        .chain([hit.snippet.encode_utf16().count() as u32])
        .collect();
    let unit = |at: u32| units.get(at as usize).or(units.last()).copied().unwrap_or(0);
    Ok(Hit {
        item: item_row(hit.row, Picked::No),
        provider_name: world.provider(&provider).map_or_else(|_| provider.clone(), |it| it.name.clone()),
        provider,
        account,
        path: path.into_iter().map(|row| Crumb { id: row.item.id, name: row.item.name }).collect(),
        marks: hit.marks.iter().map(|(from, to)| (unit(*from), unit(*to))).collect(),
        snippet: hit.snippet,
    })
}

/// Provider and title of a connection, also of one that was disconnected.
fn whose(world: &World, connection: &str) -> Result<(String, String)> {
    if let Some(it) = world.store.connection(connection)? {
        let title = it.title();
        return Ok((it.provider, title));
    }
    Ok(world.library.sync(connection)?.map(|row| (row.provider, row.title)).unwrap_or_default())
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

pub(super) async fn library(app: &App, _: Nothing) -> Result<LibraryState> {
    let world = app.world();
    let mut parts = Vec::new();
    for row in world.library.syncs()? {
        let tally = world.library.tally(&row.connection)?;
        if tally.kept == 0 {
            continue;
        }
        let (provider, account) = whose(&world, &row.connection)?;
        parts.push(LibraryPart {
            connected: world.store.connection(&row.connection)?.is_some(),
            provider_name: world.provider(&provider).map_or_else(|_| provider.clone(), |it| it.name.clone()),
            connection: row.connection,
            provider,
            account,
            kept: count(tally.kept),
            bytes: tally.bytes as f64,
        });
    }
    parts.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    Ok(LibraryState {
        place: world.folder.join("library.db").display().to_string(),
        size: world.library.size()? as f64,
        limit_mb: world.store.settings()?.library_limit_mb,
        texts: count(world.library.kept()?),
        parts,
    })
}

/// Deletes kept texts. Connections and what was picked stay.
pub(super) async fn forget_contents(app: &App, ask: ForgetContents) -> Result<LibraryState> {
    let world = app.world();
    let ids: Vec<String> = match &ask.connection {
        Some(id) => vec![id.clone()],
        None => world.library.syncs()?.into_iter().map(|row| row.connection).collect(),
    };
    for id in ids {
        if is_running(&world, &id) {
            return Err(Error::new(
                Code::Conflict,
                "A sync is under way, which would bring the contents back.",
                "Stop the sync first.",
            ));
        }
        let connected = world.store.connection(&id)?.is_some();
        let (library, key) = (world.library.clone(), id.clone());
        tokio::task::spawn_blocking(move || {
            library.forget(&key, !connected)?;
            if connected { Ok(()) } else { library.forget_sync(&key) }
        })
        .await
        .map_err(Error::internal)??;
        world.changed(Change::Sync { id });
    }
    library(app, Nothing {}).await
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
