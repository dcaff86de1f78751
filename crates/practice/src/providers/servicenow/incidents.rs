//! ServiceNow's table of incidents. Comments and work notes are journals: stored elsewhere, empty as a value, and put
//! together newest first where display values are asked for.

use crate::contents::{Contents, Maker, State, Talk, Thing};
use crate::dates::spaced;
use crate::people::PEOPLE;

pub const TABLE: &str = "incident";

pub const COLUMNS: [&str; 12] = [
    "sys_id",
    "number",
    "short_description",
    "description",
    "state",
    "close_notes",
    "comments",
    "work_notes",
    "caller_id",
    "active",
    "sys_created_on",
    "sys_updated_on",
];

const TALKS: [Talk; 4] = [
    Talk {
        id: "10007",
        title: "The printer on floor 3 prints in green only",
        state: State::Published,
        status: "2",
        said: &[
            (true, "Every page since Monday is as green as a pistachio."),
            (false, "Toner of the wrong turmeric batch; a new one is ordered."),
            (true, "A technician comes tomorrow."),
        ],
    },
    Talk {
        id: "10008",
        title: "The VPN drops every hour",
        state: State::Published,
        status: "6",
        said: &[(true, "It drops in the middle of calls."), (true, "Solved by the juniper gateway.")],
    },
    Talk {
        id: "10009",
        title: "Closed long ago",
        state: State::Published,
        status: "7",
        said: &[(true, "The old damson server was switched off.")],
    },
    // Not for this person.
    Talk {
        id: "10010",
        title: "Of another department",
        state: State::Private,
        status: "1",
        said: &[(true, "Nobody else reads this mulberry.")],
    },
];

pub fn contents(maker: &mut Maker) {
    maker.talks(TABLE, "journal", &TALKS, |number| format!("{number:0>32}"));
}

pub fn value(all: &Contents, it: &Thing, column: &str) -> String {
    match column {
        "sys_id" => it.id.clone(),
        "number" => format!("INC{:0>7}", it.id.trim_start_matches('0')),
        "short_description" => it.name.clone(),
        "description" => format!("Reported by telephone: {}.", it.name),
        "state" => it.extra("status").to_owned(),
        "close_notes" if it.extra("status") == "7" => "Nothing left to do.".to_owned(),
        "caller_id" => PEOPLE[2].hex("SERVICENOW", 32),
        "active" => (it.extra("status") != "7").to_string(),
        "sys_created_on" => spaced(it.created),
        "sys_updated_on" => spaced(all.last_change(it)),
        _ => String::new(),
    }
}

pub fn display(all: &Contents, it: &Thing, column: &str) -> String {
    match (column, it.extra("status")) {
        ("comments", _) => journal(all, it, "true", "Additional comments"),
        ("work_notes", _) => journal(all, it, "false", "Work notes"),
        ("caller_id", _) => PEOPLE[2].name.to_owned(),
        ("state", "1") => "New".to_owned(),
        ("state", "2") => "In Progress".to_owned(),
        ("state", "6") => "Resolved".to_owned(),
        ("state", "7") => "Closed".to_owned(),
        _ => value(all, it, column),
    }
}

fn journal(all: &Contents, it: &Thing, everybody: &str, label: &str) -> String {
    let mut entries: Vec<&Thing> = all.said(it).filter(|it| it.extra("everybody") == everybody).collect();
    entries.sort_by_key(|it| std::cmp::Reverse(it.modified));
    let entry =
        |it: &&Thing| format!("{} - {} ({label})\n{}\n\n", spaced(it.modified), PEOPLE[0].name, it.words());
    entries.iter().map(entry).collect()
}
