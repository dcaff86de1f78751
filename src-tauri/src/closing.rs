//! Closing the window while a sync is under way: on out of sight, stopped, or asked first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tauri::{AppHandle, Emitter, Manager};
use tieline_engine::wire::{Change, Closing};

use crate::door::Door;

/// How often is looked whether the work is done, once the window is out of sight.
const LOOK: Duration = Duration::from_secs(1);
/// The engine has so long to say what is under way; a window that cannot be closed is worse than a sync that stops.
const PATIENCE: Duration = Duration::from_secs(3);

/// The person was asked and has not answered yet.
#[derive(Default)]
pub struct Asked(AtomicBool);

/// The window was told to close. Answers whether it waits; what becomes of it is decided beside it.
pub fn wanted(app: &AppHandle) -> bool {
    // Who closes a window that asks does not want to be asked, or the page does not answer.
    if app.state::<Asked>().0.swap(true, Ordering::Relaxed) {
        return false;
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if !is_syncing(&app).await {
            return decided(&app, Closing::Stop);
        }
        match when_closing(&app).await.as_deref() {
            Some("go_on") => decided(&app, Closing::GoOn),
            Some("stop") => decided(&app, Closing::Stop),
            _ => {
                if app.emit_to("main", "change", Change::Closing).is_err() {
                    decided(&app, Closing::Stop);
                }
            }
        }
    });
    true
}

/// Closes the window as the person, or their setting, said.
pub fn decided(app: &AppHandle, how: Closing) {
    app.state::<Asked>().0.store(false, Ordering::Relaxed);
    let Some(window) = app.get_webview_window("main") else { return };
    let done = match how {
        Closing::Keep => return,
        Closing::Stop => window.destroy(),
        Closing::GoOn => window.hide(),
    };
    if let Err(why) = done {
        tracing::warn!("the window could not be closed: {why}");
        app.exit(0);
    } else if how == Closing::GoOn {
        tauri::async_runtime::spawn(leave_when_done(app.clone()));
    }
}

/// Ends the program once nothing is under way, unless the window came back meanwhile.
async fn leave_when_done(app: AppHandle) {
    loop {
        tokio::time::sleep(LOOK).await;
        let out_of_sight =
            app.get_webview_window("main").is_some_and(|window| window.is_visible().is_ok_and(|is| !is));
        if !out_of_sight {
            return;
        }
        if !is_syncing(&app).await {
            return app.exit(0);
        }
    }
}

async fn is_syncing(app: &AppHandle) -> bool {
    let syncs = ask(app, "syncs").await;
    let under_way = |sync: &Value| {
        sync["running"] == true && matches!(sync["phase"].as_str(), Some("listing" | "reading"))
    };
    syncs.as_array().is_some_and(|all| all.iter().any(under_way))
}

async fn when_closing(app: &AppHandle) -> Option<String> {
    ask(app, "settings").await["when_closing"].as_str().map(str::to_owned)
}

/// The engine's answer; null where it has none.
async fn ask(app: &AppHandle, name: &str) -> Value {
    let door = app.state::<Door>();
    let answer = async { door.engine().await?.call(name, json!({})).await };
    tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok).unwrap_or_default()
}
