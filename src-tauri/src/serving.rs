//! The loopback API for other programs: on and off with its setting, at the port of its setting.

use serde_json::json;
use tauri::{AppHandle, Manager};
use tieline_engine::wire::{Change, Serving, Settings};
use tieline_engine::{API_PORT, App};
use tieline_http::{ServeOptions, Server};
use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;

/// The API while it runs.
#[derive(Default)]
pub struct Running(Mutex<Option<Server>>);

/// Starts and stops the API as the settings say, until the engine is gone.
pub async fn follow(app: &AppHandle, engine: &App) {
    let mut changes = engine.changes();
    let mut served = None;
    loop {
        let wanted = port(engine).await;
        if wanted != served {
            served = wanted;
            stop(app).await;
            start(app, engine, wanted).await;
        }
        loop {
            match changes.recv().await {
                // In practice there are other settings, and the command line changes them too.
                Ok(Change::Settings | Change::Elsewhere | Change::World) | Err(RecvError::Lagged(_)) => break,
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// The port at which the API is wanted; none where it is switched off.
async fn port(engine: &App) -> Option<u16> {
    let settings = engine.call("settings", json!({})).await.ok()?;
    let settings: Settings = serde_json::from_value(settings).ok()?;
    settings.api.then(|| settings.api_port.unwrap_or(API_PORT))
}

async fn start(app: &AppHandle, engine: &App, wanted: Option<u16>) {
    let Some(port) = wanted else { return engine.set_serving(Serving::default()) };
    let mut serving = Serving { on: true, port, ..Serving::default() };
    match tieline_http::serve(engine.clone(), ServeOptions { port, ..ServeOptions::default() }).await {
        Ok(server) => {
            serving.url = Some(server.url().trim_end_matches('/').to_owned());
            *app.state::<Running>().0.lock().await = Some(server);
        }
        Err(error) => {
            tracing::warn!(%error, "the loopback API could not be started");
            serving.problem = Some(format!("{} {}", error.message, error.hint));
        }
    }
    engine.set_serving(serving);
}

/// Ends the API, where it runs.
pub async fn stop(app: &AppHandle) {
    let server = app.state::<Running>().0.lock().await.take();
    if let Some(server) = server {
        server.close().await;
    }
}
