//! The commands about what connections hold: look, pick, sync, search, read.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tieline_engine::wire::{
    Crumb, Failure, Found, ItemRow, ItemText, ItemsPage, LibraryState, Picked, SyncState,
};
use tieline_engine::{App, Browser};

use crate::ask::{Result, ask, open};
use crate::commands::give;
use crate::{Everywhere, print};

/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(250);
/// Off a terminal a line of progress comes so often.
const LINE: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct ItemsArgs {
    id: String,
    /// Look into this item instead of the top
    #[arg(long, conflicts_with = "search")]
    parent: Option<String>,
    /// Items with these words in their name
    #[arg(long)]
    search: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    limit: u32,
}

#[derive(Args)]
pub struct PickArgs {
    id: String,
    /// Items; a folder means everything below it, now and later
    items: Vec<String>,
    /// Take these out of the choice
    #[arg(long = "not", value_name = "ITEM")]
    remove: Vec<String>,
    /// Everything, now and later
    #[arg(long, conflicts_with_all = ["items", "remove"])]
    all: bool,
}

#[derive(Args)]
pub struct SyncArgs {
    id: String,
    /// Keep everything from now on
    #[arg(long, conflicts_with = "item")]
    all: bool,
    /// Read this item again; may be given several times
    #[arg(long)]
    item: Vec<String>,
    /// Read again what could not be read
    #[arg(long, conflicts_with = "item")]
    failed: bool,
    /// Show how far it is
    #[arg(long)]
    follow: bool,
}

#[derive(Args)]
pub struct ScheduleArgs {
    /// Hours between two syncs: 0 (off), 3, 6, 12 or 24
    hours: u32,
    /// Only this connection; else all
    id: Option<String>,
}

#[derive(Args)]
pub struct SearchArgs {
    /// The last word may be the beginning of one
    #[arg(required = true)]
    words: Vec<String>,
    /// Only in this connection
    #[arg(long)]
    connection: Option<String>,
    /// Only in this service's connections
    #[arg(long)]
    provider: Option<String>,
    /// Only such: ARTICLE, FILE, PAGE, MESSAGE, CALL, …
    #[arg(long = "kind")]
    kinds: Vec<String>,
    /// Changed since, such as 2026-11-01
    #[arg(long)]
    since: Option<String>,
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

#[derive(Args)]
pub struct LibraryArgs {
    /// Delete the texts kept of this connection
    #[arg(long, value_name = "ID", conflicts_with = "forget_all")]
    forget: Option<String>,
    /// Delete all texts kept
    #[arg(long)]
    forget_all: bool,
}

pub async fn items(all: &Everywhere, args: ItemsArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let mut whole = ItemsPage { items: Vec::new(), next: None, count: None, path: Vec::new(), live: false };
    loop {
        let left = args.limit.saturating_sub(whole.items.len() as u32);
        let page: ItemsPage = ask(
            &app,
            "items",
            json!({
                "connection": args.id, "parent": args.parent, "search": args.search, "cursor": whole.next,
                "limit": left.clamp(1, 1000),
            }),
        )
        .await?;
        whole.items.extend(page.items);
        (whole.next, whole.count, whole.path, whole.live) = (page.next, page.count, page.path, page.live);
        if whole.next.is_none() || whole.items.len() >= args.limit as usize {
            break;
        }
    }
    give(all, &whole, |page| {
        if !page.path.is_empty() {
            print::talk(&path(&page.path));
        }
        let rows = page.items.iter().map(|item| {
            vec![
                item.id.clone(),
                item.kind.as_str().to_lowercase(),
                item.name.clone(),
                item.size.map_or_else(String::new, size),
                item.modified.clone().unwrap_or_default(),
                how(item).into(),
            ]
        });
        print::table(&["Id", "Kind", "Name", "Size", "Changed", "Here"], rows);
        if page.next.is_some() {
            print::talk("There is more: ask with a higher --limit.");
        }
    });
    Ok(())
}

fn how(item: &ItemRow) -> &'static str {
    match (item.read.as_str(), item.picked) {
        ("kept", _) => "kept",
        ("waiting", _) => "waiting",
        ("failed", _) => "could not be read",
        (_, Picked::Itself | Picked::With) => "chosen",
        (_, Picked::Partly) => "chosen in part",
        _ => "",
    }
}

pub async fn pick(all: &Everywhere, args: PickArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let state: SyncState = if args.all {
        everything(&app, &args.id).await?;
        ask(&app, "sync_state", json!({ "id": args.id })).await?
    } else {
        ask(&app, "pick", json!({ "connection": args.id, "add": args.items, "remove": args.remove })).await?
    };
    give(all, &state, |state| {
        print::line(&if state.everything {
            format!("Everything is kept: {} {} so far.", state.kept, state.items)
        } else {
            format!("Chosen: {} folders, {} {}.", state.picked_folders, state.picked_items, state.items)
        });
        print::talk(&format!("Read them with: tieline sync {} --follow", state.connection));
    });
    Ok(())
}

async fn everything(app: &App, id: &str) -> Result<()> {
    let _: Value = ask(app, "set_sync", json!({ "connection": id, "everything": true })).await?;
    Ok(())
}

