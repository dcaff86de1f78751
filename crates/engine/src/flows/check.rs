//! Does it work? One real request to the provider, with the account's own token.

use std::time::Duration;

use tieline_catalog::{Cause, Provider};

use crate::connection::{Connection, Trouble};
use crate::diagnose;
use crate::error::{Code, Result};
use crate::flows::identity::{self, Keys, StepFailed, Told};
use crate::flows::token::{self, Want};
use crate::oauth::Access;
use crate::store::Kind;
use crate::world::World;

/// How a test went.
pub(crate) enum Outcome {
    Works {
        took: Duration,
    },
    /// The provider has no request to test with; the token is there and in time.
    Unasked,
    Fails(Trouble),
}

/// Tests a connection: a token that can be used, then the first question of the provider's entry that it may ask.
pub(crate) async fn test(world: &World, id: &str) -> Result<Outcome> {
    let it = world.connection(id)?;
    let parked = it.trouble.as_ref().is_some_and(Trouble::is_final);
    let want = if parked && it.has_refresh { Want::Renewed(it.secret_version) } else { Want::Usable };
    let (access, it) = if parked && !it.has_refresh {
        match token::both(world, &it).await? {
            Some((access, _)) => (access, it),
            None => return Ok(failed_now(world, id)),
        }
    } else {
        match token::access(world, id, want).await {
            Ok(found) => found,
            Err(error) if matches!(error.code, Code::NeedsYou | Code::Temporary) => {
                return Ok(failed_now(world, id));
            }
            Err(error) => return Err(error),
        }
    };
    let provider = world.provider(&it.provider)?;
    let mut answer = ask(world, &provider, &it, &access).await;
    // The clock says the token lives and the provider says no: one forced refresh, one more try.
    if matches!(&answer, Err(failed) if is_about_the_token(failed)) && it.has_refresh {
        match token::access(world, id, Want::NewerThan(it.secret_version)).await {
            Ok((access, it)) => answer = ask(world, &provider, &it, &access).await,
            Err(error) if matches!(error.code, Code::NeedsYou | Code::Temporary) => {
                return Ok(failed_now(world, id));
            }
            Err(error) => return Err(error),
        }
    }
    match answer {
        Ok(None) => Ok(Outcome::Unasked),
        Ok(Some(told)) => {
            worked(world, id)?;
            Ok(Outcome::Works { took: told.took })
        }
        Err(StepFailed { trouble, retry_after, .. }) => {
            let trouble = diagnose::likeliest(&provider, &it, trouble, world.now());
            token::note_failure(world, &provider, id, &trouble, retry_after)?;
            Ok(Outcome::Fails(trouble))
        }
    }
}

/// Whether the token itself was refused: by status 401 or, where errors come with status 200, for no reason that a new
/// token would not mend.
fn is_about_the_token(failed: &StepFailed) -> bool {
    let may_be = matches!(failed.trouble.cause, Cause::Revoked | Cause::Idle | Cause::Unknown);
    failed.status == 401 || (200..300).contains(&failed.status) && may_be
}

/// The first question that its permissions suffice for. None: there is none.
async fn ask(
    world: &World,
    provider: &Provider,
    it: &Connection,
    access: &Access,
) -> Result<Option<Told>, StepFailed> {
    let keys = Keys { bearer: Some(access), ..Keys::default() };
    for step in &provider.identify {
        match identity::ask(world, provider, step, &it.fields(), &keys).await {
            Ok(None) => {}
            Err(failed)
                if identity::is_for_want_of_scope(provider, step, it.known_scopes(), &failed, false) => {}
            answer => return answer,
        }
    }
    Ok(None)
}

fn worked(world: &World, id: &str) -> Result<()> {
    let now = world.now();
    let mut recovered = false;
    let noted = world.store.note(id, |it| {
        recovered = it.trouble.take().is_some();
        (it.last_ok_at, it.last_used_at) = (Some(now), Some(now));
        (it.failures, it.retry_at) = (0, None);
    })?;
    if let Some(it) = noted {
        let (kind, words) =
            if recovered { (Kind::Recovered, "Works again.") } else { (Kind::Used, "Tested: it works.") };
        world.happened(&it, kind, words);
    }
    Ok(())
}

/// What the token flow has just written down.
fn failed_now(world: &World, id: &str) -> Outcome {
    let found = world.store.connection(id).ok().flatten().and_then(|it| it.trouble);
    found.map_or(Outcome::Unasked, Outcome::Fails)
}
