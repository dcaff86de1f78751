//! `tieline key`: the keys of other programs.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_engine::program::Reach;
use tieline_engine::wire::{AddedKey, Approval, Failure, KeyRow, KeyUse};
use tieline_engine::{Browser, Error};

use crate::ask::{Result, ask, open};
use crate::commands::give;
use crate::{Everywhere, print};

#[derive(Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make a key for a program; it is shown this once
    Add(AddArgs),
    /// List the keys, with their last use
    List,
    /// Show what a key was used for, newest first
    Uses { id: String },
    /// End a key; what it connected stays
    Revoke { id: String },
    /// List what programs ask for and you have not decided yet
    Approvals,
    /// Let a program have access tokens of a connection
    Approve { id: u32 },
    /// Do not let a program have access tokens of a connection
    Refuse { id: u32 },
}

#[derive(Args)]
struct AddArgs {
    /// What you call the program
    name: String,
    /// Whose the connections are that it makes; keys of one organization share them. Default: the program's own
    #[arg(long)]
    organization: Option<String>,
    /// What it may: look, read, sync, connect, contracts, tokens, or an operation; may be given several times. Default:
    /// all but tokens
    #[arg(long, value_name = "WORD")]
    allow: Vec<String>,
    /// all, own (those it connects), or a connection's id; may be given several times
    #[arg(long, value_name = "all|own|ID")]
    connection: Vec<String>,
    /// A page that may use it, such as https://app.acme.example; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Requests a minute in place of the usual limits; 0 lifts them
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
}

pub async fn run(all: &Everywhere, args: KeyArgs) -> Result<()> {
    match args.command {
        KeyCommand::Add(args) => add(all, args).await,
        KeyCommand::List => list(all).await,
        KeyCommand::Uses { id } => uses(all, id).await,
        KeyCommand::Revoke { id } => revoke(all, id).await,
        KeyCommand::Approvals => approvals(all).await,
        KeyCommand::Approve { id } => decide(all, id, true).await,
        KeyCommand::Refuse { id } => decide(all, id, false).await,
    }
}

async fn add(all: &Everywhere, args: AddArgs) -> Result<()> {
    let reach = reach(args.connection)?;
    let app = open(all, Browser::none()).await?;
    let order = json!({
        "name": args.name, "organization": args.organization, "reach": reach, "origins": args.origin,
        "operations": (!args.allow.is_empty()).then_some(args.allow), "per_minute": args.per_minute,
    });
    let added: AddedKey = ask(&app, "add_key", order).await?;
    give(all, &added, |added| {
        print::line(&added.secret);
        print::talk(&format!(
            "This is the key of {}, shown this once. It may {}, and reaches {}.",
            added.key.name,
            added.key.operations.join(", "),
            reached(&added.key.reach)
        ));
        print::talk("The program sends it with every request: Authorization: Bearer <key>");
    });
    Ok(())
}

/// `all`, `own`, or ids.
fn reach(words: Vec<String>) -> Result<Option<Reach>> {
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        ["all"] => Ok(Some(Reach::All)),
        ["own"] => Ok(Some(Reach::Own)),
        ref several if several.contains(&"all") || several.contains(&"own") => {
            Err(Failure::from(Error::field(
                "connection",
                "All and own stand alone: give one of them once, or the ids of connections.",
            )))
        }
        _ => Ok(Some(Reach::These(words))),
    }
}

fn reached(reach: &Reach) -> String {
    match reach {
        Reach::All => "your connections and its own".to_owned(),
        Reach::Own => "its own connections".to_owned(),
        Reach::These(ids) => ids.join(", "),
    }
}

async fn list(all: &Everywhere) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let keys: Vec<KeyRow> = ask(&app, "keys", json!({})).await?;
    give(all, &keys, |keys| {
        if keys.is_empty() {
            print::talk("No program has a key yet. Make one with: tieline key add NAME");
        }
        let rows = keys.iter().map(|key| {
            let used = key.last_used_at.clone().unwrap_or_else(|| "never".to_owned());
            let ended = key.revoked_at.as_ref().map(|at| format!("revoked {at}"));
            vec![
                key.id.clone(),
                key.name.clone(),
                key.organization.name.clone(),
                key.operations.join(", "),
                reached(&key.reach),
                used,
                ended.unwrap_or_else(|| "works".to_owned()),
            ]
        });
        print::table(&["Id", "Name", "Organization", "May", "Reaches", "Last use", "State"], rows);
    });
    Ok(())
}

async fn uses(all: &Everywhere, id: String) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let uses: Vec<KeyUse> = ask(&app, "key_uses", json!({ "id": id })).await?;
    give(all, &uses, |uses| {
        let rows = uses.iter().map(|it| {
            vec![
                it.at.clone(),
                it.what.clone(),
                it.status.to_string(),
                it.times.to_string(),
                it.connection_name.clone(),
            ]
        });
        print::table(&["When", "What", "Status", "Times", "Connection"], rows);
    });
    Ok(())
}

async fn revoke(all: &Everywhere, id: String) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let _: Value = ask(&app, "revoke_key", json!({ "id": id })).await?;
    give(all, &json!({ "revoked": id }), |_| print::line("The key has ended. What it connected stays."));
    Ok(())
}

async fn approvals(all: &Everywhere) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let asked: Vec<Approval> = ask(&app, "approvals", json!({})).await?;
    give(all, &asked, |asked| {
        if asked.is_empty() {
            print::talk("No program asks for anything.");
        }
        let rows = asked.iter().map(|it| {
            vec![it.id.to_string(), it.key_name.clone(), it.connection_name.clone(), it.asked_at.clone()]
        });
        print::table(&["Id", "Program", "Wants access tokens of", "Asked"], rows);
    });
    Ok(())
}

async fn decide(all: &Everywhere, id: u32, allow: bool) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let _: Value = ask(&app, "decide_approval", json!({ "id": id, "allow": allow })).await?;
    give(all, &json!({ "id": id, "allow": allow }), |_| {
        print::line(if allow {
            "Allowed. The program gets short-lived tokens of that connection from now on."
        } else {
            "Not allowed. The program gets no token of that connection."
        });
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn reach_is_all_own_or_named() {
        assert_eq!(reach(words(&[])).ok(), Some(None));
        assert_eq!(reach(words(&["own"])).ok(), Some(Some(Reach::Own)));
        assert_eq!(reach(words(&["a", "b"])).ok(), Some(Some(Reach::These(words(&["a", "b"])))));
        assert!(reach(words(&["own", "a"])).is_err());
    }
}
