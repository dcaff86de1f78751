//! From the browser's answer to a connection: check, exchange, identify, store.

use std::collections::BTreeMap;
use std::sync::Arc;

use tieline_catalog::template::Fields;
use tieline_catalog::{AccessLife, Cause, ErrorPlace, Protocol, Provider, Way};

use crate::callback::Callback;
use crate::clock::Seconds;
use crate::connection::{Connection, Trouble};
use crate::diagnose::{self, About};
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flow::{Account, FlowStep, ScopeLine};
use crate::flows::connect::{ForProgram, Kept};
use crate::flows::exchange::{self, Failed, Grant};
use crate::flows::identity::{self, Who};
use crate::flows::pair::Pair;
use crate::flows::{oauth1, publish, waiting};
use crate::oauth::{self, Refusal, Tokens};
use crate::problem::{NamedValue, Press, PressAction, Problem};
use crate::program::Owner;
use crate::secret::Secret;
use crate::store::{Kind, Stored};
use crate::ways;
use crate::world::World;

/// How a sign-in ended.
pub(crate) enum Answered {
    Connected { connection: String, missing: Vec<ScopeLine> },
    SomebodyElse(Box<Identified>),
    Ended(FlowStep, Option<Problem>),
}

/// Tokens and whose they are, not yet stored.
pub(crate) struct Identified {
    pub provider: std::sync::Arc<Provider>,
    pub tokens: Tokens,
    pub pair: Pair,
    pub who: Who,
    pub inputs: Fields,
    pub facts: BTreeMap<String, String>,
    pub asked: Vec<String>,
    pub app_host: String,
    pub app_organization: i64,
    pub client_id: String,
    pub redirect: String,
    pub way: Way,
    pub program: Option<Arc<ForProgram>>,
    pub at: Seconds,
}

impl Identified {
    /// Inputs and facts together, as a connection has them.
    fn fields(&self) -> Fields {
        let mut fields = self.inputs.clone();
        fields.extend(self.facts.clone());
        fields
    }

    pub fn account(&self) -> Account {
        Account {
            id: self.who.id.clone(),
            name: self.who.name.clone(),
            email: self.who.email.clone(),
            workspace: self.who.workspace.clone(),
        }
    }
}

/// Works through the browser's answer.
pub(crate) async fn answered(world: &World, kept: &Kept, callback: &Callback) -> Answered {
    match follow(world, kept, callback).await {
        Ok(answered) => answered,
        Err(problem) => {
            let step = if problem.code == "declined" { FlowStep::Refused } else { FlowStep::Failed };
            Answered::Ended(step, Some(*problem))
        }
    }
}

