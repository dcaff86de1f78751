//! A page or a data source as every list tells it, and the item that it is.

use serde::Deserialize;
use serde_json::Value;

use super::words;
use crate::clock::{Seconds, from_rfc3339};
use crate::item::{Item, Kind};

/// Times are whole minutes, so that an item may change again without a sign within its minute.
const MINUTE: Seconds = 120;

/// A page, a database's data source, or the little that is told of what may not be seen.
#[derive(Deserialize)]
pub struct Object {
    pub object: Option<String>,
    pub id: String,
    pub url: Option<String>,
    pub created_time: Option<String>,
    pub last_edited_time: Option<String>,
    #[serde(default)]
    pub in_trash: bool,
    #[serde(default)]
    pub archived: bool,
    pub parent: Option<Parent>,
    /// What the database stands in, of which this is a data source.
    pub database_parent: Option<Parent>,
    /// Of a data source.
    #[serde(default)]
    pub title: Value,
    /// Of a page: values. Of a data source: columns.
    #[serde(default)]
    pub properties: Value,
}

#[derive(Clone, Default, Deserialize)]
pub struct Parent {
    pub page_id: Option<String>,
    pub data_source_id: Option<String>,
    pub database_id: Option<String>,
    pub block_id: Option<String>,
}

impl Object {
    /// Of what may not be seen there is an id and nothing else.
    pub fn is_shown(&self) -> bool {
        !self.in_trash && !self.archived && self.last_edited_time.is_some()
    }

    pub fn is_source(&self) -> bool {
        self.object.as_deref() == Some("data_source")
    }

    pub fn edited(&self) -> Option<Seconds> {
        self.last_edited_time.as_deref().and_then(from_rfc3339)
    }

    pub fn hung(&self) -> Parent {
        let parent = if self.is_source() { &self.database_parent } else { &self.parent };
        parent.clone().unwrap_or_default()
    }

    pub fn item(self, parent: Option<String>, now: Seconds) -> Item {
        let (modified, is_source) = (self.edited(), self.is_source());
        let is_fresh = modified.is_some_and(|at| now - at < MINUTE);
        let version =
            format!("{}{}", self.last_edited_time.unwrap_or_default(), if is_fresh { "?" } else { "" });
        if is_source {
            let name = words::plain(&self.title);
            return Item {
                parent,
                modified,
                url: self.url,
                version,
                ..Item::container(self.id, name, Kind::Database)
            };
        }
        let in_source = self.parent.is_some_and(|it| it.data_source_id.is_some() || it.database_id.is_some());
        Item {
            parent,
            format: Some("md".into()),
            modified,
            url: self.url,
            expandable: true,
            version,
            note: in_source.then(|| words::properties(&self.properties)).filter(|note| !note.is_empty()),
            ..Item::content(self.id, words::title(&self.properties), Kind::Page)
        }
    }
}
