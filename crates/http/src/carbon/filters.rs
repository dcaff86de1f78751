//! Which files a program means: the filters of files, read from a body and turned into a question. Pure.

use serde_json::Value;
use tieline_engine::program::DataSource;
use tieline_engine::{Content, Contents};

use super::body::{At, Fields, fields, flag, list, list_of, object, one_of, text, whole};
use super::objects::{DATA_SOURCE_TYPES, EMBEDDING_MODELS};
use super::tags::{self, Rule};
use super::{choosing, kinds};

/// How far a file is. `DELAYED`, `EVALUATING_RESYNC`, `RATE_LIMITED` and `QUEUED_FOR_OCR` never come about here.
#[rustfmt::skip]
pub(super) const FILE_STATUSES: &[&str] = &[
    "DELAYED", "QUEUED_FOR_SYNC", "SYNCING", "READY", "SYNC_ERROR", "EVALUATING_RESYNC", "RATE_LIMITED", "SYNC_ABORTED",
    "QUEUED_FOR_OCR", "READY_TO_SYNC",
];

/// Requests and uploads that one filter may name.
const MOST_NAMED: usize = 100;

/// Filters of files, all of which have to let a file through. One that is absent lets everything through, one with an
/// empty list nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FileFilters {
    pub tags: Option<Rule>,
    pub source: Option<Vec<String>>,
    pub name: Option<String>,
    pub ids: Option<Vec<i64>>,
    pub external_file_ids: Option<Vec<String>>,
    pub sync_statuses: Option<Vec<String>>,
    pub parent_file_ids: Option<Vec<i64>>,
    pub data_source_ids: Option<Vec<i64>>,
    pub embedding_generators: Option<Vec<String>>,
    pub root_files_only: bool,
    /// With `parent_file_ids` all that is below them, and with `ids` what is below those as well.
    pub include_all_children: bool,
    pub non_synced_only: bool,
    pub request_ids: Option<Vec<String>>,
    pub upload_ids: Option<Vec<String>>,
    /// Empty: files without one.
    pub sync_error_message: Option<String>,
    pub include_containers: bool,
    pub external_urls: Option<Vec<String>>,
    pub file_types_at_source: Option<Vec<String>>,
}

/// Reads the filters of files.
pub(super) fn file_filters(value: &Value, at: &mut At) -> Option<FileFilters> {
    fields(|it| {
        let filters = FileFilters {
            tags: tag_rule(it),
            source: it.maybe("source", one_or_more),
            name: it.maybe("name", text),
            ids: it.maybe("ids", list(whole)),
            external_file_ids: it.maybe("external_file_ids", list(text)),
            sync_statuses: it.maybe("sync_statuses", list(one_of(FILE_STATUSES))),
            parent_file_ids: it.maybe("parent_file_ids", list(whole)),
            data_source_ids: it.maybe("organization_user_data_source_id", list(whole)),
            embedding_generators: it.maybe("embedding_generators", list(one_of(EMBEDDING_MODELS))),
            root_files_only: it.maybe("root_files_only", flag).unwrap_or_default(),
            include_all_children: it.maybe("include_all_children", flag).unwrap_or_default(),
            non_synced_only: it.maybe("non_synced_only", flag).unwrap_or_default(),
            request_ids: it.maybe("request_ids", list_of(0, MOST_NAMED, text)),
            upload_ids: it.maybe("upload_ids", list_of(0, MOST_NAMED, text)),
            sync_error_message: it.maybe("sync_error_message", text),
            include_containers: it.maybe("include_containers", flag).unwrap_or(true),
            external_urls: it.maybe("external_urls", list(text)),
            file_types_at_source: it.maybe("file_types_at_source", list(one_of(kinds::ITEM_TYPES))),
        };
        if filters.root_files_only && (filters.parent_file_ids.is_some() || filters.include_all_children) {
            let words = "cannot be true together with parent_file_ids or include_all_children";
            it.fault("root_files_only", words, "value_error");
        }
        filters
    })(value, at)
}

