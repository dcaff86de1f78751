//! Contents of waiting items, several at once, into the library.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;

use crate::error::{Code, Error, Result};
use crate::flows::contents::{self, Reader};
use crate::item::{self, Content};
use crate::library::{Sync, Waiting};
use crate::sources::Fault;
use crate::world::World;

/// Items looked up at once.
const BATCH: u32 = 256;
/// Texts written in one transaction.
const TOGETHER: usize = 32;
/// So many items in a row that the provider or the line spoils end the sync: it is not about the items.
const SPOILED_IN_A_ROW: u32 = 8;

enum Outcome {
    Text(Result<String, String>),
    Gone,
    /// Spoiled on the way; the item waits on.
    Spoiled(Error),
    /// Nothing more can be read.
    End(Error),
}

/// Reads until nothing waits.
pub(super) async fn read(world: &Arc<World>, reader: &Reader, row: &mut Sync) -> Result<()> {
    let facts = world.provider(&row.provider)?.source.clone();
    let at_once = facts.map_or(4, |facts| facts.at_once.max(1) as usize);
    let id = row.connection.clone();
    let connection = id.as_str();
    let (mut after, mut spoiled) = (0, 0);
    let mut last_spoil = None;
    loop {
        let batch = world.library.waiting(&row.connection, after, BATCH)?;
        let Some(last) = batch.last() else { break };
        after = last.row;
        let read = |item: Waiting| async move {
            let outcome = one(world, reader, connection, &item).await;
            (item.row, outcome)
        };
        let mut outcomes = stream::iter(batch).map(read).buffer_unordered(at_once).ready_chunks(TOGETHER);
        while let Some(chunk) = outcomes.next().await {
            let (mut texts, mut end) = (Vec::new(), None);
            for (item, outcome) in chunk {
                match outcome {
                    Outcome::Text(text) => {
                        spoiled = 0;
                        texts.push((item, text));
                    }
                    Outcome::Gone => {
                        world.library.gone(item)?;
                        row.removed += 1;
                    }
                    Outcome::Spoiled(error) => {
                        spoiled += 1;
                        texts.push((item, Err(error.message.clone())));
                        last_spoil = Some(error);
                    }
                    Outcome::End(error) => end = Some(error),
                }
            }
            let (library, now) = (world.library.clone(), world.now());
            tokio::task::spawn_blocking(move || library.keep(&texts, now))
                .await
                .map_err(Error::internal)??;
            check_room(world)?;
            if let Some(error) = end {
                return Err(error);
            }
            if spoiled >= SPOILED_IN_A_ROW
                && let Some(error) = last_spoil
            {
                world.library.queue_again(&row.connection, None)?;
                return Err(error);
            }
        }
    }
    world.library.put_sync(row)
}

async fn one(world: &World, reader: &Reader, connection: &str, waiting: &Waiting) -> Outcome {
    match reader.source.read(&reader.rest, &waiting.item).await {
        Ok(Content::Markdown(text)) => match contents::is_plain(world, connection, waiting.row) {
            Ok(plain) => Outcome::Text(Ok(if plain { item::plain(&text) } else { text })),
            Err(error) => Outcome::End(error),
        },
        Ok(content) => Outcome::Text(contents::text(world, &waiting.item, content).await),
        Err(Fault::Gone) => Outcome::Gone,
        Err(Fault::Status(reply)) if matches!(reply.status, 404 | 410) => Outcome::Gone,
        Err(Fault::Failed(error)) => match error.code {
            Code::NeedsYou | Code::KeyringLocked | Code::KeyringAbsent | Code::Storage | Code::Cancelled => {
                Outcome::End(error)
            }
            Code::Temporary => Outcome::Spoiled(error),
            _ => Outcome::Text(Err(error.message)),
        },
        Err(Fault::Status(reply)) if reply.status >= 500 => {
            Outcome::Spoiled(Fault::Status(reply).error(&reader.provider))
        }
        Err(fault) => Outcome::Text(Err(fault.error(&reader.provider).message)),
    }
}

/// Fails with `Storage` when the library has reached the limit that the person set.
pub(super) fn check_room(world: &World) -> Result<()> {
    let Some(limit) = world.library_limit() else { return Ok(()) };
    if world.library.size()? < limit {
        return Ok(());
    }
    Err(Error::new(
        Code::Storage,
        format!("The library has reached its limit of {} MB.", limit / (1024 * 1024)),
        "Raise the limit in Settings, Library, or delete the contents of an account. Nothing was lost.",
    ))
}
