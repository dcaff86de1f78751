//! Tieline as separate programs over one folder, in surroundings that a test chooses.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tieline_practice::{Options, Practice};
use url::Url;

use super::{json_of, terminal};

/// A data folder that only programs work with, and practice providers for it.
pub struct Place {
    pub practice: Practice,
    pub folder: TempDir,
}

impl Place {
    pub async fn open() -> Self {
        let practice = tieline_practice::start(Options::default()).await.expect("practice starts");
        Self { practice, folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn command(&self, words: &[&str]) -> Command {
        super::command(&self.practice, self.folder.path(), words)
    }

    /// Connects an account by the command line; `dress` puts the program into its surroundings.
    pub async fn connect(&self, provider: &str, dress: impl Fn(Command) -> Command) -> String {
        let done =
            terminal::connect(dress(self.command(&["connect", provider, "--no-browser", "--json"]))).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        json_of(&done)["row"]["id"].as_str().expect("an id").to_owned()
    }

    pub async fn refreshes(&self, provider: &str) -> u64 {
        self.practice.counts(provider).await.refreshes
    }
}

pub async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends")
}

pub fn works(done: &Output) {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(json_of(done)["ok"], json!(true));
}

/// A failure with this exit code and this stable code, told in whole sentences; yields them.
pub fn told(done: &Output, exit: i32, code: &str) -> String {
    let said = json_of(done);
    assert_eq!(said["error"]["code"], code, "{said}");
    assert_eq!(done.status.code(), Some(exit), "{said}");
    sentences(&said["error"])
}

pub fn sentences(error: &Value) -> String {
    let (message, hint) =
        (error["message"].as_str().expect("a message"), error["hint"].as_str().expect("a hint"));
    for text in [message, hint] {
        assert!(text.ends_with('.') && text.contains(' '), "no sentence: {text:?}");
    }
    assert!(!message.contains("did not expect"), "{message}");
    format!("{message} {hint}")
}

/// `tieline serve`: a process that stays while the computer changes around it.
pub struct Served {
    pub child: Child,
    url: Url,
    key: String,
}

impl Served {
    pub async fn start(mut command: Command) -> Self {
        command.arg("--run-key").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it runs");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("its words"));
        let line = tokio::task::spawn_blocking(move || out.read_line(&mut line).map(|_| line))
            .await
            .expect("it talks");
        let said: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let url: Url = said["url"].as_str().expect("an address").parse().expect("an address");
        let key = url.fragment().expect("the key").trim_start_matches("token=").to_owned();
        Self { child, url, key }
    }

    /// A path of the server.
    pub fn address(&self, path: &str) -> Url {
        self.url.join(path).expect("an address")
    }

    /// An operation: its answer, or its failure.
    pub async fn call(&self, operation: &str, ask: Value) -> Result<Value, Value> {
        let url = self.url.join(&format!("/v1/{operation}")).expect("an address");
        let key = format!("Bearer {}", self.key);
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let reply = tieline_practice::client::send("POST", &url, &headers, ask.to_string().as_bytes())
            .await
            .expect("an answer");
        let said = serde_json::from_slice(&reply.body).expect("JSON");
        if reply.status == 200 { Ok(said) } else { Err(said) }
    }

    pub async fn works(&self, id: &str) {
        let tested = self.call("test", json!({ "id": id })).await.expect("a test");
        assert_eq!(tested["ok"], json!(true), "{tested}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The practice providers as a process that can be ended and started again over its folder.
pub struct Practised {
    child: Child,
    pub practice: Practice,
}

impl Practised {
    pub async fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
        command
            .args(["practise", "--json", "--data"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("it runs");
        let out = BufReader::new(child.stdout.take().expect("its words"));
        let said = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            for line in out.lines().map_while(Result::ok) {
                text.push_str(&line);
                if line == "}" {
                    break;
                }
            }
            text
        });
        let said: Value = serde_json::from_str(&said.await.expect("it talks")).expect("JSON");
        let control = said["control"].as_str().expect("an address").parse().expect("an address");
        Self { child, practice: tieline_practice::join(control).await.expect("it answers") }
    }
}

impl Drop for Practised {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
