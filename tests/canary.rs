//! Every secret of a connection's life is a canary: it may lie in the keyring and go to its provider, and shows up
//! nowhere else, in no spelling. Looked through are the data folder, the logs at their most talkative, the answers of
//! all operations, the changes, and what the command line prints.

use crate::stage;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stage::Stage;
use stage::search::Search;
use tieline_engine::wire::Flow;
use tieline_engine::{App, Browser, Clock, PracticeWorld, Secret, Start};
use tieline_practice::visitor::Visit;
use tieline_practice::{Fault, Practice};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

#[test]
fn the_search_finds_a_canary_in_each_spelling() {
    let secret = "practice/secret+with=signs";
    let spellings = [
        secret.to_owned(),
        "practice%2Fsecret%2Bwith%3Dsigns".to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(format!("a:{secret}:b")),
        base64::engine::general_purpose::STANDARD.encode(format!("{{{secret}")),
    ];
    for spelling in spellings {
        let mut search = Search::default();
        search.secret(secret);
        search.say("here", format!("x {spelling} y"));
        assert!(std::panic::catch_unwind(|| search.end()).is_err(), "{spelling}");
    }
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let mut search = Search::default();
    search.challenges.insert("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into());
    search.say("here", format!("x{verifier}y"));
    assert!(std::panic::catch_unwind(|| search.end()).is_err(), "RFC 7636, appendix B");
}

/// All that is logged in this process, by every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Of this process, from now on.
    fn begin() -> Self {
        static LOG: std::sync::OnceLock<Log> = std::sync::OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Log::default();
            let writer = log.clone();
            tracing_subscriber::fmt()
                .with_env_filter(tracing_subscriber::EnvFilter::new("trace"))
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .init();
            log
        });
        log.clone()
    }

    fn text(&self) -> Vec<u8> {
        self.0.lock().expect("the log").clone()
    }
}

/// Signs in, and collects what the browser carried.
async fn sign_in(search: &mut Search, stage: &Stage, provider: &str, more: Value, visit: &Visit) -> Flow {
    let flow = stage.begin(provider, more).await;
    let page = stage.page(&flow).await;
    search.address(&page);
    if let Ok(back) = visit.answer(&page).await {
        search.address(&back);
        stage.bring(&back).await;
        // Once more, as a browser does that restores its windows.
        stage.app.deliver(back.as_str());
    } else {
        search.answer("cancel", &stage.app.call("cancel", json!({ "id": flow.id })).await);
    }
    let flow = stage.ended(&flow).await;
    search.answer("flow", &Ok(json!(flow)));
    search.keyring(stage.folder.path());
    flow
}

