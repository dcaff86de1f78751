//! The stage that the end-to-end tests play on: real practice providers, a real SQLite file, the real keyring daemon of
//! the session (`cargo xtask test` starts a private one), and the product opened over them.

pub mod authority;
pub mod keyring;
pub mod place;
pub mod search;
pub mod session;
pub mod terminal;

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tieline_engine::wire::{ConnectionDetail, ConnectionRow, Failure, Flow, FlowStep, SignInLink};
use tieline_engine::{App, Browser, Clock, PracticeStarter, PracticeWorld, SCHEME, Start};
use tieline_practice::visitor::Visit;
use tieline_practice::{Options, Practice};
use url::Url;

pub struct Stage {
    pub practice: Practice,
    pub folder: TempDir,
    pub clock: Clock,
    pub app: App,
    passed: AtomicU64,
}

impl Stage {
    /// Practice providers and the product in practice mode, in a folder of their own.
    pub async fn open() -> Self {
        Self::with(tieline_practice::start(Options::default()).await.expect("practice starts")).await
    }

    pub async fn with(practice: Practice) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::system();
        let app = open(&practice, folder.path(), &clock).await.expect("the product opens");
        let stage = Self { practice, folder, clock, app, passed: AtomicU64::new(0) };
        // Most tests count requests: nothing goes on by itself unless a test wants it.
        stage.set("read_later", json!(true)).await;
        stage
    }

    /// Changes one setting.
    pub async fn set(&self, name: &str, value: Value) {
        let mut settings: Value = self.ask("settings", json!({})).await.expect("settings");
        settings[name] = value;
        let _: Value = self.ask("save_settings", settings).await.expect("saved");
    }

    /// The product opened once more over the same folder, as after a restart.
    pub async fn reopen(&mut self) {
        self.app.close().await;
        self.app =
            open(&self.practice, self.folder.path(), &self.clock).await.expect("the product opens again");
    }

    pub async fn ask<A: DeserializeOwned>(&self, name: &str, ask: Value) -> Result<A, Failure> {
        let answer = self.app.call(name, ask).await?;
        Ok(serde_json::from_value(answer).expect("the answer is of its type"))
    }

    pub fn inputs(&self, provider: &str) -> Value {
        let app = self
            .practice
            .apps()
            .iter()
            .find(|app| app.provider == provider)
            .expect("an app for the provider");
        json!(app.inputs)
    }

    /// Begins a sign-in without a browser.
    pub async fn begin(&self, provider: &str, more: Value) -> Flow {
        let mut ask = json!({ "provider": provider, "inputs": self.inputs(provider), "quiet": true });
        for (key, value) in more.as_object().into_iter().flatten() {
            ask[key] = value.clone();
        }
        self.ask("connect", ask)
            .await
            .unwrap_or_else(|failure| panic!("{provider}: {} {}", failure.message, failure.hint))
    }

    /// The sign-in page's address.
    pub async fn page(&self, flow: &Flow) -> Url {
        let link: SignInLink = self.ask("sign_in_link", json!({ "id": flow.id })).await.expect("a link");
        link.url.parse().expect("an address")
    }

    /// Lets the person answer the sign-in page; yields the address the browser would go to.
    pub async fn visit(&self, flow: &Flow, visit: &Visit) -> Url {
        visit.answer(&self.page(flow).await).await.expect("the page sends the browser back")
    }

    /// Lets the sign-ins come back to a port that no other test uses, and registers it everywhere.
    pub async fn take_own_port(&self) {
        let port = own_port();
        self.set("loopback_port", json!(port)).await;
        for provider in self.app.programs().published() {
            let at = |host: &str| format!("http://{host}:{port}/integrations/{}", provider.callback);
            self.practice.register_redirects(&provider.id, &[at("127.0.0.1"), at("localhost")]).await;
        }
    }

    /// Brings an address to the product the way a system would.
    pub async fn bring(&self, back: &Url) {
        match back.scheme() {
            "http" if !back.path().starts_with("/relay/") => {
                tieline_practice::client::send("GET", back, &[("accept", "text/html")], b"")
                    .await
                    .expect("the listener answers");
            }
            "http" | "https" => {
                let path = back.path().trim_start_matches("/relay");
                self.app.deliver(&format!("{SCHEME}:/{path}?{}", back.query().unwrap_or_default()));
            }
            _ => self.app.deliver(back.as_str()),
        }
    }

    /// Waits until a sign-in has ended.
    pub async fn ended(&self, flow: &Flow) -> Flow {
        for _ in 0..600 {
            let now: Flow = self.ask("flow", json!({ "id": flow.id })).await.expect("the flow is known");
            if !matches!(now.step, FlowStep::Waiting | FlowStep::Finishing) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sign-in did not end");
    }

    /// A whole sign-in by this visitor.
    pub async fn sign_in(&self, provider: &str, more: Value, visit: &Visit) -> Flow {
        let flow = self.begin(provider, more).await;
        let back = self.visit(&flow, visit).await;
        self.bring(&back).await;
        self.ended(&flow).await
    }

    /// Connects an account and yields the connection's id.
    pub async fn connect(&self, provider: &str) -> String {
        let flow = self.sign_in(provider, json!({}), &Visit::default()).await;
        let problem = flow.problem.map(|it| format!("{} {} {:?}", it.happened, it.why, it.evidence));
        assert_eq!(flow.step, FlowStep::Connected, "{provider}: {}", problem.unwrap_or_default());
        flow.connection.expect("a connection")
    }

    pub async fn row(&self, id: &str) -> ConnectionRow {
        self.detail(id).await.row
    }

    pub async fn detail(&self, id: &str) -> ConnectionDetail {
        self.ask("connection", json!({ "id": id })).await.expect("the connection is known")
    }

    /// Lets time pass, by the product's clock and by the providers'.
    pub async fn pass(&self, seconds: u64) {
        self.clock.turn(i64::try_from(seconds).expect("a time"));
        let ahead = self.passed.fetch_add(seconds, Ordering::Relaxed) + seconds;
        self.practice.set_clock_ahead(ahead).await;
    }

    /// The command line over the same folder and the same practice providers.
    pub fn command(&self, words: &[&str]) -> Command {
        command(&self.practice, self.folder.path(), words)
    }

    pub async fn run(&self, words: &[&str]) -> Output {
        let mut command = self.command(words);
        tokio::task::spawn_blocking(move || command.output().expect("the command line runs"))
            .await
            .expect("it ends")
    }
}

