//! `tieline connect`: the sign-in from the terminal. The answer comes back by loopback or relay, or is pasted.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use clap::Args;
use serde_json::json;
use tieline_engine::wire::{ConnectionDetail, Failure, Flow, FlowStep, SignInLink};
use tieline_engine::{App, Browser, Code, Error};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::ask::{Result, ask, open};
use crate::commands::{connections_table, pair};
use crate::{Everywhere, print};

#[derive(Args)]
pub struct ConnectArgs {
    pub provider: String,
    /// What the form asks for; a pasted address is understood
    #[arg(long = "input", value_name = "KEY=VALUE", value_parser = pair)]
    pub inputs: Vec<(String, String)>,
    /// Sign in again for this connection
    #[arg(long, value_name = "ID")]
    pub reconnect: Option<String>,
    /// loopback, relay or paste, where the usual one does not do
    #[arg(long)]
    pub way: Option<String>,
    /// A permission besides the usual ones
    #[arg(long = "scope")]
    pub scopes: Vec<String>,
    /// Do not open a browser; print the link
    #[arg(long)]
    pub no_browser: bool,
}

pub async fn run(all: &Everywhere, args: ConnectArgs) -> Result<()> {
    let browser = if args.no_browser { Browser::none() } else { Browser::system() };
    let app = open(all, browser).await?;
    let inputs: BTreeMap<String, String> = args.inputs.into_iter().collect();
    let flow: Flow = ask(
        &app,
        "connect",
        json!({
            "provider": args.provider, "inputs": inputs, "reconnect": args.reconnect, "way": args.way, "more_scopes": args.scopes,
        }),
    )
    .await?;
    let link: SignInLink = ask(&app, "sign_in_link", json!({ "id": flow.id })).await?;
    print::talk(&format!("Sign in to {} in your browser. {}", flow.provider_name, flow.way.why));
    print::talk(&format!("If it did not open, open this address yourself:\n{}", link.url));
    print::talk(
        "Waiting for ten minutes. Paste the address at which the browser ended if nothing happens; Ctrl C cancels.",
    );
    let ended = tokio::select! {
        ended = wait(&app, &flow.id) => ended?,
        _ = tokio::signal::ctrl_c() => {
            let _: serde_json::Value = ask(&app, "cancel", json!({ "id": flow.id })).await?;
            return Err(Failure::from(Error::new(Code::Cancelled, "The sign-in was cancelled.", "")));
        }
        error = pasted(&app, &flow.id) => return Err(error),
    };
    finish(all, &app, ended).await
}

/// Waits until the sign-in has ended in one way or another.
pub async fn wait(app: &App, id: &str) -> Result<Flow> {
    let mut changes = app.changes();
    loop {
        let flow: Flow = ask(app, "flow", json!({ "id": id })).await?;
        if !matches!(flow.step, FlowStep::Waiting | FlowStep::Finishing) {
            return Ok(flow);
        }
        // A change that was missed is no harm: the next look tells the same.
        let _changed = tokio::time::timeout(std::time::Duration::from_secs(1), changes.recv()).await;
    }
}

/// Reads addresses that are pasted into the terminal. Ends only with an error.
async fn pasted(app: &App, id: &str) -> Failure {
    if !std::io::stdin().is_terminal() {
        return std::future::pending().await;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        match lines.next_line().await {
            Ok(Some(line)) if line.trim().is_empty() => {}
            Ok(Some(line)) => {
                let pasted: Result<Flow> = ask(app, "paste", json!({ "id": id, "address": line })).await;
                if let Err(failure) = pasted {
                    print::talk(&failure.message);
                }
            }
            Ok(None) | Err(_) => return std::future::pending().await,
        }
    }
}

async fn finish(all: &Everywhere, app: &App, flow: Flow) -> Result<()> {
    if flow.step == FlowStep::OtherAccount {
        let who = flow.other_account.map(|it| format!("{} {}", it.name, it.email)).unwrap_or_default();
        let _: Flow = ask(app, "other_account", json!({ "id": flow.id, "keep": false })).await?;
        return Err(Failure::from(Error::new(
            Code::Conflict,
            format!("Somebody else signed in: {}. The connection was left as it was.", who.trim()),
            "Sign in with the same account, or connect this one as a new connection without --reconnect.",
        )));
    }
    let Some(id) = flow.connection.filter(|_| flow.step == FlowStep::Connected) else {
        let code = match flow.step {
            FlowStep::TimedOut => Code::TimedOut,
            FlowStep::Refused => Code::Refused,
            FlowStep::Cancelled => Code::Cancelled,
            _ => Code::NeedsYou,
        };
        let (happened, why) = flow.problem.map_or_else(
            || ("The sign-in was cancelled.".to_owned(), String::new()),
            |problem| (problem.happened, problem.why),
        );
        return Err(Failure::from(Error::new(code, happened, why)));
    };
    let detail: ConnectionDetail = ask(app, "connection", json!({ "id": id })).await?;
    if all.json {
        print::json(&detail);
        return Ok(());
    }
    connections_table(std::slice::from_ref(&detail.row));
    for scope in &flow.missing {
        print::talk(&format!("Not allowed: {}. {}", scope.meaning, scope.without));
    }
    Ok(())
}
