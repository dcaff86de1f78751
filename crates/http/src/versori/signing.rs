//! Tokens that an organization signs for its end users: RS256, with the end user's external id as `sub` and
//! `https://versori.com/sk/<key id>` as `iss`. The organization makes the pair of keys itself and leaves the public one
//! here; such a token goes as far as the key through which that was done, and within it as far as its end user.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{delete, get};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{self, Answer, Fault, created, nothing, ok};
use super::call::{Call, Kept, One, new_id};
use super::given::{self, ulid};
use crate::Door;
use crate::guard::{self, Caller, Tier, Wanted};

const ISSUER: &str = "https://versori.com/sk/";
/// Clocks of two computers may differ by so many seconds.
const LEEWAY: f64 = 30.0;
const LONGEST: usize = 16 << 10;

#[derive(Serialize, Deserialize)]
struct SigningKey {
    name: String,
    /// PEM.
    public_key: String,
    /// The key that left it here, as far as which its tokens go.
    key: String,
}

impl Kept for SigningKey {
    const KIND: &'static str = "versori/signing-key";
    const NAME: &'static str = "signing key";
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/o/{organisation_id}/signing-keys", get(list).post(create))
        .route("/o/{organisation_id}/signing-keys/{key_id}", delete(forget))
}

/// The token's sender and the end user it is for. None: no such token was sent.
pub(super) fn caller(door: &Door, parts: &Parts) -> Result<Option<(Caller, String)>, Fault> {
    let mut refused = None;
    for (_, token) in guard::bearer(&parts.headers, &["jwt"]) {
        match check(door, token) {
            Ok((key, user)) => {
                let key = door.app.programs().live_key(&key)?.ok_or_else(|| {
                    unauthorized(
                        "The key through which this token's signing key was left here has been revoked.",
                    )
                })?;
                let caller = door.welcome(Wanted::Contract, parts, key, None, false, Tier::OWN)?;
                return Ok(Some((caller, user)));
            }
            Err(fault) => refused = Some(fault),
        }
    }
    refused.map_or(Ok(None), Err)
}

fn unauthorized(words: &str) -> Fault {
    Fault::new(StatusCode::UNAUTHORIZED, words)
}

/// The id of the key that the token's signing key came through, and the end user.
fn check(door: &Door, token: &str) -> Result<(String, String), Fault> {
    let programs = door.app.programs();
    let told = (token.len() <= LONGEST).then(|| claims(token)).flatten();
    let told = told.ok_or_else(|| unauthorized("This is no token: it holds no claims that can be read."))?;
    let id = told.get("iss").and_then(Value::as_str).and_then(|iss| iss.strip_prefix(ISSUER)).and_then(ulid);
    let id = id.ok_or_else(|| {
        unauthorized("The token's iss has to be https://versori.com/sk/<id of a signing key>.")
    })?;
    let record = programs.records_of_all(SigningKey::KIND)?.into_iter().find(|record| record.id == id);
    let signing: Option<SigningKey> = record.and_then(|record| serde_json::from_value(record.body).ok());
    let signing = signing.ok_or_else(|| {
        unauthorized(
            "No organisation has left a public key of this id here. Send it to POST /o/{organisation_id}/signing-keys, \
             or use a key of Tieline as a Bearer token.",
        )
    })?;
    let claims = verified(token, &signing.public_key)
        .ok_or_else(|| unauthorized("The token's signature is not of its signing key by RS256."))?;
    in_time(&claims, programs.now())?;
    let user = claims.get("sub").and_then(Value::as_str).filter(|sub| !sub.is_empty());
    let user = user.ok_or_else(|| unauthorized("The token's sub has to be an end user's external id."))?;
    Ok((signing.key, user.to_owned()))
}

/// What a token says of itself, before anything proves it.
fn claims(token: &str) -> Option<Value> {
    let middle = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).ok()?).ok()
}

