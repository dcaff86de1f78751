//! Contents: a hundred thousand files listed, as many articles kept, searched, and looked through.
//!
//! The floor pages through the same endpoint with reqwest, parses with serde and inserts into SQLite with the same
//! full-text indexes: no tree, no choice, no resumption, no text taken out of HTML.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::{Value, json};
use tieline_engine::App;
use tieline_engine::vault::Vault;
use tieline_practice::visitor::Visit;

use crate::burden::{self, Burden};
use crate::stage::{self, Stage};
use crate::{Figure, Measured, median};

const MANY: usize = 100_000;
const SEARCHES: usize = 300;
/// A frame of 60 Hz.
const FRAME_MS: f64 = 1000.0 / 60.0;

const FILES: &str = "GOOGLE_DRIVE";
const ARTICLES: &str = "ZENDESK";

pub async fn measure() -> Measured<Vec<Figure>> {
    let mut figures = files().await?;
    figures.extend(articles().await?);
    Ok(figures)
}

async fn files() -> Measured<Vec<Figure>> {
    let stage = Stage::open().await?;
    stage.practice.set_items(MANY).await;
    let folder = tempfile::tempdir().map_err(text)?;
    let app = stage.product(folder.path()).await?;
    let id = connect(&stage, &app, FILES).await?;
    let token = token(&app, folder.path(), &id).await?;
    let floor = burden::of_all(bare_files(&stage, &token, folder.path())).await?;
    let (whole, peak) = synced(&app, &id).await?;
    let mut figures = compare(&format!("{MANY} files listed"), whole, floor, peak);
    figures
        .extend(searched(&app, "names of files", &["re", "rep", "report", "budget 2026"], true, &id).await?);
    // The largest folder, at its beginning and at its end.
    let top = stage::ask(&app, "items", json!({ "connection": id, "limit": 1000 })).await?;
    let mut largest = (0, None);
    for item in top["items"].as_array().into_iter().flatten().filter(|item| item["expandable"] == true) {
        let ask = json!({ "connection": id, "parent": item["id"], "limit": 1 });
        let count = stage::ask(&app, "items", ask).await?["count"].as_u64().unwrap_or(0);
        if count > largest.0 {
            largest = (count, item["id"].as_str().map(str::to_owned));
        }
    }
    let mut looks = Vec::new();
    for step in 0..40_u64 {
        let cursor = (largest.0.saturating_sub(200) * step / 40).to_string();
        let ask = json!({ "connection": id, "parent": largest.1, "cursor": cursor, "limit": 200 });
        let began = Instant::now();
        stage::ask(&app, "items", ask).await?;
        looks.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    figures.push(Figure {
        what: format!("200 rows of a folder of {}, p50 / worst", largest.0),
        tieline: format!(
            "{:.1} / {:.1} ms",
            median(looks.clone()),
            looks.iter().copied().fold(0.0, f64::max)
        ),
        floor: String::new(),
        ratio: None,
        aim: None,
    });
    Ok(figures)
}

async fn articles() -> Measured<Vec<Figure>> {
    let stage = Stage::open().await?;
    stage.practice.set_items(MANY).await;
    let folder = tempfile::tempdir().map_err(text)?;
    let app = stage.product(folder.path()).await?;
    let mut settings = stage::ask(&app, "settings", json!({})).await?;
    settings["read_later"] = json!(true);
    stage::ask(&app, "save_settings", settings).await?;
    let id = connect(&stage, &app, ARTICLES).await?;
    let token = token(&app, folder.path(), &id).await?;
    let floor = burden::of_all(bare_articles(&stage, &token, folder.path())).await?;
    let (whole, peak) = synced(&app, &id).await?;
    let mut figures = compare(&format!("{MANY} articles listed, read and indexed"), whole, floor, peak);
    figures.extend(
        searched(&app, "texts of articles", &["th", "the", "refund", "customer pass"], false, &id).await?,
    );
    Ok(figures)
}

fn text(why: impl std::fmt::Display) -> String {
    why.to_string()
}

async fn connect(stage: &Stage, app: &App, provider: &str) -> Measured<String> {
    let inputs = stage.practice.apps().iter().find(|it| it.provider == provider).map(|it| it.inputs.clone());
    let flow =
        stage::ask(app, "connect", json!({ "provider": provider, "inputs": inputs, "quiet": true })).await?;
    let flow = flow["id"].as_str().unwrap_or_default().to_owned();
    let link = stage::ask(app, "sign_in_link", json!({ "id": flow })).await?;
    let page = link["url"].as_str().unwrap_or_default().parse().map_err(text)?;
    let back = Visit::default().answer(&page).await.map_err(text)?;
    tieline_practice::client::send("GET", &back, &[("accept", "text/html")], b"").await.map_err(text)?;
    stage::connected(app, &flow).await
}

/// The connection's access token, read from the keyring as any program of the person could.
async fn token(app: &App, folder: &Path, id: &str) -> Measured<String> {
    let place = folder.join("practice").canonicalize().map_err(text)?;
    let vault =
        Vault::open(&format!("app.tieline.desktop.practice@{}", place.display()), folder.join("no-file"));
    let detail = stage::ask(app, "connection", json!({ "id": id })).await?;
    let entry = detail["secret"]["entry"].as_str().unwrap_or_default().to_owned();
    let pair = vault.get(&entry).await.map_err(text)?.ok_or("The keyring has no token.")?;
    let pair: Value = serde_json::from_str(pair.expose()).map_err(text)?;
    Ok(pair["access"].as_str().unwrap_or_default().to_owned())
}

/// A sync from nothing to its end, and the most memory that it took, the readers of documents included.
async fn synced(app: &App, id: &str) -> Measured<(Burden, f64)> {
    let sampler = tokio::spawn(async {
        let mut most = 0.0_f64;
        loop {
            most = most.max(burden::resident(std::process::id()));
            PEAK.fetch_max(most as u64, std::sync::atomic::Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    PEAK.store(0, std::sync::atomic::Ordering::Relaxed);
    let whole = burden::of_all(async {
        let state = stage::ask(app, "sync_to_the_end", json!({ "connection": id })).await?;
        if state["waiting"] == 0 && state["complete"] == true {
            Ok(())
        } else {
            Err(format!("{}", state["words"]))
        }
    })
    .await?;
    sampler.abort();
    Ok((whole, PEAK.load(std::sync::atomic::Ordering::Relaxed) as f64))
}

static PEAK: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn compare(what: &str, whole: Burden, floor: Burden, peak: f64) -> Vec<Figure> {
    let seconds = |it: Duration| format!("{:.2} s", it.as_secs_f64());
    vec![
        Figure {
            what: format!("{what}, CPU"),
            tieline: seconds(whole.cpu),
            floor: seconds(floor.cpu),
            ratio: Some(whole.cpu.as_secs_f64() / floor.cpu.as_secs_f64()),
            aim: Some(1.3),
        },
        Figure {
            what: "  the same, wall (the pace that the provider asks for included)".into(),
            tieline: seconds(whole.wall),
            floor: seconds(floor.wall),
            ratio: Some(whole.wall.as_secs_f64() / floor.wall.as_secs_f64()),
            aim: None,
        },
        Figure {
            what: "  most memory meanwhile".into(),
            tieline: format!("{peak:.0} MB"),
            floor: "150 MB".into(),
            ratio: Some(peak / 150.0),
            aim: Some(1.0),
        },
    ]
}

async fn searched(app: &App, what: &str, words: &[&str], names: bool, id: &str) -> Measured<Vec<Figure>> {
    let mut took = Vec::with_capacity(SEARCHES);
    for at in 0..SEARCHES {
        let words = words[at % words.len()];
        let began = Instant::now();
        if names {
            stage::ask(app, "items", json!({ "connection": id, "search": words, "limit": 50 })).await?;
        } else {
            stage::ask(app, "search", json!({ "words": words, "limit": 50 })).await?;
        }
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    let p99 = took[took.len() * 99 / 100];
    Ok(vec![Figure {
        what: format!("Search in {MANY} {what}, p50 / p99"),
        tieline: format!("{:.1} / {p99:.1} ms", median(took)),
        floor: format!("{FRAME_MS:.1} ms"),
        ratio: Some(p99 / FRAME_MS),
        aim: Some(1.0),
    }])
}

/// The tables and indexes of the library, and nothing else of it.
fn bare_library(folder: &Path) -> Measured<Connection> {
    let library = Connection::open(folder.join("bare.db")).map_err(text)?;
    library
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE item (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, parent TEXT, name TEXT NOT NULL,
                 size INTEGER, modified TEXT, url TEXT, version TEXT) STRICT;
             CREATE INDEX item_below ON item (parent, name, row);
             CREATE TABLE body (row INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
             CREATE VIRTUAL TABLE names USING fts5 (name, content = '', contentless_delete = 1,
                 tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3', detail = column);
             CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', contentless_delete = 1,
                 tokenize = 'unicode61 remove_diacritics 2', prefix = '3', detail = column);",
        )
        .map_err(text)?;
    Ok(library)
}

#[derive(Deserialize)]
struct Files {
    files: Vec<File>,
    #[serde(rename = "nextPageToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    id: String,
    name: String,
    size: Option<String>,
    modified_time: Option<String>,
    web_view_link: Option<String>,
    version: Option<String>,
    #[serde(default)]
    parents: Vec<String>,
}

async fn bare_files(stage: &Stage, token: &str, folder: &Path) -> Measured<()> {
    let mut library = bare_library(folder)?;
    let origin = stage.practice.origin("www.googleapis.com").ok_or("no practice origin")?;
    let url = origin.join("drive/v3/files").map_err(text)?;
    let http = stage::bare_client()?;
    let fields = "nextPageToken,files(id,name,mimeType,size,modifiedTime,parents,webViewLink,version)";
    let mut next: Option<String> = None;
    loop {
        let mut query = vec![
            ("pageSize", "1000".to_owned()),
            ("fields", fields.to_owned()),
            ("q", "trashed=false".to_owned()),
        ];
        query.extend([
            ("supportsAllDrives", "true".to_owned()),
            ("includeItemsFromAllDrives", "true".to_owned()),
        ]);
        query.extend(next.map(|token| ("pageToken", token)));
        let asked =
            http.get(url.clone()).header("host", "www.googleapis.com").bearer_auth(token).query(&query);
        let page: Files = asked.send().await.map_err(text)?.json().await.map_err(text)?;
        let write = library.transaction().map_err(text)?;
        for file in &page.files {
            let values = params![
                file.id,
                file.parents.first(),
                file.name,
                file.size.as_ref().and_then(|it| it.parse::<i64>().ok()),
                file.modified_time,
                file.web_view_link,
                file.version
            ];
            insert(&write, values, &file.name, None)?;
        }
        write.commit().map_err(text)?;
        next = page.next;
        if next.is_none() {
            return Ok(());
        }
    }
}

#[derive(Deserialize)]
struct Articles {
    articles: Vec<Article>,
    end_time: i64,
}

#[derive(Deserialize)]
struct Article {
    id: u64,
    title: String,
    body: String,
    draft: bool,
    section_id: Option<u64>,
    updated_at: String,
    html_url: String,
}

async fn bare_articles(stage: &Stage, token: &str, folder: &Path) -> Measured<()> {
    let mut library = bare_library(folder)?;
    let origin = stage.practice.origin("acme.zendesk.com").ok_or("no practice origin")?;
    let url = origin.join("api/v2/help_center/incremental/articles").map_err(text)?;
    let http = stage::bare_client()?;
    let mut start = 0;
    loop {
        let asked = http.get(url.clone()).header("host", "acme.zendesk.com").bearer_auth(token);
        let page: Articles =
            asked.query(&[("start_time", start)]).send().await.map_err(text)?.json().await.map_err(text)?;
        let write = library.transaction().map_err(text)?;
        for it in page.articles.iter().filter(|it| !it.draft) {
            let (id, section) = (it.id.to_string(), it.section_id.map(|id| id.to_string()));
            let values = params![
                id,
                section,
                it.title,
                it.body.len() as i64,
                it.updated_at,
                it.html_url,
                it.updated_at
            ];
            insert(&write, values, &it.title, Some(&it.body))?;
        }
        write.commit().map_err(text)?;
        if page.end_time == start {
            return Ok(());
        }
        start = page.end_time;
    }
}

fn insert(
    db: &rusqlite::Transaction<'_>,
    values: impl rusqlite::Params,
    name: &str,
    body: Option<&str>,
) -> Measured<()> {
    let sql = "INSERT OR IGNORE INTO item (id, parent, name, size, modified, url, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    if db.prepare_cached(sql).and_then(|mut it| it.execute(values)).map_err(text)? == 0 {
        return Ok(());
    }
    let row = db.last_insert_rowid();
    let put = |sql: &str, text: &str| db.prepare_cached(sql)?.execute(params![row, text]).map(drop);
    put("INSERT INTO names (rowid, name) VALUES (?1, ?2)", name).map_err(text)?;
    if let Some(body) = body {
        put("INSERT INTO body (row, text) VALUES (?1, ?2)", body).map_err(text)?;
        put("INSERT INTO texts (rowid, text) VALUES (?1, ?2)", body).map_err(text)?;
    }
    Ok(())
}
