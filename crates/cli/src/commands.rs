//! The commands that ask one question and print the answer.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};

use clap::Args;
use serde::Serialize;
use serde_json::json;
use tieline_engine::wire::{
    AppSummary, Checks, ConnectionDetail, ConnectionRow, Disconnected, EventLine, Failure, FormCheck,
    Keyring, ProviderCard, ProviderForm, Tested,
};
use tieline_engine::{Browser, Code, Error};

use crate::ask::{Result, ask, open};
use crate::{Everywhere, print};

/// `key=value`
pub fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as key=value, for example subdomain=acme")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

#[derive(Args)]
pub struct AppArgs {
    provider: String,
    /// What the form asks for, where the app belongs to a subdomain or instance
    #[arg(long = "input", value_name = "KEY=VALUE", value_parser = pair)]
    inputs: Vec<(String, String)>,
    #[arg(long)]
    client_id: Option<String>,
    /// Read the client secret from standard input
    #[arg(long)]
    secret: bool,
    /// The organisation's page that forwards the answer
    #[arg(long)]
    relay: Option<String>,
    /// The registered loopback port, where it is not the usual one
    #[arg(long)]
    port: Option<u16>,
}

#[derive(Args)]
pub struct DisconnectArgs {
    id: String,
    /// Tell the service even where that reaches further than this connection
    #[arg(long, conflicts_with = "keep")]
    revoke: bool,
    /// Only delete it here
    #[arg(long)]
    keep: bool,
    /// Keep what was read, to be searched on
    #[arg(long)]
    keep_contents: bool,
}

pub fn give<T: Serialize>(all: &Everywhere, value: &T, words: impl FnOnce(&T)) {
    if all.json { print::json(value) } else { words(value) }
}

pub async fn providers(all: &Everywhere) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let cards: Vec<ProviderCard> = ask(&app, "providers", json!({})).await?;
    give(all, &cards, |cards| {
        let rows = cards.iter().map(|card| {
            let ready = if card.app_ready { "yes" } else { "not yet" };
            vec![
                card.slug.clone(),
                card.name.clone(),
                ready.into(),
                card.connections.to_string(),
                card.summary.clone(),
            ]
        });
        print::table(&["Service", "Name", "App set up", "Connections", "What it reads"], rows);
    });
    Ok(())
}

pub async fn provider(all: &Everywhere, provider: String) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let form: ProviderForm = ask(&app, "provider", json!({ "provider": provider })).await?;
    let check: FormCheck = ask(&app, "check_form", json!({ "provider": provider })).await?;
    if all.json {
        print::json(&json!({ "form": form, "guide": check.guide, "ways": check.ways }));
        return Ok(());
    }
    print::line(&format!("{} ({})\n{}", form.card.name, form.card.slug, form.card.summary));
    if let Some(notice) = &form.notice {
        print::line(notice);
    }
    for input in &form.inputs {
        let needed = if input.required { "" } else { " (may be left out)" };
        print::line(&format!(
            "\n--input {}=…{needed}\n    {}. {}\n    {}",
            input.key, input.label, input.help, input.where_to_find
        ));
    }
    print::line("\nIt may then:");
    for scope in &form.scopes {
        print::line(&format!("  {}  ({})", scope.meaning, scope.name));
    }
    print::line(&format!("\nThe app is made once, by: {}", check.guide.who));
    for (index, step) in check.guide.steps.iter().enumerate() {
        print::line(&format!("  {}. {step}", index + 1));
    }
    Ok(())
}

pub async fn app(all: &Everywhere, args: AppArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let Some(client_id) = args.client_id else {
        let apps: Vec<AppSummary> = ask(&app, "apps", json!({})).await?;
        let wanted = args.provider.to_ascii_uppercase().replace('-', "_");
        let apps: Vec<AppSummary> = apps.into_iter().filter(|it| it.provider == wanted).collect();
        give(all, &apps, |apps| apps_table(apps));
        return Ok(());
    };
    let client_secret = if args.secret {
        Some(from_stdin("Paste the client secret and press Enter, then Ctrl D:")?)
    } else {
        None
    };
    let inputs: BTreeMap<String, String> = args.inputs.into_iter().collect();
    let saved: AppSummary = ask(
        &app,
        "save_app",
        json!({
            "provider": args.provider, "inputs": inputs, "client_id": client_id, "client_secret": client_secret,
            "relay": args.relay, "loopback_port": args.port,
        }),
    )
    .await?;
    give(all, &saved, |saved| apps_table(std::slice::from_ref(saved)));
    Ok(())
}

fn apps_table(apps: &[AppSummary]) {
    let rows = apps.iter().map(|it| {
        let secret = if it.has_secret { "in the keyring" } else { "none" };
        vec![
            it.provider_name.clone(),
            it.host.clone(),
            it.client_id.clone(),
            secret.into(),
            it.connections.to_string(),
        ]
    });
    print::table(&["Service", "For", "Client ID", "Secret", "Connections"], rows);
}

/// Secrets come by standard input, never by the command line, which other programs can see.
fn from_stdin(prompt: &str) -> Result<String> {
    if std::io::stdin().is_terminal() {
        print::talk(prompt);
    }
    let mut text = String::new();
    std::io::stdin().take(16 * 1024).read_to_string(&mut text).map_err(|error| {
        Failure::from(Error::field("stdin", format!("Standard input cannot be read: {error}.")))
    })?;
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(Failure::from(Error::field("stdin", "Nothing came by standard input.")));
    }
    Ok(text)
}

pub async fn list(all: &Everywhere) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let rows: Vec<ConnectionRow> = ask(&app, "connections", json!({})).await?;
    give(all, &rows, |rows| {
        if rows.is_empty() {
            print::talk("Nothing is connected yet. Begin with: tieline connect <service>");
        }
        connections_table(rows);
    });
    Ok(())
}

