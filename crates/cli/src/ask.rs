//! Opening the engine, and asking it typed questions.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use tieline_engine::wire::Failure;
use tieline_engine::{App, Browser, Clock, Start};

use crate::{Everywhere, practice};

pub type Result<T> = std::result::Result<T, Failure>;

/// Opens the engine as the switches say, for one question.
pub async fn open(all: &Everywhere, browser: Browser) -> Result<App> {
    App::open_briefly(start(all, browser)).await.map_err(Failure::from)
}

/// Opens the engine as the switches say, for a process that stays and keeps sign-ins alive.
pub async fn open_to_stay(all: &Everywhere, browser: Browser) -> Result<App> {
    App::open(start(all, browser)).await.map_err(Failure::from)
}

fn start(all: &Everywhere, browser: Browser) -> Start {
    Start {
        data_folder: all.data.clone(),
        practice: all.practice || all.practice_at.is_some(),
        scheme: None,
        browser,
        clock: Clock::system(),
        practice_starter: Some(practice::starter(all.practice_at.clone())),
        extractor: None,
    }
}

/// Calls an operation.
pub async fn ask<A: DeserializeOwned>(app: &App, name: &str, ask: impl Serialize) -> Result<A> {
    let ask = serde_json::to_value(ask).map_err(internal)?;
    let answer = app.call(name, ask).await?;
    serde_json::from_value(answer).map_err(internal)
}

pub fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::from(tieline_engine::Error::internal(error))
}

/// A new, empty folder that goes away with the value.
pub struct Scratch(pub std::path::PathBuf);

impl Scratch {
    pub fn new() -> std::io::Result<Arc<Self>> {
        let mut tries = 0;
        loop {
            let path = std::env::temp_dir().join(format!("tieline-demo-{}-{tries}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Arc::new(Self(path))),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && tries < 100 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone_is_gone = std::fs::remove_dir_all(&self.0);
    }
}
