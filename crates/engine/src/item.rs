//! What a connection holds: files, pages, articles, mails, messages and what they stand in. Pure.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::clock::Seconds;

/// One thing at a provider, as its list tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The provider's id, stable over renames and moves, always text. Unique within the connection.
    pub id: String,
    /// None at the top, or where the provider does not show it.
    pub parent: Option<String>,
    /// What it all hangs on: a drive, a site, a bucket, a workspace.
    pub root: Option<String>,
    pub name: String,
    pub kind: Kind,
    /// The form of its contents as a file ending in lower case (`pdf`, `docx`, `html`); none where there are none.
    pub format: Option<String>,
    /// Bytes at the provider, where it tells.
    pub size: Option<u64>,
    pub modified: Option<Seconds>,
    /// Where a person opens it.
    pub url: Option<String>,
    /// It has contents that can be read.
    pub selectable: bool,
    /// It has things below it.
    pub expandable: bool,
    /// Differs exactly when the contents differ: an etag, a revision, a time.
    pub version: String,
    /// What only its source understands and needs again to read it. Never a secret.
    pub note: Option<String>,
}

/// What a person would call it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    #[default]
    File,
    Folder,
    Drive,
    Site,
    Bucket,
    Article,
    Category,
    Section,
    Collection,
    KnowledgeBase,
    Space,
    Page,
    Database,
    Ticket,
    Conversation,
    Channel,
    Thread,
    Message,
    Label,
    Workspace,
    Call,
    Library,
    Reference,
    Note,
    Attachment,
}

impl Kind {
    pub const ALL: [Self; 25] = [
        Self::File,
        Self::Folder,
        Self::Drive,
        Self::Site,
        Self::Bucket,
        Self::Article,
        Self::Category,
        Self::Section,
        Self::Collection,
        Self::KnowledgeBase,
        Self::Space,
        Self::Page,
        Self::Database,
        Self::Ticket,
        Self::Conversation,
        Self::Channel,
        Self::Thread,
        Self::Message,
        Self::Label,
        Self::Workspace,
        Self::Call,
        Self::Library,
        Self::Reference,
        Self::Note,
        Self::Attachment,
    ];

    /// `ARTICLE`, as stored and published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "FILE",
            Self::Folder => "FOLDER",
            Self::Drive => "DRIVE",
            Self::Site => "SITE",
            Self::Bucket => "BUCKET",
            Self::Article => "ARTICLE",
            Self::Category => "CATEGORY",
            Self::Section => "SECTION",
            Self::Collection => "COLLECTION",
            Self::KnowledgeBase => "KNOWLEDGE_BASE",
            Self::Space => "SPACE",
            Self::Page => "PAGE",
            Self::Database => "DATABASE",
            Self::Ticket => "TICKET",
            Self::Conversation => "CONVERSATION",
            Self::Channel => "CHANNEL",
            Self::Thread => "THREAD",
            Self::Message => "MESSAGE",
            Self::Label => "LABEL",
            Self::Workspace => "WORKSPACE",
            Self::Call => "CALL",
            Self::Library => "LIBRARY",
            Self::Reference => "REFERENCE",
            Self::Note => "NOTE",
            Self::Attachment => "ATTACHMENT",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }
}

impl Item {
    /// Something to go into: a folder, a section, a space.
    pub fn container(id: impl Into<String>, name: impl Into<String>, kind: Kind) -> Self {
        Self { id: id.into(), name: name.into(), kind, expandable: true, ..Self::default() }
    }

    /// Something to read.
    pub fn content(id: impl Into<String>, name: impl Into<String>, kind: Kind) -> Self {
        Self { id: id.into(), name: name.into(), kind, selectable: true, ..Self::default() }
    }
}

/// What a file's name ends in, in lower case.
pub fn ending(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    let is_ending =
        !ending.is_empty() && ending.len() <= 8 && ending.bytes().all(|it| it.is_ascii_alphanumeric());
    (is_ending && !stem.is_empty()).then(|| ending.to_ascii_lowercase())
}

