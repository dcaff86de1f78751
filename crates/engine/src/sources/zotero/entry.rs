//! What a library holds: collections, references, notes and attachments.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::from_rfc3339;
use crate::item::{Content, Item, Kind, Listed};

/// The most characters of a note that stand for its name.
const TITLE: usize = 80;
/// What else a reference tells, in this order.
const FACTS: [&str; 12] = [
    "publicationTitle",
    "bookTitle",
    "proceedingsTitle",
    "websiteTitle",
    "university",
    "publisher",
    "place",
    "volume",
    "issue",
    "pages",
    "DOI",
    "url",
];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(super) enum Library {
    Own,
    Group(String),
}

impl Library {
    pub fn id(&self) -> String {
        match self {
            Self::Own => "library".into(),
            Self::Group(id) => format!("group/{id}"),
        }
    }

    /// Keys are unique within a library only.
    pub fn item(&self, key: &str) -> String {
        match self {
            Self::Own => key.to_owned(),
            Self::Group(id) => format!("{id}/{key}"),
        }
    }

    fn collection(&self, key: &str) -> String {
        format!("collection/{}", self.item(key))
    }

    /// The library of an item and its key there; of a library, itself and nothing.
    pub fn of(item: &Item) -> (Self, &str) {
        let id = item.id.strip_prefix("collection/").unwrap_or(&item.id);
        match id.split_once('/') {
            Some(("group", id)) => (Self::Group(id.to_owned()), ""),
            Some((group, key)) => (Self::Group(group.to_owned()), key),
            None => (Self::Own, id),
        }
    }
}

impl From<String> for Library {
    fn from(text: String) -> Self {
        text.strip_prefix("group/").map_or(Self::Own, |id| Self::Group(id.to_owned()))
    }
}

impl From<Library> for String {
    fn from(library: Library) -> Self {
        library.id()
    }
}

#[derive(Deserialize)]
pub(super) struct Entry {
    pub key: String,
    version: u64,
    #[serde(default)]
    links: Links,
    #[serde(default)]
    meta: Meta,
    data: Data,
}