async fn look_at_everything(search: &mut Search, stage: &Stage, id: &str, provider: &str) {
    for name in ["status", "connections", "flows", "apps", "providers", "events", "settings", "doctor"] {
        search.answer(name, &stage.app.call(name, json!({})).await);
    }
    search.answer("connection", &stage.app.call("connection", json!({ "id": id })).await);
    let form = json!({ "provider": provider, "inputs": stage.inputs(provider) });
    search.answer("provider", &stage.app.call("provider", json!({ "provider": provider })).await);
    search.answer("check_form", &stage.app.call("check_form", form).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_connection_s_life_shows_up_anywhere() {
    let log = Log::begin();
    let stage = Stage::open().await;
    let mut search = Search::default();
    let mut changes = stage.app.changes();
    stage
        .practice
        .apps()
        .iter()
        .filter_map(|app| app.client_secret.as_deref())
        .for_each(|secret| search.secret(secret));

    let providers: BTreeSet<String> = stage.practice.apps().iter().map(|app| app.provider.clone()).collect();
    for provider in &providers {
        let flow = sign_in(&mut search, &stage, provider, json!({}), &Visit::default()).await;
        let id = flow.connection.expect("a connection");
        look_at_everything(&mut search, &stage, &id, provider).await;
        for name in ["test", "refresh"] {
            search.answer(name, &stage.app.call(name, json!({ "id": id })).await);
            search.keyring(stage.folder.path());
        }
        for fault in
            [Fault::Garbage, Fault::DropReply, Fault::WrongSecret, Fault::ApiUnauthorized, Fault::Revoked]
        {
            stage.practice.set_fault(provider, fault, None).await;
            for name in ["test", "refresh"] {
                search.answer(name, &stage.app.call(name, json!({ "id": id })).await);
            }
            stage.practice.clear_faults().await;
        }
        search.keyring(stage.folder.path());
        for fault in [Fault::WrongSecret, Fault::CodeExpired, Fault::Garbage] {
            stage.practice.set_fault(provider, fault, None).await;
            sign_in(&mut search, &stage, provider, json!({ "reconnect": id }), &Visit::default()).await;
            stage.practice.clear_faults().await;
        }
        let cancels = Visit { cancel: true, ..Visit::default() };
        sign_in(&mut search, &stage, provider, json!({ "reconnect": id }), &cancels).await;
        look_at_everything(&mut search, &stage, &id, provider).await;
        search.files(stage.folder.path());
        search.answer("disconnect", &stage.app.call("disconnect", json!({ "id": id })).await);
        while let Ok(change) = changes.try_recv() {
            search.say("a change", format!("{change:?}"));
        }
    }
    for (name, ask) in [
        ("refresh", json!({ "id": "none" })),
        ("save_app", json!({ "client_secret": "canary-of-a-bad-request" })),
    ] {
        search.secret("canary-of-a-bad-request");
        search.answer(name, &stage.app.call(name, ask).await);
    }
    search.files(stage.folder.path());
    search.say("the log", log.text());
    assert!(search.secrets.len() > 150, "only {} secrets came up", search.secrets.len());
    search.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_up_in_what_the_command_line_prints() {
    let stage = Stage::open().await;
    let mut search = Search::default();
    let mut talk = 0;
    for provider in ["ZENDESK", "GMAIL", "NOTION"] {
        let id = stage.connect(provider).await;
        search.keyring(stage.folder.path());
        let lines: [&[&str]; 8] = [
            &["show", &id, "--json"],
            &["show", &id],
            &["test", &id, "--json"],
            &["refresh", &id],
            &["events", "--json"],
            &["app", provider, "--json"],
            &["disconnect", &id, "--json"],
            &["show", &id, "--json"],
        ];
        for words in lines {
            let mut command = stage.command(words);
            command.env("TIELINE_LOG", "trace");
            let done = tokio::task::spawn_blocking(move || command.output())
                .await
                .expect("it ends")
                .expect("it runs");
            talk += done.stderr.len();
            search.say(format!("tieline {}", words.join(" ")), [done.stdout, done.stderr].concat());
            search.keyring(stage.folder.path());
        }
    }
    assert!(talk > 10_000, "the log says only {talk} bytes");
    search.files(stage.folder.path());
    search.end();
}

/// The passphrase, and all that lies in its file.
#[tokio::test(flavor = "multi_thread")]
async fn the_passphrase_file_shows_nothing() {
    const PASSPHRASE: &str = "correct horse canary staple";
    let log = Log::begin();
    let stage = Stage::open().await;
    let mut search = Search::default();
    search.secret(PASSPHRASE);
    search.answer(
        "unlock_keyring",
        &stage.app.call("unlock_keyring", json!({ "passphrase": PASSPHRASE, "choose_file": true })).await,
    );
    let wrong = json!({ "passphrase": "another canary of a passphrase" });
    search.secret("another canary of a passphrase");
    search.answer("unlock_keyring", &stage.app.call("unlock_keyring", wrong).await);
    let mut row = json!({ "provider": "DROPBOX", "client_id": "practice", "client_secret": "a-client-secret-of-the-organisation" });
    row["inputs"] = stage.inputs("DROPBOX");
    search.secret("a-client-secret-of-the-organisation");
    let saved = stage.app.call("save_app", row).await;
    assert!(saved.is_ok(), "{saved:?}");
    search.answer("save_app", &saved);

    let vault = tieline_engine::vault::Vault::open("nobody", stage.folder.path().join("practice/vault"));
    vault.use_file(Secret::new(PASSPHRASE), false).await.expect("the passphrase opens the file");
    let mut kept = Vec::new();
    for version in 1..3 {
        kept.extend(vault.get(&format!("app/DROPBOX//{version}")).await.expect("the file is open"));
    }
    assert!(
        kept.iter().any(|secret| secret.expose() == "a-client-secret-of-the-organisation"),
        "the secret is in the file"
    );
    search.files(stage.folder.path());
    search.say("the log", log.text());
    search.end();
}

/// Answers every request with an error that repeats all that was sent, as some services do.
async fn parrot() -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 1 << 16];
                let mut length = 0;
                // Head and body may come in pieces; after a short silence all is there.
                while let Ok(Ok(more)) =
                    tokio::time::timeout(Duration::from_millis(200), stream.read(&mut request[length..]))
                        .await
                {
                    length += more;
                    if more == 0 {
                        break;
                    }
                }
                let heard = String::from_utf8_lossy(&request[..length]).into_owned();
                let decoded: String = url::form_urlencoded::parse(heard.as_bytes())
                    .map(|(name, value)| format!("{name} {value} "))
                    .collect();
                let token = heard
                    .split(['=', '&', ' ', '"', '\r', '\n'])
                    .max_by_key(|word| word.len())
                    .unwrap_or_default();
                let body = json!({
                    "error": token, "error_description": format!("{decoded} {heard}"), "error_codes": [token],
                    "trace_id": token, "code": token, "message": heard, "suberror": decoded,
                });
                let body = body.to_string();
                let head = format!(
                    "HTTP/1.1 400 Bad\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _gone = stream.write_all([head, body].concat().as_bytes()).await;
            });
        }
    });
    origin.parse().expect("an address")
}

