//! What there is, or what changed, page by page into the library.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::error::{Code, Error, Result};
use crate::flows::contents::{self, Reader};
use crate::item::{Changes, Listed, Next};
use crate::library::{self, Brought, Sync, Wanted};
use crate::sources::Fault;
use crate::world::World;

/// Lists from where `row` stands to the end. What a complete listing did not bring is gone.
pub(super) async fn list(world: &Arc<World>, reader: &Reader, row: &mut Sync) -> Result<()> {
    let mut asked = ask(reader, row.resume.clone()).await;
    loop {
        let page = match asked {
            Ok(page) => page,
            // The provider has forgotten where we were: everything is listed anew.
            Err(Fault::Expired) if row.resume.is_some() => {
                tracing::info!(
                    connection = row.connection,
                    "the position expired; everything is listed anew"
                );
                (row.resume, row.position, row.whole) = (None, None, true);
                row.listing += 1;
                world.library.put_sync(row)?;
                asked = ask(reader, None).await;
                continue;
            }
            Err(fault) => return Err(fault.error(&reader.provider)),
        };
        match page.next.clone() {
            Next::More(cursor) if Some(&cursor) == row.resume.as_ref() => {
                return Err(Error::new(
                    Code::Temporary,
                    format!("{} sends the same page again and again.", reader.provider),
                    "Tieline tries again at the next sync.",
                ));
            }
            Next::More(cursor) => {
                row.resume = Some(cursor.clone());
                // The next page is on its way while this one is written down.
                let (taken, next) = tokio::join!(take(world, row.clone(), page), ask(reader, Some(cursor)));
                row.removed = taken?;
                asked = next;
            }
            Next::Done(position) => {
                // Noted only after the sweep, so that an interruption asks for the last page once more.
                row.removed = take(world, row.clone(), page).await?;
                (row.resume, row.position) = (None, position);
                break;
            }
        }
    }
    if row.whole {
        row.removed += world.library.sweep(&row.connection, row.listing)?;
        row.complete = true;
    }
    Ok(())
}

async fn ask(reader: &Reader, cursor: Option<String>) -> Result<Changes, Fault> {
    reader.source.changes(&reader.rest, cursor.as_deref()).await
}

/// Writes a page down together with the place where the listing goes on. Answers how many items are gone so far.
async fn take(world: &Arc<World>, mut row: Sync, page: Changes) -> Result<u64> {
    let wanted = super::wanted(world, &row)?;
    let texts = page.items.into_iter().map(|listed| brought(world, &row, &wanted, listed));
    let items = join_all(texts).await.into_iter().collect::<Result<Vec<_>>>()?;
    super::reading::check_room(world)?;
    let (library, now, removed) = (world.library.clone(), world.now(), page.removed);
    tokio::task::spawn_blocking(move || {
        let (connection, listing) = (row.connection.clone(), row.listing);
        let before = row.removed;
        library.bring(&connection, listing, &items, &removed, now, |db, gone| {
            row.removed = before + gone;
            library::put_sync_row(db, &row)
        })?;
        Ok(row.removed)
    })
    .await
    .map_err(Error::internal)?
}

/// An item with the text that came along, where it is wanted and not kept already.
async fn brought(world: &World, row: &Sync, wanted: &Wanted, listed: Listed) -> Result<Brought> {
    let Listed { item, content } = listed;
    let text = match content {
        Some(content) if world.library.wants(&row.connection, &item, wanted)? => {
            Some(contents::text(world, &item, content).await)
        }
        _ => None,
    };
    Ok(Brought { item, text })
}
