//! Signing in.

use super::wire::{ById, Connect, Flow, Nothing, OtherAccount, Paste, SignInLink};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::flow::FlowStep;
use crate::flows::connect::{self, Begin};
use crate::flows::{finish, waiting};
use crate::ways;

pub(super) async fn connect(app: &App, ask: Connect) -> Result<Flow> {
    let way = match ask.way.as_deref() {
        None | Some("") => None,
        Some(way) => Some(ways::from_key(way).ok_or_else(|| {
            Error::field(
                "way",
                format!("{way} is no way back. It is one of deep_link, loopback, relay, paste."),
            )
        })?),
    };
    let begin = Begin {
        provider: ask.provider,
        inputs: ask.inputs,
        more_scopes: ask.more_scopes,
        reconnect: ask.reconnect,
        way,
        quiet: ask.quiet,
        program: None,
    };
    connect::begin(&app.world(), begin).await
}

pub(super) async fn flows(app: &App, _: Nothing) -> Result<Vec<Flow>> {
    Ok(app.world().flows.list())
}

pub(super) async fn flow(app: &App, ask: ById) -> Result<Flow> {
    app.world().flows.get(&ask.id)
}

pub(super) async fn open_again(app: &App, ask: ById) -> Result<Nothing> {
    waiting::open_again(&app.world(), &ask.id).await?;
    Ok(Nothing {})
}

pub(super) async fn sign_in_link(app: &App, ask: ById) -> Result<SignInLink> {
    Ok(SignInLink { url: waiting::link(&app.world(), &ask.id).await?.into() })
}

pub(super) async fn cancel(app: &App, ask: ById) -> Result<Nothing> {
    waiting::cancel(&app.world(), &ask.id)?;
    Ok(Nothing {})
}

pub(super) async fn paste(app: &App, ask: Paste) -> Result<Flow> {
    let world = app.world();
    waiting::paste(&world, &ask.id, &ask.address)?;
    world.flows.get(&ask.id)
}

pub(super) async fn other_way(app: &App, ask: ById) -> Result<Flow> {
    let world = app.world();
    let mut begin = {
        let all = world.flows.lock();
        let waiting = all.get(&ask.id).ok_or_else(|| Error::not_found("sign-in", &ask.id))?;
        let next =
            waiting.flow.next_way.as_ref().and_then(|next| ways::from_key(&next.way)).ok_or_else(|| {
                Error::new(
                    Code::Conflict,
                    "There is no other way back for this service.",
                    "Paste the address instead.",
                )
            })?;
        Begin { way: Some(next), ..waiting.begin.clone() }
    };
    begin.quiet = false;
    if world.flows.get(&ask.id)?.step == FlowStep::Waiting {
        waiting::cancel(&world, &ask.id)?;
    }
    connect::begin(&world, begin).await
}

pub(super) async fn other_account(app: &App, ask: OtherAccount) -> Result<Flow> {
    let world = app.world();
    finish::decide(&world, &ask.id, ask.keep).await?;
    world.flows.get(&ask.id)
}
