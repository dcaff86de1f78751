//! The way of a sign-in, from top to bottom: inputs, app, way back, request, browser, and the wait for the answer.
//! What is done with the answer is in `finish`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Protocol, Provider, Way, normalise};
use tokio::sync::{Notify, mpsc};
use url::Url;

use crate::callback::{Callback, Return};
use crate::clock::rfc3339;
use crate::connection::Connection;
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flow::{Flow, FlowStep, WayPlan};
use crate::flows::finish::{self, Answered};
use crate::flows::listen::Listener;
use crate::flows::oauth1::RequestToken;
use crate::flows::{listen, oauth1};
use crate::oauth::{self, Asking};
use crate::secret::Secret;
use crate::ways::{self, Plan};
use crate::world::{AppKeys, World};

/// A sign-in waits this long for the browser's answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// Ended sign-ins stay readable this long.
const MEMORY: usize = 50;

/// What a sign-in is begun with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begin {
    pub provider: String,
    pub inputs: Fields,
    pub more_scopes: Vec<String>,
    pub reconnect: Option<String>,
    pub way: Option<Way>,
    pub quiet: bool,
}

/// All sign-ins of this world, waiting and ended.
#[derive(Default)]
pub(crate) struct Flows {
    all: Mutex<HashMap<String, Waiting>>,
    pub(super) listeners: listen::Listeners,
}

/// One sign-in with what must not be shown.
pub(crate) struct Waiting {
    pub flow: Flow,
    pub begin: Begin,
    pub link: Url,
    /// What the answer has to name: `state`, or the request token of OAuth 1.0a.
    pub proof: Secret,
    /// `/integrations/<provider>`: where its answer has to come.
    path: String,
    answers: mpsc::Sender<Callback>,
    ended: Arc<Notify>,
    /// Somebody else's sign-in at a reconnect, until the person decides.
    pub other: Option<Box<finish::Identified>>,
    order: u64,
}

/// What the task that waits carries with it.
pub(crate) struct Kept {
    pub id: String,
    pub provider: Provider,
    pub inputs: Fields,
    pub app: AppKeys,
    pub asked: Vec<String>,
    pub redirect: String,
    pub way: Way,
    pub verifier: Option<Secret>,
    pub request_token: Option<RequestToken>,
    pub reconnect: Option<Connection>,
    _listener: Option<Arc<Listener>>,
}

impl Flows {
    pub fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn list(&self) -> Vec<Flow> {
        let all = self.lock();
        let mut waiting: Vec<&Waiting> = all.values().collect();
        waiting.sort_by_key(|it| std::cmp::Reverse(it.order));
        waiting.into_iter().map(|it| it.flow.clone()).collect()
    }

    pub fn get(&self, id: &str) -> Result<Flow> {
        self.lock().get(id).map(|it| it.flow.clone()).ok_or_else(|| Error::not_found("sign-in", id))
    }

    /// The waiting sign-in that an answer belongs to, if it names its proof and came to its path.
    fn claimant(&self, callback: &Callback, path: &str) -> Option<String> {
        let proof = Secret::new(callback.get("state").or_else(|| callback.get("oauth_token"))?);
        let all = self.lock();
        // Every waiting one is compared, so that the time taken tells nothing.
        let mut found = None;
        for waiting in all.values() {
            let same = waiting.proof == proof;
            if same && waiting.flow.step == FlowStep::Waiting && waiting.path == path {
                found = Some(waiting.flow.id.clone());
            }
        }
        found
    }

    pub fn claims(&self, callback: &Callback) -> bool {
        self.claimant(callback, &callback.path).is_some()
    }

    /// Hands an answer to the sign-in it belongs to. False: it belongs to none, and nothing was changed.
    pub fn deliver(&self, callback: Callback, path: &str) -> bool {
        let Some(id) = self.claimant(&callback, path) else { return false };
        self.lock().get(&id).is_some_and(|waiting| waiting.answers.try_send(callback).is_ok())
    }

    /// Ends what still waits.
    pub fn close(&self) {
        for waiting in self.lock().values() {
            waiting.ended.notify_one();
        }
    }
}

/// The end of a path from `/integrations/` on.
fn integrations(path: &str) -> String {
    path.rsplit_once("/integrations/")
        .map_or_else(|| path.to_owned(), |(_, last)| format!("/integrations/{last}"))
}

