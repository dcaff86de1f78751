//! Tokens kept fresh: the refresh protocol, step by step.
//!
//! One refresh at a time per connection: a turn in this process, a lock file across processes. Inside the lock the
//! store is read again; whoever was faster has done the work. What the provider gives is in the vault and the store
//! before anybody uses it. A refusal parks the connection and deletes nothing.

use std::time::Duration;

use tieline_catalog::{Cause, ErrorPlace, Provider};

use crate::clock::Seconds;
use crate::connection::{Connection, Trouble};
use crate::diagnose::{self, About};
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::exchange::{self, Failed, Grant};
use crate::flows::finish::{access_end, crash_point, keep_tokens};
use crate::flows::pair::Pair;
use crate::lock::ConnectionLock;
use crate::oauth::{Access, ProofKey, Tokens};
use crate::secret::Secret;
use crate::store::Kind;
use crate::world::World;

/// A pause after a failure: 30 s, doubled each time, at most an hour.
const FIRST_PAUSE: Seconds = 30;
const LONGEST_PAUSE: Seconds = 3600;

/// How long another process may hold a connection's lock: its request's limit and some.
const LOCK_LIMIT: Duration = Duration::from_secs(75);

/// Why a fresh token is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// One that can be used now.
    Usable,
    /// The token of this version was refused although the clock says it lives.
    NewerThan(u32),
    /// The person, or keep-alive, asks for a new one.
    Renewed(u32),
}

/// The access token to use, refreshed first where that is due.
pub(crate) async fn access(world: &World, id: &str, want: Want) -> Result<(Access, Connection)> {
    let it = world.connection(id)?;
    // The common case needs no turn: the token is fresh.
    let fresh = want == Want::Usable && !it.is_due(world.now());
    if fresh
        && it.trouble.as_ref().is_none_or(|trouble| !trouble.is_final())
        && let Some(pair) = read(world, &it).await?
    {
        return Ok((pair.access, it));
    }
    let turn = world.turn(id);
    let _turn = turn.lock().await;
    in_turn(world, id, want).await
}

async fn in_turn(world: &World, id: &str, want: Want) -> Result<(Access, Connection)> {
    if let Some(found) = settled(world, id, want).await? {
        return Ok(found);
    }
    let provider = world.provider(&world.connection(id)?.provider)?;
    let _lock = ConnectionLock::take(&world.locks(), id, LOCK_LIMIT).await?;
    // Somebody else may have done it while we waited.
    if let Some(found) = settled(world, id, want).await? {
        return Ok(found);
    }
    refresh(world, &provider, id, want).await
}

/// The token to use if nothing needs to be fetched for it.
async fn settled(world: &World, id: &str, want: Want) -> Result<Option<(Access, Connection)>> {
    let it = world.connection(id)?;
    let provider = world.provider(&it.provider)?;
    if let Some(trouble) =
        it.trouble.as_ref().filter(|trouble| trouble.is_final() && !matches!(want, Want::Renewed(_)))
    {
        return Err(needs_person(&provider, &it, trouble));
    }
    let now = world.now();
    let fresh = match want {
        Want::Usable => !it.is_due(now),
        Want::NewerThan(version) | Want::Renewed(version) => it.secret_version > version,
    };
    // While a pause lasts, a token that still lives is good enough; a dead one has to wait.
    let paused = it.waits(now) && !matches!(want, Want::Renewed(_));
    let usable =
        !it.is_past(now) && !matches!(want, Want::NewerThan(version) if it.secret_version <= version);
    if fresh || !it.has_refresh && usable && want == Want::Usable || paused && usable {
        return match read(world, &it).await? {
            Some(pair) => Ok(Some((pair.access, it))),
            // Another process has put a newer pair in its place between the two looks.
            None if world.connection(id)?.secret_version != it.secret_version => {
                Box::pin(settled(world, id, want)).await
            }
            None => Err(park_lost(world, &provider, &it)),
        };
    }
    if paused {
        let trouble = it.trouble.clone();
        return Err(pausing(&provider, &it, trouble.as_ref(), now));
    }
    Ok(None)
}

