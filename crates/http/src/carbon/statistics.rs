//! What a customer or an organization has, counted. Nothing makes tokens or vectors, so there are none to count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tieline_engine::program::DataSource;
use tieline_engine::{Error, FileState};

use super::files::every_file;
use super::{Sorry, kinds, tags};
use crate::Door;

/// Sums over files, by source and by format.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Statistics {
    ready: u64,
    characters: BTreeMap<String, u64>,
    bytes: BTreeMap<String, u64>,
    by_source: BTreeMap<String, u64>,
    by_format: BTreeMap<String, u64>,
    /// Each tag with each of its values.
    tags: BTreeSet<(String, String)>,
}

/// Counts the files of data sources. Reads every kept text, so it works aside.
pub(super) async fn of(door: &Arc<Door>, sources: Vec<DataSource>) -> Result<Statistics, Sorry> {
    let door = Arc::clone(door);
    let counted = tokio::task::spawn_blocking(move || counted(&door, &sources)).await;
    counted.unwrap_or_else(|error| Err(Error::internal(error).into()))
}

fn counted(door: &Door, sources: &[DataSource]) -> Result<Statistics, Sorry> {
    let programs = door.app.programs();
    let mut sums = Statistics::default();
    for source in sources {
        let (files, _) = programs.contents(&every_file(std::slice::from_ref(source)))?;
        for file in files.iter().filter(|file| file.item.selectable && !file.forgotten) {
            let provider = &source.provider;
            add(&mut sums.by_source, provider, 1);
            add(&mut sums.bytes, provider, file.item.size.unwrap_or_default());
            let format = kinds::format(provider, &file.item).unwrap_or_else(|| "OTHER".to_owned());
            add(&mut sums.by_format, &format, 1);
            for (key, value) in tags::kept(&file.tags) {
                sums.tags.insert((key, value.to_string()));
            }
            if file.state == FileState::Kept {
                let text = programs.text(file.number)?.unwrap_or_default();
                sums.ready += 1;
                add(&mut sums.characters, provider, text.chars().count() as u64);
            }
        }
    }
    Ok(sums)
}

fn add(sums: &mut BTreeMap<String, u64>, key: &str, more: u64) {
    *sums.entry(key.to_owned()).or_default() += more;
}

impl Statistics {
    /// Those that customers and organizations share.
    pub fn aggregates(&self) -> Map<String, Value> {
        let all = json!({
            "aggregate_file_size": self.bytes,
            "aggregate_num_characters": self.characters,
            "aggregate_num_tokens": {},
            "aggregate_num_embeddings": {},
            "aggregate_num_files_by_source": self.by_source,
            "aggregate_num_files_by_file_format": self.by_format,
        });
        all.as_object().cloned().unwrap_or_default()
    }

    /// A customer's.
    pub fn of_customer(&self) -> Map<String, Value> {
        let tag = |(key, value): &(String, String)| {
            let value = serde_json::from_str(value).unwrap_or(Value::Null);
            Value::from(Map::from_iter([(key.clone(), value)]))
        };
        let mut all = self.aggregates();
        all.insert("num_files_synced".into(), self.ready.into());
        all.insert("num_characters_synced".into(), self.characters.values().sum::<u64>().into());
        all.insert("num_tokens_synced".into(), 0.into());
        all.insert("unique_file_tags".into(), self.tags.iter().map(tag).collect());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_and_tags_keep_their_form() {
        let mut sums = Statistics { ready: 2, ..Statistics::default() };
        add(&mut sums.characters, "BOX", 5);
        add(&mut sums.characters, "GMAIL", 7);
        sums.tags.insert(("team".into(), r#"["a","b"]"#.into()));
        let shown = sums.of_customer();
        assert_eq!(shown["num_characters_synced"], 12);
        assert_eq!(shown["unique_file_tags"], json!([{ "team": ["a", "b"] }]));
        assert_eq!(shown["aggregate_num_tokens"], json!({}));
        assert_eq!(shown.len(), 10);
    }
}
