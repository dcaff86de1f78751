//! How much a customer may have. A limit of the customer wins over one of the organization; none, or -1, is no limit.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value};
use tieline_engine::program::{DataSource, Owner};
use tieline_engine::{Content, Contents, FileState, Mark, Programs};

use super::choosing::refused;
use super::files::every_file;
use super::{Sorry, told};
use crate::Door;

/// Limits by the names they have in requests.
pub(super) const NAMES: [&str; 5] = [
    "max_files",
    "max_files_per_upload",
    "max_characters",
    "max_characters_per_file",
    "max_characters_per_upload",
];

/// Where the organization's own limits and its schedule are kept.
pub(super) const CONFIG: (&str, &str) = ("carbon.organization", "global_user_config");

/// Where a customer's limits stand in its settings.
pub(super) const CUSTOM: &str = "custom_limits";

#[derive(Debug, Clone, Default, PartialEq)]
struct Limits {
    own: Map<String, Value>,
    of_all: Map<String, Value>,
}

impl Limits {
    fn of(programs: &Programs, owner: &Owner) -> Result<Self, Sorry> {
        let customer = programs.customer(owner.organization, &owner.customer)?;
        let own = customer.and_then(|it| it.settings.get(CUSTOM).and_then(Value::as_object).cloned());
        let config = programs.record(owner.organization, CONFIG.0, CONFIG.1)?;
        let of_all = config.and_then(|it| it.body.as_object().cloned());
        Ok(Self { own: own.unwrap_or_default(), of_all: of_all.unwrap_or_default() })
    }

    fn get(&self, name: &str) -> Option<u64> {
        let value = |from: &Map<String, Value>| from.get(name).and_then(Value::as_i64);
        value(&self.own).or_else(|| value(&self.of_all)).and_then(|it| u64::try_from(it).ok())
    }
}

/// Whether these items may be chosen for a customer. What stands in folders counts as far as it is listed.
///
/// # Errors
/// 403 with the limit that they exceed.
pub(super) fn check(
    door: &Arc<Door>,
    source: &DataSource,
    items: &[Content],
    unknown: usize,
) -> Result<(), Sorry> {
    let programs = door.app.programs();
    let limits = Limits::of(&programs, &source.owner)?;
    let (most, at_once) = (limits.get("max_files"), limits.get("max_files_per_upload"));
    if most.is_some() || at_once.is_some() {
        let below = Contents {
            connections: vec![source.connection.clone()],
            numbers: Some(items.iter().map(|it| it.number).collect()),
            below: true,
            limit: u32::MAX,
            ..Contents::default()
        };
        let chosen: Vec<Content> =
            programs.contents(&below)?.0.into_iter().filter(|it| it.item.selectable).collect();
        let count = (chosen.len() + unknown) as u64;
        exceeds(source, "files at once", at_once, count, door)?;
        let have = files(&programs, &source.owner)?;
        let new =
            chosen.iter().filter(|it| have.iter().all(|file| file.number != it.number)).count() + unknown;
        exceeds(source, "files", most.filter(|_| new > 0), (have.len() + new) as u64, door)?;
    }
    if let Some(most) = limits.get("max_characters") {
        let have: u64 = files(&programs, &source.owner)?.iter().map(|it| characters(&programs, it)).sum();
        // A limit that is used up to its last character admits nothing further.
        exceeds(source, "characters", Some(most), have + 1, door)?;
    }
    Ok(())
}

fn exceeds(
    source: &DataSource,
    what: &str,
    most: Option<u64>,
    count: u64,
    door: &Arc<Door>,
) -> Result<(), Sorry> {
    let Some(most) = most.filter(|most| count > *most) else { return Ok(()) };
    told::data_source(door, source, "FILE_SYNC_LIMIT_REACHED");
    let customer = &source.owner.customer;
    let words = format!(
        "The customer {customer} may have at most {most} {what}, and this would exceed it. Delete files first, or raise \
         the limit with /update_users."
    );
    Err(Sorry::new(StatusCode::FORBIDDEN, words))
}

/// A customer's files that have contents.
fn files(programs: &Programs, owner: &Owner) -> Result<Vec<Content>, Sorry> {
    let sources = programs.data_sources(owner.organization, Some(&owner.customer))?;
    let (files, _) = programs.contents(&every_file(&sources))?;
    Ok(files.into_iter().filter(|file| file.item.selectable && !file.forgotten).collect())
}

/// Of the kept text.
fn characters(programs: &Programs, file: &Content) -> u64 {
    let text = if file.state == FileState::Kept { programs.text(file.number).ok().flatten() } else { None };
    text.map_or(0, |text| text.chars().count() as u64)
}

/// Lets go of what was just read and exceeds a limit of characters, which nobody can know before. Answers the numbers of
/// these files; each says why.
pub(super) fn enforce(door: &Arc<Door>, source: &DataSource, fresh: &[Content]) -> Result<Vec<i64>, Sorry> {
    let programs = door.app.programs();
    let limits = Limits::of(&programs, &source.owner)?;
    let names = ["max_characters_per_file", "max_characters_per_upload", "max_characters"];
    let [each, at_once, in_all] = names.map(|name| limits.get(name));
    if each.is_none() && at_once.is_none() && in_all.is_none() {
        return Ok(Vec::new());
    }
    let all = files(&programs, &source.owner)?;
    let is_fresh = |file: &Content| fresh.iter().any(|it| it.number == file.number);
    let sum = |files: &[&Content]| files.iter().map(|file| characters(&programs, file)).sum::<u64>();
    let mut total = sum(&all.iter().filter(|file| !is_fresh(file)).collect::<Vec<_>>());
    let mut gone = Vec::new();
    for file in fresh.iter().filter(|file| file.state == FileState::Kept) {
        let own = characters(&programs, file);
        let together = |it: &&Content| {
            file.request_id.is_some()
                && it.request_id == file.request_id
                && it.number < file.number
                && !gone.contains(&it.number)
        };
        let of_request = own + sum(&all.iter().filter(together).collect::<Vec<_>>());
        let over =
            [(each, own, "in one file"), (at_once, of_request, "at once"), (in_all, total + own, "in all")];
        let over = over
            .into_iter()
            .find_map(|(most, have, what)| most.filter(|most| have > *most).map(|it| (it, what)));
        let Some((most, what)) = over else {
            total += own;
            continue;
        };
        let why =
            format!("This customer may have at most {most} characters {what}, and this file exceeds it.");
        let options = Some(refused(file.options.as_ref(), &why));
        programs.forget_files(&[file.number], true)?;
        programs.mark(
            &source.connection,
            std::slice::from_ref(&file.item.id),
            &Mark { options, ..Mark::default() },
        )?;
        gone.push(file.number);
    }
    if !gone.is_empty() {
        told::data_source(door, source, "FILE_SYNC_LIMIT_REACHED");
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_customer_s_limit_wins_and_minus_one_is_none() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let limits = Limits {
            own: map(json!({ "max_files": 5, "max_characters": -1, "max_files_per_upload": 0 })),
            of_all: map(json!({ "max_files": 9, "max_characters": 100, "max_characters_per_file": -1 })),
        };
        assert_eq!(limits.get("max_files"), Some(5));
        assert_eq!(limits.get("max_files_per_upload"), Some(0));
        assert_eq!(limits.get("max_characters"), None);
        assert_eq!(limits.get("max_characters_per_file"), None);
        assert_eq!(limits.get("max_characters_per_upload"), None);
    }
}
