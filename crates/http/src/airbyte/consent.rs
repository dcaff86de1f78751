//! Sign-ins that a program began for a source: where the person lands afterwards, and the coordinate that stands for
//! the account until a source is made of it.
//!
//! A coordinate holds no secret. It is good for one source, of the organization, workspace and kind it was made for,
//! within an hour of the sign-in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use tieline_engine::client::is_loopback;
use tieline_engine::program::Key;
use tieline_engine::wire::{Flow, FlowStep, FormCheck};
use tieline_engine::{Code, Connecting, Error, Result, SyncOptions};
use url::Url;
use uuid::Uuid;

use super::credential::SignIn;
use super::definition::Definition;
use super::kept::{Kind, One};
use super::{Books, landing};
use crate::Door;
use crate::asking::{self, Asked};
use crate::guard::Refused;

/// Seconds from the end of the sign-in; the page that asks for what is missing is open as long.
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

pub(crate) type Consent = One<Kept>;

impl Kind for Kept {
    const KIND: &'static str = "source/sign-in";
    const NAME: &'static str = "sign-in";
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// None: it begins when the person has filled in what is missing.
    flow: Option<String>,
    provider: String,
    /// None: any of the organization.
    workspace: Option<String>,
    redirect_url: Url,
    handed_over: HandedOver,
    connection: Option<String>,
    /// Why it came to nothing.
    failure: Option<String>,
    /// Set when the person has signed in, or is asked for what is missing.
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

