//! What is in a mailbox, where Exchange would show it, and by which ids.
//!
//! A folder with a name of its own at Exchange (`inbox`, `deleteditems`) is of that kind in the contents. What is no
//! longer published is in Deleted Items, what is a draft in Drafts.

use crate::contents::{Contents, Format, Maker, State, Thing};

/// The folder above all, which no list shows.
pub const ROOT: &str = "AAMkADNkZTRhYmMtcm9vdAAuAAAAAADSTWBTROOTAAA=";
/// Every id of a message or attachment that was asked for as immutable begins so, every other one like this.
pub const IMMUTABLE: &str = "AAkALgAA";
pub const MUTABLE: &str = "AAMkADNk";
/// Folders as every mailbox has them, a few of somebody's own, and messages.
pub fn contents(maker: &mut Maker) {
    let wanted = maker.wanted();
    let inbox = add_folder(maker, "inbox", "Inbox", None);
    let mut open = vec![
        inbox.clone(),
        add_folder(maker, "sentitems", "Sent Items", None),
        add_folder(maker, "archive", "Archive", None),
    ];
    let left_out = [
        (add_folder(maker, "drafts", "Drafts", None), State::Draft, "message"),
        (add_folder(maker, "deleteditems", "Deleted Items", None), State::Trashed, "message"),
        (add_folder(maker, "junkemail", "Junk Email", None), State::Published, "junk"),
    ];
    add_folder(maker, "outbox", "Outbox", None);
    let hidden = add_folder(maker, "hidden", "PersonMetadata", None);
    if wanted >= 20 {
        let customers = add_folder(maker, "folder", "Customers", Some(&inbox));
        for name in ["Lyon & Co.", "Nordlicht / Wind", "Projets été", "Empty"] {
            open.push(add_folder(maker, "folder", name, Some(&customers)));
        }
        open.pop();
        open.push(customers);
        for (folder, state, kind) in &left_out {
            for _ in 0..3 {
                add_message(maker, kind, folder, *state);
            }
        }
        add_message(maker, "junk", &hidden, State::Published);
    }
    while maker.missing() > 0 {
        // Half of all mail stays where it came in.
        let folder = if maker.number(2) == 0 { inbox.clone() } else { maker.pick(&open).clone() };
        add_message(maker, "message", &folder, State::Published);
    }
}

fn add_folder(maker: &mut Maker, kind: &'static str, name: &str, parent: Option<&str>) -> String {
    let id = maker.fresh(folder_id);
    let created = maker.when();
    maker.add(Thing::new(id.clone(), kind, name.to_owned(), Format::None, created).below(parent));
    id
}

fn add_message(maker: &mut Maker, kind: &'static str, folder: &str, state: State) {
    let id = maker.fresh(message_id);
    let (subject, created) = (maker.title(), maker.when());
    let (name, address) = maker.person();
    let mut thing = Thing::new(id, kind, subject, Format::Html, created).below(Some(folder)).state(state);
    thing = thing.with("name", name).with("address", address);
    if maker.number(5) == 0 {
        thing = thing.with("file", "notes.csv");
    }
    maker.add(thing);
}

pub fn new_id(maker: &mut Maker, like: &Thing) -> String {
    if is_folder(like) { folder_id(maker) } else { message_id(maker) }
}

const SIGNS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn folder_id(maker: &mut Maker) -> String {
    format!("{MUTABLE}{}AAA=", maker.of(SIGNS, 60))
}

fn message_id(maker: &mut Maker) -> String {
    format!("{IMMUTABLE}{}AAA=", maker.of(SIGNS, 60))
}

/// Drafts, what is deleted and junk are not shown to anybody who reads mail.
pub fn id_of(thing: &Thing) -> Option<String> {
    let is_shown =
        !matches!(thing.kind, "drafts" | "deleteditems" | "junkemail" | "outbox" | "hidden" | "junk");
    (is_shown && thing.state == State::Published).then(|| thing.id.clone())
}

pub fn is_folder(thing: &Thing) -> bool {
    thing.format == Format::None
}

/// The folder that Exchange would show it in; none at the top.
pub fn place<'c>(contents: &'c Contents, thing: &'c Thing) -> Option<&'c str> {
    let parent = thing.parent.as_deref();
    let special = |kind| contents.iter().find(|it| it.kind == kind).map(|it| it.id.as_str());
    let is_inside = parent.and_then(|id| contents.get(id)).is_some_and(|it| {
        it.state == thing.state
            || it.kind == if thing.state == State::Draft { "drafts" } else { "deleteditems" }
    });
    match thing.state {
        State::Published => parent,
        _ if is_inside => parent,
        State::Draft => special("drafts"),
        _ => special("deleteditems"),
    }
}

/// Private things are somebody else's.
pub fn is_there(thing: &Thing) -> bool {
    thing.state != State::Private
}

pub fn mark(folder: &str) -> String {
    folder.get(8..14).unwrap_or("AAAAAA").to_owned()
}

pub fn named<'c>(contents: &'c Contents, id: &str) -> Option<&'c Thing> {
    let by_place = || {
        let (front, mark_said) = id.split_at_checked(id.len().checked_sub(6)?)?;
        let thing = contents.get(&front.replacen(MUTABLE, IMMUTABLE, 1))?;
        (mark(place(contents, thing).unwrap_or_default()) == mark_said).then_some(thing)
    };
    let found = contents.get(id).filter(|it| !is_folder(it)).or_else(by_place);
    found.filter(|it| is_there(it))
}

pub fn folder_named<'c>(contents: &'c Contents, said: &str) -> Option<&'c Thing> {
    let known = |it: &&Thing| it.kind == said.to_lowercase() && !matches!(it.kind, "folder" | "hidden");
    let found = contents.get(said).or_else(|| contents.iter().find(known));
    found.filter(|it| is_folder(it) && is_there(it))
}
