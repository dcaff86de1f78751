//! The shape of the code, held against its picture in ARCHITECTURE.md: who may import whom, where providers may be
//! named, and what no file is called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with one of these endings, without what is built or fetched.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "node_modules", "dist", "gen", ".git", "artefacts"].contains(&name.as_str()) {
                    walk(&path, endings, found);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), endings, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let name =
                path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
            (name, std::fs::read_to_string(&path).expect("the file can be read"))
        })
        .collect()
}

/// The engine's layers from the ground up. A module may use those before its own layer, and its own where it says so.
const LAYERS: &[(&[&str], bool)] = &[
    (&["error", "secret", "clock", "event", "redact"], true),
    (
        &[
            "settings",
            "problem",
            "flow",
            "sync_options",
            "program",
            "connection",
            "item",
            "oauth",
            "ways",
            "service",
            "diagnose",
            "deadline",
        ],
        true,
    ),
    (&["store", "library", "vault", "client", "callback", "browser", "lock"], false),
    // They ask through the client, and know nothing of what becomes of the answers.
    (&["sources"], true),
    // The world holds the waiting flows, and the flows work on the world: two halves of one layer.
    (&["world", "flows"], true),
    (&["operations", "app", "programs"], true),
];

fn layer(module: &str) -> Option<(usize, bool)> {
    LAYERS
        .iter()
        .enumerate()
        .find(|(_, (modules, _))| modules.contains(&module))
        .map(|(at, (_, among))| (at, *among))
}

/// The part of a source file before its unit tests; nothing of a file that holds nothing else.
fn without_tests<'a>(name: &str, text: &'a str) -> &'a str {
    if name.ends_with("/tests.rs") || name.contains("/tests/") {
        return "";
    }
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

#[test]
fn the_engine_s_arrows_point_one_way() {
    let mut wrong = Vec::new();
    for (name, text) in files("crates/engine/src", &[".rs"]) {
        let module = name
            .trim_start_matches("crates/engine/src/")
            .split(['/', '.'])
            .next()
            .unwrap_or_default()
            .to_owned();
        if module == "lib" {
            continue;
        }
        let Some((own, among)) = layer(&module) else {
            wrong.push(format!("{name}: the module {module} stands in no layer"));
            continue;
        };
        for used in without_tests(&name, &text).split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let Some((its, _)) = layer(&used) else { continue };
            let allowed = used == module || its < own || its == own && among;
            if !allowed {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_import_only_what_the_picture_allows() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("crates/catalog", &[][..]),
        ("crates/engine", &["tieline-catalog", "tieline-extract"]),
        ("crates/extract", &[]),
        ("crates/practice", &["tieline-catalog"]),
        ("crates/http", &["tieline-engine"]),
        (".", &["tieline-engine", "tieline-http", "tieline-practice"]),
        ("src-tauri", &["tieline-engine", "tieline-http", "tieline-practice"]),
        ("xtask", &[]),
    ]);
    for (folder, may) in allowed {
        let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        let manifest: toml::Table = text.parse().expect("TOML");
        let dependencies =
            manifest.get("dependencies").and_then(|it| it.as_table()).cloned().unwrap_or_default();
        for ours in dependencies.keys().filter(|name| name.starts_with("tieline")) {
            assert!(may.contains(&ours.as_str()), "{folder} must not import {ours}");
        }
        let faces = ["tauri", "axum", "clap"];
        if folder == "crates/engine" || folder == "crates/catalog" {
            assert!(!dependencies.keys().any(|name| faces.contains(&name.as_str())), "{folder} knows a face");
        }
    }
}

/// The providers' names, as they stand in the catalogue.
fn provider_words() -> Vec<String> {
    files("catalog", &[".toml"])
        .into_iter()
        .map(|(name, _)| name.trim_start_matches("catalog/").trim_end_matches(".toml").to_owned())
        // A word of its own in English, or part of other words.
        .filter(|name| name != "box")
        .collect()
}

/// The published contracts that the loopback API speaks, each with those that it may use: Aitronos' sources are made
/// and kept as Airbyte's are.
const CONTRACTS: &[(&str, &[&str])] =
    &[("carbon", &[]), ("versori", &[]), ("aitronos", &["airbyte"]), ("airbyte", &[])];

/// The contract that a file of the loopback API belongs to.
fn contract(name: &str) -> Option<&'static str> {
    let module = name.strip_prefix("crates/http/src/")?.split(['/', '.']).next()?;
    CONTRACTS.iter().map(|(contract, _)| *contract).find(|contract| *contract == module)
}

