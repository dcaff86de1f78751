//! What this contract calls the kinds and formats of things. Pure.

use tieline_engine::item::{Item, Kind};

/// Every word for a kind of thing, whichever service it is of.
#[rustfmt::skip]
pub(super) const ITEM_TYPES: &[&str] = &[
    "FILE", "FOLDER", "TICKET", "ARTICLE", "CONVERSATION", "TABLE", "INCIDENT", "ATTACHMENT", "TICKET_ATTACHMENT",
    "SECTION", "CATEGORY", "COLLECTION", "HELP_CENTER", "CONTACT", "ADMIN", "TEAM", "SPACE", "PAGE", "SHEET", "GROUP",
    "LINK", "REPOSITORY", "DIRECTORY", "CARD", "WORKSPACE", "CALL", "Container",
];

/// Formats of stored files, by which listed items can be asked for.
#[rustfmt::skip]
pub(super) const STORED_FORMATS: &[&str] = &[
    "TXT", "CSV", "TSV", "PDF", "DOCX", "PPTX", "XLSX", "XLSM", "MD", "RTF", "JSON", "HTML", "JPG", "PNG", "MP3", "MP2",
    "AAC", "WAV", "FLAC", "PCM", "M4A", "OGG", "OPUS", "MPEG", "MPG", "MP4", "WMV", "AVI", "MOV", "MKV", "FLV", "WEBM",
    "EML", "MSG",
];

#[rustfmt::skip]
const KINDS: [Kind; 25] = [
    Kind::File, Kind::Folder, Kind::Drive, Kind::Site, Kind::Bucket, Kind::Article, Kind::Category, Kind::Section,
    Kind::Collection, Kind::KnowledgeBase, Kind::Space, Kind::Page, Kind::Database, Kind::Ticket, Kind::Conversation,
    Kind::Channel, Kind::Thread, Kind::Message, Kind::Label, Kind::Workspace, Kind::Call, Kind::Library, Kind::Reference,
    Kind::Note, Kind::Attachment,
];

/// Services whose own things have a format of the service's name.
const OWN_FORMATS: [&str; 10] = [
    "CONFLUENCE",
    "GMAIL",
    "GONG",
    "INTERCOM",
    "NOTION",
    "OUTLOOK",
    "SALESFORCE",
    "SERVICENOW",
    "SLACK",
    "ZENDESK",
];

/// Endings that go by another word, and media types: ending, word, media type.
const FORMATS: &[(&str, &str, &str)] = &[
    ("txt", "TXT", "text/plain"),
    ("text", "TXT", "text/plain"),
    ("log", "TXT", "text/plain"),
    ("csv", "CSV", "text/csv"),
    ("tsv", "TSV", "text/tab-separated-values"),
    ("pdf", "PDF", "application/pdf"),
    ("docx", "DOCX", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("pptx", "PPTX", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("xlsx", "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xlsm", "XLSM", "application/vnd.ms-excel.sheet.macroenabled.12"),
    ("md", "MD", "text/markdown"),
    ("markdown", "MD", "text/markdown"),
    ("rtf", "RTF", "application/rtf"),
    ("json", "JSON", "application/json"),
    ("html", "HTML", "text/html"),
    ("htm", "HTML", "text/html"),
    ("jpg", "JPG", "image/jpeg"),
    ("jpeg", "JPG", "image/jpeg"),
    ("png", "PNG", "image/png"),
    ("eml", "EML", "message/rfc822"),
    ("msg", "MSG", "application/vnd.ms-outlook"),
];

/// `ARTICLE`. What this contract has no word for is a folder where things stand in it, else a file.
pub(super) fn item_type(provider: &str, kind: Kind) -> &'static str {
    match (provider, kind) {
        ("SERVICENOW", Kind::Ticket) => "INCIDENT",
        ("SERVICENOW", Kind::Attachment) => "ATTACHMENT",
        ("ZENDESK" | "INTERCOM", Kind::Attachment) => "TICKET_ATTACHMENT",
        (_, Kind::Article) => "ARTICLE",
        (_, Kind::Category) => "CATEGORY",
        (_, Kind::Section) => "SECTION",
        (_, Kind::Collection) => "COLLECTION",
        ("INTERCOM", Kind::KnowledgeBase) => "HELP_CENTER",
        (_, Kind::Space) => "SPACE",
        (_, Kind::Page) => "PAGE",
        (_, Kind::Ticket) => "TICKET",
        (_, Kind::Conversation) => "CONVERSATION",
        (_, Kind::Workspace) => "WORKSPACE",
        (_, Kind::Call) => "CALL",
        (_, kind) if is_container(kind) => "FOLDER",
        _ => "FILE",
    }
}

/// The kinds of a provider's things that go by these words, as they are stored.
pub(super) fn called(provider: &str, words: &[String]) -> Vec<String> {
    let kinds = KINDS.iter().filter(|kind| words.iter().any(|word| word == item_type(provider, **kind)));
    kinds.map(|kind| kind.as_str().to_owned()).collect()
}

/// Something that groups others and has no contents of its own.
pub(super) fn is_container(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Folder
            | Kind::Drive
            | Kind::Site
            | Kind::Bucket
            | Kind::Category
            | Kind::Section
            | Kind::Collection
            | Kind::KnowledgeBase
            | Kind::Space
            | Kind::Database
            | Kind::Channel
            | Kind::Label
            | Kind::Workspace
            | Kind::Library
    )
}