    pub(crate) fn flow(&self) -> Option<&str> {
        self.kept.flow.as_deref()
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
    /// Begins a sign-in; answers with it and the address to send the person to: the provider's, or that of a page of
    /// ours which asks for what the provider needs and the program did not give.
    pub(crate) async fn begin(&self, asking: Asking<'_>) -> Result<(Consent, String)> {
        self.forget_old_sign_ins()?;
        let workspace = asking.workspace.map(|id| self.workspace_used(id)).transpose()?.map(|it| it.id);
        let id = Uuid::new_v4().to_string();
        let then = format!("{}{}/{}/{id}", self.door.origin(), landing::PATH, self.organization);
        let connecting = Connecting {
            owner: self.owner(workspace.as_deref().unwrap_or_default()),
            by: asking.by,
            provider: asking.definition.provider.clone(),
            inputs: asking.inputs,
            scopes: asking.scopes,
            more_scopes: asking.more_scopes,
            reconnect: None,
            redirect: None,
            then: Some(Url::parse(&then).map_err(Error::internal)?),
            options: options(),
            data_source_tags: Map::new(),
        };
        let own = asking.takes_answers.then_some(&asking.redirect_url);
        let keys = self.missing(&connecting).await?;
        let (flow, link) = if keys.is_empty() {
            let (flow, link) = self.sign_in(connecting, own).await?;
            (Some(flow), link)
        } else {
            (None, self.ask_for(asking.definition, connecting, keys, &id, asking.takes_answers)?)
        };
        let kept = Kept {
            good_until: flow.is_none().then(|| self.programs.now() + GOOD_FOR),
            flow,
            provider: asking.definition.provider.clone(),
            workspace,
            redirect_url: asking.redirect_url,
            handed_over: asking.handed_over,
            connection: None,
            failure: None,
        };
        Ok((self.save(&id, &kept)?, link))
    }

    /// Begins at the provider; answers with the flow and its address. The answer comes to the client's own address where
    /// that is `own` and the organization's app is registered with it.
    async fn sign_in(&self, mut connecting: Connecting, own: Option<&Url>) -> Result<(String, String)> {
        let app = self.programs.app(self.organization, &connecting.provider, &connecting.inputs)?;
        let registered = app.and_then(|app| app.redirect);
        connecting.redirect = registered.filter(|it| own.is_some_and(|own| own.as_str() == it));
        if connecting.redirect.is_some() {
            connecting.then = None;
        }
        let flow = self.programs.connect(connecting).await?;
        Ok((flow.id.clone(), self.programs.sign_in_link(&flow.id).await?))
    }

    /// The inputs that the provider needs and that were not given. None where one that was given is not usable, which is
    /// the program's to mend: the sign-in tells.
    async fn missing(&self, connecting: &Connecting) -> Result<Vec<String>> {
        let ask = json!({ "provider": connecting.provider, "inputs": connecting.inputs });
        let check: FormCheck = self.call("check_form", ask).await?;
        let wrong = check.fields.into_iter().filter(|field| field.problem.is_some());
        let wrong: Vec<String> = wrong.map(|field| field.key).collect();
        let given = wrong.iter().any(|key| connecting.inputs.contains_key(key));
        Ok(if given { Vec::new() } else { wrong })
    }

    /// The address of the page that asks for them, after which the sign-in of this id begins.
    fn ask_for(
        &self,
        definition: &Definition,
        connecting: Connecting,
        keys: Vec<String>,
        id: &str,
        takes_answers: bool,
    ) -> Result<String> {
        let (organization, provider) = (self.organization, &connecting.provider);
        // Which app serves a host is known only when the host is.
        if !definition.app_per_host
            && self.programs.app(organization, provider, &connecting.inputs)?.is_none()
        {
            return Err(Error::new(
                Code::NotSetUp,
                format!("There is no app for {} yet.", definition.name),
                "Hand your organization's over as a workspace's OAuth credentials, or set one up in Tieline's window.",
            ));
        }
        let id = id.to_owned();
        let go_on = move |door: Arc<Door>, connecting: Connecting| -> asking::Begun {
            let id = id.clone();
            Box::pin(async move {
                let books = Books::new(&door, organization);
                books.go_on(&id, connecting, takes_answers).await.map_err(Refused::from)
            })
        };
        asking::url(&self.door, Asked { connecting, keys, begin: Arc::new(go_on) })
    }

    /// Begins a sign-in for which the person has filled in what was missing; again, where it came to nothing before.
    async fn go_on(&self, id: &str, connecting: Connecting, takes_answers: bool) -> Result<String> {
        let Consent { mut kept, .. } = self.consent(id)?;
        if kept.connection.is_some() {
            let words = "This sign-in is done already.";
            return Err(Error::new(Code::Conflict, words, "Go back to the program you came from."));
        }
        let own = takes_answers.then(|| kept.redirect_url.clone());
        let (flow, link) = self.sign_in(connecting, own.as_ref()).await?;
        kept.flow = Some(flow);
        kept.failure = None;
        self.save(id, &kept)?;
        Ok(link)
    }

    /// By the coordinate in either form.
    ///
    /// # Errors
    /// `NotFound` where this organization has none: unknown, used, or too old.
    pub(crate) fn consent(&self, coordinate: &str) -> Result<Consent> {
        let bare = coordinate.strip_prefix(CONNECTION_MARK).unwrap_or(coordinate);
        let id = Uuid::try_parse(bare).map(|id| id.to_string());
        let found = match id {
            Ok(id) => self.find(&id)?,
            Err(_) => None,
        };
        found.ok_or_else(gone)
    }

    pub(crate) fn consent_of(&self, flow: &str) -> Result<Consent> {
        let mut all = self.all::<Kept>()?.into_iter();
        all.find(|consent| consent.flow() == Some(flow)).ok_or_else(gone)
    }

    /// How far a sign-in is; waits for its end at most so long.
    pub(crate) async fn outcome(&self, consent: &mut Consent, most: Duration) -> Result<Outcome> {
        if consent.kept.connection.is_none() && consent.kept.failure.is_none() {
            let before = consent.kept.clone();
            let Some(flow) = consent.flow() else {
                let closed = consent.kept.good_until < Some(self.programs.now());
                return Ok(match closed {
                    true => Outcome::Failed("Nobody filled in within an hour what the service needs.".into()),
                    false => Outcome::Waiting,
                });
            };
            let flow = match self.programs.ended(flow, most).await {
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
            // It may have been begun again meanwhile, or looked at and used up: then nothing is written.
            if !self.swap(&consent.id, &before, &consent.kept)?
                && let Some(now) = self.find(&consent.id)?
            {
                *consent = now;
            }
        }
        Ok(match (&consent.kept.connection, &consent.kept.failure) {
            (Some(connection), _) => Outcome::Connected(connection.clone()),
            (None, Some(failure)) => Outcome::Failed(failure.clone()),
            (None, None) => Outcome::Waiting,
        })
    }

    /// The account of a sign-in that is done and still good, without using it up: provider and connection.
    pub(crate) async fn look(&self, sign_in: &SignIn, bound: &Bound<'_>) -> Result<(String, String)> {
        let gone = || Error { field: Some(sign_in.field.clone()), ..gone() };
        let mut consent = self.consent(&sign_in.id).map_err(|error| match error.code {
            Code::NotFound => gone(),
            _ => error,
        })?;
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
    pub(crate) async fn take(&self, sign_in: &SignIn, bound: &Bound<'_>) -> Result<(String, String)> {
        let account = self.look(sign_in, bound).await?;
        let id = self.consent(&sign_in.id)?.id;
        if self.forget::<Kept>(&id)? { Ok(account) } else { Err(gone()) }
    }

    fn forget_old_sign_ins(&self) -> Result<()> {
        let before = self.programs.now() - FORGOTTEN_AFTER;
        for record in self.programs.records(self.organization, Kept::KIND)? {
            if record.made_at < before {
                self.forget::<Kept>(&record.id)?;
            }
        }
        Ok(())
    }
}

fn gone() -> Error {
    Error {
        code: Code::NotFound,
        message: "This sign-in is unknown here, was used already, or is older than an hour.".into(),
        hint: "Begin a new one.".into(),
        field: None,
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
            flow: Some("f".into()),
            provider: "X".into(),
            workspace: None,
            redirect_url: url,
            handed_over: HandedOver::SecretId,
            connection: None,
            failure: None,
            good_until: None,
        };
        let id = "6d5f7c1e-92b4-4a0d-8e37-51c0f2a9d364".to_owned();
        let mut consent = Consent { id: id.clone(), made_at: 0, kept };
        assert_eq!(
            consent.landing().as_str(),
            format!("https://app.example.com/back?tab=2&state=s%261&secret_id={id}#top")
        );
        consent.kept.handed_over = HandedOver::ConnectionId;
        assert_eq!(consent.coordinate(), "conn_6d5f7c1e92b44a0d8e3751c0f2a9d364");
    }
}