#[derive(Default, Deserialize)]
struct Links {
    alternate: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    num_children: Option<Value>,
    parsed_date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    /// Collections have none.
    item_type: Option<String>,
    name: Option<String>,
    /// A key, or false at the top.
    parent_collection: Option<Value>,
    parent_item: Option<String>,
    #[serde(default)]
    collections: Vec<String>,
    title: Option<String>,
    #[serde(default)]
    creators: Vec<Creator>,
    date: Option<String>,
    abstract_note: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    note: Option<String>,
    annotation_text: Option<String>,
    annotation_comment: Option<String>,
    link_mode: Option<String>,
    filename: Option<String>,
    content_type: Option<String>,
    md5: Option<String>,
    date_modified: Option<String>,
    /// A one or a true in the trash.
    deleted: Option<Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Creator {
    first_name: Option<String>,
    last_name: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Tag {
    tag: String,
}

impl Entry {
    pub fn is_deleted(&self) -> bool {
        matches!(&self.data.deleted, Some(Value::Bool(true))) || self.data.deleted == Some(Value::from(1))
    }

    pub fn is_in_collection(&self) -> bool {
        !self.data.collections.is_empty()
    }

    pub fn listed(self, library: &Library) -> Listed {
        let content = self.content();
        Listed { item: self.item(library), content }
    }

    /// Contents that came along; those of an attachment did not.
    pub fn content(&self) -> Option<Content> {
        let data = &self.data;
        Some(match data.item_type.as_deref()? {
            "attachment" => return None,
            "note" => Content::html(data.note.clone().unwrap_or_default()),
            "annotation" => {
                let parts = [&data.annotation_text, &data.annotation_comment];
                Content::Text(parts.into_iter().flatten().cloned().collect::<Vec<_>>().join("\n\n"))
            }
            _ => Content::Text(self.words()),
        })
    }

    fn item(self, library: &Library) -> Item {
        let parent =
            match (&self.data.parent_item, self.data.collections.first(), &self.data.parent_collection) {
                (Some(item), _, _) => library.item(item),
                (None, Some(collection), _) => library.collection(collection),
                (None, None, Some(Value::String(collection))) => library.collection(collection),
                _ => library.id(),
            };
        let modified = self.data.date_modified.as_deref().and_then(from_rfc3339);
        let (parent, url) = (Some(parent), self.links.alternate.as_ref().map(|link| link.href.clone()));
        let version = self.version.to_string();
        let item = Item { parent, url, modified, version, ..Item::default() };
        let expandable =
            self.meta.num_children.as_ref().and_then(Value::as_u64).is_some_and(|count| count > 0);
        let id = library.item(&self.key);
        let data = self.data;
        let title = data.title.filter(|title| !title.trim().is_empty());
        match data.item_type.as_deref() {
            None => Item {
                id: library.collection(&self.key),
                name: data.name.unwrap_or_default(),
                kind: Kind::Collection,
                expandable: true,
                ..item
            },
            Some("attachment") => {
                let name = data.filename.or(title).unwrap_or_else(|| "Attachment".into());
                let is_kept = !matches!(data.link_mode.as_deref(), Some("linked_url" | "embedded_image"));
                Item {
                    id,
                    format: format(&name, data.content_type.as_deref()),
                    name,
                    kind: Kind::Attachment,
                    selectable: is_kept,
                    expandable,
                    // The version of the entry also grows with its title and tags.
                    version: data.md5.unwrap_or(item.version),
                    ..item
                }
            }
            Some("note" | "annotation") => {
                let said = data.note.or(data.annotation_text).or(data.annotation_comment).unwrap_or_default();
                Item {
                    id,
                    name: title_of(&said),
                    kind: Kind::Note,
                    format: Some("html".into()),
                    selectable: true,
                    expandable,
                    ..item
                }
            }
            Some(_) => {
                let name = title.unwrap_or_else(|| "Untitled".into());
                Item {
                    id,
                    name,
                    kind: Kind::Reference,
                    format: Some("txt".into()),
                    selectable: true,
                    expandable,
                    ..item
                }
            }
        }
    }

    /// A reference as a person would cite and describe it.
    fn words(&self) -> String {
        let data = &self.data;
        let said =
            |key: &str| data.more.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let creators: Vec<_> =
            data.creators.iter().map(Creator::name).filter(|name| !name.is_empty()).collect();
        let mut head: Vec<String> = data.title.iter().cloned().collect();
        head.push(creators.join(", "));
        head.extend(data.date.clone().or_else(|| self.meta.parsed_date.clone()));
        head.extend(FACTS.iter().filter_map(|key| said(key)).map(str::to_owned));
        head.retain(|line| !line.trim().is_empty());
        let tags: Vec<_> = data.tags.iter().map(|tag| tag.tag.as_str()).collect();
        let tags = if tags.is_empty() { String::new() } else { format!("Tags: {}", tags.join(", ")) };
        let parts = [
            head.join("\n"),
            data.abstract_note.clone().unwrap_or_default(),
            tags,
            said("extra").unwrap_or_default().to_owned(),
        ];
        parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}

impl Creator {
    fn name(&self) -> String {
        let parts = [&self.first_name, &self.last_name, &self.name];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
    }
}

/// The ending of a file's name, or what its media type stands for.
fn format(name: &str, media_type: Option<&str>) -> Option<String> {
    let ending = name.rsplit_once('.').map(|(_, end)| end).filter(|end| (1..=5).contains(&end.len()));
    ending.map(str::to_lowercase).or_else(|| {
        Some(match media_type? {
            "application/pdf" => "pdf".into(),
            "text/html" => "html".into(),
            "text/plain" => "txt".into(),
            "application/epub+zip" => "epub".into(),
            _ => return None,
        })
    })
}

/// The beginning of a piece of HTML, without its tags.
fn title_of(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for letter in html.chars() {
        match letter {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            _ if !is_tag => text.push(letter),
            _ => {}
        }
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let title: String = text.chars().take(TITLE).collect();
    match (title.is_empty(), title.len() < text.len()) {
        (true, _) => "Note".into(),
        (false, true) => title + "…",
        (false, false) => title,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listed(key: &str, data: Value) -> Listed {
        let entry = json!({ "key": key, "version": 7, "meta": { "numChildren": 1 }, "data": data });
        serde_json::from_value::<Entry>(entry).expect("an entry").listed(&Library::Group("42".into()))
    }

    #[test]
    fn each_kind_is_listed_as_what_it_is() {
        let paper = listed(
            "AAAA2222",
            json!({
                "itemType": "journalArticle", "title": "On tea", "date": "2024",
                "creators": [{ "creatorType": "author", "firstName": "Ada", "lastName": "Ng" }, { "name": "WHO" }],
                "publicationTitle": "Tea Studies", "DOI": "10.1/x", "abstractNote": "We drank.",
                "tags": [{ "tag": "tea" }], "collections": ["CCCC3333", "DDDD4444"],
            }),
        );
        assert_eq!(
            (paper.item.id.as_str(), paper.item.parent.as_deref()),
            ("42/AAAA2222", Some("collection/42/CCCC3333"))
        );
        assert!(paper.item.selectable && paper.item.expandable && paper.item.kind == Kind::Reference);
        let words = "On tea\nAda Ng, WHO\n2024\nTea Studies\n10.1/x\n\nWe drank.\n\nTags: tea";
        assert_eq!(paper.content, Some(Content::Text(words.into())));

        let file = listed(
            "BBBB2222",
            json!({
                "itemType": "attachment", "parentItem": "AAAA2222", "linkMode": "imported_file", "title": "PDF",
                "filename": "Tea.PDF", "contentType": "application/pdf", "md5": "0123",
            }),
        );
        assert_eq!((file.item.version.as_str(), file.item.format.as_deref()), ("0123", Some("pdf")));
        assert_eq!((file.item.parent.as_deref(), file.content), (Some("42/AAAA2222"), None));
        let link = listed(
            "EEEE2222",
            json!({ "itemType": "attachment", "linkMode": "linked_url", "title": "Site" }),
        );
        assert!(!link.item.selectable);

        let note =
            listed("FFFF2222", json!({ "itemType": "note", "note": "<h1>Read &amp; done</h1><p>x</p>" }));
        assert_eq!(
            (note.item.name.as_str(), note.item.parent.as_deref()),
            ("Read & done x", Some("group/42"))
        );

        let collection = listed("CCCC3333", json!({ "name": "Tea", "parentCollection": false }));
        assert_eq!((collection.item.id.as_str(), collection.content), ("collection/42/CCCC3333", None));
        let below =
            listed("DDDD3333", json!({ "name": "Green", "parentCollection": "CCCC3333", "deleted": 1 }));
        assert_eq!(below.item.parent.as_deref(), Some("collection/42/CCCC3333"));
    }

    #[test]
    fn an_id_tells_its_library_and_key() {
        for (id, library, key) in [
            ("AAAA2222", Library::Own, "AAAA2222"),
            ("42/AAAA2222", Library::Group("42".into()), "AAAA2222"),
            ("collection/AAAA2222", Library::Own, "AAAA2222"),
            ("collection/42/AAAA2222", Library::Group("42".into()), "AAAA2222"),
            ("group/42", Library::Group("42".into()), ""),
        ] {
            let item = Item { id: id.into(), ..Item::default() };
            assert_eq!(Library::of(&item), (library, key));
        }
    }
}
