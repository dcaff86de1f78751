//! What the site "acme" holds: spaces (one personal, one archived), pages in pages, folders and a whiteboard, blog
//! posts, attachments; pages that are drafts, archived, restricted or in the trash.

use crate::contents::{Contents, Format, Maker, State, Thing, USUAL_FILES};

/// Of `extra`: why a thing that is published is not for a client, as an archived space or page says.
const ARCHIVED: &str = "archived";
const SPACES: [&str; 4] = ["Acme handbook", "Maya Lind", "Old intranet", "Engineering"];

struct Spot {
    id: String,
    archived: &'static str,
    state: State,
}

pub fn contents(maker: &mut Maker) {
    let mut spaces = Vec::new();
    for at in 0..(maker.wanted() / 40).max(3) {
        let name = SPACES.get(at).map_or_else(|| maker.title(), |name| (*name).to_owned());
        let id = maker.fresh(|maker| maker.digits(8));
        let created = maker.when();
        let archived = if at == 2 { "space" } else { "" };
        let space = Thing::new(id.clone(), "space", name.clone(), Format::None, created);
        let space = space.with("type", if at == 1 { "personal" } else { "global" });
        maker.add(if archived.is_empty() { space } else { space.with(ARCHIVED, archived) });
        spaces.push(Spot { id, archived, state: State::Published });
    }
    let mut open: Vec<Spot> = spaces.iter().map(|space| page(maker, space, State::Published)).collect();
    rooms(maker, &spaces[0]);
    rooms(maker, &open[0]);
    let mut posts = Vec::new();
    while maker.missing() > 0 {
        let spot = maker.number(open.len() as u64) as usize;
        let space = maker.number(spaces.len() as u64) as usize;
        match maker.number(20) {
            0 | 1 => {
                let state = if maker.number(6) == 0 { State::Draft } else { State::Published };
                posts.push(add(maker, "blogpost", Format::Html, &spaces[space], state));
            }
            2..=7 if maker.number(6) == 0 && !posts.is_empty() => file(maker, &posts[spot % posts.len()]),
            2..=7 => file(maker, &open[spot]),
            8 => unseen(maker, &open[spot]),
            _ => {
                let page = page(maker, &open[spot], State::Published);
                open.push(page);
            }
        }
    }
}

/// A folder with another in it, and a whiteboard, each with pages.
fn rooms(maker: &mut Maker, above: &Spot) {
    let outer = add(maker, "folder", Format::None, above, State::Published);
    let inner = add(maker, "folder", Format::None, &outer, State::Published);
    let board = add(maker, "whiteboard", Format::None, above, State::Published);
    for spot in [&outer, &outer, &outer, &inner, &inner, &board] {
        page(maker, spot, State::Published);
    }
}

/// A page that nobody but some may see, with a file that says nothing of that.
fn unseen(maker: &mut Maker, above: &Spot) {
    let state = *maker.pick(&[State::Draft, State::Trashed, State::Private, State::Published]);
    let archived = if state == State::Published { "page" } else { above.archived };
    let page = page(maker, &Spot { id: above.id.clone(), archived, state: above.state }, state);
    file(maker, &page);
}

fn page(maker: &mut Maker, above: &Spot, state: State) -> Spot {
    add(maker, "page", Format::Html, above, state)
}

fn file(maker: &mut Maker, above: &Spot) {
    let at = maker.number(USUAL_FILES.len() as u64 * 2) as usize;
    add(
        maker,
        "attachment",
        USUAL_FILES.get(at).map_or(Format::Docx, |(format, _)| *format),
        above,
        above.state,
    );
}

fn add(maker: &mut Maker, kind: &'static str, format: Format, above: &Spot, state: State) -> Spot {
    let id = maker.fresh(|maker| new_id_of(maker, kind));
    let name = if kind == "attachment" { maker.file_name(format) } else { maker.title() };
    let created = maker.when();
    let modified = maker.since(created);
    let thing = Thing::new(id.clone(), kind, name, format, created).below(Some(&above.id)).state(state);
    let thing = if above.archived.is_empty() { thing } else { thing.with(ARCHIVED, above.archived) };
    maker.add(Thing { modified, ..thing });
    Spot { id, archived: above.archived, state }
}

pub fn new_id(maker: &mut Maker, like: &Thing) -> String {
    new_id_of(maker, like.kind)
}

fn new_id_of(maker: &mut Maker, kind: &str) -> String {
    match kind {
        "space" => maker.digits(8),
        "attachment" => format!("att{}", maker.digits(9)),
        _ => maker.digits(9),
    }
}

/// Spaces have numbers of their own, which may be those of pages.
pub fn id_of(thing: &Thing) -> Option<String> {
    let seen =
        thing.state == State::Published && thing.extra(ARCHIVED).is_empty() && thing.kind != "whiteboard";
    seen.then(|| if thing.kind == "space" { format!("space/{}", thing.id) } else { thing.id.clone() })
}

/// The word for a thing's state in the API; none for what it never shows.
pub fn status(contents: &Contents, thing: &Thing) -> Option<&'static str> {
    Some(match (thing.kind, thing.state) {
        (_, State::Private) => return None,
        ("space", State::Published) if thing.extra(ARCHIVED) == "space" => "archived",
        ("page", State::Published) if thing.extra(ARCHIVED) == "page" => "archived",
        (_, State::Published) => "current",
        // Nothing documents that a file follows its page; here it does not.
        ("attachment", State::Draft)
            if container(contents, thing).is_some_and(|it| it.state == State::Draft) =>
        {
            "current"
        }
        ("page" | "blogpost", State::Draft) => "draft",
        _ => "trashed",
    })
}

pub fn container<'a>(contents: &'a Contents, thing: &Thing) -> Option<&'a Thing> {
    contents.get(thing.parent.as_deref()?)
}

/// The id of the space that it all stands in.
pub fn space_of<'a>(contents: &'a Contents, thing: &'a Thing) -> Option<&'a Thing> {
    contents.above(thing).find(|above| above.kind == "space")
}