/// Calls the provider. The lock is held and the store has just been read.
async fn refresh(world: &World, provider: &Provider, id: &str, want: Want) -> Result<(Access, Connection)> {
    let it = world.connection(id)?;
    let Some(pair) = read(world, &it).await? else { return Err(park_lost(world, provider, &it)) };
    let Some(refresh) = pair.refresh.clone() else {
        return no_refresh_token(world, provider, it, pair.access, want);
    };
    let app = world.app_keys_of(provider, &it).await?;
    let crashed = world.store.unfinished_refresh(id)?.is_some_and(|begun| begun.version == it.secret_version);
    let next = Connection::entry(id, it.secret_version + 1);
    // A refresh that was cut off may have brought its pair as far as the vault, and the older one may be dead by now.
    let newer = if crashed { world.vault.get(&next).await? } else { None };
    // Cut off in the middle of writing, it is no pair.
    let newer = newer.and_then(|text| Pair::read(&text).ok()).and_then(|pair| pair.refresh);
    let refresh = newer.unwrap_or(refresh);
    let _making = world.making(next);
    world.store.begin_refresh(id, it.secret_version, world.now(), &world.take_gone())?;
    crash_point("call");
    let at = world.now();
    let fields = it.fields();
    let (client, key) = (world.client(), pair.key.as_ref());
    let mut outcome =
        exchange::exchange(&client, provider, &fields, &app, Grant::Refresh(&refresh), key).await;
    crash_point("answer");
    if crashed && provider.lifetime.reuse_leeway > 0 && is_dead(provider, &outcome, at) {
        // Our own refresh was cut off after the provider had rotated; within its leeway the old token works again.
        outcome = exchange::exchange(&client, provider, &fields, &app, Grant::Refresh(&refresh), key).await;
    }
    match outcome {
        Ok(tokens) => store(world, provider, it, tokens, (refresh, pair.key), at).await,
        Err(failed) => {
            if world.connection(id)?.secret_version != it.secret_version
                && let Some(found) = settled(world, id, want).await?
            {
                return Ok(found);
            }
            let unclear = matches!(&failed, Failed::Unreachable(_));
            let (trouble, retry_after) = trouble(provider, failed, at);
            if !unclear {
                world.store.end_refresh(id)?;
            }
            let trouble = diagnose::likeliest(provider, &it, trouble, at);
            let noted = note_failure(world, provider, id, &trouble, retry_after)?;
            let still_lives = !noted.is_past(world.now()) && want == Want::Usable;
            if still_lives && !trouble.is_final() {
                return Ok((pair.access, noted));
            }
            Err(if trouble.is_final() {
                needs_person(provider, &noted, &trouble)
            } else {
                pausing(provider, &noted, Some(&trouble), at)
            })
        }
    }
}

fn is_dead(provider: &Provider, outcome: &Result<Tokens, Failed>, at: Seconds) -> bool {
    match outcome {
        Err(Failed::Refused { refusal, .. }) => {
            diagnose::trouble(provider, ErrorPlace::Refresh, refusal, at).is_final()
        }
        _ => false,
    }
}

fn trouble(provider: &Provider, failed: Failed, at: Seconds) -> (Trouble, Option<u64>) {
    match failed {
        Failed::Refused { refusal, retry_after } => {
            (diagnose::trouble(provider, ErrorPlace::Refresh, &refusal, at), retry_after)
        }
        Failed::Unreachable(error) => (diagnose::unreachable(&error, ErrorPlace::Refresh, at), None),
    }
}

async fn store(
    world: &World,
    provider: &Provider,
    before: Connection,
    mut tokens: Tokens,
    (old_refresh, key): (Secret, Option<ProofKey>),
    at: Seconds,
) -> Result<(Access, Connection)> {
    let mut it = before.clone();
    let (access_until, access_life) = access_end(provider, &tokens, at);
    (it.access_until, it.access_life) = (access_until, access_life);
    it.facts.extend(std::mem::take(&mut tokens.facts));
    if let Some(seconds) = tokens.refresh_expires_in {
        it.refresh_until = Some(at + seconds);
    }
    if tokens.scopes.is_some() {
        it.granted = tokens.scopes.take();
    }
    it.secret_version += 1;
    (it.refreshed_at, it.last_ok_at, it.last_refresh_at) = (at, Some(at), Some(at));
    it.refreshes += 1;
    (it.failures, it.retry_at) = (0, None);
    let recovered = it.trouble.take().is_some();
    // A reply without a refresh token leaves the one in hand good.
    let refresh = tokens.refresh.take().unwrap_or(old_refresh);
    let (kind, words) =
        if recovered { (Kind::Recovered, "Works again.") } else { (Kind::Refreshed, "Renewed the sign-in.") };
    let mut happened = vec![(world.now(), kind, words.to_owned())];
    if before.granted != it.granted {
        let words = "The permissions changed at the provider.".to_owned();
        happened.push((world.now(), Kind::ScopesChanged, words));
    }
    let pair = Pair::new(&tokens, Some(refresh), key);
    keep_tokens(world, &it, &pair, before.secret_version, &happened).await?;
    world.changed(Change::Connection { id: it.id.clone() });
    let old = before.secret_entry();
    if world.vault.delete(&old).await.is_ok() {
        world.gone_from_vault(old);
    }
    Ok((pair.access, it))
}