async fn follow(world: &World, kept: &Kept, callback: &Callback) -> Result<Answered, Box<Problem>> {
    let provider = &kept.provider;
    let explain = |trouble: &Trouble| Box::new(diagnose::problem(provider, trouble, &about(kept)));
    let ours = |error: Error| Box::new(plain(provider, &error));
    let strange = |words: String| {
        ours(Error::new(
            Code::Refused,
            words,
            "Nothing was connected. Begin again from Tieline; if it happens again, tell your administrator.",
        ))
    };
    if callback.has_duplicates() {
        return Err(strange(format!(
            "The answer of {} names something twice, as a genuine one never does.",
            provider.name
        )));
    }
    oauth::check_return(provider, &kept.inputs, callback.get("iss")).map_err(strange)?;
    if let Some(error) = callback.get("error") {
        let description = callback.get("error_description").unwrap_or_default();
        let refusal = Refusal {
            codes: vec![error.chars().take(80).collect()],
            description: oauth::shown(description),
            ..Refusal::default()
        };
        return Err(explain(&diagnose::trouble(provider, ErrorPlace::Callback, &refusal, world.now())));
    }
    let at = world.now();
    let tokens = if provider.oauth.protocol == Protocol::OAuth1 {
        // RFC 5849 knows no word for "no": an answer without a verifier is one.
        let Some(verifier) = callback.get("oauth_verifier") else {
            let word = callback.get("oauth_problem").unwrap_or("access_denied");
            let refusal = Refusal { codes: vec![word.chars().take(80).collect()], ..Refusal::default() };
            return Err(explain(&diagnose::trouble(provider, ErrorPlace::Callback, &refusal, at)));
        };
        oauth1::access_token(world, kept, verifier).await
    } else {
        let code = callback.get("code").ok_or_else(|| strange("The answer holds no code.".into()))?;
        let grant = Grant::Code {
            code: &Secret::new(code),
            verifier: kept.verifier.as_ref(),
            redirect: &kept.redirect,
        };
        let key = kept.key.as_ref();
        exchange::exchange(&world.client(), provider, &kept.inputs, &kept.app, grant, key).await
    };
    let tokens = tokens.map_err(|failed| match failed {
        Failed::Refused { refusal, .. } => {
            explain(&diagnose::trouble(provider, ErrorPlace::Exchange, &refusal, at))
        }
        Failed::Unreachable(error) if error.code == Code::Temporary => {
            explain(&diagnose::unreachable(&error, ErrorPlace::Exchange, at))
        }
        Failed::Unreachable(error) => ours(error),
    })?;

    let mut fields = kept.inputs.clone();
    fields.extend(tokens.facts.clone());
    let pair = Pair::new(&tokens, tokens.refresh.clone(), kept.key.clone());
    let granted = tokens.scopes.as_deref().unwrap_or(&kept.asked);
    let who = identity::identify(world, provider, fields, &pair.access, Some(granted)).await;
    let who = who.map_err(|failed| match failed.field {
        Some(error) => ours(error),
        None => explain(&failed.trouble),
    })?;
    let mut facts = tokens.facts.clone();
    facts.extend(who.facts.clone());
    let identified = Box::new(Identified {
        provider: provider.clone(),
        tokens,
        pair,
        who,
        inputs: kept.inputs.clone(),
        facts,
        asked: kept.asked.clone(),
        app_host: kept.app.row.host.clone(),
        app_organization: kept.app.row.organization,
        client_id: kept.app.row.client_id.clone(),
        redirect: kept.redirect.clone(),
        way: kept.way,
        program: kept.program.clone(),
        at,
    });
    if let Some(before) = &kept.reconnect
        && !identity::is_same(provider, before, &identified.who.id, &identified.fields())
    {
        return Ok(Answered::SomebodyElse(identified));
    }
    let before = kept.reconnect.as_ref().map(|it| it.id.clone());
    let (connection, missing) = store(world, &identified, before).await.map_err(ours)?;
    Ok(Answered::Connected { connection, missing })
}

/// What the person decided about somebody else's sign-in: keep it as a connection of its own, or not.
pub(crate) async fn decide(world: &World, flow: &str, keep: bool) -> Result<()> {
    let taken = {
        let mut all = world.flows.lock();
        let waiting = all.get_mut(flow).ok_or_else(|| Error::not_found("sign-in", flow))?;
        waiting.other.take()
    };
    let Some(identified) = taken else {
        return Err(Error::new(
            Code::Conflict,
            "This sign-in waits for no decision.",
            "Look at the list of connections.",
        ));
    };
    if !keep {
        waiting::update(world, flow, |waiting| {
            waiting.flow.step = FlowStep::Cancelled;
            waiting.flow.other_account = None;
        });
        return Ok(());
    }
    let (connection, missing) = store(world, &identified, None).await?;
    waiting::update(world, flow, |waiting| {
        waiting.flow.step = FlowStep::Connected;
        waiting.flow.connection = Some(connection);
        waiting.flow.missing = missing;
        waiting.flow.other_account = None;
        waiting.flow.reconnect = None;
    });
    Ok(())
}

/// The connection of the same account, if its owner has one.
fn connected(world: &World, owner: &Owner, new: &Identified) -> Result<Option<Connection>> {
    let (provider, id) = (&new.provider, &new.who.id);
    let found = world.store.connection_of(owner, &provider.id, id)?;
    // One that was signed in to with other permissions may be known by another id.
    if found.is_some() || provider.account.otherwise.is_empty() {
        return Ok(found);
    }
    let fields = new.fields();
    let is_it = |it: &Connection| {
        it.provider == provider.id
            && it.owner == *owner
            && !it.disconnecting
            && identity::is_same(provider, it, id, &fields)
    };
    Ok(world.store.connections()?.into_iter().find(is_it))
}

