//! What an answer says, without what was sent: some services repeat the request in their errors, and errors are shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;
use url::form_urlencoded;

use super::{Answer, Body, Request};
use crate::secret::Secret;

/// Fields of a token request that are no secret, and that a person needs to see in an error.
const HARMLESS: [&str; 5] = ["client_id", "grant_type", "redirect_uri", "scope", "token_type_hint"];

/// Shorter values would take words out of a sentence.
const SHORTEST: usize = 6;

impl Answer {
    /// The body, with `…` in place of every secret of the request.
    pub fn said(&self) -> String {
        let mut text = self.body.expose().to_owned();
        for secret in &self.sent {
            let encoded: String = form_urlencoded::byte_serialize(secret.expose().as_bytes()).collect();
            text = text.replace(secret.expose(), "…").replace(&encoded, "…");
        }
        text
    }
}

/// The secrets of a request in the spellings in which it carries them, longest first.
pub(super) fn sent(request: &Request) -> Vec<Secret> {
    let mut sent: Vec<Secret> = request.bearer.iter().cloned().collect();
    if let Some((user, password)) = &request.basic {
        sent.push(Secret::new(STANDARD_NO_PAD.encode(format!("{user}:{}", password.expose()))));
        sent.push(password.clone());
    }
    for (_, value) in request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        sent.extend(value.split('"').map(Secret::new));
    }
    match &request.body {
        Body::None => {}
        Body::Form(pairs) => {
            sent.extend(pairs.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.clone()));
        }
        Body::Json(text) => {
            if let Ok(Value::Object(fields)) = serde_json::from_str(text.expose()) {
                let texts =
                    fields.iter().filter(|(name, _)| is_secret(name)).filter_map(|(_, value)| value.as_str());
                sent.extend(texts.map(Secret::new));
            }
        }
    }
    sent.retain(|secret| secret.expose().len() >= SHORTEST);
    sent.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    sent
}

fn is_secret(name: &str) -> bool {
    !HARMLESS.contains(&name)
}
