//! The library: searched, looked at, forgotten.

use super::count;
use super::items::item_row;
use super::syncing::is_running;
use super::wire::{Crumb, ForgetContents, Found, Hit, LibraryPart, LibraryState, Nothing, Picked, SearchAsk};
use crate::app::App;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::library;
use crate::world::World;

pub(super) async fn search(app: &App, ask: SearchAsk) -> Result<Found> {
    let connections = ask.connection.clone().map(|it| vec![it]);
    search_in(&app.world(), ask, connections).await
}

/// Searches in these connections, or in all, whichever one is asked for.
pub(crate) async fn search_in(
    world: &World,
    ask: SearchAsk,
    connections: Option<Vec<String>>,
) -> Result<Found> {
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
            let of_provider = world.library.syncs()?.into_iter().filter(|it| it.provider == id);
            let wanted = |it: &String| connections.as_ref().is_none_or(|some| some.contains(it));
            Some(of_provider.map(|it| it.connection).filter(wanted).collect())
        }
        None => connections,
    };
    let most = ask.limit.unwrap_or(50).clamp(1, 200);
    let query = library::Query {
        words: ask.words,
        connections,
        kinds: ask.kinds,
        since,
        names_only: false,
        most: most + 1,
    };
    let library = world.library.clone();
    let look = move || -> Result<_> {
        let texts = match &query.connections {
            None => library.kept()?,
            Some(some) => {
                some.iter().try_fold(0, |sum, it| library.tally(it).map(|tally| sum + tally.kept))?
            }
        };
        Ok((library.search(&query)?, texts))
    };
    let (mut found, texts) = tokio::task::spawn_blocking(look).await.map_err(Error::internal)??;
    let more = found.len() > most as usize;
    found.truncate(most as usize);
    let hits = found.into_iter().map(|hit| hit_row(world, hit)).collect::<Result<_>>()?;
    Ok(Found { hits, texts: count(texts), more })
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
