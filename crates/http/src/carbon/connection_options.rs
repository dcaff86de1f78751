//! The fields that steer a connection's syncing, as they come with a sign-in or with a token.

use serde_json::{Map, Value};
use tieline_engine::{FileSyncConfig, SyncOptions};

use super::body::{At, Fields, any, count, fields, flag, list, object, one_of, positive, text};
use super::objects::{AUTO_SYNCED_TYPES, EMBEDDING_MODELS};
use super::{links, tags};

/// Reads them; what is missing has the documented default. A request id is made where none came.
pub(super) fn options(it: &mut Fields<'_>) -> SyncOptions {
    let usual = SyncOptions::default();
    if let Some(key) = it.maybe("tags", any).as_ref().and_then(Value::as_object).and_then(tags::reserved) {
        it.fault("tags", &format!("the key {key} is reserved"), "value_error");
    }
    SyncOptions {
        tags: it.maybe("tags", any).unwrap_or(usual.tags),
        request_id: it.maybe("request_id", text).or_else(|| links::random().ok()),
        sync_files_on_connection: it
            .maybe("sync_files_on_connection", flag)
            .unwrap_or(usual.sync_files_on_connection),
        sync_source_items: it.or("sync_source_items", flag, usual.sync_source_items),
        incremental_sync: it.or("incremental_sync", flag, usual.incremental_sync),
        enable_file_picker: it.or("enable_file_picker", flag, usual.enable_file_picker),
        automatically_open_file_picker: it
            .maybe("automatically_open_file_picker", flag)
            .unwrap_or(usual.automatically_open_file_picker),
        file_sync_config: it.maybe("file_sync_config", file_sync_config).unwrap_or(usual.file_sync_config),
        chunk_size: it.maybe("chunk_size", count(0)).unwrap_or(usual.chunk_size),
        chunk_overlap: it.maybe("chunk_overlap", count(0)).unwrap_or(usual.chunk_overlap),
        skip_embedding_generation: it.maybe("skip_embedding_generation", flag).unwrap_or_default(),
        embedding_model: it
            .maybe("embedding_model", one_of(EMBEDDING_MODELS))
            .unwrap_or(usual.embedding_model),
        generate_sparse_vectors: it.maybe("generate_sparse_vectors", flag).unwrap_or_default(),
        prepend_filename_to_chunks: it.maybe("prepend_filename_to_chunks", flag).unwrap_or_default(),
        max_items_per_chunk: it.maybe("max_items_per_chunk", positive),
        set_page_as_boundary: it.or("set_page_as_boundary", flag, usual.set_page_as_boundary),
        use_ocr: it.maybe("use_ocr", flag).unwrap_or_default(),
        parse_pdf_tables_with_ocr: it.maybe("parse_pdf_tables_with_ocr", flag).unwrap_or_default(),
    }
}

/// Tags of the connection itself.
pub(super) fn data_source_tags(it: &mut Fields<'_>) -> Map<String, Value> {
    it.or("data_source_tags", object, Map::new())
}

/// Which kinds of things are read, and how. Every field may be missing.
pub(crate) fn file_sync_config(value: &Value, at: &mut At) -> Option<FileSyncConfig> {
    let usual = FileSyncConfig::default();
    fields(|it| FileSyncConfig {
        auto_synced_source_types: it
            .maybe("auto_synced_source_types", list(one_of(AUTO_SYNCED_TYPES)))
            .unwrap_or_else(|| usual.auto_synced_source_types.clone()),
        sync_attachments: it.maybe("sync_attachments", flag).unwrap_or_default(),
        detect_audio_language: it.maybe("detect_audio_language", flag).unwrap_or_default(),
        include_speaker_labels: it.maybe("include_speaker_labels", flag).unwrap_or_default(),
        transcription_service: it.maybe("transcription_service", one_of(&["assemblyai", "deepgram"])),
        split_rows: it.maybe("split_rows", flag).unwrap_or_default(),
        generate_chunks_only: it.maybe("generate_chunks_only", flag).unwrap_or_default(),
        store_file_only: it.maybe("store_file_only", flag).unwrap_or_default(),
        skip_file_processing: it.maybe("skip_file_processing", flag).unwrap_or_default(),
        parsed_text_format: it.maybe("parsed_text_format", one_of(&["PLAIN_TEXT", "MARKDOWN"])),
    })(value, at)
}

/// Options where none were sent.
pub(super) fn usual() -> (SyncOptions, Map<String, Value>) {
    (SyncOptions { request_id: links::random().ok(), ..SyncOptions::default() }, Map::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::body::{self, FromBody};
    use super::*;

    struct Options(SyncOptions);

    impl FromBody for Options {
        fn read(body: &Value, at: &mut At) -> Option<Self> {
            fields(|it| Self(options(it)))(body, at)
        }
    }

    #[test]
    fn tags_of_our_own_are_refused_in_a_sign_in_as_in_a_choice() {
        let read = |tags: Value| body::read::<Options>(json!({ "tags": tags }).to_string().as_bytes());
        assert_eq!(read(json!({ "team": "red" })).ok().unwrap().0.tags["team"], "red");
        for key in tags::RESERVED {
            let sorry = read(json!({ key: "x" })).err().unwrap();
            assert_eq!(sorry.detail()[0]["loc"], json!(["body", "tags"]), "{key}");
        }
    }
}
