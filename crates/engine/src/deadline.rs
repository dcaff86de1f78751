//! When a connection will next need its person, from the provider's rules. Pure.

use tieline_catalog::{AccessLife, Provider, RefreshKind};

use crate::clock::{Seconds, day};
use crate::connection::Connection;

const DAY: Seconds = 86_400;

/// The date and the rule it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// None: no end date.
    pub at: Option<Seconds>,
    /// Why, in a sentence.
    pub why: String,
}

/// Computes it.
pub fn next(provider: &Provider, it: &Connection) -> Deadline {
    let life = &provider.lifetime;
    let name = &provider.name;
    if !it.has_refresh {
        return match (life.access, it.access_until) {
            (AccessLife::Never, _) | (_, None) => Deadline {
                at: None,
                why: format!("{name} gives keys that last until somebody takes them back."),
            },
            (_, Some(until)) => Deadline {
                at: Some(until),
                why: format!("{name} gave nothing to renew this sign-in with, so it ends when its key does."),
            },
        };
    }
    let told = it.refresh_until.map(|at| (at, format!("{name} said so when the person signed in.")));
    let absolute = life.absolute_days.map(|days| {
        (
            it.authorized_at + Seconds::from(days) * DAY,
            format!("{name} asks for a new sign-in every {days} days."),
        )
    });
    let idle = life.idle_days.map(|days| {
        let why = format!(
            "{name} forgets a sign-in that is not used for {days} days. Tieline renews it in time while this computer is on now and then."
        );
        (it.refreshed_at + Seconds::from(days) * DAY, why)
    });
    match told.into_iter().chain(absolute).chain(idle).min_by_key(|(at, _)| *at) {
        Some((at, why)) => Deadline { at: Some(at), why },
        None => Deadline {
            at: None,
            why: format!("{name} sets no end. The sign-in lasts until somebody takes it back."),
        },
    }
}

/// "No end date", "Next sign-in by 12 Mar 2027".
pub fn words(deadline: &Deadline) -> String {
    deadline.at.map_or_else(|| "No end date".to_owned(), |at| format!("Next sign-in by {}", day(at)))
}

/// Whether the sign-in should be renewed now only so that it is not forgotten: less than a third of its idle
/// limit is left.
pub fn keep_alive_is_due(provider: &Provider, it: &Connection, now: Seconds) -> bool {
    let idle = provider
        .lifetime
        .idle_days
        .filter(|_| it.has_refresh && provider.lifetime.refresh != RefreshKind::None);
    idle.is_some_and(|days| {
        let limit = Seconds::from(days) * DAY;
        now - it.refreshed_at >= limit - limit / 3
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests_support::connection;
    use tieline_catalog::Catalogue;

    #[test]
    fn the_nearest_of_the_rules_counts() {
        let catalogue = Catalogue::built_in().0;
        let confluence = catalogue.get("confluence").expect("built in");
        let mut it = connection("CONFLUENCE", 0);
        let deadline = next(confluence, &it);
        assert_eq!(deadline.at, Some(90 * DAY), "90 idle days come before 365 absolute ones");
        it.refreshed_at = 350 * DAY;
        assert_eq!(
            next(confluence, &it).at,
            Some(365 * DAY),
            "however often it is renewed, a year is the end"
        );
    }

    #[test]
    fn a_key_that_never_ends_has_no_date() {
        let catalogue = Catalogue::built_in().0;
        let zotero = catalogue.get("zotero").expect("built in");
        let mut it = connection("ZOTERO", 0);
        it.has_refresh = false;
        it.access_until = None;
        assert_eq!(words(&next(zotero, &it)), "No end date");
    }

    #[test]
    fn keep_alive_begins_when_a_third_is_left() {
        let catalogue = Catalogue::built_in().0;
        let zendesk = catalogue.get("zendesk").expect("built in");
        let it = connection("ZENDESK", 0);
        assert!(!keep_alive_is_due(zendesk, &it, 59 * DAY));
        assert!(keep_alive_is_due(zendesk, &it, 60 * DAY));
    }
}