fn verified(token: &str, public_key: &str) -> Option<Value> {
    let mut rules = Validation::new(Algorithm::RS256);
    rules.required_spec_claims.clear();
    rules.validate_aud = false;
    // By our own clock, below.
    rules.validate_exp = false;
    let key = DecodingKey::from_rsa_pem(public_key.as_bytes()).ok()?;
    jsonwebtoken::decode::<Value>(token, &key, &rules).ok().map(|token| token.claims)
}

/// `exp` and `nbf`, where they are there.
fn in_time(claims: &Value, now: i64) -> Result<(), Fault> {
    let now = now as f64;
    let number = |name: &str| match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            value.as_f64().map(Some).ok_or_else(|| unauthorized("The token's times are no numbers."))
        }
    };
    if number("exp")?.is_some_and(|exp| exp + LEEWAY <= now) {
        return Err(unauthorized("The token has run out. Sign a new one."));
    }
    if number("nbf")?.is_some_and(|nbf| nbf > now + LEEWAY) {
        return Err(unauthorized("The token is not good yet: see its nbf."));
    }
    Ok(())
}

fn shown(it: &One<SigningKey>) -> Value {
    json!({
        "id": it.id, "name": it.body.name, "publicKey": it.body.public_key, "createdAt": answer::date(it.made_at),
    })
}

async fn list(call: Call) -> Answer {
    call.own_organisation()?;
    call.organisation_only()?;
    let keys: Vec<Value> = call.all::<SigningKey>()?.iter().map(shown).collect();
    Ok(ok(&json!({ "keys": keys })))
}

async fn create(call: Call) -> Answer {
    call.own_organisation()?;
    call.organisation_only()?;
    let (name, public_key) = given::read(&call.body, |given| {
        let public_key = given.maybe("publicKey").unwrap_or_default();
        if !is_rsa_key(&public_key) {
            given.wrong(
                "publicKey",
                "This has to be an RSA public key as PEM. Make a pair and keep the private one: openssl genpkey \
                 -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem; openssl pkey -in key.pem -pubout.",
            );
        }
        (given.text("name"), public_key)
    })?;
    let key = call.who.caller.key.as_ref().map(|key| key.id.clone()).ok_or_else(|| {
        Fault::new(StatusCode::FORBIDDEN, "A signing key belongs to a program. Come with that program's key.")
    })?;
    let it = call.keep(&new_id(), &SigningKey { name, public_key, key })?;
    Ok(created(&shown(&it)))
}

/// A private key must never lie here, and one for another algorithm would verify nothing.
fn is_rsa_key(pem: &str) -> bool {
    !pem.contains("PRIVATE") && DecodingKey::from_rsa_pem(pem.as_bytes()).is_ok()
}

async fn forget(call: Call) -> Answer {
    call.own_organisation()?;
    call.organisation_only()?;
    let it: One<SigningKey> = call.get(call.place("key_id"))?;
    call.forget::<SigningKey>(&it.id)?;
    Ok(nothing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_heeded_where_they_are_told() {
        let now = 1_000_000;
        for good in [
            json!({}),
            json!({ "exp": null, "nbf": null }),
            json!({ "exp": now - 29 }),
            json!({ "exp": now as f64 + 0.5, "nbf": now + 29 }),
        ] {
            assert!(in_time(&good, now).is_ok(), "{good}");
        }
        for bad in [json!({ "exp": now - 30 }), json!({ "nbf": now + 31 }), json!({ "exp": "later" })] {
            assert_eq!(
                in_time(&bad, now).expect_err("out of time").status,
                StatusCode::UNAUTHORIZED,
                "{bad}"
            );
        }
    }

    #[test]
    fn what_is_no_public_rsa_key_is_not_kept() {
        for bad in ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            assert!(!is_rsa_key(bad), "{bad}");
        }
    }

    #[test]
    fn claims_are_read_only_where_they_are_json() {
        assert_eq!(claims("e30.e30.x"), Some(json!({})));
        for bad in ["", ".", "a.b.c", "e30.!!.x"] {
            assert_eq!(claims(bad), None, "{bad}");
        }
    }
}
