use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use super::*;
use crate::Fault;
use crate::desk::Desk;
use crate::house::{Active, House};
use crate::providers::Provider;

const NOW: u64 = 1_795_337_105;

fn provider(id: &str) -> &'static Provider {
    Provider::find(id).unwrap()
}

fn made(id: &str, count: usize) -> Contents {
    Contents::clone(Shelf::default().contents(provider(id), count, NOW))
}

fn drive() -> Contents {
    made("GOOGLE_DRIVE", 300)
}

fn obey(contents: &mut Contents, order: Value) -> Result<String, Refused> {
    contents.obey(provider("GOOGLE_DRIVE"), serde_json::from_value(order).unwrap(), NOW)
}

/// The children's index says the same as the things themselves.
fn check(contents: &Contents) {
    let mut below: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for thing in contents.iter() {
        assert_eq!(contents.get(&thing.id), Some(thing));
        below.entry(thing.parent.as_deref()).or_default().push(&thing.id);
        if let Some(parent) = &thing.parent {
            assert!(contents.get(parent).is_some(), "{parent} is gone and {} is not", thing.id);
        }
    }
    for thing in contents.iter().map(|thing| Some(thing.id.as_str())).chain([None]) {
        let children: Vec<_> = contents.children(thing).map(|child| child.id.as_str()).collect();
        assert_eq!(children, below.get(&thing).cloned().unwrap_or_default());
    }
    assert_eq!(contents.len(), contents.iter().count());
}

fn one(contents: &Contents, pick: impl Fn(&Thing) -> bool) -> &Thing {
    contents.iter().find(|thing| pick(thing)).unwrap()
}

#[test]
fn the_same_things_are_made_each_time() {
    for provider in ["GOOGLE_DRIVE", "ZENDESK"] {
        let (first, second) = (made(provider, 300), made(provider, 300));
        assert!(first.iter().eq(second.iter()));
        assert!(first.iter().map(Thing::bytes).eq(second.iter().map(Thing::bytes)));
        assert_eq!(first.len(), 300);
        check(&first);
    }
}

#[test]
fn a_file_tree_has_everything_in_it() {
    let contents = drive();
    let formats: HashSet<_> = contents.iter().map(|thing| thing.format).collect();
    for format in Format::ALL {
        assert!(formats.contains(&format), "{format:?}");
    }
    let folders: Vec<_> = contents.iter().filter(|thing| thing.kind == "folder").collect();
    assert_eq!(folders.len(), 30);
    assert_eq!(folders.iter().map(|it| contents.above(it).count() + 1).max(), Some(6));
    let sizes = folders.iter().map(|folder| contents.children(Some(&folder.id)).count());
    let sizes: Vec<_> = sizes.collect();
    assert_eq!(sizes.iter().filter(|size| **size == 0).count(), 1);
    assert!(sizes.iter().any(|size| *size > 50));
    let is_file = |thing: &&Thing| thing.kind == "file" && !matches!(thing.format, Format::Native(_));
    assert_eq!(contents.iter().filter(is_file).filter(|thing| thing.size() == 0).count(), 1);
    assert_eq!(contents.iter().filter(|thing| thing.size() > 10_000_000).count(), 1);
    assert!((3..20).contains(&contents.iter().filter(|it| it.state == State::Trashed).count()));
    assert!(contents.iter().any(|thing| thing.name.len() > 200));
    assert!(contents.iter().all(|it| it.name.len() < 256 && !it.name.contains('/')));
    assert!(contents.iter().all(|it| it.created <= it.modified && it.modified <= NOW));
    assert!(contents.iter().any(|it| it.modified > NOW - 90 * 86_400));
    let march = one(&contents, |thing| thing.name == "March");
    assert_eq!(contents.path(march), "Finance/2026/Q1/Invoices/March");
}

#[test]
fn a_help_centre_has_sections_articles_and_drafts() {
    let contents = made("ZENDESK", 300);
    let articles: Vec<_> = contents.iter().filter(|thing| thing.kind == "article").collect();
    assert!(articles.len() > 250);
    assert!(articles.iter().any(|article| article.state == State::Draft));
    let kinds = |thing: &Thing| contents.above(thing).map(|above| above.kind).collect::<Vec<_>>();
    assert!(articles.iter().all(|article| kinds(article) == ["section", "category"]));
    let tickets: Vec<_> = contents.iter().filter(|thing| thing.kind == "ticket").collect();
    assert!(tickets.iter().all(|ticket| contents.said(ticket).next().is_some()) && tickets.len() > 3);
}

