//! `tieline demo`: every service connected for real, at its practice provider. A stand-in for the person follows the
//! sign-in pages; everything else is the product.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use tieline_engine::wire::{
    ConnectionRow, Disconnected, Failure, Flow, FlowStep, Found, ItemText, ItemsPage, SignInLink, SyncState,
    Tested,
};
use tieline_engine::{App, Browser, Clock, Code, Error, PracticeWorld, SCHEME, Start};
use tieline_practice::visitor::Visit;
use tieline_practice::{Options, Practice};
use url::Url;

use crate::ask::{Result, Scratch, ask, internal};
use crate::connect::wait;
use crate::{Everywhere, print};

/// So many things at the top are picked where a person would pick. An empty folder may be among them.
const SOME: usize = 25;

/// One line of the table.
#[derive(Serialize)]
struct Tried {
    provider: String,
    way: String,
    account: String,
    connected: bool,
    /// None where the provider gives nothing to renew with.
    renewed: Option<bool>,
    tested: bool,
    /// How many items were listed at the provider.
    listed: u32,
    /// How many of those that were picked are kept.
    synced: u32,
    /// A word of a kept text was found again.
    found: bool,
    disconnected: bool,
    sign_in: String,
    words: String,
}

pub async fn run(all: &Everywhere) -> Result<()> {
    let scratch = Scratch::new().map_err(internal)?;
    let practice = tieline_practice::start(Options::default()).await.map_err(internal)?;
    let folder = scratch.0.clone();
    let app = App::open(Start {
        data_folder: Some(folder),
        practice: true,
        // The stand-in delivers deep links itself, as the system would.
        scheme: Some(SCHEME.into()),
        browser: Browser::none(),
        clock: Clock::system(),
        practice_starter: Some(starter(&practice)),
        extractor: None,
    })
    .await
    .map_err(Failure::from)?;
    let apps = practice.apps().to_vec();
    let mut tried: Vec<Tried> = Vec::new();
    for its in &apps {
        if tried.iter().any(|done| done.provider == its.provider) {
            continue;
        }
        print::talk(&format!("Connecting {} …", its.provider));
        tried.push(one(&app, &its.provider, &json!(its.inputs)).await);
    }
    let well = |it: &Tried| {
        it.connected
            && it.renewed != Some(false)
            && it.tested
            && it.listed > 0
            && it.synced > 0
            && it.found
            && it.disconnected
    };
    let good = tried.iter().all(well);
    forget_apps(&app).await?;
    app.close().await;
    if all.json {
        print::json(&json!({ "providers": tried, "ok": good }));
    } else {
        let yes = |it: bool| if it { "yes" } else { "NO" }.to_owned();
        let rows = tried.iter().map(|it| {
            let renewed = it.renewed.map_or_else(|| "not needed".into(), yes);
            vec![
                it.provider.clone(),
                it.way.clone(),
                it.account.clone(),
                yes(it.connected),
                renewed,
                yes(it.tested),
                it.listed.to_string(),
                it.synced.to_string(),
                yes(it.found),
                yes(it.disconnected),
                it.words.clone(),
            ]
        });
        print::table(
            &[
                "Service",
                "Way back",
                "Account",
                "Connected",
                "Renewed",
                "Tested",
                "Listed",
                "Synced",
                "Found",
                "Disconnected",
                "In words",
            ],
            rows,
        );
        print::line(&format!(
            "\n{} services, {}",
            tried.len(),
            if good { "all well." } else { "not all well." }
        ));
    }
    if good && tried.len() == 17 {
        return Ok(());
    }
    Err(Failure::from(Error::new(Code::Internal, "Not everything worked.", "The table tells what did not.")))
}

fn starter(practice: &Practice) -> tieline_engine::PracticeStarter {
    let practice = practice.clone();
    Arc::new(move |_| {
        let practice = practice.clone();
        Box::pin(
            async move { Ok::<PracticeWorld, Error>(PracticeWorld::new(practice.practised(), practice)) },
        )
    })
}

async fn one(app: &App, provider: &str, inputs: &Value) -> Tried {
    let mut tried = Tried {
        provider: provider.into(),
        way: String::new(),
        account: String::new(),
        connected: false,
        renewed: None,
        tested: false,
        listed: 0,
        synced: 0,
        found: false,
        disconnected: false,
        sign_in: String::new(),
        words: String::new(),
    };
    if let Err(failure) = all_steps(app, provider, inputs, &mut tried).await {
        tried.words = failure.message;
    }
    tried
}

