//! What the contracts call a connection: that a source's contents go to a destination. There is one destination, the
//! library of this computer, and what goes there is everything the account shows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tieline_engine::wire::SyncState;
use tieline_engine::{Code, Error, Result};
use uuid::Uuid;

use super::definition::NAMESPACE;
use super::kept::{Kind, One};
use super::{Ask, Books};

/// Hours between two syncs that can be had.
const HOURS: [u32; 4] = [3, 6, 12, 24];
const USUAL_HOURS: u32 = 24;

pub(crate) type Link = One<Kept>;

impl Kind for Kept {
    const KIND: &'static str = "source/link";
    const NAME: &'static str = "connection";
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub name: String,
    pub source: String,
    pub active: bool,
    /// As the client wrote it.
    pub schedule: Map<String, Value>,
    /// As the client wrote it; kept and shown only, as everything is read.
    pub configurations: Map<String, Value>,
}

/// The id of the library as a destination.
pub(crate) fn library() -> String {
    Uuid::new_v5(&NAMESPACE, b"library").to_string()
}

impl Books {
    /// Oldest first.
    pub(crate) fn links(&self) -> Result<Vec<Link>> {
        self.all()
    }

    /// # Errors
    /// `NotFound` where this organization has none of that id.
    pub(crate) fn link(&self, id: &str) -> Result<Link> {
        self.one(id)
    }

    /// Where the schedule asks for syncs, the first begins at once.
    pub(crate) async fn make_link(&self, ask: &Ask) -> Result<Link> {
        let source = self.source(ask.needed("source_id")?)?;
        if ask.text("destination_id")?.is_some_and(|it| it != library()) {
            let words = format!(
                "There is one destination, the library of this computer: leave it out, or send {}.",
                library()
            );
            return Err(Error::field("destination_id", words));
        }
        let mut kept = Kept {
            name: source.kept.name.clone(),
            source: source.id,
            active: true,
            schedule: Map::new(),
            configurations: Map::new(),
        };
        take(&mut kept, ask)?;
        let id = Uuid::new_v4().to_string();
        if kept.active {
            self.apply(&id, &kept).await?;
        }
        self.save(&id, &kept)
    }

    pub(crate) async fn change_link(&self, id: &str, ask: &Ask) -> Result<Link> {
        let Link { kept: before, .. } = self.link(id)?;
        let mut kept = before.clone();
        take(&mut kept, ask)?;
        let same = (kept.active, &kept.schedule) == (before.active, &before.schedule);
        if !same && (kept.active || before.active) {
            self.apply(id, &kept).await?;
        }
        self.save(id, &kept)
    }

    /// Nothing is synced for it any more; what was read stays.
    pub(crate) async fn forget_link(&self, id: &str) -> Result<()> {
        let Link { mut kept, .. } = self.link(id)?;
        if std::mem::replace(&mut kept.active, false) {
            match self.apply(id, &kept).await {
                // The source, or its account, went first.
                Err(error) if error.code == Code::NotFound => {}
                other => other?,
            }
        }
        self.forget::<Kept>(id)?;
        Ok(())
    }

    /// Those of a source that is going.
    pub(super) async fn forget_links_of(&self, source: &str) -> Result<()> {
        for link in self.links()?.iter().filter(|link| link.kept.source == source) {
            self.forget_link(&link.id).await?;
        }
        Ok(())
    }

