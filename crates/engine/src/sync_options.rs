//! What a program decided about a connection's contents when it asked for it. Pure.
//!
//! Names, defaults and limits are those of the published connect API, which is where these options come from.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_catalog::AtFirst;

use crate::item::Kind;

/// Options of a connection that a program asked for. Those about chunks and vectors are kept and shown; none are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncOptions {
    /// Put on every file that is synced.
    pub tags: Value,
    /// Put on every file that is synced, to find them by.
    pub request_id: Option<String>,
    /// Everything is read as soon as the account is connected, where the provider is one of those that bring everything.
    pub sync_files_on_connection: bool,
    /// What there is gets listed as soon as the account is connected.
    pub sync_source_items: bool,
    /// A later sync asks for changes only; else it lists everything again.
    pub incremental_sync: bool,
    pub enable_file_picker: bool,
    pub automatically_open_file_picker: bool,
    pub file_sync_config: FileSyncConfig,
    /// In tokens.
    pub chunk_size: u32,
    /// In tokens.
    pub chunk_overlap: u32,
    pub skip_embedding_generation: bool,
    pub embedding_model: String,
    pub generate_sparse_vectors: bool,
    pub prepend_filename_to_chunks: bool,
    pub max_items_per_chunk: Option<u32>,
    pub set_page_as_boundary: bool,
    pub use_ocr: bool,
    pub parse_pdf_tables_with_ocr: bool,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self {
            tags: Value::Null,
            request_id: None,
            sync_files_on_connection: true,
            sync_source_items: true,
            incremental_sync: false,
            enable_file_picker: true,
            automatically_open_file_picker: false,
            file_sync_config: FileSyncConfig::default(),
            chunk_size: 1500,
            chunk_overlap: 20,
            skip_embedding_generation: false,
            embedding_model: "OPENAI".into(),
            generate_sparse_vectors: false,
            prepend_filename_to_chunks: false,
            max_items_per_chunk: None,
            set_page_as_boundary: false,
            use_ocr: false,
            parse_pdf_tables_with_ocr: false,
        }
    }
}

/// Which kinds of things are read, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileSyncConfig {
    /// TICKET, ARTICLE, CONVERSATION, TABLE, INCIDENT, ATTACHMENT
    pub auto_synced_source_types: Vec<String>,
    pub sync_attachments: bool,
    pub detect_audio_language: bool,
    pub include_speaker_labels: bool,
    /// `assemblyai`, `deepgram`
    pub transcription_service: Option<String>,
    pub split_rows: bool,
    pub generate_chunks_only: bool,
    pub store_file_only: bool,
    /// Files are listed as ready to be synced, and nothing is fetched.
    pub skip_file_processing: bool,
    /// `PLAIN_TEXT`, `MARKDOWN`
    pub parsed_text_format: Option<String>,
}

impl Default for FileSyncConfig {
    fn default() -> Self {
        Self {
            auto_synced_source_types: vec!["ARTICLE".into()],
            sync_attachments: false,
            detect_audio_language: false,
            include_speaker_labels: false,
            transcription_service: None,
            split_rows: false,
            generate_chunks_only: false,
            store_file_only: false,
            skip_file_processing: false,
            parsed_text_format: None,
        }
    }
}

impl SyncOptions {
    /// Whether everything is read as soon as the account is connected: of a provider that does so, or does where this
    /// kind is named.
    pub fn everything_at_first(&self, at_first: AtFirst, where_named: &str) -> bool {
        let named = || self.file_sync_config.auto_synced_source_types.iter().any(|it| it == where_named);
        at_first.is_brought(self.sync_files_on_connection) || self.sync_files_on_connection && named()
    }

    /// Kinds that are many and often private, and therefore listed only where a program names them.
    pub fn besides(&self) -> Vec<Kind> {
        let config = &self.file_sync_config;
        let named =
            |words: &[&str]| config.auto_synced_source_types.iter().any(|it| words.contains(&it.as_str()));
        let besides = [
            (Kind::Ticket, named(&["TICKET", "INCIDENT"])),
            (Kind::Conversation, named(&["CONVERSATION"])),
            (Kind::Attachment, config.sync_attachments || named(&["ATTACHMENT"])),
        ];
        besides.into_iter().filter_map(|(kind, is_named)| is_named.then_some(kind)).collect()
    }

    /// Whether an item of this kind is read when everything is, of a provider whose kinds are chosen.
    pub fn reads(&self, kind: Kind) -> bool {
        let config = &self.file_sync_config;
        let named = |word: &str| config.auto_synced_source_types.iter().any(|it| it == word);
        match kind {
            Kind::Ticket => named("TICKET") || named("INCIDENT"),
            Kind::Conversation => named("CONVERSATION"),
            Kind::Article => named("ARTICLE"),
            Kind::Attachment => config.sync_attachments || named("ATTACHMENT"),
            _ => true,
        }
    }
}
