//! What has changed, in order, for the endpoints that list changes.

use serde::Serialize;

use super::Contents;
use super::thing::Thing;

/// One change. A position is a number of changes: [`Contents::since`] with the position of a change yields
/// what came after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub position: u64,
    /// Practice time in seconds since 1970.
    pub at: u64,
    pub id: String,
    pub what: What,
    /// As it was after the change; for a removed one as it was before.
    pub thing: Thing,
    /// The name before, where the change was one of the name.
    pub was: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum What {
    Added,
    /// The text, the name, or both.
    Edited,
    Moved {
        from: Option<String>,
    },
    /// It is gone for good, and what was below it went before.
    Removed,
    /// It is a draft, private or in the trash now.
    Unpublished,
    Published,
}

/// The position is older than what the provider remembers, or it was never given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired;

#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    /// The oldest position that is still good.
    start: u64,
    changes: Vec<Change>,
}

impl Contents {
    /// The position of the newest change. Changes after now come after it.
    pub fn now_at(&self) -> u64 {
        self.journal.start + self.journal.changes.len() as u64
    }

    /// What has changed after a position, oldest first.
    ///
    /// # Errors
    /// When the position is no longer or not yet good; a client then lists everything anew.
    pub fn since(&self, position: u64) -> Result<&[Change], Expired> {
        let skip = position.checked_sub(self.journal.start).ok_or(Expired)?;
        usize::try_from(skip).ok().and_then(|skip| self.journal.changes.get(skip..)).ok_or(Expired)
    }

    /// Every change that is still known, oldest first.
    pub fn remembered(&self) -> &[Change] {
        &self.journal.changes
    }

    /// Makes every position bad that was given out so far.
    pub(super) fn expire(&mut self) {
        let start = self.now_at() + 1;
        self.start_journal(start);
    }

    pub(super) fn start_journal(&mut self, start: u64) {
        self.journal = Journal { start, changes: Vec::new() };
    }

    pub(super) fn note(&mut self, at: u64, what: What, thing: Thing, was: Option<String>) {
        let position = self.now_at() + 1;
        self.journal.changes.push(Change { position, at, id: thing.id.clone(), what, thing, was });
    }
}
