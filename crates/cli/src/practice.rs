//! Practice providers: joined, or started for as long as this process runs.

use std::sync::Arc;

use serde_json::json;
use tieline_engine::wire::Failure;
use tieline_engine::{Code, Error, PracticeStarter, PracticeWorld};

use crate::ask::Result;
use crate::{Everywhere, print};

/// How the engine gets practice providers: those at the address, else those of its folder.
pub fn starter(at: Option<url::Url>) -> PracticeStarter {
    Arc::new(move |folder| {
        let at = at.clone();
        Box::pin(async move {
            let practice = match at {
                Some(control) => tieline_practice::join(control).await,
                None => tieline_practice::join_or_start(&folder).await,
            };
            practice.map(|it| PracticeWorld::new(it.practised(), it)).map_err(|error| no_practice(&error))
        })
    })
}

fn no_practice(error: &std::io::Error) -> Error {
    Error::new(
        Code::NotSetUp,
        format!("The practice providers did not start: {error}."),
        "Check the address given by --practice-at, or leave it out.",
    )
}

/// `tieline practise`
pub async fn run(all: &Everywhere, items: Option<usize>) -> Result<()> {
    let practice = tieline_practice::start(tieline_practice::Options { folder: all.data.clone(), items })
        .await
        .map_err(|error| Failure::from(no_practice(&error)))?;
    if all.json {
        print::json(
            &json!({ "control": practice.control(), "routes": practice.routes(), "apps": practice.apps() }),
        );
    } else {
        let rows = practice.routes().iter().map(|route| vec![route.host.clone(), route.origin.to_string()]);
        print::table(&["Documented host", "Practised at"], rows);
        print::line(&format!("\nSwitch faults at {}", practice.control()));
    }
    print::talk("The practice providers run until you press Ctrl C.");
    let _interrupted = tokio::signal::ctrl_c().await;
    Ok(())
}
