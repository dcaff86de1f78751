//! The engine behind the page: one command in, one event out.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use tauri::{AppHandle, Emitter, Manager, RunEvent, State, WindowEvent};
use tieline_engine::wire::{Approval, Change, Failure};
use tieline_engine::{Browser, Clock};
use tokio::sync::{broadcast, watch};

use crate::start::{self, Start};
use crate::{closing, practice, serving, window};

/// Steps of a sign-in at which the browser has given the floor back.
const BACK: [&str; 4] = ["connected", "other_account", "refused", "failed"];

/// The engine, once it is open: the page loads meanwhile.
pub struct Door(watch::Receiver<Option<Opened>>);

type Opened = Result<tieline_engine::App, Failure>;

impl Door {
    pub async fn engine(&self) -> Opened {
        let mut door = self.0.clone();
        match door.wait_for(Option::is_some).await {
            Ok(opened) => opened.clone().unwrap_or_else(|| Err(gone())),
            Err(_) => Err(gone()),
        }
    }
}

fn gone() -> Failure {
    Failure {
        code: "internal".into(),
        message: "Tieline's engine stopped while it was starting.".into(),
        hint: "Close the window and start Tieline again. If it stays, report it with the log.".into(),
        field: None,
    }
}

/// The page's one command. Fails with a [`Failure`].
#[tauri::command]
pub async fn call(door: State<'_, Door>, name: String, ask: Value) -> Result<Value, Failure> {
    door.engine().await?.call(&name, ask).await
}

/// Opens the engine beside the window and tells the page whatever changes. `addressed`: the desktop sends our addresses
/// here.
pub fn open(app: &mut tauri::App, start: &Start, addressed: bool) {
    let (opened, door) = watch::channel(None);
    app.manage(Door(door));
    app.manage(closing::Asked::default());
    app.manage(serving::Running::default());
    let handle = app.handle().clone();
    let start = tieline_engine::Start {
        data_folder: start.data_folder.clone(),
        practice: start.practice,
        scheme: addressed.then(|| start::scheme().to_owned()),
        browser: Browser::system(),
        clock: Clock::system(),
        practice_starter: Some(Arc::new(|folder| Box::pin(practice::start(folder)))),
        extractor: None,
    };
    tauri::async_runtime::spawn(async move {
        let engine = tieline_engine::App::open(start).await.map_err(Failure::from);
        let _nobody_asked_yet = opened.send(Some(engine.clone()));
        match engine {
            Ok(engine) => {
                tokio::join!(
                    prove(&engine, addressed),
                    pass_on(&handle, &engine),
                    serving::follow(&handle, &engine)
                );
            }
            Err(failure) => tracing::error!("the engine could not be opened: {}", failure.message),
        }
        // The page may go on asking, and gets the same answer.
        std::future::pending::<()>().await;
        drop(opened);
    });
}

/// Whether the desktop does what it was told is tried once, not assumed.
async fn prove(engine: &tieline_engine::App, addressed: bool) {
    if addressed {
        let arrived = engine.prove_deep_link().await;
        tracing::info!(
            "{}: an address sent to try {}",
            start::scheme(),
            if arrived { "arrived" } else { "did not arrive" }
        );
    }
}

/// Tells the page of every change, until the engine is gone, and brings the window forward when a sign-in comes back.
async fn pass_on(app: &AppHandle, engine: &tieline_engine::App) {
    let mut changes = engine.changes();
    let (mut back, mut asked) = (HashSet::new(), HashSet::new());
    loop {
        let change = match changes.recv().await {
            Ok(change) => change,
            // More than a page can follow: it reads everything anew.
            Err(broadcast::error::RecvError::Lagged(_)) => Change::World,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        if let Change::Flow { id } = &change
            && !back.contains(id)
            && is_back(engine, id).await
        {
            back.insert(id.clone());
            window::raise(app);
        }
        // Whoever asks may do so at another process.
        if matches!(change, Change::Approval | Change::Elsewhere) && is_asked_anew(engine, &mut asked).await {
            window::ask_for_attention(app);
        }
        if let Change::Close { how } = change {
            closing::decided(app, how);
        }
        if let Err(why) = app.emit_to("main", "change", change) {
            tracing::warn!("the page could not be told of a change: {why}");
        }
    }
}

async fn is_back(engine: &tieline_engine::App, flow: &str) -> bool {
    let flow = engine.call("flow", serde_json::json!({ "id": flow })).await;
    flow.is_ok_and(|flow| flow["step"].as_str().is_some_and(|step| BACK.contains(&step)))
}

/// A program waits for its person's answer, which none of those `asked` before did.
async fn is_asked_anew(engine: &tieline_engine::App, asked: &mut HashSet<u32>) -> bool {
    let open = engine.call("approvals", serde_json::json!({})).await;
    let open: Vec<Approval> =
        open.ok().and_then(|open| serde_json::from_value(open).ok()).unwrap_or_default();
    open.into_iter().filter(|it| asked.insert(it.id)).count() > 0
}

/// An address that the desktop brought.
pub fn deliver(app: &AppHandle, address: String) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Ok(engine) = app.state::<Door>().engine().await {
            engine.deliver(&address);
        }
    });
}

/// Closing the window quits, unless a sync is under way; the engine is closed first.
pub fn on_event(app: &AppHandle, event: RunEvent) {
    match event {
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. }
            if closing::wanted(app) =>
        {
            api.prevent_close();
        }
        RunEvent::Exit => {
            let opened = app.state::<Door>().0.borrow().clone();
            if let Some(Ok(engine)) = opened {
                tauri::async_runtime::block_on(async {
                    serving::stop(app).await;
                    engine.close().await;
                });
            }
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::raise(app),
        _ => {}
    }
}