/// Their kinds, as they are stored.
pub(super) fn containers() -> Vec<String> {
    KINDS.iter().filter(|kind| is_container(**kind)).map(|kind| kind.as_str().to_owned()).collect()
}

/// `PDF`, `ZENDESK`; none where this contract has no word for it. Clients let a person tick only what has one.
pub(super) fn format(provider: &str, item: &Item) -> Option<String> {
    if !item.selectable {
        return None;
    }
    let is_file = matches!(item.kind, Kind::File | Kind::Attachment);
    if let Some(own) = OWN_FORMATS.iter().find(|own| **own == provider && !is_file) {
        return Some((*own).to_owned());
    }
    let ending = item.format.as_deref()?;
    let known = FORMATS.iter().find(|(known, ..)| *known == ending).map(|(_, word, _)| (*word).to_owned());
    known.or_else(|| Some(ending.to_ascii_uppercase()).filter(|word| STORED_FORMATS.contains(&word.as_str())))
}

/// The endings that go by these words.
pub(super) fn endings(words: &[String]) -> Vec<String> {
    let other = FORMATS.iter().filter(|(_, word, _)| words.iter().any(|it| it == word));
    let mut endings: Vec<String> = other.map(|(ending, ..)| (*ending).to_owned()).collect();
    endings.extend(words.iter().map(|word| word.to_lowercase()));
    endings
}

pub(super) fn media_type(item: &Item) -> Option<&'static str> {
    let ending = item.format.as_deref()?;
    FORMATS.iter().find(|(known, ..)| *known == ending).map(|(.., media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_has_the_words_that_clients_know() {
        let item = |kind: Kind, format: &str| Item {
            format: Some(format.into()),
            ..Item::content("1", "Version 2.0", kind)
        };
        let both = |provider: &str, it: Item| (item_type(provider, it.kind), format(provider, &it));
        assert_eq!(both("ZENDESK", item(Kind::Article, "html")), ("ARTICLE", Some("ZENDESK".into())));
        assert_eq!(both("ZENDESK", item(Kind::Attachment, "pdf")), ("TICKET_ATTACHMENT", Some("PDF".into())));
        assert_eq!(both("SERVICENOW", item(Kind::Ticket, "txt")), ("INCIDENT", Some("SERVICENOW".into())));
        assert_eq!(both("BOX", item(Kind::File, "jpeg")), ("FILE", Some("JPG".into())));
        assert_eq!(both("BOX", item(Kind::File, "odt")), ("FILE", None));
        assert_eq!(both("ZOTERO", item(Kind::Note, "html")), ("FILE", Some("HTML".into())));
        assert_eq!(both("BOX", Item::container("1", "a.pdf", Kind::Folder)), ("FOLDER", None));
        assert_eq!(both("GMAIL", Item::container("1", "Inbox", Kind::Label)), ("FOLDER", None));
        assert_eq!(called("SERVICENOW", &["INCIDENT".to_owned()]), ["TICKET"]);
        assert!(called("ZENDESK", &["INCIDENT".to_owned()]).is_empty());
        for provider in OWN_FORMATS {
            assert!(ITEM_TYPES.contains(&item_type(provider, Kind::Message)));
        }
    }

    #[test]
    fn a_word_stands_for_every_ending_of_it() {
        let found = endings(&["HTML".to_owned(), "MP4".to_owned()]);
        for ending in ["html", "htm", "mp4"] {
            assert!(found.iter().any(|it| it == ending), "{ending}");
        }
        assert_eq!(media_type(&Item { format: Some("htm".into()), ..Item::default() }), Some("text/html"));
    }
}
