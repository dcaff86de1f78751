//! Ending a connection: told to the provider where it can be told, proved, deleted, and reported as it was.

use tieline_catalog::template;
use tieline_catalog::{Provider, StepAuth};

use crate::connection::{Connection, Trouble};
use crate::error::{Code, Error, Result};
use crate::event::Change;
use crate::flows::identity::{self, Keys};
use crate::flows::token::{self, Want};
use crate::oauth::Access;
use crate::secret::Secret;
use crate::store::Kind;
use crate::world::{AppKeys, World};

/// What became of it, in words for the person.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub revoked: bool,
    pub queued: bool,
    pub words: Vec<String>,
    /// Something stays at the provider: the page where it can be removed.
    pub page: bool,
}

/// What disconnecting would do, before it is done.
pub(crate) fn plan(provider: &Provider, it: &Connection) -> (bool, Vec<String>) {
    let name = &provider.name;
    let revokes = !provider.revoke.steps.is_empty();
    let mut words = vec![format!("The sign-in of {} is deleted from this computer's keyring.", it.title())];
    if !revokes {
        words.push(format!("{name} has no way to be told. You can remove the permission on its page."));
    }
    words.extend(provider.revoke.honest.clone());
    (revokes, words)
}

/// Disconnects. Offline, it is queued with what is to become of the contents, and the connection shows as disconnecting.
pub(crate) async fn disconnect(
    world: &World,
    id: &str,
    revoke: Option<bool>,
    keep_contents: bool,
) -> Result<Ended> {
    let it = world.connection(id)?;
    let provider = world.provider(&it.provider)?;
    let can = !provider.revoke.steps.is_empty();
    let tell = can && revoke.unwrap_or(provider.revoke.reaches_further.is_none());
    let mut ended = Ended::default();
    if tell {
        match tell_provider(world, &provider, &it).await {
            Told::Revoked => {
                ended.revoked = true;
                ended.words.push(format!(
                    "{} has ended the sign-in; a last request was refused, as it should be.",
                    provider.name
                ));
            }
            Told::Dead => {
                ended.revoked = true;
                ended.words.push(format!("{} had already ended the sign-in.", provider.name));
            }
            Told::NotProved => {
                ended.page = true;
                ended.words.push(format!(
                    "{} said that it ended the sign-in, but still answered a last request. Look at its page.",
                    provider.name
                ));
            }
            Told::Refused(words) => {
                ended.page = true;
                ended.words.push(format!("{} did not end the sign-in: {words}", provider.name));
            }
            Told::Unreachable(words) => {
                if it.disconnecting && it.keep_contents != keep_contents {
                    world.store.note(id, |it| it.keep_contents = keep_contents)?;
                }
                if !it.disconnecting {
                    world
                        .store
                        .note(id, |it| (it.disconnecting, it.keep_contents) = (true, keep_contents))?;
                    world.happened(
                        &it,
                        Kind::Disconnecting,
                        "Asked to disconnect while the provider could not be reached.",
                    );
                }
                ended.queued = true;
                ended.words.push(format!(
                    "{words} It will be disconnected as soon as {} can be reached.",
                    provider.name
                ));
                return Ok(ended);
            }
        }
    } else if can {
        ended.page = true;
        ended
            .words
            .push(format!("{} was not told, as you chose. The permission stays there.", provider.name));
    } else {
        ended.page = true;
        ended.words.push(format!(
            "{} has no way to be told. The permission stays there until you remove it.",
            provider.name
        ));
    }
    if ended.page {
        ended.words.extend(provider.revoke.honest.clone());
    }
    let turn = world.turn(id);
    let _turn = turn.lock().await;
    let now = world.connection(id)?;
    world.store.remove_connection(&now, world.now())?;
    ended.words.push("The sign-in is deleted from this computer's keyring.".into());
    if world.vault.delete(&now.secret_entry()).await.is_ok() {
        world.store.swept(&now.secret_entry())?;
    } else {
        ended.words.pop();
        ended.words.push("The keyring is locked; the sign-in is deleted from it as soon as it opens.".into());
    }
    world.syncs.stop(id);
    let kept = world.library.tally(id)?.kept;
    let library = world.library.clone();
    let key = id.to_owned();
    // Contents may be many; they go in pieces, away from what else is going on.
    tokio::task::spawn_blocking(move || {
        if keep_contents {
            return library.set_next(&key, None);
        }
        library.forget(&key, true)?;
        library.forget_sync(&key)
    })
    .await
    .map_err(Error::internal)??;
    if kept > 0 {
        ended.words.push(if keep_contents {
            format!("{kept} texts stay in the library.")
        } else {
            format!("{kept} texts are deleted from the library.")
        });
    }
    world.happened(&now, Kind::Disconnected, &ended.words.join(" "));
    world.changed(Change::Providers);
    Ok(ended)
}