/// The product over the same folder, with every host in the parrot's hands.
async fn open_at(parrot: &Url, practice: &Practice, folder: &Path) -> App {
    let (parrot, practice) = (parrot.clone(), practice.clone());
    let starter: tieline_engine::PracticeStarter = Arc::new(move |_| {
        let mut practised = practice.practised();
        practised.apps.clear();
        practised.routes.iter_mut().for_each(|route| route.origin = parrot.clone());
        let world = PracticeWorld::new(practised, ());
        Box::pin(async move { Ok(world) })
    });
    App::open(Start {
        data_folder: Some(folder.to_owned()),
        practice: true,
        scheme: None,
        browser: Browser::none(),
        clock: Clock::system(),
        practice_starter: Some(starter),
        extractor: Some(env!("CARGO_BIN_EXE_tieline").into()),
    })
    .await
    .expect("the product opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_repeats_what_it_was_sent_brings_no_secret_out() {
    let log = Log::begin();
    let stage = Stage::open().await;
    let mut search = Search::default();
    let mut connected = Vec::new();
    for provider in ["DROPBOX", "ZENDESK", "NOTION", "SLACK", "ZOTERO"] {
        connected.push(stage.connect(provider).await);
    }
    search.keyring(stage.folder.path());
    let parrot = parrot().await;
    let app = open_at(&parrot, &stage.practice, stage.folder.path()).await;
    for id in &connected {
        for name in ["test", "refresh", "connection", "disconnect"] {
            search.answer(name, &app.call(name, json!({ "id": id })).await);
        }
    }
    for name in ["connections", "events", "status"] {
        search.answer(name, &app.call(name, json!({})).await);
    }
    search.files(stage.folder.path());
    search.say("the log", log.text());
    search.end();
}
