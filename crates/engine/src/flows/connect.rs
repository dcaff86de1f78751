//! The way of a sign-in, from top to bottom: inputs, app, way back, request, browser, and the wait for the answer.
//! What is done with the answer is in `finish`.

use std::sync::Arc;

use serde_json::{Map, Value};
use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Protocol, Provider, Way, normalise};
use tokio::sync::{Notify, mpsc};
use url::Url;

use crate::callback::Callback;
use crate::clock::{Seconds, rfc3339};
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flow::{Flow, FlowStep, WayPlan};
use crate::flows::finish::{self, Answered};
use crate::flows::listen::{self, Listener};
use crate::flows::oauth1::{self, RequestToken};
use crate::flows::push::Push;
use crate::flows::waiting::{self, Waiting, forget_oldest, update};
use crate::oauth::{self, Asking, ProofKey};
use crate::program::{Key, Owner};
use crate::secret::Secret;
use crate::sync_options::SyncOptions;
use crate::ways::{self, Plan};
use crate::world::{AppKeys, World};

/// A sign-in waits this long for the browser's answer.
const PATIENCE: Seconds = 600;

/// What a sign-in is begun with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begin {
    pub provider: String,
    pub inputs: Fields,
    pub more_scopes: Vec<String>,
    pub reconnect: Option<String>,
    pub way: Option<Way>,
    pub quiet: bool,
    /// The program that asked, and what for.
    pub program: Option<Arc<ForProgram>>,
}

impl Begin {
    /// The key that it was begun with; none: by the person.
    pub fn by(&self) -> Option<&Key> {
        self.program.as_ref()?.by.as_ref()
    }
}

/// A sign-in that a program asked for.
#[derive(Debug, Default)]
pub(crate) struct ForProgram {
    pub owner: Owner,
    /// The key that it was begun with.
    pub by: Option<Key>,
    /// Exactly these scopes instead of the usual ones.
    pub scopes: Option<Vec<String>>,
    /// Sent as it is; whoever asked brings the answer.
    pub redirect: Option<String>,
    /// Where the browser goes once the answer was taken.
    pub then: Option<Url>,
    pub options: SyncOptions,
    pub tags: Map<String, Value>,
}

/// What the task that waits carries with it.
pub(crate) struct Kept {
    pub id: String,
    pub provider: Arc<Provider>,
    pub inputs: Fields,
    pub app: AppKeys,
    pub asked: Vec<String>,
    pub redirect: String,
    pub way: Way,
    pub verifier: Option<Secret>,
    /// What the tokens are to be bound to.
    pub key: Option<ProofKey>,
    pub request_token: Option<RequestToken>,
    pub reconnect: Option<Connection>,
    pub program: Option<Arc<ForProgram>>,
    _listener: Option<Arc<Listener>>,
}

