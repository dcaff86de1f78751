//! A connection: one account at one provider, and how it fares. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tieline_catalog::{Cause, ErrorPlace, template::Fields};

use crate::clock::Seconds;
use crate::program::Owner;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub id: String,
    pub provider: String,
    /// The name a person gave; empty takes the account's.
    pub name: String,
    pub inputs: BTreeMap<String, String>,
    /// What the provider's replies told: hosts, tenant, workspace.
    pub facts: BTreeMap<String, String>,
    pub account_id: String,
    pub account_name: String,
    pub account_email: String,
    pub account_workspace: String,
    pub app_host: String,
    pub client_id: String,
    pub redirect: String,
    pub way: String,
    pub asked: Vec<String>,
    /// None where the provider does not tell.
    pub granted: Option<Vec<String>>,
    /// Which vault entry counts. Grows by one with each pair of tokens.
    pub secret_version: u32,
    pub has_refresh: bool,
    /// When the access token runs out; none where nothing tells.
    pub access_until: Option<Seconds>,
    /// How long it was given for.
    pub access_life: Option<Seconds>,
    /// When the refresh token runs out, where the provider said so in its reply.
    pub refresh_until: Option<Seconds>,
    /// When the tokens in hand were issued.
    pub refreshed_at: Seconds,
    /// When the person last signed in.
    pub authorized_at: Seconds,
    pub connected_at: Seconds,
    pub last_used_at: Option<Seconds>,
    pub last_ok_at: Option<Seconds>,
    pub last_refresh_at: Option<Seconds>,
    pub refreshes: u32,
    pub last_failed_at: Option<Seconds>,
    /// In a row.
    pub failures: u32,
    /// Not before this time.
    pub retry_at: Option<Seconds>,
    pub trouble: Option<Trouble>,
    pub disconnecting: bool,
    /// Where it is: what was read stays when it ends.
    pub keep_contents: bool,
    pub owner: Owner,
    /// The organization whose app it signed in through.
    pub app_organization: i64,
}

/// What keeps a connection from working.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub cause: Cause,
    pub place: ErrorPlace,
    pub since: Seconds,
    /// The provider's own words for this case, from its entry.
    pub says: Option<String>,
    /// What it answered, in short and without secrets: error code, status, trace id.
    pub evidence: Vec<(String, String)>,
}

impl Trouble {
    /// Only a person can mend it: refreshing again does not help.
    pub fn is_final(&self) -> bool {
        !matches!(self.cause, Cause::RateLimited | Cause::Temporary | Cause::Offline | Cause::Garbage)
    }

    pub fn waits_for_admin(&self) -> bool {
        matches!(self.cause, Cause::AdminApproval | Cause::AdminBlocked)
    }
}

impl Connection {
    /// The name shown: the given one, else the account's workspace, name or address.
    pub fn title(&self) -> String {
        [&self.name, &self.account_name, &self.account_email, &self.account_workspace, &self.account_id]
            .into_iter()
            .find(|it| !it.is_empty())
            .cloned()
            .unwrap_or_else(|| self.provider.clone())
    }

    pub fn secret_entry(&self) -> String {
        Self::entry(&self.id, self.secret_version)
    }

    /// The vault entry of one version of a connection's tokens.
    pub fn entry(id: &str, version: u32) -> String {
        format!("connection/{id}/{version}")
    }

    /// Inputs and facts together, as templates use them.
    pub fn fields(&self) -> Fields {
        let mut fields = self.inputs.clone();
        fields.extend(self.facts.clone());
        fields
    }

    /// Whether the access token should be replaced before it is used: less than five minutes or a tenth of its
    /// life left.
    pub fn is_due(&self, now: Seconds) -> bool {
        // A token that lives for minutes would otherwise be due from the start.
        let life = self.access_life.unwrap_or(3600);
        self.access_until.is_some_and(|until| until.saturating_sub(now) < (life / 10).max(300).min(life / 2))
    }

    /// Whether the next try has to wait. A failure that lies in the future was noted before the clock was set back, and
    /// its pause says nothing.
    pub fn waits(&self, now: Seconds) -> bool {
        self.retry_at.is_some_and(|at| at > now) && self.last_failed_at.is_none_or(|at| at <= now)
    }

    /// Whether the access token is past its time.
    pub fn is_past(&self, now: Seconds) -> bool {
        self.access_until.is_some_and(|until| until <= now)
    }

    /// What it may do: what was granted or, where the provider does not tell, what was asked for. None: it came of a token
    /// from elsewhere.
    pub fn known_scopes(&self) -> Option<&[String]> {
        self.granted.as_deref().or(Some(&self.asked)).filter(|scopes| !scopes.is_empty())
    }

    /// Permissions asked for and, as far as the provider tells, not granted.
    pub fn missing<'s>(
        &'s self,
        granted_as: impl Fn(&str, &[String]) -> bool + 's,
    ) -> impl Iterator<Item = &'s str> + 's {
        let granted = self.granted.as_deref();
        self.asked
            .iter()
            .filter(move |scope| granted.is_some_and(|granted| !granted_as(scope, granted)))
            .map(String::as_str)
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    use super::*;

    /// A healthy connection whose sign-in happened at `at`.
    pub(crate) fn connection(provider: &str, at: Seconds) -> Connection {
        Connection {
            id: "c1".into(),
            provider: provider.into(),
            name: String::new(),
            inputs: BTreeMap::new(),
            facts: BTreeMap::new(),
            account_id: "7".into(),
            account_name: "Maya Lind".into(),
            account_email: "maya.lind@acme.example".into(),
            account_workspace: "Acme".into(),
            app_host: String::new(),
            client_id: "tieline".into(),
            redirect: String::new(),
            way: "loopback".into(),
            asked: vec!["read".into()],
            granted: None,
            secret_version: 1,
            has_refresh: true,
            access_until: Some(at + 3600),
            access_life: Some(3600),
            refresh_until: None,
            refreshed_at: at,
            authorized_at: at,
            connected_at: at,
            last_used_at: None,
            last_ok_at: None,
            last_refresh_at: None,
            refreshes: 0,
            last_failed_at: None,
            failures: 0,
            retry_at: None,
            trouble: None,
            disconnecting: false,
            keep_contents: false,
            owner: Owner::default(),
            app_organization: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::tests_support::connection;

    #[test]
    fn a_token_is_due_with_a_tenth_of_its_life_or_five_minutes_left() {
        let hour = connection("BOX", 0);
        assert!(!hour.is_due(3600 - 361));
        assert!(hour.is_due(3600 - 359));
        let mut day = connection("GONG", 0);
        (day.access_until, day.access_life) = (Some(86_400), Some(86_400));
        assert!(!day.is_due(86_400 - 8_641));
        assert!(day.is_due(86_400 - 8_639));
    }

    #[test]
    fn a_pause_ends_by_the_clock_and_when_the_clock_is_set_back() {
        let mut it = connection("BOX", 0);
        (it.last_failed_at, it.retry_at) = (Some(1000), Some(1030));
        assert!(it.waits(1000) && it.waits(1029));
        assert!(!it.waits(1030) && !it.waits(1000 - 86_400));
    }

    #[test]
    fn a_token_without_an_end_is_never_due() {
        let mut forever = connection("INTERCOM", 0);
        (forever.access_until, forever.access_life) = (None, None);
        assert!(!forever.is_due(i64::MAX) && !forever.is_past(i64::MAX));
    }
}