#[test]
fn sizes_and_tokens_are_those_of_the_files() {
    let contents = drive();
    let mut tokens = BTreeSet::new();
    for thing in contents.iter() {
        let bytes = thing.bytes();
        assert_eq!(thing.size(), bytes.len() as u64);
        assert!(tokens.insert(thing.token()), "a token comes twice");
        let words = thing.words();
        assert!(words.contains(&thing.token()) || thing.size() == 0 && words.is_empty());
        let plain = [
            Format::Html,
            Format::Markdown,
            Format::Plain,
            Format::Csv,
            Format::Tsv,
            Format::Json,
            Format::Rtf,
        ];
        if plain.contains(&thing.format) && !bytes.is_empty() {
            assert!(String::from_utf8(bytes).unwrap().contains(&thing.token()));
        }
    }
}

/// Writes the files out for readers of other makers, when told where.
#[test]
fn files_begin_as_their_kind_does() {
    let start = |format| match format {
        Format::Docx | Format::Pptx | Format::Xlsx | Format::Odt | Format::Ods | Format::Odp => {
            &b"PK\x03\x04"[..]
        }
        Format::Pdf | Format::Broken => b"%PDF-1.7",
        Format::Image => b"\x89PNG\r\n",
        Format::Rtf => b"{\\rtf1",
        Format::Eml => b"From: ",
        _ => b"",
    };
    let folder = std::env::var_os("PRACTICE_FILES").map(std::path::PathBuf::from);
    for thing in drive().iter().filter(|thing| thing.text.is_none()) {
        let bytes = thing.bytes();
        assert!(bytes.starts_with(start(thing.format)), "{:?}", thing.format);
        if let Some(folder) = &folder {
            std::fs::write(folder.join(format!("{}.{}", thing.token(), thing.extension())), bytes).unwrap();
        }
    }
}

#[test]
fn every_change_is_noted_and_kept_in_order() {
    let mut contents = drive();
    let start = contents.now_at();
    let file = one(&contents, |thing| thing.format == Format::Docx && thing.parent.is_some()).clone();
    let folder = one(&contents, |thing| thing.name == "Q1").id.clone();
    let new = obey(&mut contents, json!({ "do": "add", "thing": file.id, "text": "Fresh" })).unwrap();
    assert_eq!(new.len(), file.id.len());
    assert!(contents.get(&new).unwrap().words().starts_with("Fresh\n"));
    obey(&mut contents, json!({ "do": "edit", "thing": new, "text": "Fresher" })).unwrap();
    let before = file.bytes();
    obey(&mut contents, json!({ "do": "rename", "thing": file.id, "name": "Other.docx" })).unwrap();
    assert_eq!(contents.get(&file.id).unwrap().bytes(), before, "a new name leaves the file as it was");
    obey(&mut contents, json!({ "do": "move", "thing": new, "parent": folder })).unwrap();
    obey(&mut contents, json!({ "do": "unpublish", "thing": new })).unwrap();
    obey(&mut contents, json!({ "do": "publish", "thing": new })).unwrap();
    check(&contents);
    let changes = contents.since(start).unwrap();
    let whats: Vec<_> = changes.iter().map(|change| change.what.clone()).collect();
    assert_eq!(
        whats,
        [
            What::Added,
            What::Edited,
            What::Edited,
            What::Moved { from: file.parent.clone() },
            What::Unpublished,
            What::Published
        ]
    );
    let positions: Vec<_> = changes.iter().map(|change| change.position).collect();
    assert_eq!(positions, (start + 1..=start + 6).collect::<Vec<_>>());
    assert_eq!(changes[5].thing, *contents.get(&new).unwrap());
    assert_eq!((changes[5].thing.revision, changes[5].thing.modified), (5, NOW));
    assert_eq!(contents.since(start + 6).unwrap(), []);
    assert_eq!(contents.since(start + 7), Err(Expired));
}