/// The newer grammar wins over the older one.
fn tag_rule(it: &mut Fields<'_>) -> Option<Rule> {
    let older = it.maybe("tags", object).and_then(|pairs| Rule::of_pairs(&pairs));
    it.maybe("tags_v2", tags::rule).flatten().or(older)
}

fn one_or_more(value: &Value, at: &mut At) -> Option<Vec<String>> {
    let one = one_of(DATA_SOURCE_TYPES);
    if value.is_array() { list(one)(value, at) } else { one(value, at).map(|one| vec![one]) }
}

impl FileFilters {
    /// No filter at all.
    pub fn everything() -> Self {
        Self { include_containers: true, ..Self::default() }
    }

    /// What the engine can answer of it, asked of those of the data sources that are meant. None: nothing can match, as
    /// there are no uploads and no embeddings.
    pub fn question(&self, sources: &[DataSource]) -> Option<Contents> {
        if self.upload_ids.is_some() || self.embedding_generators.is_some() {
            return None;
        }
        let meant = sources.iter().filter(|source| {
            self.source.as_ref().is_none_or(|types| types.contains(&source.provider))
                && self.data_source_ids.as_ref().is_none_or(|ids| ids.contains(&source.number))
        });
        let connections: Vec<String> = meant.map(|source| source.connection.clone()).collect();
        let tags = self.tags.clone();
        (!connections.is_empty()).then(|| Contents {
            connections,
            files_only: true,
            ids: self.external_file_ids.clone(),
            numbers: self.ids.clone(),
            name: self.name.clone().filter(|name| !name.is_empty()),
            urls: self.external_urls.clone(),
            request_ids: self.request_ids.clone(),
            // A file's parent here is the next folder above it that was chosen, which may be further up.
            parents: self.parent_file_ids.clone(),
            below: self.include_all_children || self.parent_file_ids.is_some(),
            tags: tags.map(|rule| -> tieline_engine::TagTest { Box::new(move |tags| rule.fits(tags)) }),
            limit: u32::MAX,
            ..Contents::default()
        })
    }

    /// Whether there is more to it than [`FileFilters::question`] asks.
    pub fn looks_closer(&self) -> bool {
        self.sync_statuses.is_some()
            || self.sync_error_message.is_some()
            || self.file_types_at_source.is_some()
            || self.non_synced_only
            || !self.include_containers
            || self.asks_for_parents()
    }

    /// Whether it matters in which chosen folder a file stands.
    pub fn asks_for_parents(&self) -> bool {
        self.root_files_only || self.parent_file_ids.is_some() && !self.include_all_children
    }

    /// The rest of the filters, for a file that the question brought, and the chosen folder that it stands in.
    pub fn fits(&self, file: &Content, provider: &str, status: &str, parent: Option<i64>) -> bool {
        let failure = choosing::failure(file).unwrap_or_default().to_lowercase();
        let says = |words: &String| match words.as_str() {
            "" => failure.is_empty(),
            words => failure.contains(&words.to_lowercase()),
        };
        let in_one = |parents: &Vec<i64>| parent.is_some_and(|parent| parents.contains(&parent));
        let kind = kinds::item_type(provider, file.item.kind);
        self.sync_statuses.as_ref().is_none_or(|wanted| wanted.iter().any(|it| it == status))
            && self.file_types_at_source.as_ref().is_none_or(|wanted| wanted.iter().any(|it| it == kind))
            && self.sync_error_message.as_ref().is_none_or(says)
            && !(self.non_synced_only && status == "READY")
            && (self.include_containers || file.item.selectable)
            && !(self.root_files_only && parent.is_some())
            && (self.include_all_children || self.ids.as_ref().is_none_or(|ids| ids.contains(&file.number)))
            && (self.include_all_children || self.parent_file_ids.as_ref().is_none_or(in_one))
    }

