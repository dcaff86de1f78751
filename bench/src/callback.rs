//! From the browser's answer to "connected": check, exchange, identity, keyring, store.

use std::time::Instant;

use serde_json::json;

use crate::stage::{self, PROVIDER, Stage};
use crate::{Figure, Measured, median};

const ROUNDS: usize = 20;

pub async fn measure() -> Measured<Vec<Figure>> {
    let stage = Stage::open().await?;
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    let app = stage.product(folder.path()).await?;
    let (url, form) = stage.bare_refresh().await?;
    let http = stage::bare_client()?;
    let (mut times, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (flow, back) = stage::begin(&app, PROVIDER).await?;
        let began = Instant::now();
        app.deliver(back.as_str());
        let id = stage::connected(&app, &flow).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        // The next round connects anew, and does not find this one.
        stage::ask(&app, "disconnect", json!({ "id": id, "revoke": false })).await?;

        // A sign-in asks twice, one after the other: for tokens, and whose they are.
        let began = Instant::now();
        for _ in 0..2 {
            let answer = http.post(url.clone()).form(&form).send().await.map_err(|why| why.to_string())?;
            answer.bytes().await.map_err(|why| why.to_string())?;
        }
        floor.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let (tieline, floor) = (median(times), median(floor));
    Ok(vec![Figure {
        what: format!("callback to connected, median of {ROUNDS}; two bare requests"),
        tieline: format!("{tieline:.1} ms"),
        floor: format!("{floor:.1} ms"),
        ratio: Some(tieline / floor),
        aim: None,
    }])
}