/// Files that end so never hold text: pictures, sound, films, archives, programs.
pub fn is_without_text(ending: &str) -> bool {
    const NEVER: [&str; 46] = [
        "png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "heic", "heif", "ico", "svg", "psd", "ai",
        "raw", "cr2", "nef", "dng", "mp4", "m4v", "mov", "avi", "mkv", "webm", "wmv", "mpg", "mpeg", "mp3",
        "m4a", "wav", "flac", "ogg", "aac", "zip", "rar", "7z", "gz", "tgz", "bz2", "xz", "iso", "dmg",
        "exe", "msi", "dll", "apk",
    ];
    NEVER.contains(&ending)
}

/// An item's contents on their way into the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text that a person wrote, ready to be kept.
    Text(String),
    /// The same in Markdown, kept as it is unless a program wants plain text.
    Markdown(String),
    /// A document whose text has to be taken out.
    Document { bytes: Vec<u8>, media_type: Option<String>, name: String },
}

/// The words of a text in Markdown, without its signs. Pictures and links leave theirs.
pub fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(words) | Event::Code(words) => text.push_str(&words),
            Event::Html(tags) | Event::InlineHtml(tags) => text.push_str(&without_tags(&tags)),
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            Event::Start(Tag::List(_)) if !text.is_empty() && !text.ends_with('\n') => text.push('\n'),
            Event::End(TagEnd::TableCell) => text.push(' '),
            Event::End(TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow) if !text.ends_with('\n') => {
                text.push('\n')
            }
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::List(_) | TagEnd::Table,
            ) => {
                text.truncate(text.trim_end().len());
                text.push_str("\n\n");
            }
            _ => {}
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn without_tags(html: &str) -> String {
    html.split('<').map(|part| part.split_once('>').map_or(part, |(_, words)| words)).collect()
}

impl Content {
    /// A piece of HTML, as article APIs give it.
    pub fn html(text: impl Into<String>) -> Self {
        Self::Document {
            bytes: text.into().into_bytes(),
            media_type: Some("text/html; charset=utf-8".into()),
            name: String::new(),
        }
    }

    /// A file as it was downloaded. Where neither its name nor the provider tells what it is, its bytes do if they
    /// are text, as with README.
    pub fn file(bytes: Vec<u8>, media_type: Option<String>, name: &str) -> Self {
        let told = media_type.filter(|it| !it.starts_with("application/octet-stream"));
        let is_text = || {
            let text = std::str::from_utf8(&bytes).ok()?;
            (!text.contains('\0') && !text.trim_start().starts_with('<')).then(|| "text/plain".to_owned())
        };
        let media_type = told.or_else(|| if ending(name).is_none() { is_text() } else { None });
        Self::Document { bytes, media_type, name: name.to_owned() }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Markdown(text) => text.len(),
            Self::Document { bytes, .. } => bytes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An item as it was listed, with its contents where the list brought them along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub item: Item,
    pub content: Option<Content>,
}

impl From<Item> for Listed {
    fn from(item: Item) -> Self {
        Self { item, content: None }
    }
}

/// Some of the things below another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub items: Vec<Listed>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
}

/// Some of what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// New or changed, each whole.
    pub items: Vec<Listed>,
    /// No longer there, or no longer to be seen; with everything below.
    pub removed: Vec<String>,
    pub next: Next,
}

/// How it goes on after some changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// There is more; ask again from here.
    More(String),
    /// That was all. The next sync begins at the position, or lists anew where there is none.
    Done(Option<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_plain() {
        let text = "# Acme\n\nStatus: *open*, `now`\nand [here](https://a.example)\n\n- one\n- **two**\n  - three\n\n\
            <callout>Mind *this*</callout>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nx < y\n```\n";
        let words =
            "Acme\n\nStatus: open, now\nand here\n\none\ntwo\nthree\n\nMind this\n\na b\n1 2\n\nx < y";
        let said: Vec<String> = plain(text).lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(said.join("\n"), words);
        assert_eq!(plain(""), "");
    }
}
