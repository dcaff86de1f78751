//! Starts the practice providers for the engine, or joins those another Tieline runs in the same folder.

use std::path::PathBuf;

use tieline_engine::{Code, Error, PracticeWorld};

pub async fn start(folder: PathBuf) -> Result<PracticeWorld, Error> {
    let practice = tieline_practice::join_or_start(&folder).await.map_err(|why| {
        Error::new(
            Code::Storage,
            format!("The practice providers could not start: {why}."),
            "Close other Tieline windows and switch practice on again.",
        )
    })?;
    Ok(PracticeWorld::new(practice.practised(), practice))
}