/// Nothing to renew with: a token that still lives goes on; one that does not needs its person.
fn no_refresh_token(
    world: &World,
    provider: &Provider,
    it: Connection,
    access: Access,
    want: Want,
) -> Result<(Access, Connection)> {
    let now = world.now();
    match want {
        Want::Usable if !it.is_past(now) => Ok((access, it)),
        Want::Renewed(_) if !it.is_past(now) => Err(Error::new(
            Code::Conflict,
            format!("{} gives nothing to renew this sign-in with, and it still lasts.", provider.name),
            "There is nothing to do. Test the connection to see that it works.",
        )),
        _ => {
            let trouble = Trouble {
                cause: if it.is_past(now) { Cause::Idle } else { Cause::Revoked },
                place: ErrorPlace::Refresh,
                since: now,
                says: None,
                evidence: vec![(
                    "Renewal".into(),
                    format!("{} gave nothing to renew the sign-in with", provider.name),
                )],
            };
            let noted = note_failure(world, provider, &it.id, &trouble, None)?;
            Err(needs_person(provider, &noted, &trouble))
        }
    }
}

/// Writes down a failure: parks the connection, or sets the pause before the next try.
pub(crate) fn note_failure(
    world: &World,
    provider: &Provider,
    id: &str,
    trouble: &Trouble,
    retry_after: Option<u64>,
) -> Result<Connection> {
    let now = world.now();
    let mut first = false;
    let noted = world.store.note(id, |it| {
        first = it.trouble.as_ref().is_none_or(|before| before.cause != trouble.cause);
        it.failures = it.failures.saturating_add(1);
        it.last_failed_at = Some(now);
        let mut trouble = trouble.clone();
        if let Some(before) = it.trouble.as_ref().filter(|before| before.cause == trouble.cause) {
            trouble.since = before.since;
        }
        it.retry_at = (!trouble.is_final()).then(|| now + pause(it.failures, retry_after));
        it.trouble = Some(trouble);
    })?;
    let it = noted.ok_or_else(|| Error::not_found("connection", id))?;
    if first {
        let problem =
            diagnose::problem(provider, trouble, &About { connection: Some(&it), ..About::default() });
        world.happened(&it, Kind::Failed, &format!("{} {}", problem.happened, problem.why));
    } else {
        world.changed(Change::Connection { id: id.to_owned() });
    }
    Ok(it)
}

/// Doubles from 30 s to an hour, a quarter of it by chance; what the provider asks for counts if it is longer.
fn pause(failures: u32, retry_after: Option<u64>) -> Seconds {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let mut byte = [0_u8; 1];
    let chance = if getrandom::fill(&mut byte).is_ok() { Seconds::from(byte[0]) } else { 0 };
    let ours = doubled - doubled / 4 + doubled / 4 * chance / 255;
    let asked = retry_after.and_then(|seconds| Seconds::try_from(seconds).ok()).unwrap_or(0).min(86_400);
    ours.max(asked)
}

/// The vault has no entry although the store points to one: somebody deleted it.
fn park_lost(world: &World, provider: &Provider, it: &Connection) -> Error {
    let trouble = Trouble {
        cause: Cause::Revoked,
        place: ErrorPlace::Refresh,
        since: world.now(),
        says: Some("The sign-in is no longer in this computer's keyring. Somebody deleted it there, or the keyring was replaced.".into()),
        evidence: vec![("Keyring entry".into(), it.secret_entry())],
    };
    match note_failure(world, provider, &it.id, &trouble, None) {
        Ok(noted) => needs_person(provider, &noted, &trouble),
        Err(error) => error,
    }
}

fn needs_person(provider: &Provider, it: &Connection, trouble: &Trouble) -> Error {
    let problem = diagnose::problem(
        provider,
        trouble,
        &About { connection: Some(it), client_id: &it.client_id, redirect: &it.redirect, scopes: &it.asked },
    );
    Error::new(
        Code::NeedsYou,
        format!("{} {}", problem.happened, problem.why),
        format!("Press “{}”.", problem.press.label),
    )
}

fn pausing(provider: &Provider, it: &Connection, trouble: Option<&Trouble>, now: Seconds) -> Error {
    let wait = it.retry_at.map_or(0, |at| (at - now).max(0));
    let words = trouble.map_or_else(
        || format!("{} could not be asked.", provider.name),
        |trouble| {
            let problem =
                diagnose::problem(provider, trouble, &About { connection: Some(it), ..About::default() });
            format!("{} {}", problem.happened, problem.why)
        },
    );
    Error::new(Code::Temporary, words, format!("Tieline tries again in {wait} seconds."))
}

async fn read(world: &World, it: &Connection) -> Result<Option<Pair>> {
    let Some(text) = world.vault.get(&it.secret_entry()).await? else { return Ok(None) };
    Pair::read(&text).map(Some)
}

/// Both tokens, for revocation.
pub(crate) async fn both(world: &World, it: &Connection) -> Result<Option<(Access, Option<Secret>)>> {
    Ok(read(world, it).await?.map(|pair| (pair.access, pair.refresh)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_heed_retry_after() {
        for (failures, doubled) in [(1, 30), (2, 60), (5, 480), (20, 3600)] {
            let pause = pause(failures, None);
            assert!(pause >= doubled * 3 / 4 && pause <= doubled, "{failures}: {pause}");
        }
        assert_eq!(pause(1, Some(120)), 120);
        assert!(pause(1, Some(u64::MAX)) <= 30, "nonsense is not heeded");
    }
}