/// Vault first, then the pointer in the store: a crash between the two leaves what was before.
pub(crate) async fn store(
    world: &World,
    new: &Identified,
    reconnect: Option<String>,
) -> Result<(String, Vec<ScopeLine>)> {
    let provider = &new.provider;
    let owner = new.program.as_ref().map(|it| it.owner.clone()).unwrap_or_default();
    let known = match reconnect {
        Some(id) => Some(world.connection(&id)?),
        None if new.who.id.is_empty() => None,
        None => connected(world, &owner, new)?,
    };
    let id = match &known {
        Some(it) => it.id.clone(),
        None => {
            publish::returning(world, &owner, &provider.id, &new.who.id)?.map_or_else(waiting::new_id, Ok)?
        }
    };
    let turn = world.turn(&id);
    let _turn = turn.lock().await;
    let _lock =
        crate::lock::ConnectionLock::take(&world.locks(), &id, std::time::Duration::from_secs(60)).await?;
    let before = world.store.connection(&id)?;
    let was = before.as_ref().map_or(0, |it| it.secret_version);
    let old_granted = before.as_ref().and_then(|it| it.granted.clone());

    let granted = new.tokens.scopes.clone().or_else(|| new.who.scopes.clone());
    let (access_until, access_life) = access_end(provider, &new.tokens, new.at);
    let it = Connection {
        id: id.clone(),
        provider: provider.id.clone(),
        name: before.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        inputs: new.inputs.clone(),
        facts: new.facts.clone(),
        account_id: if new.who.id.is_empty() { id.clone() } else { new.who.id.clone() },
        account_name: new.who.name.clone(),
        account_email: new.who.email.clone(),
        account_workspace: new.who.workspace.clone(),
        app_host: new.app_host.clone(),
        client_id: new.client_id.clone(),
        redirect: new.redirect.clone(),
        way: ways::key(new.way).into(),
        asked: new.asked.clone(),
        granted,
        secret_version: was + 1,
        has_refresh: new.tokens.refresh.is_some(),
        access_until,
        access_life,
        refresh_until: new.tokens.refresh_expires_in.map(|seconds| new.at + seconds),
        refreshed_at: new.at,
        authorized_at: new.at,
        connected_at: before.as_ref().map_or(new.at, |it| it.connected_at),
        last_used_at: before.as_ref().and_then(|it| it.last_used_at),
        last_ok_at: Some(new.at),
        last_refresh_at: before.as_ref().and_then(|it| it.last_refresh_at),
        refreshes: before.as_ref().map_or(0, |it| it.refreshes),
        last_failed_at: before.as_ref().and_then(|it| it.last_failed_at),
        failures: 0,
        retry_at: None,
        trouble: None,
        disconnecting: false,
        keep_contents: false,
        owner: before.as_ref().map_or(owner, |it| it.owner.clone()),
        app_organization: new.app_organization,
    };
    let making = world.making(it.secret_entry());
    world.store.expect_stray(&it.secret_entry())?;
    keep_tokens(world, &it, &new.pair, was, &[]).await?;
    drop(making);

    let missing = missing(provider, &it);
    let title = it.title();
    match &before {
        Some(_) => world.happened(&it, Kind::Reconnected, &format!("Signed in again as {title}.")),
        None => world.happened(&it, Kind::Connected, &format!("Connected as {title}.")),
    }
    if before.is_some() && old_granted != it.granted || before.is_none() && !missing.is_empty() {
        let words = if missing.is_empty() {
            "Everything that was asked is allowed now.".to_owned()
        } else {
            let names: Vec<&str> = missing.iter().map(|scope| scope.meaning.as_str()).collect();
            format!("Not allowed: {}.", names.join("; "))
        };
        world.happened(&it, Kind::ScopesChanged, &words);
    }
    let brings_everything = provider.source.as_ref().is_some_and(|facts| facts.everything);
    match &new.program {
        Some(program) => publish::publish(world, provider, &it, program, before.is_some())?,
        // What brings everything at once begins by itself.
        None if before.is_none() && brings_everything && !world.store.settings()?.read_later => {
            world.library.set_sync(&it.id, true, 0, Some(world.now()))?;
            world.due.notify_one();
        }
        None => {}
    }
    world.changed(Change::Providers);
    world.sweep().await;
    Ok((id, missing))
}

/// Writes the tokens of `it`'s version to the vault, whose entry is noted as a stray, and commits the pointer to them
/// together with what happened.
pub(crate) async fn keep_tokens(
    world: &World,
    it: &Connection,
    pair: &Pair,
    was: u32,
    happened: &[(Seconds, Kind, String)],
) -> Result<()> {
    let entry = it.secret_entry();
    let text = pair.text()?;
    crash_point("vault");
    world.vault.set(&entry, &text).await?;
    crash_point("commit");
    match world.store.commit_tokens(it, was, happened)? {
        Stored::Done => {
            crash_point("sweep");
            Ok(())
        }
        Stored::Overtaken => Err(Error::new(
            Code::Busy,
            "Another Tieline changed this connection at the same moment.",
            "Nothing is lost. Look at the connection and try again if it still needs it.",
        )),
    }
}