    /// Makes the account's sync what its links say together, this one as it will be: as often as the one that wants it
    /// most often, and not at all where none is active.
    async fn apply(&self, id: &str, kept: &Kept) -> Result<()> {
        let connection = self.source(&kept.source)?.kept.connection;
        let sources = self.sources()?;
        let of_account = |link: &Link| {
            let mut sources = sources.iter();
            link.id != id && sources.any(|it| it.id == link.kept.source && it.kept.connection == connection)
        };
        let mut links: Vec<Kept> =
            self.links()?.into_iter().filter(of_account).map(|link| link.kept).collect();
        links.push(kept.clone());
        links.retain(|link| link.active);
        let all: Vec<u32> = links.iter().map(|link| hours(&link.schedule)).collect::<Result<_>>()?;
        let every = all.into_iter().filter(|hours| *hours > 0).min().unwrap_or(0);
        let mut change = json!({ "connection": connection, "every_hours": every });
        if links.is_empty() {
            self.call::<Vec<SyncState>>("set_sync", change).await?;
            self.call::<SyncState>("cancel_sync", json!({ "id": connection })).await?;
            return Ok(());
        }
        change["everything"] = json!(true);
        self.call::<Vec<SyncState>>("set_sync", change).await?;
        if kept.active && hours(&kept.schedule)? > 0 {
            self.call::<SyncState>("start_sync", json!({ "connection": connection })).await?;
        }
        Ok(())
    }
}

fn take(kept: &mut Kept, ask: &Ask) -> Result<()> {
    if let Some(name) = ask.changed("name")? {
        name.clone_into(&mut kept.name);
    }
    match ask.text("status")? {
        None => {}
        Some("active") => kept.active = true,
        Some("inactive") => kept.active = false,
        Some(_) => return Err(Error::field("status", "This must be active or inactive.")),
    }
    if let Some(schedule) = ask.object("schedule")? {
        hours(schedule)?;
        schedule.clone_into(&mut kept.schedule);
    }
    if let Some(configurations) = ask.object("configurations")? {
        configurations.clone_into(&mut kept.configurations);
    }
    Ok(())
}

/// Hours between two syncs; 0: only when asked. An empty schedule means once a day.
fn hours(schedule: &Map<String, Value>) -> Result<u32> {
    let sorry = || {
        let words = "A schedule is {\"schedule_type\": \"manual\"}, or {\"schedule_type\": \"basic\", \"units\": 6, \
                     \"time_unit\": \"hours\"} with 3, 6, 12 or 24 hours.";
        Error::field("schedule", words)
    };
    let ask = Ask::new(schedule.clone());
    match ask.text("schedule_type")?.unwrap_or("basic") {
        "manual" => return Ok(0),
        "basic" => {}
        _ => return Err(sorry()),
    }
    let basic = ask.object("basic_timing").ok().flatten();
    let place = basic.map_or_else(|| Ask::new(schedule.clone()), |basic| Ask::new(basic.clone()));
    let Some(units) = place.number("units")? else {
        return if schedule.keys().any(|name| name.to_ascii_lowercase().contains("cron")) {
            Err(sorry())
        } else {
            Ok(USUAL_HOURS)
        };
    };
    let hours = match place.text("time_unit")?.unwrap_or("hours") {
        "hours" => units,
        "days" => units.saturating_mul(24),
        _ => return Err(sorry()),
    };
    HOURS.into_iter().find(|it| u64::from(*it) == hours).ok_or_else(sorry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_one_that_can_be_kept() {
        let read = |value: Value| hours(value.as_object().unwrap());
        assert_eq!(read(json!({})).unwrap(), 24);
        assert_eq!(read(json!({ "scheduleType": "manual" })).unwrap(), 0);
        assert_eq!(read(json!({ "schedule_type": "basic", "units": 6, "time_unit": "hours" })).unwrap(), 6);
        assert_eq!(read(json!({ "basicTiming": { "units": 1, "timeUnit": "days" } })).unwrap(), 24);
        for never in [
            json!({ "schedule_type": "cron", "cron_expression": "0 0 * * * ?" }),
            json!({ "cron_expression": "0 0 * * * ?" }),
            json!({ "units": 5 }),
            json!({ "units": 1, "time_unit": "minutes" }),
            json!({ "units": "six" }),
        ] {
            assert!(read(never.clone()).unwrap_err().field.is_some(), "{never}");
        }
    }
}
