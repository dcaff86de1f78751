//! One thing a provider holds.

use std::collections::BTreeMap;

use super::format::Format;
use super::{documents, words};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Shaped as the provider shapes ids.
    pub id: String,
    pub parent: Option<String>,
    /// The provider's own word: `file`, `folder`, `article`, `message`.
    pub kind: &'static str,
    pub name: String,
    pub format: Format,
    /// Practice time in seconds since 1970.
    pub created: u64,
    pub modified: u64,
    pub state: State,
    /// Grows at each change.
    pub revision: u64,
    /// Set by an edit; else the text is made from the id.
    pub text: Option<String>,
    /// What else the provider tells of it. See also [`Thing::LENGTH`].
    pub extra: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    Published,
    Draft,
    Private,
    Trashed,
}

impl Thing {
    /// The `extra` that makes plain text so many bytes long by repetition.
    pub const LENGTH: &'static str = "practice length";

    /// A published thing without parent, text and extras.
    pub fn new(id: String, kind: &'static str, name: String, format: Format, at: u64) -> Thing {
        Thing {
            id,
            parent: None,
            kind,
            name,
            format,
            created: at,
            modified: at,
            state: State::Published,
            revision: 1,
            text: None,
            extra: BTreeMap::new(),
        }
    }

    pub fn below(self, parent: Option<&str>) -> Thing {
        Thing { parent: parent.map(str::to_owned), ..self }
    }

    pub fn state(self, state: State) -> Thing {
        Thing { state, ..self }
    }

    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Thing {
        self.extra.insert(key, value.into());
        self
    }

    /// Of `extra`; empty when it is not there.
    pub fn extra(&self, key: &str) -> &str {
        self.extra.get(key).map_or("", String::as_str)
    }

    /// The plain text: paragraphs separated by an empty line, with the token among them unless the text is
    /// empty.
    pub fn words(&self) -> String {
        let words = match &self.text {
            None => words::made(self),
            Some(text) if text.is_empty() => return String::new(),
            Some(text) if text.contains(&self.token()) => text.clone(),
            Some(text) => format!("{}\n\n{}", text.trim_end(), self.token()),
        };
        match self.length() {
            Some(length) => words::repeated(&words, length),
            None => words,
        }
    }

    pub fn paragraphs(&self) -> Vec<String> {
        let words = self.words();
        let parts = words.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    /// A word that stands in this thing's text and in no other's: lower-case letters and digits.
    pub fn token(&self) -> String {
        words::token(&self.id)
    }

    /// The words as a part of a web page, without the page around it.
    pub fn html(&self) -> String {
        documents::text::html(&self.paragraphs())
    }

    /// The file. Empty for a thing without a format and for a native one, which has bytes by export only.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_as(self.format)
    }

    /// The words as a file of another format, as a provider exports them.
    pub fn bytes_as(&self, format: Format) -> Vec<u8> {
        documents::made(self, format)
    }

    pub fn media_type(&self) -> &'static str {
        self.format.media_type()
    }

    pub fn extension(&self) -> &'static str {
        self.format.extension()
    }

    /// How many bytes [`Thing::bytes`] gives. The file has to be made for that.
    pub fn size(&self) -> u64 {
        match (self.format, self.length()) {
            (Format::Plain, Some(length)) => length as u64,
            _ => self.bytes().len() as u64,
        }
    }

    fn length(&self) -> Option<usize> {
        self.extra.get(Thing::LENGTH)?.parse().ok()
    }
}

impl State {
    /// The word on the control address.
    pub fn name(self) -> &'static str {
        match self {
            State::Published => "published",
            State::Draft => "draft",
            State::Private => "private",
            State::Trashed => "trashed",
        }
    }

    pub fn from_name(name: &str) -> Option<State> {
        let all = [State::Published, State::Draft, State::Private, State::Trashed];
        all.into_iter().find(|state| state.name() == name)
    }
}
