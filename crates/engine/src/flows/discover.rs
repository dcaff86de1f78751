//! An issuer's metadata (RFC 8414, and OpenID Connect Discovery where that is all there is).

use serde_json::Value;
use tieline_catalog::{ClientAuth, Method};
use url::Url;

use crate::client::{Body, Request};
use crate::error::{Code, Error, Result};
use crate::service;
use crate::world::World;

pub(crate) struct Found {
    pub issuer: String,
    pub authorize: Url,
    pub token: Url,
    pub revocation: Option<Url>,
    pub userinfo: Option<Url>,
    pub client_auth: ClientAuth,
    /// The metadata promises `iss` in every callback (RFC 9207 §3).
    pub issuer_promised: bool,
    /// It is OpenID and offers `offline_access`, which such servers grant only with the prompt `consent` (OpenID Connect
    /// Core §11).
    pub offline_by_consent: bool,
    /// Where authorization requests are pushed (RFC 9126 §5).
    pub push: Option<Url>,
    /// It binds tokens to keys of the one kind that Tieline makes (RFC 9449 §5.1).
    pub dpop: bool,
}

/// Reads the metadata. Errors are at the field `issuer`.
pub(crate) async fn metadata(world: &World, issuer: &Url, practice: bool) -> Result<Found> {
    let path = issuer.path().trim_end_matches('/');
    let mut places = Vec::new();
    for (name, in_front) in [
        ("oauth-authorization-server", true),
        ("openid-configuration", false),
        ("openid-configuration", true),
    ] {
        let mut place = issuer.clone();
        place.set_query(None);
        place.set_path(&if in_front {
            format!("/.well-known/{name}{path}")
        } else {
            format!("{path}/.well-known/{name}")
        });
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut last = String::new();
    for place in places {
        let host = place.host_str().map(str::to_owned).into_iter().collect();
        let request = Request {
            method: Method::Get,
            url: place,
            headers: vec![("Accept".into(), "application/json".into())],
            bearer: None,
            proof: None,
            basic: None,
            body: Body::None,
            allowed_hosts: host,
        };
        let answer = world.client().send(request).await?;
        if answer.status == 200 {
            let read = serde_json::from_str::<Value>(answer.body.expose())
                .map_err(|_| "the answer is not JSON".to_owned());
            match read.and_then(|metadata| read_metadata(&metadata, issuer, practice)) {
                Ok(found) => return Ok(found),
                Err(words) => last = words,
            }
        } else if last.is_empty() {
            last = format!("it answered {}", answer.status);
        }
    }
    let host = issuer.host_str().unwrap_or_default();
    let mut error = Error::field(
        "issuer",
        format!("{host} does not describe itself in a way that Tieline can use: {last}."),
    );
    error.code = Code::BadInput;
    error.hint = "Check the address, or enter the authorize and token addresses instead.".into();
    Err(error)
}

fn read_metadata(metadata: &Value, issuer: &Url, practice: bool) -> std::result::Result<Found, String> {
    let text = |key: &str| metadata.get(key).and_then(Value::as_str);
    let told = text("issuer").ok_or("it names no issuer")?;
    // RFC 8414 §3.3: the issuer in the metadata has to be the one that was asked.
    if told.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
        return Err("it names another issuer".into());
    }
    let methods = metadata.get("code_challenge_methods_supported").and_then(Value::as_array);
    if methods.is_some_and(|methods| !methods.iter().any(|it| it.as_str() == Some("S256"))) {
        return Err("it does not support PKCE with S256".into());
    }
    let address = |key: &str| -> std::result::Result<Option<Url>, String> {
        text(key)
            .map(|text| service::address("issuer", text, practice).map_err(|error| error.message))
            .transpose()
    };
    let post_only = metadata
        .get("token_endpoint_auth_methods_supported")
        .and_then(Value::as_array)
        .is_some_and(|methods| {
            let has = |method: &str| methods.iter().any(|it| it.as_str() == Some(method));
            has("client_secret_post") && !has("client_secret_basic")
        });
    let scopes = metadata.get("scopes_supported").and_then(Value::as_array);
    let offers = |scope: &str| scopes.is_some_and(|all| all.iter().any(|it| it.as_str() == Some(scope)));
    let told_true = |key: &str| metadata.get(key).and_then(Value::as_bool).unwrap_or(false);
    let token = address("token_endpoint")?.ok_or("it names no token address")?;
    let push = address("pushed_authorization_request_endpoint")?;
    if push.is_none() && told_true("require_pushed_authorization_requests") {
        return Err("it wants sign-ins to be announced and names no address for that".into());
    }
    // The client's secret goes there.
    if push.as_ref().is_some_and(|push| ![issuer.host_str(), token.host_str()].contains(&push.host_str())) {
        return Err("its address for announced sign-ins is on another host".into());
    }
    Ok(Found {
        offline_by_consent: offers("openid") && offers("offline_access"),
        // RFC 8414 §2: Basic is what holds where nothing else is said.
        client_auth: if post_only { ClientAuth::Body } else { ClientAuth::Basic },
        issuer_promised: told_true("authorization_response_iss_parameter_supported"),
        issuer: told.to_owned(),
        authorize: address("authorization_endpoint")?.ok_or("it names no authorize address")?,
        token,
        revocation: address("revocation_endpoint")?,
        userinfo: address("userinfo_endpoint")?,
        push,
        dpop: metadata
            .get("dpop_signing_alg_values_supported")
            .and_then(Value::as_array)
            .is_some_and(|kinds| kinds.iter().any(|it| it.as_str() == Some("ES256"))),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(more: &Value) -> std::result::Result<Found, String> {
        let mut metadata = json!({
            "issuer": "https://id.acme.example", "authorization_endpoint": "https://login.acme.example/authorize",
            "token_endpoint": "https://tokens.acme.example/token",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            metadata[key] = value.clone();
        }
        read_metadata(&metadata, &Url::parse("https://id.acme.example/").expect("an address"), false)
    }

    #[test]
    fn requests_are_pushed_where_the_secret_may_go_and_nowhere_else() {
        assert!(read(&json!({})).expect("metadata").push.is_none());
        for host in ["id.acme.example", "tokens.acme.example"] {
            let push = json!({ "pushed_authorization_request_endpoint": format!("https://{host}/par") });
            assert_eq!(read(&push).expect("metadata").push.expect("an address").host_str(), Some(host));
        }
        for (wrong, says) in [
            (json!({ "pushed_authorization_request_endpoint": "https://acme.example/par" }), "another host"),
            (json!({ "pushed_authorization_request_endpoint": "http://id.acme.example/par" }), "https"),
            (json!({ "require_pushed_authorization_requests": true }), "names no address"),
        ] {
            let words = read(&wrong).err().expect("refused");
            assert!(words.contains(says), "{wrong}: {words}");
        }
    }

    #[test]
    fn tokens_are_bound_where_the_one_kind_of_key_is_taken() {
        for (kinds, dpop) in
            [(json!(["ES256", "EdDSA"]), true), (json!(["RS256"]), false), (Value::Null, false)]
        {
            let read = read(&json!({ "dpop_signing_alg_values_supported": kinds }));
            assert_eq!(read.expect("metadata").dpop, dpop);
        }
    }
}