    /// Nothing is asked for at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::everything()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;
    use tieline_engine::SyncOptions;
    use tieline_engine::program::{Action, Owner};

    use super::super::body::{self, FromBody};
    use super::*;

    #[derive(Debug)]
    struct Asked(FileFilters);

    impl FromBody for Asked {
        fn read(body: &Value, at: &mut At) -> Option<Self> {
            file_filters(body, at).map(Self)
        }
    }

    fn filters(body: Value) -> FileFilters {
        body::read::<Asked>(body.to_string().as_bytes()).unwrap().0
    }

    fn faults(body: Value) -> String {
        let sorry = body::read::<Asked>(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(sorry.status().as_u16(), 422);
        let faults = sorry.detail().as_array().unwrap().clone();
        faults.iter().map(|it| it["loc"].to_string()).collect::<Vec<_>>().join(" ")
    }

    pub(in super::super) fn source(number: i64, provider: &str) -> DataSource {
        DataSource {
            number,
            connection: format!("c{number}"),
            owner: Owner::default(),
            provider: provider.into(),
            account: String::new(),
            title: String::new(),
            inputs: std::collections::BTreeMap::new(),
            tags: serde_json::Map::new(),
            options: SyncOptions::default(),
            action: Action::Add,
            action_at: 0,
            revoked: false,
            made_at: 0,
            changed_at: 0,
        }
    }

    #[test]
    fn filters_are_read_and_refused_where_they_are_wrong() {
        assert!(filters(json!({})).is_empty());
        let nulls = json!({ "source": null, "ids": null, "tags_v2": null, "tags": {}, "root_files_only": null,
            "sync_error_message": null, "include_containers": null, "include_all_children": false });
        assert!(filters(nulls).is_empty());
        assert_eq!(filters(json!({ "source": "BOX" })), filters(json!({ "source": ["BOX"] })));
        let both = json!({ "tags": { "a": 1 }, "tags_v2": { "OR": [{ "key": "b", "value": 2 }] } });
        assert_eq!(filters(both), filters(json!({ "tags_v2": { "OR": [{ "key": "b", "value": 2 }] } })));
        assert!(!filters(json!({ "tags": { "a": 1 } })).is_empty());
        assert_eq!(
            faults(json!({ "root_files_only": true, "include_all_children": true })),
            r#"["body","root_files_only"]"#
        );
        assert_eq!(
            faults(json!({ "root_files_only": true, "parent_file_ids": [1] })),
            r#"["body","root_files_only"]"#
        );
        filters(json!({ "root_files_only": false, "parent_file_ids": [1] }));
        let wrong = json!({ "source": ["BOX", "box"], "ids": ["x"], "sync_statuses": ["DONE"],
            "tags_v2": { "AND": [{ "key": 1 }] }, "request_ids": vec!["x"; 101] });
        let expected = r#"["body","tags_v2","AND",0,"key"] ["body","source",1] ["body","ids",0] ["body","sync_statuses",0] ["body","request_ids"]"#;
        assert_eq!(faults(wrong), expected);
    }

    #[test]
    fn a_question_goes_to_the_data_sources_that_are_meant() {
        let sources = [source(1, "BOX"), source(2, "ZENDESK"), source(3, "BOX")];
        let connections = |body: Value| filters(body).question(&sources).map(|it| it.connections.join(" "));
        assert_eq!(connections(json!({})).unwrap(), "c1 c2 c3");
        assert_eq!(connections(json!({ "source": "BOX" })).unwrap(), "c1 c3");
        let narrow = json!({ "source": ["BOX", "ZENDESK"], "organization_user_data_source_id": [3, 9] });
        assert_eq!(connections(narrow).unwrap(), "c3");
        for nothing in [
            json!({ "source": "GMAIL" }),
            json!({ "organization_user_data_source_id": [] }),
            json!({ "upload_ids": ["u"] }),
            json!({ "embedding_generators": ["OPENAI"] }),
        ] {
            assert_eq!(connections(nothing), None);
        }
    }
}
