//! The token endpoint: the `oauth2` crate speaks the protocol, a dialect around its HTTP function speaks the
//! provider's way of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use oauth2::basic::BasicClient;
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, HttpRequest, HttpResponse,
    PkceCodeVerifier, RedirectUrl, RefreshToken, TokenUrl,
};
use serde_json::{Value, json};
use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Body as BodyKind, Method, Provider};
use url::Url;

use crate::client::{Body, Client, Request};
use crate::error::Error;
use crate::oauth::{self, ProofKey, Refusal, Tokens};
use crate::secret::Secret;
use crate::world::AppKeys;

pub(crate) enum Grant<'a> {
    Code { code: &'a Secret, verifier: Option<&'a Secret>, redirect: &'a str },
    Refresh(&'a Secret),
}

/// Why there are no tokens.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The provider answered, and said no or nonsense.
    Refused { refusal: Refusal, retry_after: Option<u64> },
    /// The provider may or may not have got the request.
    Unreachable(Error),
}

/// Exchanges a code, or a refresh token, for tokens. One request, never repeated here. `key` is what the tokens are, or
/// are to be, bound to.
pub(crate) async fn exchange(
    client: &Client,
    provider: &Provider,
    fields: &Fields,
    app: &AppKeys,
    grant: Grant<'_>,
    key: Option<&ProofKey>,
) -> Result<Tokens, Failed> {
    let url = template::fill_url(&provider.oauth.token_url, fields)
        .map_err(|field| Failed::Unreachable(Error::field(field, format!("{field} is missing."))))?;
    let ours = |what: &str| {
        Failed::Unreachable(Error::internal(format!("{what} of {} is not an address", provider.name)))
    };
    let mut speaker = BasicClient::new(ClientId::new(app.row.client_id.clone()))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::new(url).map_err(|_| ours("the token address"))?);
    if let Some(secret) = &app.secret {
        speaker = speaker.set_client_secret(ClientSecret::new(secret.expose().to_owned()));
    }
    let refreshing = matches!(grant, Grant::Refresh(_));
    let http = Dialect { client, provider, app, key, refreshing, outcome: Mutex::new(None) };
    match grant {
        Grant::Code { code, verifier, redirect } => {
            let speaker = speaker.set_redirect_uri(
                RedirectUrl::new(redirect.to_owned()).map_err(|_| ours("the redirect address"))?,
            );
            let mut request = speaker.exchange_code(AuthorizationCode::new(code.expose().to_owned()));
            if let Some(verifier) = verifier {
                request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
            }
            let _same_as_outcome = request.request_async(&http).await;
        }
        Grant::Refresh(token) => {
            let token = RefreshToken::new(token.expose().to_owned());
            let _same_as_outcome = speaker.exchange_refresh_token(&token).request_async(&http).await;
        }
    }
    http.outcome
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .unwrap_or_else(|| Err(Failed::Unreachable(Error::internal("the token request was not made"))))
}

/// The crate's HTTP client: sends in the provider's dialect, keeps the reply with its facts aside, and gives the crate
/// the same reply in the standard's form.
struct Dialect<'a> {
    client: &'a Client,
    provider: &'a Provider,
    app: &'a AppKeys,
    key: Option<&'a ProofKey>,
    refreshing: bool,
    outcome: Mutex<Option<Result<Tokens, Failed>>>,
}

impl<'c> AsyncHttpClient<'c> for Dialect<'_> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let result = speak(self, request).await;
            let standard = standard(&result);
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            Ok(standard)
        })
    }
}

/// Sends one token request in the provider's dialect and reads the reply.
async fn speak(with: &Dialect<'_>, request: HttpRequest) -> Result<Tokens, Failed> {
    let Dialect { client, provider, app, key, refreshing, .. } = *with;
    let url = Url::parse(&request.uri().to_string())
        .map_err(|_| Failed::Unreachable(Error::internal("no token address")))?;
    let mut pairs: Vec<(String, Value)> = url::form_urlencoded::parse(request.body())
        .into_owned()
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    pairs.extend(provider.oauth.token_parameters.clone());
    let basic = app.basic(provider);
    if basic.is_some() {
        pairs.retain(|(name, _)| name != "client_id" && name != "client_secret");
    }
    let body = match provider.oauth.body {
        BodyKind::Json => Body::Json(Secret::new(Value::Object(pairs.into_iter().collect()).to_string())),
        BodyKind::Form => Body::Form(
            pairs
                .into_iter()
                .map(|(name, value)| match value {
                    Value::String(text) => (name, Secret::new(text)),
                    other => (name, Secret::new(other.to_string())),
                })
                .collect(),
        ),
    };
    let headers = provider
        .oauth
        .token_headers
        .clone()
        .into_iter()
        .chain([("Accept".to_owned(), "application/json".to_owned())]);
    let allowed_hosts = url.host_str().map(str::to_owned).into_iter().collect();
    let answer = client
        .send(Request {
            method: Method::Post,
            url,
            headers: headers.collect(),
            bearer: None,
            proof: key.cloned(),
            basic,
            body,
            allowed_hosts,
        })
        .await
        .map_err(Failed::Unreachable)?;
    let text = answer.body.expose();
    let refused = |refusal: Refusal| Failed::Refused { refusal, retry_after: answer.retry_after };
    let Ok(reply) = serde_json::from_str::<Value>(text) else {
        return Err(refused(oauth::refusal(answer.status, &answer.said())));
    };
    let ok = provider
        .oauth
        .reply
        .ok
        .as_ref()
        .is_none_or(|place| reply.pointer(place) != Some(&Value::Bool(false)));
    if !(200..300).contains(&answer.status) || !ok {
        return Err(refused(oauth::refusal(answer.status, &answer.said())));
    }
    let tokens = oauth::tokens(provider, &reply, refreshing).and_then(|tokens| match key {
        None if tokens.bound => Err("the token is bound to a key that was never shown"),
        _ => Ok(tokens),
    });
    tokens.map_err(|what| {
        let mut refusal = oauth::refusal(answer.status, &answer.said());
        if refusal.codes.is_empty() {
            refusal.description = what.to_owned();
        }
        refused(refusal)
    })
}

/// A reply in RFC 6749's form, whatever the provider's was.
fn standard(result: &Result<Tokens, Failed>) -> HttpResponse {
    let (status, body) = match result {
        Ok(tokens) => (200, json!({ "access_token": tokens.access.expose(), "token_type": "bearer" })),
        Err(_) => (400, json!({ "error": "invalid_request" })),
    };
    let mut response = HttpResponse::new(body.to_string().into_bytes());
    *response.status_mut() = oauth2::http::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(
        oauth2::http::header::CONTENT_TYPE,
        oauth2::http::HeaderValue::from_static("application/json"),
    );
    response
}
