//! Acme's libraries at Zotero.

use crate::contents::{Format, Maker, State, Thing};

const KEYS: &str = "23456789ABCDEFGHIJKLMNPQRSTUVWXYZ";
pub const OWN: &str = "library";

/// The person's library and two of groups: collections, references in them with notes and files, loose notes, some
/// things in the bin. A thing in a group has the group's number before its key.
pub fn contents(maker: &mut Maker) {
    let mut roots = vec![OWN.to_owned()];
    let created = maker.when();
    maker.add(Thing::new(OWN.to_owned(), "library", "My Library".to_owned(), Format::None, created));
    for name in ["Acme Research", "Lab meeting"] {
        let id = maker.fresh(|maker| maker.digits(7));
        maker.add(Thing::new(id.clone(), "group", name.to_owned(), Format::None, created));
        roots.push(id);
    }
    let mut places = roots.clone();
    for _ in 0..(maker.wanted() / 12).clamp(2, 2000) {
        let at = maker.pick(&places).clone();
        let id = key_below(maker, &at);
        let (name, created) = (maker.title(), maker.when());
        maker.add(Thing::new(id.clone(), "collection", name, Format::None, created).below(Some(&at)));
        places.push(id);
    }
    let formats =
        [Format::Pdf, Format::Pdf, Format::Html, Format::Docx, Format::Plain, Format::Image, Format::Broken];
    let mut reference = None::<String>;
    for at in 0.. {
        if maker.missing() == 0 {
            break;
        }
        let place = maker.pick(&places).clone();
        let above = reference.clone().unwrap_or_else(|| place.clone());
        match at % 5 {
            1 => drop(add(maker, "note", Format::Html, &above)),
            2 => {
                let format = formats[at / 5 % formats.len()];
                drop(add(maker, "attachment", format, &above));
            }
            3 if at % 4 == 0 => drop(add(maker, "note", Format::Html, &place)),
            3 if at % 4 == 1 => drop(add(maker, "attachment", Format::None, &above)),
            _ => reference = Some(add(maker, "reference", Format::Plain, &place)),
        }
    }
}

fn key_below(maker: &mut Maker, place: &str) -> String {
    let group = group_of(place).map(|group| format!("{group}_")).unwrap_or_default();
    maker.fresh(|maker| format!("{group}{}", maker.of(KEYS, 8)))
}

fn add(maker: &mut Maker, kind: &'static str, format: Format, parent: &str) -> String {
    let id = key_below(maker, parent);
    let count = maker.made().len();
    let name = if kind == "attachment" { maker.file_name(format) } else { maker.title() };
    let created = maker.when();
    let modified = maker.since(created);
    let mut thing = Thing::new(id.clone(), kind, name, format, created).below(Some(parent));
    if kind == "attachment" {
        thing = thing.with(
            "link",
            match (format, count % 6) {
                (Format::None, _) => "linked_url",
                (Format::Pdf | Format::Docx, 0) => "linked_file",
                (Format::Html, _) => "imported_url",
                _ => "imported_file",
            },
        );
    }
    if count % 25 == 7 && kind != "reference" {
        thing = thing.state(State::Trashed);
    }
    maker.add(Thing { modified, ..thing });
    id
}

/// The group in whose library a thing is, or that it is itself.
pub fn group_of(id: &str) -> Option<&str> {
    let group = id.split_once('_').map_or(id, |(group, _)| group);
    group.bytes().all(|byte| byte.is_ascii_digit()).then_some(group).filter(|group| group.len() == 7)
}

pub fn key_of(id: &str) -> &str {
    id.split_once('_').map_or(id, |(_, key)| key)
}

pub fn id_of(thing: &Thing) -> Option<String> {
    if thing.state != State::Published {
        return None;
    }
    let id = thing.id.replace('_', "/");
    Some(match thing.kind {
        "group" => format!("group/{id}"),
        "collection" => format!("collection/{id}"),
        _ => id,
    })
}

pub fn new_id(maker: &mut Maker, like: &Thing) -> String {
    let front = like.id.split_once('_').map(|(group, _)| format!("{group}_")).unwrap_or_default();
    front + &maker.of(KEYS, 8)
}
