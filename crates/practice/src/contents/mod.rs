//! What the practice providers hold: believable things with names, texts and files, the same ones at each
//! start. A provider's file says in its `contents` function what there is and serves it through its endpoints
//! as documented; changes come over the control address and stand in a journal.
//!
//! Texts and files are made when somebody asks for them, so a million things take some 600 MB.

mod change;
mod documents;
mod format;
mod journal;
mod maker;
mod names;
mod shelf;
mod talk;
#[cfg(test)]
mod tests;
mod thing;
mod tree;
mod words;

use std::collections::HashMap;

pub use self::change::Refused;
pub use self::format::Format;
pub use self::journal::{Change, Expired, What};
pub use self::maker::{Maker, similar_id};
pub use self::shelf::Seen;
pub use self::talk::Talk;
pub use self::thing::{State, Thing};
pub use self::tree::USUAL_FILES;

pub(crate) use self::shelf::Shelf;

use self::journal::Journal;

/// How many things a provider holds when nobody asks for another number.
pub const USUAL_COUNT: usize = 300;
/// The most that can be asked for.
pub const MOST: usize = 1_000_000;

/// Cuts a page off a walk: the things, and the place where the next page begins, none after the last one.
/// What the client must not see is filtered out of the walk before.
pub fn page<'a>(
    mut walk: impl Iterator<Item = (usize, &'a Thing)>,
    limit: usize,
) -> (Vec<&'a Thing>, Option<usize>) {
    let page = walk.by_ref().take(limit).map(|(_, thing)| thing).collect();
    (page, walk.next().map(|(place, _)| place))
}

/// Everything that one provider holds.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// In the order in which they were made; a removed thing leaves a gap.
    slots: Vec<Option<Thing>>,
    by_id: HashMap<Box<str>, u32>,
    /// The slots without a parent, ascending.
    tops: Vec<u32>,
    /// The slots below each parent, ascending.
    below: HashMap<Box<str>, Vec<u32>>,
    journal: Journal,
}

impl Contents {
    pub fn get(&self, id: &str) -> Option<&Thing> {
        self.slot(*self.by_id.get(id)?)
    }

    /// How many there are, trashed ones included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All in the order in which they were made, trashed ones included.
    pub fn iter(&self) -> impl Iterator<Item = &Thing> {
        self.slots.iter().flatten()
    }

    /// Those directly below a parent, or without one, in the order in which they were made. A parent need not
    /// be a thing itself: it may be the id of a place that the provider knows otherwise.
    pub fn children(&self, parent: Option<&str>) -> impl Iterator<Item = &Thing> {
        self.walk_below(parent, 0).map(|(_, thing)| thing)
    }

    /// All from a place on, each with its place. The place after the last one taken is where the next page
    /// begins; changes in between do not shift it.
    pub fn walk(&self, from: usize) -> impl Iterator<Item = (usize, &Thing)> {
        let slots = self.slots.get(from..).unwrap_or_default().iter().enumerate();
        slots.filter_map(move |(at, slot)| Some((from + at, slot.as_ref()?)))
    }

    /// The same for those directly below a parent, or without one.
    pub fn walk_below(&self, parent: Option<&str>, from: usize) -> impl Iterator<Item = (usize, &Thing)> {
        let slots = self.hung(parent);
        let start = slots.partition_point(|slot| (*slot as usize) < from);
        slots[start..].iter().filter_map(|slot| Some((*slot as usize, self.slot(*slot)?)))
    }

    /// The things above, from the parent up to the top.
    pub fn above<'a>(&'a self, thing: &'a Thing) -> impl Iterator<Item = &'a Thing> {
        std::iter::successors(self.parent(thing), |above| self.parent(above))
    }

    /// The names from the top down to the thing, such as `Finance/2026/Budget.xlsx`.
    pub fn path(&self, thing: &Thing) -> String {
        let mut names: Vec<&str> = self.above(thing).map(|above| above.name.as_str()).collect();
        names.reverse();
        names.push(&thing.name);
        names.join("/")
    }

    fn parent(&self, thing: &Thing) -> Option<&Thing> {
        self.get(thing.parent.as_deref()?)
    }

    fn hung(&self, parent: Option<&str>) -> &[u32] {
        match parent {
            None => &self.tops,
            Some(parent) => self.below.get(parent).map_or(&[], Vec::as_slice),
        }
    }

    fn slot(&self, slot: u32) -> Option<&Thing> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Puts a thing in at the end. An id that is there already is left as it is.
    fn insert(&mut self, thing: Thing) -> bool {
        let Ok(slot) = u32::try_from(self.slots.len()) else { return false };
        if self.by_id.contains_key(thing.id.as_str()) {
            return false;
        }
        self.by_id.insert(thing.id.as_str().into(), slot);
        self.hang(thing.parent.as_deref(), slot);
        self.slots.push(Some(thing));
        true
    }

    fn hang(&mut self, parent: Option<&str>, slot: u32) {
        let list = match parent {
            None => &mut self.tops,
            Some(parent) => match self.below.get_mut(parent) {
                Some(list) => list,
                None => self.below.entry(parent.into()).or_default(),
            },
        };
        if let Err(at) = list.binary_search(&slot) {
            list.insert(at, slot);
        }
    }

    fn unhang(&mut self, parent: Option<&str>, slot: u32) {
        let list = match parent {
            None => Some(&mut self.tops),
            Some(parent) => self.below.get_mut(parent),
        };
        if let Some(list) = list
            && let Ok(at) = list.binary_search(&slot)
        {
            list.remove(at);
        }
    }
}
