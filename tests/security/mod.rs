//! The security statements, each with at least one test that bears its number: `s01` to `s36` are the checklist,
//! `r01` to `r08` the refresh protocol.
//!
//! Tests of the same statements, closer to the parts: `crates/engine/tests/callback.rs` (7, 10, 11, 15),
//! `crates/engine/tests/client.rs` (18, 28; 18's certificates are there), `src-tauri/src/main.rs` (30),
//! `crates/engine/src/vault/file/tests.rs` (34). Whole programs: `tests/processes.rs` (24), `tests/crash.rs` (25, r05's
//! crashed refresh), `tests/canary.rs` (23). Against a server that offers both: `tests/oidc.rs` (29; none of the seventeen
//! offers PAR or DPoP to a desktop app, so only services that an administrator describes have them).
//!
//! `api`, `connections` and `keys` hold the rules of the loopback API, each with the request that must fail; 35 is there.
//!
//! Not built, so there is nothing to test:
//! - 34, the backup file: there is none. The passphrase file has the same duties and is tested under its number.
//! - 36, updates: the program does not update itself; that much is tested.
//! - r08, a restored backup: without backups, only the folder can be copied, and the tokens are not in it.
//!
//! In part only: 4's wiping after use is `Secret`'s (a `Zeroizing`); the copies that the protocol and HTTP crates make
//! for the length of one request are not wiped. 29's keys can be taken out of the keyring by whoever may read its entries:
//! the keyrings reachable here keep texts and sign nothing.

mod api;
mod callback;
mod connections;
mod flow;
mod hosts;
mod keys;
mod network;
mod played;
mod refresh;
mod sources;
mod text;
mod tokens;
mod vault;

/// Every provider of the catalogue, by id.
fn providers() -> Vec<tieline_catalog::Provider> {
    static ALL: std::sync::OnceLock<Vec<tieline_catalog::Provider>> = std::sync::OnceLock::new();
    let all = ALL.get_or_init(|| {
        let (catalogue, mistakes) = tieline_catalog::Catalogue::built_in();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        catalogue.iter().map(|provider| (**provider).clone()).collect()
    });
    all.clone()
}

/// One parameter of an address.
fn parameter(url: &url::Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A copy of an address in which one parameter has another value.
fn with_parameter(url: &url::Url, name: &str, value: &str) -> url::Url {
    let others: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    changed
}
