//! Statements about what is not there: read out of the sources, the configuration, the catalogue and the binary.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::bytes::Regex;
use serde_json::{Value, json};
use tieline_catalog::Catalogue;

use crate::security::played::Played;
use crate::security::providers;
use crate::stage::Stage;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Source files below a folder, by path, without their unit tests.
fn sources(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(folder: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() {
                walk(&path, endings, found);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = std::fs::read_to_string(&path).expect("text");
                found.push((name, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), endings, &mut found);
    assert!(!found.is_empty(), "{folder} is empty");
    found
}

fn config() -> Value {
    serde_json::from_str(include_str!("../../src-tauri/tauri.conf.json")).expect("JSON")
}

#[test]
fn s01_no_web_view_of_ours_loads_a_provider_s_page() {
    assert_eq!(config()["app"]["windows"], json!([]), "no window is made by configuration");
    let rust = sources("src-tauri/src", &[".rs"]);
    let count = |word: &str| rust.iter().map(|(_, text)| text.matches(word).count()).sum::<usize>();
    assert_eq!(count("WebviewWindowBuilder::new("), 1, "one window");
    assert_eq!(count("WebviewUrl::App("), 1, "and it shows our page");
    for word in
        ["WebviewUrl::External", "WebviewUrl::CustomProtocol", "WebviewBuilder::new", ".navigate(", ".eval("]
    {
        assert_eq!(count(word), 0, "{word}");
    }
    assert_eq!(count(".on_navigation("), 1);
    assert_eq!(count("NewWindowResponse::Deny"), 1);
    for (name, text) in sources("ui/src", &[".svelte", ".ts"]) {
        for word in [
            "<iframe",
            "<webview",
            "<object",
            "<embed",
            "window.open(",
            "location.href =",
            "location.assign(",
        ] {
            assert!(!text.contains(word), "{name}: {word}");
        }
    }
    // Frames fall back to `default-src`.
    let csp = &config()["app"]["security"]["csp"];
    assert_eq!(csp["default-src"], "'none'");
    assert!(csp.get("frame-src").is_none() && csp.get("child-src").is_none());
}

#[test]
fn s02_no_other_grant_is_in_the_code() {
    let forbidden = [
        "exchange_password",
        "exchange_client_credentials",
        "exchange_device",
        "exchange_assertion",
        "use_implicit_flow",
        "response_type=token",
        "\"password\"",
        "\"client_credentials\"",
        "device_code",
        "jwt-bearer",
        "token-exchange",
    ];
    for (name, text) in sources("crates/engine/src", &[".rs"]) {
        for word in forbidden {
            assert!(!text.contains(word), "{name}: {word}");
        }
    }
    for provider in providers() {
        let parameters =
            provider.oauth.authorize_parameters.iter().map(|(name, value)| (name, value.clone()));
        let sent = provider.oauth.token_parameters.iter().map(|(name, value)| (name, value.to_string()));
        for (name, value) in parameters.chain(sent) {
            assert!(
                !["grant_type", "response_type"].contains(&name.as_str()) || value == "code",
                "{}: {name}={value}",
                provider.id
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_plain_cannot_be_chosen() {
    let (_, zendesk) =
        tieline_catalog::BUILT_IN.iter().find(|(file, _)| *file == "zendesk.toml").expect("a file");
    assert!(Catalogue::parse(zendesk).is_ok());
    for wanted in
        ["pkce = \"plain\"", "pkce = \"PLAIN\"", "pkce = \"none\"", "code_challenge_method = \"plain\""]
    {
        let changed = zendesk.replacen("[oauth]\n", &format!("[oauth]\n{wanted}\n"), 1);
        assert_ne!(&changed, zendesk);
        assert!(Catalogue::parse(&changed).is_err(), "{wanted} is taken");
    }
    for (name, text) in sources("crates/engine/src", &[".rs"]) {
        assert!(!text.contains("random_plain") && !text.contains("new_plain"), "{name}");
        let speaks = name.contains("/oauth/") || name.ends_with("flows/exchange.rs");
        assert!(!(speaks && text.contains("\"plain\"")), "{name}");
    }
    let stage = Stage::open().await;
    let played = Played::giving(json!({})).await;
    for parameters in [
        "code_challenge_method=plain",
        "audience=x&code_challenge_method=plain",
        "code_challenge=abc",
        "response_type=token",
    ] {
        let refused = stage
            .ask::<Value>(
                "save_service",
                json!({
                    "name": "Played", "client_id": "c", "additional_parameters": parameters,
                    "authorize_url": format!("{}authorize", played.origin), "token_url": format!("{}token", played.origin),
                }),
            )
            .await
            .expect_err("it is ours to set");
        assert_eq!(refused.field.as_deref(), Some("additional_parameters"), "{parameters}");
    }
}

/// How the client secrets of well-known services look.
const SHAPES: [&str; 9] = [
    r"GOCSPX-[A-Za-z0-9_-]{10,}",
    r"(?:xox[aboprs]-[0-9]{9,}|xapp-[0-9]-[A-Z0-9]{9,})-[A-Za-z0-9-]{5,}",
    r"(?:ntn|secret)_[A-Za-z0-9]{5}[0-9][A-Za-z0-9]{30,}",
    r"[A-Za-z0-9_.-]{3}[0-9]Q~[A-Za-z0-9_.~-]{31,34}",
    r"ATOA[A-Za-z0-9_=-]{20,}",
    r"AKIA[0-9A-Z]{16}",
    r"gh[pousr]_[A-Za-z0-9]{36}",
    r"practice[-~][a-z~-]*secret",
    r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=]{20,}",
];

/// Whatever in these bytes looks like a client secret.
fn secrets_in(bytes: &[u8]) -> BTreeSet<String> {
    let shapes = SHAPES.map(|shape| Regex::new(shape).expect("a pattern"));
    let found = shapes.iter().flat_map(|shape| shape.find_iter(bytes));
    found.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s20_no_client_secret_is_compiled_in_or_in_the_catalogue() {
    let planted =
        format!("..{}..{}..", ["GOC", "SPX-0123456789abc"].concat(), ["xo", "xb-1234567890-abcdef"].concat());
    assert_eq!(secrets_in(planted.as_bytes()).len(), 2, "the scan sees what it looks for");

    for (file, text) in tieline_catalog::BUILT_IN {
        assert_eq!(secrets_in(text.as_bytes()), BTreeSet::new(), "{file}");
        for line in text.lines().filter(|line| line.contains("client_secret =")) {
            assert_eq!(line.matches("client_secret = \"{client_secret}\"").count(), 1, "{file}: {line}");
        }
    }
    // Practice apps are no secret: they open nothing beyond this computer.
    let practice = tieline_practice::start(tieline_practice::Options::default()).await.expect("practice");
    let known: Vec<String> = practice.apps().iter().filter_map(|app| app.client_secret.clone()).collect();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tieline"));
    let bytes = std::fs::read(&program).expect("the program");
    let found = secrets_in(&bytes);
    assert!(found.iter().any(|it| it.contains("practice")), "strings in the program are seen: {found:?}");
    for secret in &found {
        // In the program's table of texts, neighbours run on into each other.
        let is_practice = known.iter().any(|it| {
            secret.starts_with(it.as_str()) || secret.starts_with("practice") && secret.contains(it.as_str())
        });
        assert!(is_practice, "{} holds {secret}", program.display());
    }
}

/// Words that make a permission one of reading, of knowing who it is, or of staying signed in.
const READING: [&str; 19] = [
    "read",
    "readonly",
    "read_only",
    "root_readonly",
    "history",
    "search",
    "openid",
    "profile",
    "email",
    "offline_access",
    "refresh_token",
    "selected",
    "list",
    "library_access",
    "notes_access",
    "all_groups",
    "basic",
    "extensive",
    "transcript",
];

#[tokio::test(flavor = "multi_thread")]
async fn s22_permissions_are_for_reading_unless_the_person_is_told() {
    let mut wider = Vec::new();
    for provider in providers() {
        for scope in &provider.scopes {
            let name = scope.name.to_ascii_lowercase();
            let words: Vec<&str> = name.split([':', '.', '/', ' ']).collect();
            let reads = words.iter().any(|word| READING.contains(word) || word.starts_with("read"));
            let writes = words.iter().any(|word| {
                ["write", "readwrite", "delete", "manage", "admin", "send", "full", "all_files"]
                    .contains(word)
            });
            assert!(!writes, "{}: {}", provider.id, scope.name);
            if !reads {
                wider.push((provider.id.clone(), scope.name.clone()));
            }
            assert!(!scope.meaning.is_empty(), "{}: {} is explained", provider.id, scope.name);
        }
    }
    // Two providers have nothing narrower.
    let wider: Vec<(&str, &str)> = wider.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    assert_eq!(wider, [("SALESFORCE", "api"), ("SERVICENOW", "useraccount")]);
    for (id, name) in wider {
        let all = providers();
        let provider = all.iter().find(|it| it.id == id).expect("it is there");
        let meaning = provider.scope(name).map(|it| it.meaning.as_str()).unwrap_or_default();
        assert!(provider.notice.is_some(), "{id}: said before connecting that {name} is wider than reading");
        assert!(meaning.contains("change"), "{id}: {name} means more than “{meaning}”");
    }

    // Sent is what is usual, nothing more; something more is asked for by name.
    let stage = Stage::open().await;
    for provider in providers().into_iter().filter(|it| it.oauth.request_url.is_none()) {
        let sent = |page: url::Url| -> BTreeSet<String> {
            let text = crate::security::parameter(&page, &provider.oauth.scope_parameter).unwrap_or_default();
            text.split(provider.oauth.scope_separator.as_str())
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let usual: BTreeSet<String> = provider
            .scopes
            .iter()
            .filter(|it| !it.optional && !it.at_registration)
            .map(|it| it.name.clone())
            .collect();
        let flow = stage.begin(&provider.id, json!({})).await;
        assert_eq!(sent(stage.page(&flow).await), usual, "{}", provider.id);
        if let Some(more) = provider.scopes.iter().find(|it| it.optional && !it.at_registration) {
            let flow = stage.begin(&provider.id, json!({ "more_scopes": [more.name] })).await;
            let asked = sent(stage.page(&flow).await);
            assert!(
                asked.contains(&more.name) && asked.len() == usual.len() + 1,
                "{}: {asked:?}",
                provider.id
            );
        }
    }
}

#[test]
fn s30_the_page_has_one_command_two_event_rights_and_no_foreign_origin() {
    let folder = root().join("src-tauri/capabilities");
    let files: Vec<_> = std::fs::read_dir(&folder).expect("a folder").flatten().map(|it| it.path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let capability: Value =
        serde_json::from_str(&std::fs::read_to_string(&files[0]).expect("text")).expect("JSON");
    assert_eq!(capability["windows"], json!(["main"]));
    assert_eq!(
        capability["permissions"],
        json!(["allow-call", "core:event:allow-listen", "core:event:allow-unlisten"])
    );
    assert!(capability.get("remote").is_none() && capability.get("webviews").is_none());

    let config = config();
    assert_eq!(config["app"]["security"]["capabilities"], json!([capability["identifier"]]));
    assert_eq!(config["app"]["withGlobalTauri"], json!(false));
    for key in ["dangerousDisableAssetCspModification", "dangerousRemoteDomainIpcAccess", "devCsp"] {
        assert!(config["app"]["security"].get(key).is_none(), "{key}");
    }
    let csp = config["app"]["security"]["csp"].as_object().expect("a policy");
    for (directive, sources) in csp {
        for source in sources.as_str().expect("text").split(' ') {
            let known = ["'none'", "'self'", "data:", "ipc:", "http://ipc.localhost"].contains(&source);
            assert!(known, "{directive} {source}");
        }
    }
    assert_eq!(csp["script-src"], "'self'", "no eval and nothing inline");

    let rust = sources("src-tauri/src", &[".rs"]);
    let commands: usize = rust.iter().map(|(_, text)| text.matches("#[tauri::command]").count()).sum();
    assert_eq!(commands, 1);
    assert!(rust.iter().any(|(_, text)| text.contains("generate_handler![door::call]")));
    // Its callers: the one file of the page that knows the window.
    let callers: Vec<String> = sources("ui/src", &[".ts", ".svelte"])
        .into_iter()
        .filter(|(_, text)| text.contains("@tauri-apps"))
        .map(|(name, _)| name)
        .collect();
    assert!(callers.len() == 1 && callers[0].ends_with("ui/src/api/host.ts"), "{callers:?}");
    let host = include_str!("../../ui/src/api/host.ts");
    assert_eq!(host.matches("invoke('").count(), 1);
    assert!(host.contains("invoke('call', { name, ask })"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_no_operation_gives_the_page_a_token() {
    // The names say what the page can ask for; the types behind them have no place for what renews a sign-in.
    let bindings = tieline_engine::typescript();
    for word in ["refresh_token", "id_token", "verifier"] {
        assert!(!bindings.contains(word), "{word}");
    }
    assert_eq!(
        bindings.matches("client_secret").count(),
        2,
        "a client secret goes in with an app and with a service, and never out"
    );
    let telling = |name: &&&str| name.contains("token") || name.contains("export");
    let telling: Vec<&str> = tieline_engine::NAMES.iter().filter(telling).copied().collect();
    assert_eq!(telling, ["access_token"], "for programs with a key of that right");
    let stage = Stage::open().await;
    let id = stage.connect("DROPBOX").await;
    let refused = stage.ask::<serde_json::Value>("access_token", json!({ "id": id })).await;
    assert_eq!(refused.expect_err("the page has no key").code, "refused");
}

/// There is no updater to verify or to trigger: programs come from whoever packaged them.
#[test]
fn s36_nothing_updates_itself() {
    let lock: toml::Table =
        std::fs::read_to_string(root().join("Cargo.lock")).expect("text").parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    let names: Vec<&str> = packages.iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.contains(&"tauri") && names.len() > 300, "{}", names.len());
    for name in &names {
        let updates =
            ["updater", "self_update", "self-update", "self-replace", "minisign", "cargo-dist", "axoupdater"];
        assert!(!updates.iter().any(|it| name.contains(it)), "{name}");
    }
    let config = config();
    assert!(config["plugins"].get("updater").is_none(), "{}", config["plugins"]);
    assert_ne!(config["bundle"]["createUpdaterArtifacts"], json!(true));
    for entry in std::fs::read_dir(root().join("src-tauri/capabilities")).expect("a folder").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("text");
        for right in ["updater", "shell:", "process:", "fs:", "http:"] {
            assert!(!text.contains(right), "{}: {right}", entry.path().display());
        }
    }
    for name in tieline_engine::NAMES {
        let fetches = ["update", "upgrade", "download", "install", "version"];
        assert!(!fetches.iter().any(|it| name.contains(it)), "{name}");
    }
    // Programs are started in known places only: the browser, our own worker, and the desktop's registry of addresses.
    let mut starts = Vec::new();
    for folder in
        ["crates/engine/src", "crates/extract/src", "crates/http/src", "crates/cli/src", "src-tauri/src"]
    {
        for (name, text) in sources(folder, &[".rs"]) {
            if text.contains("Command::new(") {
                starts.push(name.trim_start_matches(&format!("{}/", root().display())).to_owned());
            }
        }
    }
    starts.sort();
    assert_eq!(
        starts,
        ["crates/engine/src/browser.rs", "crates/extract/src/extractor.rs", "src-tauri/src/scheme.rs"]
    );
    let manifest = std::fs::read_to_string(root().join("ui/package.json")).expect("text");
    assert!(!manifest.contains("plugin-updater") && !manifest.contains("plugin-process"), "{manifest}");
}