pub fn connections_table(rows: &[ConnectionRow]) {
    let rows = rows.iter().map(|row| {
        let who = if row.account.email.is_empty() { &row.account.workspace } else { &row.account.email };
        vec![
            row.id.clone(),
            row.provider_name.clone(),
            row.name.clone(),
            who.clone(),
            row.state_words.clone(),
            row.sign_in_words.clone(),
        ]
    });
    print::table(&["Id", "Service", "Name", "Account", "State", "Sign-in"], rows);
}

pub async fn show(all: &Everywhere, id: String) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let detail: ConnectionDetail = ask(&app, "connection", json!({ "id": id })).await?;
    show_detail(all, &detail);
    Ok(())
}

fn show_detail(all: &Everywhere, detail: &ConnectionDetail) {
    if all.json {
        return print::json(detail);
    }
    let row = &detail.row;
    let mut facts = vec![
        ("Service", row.provider_name.clone()),
        ("Name", row.name.clone()),
        ("Account", format!("{} {}", row.account.name, row.account.email)),
        ("Workspace", row.account.workspace.clone()),
        ("State", row.state_words.clone()),
        ("Health", detail.health.words.clone()),
        ("Lasts", format!("{}. {}", row.sign_in_words, detail.lasts.why)),
        ("Key", detail.lasts.access_words.clone()),
        ("Secret", format!("{}, entry {}", detail.secret.words, detail.secret.entry)),
        ("App", format!("{} {}", detail.client_id, detail.app_host)),
    ];
    if let Some(problem) = &row.problem {
        facts.push((
            "Problem",
            format!("{} {} Press “{}”.", problem.happened, problem.why, problem.press.label),
        ));
    }
    print::table(
        &["", ""],
        facts.into_iter().map(|(label, value)| vec![label.into(), value.trim().to_owned()]),
    );
    print::line("");
    let permissions = detail.permissions.iter().map(|it| {
        let granted = match it.granted {
            Some(true) => "allowed",
            Some(false) => "not allowed",
            None => "not told",
        };
        vec![granted.into(), it.meaning.clone(), it.name.clone()]
    });
    print::table(&["Permission", "To", "Name"], permissions);
    print::line("");
    events_table(&detail.events);
}

pub async fn tested(all: &Everywhere, operation: &str, id: String) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let tested: Tested = ask(&app, operation, json!({ "id": id })).await?;
    give(all, &tested, |tested| print::line(&print::shown(&tested.words)));
    match tested.problem {
        None => Ok(()),
        Some(problem) => {
            let temporary =
                ["rate_limited", "temporary", "offline", "garbage"].contains(&problem.code.as_str());
            let code = if temporary { Code::Temporary } else { Code::NeedsYou };
            Err(Failure::from(Error::new(
                code,
                problem.happened,
                format!("What helps: {}.", problem.press.label),
            )))
        }
    }
}

pub async fn rename(all: &Everywhere, id: String, name: String) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let row: ConnectionRow = ask(&app, "rename", json!({ "id": id, "name": name })).await?;
    give(all, &row, |row| connections_table(std::slice::from_ref(row)));
    Ok(())
}

pub async fn disconnect(all: &Everywhere, args: DisconnectArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let revoke = if args.revoke {
        Some(true)
    } else if args.keep {
        Some(false)
    } else {
        None
    };
    let order = json!({ "id": args.id, "revoke": revoke, "keep_contents": args.keep_contents });
    let ended: Disconnected = ask(&app, "disconnect", order).await?;
    give(all, &ended, |ended| {
        ended.words.iter().for_each(|words| print::line(&print::shown(words)));
        if let Some(page) = &ended.grant_page {
            print::line(&format!("{} {}", page.words, page.url));
        }
    });
    Ok(())
}

pub async fn events(all: &Everywhere, id: Option<String>, limit: u32) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let events: Vec<EventLine> = ask(&app, "events", json!({ "id": id, "limit": limit })).await?;
    give(all, &events, |events| events_table(events));
    Ok(())
}

fn events_table(events: &[EventLine]) {
    let rows = events
        .iter()
        .map(|it| vec![it.at.clone(), it.connection_name.clone(), it.kind.clone(), it.words.clone()]);
    print::table(&["When", "Connection", "What", "In words"], rows);
}

pub async fn doctor(all: &Everywhere) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let checks: Checks = ask(&app, "doctor", json!({})).await?;
    give(all, &checks, |checks| {
        let rows = checks
            .checks
            .iter()
            .map(|it| vec![if it.ok { "ok" } else { "no" }.into(), it.title.clone(), it.words.clone()]);
        print::table(&["", "What", "Found"], rows);
    });
    match checks.checks.iter().find(|it| !it.ok) {
        None => Ok(()),
        Some(bad) => {
            let code = match bad.key.as_str() {
                "keyring" => Code::KeyringLocked,
                "store" => Code::Storage,
                _ => Code::NotSetUp,
            };
            Err(Failure::from(Error::new(
                code,
                format!("{}: not as it should be.", bad.title),
                bad.words.clone(),
            )))
        }
    }
}

pub async fn unlock(all: &Everywhere, file: bool, passphrase: bool) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let passphrase = if file || passphrase {
        Some(from_stdin("Type the passphrase and press Enter, then Ctrl D:")?)
    } else {
        None
    };
    let keyring: Keyring =
        ask(&app, "unlock_keyring", json!({ "passphrase": passphrase, "choose_file": file })).await?;
    give(all, &keyring, |keyring| print::line(&format!("{}. {}", keyring.title, keyring.words)));
    Ok(())
}