async fn all_steps(app: &App, provider: &str, inputs: &Value, tried: &mut Tried) -> Result<()> {
    let flow: Flow = sign_in(app, provider, inputs).await?;
    tried.way.clone_from(&flow.way.way);
    let Some(id) = flow.connection.clone().filter(|_| flow.step == FlowStep::Connected) else {
        let words = flow.problem.map(|problem| format!("{} {}", problem.happened, problem.why));
        return Err(internal(words.unwrap_or_else(|| "the sign-in did not end well".into())));
    };
    let rows: Vec<ConnectionRow> = ask(app, "connections", json!({})).await?;
    let row =
        rows.into_iter().find(|row| row.id == id).ok_or_else(|| internal("the connection is not listed"))?;
    tried.connected = true;
    tried.account = if row.account.email.is_empty() { row.name.clone() } else { row.account.email.clone() };
    tried.sign_in.clone_from(&row.sign_in_words);

    let renewed: Result<Tested> = ask(app, "refresh", json!({ "id": id })).await;
    tried.renewed = match renewed {
        Ok(tested) => Some(tested.ok),
        // There is nothing to renew, and the key still lasts.
        Err(failure) if failure.code == "conflict" => None,
        Err(failure) => return Err(failure),
    };
    let tested: Tested = ask(app, "test", json!({ "id": id })).await?;
    tried.tested = tested.ok;
    contents(app, &id, tried).await?;
    let ended: Disconnected = ask(app, "disconnect", json!({ "id": id, "revoke": true })).await?;
    let rows: Vec<ConnectionRow> = ask(app, "connections", json!({})).await?;
    tried.disconnected = !ended.queued && rows.iter().all(|row| row.id != id);
    tried.words = if ended.revoked {
        "ended at the provider, proved"
    } else {
        "deleted here; the provider cannot be told"
    }
    .into();
    Ok(())
}

/// Looks what there is, picks some of it where not everything is kept, syncs, and finds a kept text again.
async fn contents(app: &App, id: &str, tried: &mut Tried) -> Result<()> {
    let top: ItemsPage = ask(app, "items", json!({ "connection": id })).await?;
    let before: SyncState = ask(app, "sync_state", json!({ "id": id })).await?;
    if !before.everything {
        let some: Vec<&str> = top
            .items
            .iter()
            .filter(|item| item.expandable || item.selectable)
            .take(SOME)
            .map(|item| item.id.as_str())
            .collect();
        let _: SyncState = ask(app, "pick", json!({ "connection": id, "add": some })).await?;
    }
    let state = sync(app, id).await?;
    (tried.listed, tried.synced) = (state.listed, state.kept);
    // Something kept, by a beginning that stands in most texts; then by its longest word, as a person would look.
    let found: Found = ask(app, "search", json!({ "words": "a", "connection": id, "limit": 1 })).await?;
    let Some(hit) = found.hits.first() else { return Ok(()) };
    let text: ItemText = ask(app, "read_item", json!({ "connection": id, "item": hit.item.id })).await?;
    let word =
        text.text.split(|c: char| !c.is_alphanumeric()).max_by_key(|word| word.len()).unwrap_or_default();
    let again: Found = ask(app, "search", json!({ "words": word, "connection": id })).await?;
    tried.found = again.hits.iter().any(|it| it.item.id == hit.item.id);
    Ok(())
}

/// Syncs to the end, after the one that began by itself at the connect.
async fn sync(app: &App, id: &str) -> Result<SyncState> {
    loop {
        match ask(app, "sync_to_the_end", json!({ "connection": id })).await {
            Err(failure) if failure.code == "busy" => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            other => return other,
        }
    }
}

/// Begins a sign-in, lets the stand-in follow its pages, and brings the answer back the way a system would.
async fn sign_in(app: &App, provider: &str, inputs: &Value) -> Result<Flow> {
    let mut flow: Flow =
        ask(app, "connect", json!({ "provider": provider, "inputs": inputs, "quiet": true })).await?;
    let link: SignInLink = ask(app, "sign_in_link", json!({ "id": flow.id })).await?;
    let page = Url::parse(&link.url).map_err(internal)?;
    let back = Visit::default().answer(&page).await.map_err(internal)?;
    bring_back(app, &flow, &back).await?;
    flow = wait(app, &flow.id).await?;
    Ok(flow)
}

async fn bring_back(app: &App, flow: &Flow, back: &Url) -> Result<()> {
    match back.scheme() {
        // The organisation's relay page hands the query over to the deep link.
        "http" if back.path().starts_with("/relay/") => {
            app.deliver(&format!(
                "{SCHEME}:/{}?{}",
                back.path().trim_start_matches("/relay"),
                back.query().unwrap_or_default()
            ));
        }
        "http" => {
            tieline_practice::client::send("GET", back, &[("accept", "text/html")], b"")
                .await
                .map_err(internal)?;
        }
        scheme if scheme == SCHEME => app.deliver(back.as_str()),
        _ => {
            let _: Flow = ask(app, "paste", json!({ "id": flow.id, "address": back.as_str() })).await?;
        }
    }
    Ok(())
}

/// Leaves nothing of the demonstration in the keyring.
async fn forget_apps(app: &App) -> Result<()> {
    let apps: Vec<tieline_engine::wire::AppSummary> = ask(app, "apps", json!({})).await?;
    for it in apps.iter().filter(|it| it.connections == 0) {
        let _: Value = ask(app, "forget_app", json!({ "provider": it.provider, "host": it.host })).await?;
    }
    Ok(())
}
