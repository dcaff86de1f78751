//! Starts the practice providers for the engine, or joins those another Tieline runs in the same folder.

use std::path::PathBuf;
use std::sync::Arc;

use tieline_engine::{Code, Error, PracticeApp, PracticeWorld, Secret};

pub async fn start(folder: PathBuf) -> Result<PracticeWorld, Error> {
    let practice = tieline_practice::join_or_start(&folder).await.map_err(|why| {
        Error::new(
            Code::Storage,
            format!("The practice providers could not start: {why}."),
            "Close other Tieline windows and switch practice on again.",
        )
    })?;
    let app = |app: &tieline_practice::App| PracticeApp {
        provider: app.provider.clone(),
        client_id: app.client_id.clone(),
        client_secret: app.client_secret.clone().map(Secret::new),
        inputs: app.inputs.clone(),
    };
    Ok(PracticeWorld {
        routes: practice.routes().iter().map(|route| (route.host.clone(), route.origin.clone())).collect(),
        apps: practice.apps().iter().map(app).collect(),
        control: practice.control().clone(),
        keep: Arc::new(practice),
    })
}
