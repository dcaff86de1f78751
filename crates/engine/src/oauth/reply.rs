//! What a token reply says, wherever the provider puts it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tieline_catalog::Provider;

use crate::secret::Secret;

/// Tokens and what came with them.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: Secret,
    /// None: keep the one in hand.
    pub refresh: Option<Secret>,
    /// Seconds.
    pub expires_in: Option<i64>,
    pub refresh_expires_in: Option<i64>,
    /// None where the reply does not tell.
    pub scopes: Option<Vec<String>>,
    pub facts: BTreeMap<String, String>,
}

/// Reads a token reply. `refreshed` tells it from the reply to a code. The error says what is missing; it never
/// holds any of the reply.
pub fn tokens(provider: &Provider, reply: &Value, refreshed: bool) -> Result<Tokens, &'static str> {
    let shape = &provider.oauth.reply;
    let place = if refreshed { &shape.refreshed_at } else { &shape.token_at };
    let holder = reply.pointer(place).ok_or("the reply has no token")?;
    let text = |key: &str| holder.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let access = text("access_token").ok_or("the reply has no access token")?;
    if access.len() > 64 * 1024 || access.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("the access token is no token");
    }
    if let Some(kind) = text("token_type")
        && !["bearer", "user"].contains(&kind.to_ascii_lowercase().as_str())
    {
        return Err("the token is of a kind that Tieline cannot use");
    }
    let scopes = text("scope").map(split);
    let mut facts = BTreeMap::new();
    for (name, pointer) in &shape.facts {
        if let Some(value) = reply.pointer(pointer).and_then(plain) {
            keep(&mut facts, name, value);
        }
    }
    if let Some(claims) = reply.get("id_token").and_then(Value::as_str).and_then(claims) {
        for (name, pointer) in &shape.claims {
            if let Some(value) = claims.pointer(pointer).and_then(plain) {
                keep(&mut facts, name, value);
            }
        }
    }
    Ok(Tokens {
        access: Secret::new(access),
        refresh: text("refresh_token").map(Secret::new),
        expires_in: holder.get("expires_in").and_then(seconds),
        refresh_expires_in: holder.get("refresh_token_expires_in").and_then(seconds),
        scopes,
        facts,
    })
}

/// Keeps a fact, and the host of a fact that is an address, as `<name>_host`.
pub fn keep(facts: &mut BTreeMap<String, String>, name: &str, value: String) {
    if let Some(host) = url::Url::parse(&value)
        .ok()
        .filter(|url| url.scheme() == "https")
        .and_then(|url| url.host_str().map(str::to_owned))
    {
        facts.insert(format!("{name}_host"), host);
    }
    facts.insert(name.to_owned(), value);
}

/// A string, number or boolean as short text.
pub fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= 2048).then(|| text.chars().filter(|c| !c.is_control()).collect())
}

/// Scopes are separated by spaces or commas, depending on the provider.
pub(super) fn split(scopes: &str) -> Vec<String> {
    scopes.split([' ', ',', '+']).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// `expires_in` comes as a number or as text. Nonsense counts as absent.
fn seconds(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|it| it as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }?;
    (1..=10 * 366 * 86_400).contains(&number).then_some(number)
}

/// The claims of an id_token. It came straight from the token endpoint over TLS, which stands in for checking its
/// signature (OpenID Connect Core §3.1.3.7, 6).
fn claims(id_token: &str) -> Option<Value> {
    let payload = id_token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}