enum Told {
    Revoked,
    /// Nothing left to end.
    Dead,
    NotProved,
    Refused(String),
    Unreachable(String),
}

async fn tell_provider(world: &World, provider: &Provider, it: &Connection) -> Told {
    // Some providers take a revocation from a living token only; where that cannot be had, the dead one is told.
    let access = match token::access(world, &it.id, Want::Usable).await {
        Ok((access, _)) => Some(access),
        Err(error) if error.code == Code::NeedsYou => None,
        Err(error) => return Told::Unreachable(error.message),
    };
    let Ok(it) = world.connection(&it.id) else { return Told::Dead };
    let (stored_access, refresh) = match token::both(world, &it).await {
        Ok(Some(both)) => both,
        Ok(None) => return Told::Dead,
        Err(error) => return Told::Unreachable(error.message),
    };
    let alive = access.is_some();
    let access = access.unwrap_or(stored_access);
    let app = world.app_keys_of(provider, &it).await.ok();
    match steps(world, provider, &it, &access, refresh.as_ref(), app.as_ref()).await {
        Ok(()) => {}
        Err(trouble) if !trouble.is_final() => {
            let words = trouble.evidence.first().map(|(_, words)| words.clone()).unwrap_or_default();
            return Told::Unreachable(words);
        }
        Err(_) if !alive => return Told::Dead,
        Err(trouble) => {
            let words =
                trouble.evidence.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join("; ");
            return Told::Refused(format!("{words}."));
        }
    }
    match provider.identify.first() {
        None => Told::Revoked,
        Some(step) => {
            let keys = Keys { bearer: Some(&access), ..Keys::default() };
            match identity::ask(world, provider, step, &it.fields(), &keys).await {
                // It would have been refused before as well.
                Err(failed)
                    if identity::is_for_want_of_scope(provider, step, it.known_scopes(), &failed, false) =>
                {
                    Told::NotProved
                }
                Err(failed) if failed.status == 401 || failed.status == 403 || failed.trouble.is_final() => {
                    Told::Revoked
                }
                Err(_) => Told::NotProved,
                Ok(_) => Told::NotProved,
            }
        }
    }
}

async fn steps(
    world: &World,
    provider: &Provider,
    it: &Connection,
    access: &Access,
    refresh: Option<&Secret>,
    app: Option<&AppKeys>,
) -> std::result::Result<(), Trouble> {
    let mut fields: template::Fields = it.fields();
    for step in &provider.revoke.steps {
        // Ending the refresh token first leaves no moment in which a new access token could be made.
        let rounds: Vec<&Secret> = if step.each_token {
            refresh.into_iter().chain([&access.token]).collect()
        } else {
            vec![&access.token]
        };
        let last = rounds.len() - 1;
        for (round, token) in rounds.into_iter().enumerate() {
            let mut keys =
                Keys { bearer: (step.auth == StepAuth::Bearer).then_some(access), app, ..Keys::default() };
            keys.secrets.insert("token", token.clone());
            keys.secrets.insert("access_token", access.token.clone());
            keys.secrets.insert("refresh_token", refresh.cloned().unwrap_or_else(|| access.token.clone()));
            keys.secrets.insert("client_id", Secret::new(it.client_id.clone()));
            keys.secrets.insert("client_secret", app.and_then(|app| app.secret.clone()).unwrap_or_default());
            match identity::ask(world, provider, step, &fields, &keys).await {
                Ok(Some(told)) => fields.extend(told.facts),
                Ok(None) => {}
                // The first token's end may have ended the other with it (RFC 7009 §2.1).
                Err(failed)
                    if step.optional
                        || step.each_token && round == last && round > 0 && failed.trouble.is_final() => {}
                Err(failed) => return Err(failed.trouble),
            }
        }
    }
    Ok(())
}