/// The command line over a folder and practice providers.
pub fn command(practice: &Practice, folder: &std::path::Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
    command.args(words).arg("--data").arg(folder).arg("--practice-at").arg(practice.control().as_str());
    command
}

/// A port for this test alone. It lies below those that systems hand out by chance (32768 and up on Linux), where one that
/// was free a moment ago soon belongs to a practice provider or to a request.
pub fn own_port() -> u16 {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let first = u64::from(std::process::id()) * 16;
    loop {
        let number = 10_240 + (first + TAKEN.fetch_add(1, Ordering::Relaxed)) % 20_480;
        let port = u16::try_from(number).expect("a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Opens the product in practice mode over a folder.
pub async fn open(
    practice: &Practice,
    folder: &std::path::Path,
    clock: &Clock,
) -> tieline_engine::Result<App> {
    App::open(Start {
        data_folder: Some(folder.to_owned()),
        practice: true,
        scheme: Some(SCHEME.into()),
        browser: Browser::none(),
        clock: clock.clone(),
        practice_starter: Some(starter(practice)),
        extractor: Some(env!("CARGO_BIN_EXE_tieline").into()),
    })
    .await
}

pub fn starter(practice: &Practice) -> PracticeStarter {
    let practice = practice.clone();
    Arc::new(move |_| {
        let practice = practice.clone();
        Box::pin(async move { Ok(PracticeWorld::new(practice.practised(), practice)) })
    })
}

/// Waits, at most twenty seconds, until something is so.
pub async fn until(what: &str, so: impl Fn() -> bool) {
    let last = std::time::Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(std::time::Instant::now() < last, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Text that must be JSON.
pub fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!(
            "no JSON: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
