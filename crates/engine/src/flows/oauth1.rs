//! The two requests of OAuth 1.0a (RFC 5849 §2.1, §2.3).

use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Method, Provider};
use url::Url;

use crate::client::{Body, Request};
use crate::diagnose;
use crate::error::{Code, Error, Result};
use crate::flows::connect::Kept;
use crate::flows::exchange::Failed;
use crate::oauth::{self, Oauth1Token, Refusal, Tokens};
use crate::secret::Secret;
use crate::world::{AppKeys, World};

/// The temporary credentials, held in memory while the browser has the floor.
pub(crate) struct RequestToken(pub Oauth1Token);

pub(crate) async fn request_token(
    world: &World,
    provider: &Provider,
    fields: &Fields,
    app: &AppKeys,
    callback: &str,
) -> Result<RequestToken> {
    let template = provider.oauth.request_url.as_deref().unwrap_or_default();
    let reply =
        ask(world, fields, template, app, None, Some(callback), None).await.map_err(
            |failed| match failed {
                Failed::Unreachable(error) => error,
                Failed::Refused { refusal, .. } => {
                    let trouble = diagnose::trouble(
                        provider,
                        tieline_catalog::ErrorPlace::Exchange,
                        &refusal,
                        world.now(),
                    );
                    let problem = diagnose::problem(provider, &trouble, &diagnose::About::default());
                    Error::new(
                        Code::Refused,
                        format!("{} {}", problem.happened, problem.why),
                        "Check the client key and secret in the app set-up.",
                    )
                }
            },
        )?;
    match (reply.get("oauth_token"), reply.get("oauth_token_secret")) {
        (Some(token), Some(secret))
            if reply.get("oauth_callback_confirmed").is_none_or(|it| it == "true") =>
        {
            Ok(RequestToken(Oauth1Token { token: token.clone(), secret: Secret::new(secret.clone()) }))
        }
        _ => Err(Error::new(
            Code::Temporary,
            format!("{} sent something unreadable.", provider.name),
            "Wait a moment and try again.",
        )),
    }
}

/// Exchanges the verifier. The token secret that comes is the key; it neither expires nor renews.
pub(crate) async fn access_token(world: &World, kept: &Kept, verifier: &str) -> Result<Tokens, Failed> {
    let token = kept.request_token.as_ref().map(|token| &token.0);
    let template = &kept.provider.oauth.token_url;
    let reply = ask(world, &kept.inputs, template, &kept.app, token, None, Some(verifier)).await?;
    let Some(key) = reply.get("oauth_token_secret").filter(|key| !key.is_empty()) else {
        let refusal =
            Refusal { status: 200, description: "the reply has no key".into(), ..Refusal::default() };
        return Err(Failed::Refused { refusal, retry_after: None });
    };
    let mut facts = std::collections::BTreeMap::new();
    for (name, place) in &kept.provider.oauth.reply.facts {
        if let Some(value) = reply.get(place.trim_start_matches('/')) {
            oauth::keep(&mut facts, name, value.clone());
        }
    }
    Ok(Tokens {
        access: Secret::new(key.clone()),
        bound: false,
        refresh: None,
        expires_in: None,
        refresh_expires_in: None,
        scopes: None,
        facts,
    })
}

async fn ask(
    world: &World,
    fields: &Fields,
    template: &str,
    app: &AppKeys,
    token: Option<&Oauth1Token>,
    callback: Option<&str>,
    verifier: Option<&str>,
) -> Result<std::collections::BTreeMap<String, String>, Failed> {
    let ours = || Failed::Unreachable(Error::internal("no address for the key request"));
    let url =
        template::fill_url(template, fields).ok().and_then(|url| Url::parse(&url).ok()).ok_or_else(ours)?;
    let secret = app.secret.clone().unwrap_or_default();
    let header = oauth::signature(&url, (&app.row.client_id, &secret), token, callback, verifier);
    let allowed_hosts = url.host_str().map(str::to_owned).into_iter().collect();
    let request = Request {
        method: Method::Post,
        url,
        headers: vec![("Authorization".into(), header)],
        bearer: None,
        proof: None,
        basic: None,
        body: Body::None,
        allowed_hosts,
    };
    let answer = world.client().send(request).await.map_err(Failed::Unreachable)?;
    if !(200..300).contains(&answer.status) {
        return Err(Failed::Refused {
            refusal: oauth::refusal(answer.status, &answer.said()),
            retry_after: answer.retry_after,
        });
    }
    Ok(oauth::read_form(answer.body.expose()))
}
