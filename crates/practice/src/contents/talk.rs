//! Tickets and conversations of a help desk, with what was written in them: few, and the same in each provider's words.

use super::Contents;
use super::format::Format;
use super::maker::Maker;
use super::thing::{State, Thing};

/// Something that people wrote to each other about.
pub struct Talk {
    /// Also the start of the ids of what was written in it.
    pub id: &'static str,
    pub title: &'static str,
    pub state: State,
    /// The provider's own word for where it stands: `open`, `closed`.
    pub status: &'static str,
    /// Whether everybody sees it, then the words.
    pub said: &'static [(bool, &'static str)],
}

impl Maker {
    /// Adds each, and below it what was written, as things of the kinds `kind` and `said`.
    pub fn talks(
        &mut self,
        kind: &'static str,
        said: &'static str,
        talks: &[Talk],
        id: impl Fn(&str) -> String,
    ) {
        for talk in talks {
            let at = self.days_ago(90);
            let above = id(talk.id);
            let thing = Thing::new(above.clone(), kind, talk.title.to_owned(), Format::None, at);
            self.add(thing.state(talk.state).with("status", talk.status));
            for (nth, (everybody, words)) in talk.said.iter().enumerate() {
                let number = format!("{}{:02}", talk.id, nth + 1);
                let at = at + 3600 * (nth as u64 + 1);
                let thing = Thing::new(id(&number), said, String::new(), Format::Plain, at);
                let thing = thing.below(Some(&above)).state(talk.state);
                let thing = thing.with("everybody", everybody.to_string());
                self.add(Thing { text: Some((*words).to_owned()), ..thing });
            }
        }
    }
}

impl Contents {
    /// What was written in it, oldest first.
    pub fn said<'a>(&'a self, talk: &'a Thing) -> impl Iterator<Item = &'a Thing> {
        self.children(Some(&talk.id)).filter(|it| it.format == Format::Plain)
    }

    /// When it, or anything below it, last changed.
    pub fn last_change(&self, talk: &Thing) -> u64 {
        self.children(Some(&talk.id)).map(|it| it.modified).fold(talk.modified, u64::max)
    }
}
