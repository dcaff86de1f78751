//! `tieline serve`: the loopback API, and the window's pages in a browser.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tieline_engine::wire::Failure;
use tieline_engine::{Browser, Code, Error};

use crate::ask::{Result, open_to_stay};
use crate::{Everywhere, print};

#[derive(Args)]
pub struct ServeArgs {
    /// The port; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Also serve these built pages
    #[arg(long, value_name = "FOLDER")]
    ui: Option<PathBuf>,
    /// Do not open browsers; the caller does
    #[arg(long)]
    no_browser: bool,
}

pub async fn run(all: &Everywhere, args: ServeArgs) -> Result<()> {
    let browser = if args.no_browser { Browser::none() } else { Browser::system() };
    let app = open_to_stay(all, browser).await?;
    let server = tieline_http::serve(app, args.port, args.ui).await.map_err(|error| {
        Failure::from(Error::new(
            Code::Conflict,
            format!("Port {} cannot be opened: {error}.", args.port),
            "Choose another one with --port, or 0 for any free one.",
        ))
    })?;
    print::line(&json!({ "url": server.url() }).to_string());
    print::talk("The API runs until you press Ctrl C. The address above holds its key; do not share it.");
    let _interrupted = tokio::signal::ctrl_c().await;
    server.close().await;
    Ok(())
}