/// Begins a sign-in. Fails at once, with the field, where something typed is wrong.
pub(crate) async fn begin(world: &Arc<World>, begin: Begin) -> Result<Flow> {
    let provider = world.provider(&begin.provider)?;
    world.flows.has_room(begin.by())?;
    let reconnect = begin.reconnect.as_deref().map(|id| world.connection(id)).transpose()?;
    if let Some(it) = reconnect.as_ref().filter(|it| it.provider != provider.id) {
        return Err(Error::field(
            "reconnect",
            format!("{} is a connection to {}, not {}.", it.id, it.provider, provider.id),
        ));
    }
    let mut typed = reconnect.as_ref().map(|it| it.inputs.clone()).unwrap_or_default();
    typed.extend(begin.inputs.clone());
    typed.retain(|_, value| !value.is_empty());
    let inputs = normalise(&provider, &typed);
    if let Some(problem) = inputs.problems.first() {
        return Err(Error::field(problem.key.clone(), problem.says.clone()));
    }
    // Nobody should sign in for tokens that could not be kept.
    world.vault.ready().await?;
    let program = begin.program.clone();
    let organization = program.as_ref().map_or(0, |it| it.owner.organization);
    let row = world.app(organization, &provider, &inputs.values)?;
    let app = world.app_keys(row.as_ref(), &provider, &inputs.values).await?;
    let asked = match program.as_ref().and_then(|it| it.scopes.clone()) {
        Some(exactly) => exactly,
        None => {
            let mut more = begin.more_scopes.clone();
            more.extend(program.iter().flat_map(|it| for_kinds(&provider, &it.options)));
            scopes(&provider, &more)
        }
    };

    let means = world.means(row.as_ref())?;
    let (plan, listener) = match program.as_ref().and_then(|it| it.redirect.clone()) {
        Some(redirect) => (handed_over(redirect), None),
        None => {
            let mut plans = ways::plans(&provider, &means);
            if program.as_ref().is_some_and(|it| it.then.is_some()) {
                // A deep link leaves the browser where it was, and it is to go on.
                plans.retain(|plan| plan.way != Way::DeepLink);
            }
            choose(world, &provider, plans, begin.way, program.is_some()).await?
        }
    };
    let id = waiting::new_id()?;
    let redirect_text = plan.redirect.clone();
    let suffix = match (plan.way, &listener) {
        (Way::Relay, Some(listener)) => format!("p{}", listener.port()),
        (Way::Relay, None) if world.scheme.as_deref() == Some(crate::SCHEME) => "d".to_owned(),
        (Way::Relay, None) => "dev".to_owned(),
        _ => String::new(),
    };

    let mut request_token = None;
    let key = provider.oauth.dpop.then(ProofKey::make).transpose()?;
    let (link, proof, verifier) = if provider.oauth.protocol == Protocol::OAuth1 {
        let token = oauth1::request_token(world, &provider, &inputs.values, &app, &redirect_text).await?;
        let url = oauth::authorize_url(&provider, &inputs.values, &token.0.token)?;
        let proof = Secret::new(token.0.token.clone());
        request_token = Some(token);
        (url, proof, None)
    } else {
        let sent: Vec<String> = asked
            .iter()
            .filter(|name| provider.scope(name).is_none_or(|scope| !scope.at_registration))
            .cloned()
            .collect();
        let started = oauth::start(&Asking {
            provider: &provider,
            fields: &inputs.values,
            client_id: &app.row.client_id,
            redirect: &redirect_text,
            scopes: &sent,
            key: key.as_ref(),
            state_suffix: &suffix,
        })?;
        (started.url, started.state, started.verifier)
    };
    let push = provider.oauth.push_url.as_ref().map(|_| {
        Arc::new(Push {
            provider: Arc::clone(&provider),
            fields: inputs.values.clone(),
            app: app.clone(),
            redirect: redirect_text.clone(),
            scopes: asked.clone(),
            more_scopes: !begin.more_scopes.is_empty(),
            request: link.clone(),
        })
    });
    let link = match &push {
        Some(push) => push.link(world).await?,
        None => link,
    };
    let shown_host = link.host_str().unwrap_or_default().to_owned();
    let hosts: Vec<String> =
        provider.oauth.browser_hosts.iter().map(|host| template::fill_gently(host, &inputs.values)).collect();
    let on_list = tieline_catalog::host_allowed(&hosts, &shown_host);
    if !on_list {
        return Err(Error::internal(format!("{shown_host} is no sign-in address of {}", provider.name)));
    }
    let link = world.client().browser_url(link)?;

    let now = world.now();
    let next_way = next_way(&provider, &means, plan.way);
    let (answers, inbox) = mpsc::channel(1);
    let ended = Arc::new(Notify::new());
    let flow = Flow {
        id: id.clone(),
        provider: provider.id.clone(),
        provider_name: provider.name.clone(),
        reconnect: begin.reconnect.clone(),
        host: shown_host,
        way: shown(&plan),
        next_way,
        started_at: rfc3339(now),
        ends_at: rfc3339(now + PATIENCE),
        step: FlowStep::Waiting,
        connection: None,
        problem: None,
        notice: None,
        missing: Vec::new(),
        other_account: None,
    };
    let quiet = begin.quiet;
    let path = provider.callback_path();
    let then = program.as_ref().and_then(|it| it.then.clone());
    let lent = plan.way == Way::Relay && listener.is_some();
    let then = then.filter(|_| lent || plan.way == Way::Loopback).map(|then| with_flow(then, &id));
    {
        let mut all = world.flows.lock();
        let order = all.values().map(|it| it.order).max().unwrap_or(0) + 1;
        waiting::room(&all, begin.by())?;
        forget_oldest(&mut all, begin.by());
        all.insert(
            id.clone(),
            Waiting {
                flow,
                begin,
                link: link.clone(),
                push,
                proof,
                path,
                then,
                answers,
                ended: Arc::clone(&ended),
                other: None,
                order,
            },
        );
    }
    world.changed(Change::Flow { id: id.clone() });
    if !quiet {
        open_browser(world, &id, &link, &hosts);
    }
    let kept = Kept {
        id: id.clone(),
        provider,
        inputs: inputs.values,
        app,
        asked,
        redirect: redirect_text,
        way: plan.way,
        verifier,
        key,
        request_token,
        reconnect,
        program,
        _listener: listener,
    };
    tokio::spawn(wait(Arc::clone(world), kept, inbox, ended, now + PATIENCE));
    world.flows.get(&id)
}

