//! Sign-ins that a program began for a source: where the person lands afterwards, and the coordinate that stands for
//! the account until a source is made of it.
//!
//! A coordinate holds no secret. It is good for one source, of the organization, workspace and kind it was made for,
//! within an hour of the sign-in.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Map;
use tieline_engine::client::is_loopback;
use tieline_engine::program::{Key, Record};
use tieline_engine::wire::{Flow, FlowStep};
use tieline_engine::{Code, Connecting, Error, Result, SyncOptions};
use url::Url;
use uuid::Uuid;

use super::definition::Definition;
use super::{Books, landing};

const KIND: &str = "source/sign-in";
/// Seconds from the end of the sign-in.
const GOOD_FOR: i64 = 3600;
/// Sign-ins that nobody made a source of are forgotten after so many seconds.
const FORGOTTEN_AFTER: i64 = 24 * 3600;
/// What a connection id begins with; the rest is the coordinate.
const CONNECTION_MARK: &str = "conn_";

/// The name under which a coordinate is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HandedOver {
    SecretId,
    ConnectionId,
}

#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub id: String,
    kept: Kept,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    flow: String,
    provider: String,
    /// None: any of the organization.
    workspace: Option<String>,
    redirect_url: Url,
    handed_over: HandedOver,
    connection: Option<String>,
    /// Why it came to nothing.
    failure: Option<String>,
    /// Set when the person has signed in.
    good_until: Option<i64>,
}

/// How far a sign-in is.
pub(crate) enum Outcome {
    Waiting,
    /// The connection.
    Connected(String),
    /// Why, in words.
    Failed(String),
}

/// What a source must be for a sign-in to serve it.
pub(crate) struct Bound<'a> {
    pub workspace: &'a str,
    pub provider: Option<&'a str>,
}

pub(crate) struct Asking<'a> {
    /// The key that asks.
    pub by: Option<Key>,
    pub definition: &'a Definition,
    pub workspace: Option<&'a str>,
    pub redirect_url: Url,
    pub inputs: BTreeMap<String, String>,
    /// Exactly these scopes instead of the usual ones.
    pub scopes: Option<Vec<String>>,
    pub more_scopes: Vec<String>,
    pub handed_over: HandedOver,
    /// This server, as the browser reaches it.
    pub origin: &'a str,
    /// The client takes the provider's answer itself where the organization's app is registered with its address.
    pub takes_answers: bool,
}

impl Consent {
    /// As the client gets it.
    pub(crate) fn coordinate(&self) -> String {
        match self.kept.handed_over {
            HandedOver::SecretId => self.id.clone(),
            HandedOver::ConnectionId => format!("{CONNECTION_MARK}{}", self.id.replace('-', "")),
        }
    }

    pub(crate) fn flow(&self) -> &str {
        &self.kept.flow
    }

    /// Where the person lands when all went well.
    pub(crate) fn landing(&self) -> Url {
        let mut url = self.kept.redirect_url.clone();
        let name = match self.kept.handed_over {
            HandedOver::SecretId => "secret_id",
            HandedOver::ConnectionId => "connection_id",
        };
        url.query_pairs_mut().append_pair(name, &self.coordinate());
        url
    }
}

/// What is listed right away, and read only when a connection of the source is made.
pub(crate) fn options() -> SyncOptions {
    SyncOptions { sync_files_on_connection: false, ..SyncOptions::default() }
}

