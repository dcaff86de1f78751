//! Categories: those that messages carry, and the list that a person keeps.

use serde_json::json;

use crate::contents::Thing;
use crate::desk::Desk;
use crate::providers::Answer;
use crate::providers::microsoft::allowed;
use crate::providers::microsoft::graph::rows;
use crate::wire::Request;

/// What somebody has put the message under.
pub fn categories(thing: &Thing) -> Vec<&'static str> {
    let all = [("Blue category", 3), ("Lyon & Co.", 4)];
    all.into_iter().filter(|(_, each)| thing.created.is_multiple_of(*each)).map(|(name, _)| name).collect()
}

/// The person's list of categories, which takes a permission of its own (outlookuser-list-mastercategories.md).
pub fn master_categories(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request, &["MailboxSettings.Read", "MailboxSettings.ReadWrite"])?;
    let shown = |(n, name): (usize, &str)| {
        json!({
            "id": format!("7a3e1d5c-0000-4000-8000-00000000000{n}"),
            "displayName": name,
            "color": format!("preset{n}"),
        })
    };
    let all = ["Blue category", "Lyon & Co.", "Nobody’s"];
    Ok(rows(all.into_iter().enumerate().map(shown).collect(), None))
}