#[test]
fn a_folder_goes_with_what_is_in_it() {
    let mut contents = drive();
    let finance = one(&contents, |thing| thing.name == "Finance").id.clone();
    let quarter = one(&contents, |thing| thing.name == "Q1").id.clone();
    let refused = obey(&mut contents, json!({ "do": "move", "thing": finance, "parent": quarter }));
    assert_eq!(refused, Err(Refused("A thing cannot be below itself.")));
    let inside: HashSet<_> = contents
        .iter()
        .filter(|thing| contents.above(thing).any(|above| above.id == finance))
        .map(|thing| thing.id.clone())
        .collect();
    let order = json!({ "do": "unpublish", "thing": finance, "state": "trashed" });
    obey(&mut contents, order).unwrap();
    assert!(inside.iter().all(|id| contents.get(id).unwrap().state == State::Trashed));
    obey(&mut contents, json!({ "do": "publish", "thing": finance })).unwrap();
    let before = contents.now_at();
    obey(&mut contents, json!({ "do": "delete", "thing": finance })).unwrap();
    check(&contents);
    let gone: Vec<_> = contents.since(before).unwrap().iter().map(|change| change.id.clone()).collect();
    assert_eq!(gone.len(), inside.len() + 1);
    assert_eq!(gone.last(), Some(&finance));
    assert!(gone.iter().all(|id| contents.get(id).is_none()));
}

#[test]
fn positions_expire_by_order_and_with_new_contents() {
    let provider = provider("GOOGLE_DRIVE");
    let mut shelf = Shelf::default();
    let order = |body: Value| serde_json::from_value(body).unwrap();
    let old = shelf.contents(provider, 10, NOW).now_at();
    shelf.obey(provider, 10, order(json!({ "do": "expire" })), NOW).unwrap();
    let contents = shelf.contents(provider, 10, NOW).clone();
    assert_eq!(contents.since(old), Err(Expired));
    assert_eq!(contents.since(contents.now_at()), Ok(&[][..]));
    shelf.clear();
    let anew = shelf.contents(provider, 20, NOW);
    assert_eq!(anew.len(), 20);
    assert_eq!(anew.since(contents.now_at()), Err(Expired));
}

#[test]
fn pages_cover_everything_once_whatever_changes_meanwhile() {
    let mut contents = drive();
    let parent = one(&contents, |thing| thing.name == "Everything else").id.clone();
    let all: Vec<_> = contents.children(Some(&parent)).map(|thing| thing.id.clone()).collect();
    let mut seen = Vec::new();
    let mut from = Some(0);
    while let Some(place) = from {
        let (things, next) = page(contents.walk_below(Some(&parent), place), 7);
        seen.extend(things.iter().map(|thing| thing.id.clone()));
        from = next;
        if seen.len() == 7 {
            obey(&mut contents, json!({ "do": "delete", "thing": all[0] })).unwrap();
        }
    }
    assert_eq!(seen, all);
    assert_eq!(contents.walk(0).count(), contents.len());
}

#[test]
fn pages_are_as_long_as_asked_unless_they_are_made_short() {
    let house = House::new(None, Some(10)).unwrap();
    let desk = Desk { provider: provider("GOOGLE_DRIVE"), house: &house };
    assert_eq!(desk.contents().len(), 10);
    assert_eq!(
        [None, Some("50"), Some("5000"), Some("0")].map(|it| desk.limit(it, 100, 1000)),
        [100, 50, 1000, 1]
    );
    house.set_fault(desk.provider, Active { fault: Fault::ShortPages, times: Some(1) });
    assert_eq!(desk.limit(Some("50"), 100, 1000), 1);
    assert_eq!(desk.limit(Some("50"), 100, 1000), 50);
}

#[test]
fn new_ids_look_like_the_old_ones() {
    let mut maker = Maker::new("X", "test", 1, NOW);
    let like = |id: &str| Thing::new(id.to_owned(), "file", String::new(), Format::None, NOW);
    for id in ["360012345678", "file_9fK2", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "AAMkAD=", "sp_ABC12"] {
        let new = similar_id(&mut maker, &like(id));
        assert_ne!(new, id);
        let same = |(old, new): (char, char)| {
            let hex = id.contains('-') && old != '-';
            old.is_ascii_alphanumeric() == new.is_ascii_alphanumeric()
                && (hex && new.is_ascii_hexdigit() || old.is_ascii_digit() == new.is_ascii_digit())
        };
        assert!(id.len() == new.len() && id.chars().zip(new.chars()).all(same), "{id} {new}");
    }
}

#[test]
fn a_million_things_fit_into_memory() {
    let contents = made("GOOGLE_DRIVE", MOST);
    assert_eq!(contents.len(), MOST);
    // Anonymous memory of this process, which nextest runs for this one test.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let used = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
    let used: u64 = used.map_or(0, |used| used.trim().parse().unwrap());
    assert!(used < 900_000, "{used} kB");
}
