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
    /// The access token is good only with a proof of the key that was shown when it was asked for (RFC 9449 §5).
    pub bound: bool,
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
    let kind = text("token_type").map(str::to_ascii_lowercase);
    if kind.as_ref().is_some_and(|kind| !["bearer", "user", "dpop"].contains(&kind.as_str())) {
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
        bound: kind.as_deref() == Some("dpop"),
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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use tieline_catalog::Catalogue;

    use super::*;
    use crate::oauth::refusal;

    static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::built_in().0);

    /// JSON of any shape, whose keys are often those that are looked for.
    fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            Just("bearer".to_owned()),
            Just("a.eyJzdWIiOiJ4In0.c".to_owned()),
            "\\PC{0,60}",
            "[0-9]{1,25}",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        let key = prop_oneof![
            3 => proptest::sample::select(vec![
                "access_token", "refresh_token", "token_type", "expires_in", "refresh_token_expires_in", "scope", "id_token", "ok",
                "authed_user", "error", "error_description", "error_codes", "errors", "message", "code", "details", "team", "workspace_id",
            ]).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        leaf.prop_recursive(4, 64, 8, move |inner| {
            prop_oneof![
                1 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                3 => proptest::collection::btree_map(key.clone(), inner, 0..9).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_reply_of_any_shape_is_tokens_or_a_reason(reply in any_json(), refreshed in any::<bool>()) {
            for provider in BUILT_IN.iter() {
                if let Ok(tokens) = tokens(provider, &reply, refreshed) {
                    let access = tokens.access.expose();
                    prop_assert!(!access.is_empty() && !access.contains(char::is_whitespace));
                    prop_assert!(tokens.expires_in.is_none_or(|it| it > 0) && tokens.refresh_expires_in.is_none_or(|it| it > 0));
                    prop_assert!(tokens.facts.values().all(|fact| !fact.contains(char::is_control)));
                }
            }
        }

        #[test]
        fn bytes_of_any_kind_are_a_refusal_fit_to_show(bytes in proptest::collection::vec(any::<u8>(), 0..800), status in any::<u16>()) {
            let refusal = refusal(status, &String::from_utf8_lossy(&bytes));
            prop_assert_eq!(refusal.status, status);
            prop_assert!(refusal.description.chars().count() <= 300 && !refusal.description.contains(char::is_control));
        }

        #[test]
        fn json_of_any_shape_is_a_refusal_fit_to_show(body in any_json(), status in any::<u16>()) {
            let refusal = refusal(status, &body.to_string());
            let shown = refusal.codes.iter().chain(refusal.traces.iter().map(|(_, value)| value));
            prop_assert!(shown.clone().all(|text| text.chars().count() <= 80 && !text.contains(char::is_control)), "{:?}", refusal);
            prop_assert!(refusal.description.chars().count() <= 300 && !refusal.description.contains(char::is_control));
        }

        #[test]
        fn what_looks_like_a_token_is_not_shown(token in "[A-Za-z0-9_-]{40,60}", before in "[a-z ]{0,20}") {
            let body = serde_json::json!({ "error": "invalid_grant", "error_description": format!("{before} {token} expired") });
            let printed = format!("{:?}", refusal(400, &body.to_string()));
            prop_assert!(!printed.contains(&token), "{}", printed);
        }
    }
}
