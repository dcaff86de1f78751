//! A thousand refreshes at sixteen in flight, against bare requests to the same endpoint. Keyring work is measured alone
//! and counted apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tieline_engine::vault::Vault;
use tieline_engine::{App, Secret};
use url::Url;

use crate::burden::{self, Burden};
use crate::stage::{self, Stage};
use crate::{Figure, Measured, median};

const COUNT: usize = 1000;
const IN_FLIGHT: usize = 16;
const ROUNDS: usize = 3;
/// Processor time is counted in hundredths of a second, of which a thousand bare requests take two or three: so the floor
/// is measured over many more, and divided.
const FLOOR_TIMES: usize = 25;

pub async fn measure() -> Measured<Vec<Figure>> {
    let stage = Stage::open().await?;
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    let app = stage.product(folder.path()).await?;
    let ids = stage.connections(&app, IN_FLIGHT).await?;
    let (url, form) = stage.bare_refresh().await?;
    let http = stage::bare_client()?;
    let vault = Vault::open("app.tieline.bench", folder.path().join("no-file"));

    // Once unmeasured, so that connections are open and code is paged in.
    bare(&http, &url, &form).await?;
    through(&app, &ids).await?;
    let (mut whole, mut floor, mut keyring) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = stage.refreshes().await;
        floor.push(burden::of(bare(&http, &url, &form)).await?.shared_by(FLOOR_TIMES));
        let between = stage.refreshes().await;
        whole.push(burden::of(through(&app, &ids)).await?);
        let counted = (between - before, stage.refreshes().await - between);
        if counted != ((COUNT * FLOOR_TIMES) as u64, COUNT as u64) {
            return Err(format!(
                "The provider counted {counted:?} refreshes, which are not those that were asked for."
            ));
        }
        keyring.push(burden::of(keep(&vault)).await?);
    }
    let cpu = |all: &[Burden]| median(all.iter().map(|it| it.cpu.as_secs_f64()).collect());
    let wall = |all: &[Burden]| median(all.iter().map(|it| it.wall.as_secs_f64()).collect());
    let without: Vec<f64> = whole
        .iter()
        .zip(&keyring)
        .map(|(all, kept)| all.cpu.as_secs_f64() - kept.cpu.as_secs_f64())
        .collect();
    let ratios: Vec<f64> =
        without.iter().zip(&floor).map(|(own, bare)| own / bare.cpu.as_secs_f64()).collect();
    let seconds = |it: f64| format!("{it:.3} s");
    Ok(vec![
        Figure {
            what: format!("{COUNT} refreshes, CPU without keyring"),
            tieline: seconds(median(without)),
            floor: seconds(cpu(&floor)),
            ratio: Some(median(ratios)),
            aim: Some(1.3),
        },
        Figure {
            what: "  the same with keyring, CPU".into(),
            tieline: seconds(cpu(&whole)),
            floor: seconds(cpu(&floor)),
            ratio: Some(cpu(&whole) / cpu(&floor)),
            aim: None,
        },
        Figure {
            what: "  keyring alone, CPU".into(),
            tieline: seconds(cpu(&keyring)),
            floor: String::new(),
            ratio: None,
            aim: None,
        },
        Figure {
            what: "  the same with keyring, wall".into(),
            tieline: seconds(wall(&whole)),
            floor: seconds(wall(&floor)),
            ratio: Some(wall(&whole) / wall(&floor)),
            aim: None,
        },
        Figure {
            what: "  keyring alone, wall".into(),
            tieline: seconds(wall(&keyring)),
            floor: String::new(),
            ratio: None,
            aim: None,
        },
    ])
}

/// Work number 0, 1, … up to `count`, sixteen at a time.
async fn in_flight<W>(count: usize, work: impl Fn(usize, usize) -> W + Clone + Send + 'static) -> Measured<()>
where
    W: Future<Output = Measured<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..IN_FLIGHT {
        let (next, work) = (next.clone(), work.clone());
        lanes.spawn(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return Ok(());
                }
                work(lane, at).await?;
            }
        });
    }
    lanes.join_all().await.into_iter().collect()
}

async fn bare(http: &reqwest::Client, url: &Url, form: &BTreeMap<&'static str, String>) -> Measured<()> {
    let (http, url, form) = (http.clone(), url.clone(), form.clone());
    in_flight(COUNT * FLOOR_TIMES, move |_, _| {
        let request = http.post(url.clone()).form(&form).send();
        async move {
            let answer = request.await.map_err(|why| why.to_string())?;
            let good = answer.status().is_success();
            answer.bytes().await.map_err(|why| why.to_string())?;
            if good { Ok(()) } else { Err("A bare refresh was refused.".into()) }
        }
    })
    .await
}

/// Each lane has a connection of its own: those of one connection would wait for each other.
async fn through(app: &App, ids: &[String]) -> Measured<()> {
    let (app, ids) = (app.clone(), ids.to_owned());
    in_flight(COUNT, move |lane, _| {
        let (app, id) = (app.clone(), ids[lane].clone());
        async move {
            let tested = stage::ask(&app, "refresh", json!({ "id": id })).await?;
            if tested["ok"] == true { Ok(()) } else { Err(format!("A refresh failed: {}", tested["words"])) }
        }
    })
    .await
}

/// What a refresh does with the keyring: reads the pair, writes the next one, deletes the one before. The provider's app
/// has no secret to read.
async fn keep(vault: &Vault) -> Measured<()> {
    let pair = Secret::new(json!({ "access": "a".repeat(146), "refresh": "r".repeat(64) }).to_string());
    let vault = vault.clone();
    let versions: Arc<[AtomicUsize; IN_FLIGHT]> = Arc::default();
    in_flight(COUNT, move |lane, _| {
        let (vault, pair, versions) = (vault.clone(), pair.clone(), versions.clone());
        async move {
            let words = |error: tieline_engine::Error| error.to_string();
            let version = versions[lane].fetch_add(1, Ordering::Relaxed);
            let (old, new) = (format!("bench/{lane}/{version}"), format!("bench/{lane}/{}", version + 1));
            vault.get(&old).await.map_err(words)?;
            vault.set(&new, &pair).await.map_err(words)?;
            vault.delete(&old).await.map_err(words)
        }
    })
    .await
}