/// Waits for the answer, the person's cancel, or the end of patience.
async fn wait(
    world: Arc<World>,
    kept: Kept,
    mut inbox: mpsc::Receiver<Callback>,
    ended: Arc<Notify>,
    ends: Seconds,
) {
    let end = tokio::select! {
        callback = inbox.recv() => match callback {
            // Whoever asked for it has no right to anything more.
            Some(_) if has_ended(&world, &kept) => Answered::Ended(FlowStep::Cancelled, None),
            Some(callback) => {
                // One answer is enough: the state has been used.
                update(&world, &kept.id, |waiting| {
                    waiting.flow.step = FlowStep::Finishing;
                    waiting.proof = Secret::default();
                });
                finish::answered(&world, &kept, &callback).await
            }
            None => Answered::Ended(FlowStep::Cancelled, None),
        },
        () = ended.notified() => Answered::Ended(FlowStep::Cancelled, None),
        () = world.clock.until(ends) => Answered::Ended(FlowStep::TimedOut, Some(finish::nothing_came(&world, &kept))),
    };
    update(&world, &kept.id, |waiting| {
        waiting.proof = Secret::default();
        let flow = &mut waiting.flow;
        match end {
            Answered::Connected { connection, missing } => {
                flow.step = FlowStep::Connected;
                flow.connection = Some(connection);
                flow.missing = missing;
            }
            Answered::SomebodyElse(identified) => {
                flow.step = FlowStep::OtherAccount;
                flow.other_account = Some(identified.account());
                waiting.other = Some(identified);
            }
            Answered::Ended(step, problem) => {
                flow.step = step;
                flow.problem = problem;
            }
        }
    });
}

/// Whether the key that this was begun with was revoked, perhaps by another process.
fn has_ended(world: &World, kept: &Kept) -> bool {
    let by = kept.program.as_ref().and_then(|program| program.by.as_ref());
    by.is_some_and(|key| {
        !world.store.key(&key.id).is_ok_and(|it| it.is_some_and(|it| it.revoked_at.is_none()))
    })
}

