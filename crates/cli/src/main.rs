//! The command line. stdout is data, stderr is talk, the exit code tells the kind of failure.

mod ask;
mod commands;
mod connect;
mod contents;
mod demo;
mod key;
mod practice;
mod print;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "tieline", version, about, after_help = print::EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    all: Everywhere,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Clone)]
pub struct Everywhere {
    /// Print JSON with stable keys instead of words
    #[arg(long, global = true)]
    pub json: bool,
    /// Use practice providers on this computer; nothing real is touched
    #[arg(long, global = true)]
    pub practice: bool,
    /// Use practice providers that already run, by their control address
    #[arg(long, global = true, value_name = "URL", env = "TIELINE_PRACTICE")]
    pub practice_at: Option<url::Url>,
    /// Keep data here instead of the system's usual place
    #[arg(long, global = true, value_name = "FOLDER", env = "TIELINE_DATA")]
    pub data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// List the services that can be connected
    Providers,
    /// Show what a service asks for, and how its app is set up
    Provider { provider: String },
    /// Enter, or replace, your organisation's app for a service; the secret is read from standard input
    App(commands::AppArgs),
    /// Connect an account through your browser
    Connect(connect::ConnectArgs),
    /// List connections
    List,
    /// Show a connection
    Show { id: String },
    /// Ask the service whether a connection works
    Test { id: String },
    /// Renew a connection's sign-in now
    Refresh { id: String },
    /// Give a connection another name; an empty one brings the account's back
    Rename { id: String, name: String },
    /// End a connection
    Disconnect(commands::DisconnectArgs),
    /// Show what happened, newest first
    Events {
        /// Only this connection's
        id: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// List what a connection holds
    Items(contents::ItemsArgs),
    /// Choose what is read
    Pick(contents::PickArgs),
    /// Look what changed, and read what is chosen
    Sync(contents::SyncArgs),
    /// Sync by itself every so many hours
    Schedule(contents::ScheduleArgs),
    /// Show how far each connection's contents are
    Status,
    /// Search what was read; works without a network
    Search(contents::SearchArgs),
    /// Print an item's text
    Read { id: String, item: String },
    /// Show what is kept and how large it is, or delete it
    Library(contents::LibraryArgs),
    /// Check everything Tieline depends on
    Doctor,
    /// Unlock the keyring, or open or make the passphrase file; the passphrase is read from standard input
    Unlock {
        /// Make a file that is locked with a passphrase, where the system has no keyring
        #[arg(long)]
        file: bool,
        /// Read the passphrase of the file from standard input
        #[arg(long)]
        passphrase: bool,
    },
    /// Connect one practice account at each service, renew, list, pick, sync, search, disconnect, and print the table
    Demo,
    /// Run the practice providers until interrupted, and print where they are
    Practise {
        /// How many things each of them holds, up to a million
        #[arg(long)]
        items: Option<usize>,
    },
    /// Serve the loopback API until interrupted, and print its address
    Serve(serve::ServeArgs),
    /// Make, list and end the keys of other programs
    Key(key::KeyArgs),
}

fn main() -> ExitCode {
    // The same program takes text out of documents, in a process that may fall.
    tieline_engine::extract_if_asked();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return print::not_understood(&error),
    };
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("TIELINE_LOG").unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(|| tieline_engine::Redacted::new(std::io::stderr()))
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The system gives no threads: {error}.");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(cli));
    // A keyring call that hangs must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    code
}

async fn run(cli: Cli) -> ExitCode {
    let all = &cli.all;
    let result = match cli.command {
        Command::Demo => demo::run(all).await,
        Command::Practise { items } => practice::run(all, items).await,
        Command::Serve(args) => serve::run(all, args).await,
        Command::Key(args) => key::run(all, args).await,
        Command::Connect(args) => connect::run(all, args).await,
        Command::Providers => commands::providers(all).await,
        Command::Provider { provider } => commands::provider(all, provider).await,
        Command::App(args) => commands::app(all, args).await,
        Command::List => commands::list(all).await,
        Command::Show { id } => commands::show(all, id).await,
        Command::Test { id } => commands::tested(all, "test", id).await,
        Command::Refresh { id } => commands::tested(all, "refresh", id).await,
        Command::Rename { id, name } => commands::rename(all, id, name).await,
        Command::Disconnect(args) => commands::disconnect(all, args).await,
        Command::Events { id, limit } => commands::events(all, id, limit).await,
        Command::Items(args) => contents::items(all, args).await,
        Command::Pick(args) => contents::pick(all, args).await,
        Command::Sync(args) => contents::sync(all, args).await,
        Command::Schedule(args) => contents::schedule(all, args).await,
        Command::Status => contents::status(all).await,
        Command::Search(args) => contents::search(all, args).await,
        Command::Read { id, item } => contents::read(all, id, item).await,
        Command::Library(args) => contents::library(all, args).await,
        Command::Doctor => commands::doctor(all).await,
        Command::Unlock { file, passphrase } => commands::unlock(all, file, passphrase).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => print::failed(all, &failure),
    }
}