/// An address that a browser can be sent to.
///
/// # Errors
/// `BadInput` about `redirect_url`: no address, not http or https, or, where `safely`, http to another computer.
pub(crate) fn redirect_url(text: &str, state: Option<&str>, safely: bool) -> Result<Url> {
    let sorry = |words: &str| Err(Error::field("redirect_url", words));
    let Ok(mut url) = Url::parse(text.trim()) else {
        return sorry("This is not an address. It looks like https://app.example.com/callback.");
    };
    if !["http", "https"].contains(&url.scheme()) {
        return sorry("This must be an https address.");
    }
    if url.scheme() == "http" && safely && !is_loopback(&url) {
        return sorry("This must be an https address; http is for this computer only.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return sorry("This must not hold a user or a password.");
    }
    if let Some(state) = state {
        url.query_pairs_mut().append_pair("state", state);
    }
    Ok(url)
}

impl Books {
    /// Begins a sign-in; answers with it and the address to send the person to.
    pub(crate) async fn begin(&self, asking: Asking<'_>) -> Result<(Consent, String)> {
        self.forget_old_sign_ins()?;
        let workspace = asking.workspace.map(|id| self.workspace_used(id)).transpose()?.map(|it| it.id);
        let id = Uuid::new_v4().to_string();
        let app = self.programs.app(self.organization, &asking.definition.provider, &asking.inputs)?;
        let own = app
            .and_then(|app| app.redirect)
            .filter(|it| asking.takes_answers && *it == asking.redirect_url.as_str());
        let then = format!("{}{}/{}/{id}", asking.origin, landing::PATH, self.organization);
        let then = Url::parse(&then).map_err(Error::internal)?;
        let flow = self
            .programs
            .connect(Connecting {
                owner: self.owner(workspace.as_deref().unwrap_or_default()),
                by: asking.by,
                provider: asking.definition.provider.clone(),
                inputs: asking.inputs,
                scopes: asking.scopes,
                more_scopes: asking.more_scopes,
                reconnect: None,
                then: own.is_none().then_some(then),
                redirect: own,
                options: options(),
                data_source_tags: Map::new(),
            })
            .await?;
        let link = self.programs.sign_in_link(&flow.id).await?;
        let kept = Kept {
            flow: flow.id,
            provider: asking.definition.provider.clone(),
            workspace,
            redirect_url: asking.redirect_url,
            handed_over: asking.handed_over,
            connection: None,
            failure: None,
            good_until: None,
        };
        Ok((self.save_consent(&id, &kept)?, link))
    }

    /// By the coordinate in either form.
    ///
    /// # Errors
    /// `NotFound` where this organization has none: unknown, used, or too old.
    pub(crate) fn consent(&self, coordinate: &str) -> Result<Consent> {
        let bare = coordinate.strip_prefix(CONNECTION_MARK).unwrap_or(coordinate);
        let id = Uuid::try_parse(bare).map(|id| id.to_string());
        let record = match id {
            Ok(id) => self.programs.record(self.organization, KIND, &id)?,
            Err(_) => None,
        };
        record.map(read).transpose()?.ok_or_else(gone)
    }

    pub(crate) fn consent_of(&self, flow: &str) -> Result<Consent> {
        let all = self.programs.records(self.organization, KIND)?;
        let mut all = all.into_iter().map(read).filter_map(Result::ok);
        all.find(|consent| consent.kept.flow == flow).ok_or_else(gone)
    }

    /// How far a sign-in is; waits for its end at most so long.
    pub(crate) async fn outcome(&self, consent: &mut Consent, most: Duration) -> Result<Outcome> {
        if consent.kept.connection.is_none() && consent.kept.failure.is_none() {
            let flow = match self.programs.ended(&consent.kept.flow, most).await {
                Ok(flow) => flow,
                // Sign-ins under way do not outlive the program.
                Err(error) if error.code == Code::NotFound => {
                    return Ok(Outcome::Failed(
                        "This sign-in is no longer under way. Begin it again.".into(),
                    ));
                }
                Err(error) => return Err(error),
            };
            match flow.step {
                FlowStep::Waiting | FlowStep::Finishing | FlowStep::OtherAccount => {
                    return Ok(Outcome::Waiting);
                }
                FlowStep::Connected => {
                    consent.kept.good_until = Some(self.programs.now() + GOOD_FOR);
                    consent.kept.connection = flow.connection;
                }
                _ => consent.kept.failure = Some(why(&flow)),
            }
            self.save_consent(&consent.id, &consent.kept)?;
        }
        Ok(match (&consent.kept.connection, &consent.kept.failure) {
            (Some(connection), _) => Outcome::Connected(connection.clone()),
            (None, Some(failure)) => Outcome::Failed(failure.clone()),
            (None, None) => Outcome::Waiting,
        })
    }

    /// The account of a sign-in that is done and still good, without using it up: provider and connection.
    pub(crate) async fn look(&self, coordinate: &str, bound: &Bound<'_>) -> Result<(String, String)> {
        let mut consent = self.consent(coordinate)?;
        let elsewhere = |what: &str| {
            let message = format!("This sign-in was for another {what}.");
            Error::new(Code::BadInput, message, "Begin one for this source.")
        };
        if consent.kept.workspace.as_deref().is_some_and(|it| it != bound.workspace) {
            return Err(elsewhere("workspace"));
        }
        if bound.provider.is_some_and(|it| it != consent.kept.provider) {
            return Err(elsewhere("source definition"));
        }
        match self.outcome(&mut consent, Duration::ZERO).await? {
            Outcome::Waiting => Err(Error::new(
                Code::NeedsYou,
                "The person has not finished signing in.",
                "Send them to the address that the sign-in began with, and try again when they are back.",
            )),
            Outcome::Failed(why) => Err(Error::new(Code::Refused, why, "Begin the sign-in again.")),
            Outcome::Connected(_) if consent.kept.good_until < Some(self.programs.now()) => Err(gone()),
            Outcome::Connected(connection) => Ok((consent.kept.provider, connection)),
        }
    }

    /// The same, and uses it up: of two who ask at once, one gets it.
    pub(crate) async fn take(&self, coordinate: &str, bound: &Bound<'_>) -> Result<(String, String)> {
        let account = self.look(coordinate, bound).await?;
        let id = self.consent(coordinate)?.id;
        if self.programs.forget_record(self.organization, KIND, &id)? { Ok(account) } else { Err(gone()) }
    }

    fn forget_old_sign_ins(&self) -> Result<()> {
        let before = self.programs.now() - FORGOTTEN_AFTER;
        for record in self.programs.records(self.organization, KIND)? {
            if record.made_at < before {
                self.programs.forget_record(self.organization, KIND, &record.id)?;
            }
        }
        Ok(())
    }

    fn save_consent(&self, id: &str, kept: &Kept) -> Result<Consent> {
        let body = serde_json::to_value(kept).map_err(Error::internal)?;
        read(self.programs.save_record(self.organization, KIND, id, &body)?)
    }
}

fn gone() -> Error {
    Error {
        code: Code::NotFound,
        message: "This sign-in is unknown here, was used already, or is older than an hour.".into(),
        hint: "Begin a new one.".into(),
        field: Some("secret_id".into()),
    }
}

fn why(flow: &Flow) -> String {
    let told = flow.problem.as_ref().map(|problem| format!("{} {}", problem.happened, problem.why));
    told.unwrap_or_else(|| match flow.step {
        FlowStep::Cancelled => "The sign-in was cancelled.".into(),
        FlowStep::TimedOut => "Nobody signed in within ten minutes.".into(),
        _ => format!("{} was not connected.", flow.provider_name),
    })
}

fn read(record: Record) -> Result<Consent> {
    let kept = serde_json::from_value(record.body).map_err(Error::internal)?;
    Ok(Consent { id: record.id, kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_web_addresses_only() {
        for text in [
            "https://app.example.com/back?a=1",
            "http://127.0.0.1:8000/",
            "http://localhost/x",
            "http://[::1]:9/",
        ] {
            assert!(redirect_url(text, None, true).is_ok(), "{text}");
        }
        let never = [
            "",
            "back",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://a.example",
            "https://u:p@a.example/",
        ];
        for text in never {
            assert!(redirect_url(text, None, false).is_err(), "{text}");
        }
        for text in ["http://app.example.com/", "http://127.0.0.1.example.com/", "http://localhost.example/"]
        {
            assert!(redirect_url(text, None, true).is_err(), "{text}");
            assert!(redirect_url(text, None, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_landing_keeps_the_client_s_query_and_state() {
        let url = redirect_url("https://app.example.com/back?tab=2#top", Some("s&1"), true).unwrap();
        let kept = Kept {
            flow: "f".into(),
            provider: "X".into(),
            workspace: None,
            redirect_url: url,
            handed_over: HandedOver::SecretId,
            connection: None,
            failure: None,
            good_until: None,
        };
        let id = "6d5f7c1e-92b4-4a0d-8e37-51c0f2a9d364".to_owned();
        let mut consent = Consent { id: id.clone(), kept };
        assert_eq!(
            consent.landing().as_str(),
            format!("https://app.example.com/back?tab=2&state=s%261&secret_id={id}#top")
        );
        consent.kept.handed_over = HandedOver::ConnectionId;
        assert_eq!(consent.coordinate(), "conn_6d5f7c1e92b44a0d8e3751c0f2a9d364");
    }
}
