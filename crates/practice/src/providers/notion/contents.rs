//! What the workspace holds: three top pages that a person picks at the sign-in with pages and databases below, some
//! of them in toggles, a few in the trash, and pages that nobody shared with shared ones below.

use crate::contents::{Contents, Format, Maker, State, Thing};

/// Of `extra`: the top page that a person has to pick to share it.
pub const PICK: &str = "pick";
/// Of `extra`: it stands in a toggle of its page.
pub const IN_TOGGLE: &str = "in toggle";

const TOPS: [(&str, &str); 3] =
    [("handbook", "Company handbook"), ("support", "Support playbook"), ("roadmap", "Roadmap 2027")];
const DATABASES: [&str; 4] = ["Tasks", "Decisions", "Customers & partners", "Reading list"];

pub fn contents(maker: &mut Maker) {
    // Pages that may hold others, with the pick that shares them.
    let mut open: Vec<(String, &'static str)> = Vec::new();
    for (pick, name) in TOPS {
        let id = add(maker, "page", name.to_owned(), None, pick, State::Published);
        open.push((id, pick));
    }
    // Nobody shared it, and yet somebody shared what is below.
    let hidden = add(maker, "page", "Board only".to_owned(), None, "support", State::Private);
    let name = maker.title();
    let orphan = add(maker, "page", name, Some(&hidden), "support", State::Published);
    open.push((orphan, "support"));
    let mut sources: Vec<(String, &'static str)> = Vec::new();
    for at in 0..(maker.wanted() / 30).max(2) {
        let (page, pick) = open[at % 3].clone();
        let name = DATABASES.get(at).map_or_else(|| maker.title(), |name| (*name).to_owned());
        sources.push((add(maker, "data_source", name, Some(&page), pick, State::Published), pick));
    }
    while maker.missing() > 0 {
        let state = if maker.number(15) == 0 { State::Trashed } else { State::Published };
        let name = maker.title();
        if maker.number(5) < 2 {
            let (source, pick) = maker.pick(&sources).clone();
            add(maker, "page", name, Some(&source), pick, state);
            continue;
        }
        let (page, pick) = maker.pick(&open).clone();
        let id = add(maker, "page", name, Some(&page), pick, state);
        if state == State::Published {
            open.push((id, pick));
        }
    }
}

fn add(
    maker: &mut Maker,
    kind: &'static str,
    name: String,
    parent: Option<&str>,
    pick: &'static str,
    state: State,
) -> String {
    let id = maker.uuid();
    let format = if kind == "page" { Format::Markdown } else { Format::None };
    let created = maker.when();
    let modified = maker.since(created);
    let thing =
        Thing::new(id.clone(), kind, name, format, created).below(parent).state(state).with(PICK, pick);
    let in_page =
        parent.and_then(|parent| maker.made().get(parent)).is_some_and(|above| above.kind == "page");
    let in_toggle = in_page && kind == "page" && maker.number(8) == 0;
    maker.add(Thing { modified, ..if in_toggle { thing.with(IN_TOGGLE, "yes") } else { thing } });
    id
}

/// Its version digit makes an id of a page that of another thing: its toggle, a block, the database around a source.
pub fn variant(id: &str, digit: char) -> String {
    id.char_indices().map(|(at, letter)| if at == 14 { digit } else { letter }).collect()
}

/// The version digit, and the id of the page or source that it was made from.
pub fn origin(id: &str) -> (char, String) {
    (id.chars().nth(14).unwrap_or('4'), variant(id, '4'))
}

pub fn new_id(maker: &mut Maker, _: &Thing) -> String {
    maker.uuid()
}

/// When it was last edited, in whole minutes: by itself, or by something that was put into it.
pub fn edited(contents: &Contents, thing: &Thing) -> u64 {
    let below = contents.children(Some(&thing.id)).map(|it| it.created);
    let newest = below.filter(|_| thing.kind == "page").max().unwrap_or_default();
    let at = thing.modified.max(newest);
    at - at % 60
}
