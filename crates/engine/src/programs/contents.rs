//! What connections hold, for programs.

use serde_json::Value;

use super::{Content, Contents, Mark, Programs};
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::{contents, sync};
use crate::item;
use crate::operations::{self, wire::Found, wire::SearchAsk};

impl Programs {
    /// A page of items of one or several connections, and how many match in all.
    pub fn contents(&self, ask: &Contents) -> Result<(Vec<Content>, u64)> {
        self.world().library.contents(ask)
    }

    /// Whoever it belongs to: the caller compares the owner of its connection.
    pub fn content(&self, number: i64) -> Result<Option<Content>> {
        self.world().library.content(number)
    }

    /// Writes on items what a program says of them: chosen or not, tags, request, options. What is chosen need not be
    /// listed yet: it is read when a listing brings it.
    pub fn mark(&self, connection: &str, ids: &[String], mark: &Mark) -> Result<()> {
        let world = self.world();
        world.library.mark(connection, ids, mark, world.now())?;
        world.changed(Change::Sync { id: connection.to_owned() });
        Ok(())
    }

    /// A request for everything covers what is known already: the request and the tags in the data source's options are
    /// written on the files that it brings.
    pub fn cover(&self, connection: &str) -> Result<()> {
        sync::cover(&self.world(), connection)
    }

    /// Deletes the contents of files, which are read again only when they are chosen anew.
    pub fn forget_files(&self, numbers: &[i64], keep_record: bool) -> Result<()> {
        let world = self.world();
        world.library.forget_files(numbers, keep_record, world.now())
    }

    /// Searches in these connections, and in no others.
    pub async fn search(&self, ask: SearchAsk, connections: Vec<String>) -> Result<Found> {
        operations::search_in(&self.world(), ask, Some(connections)).await
    }

    /// The kept text.
    pub fn text(&self, number: i64) -> Result<Option<String>> {
        self.world().library.text(number)
    }

    /// The contents as the provider gives them now, with their media type where it is known.
    pub async fn raw(&self, number: i64) -> Result<(Vec<u8>, Option<String>)> {
        let world = self.world();
        let found = world.library.content(number)?;
        let found = found.ok_or_else(|| Error::not_found("file", &number.to_string()))?;
        let reader = contents::reader(&world, &world.connection(&found.connection)?)?;
        let content = reader.source.read(&reader.rest, &found.item).await;
        Ok(match content.map_err(|fault| fault.error(&reader.provider))? {
            item::Content::Text(text) => (text.into_bytes(), Some("text/plain; charset=utf-8".into())),
            item::Content::Markdown(text) => (text.into_bytes(), Some("text/markdown; charset=utf-8".into())),
            item::Content::Document { bytes, media_type, .. } => (bytes, media_type),
        })
    }

    /// One question to the provider's API, below its base, in the connection's name, with its pace.
    pub async fn ask_provider(&self, connection: &str, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        self.ask_provider_with(connection, path, query, &[]).await
    }

    /// As [`Programs::ask_provider`], with headers.
    pub async fn ask_provider_with(
        &self,
        connection: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Value> {
        if !path.starts_with('/') {
            return Err(Error::new(Code::Internal, "A question to a provider begins with a slash.", ""));
        }
        let world = self.world();
        let reader = contents::reader(&world, &world.connection(connection)?)?;
        let ask = query.iter().fold(reader.rest.get(path), |ask, (name, value)| ask.query(name, value));
        let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value));
        ask.value().await.map_err(|fault| fault.error(&reader.provider))
    }
}