pub async fn sync(all: &Everywhere, args: SyncArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    if args.all {
        everything(&app, &args.id).await?;
    }
    let items = (!args.item.is_empty()).then_some(args.item);
    let order = json!({ "connection": args.id, "items": items, "failed": args.failed });
    let work = ask::<SyncState>(&app, "sync_to_the_end", order);
    let done = if args.follow {
        tokio::select! {
            done = work => done,
            never = follow(&app, &args.id) => never,
        }
    } else {
        work.await
    };
    let state = match done {
        // Another process is at it: its progress is shown just the same.
        Err(failure) if failure.code == "busy" && args.follow => follow(&app, &args.id).await?,
        other => other?,
    };
    give(all, &state, |state| print::line(&state.words));
    Ok(())
}

/// Shows progress until no sync runs: a bar on a terminal, now and then a line elsewhere.
async fn follow(app: &App, id: &str) -> Result<SyncState> {
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").ok();
        let bar = ProgressBar::new(0);
        if let Some(style) = style {
            bar.set_style(style);
        }
        bar
    });
    let mut told = std::time::Instant::now();
    loop {
        tokio::time::sleep(TICK).await;
        let state: SyncState = ask(app, "sync_state", json!({ "id": id })).await?;
        match &bar {
            Some(bar) => {
                bar.set_length(u64::from(state.waiting + state.kept + state.failed));
                bar.set_position(u64::from(state.kept + state.failed));
                bar.set_message(state.words.clone());
            }
            None if told.elapsed() >= LINE => {
                print::talk(&state.words);
                told = std::time::Instant::now();
            }
            None => {}
        }
        if !state.running && state.phase != tieline_engine::wire::Phase::Listing {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            return Ok(state);
        }
    }
}

pub async fn schedule(all: &Everywhere, args: ScheduleArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let states: Vec<SyncState> =
        ask(&app, "set_sync", json!({ "connection": args.id, "every_hours": args.hours })).await?;
    give(all, &states, |states| states_table(states));
    Ok(())
}

pub async fn status(all: &Everywhere) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let states: Vec<SyncState> = ask(&app, "syncs", json!({})).await?;
    give(all, &states, |states| states_table(states));
    Ok(())
}

fn states_table(states: &[SyncState]) {
    let rows = states.iter().map(|state| {
        let every = match state.every_hours {
            0 => "on demand".to_owned(),
            hours => format!("every {hours} h"),
        };
        vec![
            state.connection.clone(),
            state.kept.to_string(),
            state.waiting.to_string(),
            state.failed.to_string(),
            size(state.bytes),
            every,
            state.words.clone(),
        ]
    });
    print::table(&["Id", "Kept", "Waiting", "Not read", "Text", "Sync", "In words"], rows);
}

pub async fn search(all: &Everywhere, args: SearchArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let kinds: Vec<String> = args.kinds.iter().map(|kind| kind.to_uppercase()).collect();
    let found: Found = ask(
        &app,
        "search",
        json!({
            "words": args.words.join(" "), "connection": args.connection, "provider": args.provider,
            "kinds": kinds, "since": args.since, "limit": args.limit,
        }),
    )
    .await?;
    give(all, &found, |found| {
        for hit in &found.hits {
            print::line(&print::shown(&hit.item.name));
            let place = [hit.provider_name.as_str(), hit.account.as_str()].join(" · ");
            let place = if hit.path.is_empty() { place } else { format!("{place} · {}", path(&hit.path)) };
            print::line(&format!("    {}", print::shown(&place)));
            if !hit.snippet.is_empty() {
                print::line(&format!("    {}", print::shown(&hit.snippet)));
            }
            print::line(&format!("    tieline read {} {}", hit.item.connection, hit.item.id));
        }
        let more = if found.more { " or more" } else { "" };
        print::talk(&format!("{}{more} found in {} texts on this computer.", found.hits.len(), found.texts));
    });
    Ok(())
}

pub async fn read(all: &Everywhere, id: String, item: String) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let text: ItemText = ask(&app, "read_item", json!({ "connection": id, "item": item })).await?;
    give(all, &text, |text| {
        // Line breaks are the text's own; what could move the cursor is not.
        text.text.lines().for_each(|line| print::line(&print::shown(line)));
    });
    Ok(())
}

pub async fn library(all: &Everywhere, args: LibraryArgs) -> Result<()> {
    let app = open(all, Browser::none()).await?;
    let state: std::result::Result<LibraryState, Failure> = if args.forget_all || args.forget.is_some() {
        ask(&app, "forget_contents", json!({ "connection": args.forget })).await
    } else {
        ask(&app, "library", json!({})).await
    };
    give(all, &state?, |state| {
        print::line(&format!("{} texts in {}, {}", state.texts, state.place, size(state.size)));
        let rows = state.parts.iter().map(|part| {
            let account = if part.connected {
                part.account.clone()
            } else {
                format!("{} (disconnected)", part.account)
            };
            vec![
                part.connection.clone(),
                part.provider_name.clone(),
                account,
                part.kept.to_string(),
                size(part.bytes),
            ]
        });
        print::table(&["Id", "Service", "Account", "Texts", "Size"], rows);
    });
    Ok(())
}

fn path(crumbs: &[Crumb]) -> String {
    crumbs.iter().map(|crumb| crumb.name.as_str()).collect::<Vec<_>>().join(" › ")
}

/// `1.4 MB`
fn size(bytes: f64) -> String {
    let (number, unit) = match bytes {
        b if b < 1000.0 => return format!("{b} B"),
        b if b < 1e6 => (b / 1e3, "KB"),
        b if b < 1e9 => (b / 1e6, "MB"),
        b => (b / 1e9, "GB"),
    };
    if number < 10.0 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}
