//! `tieline key`: the keys of other programs.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tieline_engine::program::Reach;
use tieline_engine::wire::{AddedKey, Approval, Failure, KeyRow, KeyUse};
use tieline_engine::{App, Browser, Error};

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
    Uses {
        /// The key's id, or its name where only one key has it
        key: String,
        /// Below this number, for older ones
        #[arg(long, value_name = "NUMBER")]
        before: Option<i32>,
        /// At most 500
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// End a key; what it connected stays
    Revoke {
        /// The key's id, or its name where only one good key has it
        key: String,
    },
    /// List what programs ask for and you have not decided yet
    Approvals,
    /// Let a program have access tokens of a connection, for good: an answer ends with its key
    Approve { id: u32 },
    /// Do not let a program have access tokens of a connection, for good: an answer ends with its key
    Refuse { id: u32 },
}

#[derive(Args)]
struct AddArgs {
    /// What you call the program
    name: String,
    /// Whose the connections are that it makes; keys of one organization share them. Default: the program's own
    #[arg(long)]
    organization: Option<String>,
    /// What it may: look, read, sync, connect, contracts, tokens, or an operation; several with commas, or given several
    /// times. Default: all but tokens, and but contracts where --connection names some
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    allow: Vec<String>,
    /// all, own (those it connects), or a connection's id; several ids with commas, or given several times
    #[arg(long, value_name = "all|own|ID", value_delimiter = ',')]
    connection: Vec<String>,
    /// A page that may use it, such as https://app.acme.example; several with commas, or given several times
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    origin: Vec<String>,
    /// Requests a minute in place of the usual limits; 0 lifts them
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
}

pub async fn run(all: &Everywhere, args: KeyArgs) -> Result<()> {
    match args.command {
        KeyCommand::Add(args) => add(all, args).await,
        KeyCommand::List => list(all).await,
        KeyCommand::Uses { key, before, limit } => uses(all, &key, before, limit).await,
        KeyCommand::Revoke { key } => revoke(all, &key).await,
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
    let added: AddedKey = ask(&app, "add_key", order).await.map_err(by_flag)?;
    give(all, &added, |added| {
        print::line(&added.secret);
        print::talk(&format!(
            "This is the key of {}, shown this once; its id is {}. It may {}, and reaches {}.",
            added.key.name,
            added.key.id,
            added.key.operations.join(", "),
            reached(&added.key.reach)
        ));
        print::talk("The program sends it with every request: Authorization: Bearer <key>");
    });
    Ok(())
}

/// A field of the operation by the flag that fills it.
fn by_flag(failure: Failure) -> Failure {
    const FLAGS: &[(&str, &str)] = &[
        ("operations", "--allow"),
        ("reach", "--connection"),
        ("origins", "--origin"),
        ("organization", "--organization"),
        ("per_minute", "--per-minute"),
    ];
    let flag = FLAGS.iter().find(|(field, _)| failure.field.as_deref() == Some(field));
    Failure { field: flag.map(|(_, flag)| (*flag).to_owned()).or(failure.field), ..failure }
}

/// The id of a key that was named by it, or by a name that only one has. Good keys go before revoked ones.
async fn id_of(app: &App, word: &str) -> Result<String> {
    let keys: Vec<KeyRow> = ask(app, "keys", json!({})).await?;
    named(&keys, word).map_err(Failure::from)
}

fn named(keys: &[KeyRow], word: &str) -> std::result::Result<String, Error> {
    if keys.iter().any(|key| key.id == word) {
        return Ok(word.to_owned());
    }
    let good = |key: &&KeyRow| key.revoked_at.is_none();
    let mut called: Vec<&KeyRow> = keys.iter().filter(|key| key.name == word).collect();
    if called.iter().any(good) {
        called.retain(good);
    }
    match called[..] {
        [] => Err(Error::not_found("key", word)),
        [key] => Ok(key.id.clone()),
        _ => {
            let ids: Vec<&str> = called.iter().map(|key| key.id.as_str()).collect();
            let words =
                format!("{} keys are called {word}. Give the id of one: {}.", ids.len(), ids.join(", "));
            Err(Error::field("key", words))
        }
    }
}

/// `all`, `own`, or ids.
fn reach(words: Vec<String>) -> Result<Option<Reach>> {
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(None),
        ["all"] => Ok(Some(Reach::All)),
        ["own"] => Ok(Some(Reach::Own)),
        ref several if several.contains(&"all") || several.contains(&"own") => {
            Err(Failure::from(Error::field(
                "--connection",
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
            let switches = crate::serve::switches(all);
            print::talk(&format!("No program has a key yet. Make one with: tieline {switches}key add NAME"));
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

async fn uses(all: &Everywhere, key: &str, before: Option<i32>, limit: u32) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let order = json!({ "id": id_of(&app, key).await?, "before": before, "limit": limit });
    let uses: Vec<KeyUse> = ask(&app, "key_uses", order).await?;
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
        if let Some(last) = uses.last().filter(|_| uses.len() >= limit.min(500) as usize) {
            print::talk(&format!("There may be older ones: add --before {}", last.id));
        }
    });
    Ok(())
}

async fn revoke(all: &Everywhere, key: &str) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let id = id_of(&app, key).await?;
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

    fn row(id: &str, name: &str, revoked: bool) -> KeyRow {
        let row = json!({
            "id": id, "name": name, "organization": { "number": 1, "id": "", "ulid": "", "name": "" },
            "operations": [], "reach": "all", "origins": [], "per_minute": null, "made_at": "", "last_used_at": null,
            "revoked_at": revoked.then_some("2026-11-22T10:00:00Z"),
        });
        serde_json::from_value(row).expect("a key")
    }

    #[test]
    fn a_key_is_named_by_its_id_or_by_a_name_that_one_has() {
        let keys = [row("1", "A", false), row("2", "A", true), row("3", "B", false), row("4", "B", false)];
        assert_eq!(named(&keys, "2").ok().as_deref(), Some("2"));
        assert_eq!(named(&keys, "A").ok().as_deref(), Some("1"), "the one that is good");
        let several = named(&keys, "B").unwrap_err();
        assert!(several.message.contains("3, 4"), "{}", several.message);
        assert_eq!(named(&keys, "C").unwrap_err().code.as_str(), "not_found");
    }
}
