//! One provider's place for its contents: made at the first request that needs them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Contents;
use super::change::{Order, Refused};
use super::maker::Maker;
use super::thing::Thing;
use crate::providers::Provider;

/// What a correct client sees of one thing in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// By which a client knows it.
    pub id: String,
    /// Its own id, by which changes are ordered.
    pub thing: String,
    /// The own id of what it is below.
    pub parent: Option<String>,
    pub name: String,
    pub kind: String,
    /// See [`Format::name`](super::Format::name).
    pub format: String,
    pub size: u64,
    pub modified: u64,
    pub token: String,
}

#[derive(Default)]
pub(crate) struct Shelf {
    contents: Option<Arc<Contents>>,
    /// The first journal position of contents that are made next. Contents that were thrown away leave
    /// positions behind that must not be good for the new ones.
    next_start: u64,
}

impl Shelf {
    /// As they are now: a change makes new ones and leaves these as they were.
    pub fn contents(&mut self, provider: &Provider, wanted: usize, now: u64) -> &mut Arc<Contents> {
        let start = self.next_start;
        self.contents.get_or_insert_with(|| {
            let mut maker = Maker::new(provider.id, "contents", wanted, now);
            (provider.contents)(&mut maker);
            let mut contents = maker.into_contents();
            contents.start_journal(start);
            Arc::new(contents)
        })
    }

    pub fn obey(
        &mut self,
        provider: &Provider,
        wanted: usize,
        order: Order,
        now: u64,
    ) -> Result<String, Refused> {
        Arc::make_mut(self.contents(provider, wanted, now)).obey(provider, order, now)
    }

    pub fn clear(&mut self) {
        if let Some(contents) = self.contents.take() {
            self.next_start = contents.now_at() + 1;
        }
    }
}

impl Seen {
    pub(crate) fn all(provider: &Provider, contents: &Contents) -> Vec<Seen> {
        let seen = |thing: &Thing| {
            Some(Seen {
                id: (provider.id_of)(thing)?,
                thing: thing.id.clone(),
                parent: thing.parent.clone(),
                name: thing.name.clone(),
                kind: thing.kind.to_owned(),
                format: thing.format.name().to_owned(),
                size: thing.size(),
                modified: thing.modified,
                token: thing.token(),
            })
        };
        contents.iter().filter_map(seen).collect()
    }
}
