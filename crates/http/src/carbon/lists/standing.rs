//! Choices that stand: what they let through is chosen after each sync, when it is known what there is.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tieline_engine::program::{DataSource, Record};
use tieline_engine::{Content, Contents, Mark};

use super::super::choosing::{self, Choice};
use super::super::objects::sync_state;
use super::super::{Sorry, limits, links};
use super::wanted::{Days, Search};
use super::{gmail, outlook};
use crate::Door;

const KIND: &str = "carbon.selection";
/// Choices that stand for one connection; the oldest go first.
const MOST: usize = 50;

/// What is chosen, and what is written on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Selection {
    what: What,
    tags: Option<Map<String, Value>>,
    request_id: Option<String>,
    options: Map<String, Value>,
    noted_only: bool,
    /// The request was answered by a sync since, and what was there then was read again.
    #[serde(default)]
    begun: bool,
    incremental: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum What {
    /// What any of these finds at the provider.
    Searches(Vec<Search>),
    /// What a filter finds in a folder of Outlook.
    Mails { folder: String, filter: String },
    /// What stands directly in a place and is of these days.
    Within { place: String, days: Days },
    /// These, as soon as they are listed; once.
    Ids(Vec<String>),
}

impl Selection {
    pub fn new(what: What, choice: &Choice, source: &DataSource) -> Self {
        Self {
            what,
            tags: choice.tags.clone(),
            request_id: Some(choice.request(source)),
            options: choice.options.clone(),
            noted_only: choice.noted_only,
            begun: false,
            incremental: choice.incremental,
        }
    }

    fn of(record: &Record) -> Option<Self> {
        serde_json::from_value(record.body.clone()).ok()
    }

    fn mark(&self, source: &DataSource) -> Mark {
        Mark {
            pick: (!self.noted_only).then_some(true),
            tags: choosing::tagging(self.tags.as_ref(), source),
            request_id: self.request_id.clone(),
            options: Some(self.options.clone().into()),
        }
    }

    /// The same choice has the same name, whatever is written on what it chooses.
    fn name(&self, source: &DataSource) -> String {
        let what = serde_json::to_string(&self.what).unwrap_or_default();
        format!("{}/{}", source.connection, links::hex(&Sha256::digest(what)))
    }
}

/// Keeps a choice, in place of the same one before, and begins the sync after which it is looked at.
pub(in super::super) async fn keep(
    door: &Arc<Door>,
    source: &DataSource,
    selection: Selection,
) -> Result<(), Sorry> {
    let programs = door.app.programs();
    limits::check(door, source, &[], 0)?;
    let body = serde_json::to_value(&selection).unwrap_or_default();
    programs.save_record(source.owner.organization, KIND, &selection.name(source), &body)?;
    let all = of_source(door, source)?;
    for old in all.iter().take(all.len().saturating_sub(MOST)) {
        programs.forget_record(source.owner.organization, KIND, &old.id)?;
    }
    programs.acted(source.number, tieline_engine::program::Action::Update)?;
    choosing::begin(door, source, None).await
}

fn of_source(door: &Door, source: &DataSource) -> Result<Vec<Record>, Sorry> {
    let mut all = door.app.programs().records(source.owner.organization, KIND)?;
    let prefix = format!("{}/", source.connection);
    all.retain(|record| record.id.starts_with(&prefix));
    Ok(all)
}

/// Forgets what stands for a data source that goes.
pub(in super::super) fn forget(door: &Door, source: &DataSource) -> Result<(), Sorry> {
    for record in of_source(door, source)? {
        door.app.programs().forget_record(source.owner.organization, KIND, &record.id)?;
    }
    Ok(())
}