#[test]
fn a_contract_knows_no_other() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, text) in files("crates/http/src", &[".rs"]) {
        let Some(own) = contract(&name) else { continue };
        seen += 1;
        let may = CONTRACTS.iter().find(|(it, _)| *it == own).map_or(&[][..], |(_, may)| may);
        for (other, _) in CONTRACTS.iter().filter(|(it, _)| *it != own && !may.contains(it)) {
            if text.contains(&format!("crate::{other}")) || text.contains(&format!("tieline_{other}")) {
                wrong.push(format!("{name} uses {other}"));
            }
        }
    }
    assert!(seen >= CONTRACTS.len() && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_provider_is_named_in_its_own_files_only() {
    let words = provider_words();
    assert_eq!(words.len(), 16);
    let mut wrong = Vec::new();
    for folder in ["crates/engine/src", "crates/http/src", "crates/cli/src", "src-tauri/src", "ui/src"] {
        // A contract has the names that its clients use, whatever the catalogue calls the same thing.
        let its_own = |name: &str| name.starts_with("crates/engine/src/sources") || contract(name).is_some();
        for (name, text) in
            files(folder, &[".rs", ".ts", ".svelte"]).into_iter().filter(|(it, _)| !its_own(it))
        {
            for (number, line) in without_tests(&name, &text).lines().enumerate() {
                let code = line.trim_start();
                let is_comment = ["//", "*", "/*", "<!--"].iter().any(|mark| code.starts_with(mark));
                let lower = code.split("//").next().unwrap_or(code).to_lowercase();
                let named = words.iter().find(|word| {
                    lower
                        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                        .any(|part| part == word.as_str())
                });
                if let Some(word) = named.filter(|_| !is_comment && name != "ui/src/parts/brands.ts") {
                    wrong.push(format!("{name}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_called_what_says_nothing() {
    let banned = ["util", "utils", "helper", "helpers", "common", "manager", "misc"];
    for folder in ["crates", "src-tauri", "ui/src", "xtask", "tests"] {
        for (name, _) in files(folder, &[".rs", ".ts", ".svelte", ".mjs", ".js"]) {
            let stem =
                name.rsplit('/').next().unwrap_or(&name).split('.').next().unwrap_or_default().to_lowercase();
            assert!(!banned.contains(&stem.as_str()), "{name}");
        }
    }
}

#[test]
fn the_window_has_one_door() {
    for (name, text) in files("ui/src", &[".ts", ".svelte"]) {
        assert!(!text.contains("@tauri-apps") || name == "ui/src/api/host.ts", "{name} imports @tauri-apps");
        assert!(!text.contains("{@html") || name.starts_with("ui/src/parts/"), "{name} renders markup");
    }
    for (name, text) in files("ui/src/parts", &[".svelte", ".ts"]) {
        assert!(!text.contains("/state/") && !text.contains("/api/call"), "{name}: a part takes props only");
    }
    for (name, text) in files("ui/src/api", &[".ts"]) {
        assert!(
            !text.contains("/state/") && !text.contains("/views/"),
            "{name}: the api knows no state and no view"
        );
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["#[ign", "ore"].concat(),
        ["test.sk", "ip("].concat(),
        ["it.sk", "ip("].concat(),
        ["sk", "ip: true"].concat(),
        ["pytest.mark.sk", "ip"].concat(),
    ];
    for folder in ["crates", "src-tauri/src", "ui/src", "xtask", "tests", "relay", "catalog"] {
        for (name, text) in files(folder, &[".rs", ".ts", ".js", ".py", ".svelte", ".mjs", ".toml", ".html"])
        {
            for mark in &marks {
                assert!(!text.contains(mark.as_str()), "{name} holds {mark}");
            }
        }
    }
}

#[test]
fn one_of_each_kind() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("a lock file");
    let count = |name: &str| lock.matches(&format!("\nname = \"{name}\"\n")).count();
    for name in ["reqwest", "rustls", "libsqlite3-sys", "rusqlite", "hyper", "keyring-core"] {
        assert_eq!(count(name), 1, "{name} is there more than once, or not at all");
    }
    for other in ["openssl", "native-tls", "sqlx", "ureq", "keyring"] {
        assert_eq!(count(other), 0, "{other} is a second one of its kind");
    }
}
