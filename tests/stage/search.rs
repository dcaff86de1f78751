//! Looks for secrets in whatever was written or said.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tieline_engine::wire::Failure;
use url::Url;

use super::keyring;

/// This much of a secret is looked for, so that a cut one is found as well.
const ENOUGH: usize = 40;

#[derive(Default)]
pub struct Search {
    pub secrets: BTreeSet<String>,
    /// `code_challenge` of the sign-ins: what a verifier hashes to.
    pub challenges: BTreeSet<String>,
    /// Where it was said, and what.
    said: Vec<(String, Vec<u8>)>,
}

impl Search {
    pub fn secret(&mut self, text: &str) {
        assert!(text.len() >= 8, "too short to be told from chance: {text}");
        self.secrets.insert(text.to_owned());
    }

    /// What the address of a sign-in page, or of the way back, carries.
    pub fn address(&mut self, url: &Url) {
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "state" | "code" | "oauth_token" | "oauth_verifier" => self.secret(&value),
                "code_challenge" => drop(self.challenges.insert(value.into_owned())),
                _ => {}
            }
        }
    }

    /// The tokens that lie in the keyring now.
    pub fn keyring(&mut self, folder: &Path) {
        for (name, secret) in keyring::entries(folder) {
            self.entry(&name, &secret);
        }
    }

    pub fn entry(&mut self, name: &str, secret: &str) {
        if name.starts_with("app/") {
            return self.secret(secret);
        }
        let pair: Value = serde_json::from_str(secret).expect("a pair of tokens");
        [&pair["access"], &pair["refresh"]]
            .into_iter()
            .filter_map(Value::as_str)
            .for_each(|token| self.secret(token));
    }

    pub fn say(&mut self, place: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.said.push((place.into(), text.into()));
    }

    pub fn answer(&mut self, place: &str, answer: &Result<Value, Failure>) {
        let text = match answer {
            Ok(value) => value.to_string(),
            Err(failure) => serde_json::to_string(failure).expect("JSON"),
        };
        self.say(place, text);
    }

    pub fn files(&mut self, folder: &Path) {
        let before = self.said.len();
        for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
            if entry.path().is_dir() {
                self.files(&entry.path());
            } else {
                self.say(
                    entry.path().display().to_string(),
                    std::fs::read(entry.path()).expect("the file can be read"),
                );
            }
        }
        assert!(self.said.len() > before, "nothing to look through in {}", folder.display());
    }

    /// Fails with the place and the beginning of whatever is found.
    pub fn end(self) {
        let mut forms = BTreeSet::new();
        for secret in &self.secrets {
            let short: String = secret.chars().take(ENOUGH).collect();
            forms.insert(url::form_urlencoded::byte_serialize(short.as_bytes()).collect::<String>());
            forms.extend(in_base64(short.as_bytes()));
            forms.insert(short);
        }
        let words: Vec<String> = forms.iter().map(|form| regex::escape(form)).collect();
        let canary =
            regex::bytes::RegexBuilder::new(&words.join("|")).size_limit(1 << 30).build().expect("a pattern");
        let verifier = regex::bytes::Regex::new("[A-Za-z0-9_-]{43,}").expect("a pattern");
        let mut found = BTreeSet::new();
        for (place, text) in &self.said {
            for hit in canary.find_iter(text) {
                let around = &text[hit.start().saturating_sub(60)..(hit.end() + 20).min(text.len())];
                found.insert(format!("{place}: {}", String::from_utf8_lossy(around)));
            }
            for run in verifier.find_iter(text).flat_map(|run| run.as_bytes().windows(43)) {
                if self.challenges.contains(&URL_SAFE_NO_PAD.encode(Sha256::digest(run))) {
                    found.insert(format!("{place}: the verifier {}", String::from_utf8_lossy(run)));
                }
            }
        }
        assert!(
            found.is_empty(),
            "{} canaries:\n{}",
            found.len(),
            found.into_iter().take(20).collect::<Vec<_>>().join("\n")
        );
    }
}

/// What stays the same of these bytes in base64, wherever in a longer text they stand: for `Basic` and for JWTs.
fn in_base64(bytes: &[u8]) -> Vec<String> {
    let before = |count: usize| [&vec![0; count], bytes].concat();
    let whole = (0..3).map(|count| {
        let text = URL_SAFE_NO_PAD.encode(before(count));
        let end = (count + bytes.len()) / 3 * 4;
        text[(count * 8).div_ceil(6)..end].to_owned()
    });
    whole.flat_map(|text| [text.replace('-', "+").replace('_', "/"), text]).collect()
}