/// Chooses what the standing choices of a data source let through and was not chosen yet, and begins to read it: those
/// that were made just now, or `all` of them. Waits for a complete listing: before, nobody knows what there is.
pub(in super::super) async fn look_again(
    door: &Arc<Door>,
    source: &DataSource,
    all: bool,
) -> Result<(), Sorry> {
    let programs = door.app.programs();
    let records = of_source(door, source)?;
    if records.is_empty() || !sync_state(door, &source.connection).await?.is_some_and(|state| state.complete)
    {
        return Ok(());
    }
    let (mut reads, mut folders) = (HashSet::new(), false);
    for record in records {
        let Some(mut selection) = Selection::of(&record).filter(|it| all || !it.begun) else { continue };
        let ids = selection.finds(door, source).await?;
        // What is not listed yet is found again after the sync that lists it.
        let known = choosing::known(door, source, &ids)?.items;
        let again = !selection.begun && !selection.incremental;
        let fits = |deleted: bool, chosen: bool| {
            if selection.begun { !deleted && !chosen } else { again || !chosen }
        };
        let is_chosen =
            |it: &Content| it.picked || selection.noted_only && it.request_id == selection.request_id;
        let new: Vec<_> = known.into_iter().filter(|it| fits(it.forgotten, is_chosen(it))).collect();
        let new_ids: Vec<String> = new.iter().map(|it| it.item.id.clone()).collect();
        if !new.is_empty() {
            limits::check(door, source, &new, 0)?;
            programs.mark(&source.connection, &new_ids, &selection.mark(source))?;
            if !selection.noted_only {
                folders |= new.iter().any(|it| !it.item.selectable);
                reads.extend(new.into_iter().filter(|it| it.item.selectable).map(|it| it.item.id));
            }
        }
        if matches!(selection.what, What::Ids(_)) {
            programs.forget_record(source.owner.organization, KIND, &record.id)?;
        } else if !selection.begun {
            selection.begun = true;
            let body = serde_json::to_value(&selection).unwrap_or_default();
            programs.save_record(source.owner.organization, KIND, &record.id, &body)?;
        }
    }
    if reads.is_empty() && !folders {
        return Ok(());
    }
    // What is in a folder is found by a sync; single things can be read at once.
    choosing::begin(door, source, (!folders).then(|| reads.into_iter().collect())).await
}

impl Selection {
    /// The ids of what it lets through now, of which some may not be listed yet.
    async fn finds(&self, door: &Door, source: &DataSource) -> Result<Vec<String>, Sorry> {
        match &self.what {
            What::Searches(searches) => {
                let mut ids = HashSet::new();
                for search in searches {
                    let found = if search.labels.is_empty() && search.words.is_empty() {
                        listed(door, source, None)?
                    } else {
                        choosing::known(door, source, &gmail::find(door, source, search).await?)?.items
                    };
                    ids.extend(of_days(found, search.days));
                }
                Ok(ids.into_iter().collect())
            }
            What::Mails { folder, filter } => outlook::find(door, source, folder, filter).await,
            What::Within { place, days } => Ok(of_days(listed(door, source, Some(place))?, *days).collect()),
            What::Ids(ids) => Ok(ids.clone()),
        }
    }
}

/// All there is, or what stands directly in a place.
fn listed(door: &Door, source: &DataSource, place: Option<&String>) -> Result<Vec<Content>, Sorry> {
    let ask = Contents {
        connections: vec![source.connection.clone()],
        parent: place.map(|place| Some(place.clone())),
        limit: u32::MAX,
        ..Contents::default()
    };
    Ok(door.app.programs().contents(&ask)?.0)
}

/// The ids of what has contents and is of these days.
fn of_days(items: Vec<Content>, days: Days) -> impl Iterator<Item = String> {
    let fits = items.into_iter().filter(move |it| it.item.selectable && days.holds(it.item.modified));
    fits.map(|it| it.item.id)
}

#[cfg(test)]
mod tests {
    use super::super::super::filters::tests::source;
    use super::*;

    #[test]
    fn a_choice_is_kept_as_it_was_made() {
        let days = Days { after: Some(1), before: None };
        let search = Search { labels: ["Label_1".to_owned()].into(), words: vec!["is:snoozed".into()], days };
        for what in [
            What::Searches(vec![search]),
            What::Mails { folder: "F1".into(), filter: "isRead eq true".into() },
            What::Within { place: "C1".into(), days },
            What::Ids(vec!["a".into()]),
        ] {
            let selection = Selection::new(what, &Choice::default(), &source(1, "GMAIL"));
            let kept = serde_json::to_value(&selection).unwrap();
            assert_eq!(serde_json::from_value::<Selection>(kept).unwrap(), selection);
        }
    }
}
