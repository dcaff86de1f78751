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
    say(&app, all, &address, session).await?;
    until_told().await;
    server.close().await;
    app.close().await;
    Ok(())
}

/// What is served, and to whom.
async fn say(app: &App, all: &Everywhere, address: &str, session: bool) -> Result<()> {
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
        0 => format!("No program has a key yet. Make one with: tieline {}key add NAME", switches(all)),
        1 => format!("One program of this computer has a key: {}.", names[0]),
        many => format!("{many} programs of this computer have a key: {}.", names.join(", ")),
    });
    if all.practice || all.practice_at.is_some() {
        print::talk(
            "This is practice: it serves practice accounts, and knows the keys that were made for practice.",
        );
    }
    if session {
        print::talk(
            "The address that was printed holds the key of this run, which may do all you may; do not share it.",
        );
    }
    print::talk("The API runs until you press Ctrl C.");
    Ok(())
}

/// The switches of this run that decide whose keys are meant, to be repeated; a shell reads them as they were meant.
pub fn switches(all: &Everywhere) -> String {
    let practice = if all.practice || all.practice_at.is_some() { "--practice " } else { "" };
    let data = all.data.as_ref().map_or_else(String::new, |folder| {
        format!("--data '{}' ", folder.display().to_string().replace('\'', r"'\''"))
    });
    format!("{practice}{data}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_repeats_what_decides_whose_keys_are_meant() {
        let all = |practice: bool, data: Option<&str>| Everywhere {
            json: false,
            practice,
            practice_at: None,
            data: data.map(PathBuf::from),
        };
        assert_eq!(switches(&all(false, None)), "");
        assert_eq!(switches(&all(true, Some("/a b/it's"))), r"--practice --data '/a b/it'\''s' ");
    }
}
