//! One process runs the practice providers of a folder; the others join it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use crate::{App, Options, Practice, Route, client, control, start_with};

/// How long to wait for a process that has the lock but does not answer yet.
const PATIENCE: Duration = Duration::from_secs(15);

/// Joins the process that runs the practice providers of this folder, or becomes it. The folder then holds
/// `practice.json` with the control address, `practice.lock`, and the grants.
///
/// # Errors
/// When the folder cannot be used, no port can be opened, or another process holds the lock for 15 seconds
/// without answering.
pub async fn join_or_start(folder: &Path) -> io::Result<Practice> {
    fs::create_dir_all(folder)?;
    let note = folder.join("practice.json");
    let patience = Instant::now() + PATIENCE;
    loop {
        let lock = File::options().create(true).append(true).open(folder.join("practice.lock"))?;
        match lock.try_lock() {
            Ok(()) => {
                let options = Options { folder: Some(folder.to_owned()), ..Options::default() };
                let practice = start_with(options, Some(lock)).await?;
                let beside = folder.join("practice.json.new");
                fs::write(&beside, json!({ "control": practice.control }).to_string())?;
                fs::rename(&beside, &note)?;
                return Ok(practice);
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if let Some(control) = noted(&note)
            && let Ok(practice) = join(control).await
        {
            return Ok(practice);
        }
        if Instant::now() > patience {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "another process holds the practice folder and does not answer",
            ));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Joins the practice providers whose control address this is.
///
/// # Errors
/// When nothing answers there, or something else does.
pub async fn join(control: Url) -> io::Result<Practice> {
    let health = get(&control, "health").await?;
    if health.get("health").and_then(Value::as_str) != Some(control::GREETING) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no practice providers answer there"));
    }
    let routes: Vec<Route> = serde_json::from_value(get(&control, "routes").await?)?;
    let apps: Vec<App> = serde_json::from_value(get(&control, "apps").await?)?;
    Ok(Practice { routes: routes.into(), apps: apps.into(), control, running: None })
}

async fn get(control: &Url, path: &str) -> io::Result<Value> {
    let url = control.join(path).map_err(io::Error::other)?;
    let reply = client::send("GET", &url, &[], b"").await?;
    Ok(serde_json::from_slice(&reply.body)?)
}

fn noted(note: &Path) -> Option<Url> {
    let said: Value = serde_json::from_slice(&fs::read(note).ok()?).ok()?;
    said.get("control")?.as_str()?.parse().ok()
}
