//! What Acme says in Slack.

use crate::contents::{Format, Maker, State, Thing, USUAL_FILES, similar_id};
use crate::people::PEOPLE;

/// Kind, first letter of the id, and the scopes that list and read it.
pub const KINDS: [(&str, &str, &str, &str); 4] = [
    ("public_channel", "C", "channels:read", "channels:history"),
    ("private_channel", "C", "groups:read", "groups:history"),
    ("mpim", "G", "mpim:read", "mpim:history"),
    ("im", "D", "im:read", "im:history"),
];
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const NAMES: [&str; 12] = [
    "general",
    "random",
    "announcements",
    "support",
    "sales",
    "product",
    "finance",
    "büro-berlin",
    "it-help",
    "project-okapi",
    "hiring",
    "ask-legal",
];

/// Messages, some with answers, in channels of all kinds. One channel lets nobody read it, one thread has lost its
/// first message, and notices that somebody joined stand in between.
pub fn contents(maker: &mut Maker) {
    let mut channels = Vec::new();
    for at in 0..(maker.wanted() / 15).clamp(3, 60) {
        let kind = KINDS[if at % 6 < 3 { 0 } else { at % 6 - 2 }];
        let id = maker.fresh(|maker| format!("{}0{}", kind.1, maker.of(ALPHABET, 9)));
        let name = match kind.0 {
            "mpim" => "mpdm-maya.lind--jonas.berg--amara.okafor-1".to_owned(),
            "im" => PEOPLE[at / 6 % PEOPLE.len()].id.to_owned(),
            _ if at < NAMES.len() => NAMES[at].to_owned(),
            _ => format!("{}-{at}", NAMES[at % NAMES.len()]),
        };
        let created = maker.when();
        let mut channel = Thing::new(id.clone(), kind.0, name, Format::None, created);
        if at == 1 {
            channel = channel.with("closed", "yes");
        } else {
            channels.push(id);
        }
        maker.add(channel);
    }
    // The first message of this thread is deleted, and its answers are still there.
    let (channel, created) = (maker.pick(&channels).clone(), maker.when());
    let lost = maker.fresh(|maker| format!("{channel}_{}", maker.digits(6)));
    let first =
        Thing::new(lost.clone(), "message", "Deleted".into(), Format::None, created).below(Some(&channel));
    maker.add(first.with("tombstone", "yes"));
    say(maker, "reply", &lost);

    let mut thread = lost;
    let mut formats = USUAL_FILES.iter().map(|(format, _)| *format).chain([Format::None]).cycle();
    for at in 0.. {
        if maker.missing() == 0 {
            break;
        }
        let channel = maker.pick(&channels).clone();
        match at % 12 {
            0 => thread = say(maker, "message", &channel),
            1..=3 => drop(say(maker, "reply", &thread)),
            4 => drop(say(maker, "notice", &channel)),
            5 => {
                let format = formats.next().unwrap_or(Format::Plain);
                let id = maker.fresh(|maker| format!("F0{}", maker.of(ALPHABET, 9)));
                let (name, created) = (maker.file_name(format), maker.when());
                let place = thread.split('_').next();
                let file =
                    Thing::new(id, "file", name, format, created).below(place).with("on", thread.clone());
                maker.add(file.state(if at % 60 == 5 { State::Trashed } else { State::Published }));
            }
            _ => drop(say(maker, "message", &channel)),
        }
    }
}

/// A message's id here ends in the six digits after the dot of its `ts`; the digits before are when it was written.
fn say(maker: &mut Maker, kind: &'static str, parent: &str) -> String {
    let channel = parent.split('_').next().unwrap_or_default();
    let id = maker.fresh(|maker| format!("{channel}_{}", maker.digits(6)));
    let (count, title) = (maker.made().len(), maker.title());
    let first = maker.made().get(parent).filter(|it| it.kind == "message").map(|it| it.created);
    let created = match first {
        Some(first) => first + 60 + maker.number(5 * 86_400),
        None => maker.when(),
    };
    let format = if kind == "notice" { Format::None } else { Format::Plain };
    let mut thing = Thing::new(id.clone(), kind, title, format, created).below(Some(parent));
    thing = thing.with("by", if count % 9 == 0 { "bot" } else { maker.pick(&PEOPLE).id });
    if count % 5 == 0 {
        thing = thing.with("to", maker.pick(&PEOPLE).id);
    }
    if kind == "reply" && count % 4 == 0 {
        thing = thing.with("broadcast", "yes");
    }
    maker.add(thing);
    id
}

pub fn id_of(thing: &Thing) -> Option<String> {
    if thing.state != State::Published {
        return None;
    }
    match thing.kind {
        "message" => Some(format!("{}/{}", thing.parent.as_deref()?, ts(thing))),
        "reply" | "notice" => None,
        _ => Some(thing.id.clone()),
    }
}

pub fn new_id(maker: &mut Maker, like: &Thing) -> String {
    match (like.kind, &like.parent) {
        ("message", Some(channel)) => format!("{channel}_{}", maker.digits(6)),
        _ => similar_id(maker, like),
    }
}

/// `1512085950.000216`
pub fn ts(thing: &Thing) -> String {
    format!("{}.{}", thing.created, thing.id.rsplit('_').next().unwrap_or_default())
}