/// Takes the way asked for, else the best that works right now.
async fn choose(
    world: &Arc<World>,
    provider: &Provider,
    plans: Vec<Plan>,
    wanted: Option<Way>,
    listens: bool,
) -> Result<(Plan, Option<Arc<Listener>>)> {
    if wanted == Some(Way::Paste) {
        let mut plan =
            plans.into_iter().find(|plan| provider.redirect.ways.contains(&plan.way)).ok_or_else(no_way)?;
        plan.way = Way::Paste;
        plan.why =
            "The browser will end at an address that may show nothing. Copy it and paste it into Tieline."
                .into();
        return Ok((plan, None));
    }
    if let Some(way) = wanted
        && let Some(plan) = plans.iter().find(|plan| plan.way == way && !plan.usable)
    {
        return Err(Error::field("way", format!("{} does not work here. {}", ways::title(way), plan.why)));
    }
    let mut sorry = no_way();
    let mut why_not = None;
    for mut plan in plans.into_iter().filter(|plan| plan.usable && wanted.is_none_or(|way| plan.way == way)) {
        let lent = listens
            || world.scheme.is_none()
            || world.deep_link_failed.load(std::sync::atomic::Ordering::Relaxed);
        let listener = match plan.way {
            Way::Loopback => Some(listen::open(world, plan.port.filter(|port| *port != 0)).await),
            // The relay forwards to the deep link where that works, else to a free port of this computer.
            Way::Relay if lent => Some(listen::open(world, None).await),
            _ => None,
        };
        match listener.transpose() {
            Ok(listener) => {
                if let (Way::Loopback, Some(listener)) = (plan.way, &listener) {
                    let host = provider.redirect.loopback_host.as_str();
                    plan.redirect = format!("http://{host}:{}{}", listener.port(), provider.callback_path());
                    plan.port = Some(listener.port());
                }
                if let Some(words) = why_not {
                    plan.why = format!("{words} {}", plan.why);
                }
                return Ok((plan, listener));
            }
            Err(error) => {
                why_not = Some(error.message.clone());
                sorry = error;
            }
        }
    }
    Err(sorry)
}

/// The answer comes to whoever asked, at an address of theirs.
fn handed_over(redirect: String) -> Plan {
    let why = "The program that asked for the sign-in takes the answer and hands it over.".into();
    Plan { way: Way::Program, redirect, port: None, why, usable: true }
}

/// The page that the browser goes on to is told which sign-in it is about.
fn with_flow(mut then: Url, id: &str) -> Url {
    if let Ok(mut path) = then.path_segments_mut() {
        path.pop_if_empty().push(id);
    }
    then
}

fn no_way() -> Error {
    Error::new(
        Code::NotSetUp,
        "There is no way back from the browser to this computer yet.",
        "Enter your organisation's relay page in the app set-up, or choose to paste the address.",
    )
}

fn next_way(provider: &Provider, means: &ways::Means, used: Way) -> Option<WayPlan> {
    let plans = ways::plans(provider, means);
    let position = plans.iter().position(|plan| plan.way == used)?;
    plans[position + 1..].iter().find(|plan| plan.usable).map(shown)
}

pub(crate) fn shown(plan: &Plan) -> WayPlan {
    WayPlan {
        way: ways::key(plan.way).into(),
        redirect: plan.redirect.clone(),
        title: ways::title(plan.way).into(),
        why: plan.why.clone(),
        usable: plan.usable,
    }
}

/// The usual scopes, and those asked for besides.
pub(crate) fn scopes(provider: &Provider, more: &[String]) -> Vec<String> {
    let usual = provider
        .scopes
        .iter()
        .filter(|scope| !scope.optional || more.contains(&scope.name))
        .map(|scope| scope.name.clone());
    let mut scopes: Vec<String> = usual.collect();
    for scope in more {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    scopes
}

/// Those that kinds take which a program named.
pub(crate) fn for_kinds(provider: &Provider, options: &SyncOptions) -> Vec<String> {
    let named = &options.file_sync_config.auto_synced_source_types;
    let taken = provider.scopes.iter().filter(|scope| scope.kinds.iter().any(|kind| named.contains(kind)));
    taken.map(|scope| scope.name.clone()).collect()
}

fn open_browser(world: &World, id: &str, link: &Url, hosts: &[String]) {
    if let Err(error) = world.browser.open(link, hosts, world.practice.is_some()) {
        tracing::warn!(%error, "the browser did not open");
        update(world, id, |waiting| waiting.flow.notice = Some(format!("{} {}", error.message, error.hint)));
    }
}