/// Until when an access token lasts, and for how long it was given.
pub(crate) fn access_end(
    provider: &Provider,
    tokens: &Tokens,
    at: Seconds,
) -> (Option<Seconds>, Option<Seconds>) {
    let life = match provider.lifetime.access {
        AccessLife::Never => None,
        AccessLife::Reply | AccessLife::UntilRefused => tokens
            .expires_in
            .or_else(|| provider.lifetime.access_seconds.and_then(|it| Seconds::try_from(it).ok())),
    };
    (life.map(|life| at + life), life)
}

/// Asked and not granted, with what will not work.
pub(crate) fn missing(provider: &Provider, it: &Connection) -> Vec<ScopeLine> {
    it.missing(|asked, granted| is_granted(provider, asked, granted))
        .map(|name| scope_line(provider, name))
        .collect()
}

/// Whether a scope is among the granted ones, under any of its spellings. What a provider never reports, and what is
/// ticked at registration only, is taken to be.
pub(crate) fn is_granted(provider: &Provider, asked: &str, granted: &[String]) -> bool {
    let among = |name: &str| granted.iter().any(|it| it.eq_ignore_ascii_case(name));
    match provider.scope(asked) {
        Some(scope) => {
            scope.unreported
                || scope.at_registration
                || among(asked)
                || among(&scope.name)
                || scope.granted_as.iter().any(|it| among(it))
        }
        None => among(asked),
    }
}

/// Whether two names are spellings of one scope.
pub(crate) fn is_one_scope(provider: &Provider, one: &str, other: &str) -> bool {
    let name = |name| provider.scope(name).map_or(name, |scope| scope.name.as_str());
    name(one).eq_ignore_ascii_case(name(other))
}

pub(crate) fn scope_line(provider: &Provider, name: &str) -> ScopeLine {
    let known = provider.scope(name);
    ScopeLine {
        name: name.to_owned(),
        meaning: known.map_or_else(|| name.to_owned(), |scope| scope.meaning.clone()),
        without: known.map(|scope| scope.without.clone()).unwrap_or_default(),
        optional: known.is_some_and(|scope| scope.optional),
        at_registration: known.is_some_and(|scope| scope.at_registration),
    }
}

fn about(kept: &Kept) -> About<'_> {
    About {
        connection: kept.reconnect.as_ref(),
        client_id: &kept.app.row.client_id,
        redirect: &kept.redirect,
        scopes: &kept.asked,
    }
}

/// Ten minutes without an answer.
pub(crate) fn nothing_came(world: &World, kept: &Kept) -> Problem {
    let provider = &kept.provider;
    let mut trouble = diagnose::trouble(provider, ErrorPlace::Callback, &Refusal::default(), world.now());
    if provider.redirect.mismatch_is_silent {
        trouble.cause = Cause::RedirectMismatch;
        trouble.says = Some(format!(
            "Nothing came back from the browser in ten minutes. If {} showed a page about the redirect address, this one is not registered: {}",
            provider.name, kept.redirect
        ));
    } else {
        trouble.says = Some(format!(
            "Nothing came back from the browser in ten minutes. Perhaps the page was closed, or {} showed an error there instead of sending it back.",
            provider.name
        ));
    }
    trouble.evidence = vec![("Way back".into(), kept.redirect.clone())];
    let mut problem = diagnose::problem(provider, &trouble, &about(kept));
    "The sign-in was not finished.".clone_into(&mut problem.happened);
    "timed_out".clone_into(&mut problem.code);
    problem
}

/// An error of ours, as a problem.
pub(crate) fn plain(provider: &Provider, error: &Error) -> Problem {
    let (label, action) = match error.code {
        Code::KeyringLocked | Code::KeyringAbsent => ("Unlock the keyring", PressAction::UnlockKeyring),
        Code::BadInput => ("Change it", PressAction::EditInputs),
        Code::NotSetUp => ("Open the app set-up", PressAction::EditApp),
        _ => ("Try again", PressAction::SignInAgain),
    };
    Problem {
        code: error.code.as_str().into(),
        happened: error.message.clone(),
        why: error.hint.clone(),
        press: Press { label: label.into(), action, url: None },
        more: vec![],
        message: None,
        evidence: vec![NamedValue { label: "Service".into(), value: provider.name.clone() }],
    }
}

/// Where tests kill the process: named by `TIELINE_CRASH_AT`, in builds with debug assertions only.
pub(crate) fn crash_point(_name: &str) {
    #[cfg(debug_assertions)]
    if std::env::var("TIELINE_CRASH_AT").is_ok_and(|at| at == _name) {
        std::process::abort();
    }
}