/// Begins a sign-in. Fails at once, with the field, where something typed is wrong.
pub(crate) async fn begin(world: &Arc<World>, begin: Begin) -> Result<Flow> {
    let provider = world.provider(&begin.provider)?;
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
    let (host, row) = world.app(&provider, &inputs.values)?;
    let app = world.app_keys(&provider, &host).await?;
    let asked = scopes(&provider, &begin.more_scopes);

    let means = world.means(row.as_ref())?;
    let (plan, listener) = choose(world, &provider, ways::plans(&provider, &means), begin.way).await?;
    let id = random_id()?;
    let redirect_text = plan.redirect.clone();
    let suffix = match (plan.way, &listener) {
        (Way::Relay, Some(listener)) => format!("p{}", listener.port()),
        (Way::Relay, None) if world.scheme.as_deref() == Some(crate::SCHEME) => "d".to_owned(),
        (Way::Relay, None) => "dev".to_owned(),
        _ => String::new(),
    };

    let mut request_token = None;
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
            state_suffix: &suffix,
        })?;
        (started.url, started.state, started.verifier)
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
        ends_at: rfc3339(now + 600),
        step: FlowStep::Waiting,
        connection: None,
        problem: None,
        notice: None,
        missing: Vec::new(),
        other_account: None,
    };
    let quiet = begin.quiet;
    let path = format!("/integrations/{}", provider.slug());
    {
        let mut all = world.flows.lock();
        let order = all.values().map(|it| it.order).max().unwrap_or(0) + 1;
        forget_oldest(&mut all);
        all.insert(
            id.clone(),
            Waiting {
                flow,
                begin,
                link: link.clone(),
                proof,
                path,
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
        request_token,
        reconnect,
        _listener: listener,
    };
    tokio::spawn(wait(Arc::clone(world), kept, inbox, ended));
    world.flows.get(&id)
}

/// Waits for the answer, the person's cancel, or the end of patience.
async fn wait(world: Arc<World>, kept: Kept, mut inbox: mpsc::Receiver<Callback>, ended: Arc<Notify>) {
    let end = tokio::select! {
        callback = inbox.recv() => match callback {
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
        () = tokio::time::sleep(PATIENCE) => Answered::Ended(FlowStep::TimedOut, Some(finish::nothing_came(&world, &kept))),
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

pub(crate) fn update(world: &World, id: &str, change: impl FnOnce(&mut Waiting)) {
    if let Some(waiting) = world.flows.lock().get_mut(id) {
        change(waiting);
    }
    world.changed(Change::Flow { id: id.to_owned() });
}

/// Takes the way asked for, else the best that works right now.
async fn choose(
    world: &Arc<World>,
    provider: &Provider,
    plans: Vec<Plan>,
    wanted: Option<Way>,
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
        let listener = match plan.way {
            Way::Loopback => Some(listen::open(world, plan.port.filter(|port| *port != 0)).await),
            // The relay forwards to the deep link where that works, else to a free port of this computer.
            Way::Relay
                if world.scheme.is_none()
                    || world.deep_link_failed.load(std::sync::atomic::Ordering::Relaxed) =>
            {
                Some(listen::open(world, None).await)
            }
            _ => None,
        };
        match listener.transpose() {
            Ok(listener) => {
                if let (Way::Loopback, Some(listener)) = (plan.way, &listener) {
                    let host = provider.redirect.loopback_host.as_str();
                    plan.redirect =
                        format!("http://{host}:{}/integrations/{}", listener.port(), provider.slug());
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

fn open_browser(world: &World, id: &str, link: &Url, hosts: &[String]) {
    if let Err(error) = world.browser.open(link, hosts, world.practice.is_some()) {
        tracing::warn!(%error, "the browser did not open");
        update(world, id, |waiting| waiting.flow.notice = Some(format!("{} {}", error.message, error.hint)));
    }
}

/// Opens the browser again for a sign-in that still waits.
pub(crate) fn open_again(world: &World, id: &str) -> Result<()> {
    let link = link(world, id)?;
    let hosts: Vec<String> = link.host_str().map(str::to_owned).into_iter().collect();
    world.browser.open(&link, &hosts, world.practice.is_some())
}

/// The address to open, for a sign-in that still waits.
pub(crate) fn link(world: &World, id: &str) -> Result<Url> {
    let all = world.flows.lock();
    let waiting = all.get(id).ok_or_else(|| Error::not_found("sign-in", id))?;
    if waiting.flow.step != FlowStep::Waiting {
        return Err(Error::new(Code::Conflict, "This sign-in has ended.", "Begin a new one."));
    }
    Ok(waiting.link.clone())
}

pub(crate) fn cancel(world: &World, id: &str) -> Result<()> {
    let all = world.flows.lock();
    let waiting = all.get(id).ok_or_else(|| Error::not_found("sign-in", id))?;
    waiting.ended.notify_one();
    Ok(())
}

/// Takes an address that came by deep link. One that belongs to no sign-in changes nothing.
pub(crate) fn deliver(world: &World, address: &str) -> Result<()> {
    let (place, callback) = crate::callback::parse_return(address)?;
    if let Some(probe) = place.path.strip_prefix("/probe/") {
        let waiting = world.probes.lock().unwrap_or_else(PoisonError::into_inner).remove(probe);
        return waiting.and_then(|waiting| waiting.send(()).ok()).ok_or_else(unexpected);
    }
    let path = place_path(&place);
    if world.flows.deliver(callback, &path) {
        return Ok(());
    }
    Err(unexpected())
}

/// Takes an address that a person pasted for one sign-in.
pub(crate) fn paste(world: &World, id: &str, address: &str) -> Result<()> {
    link(world, id)?;
    let (place, callback) = crate::callback::parse_return(address.trim())
        .map_err(|error| Error::field("address", error.message))?;
    let path = place_path(&place);
    if world.flows.claimant(&callback, &path).as_deref() != Some(id) {
        return Err(Error::field(
            "address",
            "This address does not belong to this sign-in. Copy the whole address at which the browser ended.",
        ));
    }
    world.flows.deliver(callback, &path);
    Ok(())
}

fn unexpected() -> Error {
    Error::new(
        Code::Conflict,
        "An answer came from the browser that no sign-in is waiting for.",
        "Nothing was changed. If you were signing in, begin again from Tieline.",
    )
}

/// The path that tells providers apart, of an address of any kind. A relay page may stand anywhere on its host.
fn place_path(place: &Return) -> String {
    integrations(&place.path)
}

fn random_id() -> Result<String> {
    let mut bytes = [0_u8; 9];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(crate) fn new_id() -> Result<String> {
    random_id()
}

fn forget_oldest(all: &mut HashMap<String, Waiting>) {
    let is_open =
        |step: FlowStep| matches!(step, FlowStep::Waiting | FlowStep::Finishing | FlowStep::OtherAccount);
    while all.len() >= MEMORY {
        let oldest = all
            .values()
            .filter(|it| !is_open(it.flow.step))
            .min_by_key(|it| it.order)
            .map(|it| it.flow.id.clone());
        match oldest {
            Some(id) => drop(all.remove(&id)),
            None => break,
        }
    }
}
