//! All sign-ins that wait or have ended: looked at, handed their answer, cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use url::Url;

use crate::callback::{Callback, Page, Return};
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flow::{Flow, FlowStep};
use crate::flows::connect::Begin;
use crate::flows::push::Push;
use crate::flows::{finish, listen};
use crate::program::Key;
use crate::secret::Secret;
use crate::world::World;

/// So many ended sign-ins of each key, and of the person, stay readable.
const MEMORY: usize = 50;
/// Sign-ins of one key that may be under way at once. They last ten minutes.
const MOST_UNDER_WAY: usize = 200;

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
    /// Where the link is only a reference to a pushed request: what a new one is made with.
    pub push: Option<Arc<Push>>,
    /// What the answer has to name: `state`, or the request token of OAuth 1.0a.
    pub proof: Secret,
    /// `/integrations/<provider>`: where its answer has to come.
    pub(super) path: String,
    /// Where the browser goes once the answer was taken.
    pub(super) then: Option<Url>,
    pub(super) answers: mpsc::Sender<Callback>,
    pub(super) ended: Arc<Notify>,
    /// Somebody else's sign-in at a reconnect, until the person decides.
    pub other: Option<Box<finish::Identified>>,
    pub(super) order: u64,
}

impl Waiting {
    fn is_of(&self, key: Option<&str>) -> bool {
        self.begin.by().map(|by| by.id.as_str()) == key
    }

    fn is_open(&self) -> bool {
        matches!(self.flow.step, FlowStep::Waiting | FlowStep::Finishing | FlowStep::OtherAccount)
    }
}

impl Flows {
    pub fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a key may begin one more; the person always may.
    pub fn has_room(&self, by: Option<&Key>) -> Result<()> {
        room(&self.lock(), by)
    }

    /// The key that a sign-in was begun with; none: by the person.
    pub fn began(&self, id: &str) -> Result<Option<Key>> {
        let all = self.lock();
        let waiting = all.get(id).ok_or_else(|| Error::not_found("sign-in", id))?;
        Ok(waiting.begin.by().cloned())
    }

    /// Cancels what a key began and nobody has finished.
    pub fn cancel_of(&self, key: &str) {
        for waiting in self.lock().values().filter(|it| it.is_of(Some(key))) {
            waiting.ended.notify_one();
        }
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

    /// What the browser is shown for an answer that a sign-in waits for.
    pub fn claims(&self, callback: &Callback) -> Option<Page> {
        let id = self.claimant(callback, &callback.path)?;
        let then = self.lock().get(&id).and_then(|waiting| waiting.then.clone());
        Some(match then {
            Some(then) => Page::going_on(then),
            None if callback.get("error").is_some() => Page::declined(),
            None => Page::received(),
        })
    }

    /// Hands an answer to the sign-in it belongs to, and tells which. None: it belongs to none, and nothing was changed.
    pub fn deliver(&self, callback: Callback, path: &str) -> Option<String> {
        let id = self.claimant(&callback, path)?;
        let sent = self.lock().get(&id).is_some_and(|waiting| waiting.answers.try_send(callback).is_ok());
        sent.then_some(id)
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

pub(crate) fn update(world: &World, id: &str, change: impl FnOnce(&mut Waiting)) {
    if let Some(waiting) = world.flows.lock().get_mut(id) {
        change(waiting);
    }
    world.changed(Change::Flow { id: id.to_owned() });
}

/// Opens the browser again for a sign-in that still waits.
pub(crate) async fn open_again(world: &World, id: &str) -> Result<()> {
    let link = link(world, id).await?;
    let hosts: Vec<String> = link.host_str().map(str::to_owned).into_iter().collect();
    world.browser.open(&link, &hosts, world.practice.is_some())
}

/// The address to open, for a sign-in that still waits.
pub(crate) async fn link(world: &World, id: &str) -> Result<Url> {
    let (link, push) = still_waits(world, id, |waiting| (waiting.link.clone(), waiting.push.clone()))?;
    match push {
        Some(push) => world.client().browser_url(push.link(world).await?),
        None => Ok(link),
    }
}

fn still_waits<T>(world: &World, id: &str, read: impl FnOnce(&Waiting) -> T) -> Result<T> {
    let all = world.flows.lock();
    let waiting = all.get(id).ok_or_else(|| Error::not_found("sign-in", id))?;
    if waiting.flow.step != FlowStep::Waiting {
        return Err(Error::new(Code::Conflict, "This sign-in has ended.", "Begin a new one."));
    }
    Ok(read(waiting))
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
    if world.flows.deliver(callback, &path).is_some() {
        return Ok(());
    }
    Err(unexpected())
}

/// Takes an address that a person pasted for one sign-in.
pub(crate) fn paste(world: &World, id: &str, address: &str) -> Result<()> {
    still_waits(world, id, |_| ())?;
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

pub(crate) fn unexpected() -> Error {
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

/// A random name of 18 hexadecimal digits, which is no secret.
pub(crate) fn new_id() -> Result<String> {
    let mut bytes = [0_u8; 9];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// As [`Flows::has_room`], for who has the lock.
pub(super) fn room(all: &HashMap<String, Waiting>, by: Option<&Key>) -> Result<()> {
    let Some(key) = by else { return Ok(()) };
    // What waits for its person's word about another account has no end of its own, and hinders nobody.
    let under_way = |it: &&Waiting| matches!(it.flow.step, FlowStep::Waiting | FlowStep::Finishing);
    if all.values().filter(|it| it.is_of(Some(&key.id))).filter(under_way).count() < MOST_UNDER_WAY {
        return Ok(());
    }
    Err(Error::new(
        Code::TooMany,
        format!(
            "{MOST_UNDER_WAY} sign-ins that the key {} began are not finished yet, and more there cannot be.",
            key.name
        ),
        "Cancel some, or wait: each ends by itself after ten minutes.",
    ))
}

/// Makes room among the ended ones of whoever begins another; those of others are not touched.
pub(super) fn forget_oldest(all: &mut HashMap<String, Waiting>, by: Option<&Key>) {
    let by = by.map(|key| key.id.as_str());
    let ended = all.values().filter(|it| it.is_of(by) && !it.is_open());
    let mut ended: Vec<(u64, String)> = ended.map(|it| (it.order, it.flow.id.clone())).collect();
    ended.sort();
    let many = (ended.len() + 1).saturating_sub(MEMORY);
    for (_, id) in ended.into_iter().take(many) {
        all.remove(&id);
    }
}
