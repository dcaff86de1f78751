//! `tieline serve`: the loopback API, and the window's pages in a browser.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tieline_engine::wire::{Failure, KeyRow, Serving, Settings};
use tieline_engine::{API_PORT, App, Browser};
use tieline_http::{CONTRACTS, ServeOptions};

use crate::ask::{Result, ask, open_to_stay};
use crate::{Everywhere, print};

#[derive(Args)]
pub struct ServeArgs {
    /// The port; 0 takes any free one. Default: the one in the settings, else 47824
    #[arg(long)]
    port: Option<u16>,
    /// Also serve these built pages
    #[arg(long, value_name = "FOLDER")]
    ui: Option<PathBuf>,
    /// Do not open browsers; the caller does
    #[arg(long)]
    no_browser: bool,
    /// Print a key of this run with the address, which may do all you may; with --ui it always is
    #[arg(long)]
    run_key: bool,
}

pub async fn run(all: &Everywhere, args: ServeArgs) -> Result<()> {
    let browser = if args.no_browser { Browser::none() } else { Browser::system() };
    let app = open_to_stay(all, browser).await?;
    let port = match args.port {
        Some(port) => port,
        None => ask::<Settings>(&app, "settings", json!({})).await?.api_port.unwrap_or(API_PORT),
    };
    let session = args.run_key || args.ui.is_some();
    let options = ServeOptions { port, pages: args.ui, session };
    let server = tieline_http::serve(app.clone(), options).await.map_err(Failure::from)?;
    let address = format!("http://127.0.0.1:{}", server.port());
    app.set_serving(Serving {
        on: true,
        url: Some(address.clone()),
        port: server.port(),
        ..Serving::default()
    });
    print::line(&json!({ "url": server.url() }).to_string());
    say(&app, &address, session).await?;
    until_told().await;
    server.close().await;
    app.close().await;
    Ok(())
}

/// What is served, and to whom.
async fn say(app: &App, address: &str, session: bool) -> Result<()> {
    let keys: Vec<KeyRow> = ask(app, "keys", json!({})).await?;
    let names: Vec<String> = keys
        .iter()
        .filter(|key| key.revoked_at.is_none())
        .map(|key| format!("{} of {}", key.name, key.organization.name))
        .collect();
    let [contracts @ .., last] = CONTRACTS;
    print::talk(&format!(
        "Tieline's operations are at {address}/v1/, which describes them, and {} and {last} at the addresses that their \
         clients know.",
        contracts.join(", ")
    ));
    print::talk(&match names.len() {
        0 => "No program has a key yet. Make one with: tieline key add NAME".to_owned(),
        1 => format!("One program of this computer has a key: {}.", names[0]),
        many => format!("{many} programs of this computer have a key: {}.", names.join(", ")),
    });
    if session {
        print::talk(
            "The address that was printed holds the key of this run, which may do all you may; do not share it.",
        );
    }
    print::talk("The API runs until you press Ctrl C.");
    Ok(())
}

/// Waits for Ctrl C, or for the system's wish that the program end.
async fn until_told() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut wish) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = wish.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _interrupted = tokio::signal::ctrl_c().await;
}
