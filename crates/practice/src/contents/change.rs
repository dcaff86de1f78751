//! Changes as they are ordered over the control address.

use serde::{Deserialize, Deserializer};

use super::Contents;
use super::format::Format;
use super::journal::What;
use super::maker::Maker;
use super::thing::{State, Thing};
use crate::providers::Provider;

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// The body of `PUT contents/{PROVIDER}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[serde(rename = "do")]
    act: Act,
    thing: Option<String>,
    /// Left out: where the thing is; null: at the top.
    #[serde(default, deserialize_with = "said")]
    parent: Option<Option<String>>,
    name: Option<String>,
    text: Option<String>,
    kind: Option<String>,
    format: Option<String>,
    state: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Add,
    Edit,
    Rename,
    Move,
    Delete,
    Unpublish,
    Publish,
    Expire,
}

fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Contents {
    /// Carries out an order and tells the id of the thing that it was about.
    pub(crate) fn obey(&mut self, provider: &Provider, order: Order, now: u64) -> Result<String, Refused> {
        if order.act == Act::Expire {
            self.expire();
            return Ok(String::new());
        }
        let id = order.thing.clone().ok_or(Refused("Name a thing."))?;
        let thing = self.get(&id).ok_or(Refused("There is no such thing."))?.clone();
        if let Some(Some(parent)) = &order.parent
            && self.get(parent).is_none()
            && !self.below.contains_key(parent.as_str())
        {
            return Err(Refused("There is no such parent."));
        }
        match order.act {
            Act::Add => return self.put_beside(provider, &thing, order, now),
            Act::Edit => {
                let text = order.text.unwrap_or_else(|| format!("Changed again.\n\n{}", thing.words()));
                self.set(&id, What::Edited, now, |it| {
                    it.text = Some(text);
                    it.extra.remove(Thing::LENGTH);
                });
            }
            Act::Rename => {
                let name = order.name.ok_or(Refused("Give a name."))?;
                // The text speaks of the old name, and a new name must not change the text.
                let text = (!thing.extra.contains_key(Thing::LENGTH)).then(|| thing.words());
                self.set(&id, What::Edited, now, |it| {
                    it.name = name;
                    it.text = text;
                });
            }
            Act::Move => {
                let parent = order.parent.ok_or(Refused("Name a parent, or null for the top."))?;
                let target = parent.as_deref().and_then(|parent| self.get(parent));
                if target.is_some_and(|it| it.id == id || self.above(it).any(|above| above.id == id)) {
                    return Err(Refused("A thing cannot be below itself."));
                }
                let from = thing.parent.clone();
                if let Some(slot) = self.by_id.get(id.as_str()).copied() {
                    self.unhang(from.as_deref(), slot);
                    self.hang(parent.as_deref(), slot);
                }
                self.set(&id, What::Moved { from }, now, |it| it.parent = parent);
            }
            Act::Delete => {
                for id in self.with_all_below(&id).into_iter().rev() {
                    self.remove(&id, now);
                }
            }
            Act::Unpublish => {
                let state = hidden(order.state.as_deref())?;
                self.set_states(&id, State::Published, state, What::Unpublished, now);
            }
            Act::Publish => self.set_states(&id, thing.state, State::Published, What::Published, now),
            Act::Expire => {}
        }
        Ok(id)
    }

    fn put_beside(
        &mut self,
        provider: &Provider,
        like: &Thing,
        order: Order,
        now: u64,
    ) -> Result<String, Refused> {
        let kind = match &order.kind {
            None => like.kind,
            Some(kind) => {
                let known = self.iter().find(|thing| thing.kind == kind).map(|thing| thing.kind);
                known.ok_or(Refused("Nothing here is of that kind."))?
            }
        };
        let format = match &order.format {
            None => like.format,
            Some(format) => Format::from_name(format).ok_or(Refused("There is no such format."))?,
        };
        let state = match &order.state {
            None => State::Published,
            Some(state) => State::from_name(state).ok_or(Refused("There is no such state."))?,
        };
        let mut maker = Maker::new(provider.id, &format!("change {}", self.now_at()), 1, now);
        // A provider whose ids are all taken would go on for ever.
        let id = (0..1000)
            .map(|_| (provider.new_id)(&mut maker, like))
            .find(|id| self.get(id).is_none())
            .ok_or(Refused("No free id was found."))?;
        let named_by_format = !like.extension().is_empty() && like.name.ends_with(like.extension());
        let name = match order.name {
            Some(name) => name,
            None if named_by_format => maker.file_name(format),
            None => maker.title(),
        };
        let mut extra = like.extra.clone();
        extra.remove(Thing::LENGTH);
        let parent = order.parent.unwrap_or_else(|| like.parent.clone());
        let thing = Thing {
            parent,
            state,
            text: order.text,
            extra,
            ..Thing::new(id.clone(), kind, name, format, now)
        };
        self.insert(thing.clone());
        self.note(now, What::Added, thing, None);
        Ok(id)
    }

    fn set(&mut self, id: &str, what: What, now: u64, change: impl FnOnce(&mut Thing)) {
        let slot = self.by_id.get(id).map(|slot| *slot as usize);
        let Some(thing) = slot.and_then(|slot| self.slots.get_mut(slot)?.as_mut()) else { return };
        let name = thing.name.clone();
        change(thing);
        thing.revision += 1;
        thing.modified = now;
        let after = thing.clone();
        let was = (name != after.name).then_some(name);
        self.note(now, what, after, was);
    }

    /// Changes the state of a thing, and of all below it that have the state which it is about to leave.
    fn set_states(&mut self, id: &str, from: State, to: State, what: What, now: u64) {
        for (at, one) in self.with_all_below(id).iter().enumerate() {
            if self.get(one).is_some_and(|thing| thing.state != to && (at == 0 || thing.state == from)) {
                self.set(one, what.clone(), now, |thing| thing.state = to);
            }
        }
    }

    fn remove(&mut self, id: &str, now: u64) {
        let Some(slot) = self.by_id.remove(id) else { return };
        let Some(thing) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        self.unhang(thing.parent.as_deref(), slot);
        self.below.remove(id);
        self.note(now, What::Removed, thing, None);
    }

    /// The id and those of everything below, each after its parent.
    fn with_all_below(&self, id: &str) -> Vec<String> {
        let mut found = vec![id.to_owned()];
        let mut at = 0;
        while let Some(parent) = found.get(at) {
            let children: Vec<_> = self.children(Some(parent)).map(|it| it.id.clone()).collect();
            found.extend(children);
            at += 1;
        }
        found
    }
}

fn hidden(state: Option<&str>) -> Result<State, Refused> {
    match state.map(State::from_name) {
        None => Ok(State::Draft),
        Some(Some(state)) if state != State::Published => Ok(state),
        Some(_) => Err(Refused("Say draft, private or trashed.")),
    }
}
