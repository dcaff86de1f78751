//! Other programs at the loopback API: two hundred requests in flight for a minute, none of which may fail.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tieline_http::ServeOptions;
use tokio::task::JoinSet;
use url::Url;

use crate::stage::{self, Stage};
use crate::{Figure, Measured};

const IN_FLIGHT: usize = 200;
const LONG: Duration = Duration::from_secs(60);
/// The floor needs less: nothing in it changes with time.
const FLOOR: Duration = Duration::from_secs(10);

pub async fn measure() -> Measured<Vec<Figure>> {
    let stage = Stage::open().await?;
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    let app = stage.product(folder.path()).await?;
    let ids = stage.connections(&app, 20).await?;
    let key = stage::ask(&app, "add_key", json!({ "name": "Bench", "per_minute": 0 })).await?;
    let secret = key["secret"].as_str().unwrap_or_default().to_owned();
    let served = tieline_http::serve(app, ServeOptions::default()).await;
    let server = served.map_err(|error| error.to_string())?;
    let origin: Url = server.url().parse().map_err(|_| "no address".to_owned())?;
    let asks: Vec<(Url, Value)> = [
        ("connections", json!({})),
        ("connection", json!({ "id": ids[0] })),
        ("sync_state", json!({ "id": ids[1] })),
        ("events", json!({ "limit": 20 })),
        ("search", json!({ "words": "plan" })),
    ]
    .into_iter()
    .filter_map(|(operation, ask)| Some((origin.join(&format!("/v1/{operation}")).ok()?, ask)))
    .collect();
    let http = stage::bare_client()?;

    // The floor: as many requests for a page of the practice providers, which another process answers.
    let page = stage.practice.control().clone();
    let client = http.clone();
    let floor = load(FLOOR, move |_| client.get(page.clone())).await?;
    let ours = load(LONG, move |number| {
        let (url, ask) = &asks[number % asks.len()];
        http.post(url.clone()).bearer_auth(&secret).json(ask)
    })
    .await?;
    server.close().await;
    let each_second = |load: &Load| load.times.len() as f64 / load.long.as_secs_f64();
    Ok(vec![
        Figure {
            what: format!("API, {IN_FLIGHT} in flight for a minute, none failed: p99"),
            tieline: format!("{:.1} ms", ours.at(0.99)),
            floor: format!("{:.1} ms", floor.at(0.99)),
            ratio: Some(ours.at(0.99) / floor.at(0.99)),
            aim: None,
        },
        Figure {
            what: "  the same, median".into(),
            tieline: format!("{:.1} ms", ours.at(0.5)),
            floor: format!("{:.1} ms", floor.at(0.5)),
            ratio: Some(ours.at(0.5) / floor.at(0.5)),
            aim: None,
        },
        Figure {
            what: "  the same, answers a second".into(),
            tieline: format!("{:.0}", each_second(&ours)),
            floor: format!("{:.0}", each_second(&floor)),
            ratio: None,
            aim: None,
        },
    ])
}

/// How long each request took, in milliseconds and in order, and all of them together.
struct Load {
    times: Vec<f64>,
    long: Duration,
}

impl Load {
    fn at(&self, part: f64) -> f64 {
        let at = (self.times.len() as f64 * part) as usize;
        self.times.get(at.min(self.times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// Keeps so many requests in flight, for so long.
async fn load(
    long: Duration,
    request: impl Fn(usize) -> reqwest::RequestBuilder + Clone + Send + 'static,
) -> Measured<Load> {
    let began = Instant::now();
    let mut lanes = JoinSet::new();
    for lane in 0..IN_FLIGHT {
        let request = request.clone();
        lanes.spawn(async move {
            let mut times = Vec::new();
            for number in lane.. {
                let sent = Instant::now();
                if sent.duration_since(began) >= long {
                    break;
                }
                let answer =
                    request(number).send().await.map_err(|why| format!("A request failed: {why:?}"))?;
                let status = answer.status();
                answer.bytes().await.map_err(|why| format!("An answer broke off: {why:?}"))?;
                if !status.is_success() {
                    return Err(format!("A request was answered with {status}."));
                }
                times.push(sent.elapsed().as_secs_f64() * 1000.0);
            }
            Ok(times)
        });
    }
    let lanes: Measured<Vec<Vec<f64>>> = lanes.join_all().await.into_iter().collect();
    let long = began.elapsed();
    let mut times = lanes?.concat();
    times.sort_by(f64::total_cmp);
    Ok(Load { times, long })
}
