//! What most providers do alike.

use std::collections::BTreeMap;

use crate::desk::{Ask, Decided, Desk};
use crate::faults::Problem;
use crate::providers::{Answer, Pkce, Registered, UnknownScopes};
use crate::wire::{Reply, Request};

/// The sign-in of OAuth 2.0 by the provider's declarations; answers with the consent page.
pub fn authorize(desk: &Desk, request: &Request) -> Answer {
    let declared = &desk.provider.authorize;
    let app = desk.app(request.query("client_id").unwrap_or_default())?;
    let redirect_uri = desk.redirect(app, request.query("redirect_uri"))?;
    let back = crate::desk::Back {
        redirect_uri: redirect_uri.clone(),
        state: request.query("state").map(str::to_owned),
    };
    // From here on the way back is known to be the app's, so trouble can be taken home.
    let asked = (|| {
        for (name, value) in declared.must {
            let said = request.query(name).ok_or(Problem::BadParameter(name))?;
            if !value.is_empty() && said != *value {
                return Err(Problem::BadParameter(name));
            }
        }
        if declared.state_required && request.query("state").is_none_or(str::is_empty) {
            return Err(Problem::BadParameter("state"));
        }
        Ok((scopes(desk, request)?, challenge(desk, app, request)?))
    })();
    let (scopes, challenge) = match asked {
        Ok(asked) => asked,
        Err(problem) => return Ok(desk.say_back(problem, crate::Stage::Authorize, request, Some(&back))),
    };
    Ok(desk.consent(Ask {
        client_id: app.client_id.to_owned(),
        redirect_sent: request.query("redirect_uri").map(str::to_owned),
        redirect_uri,
        state: back.state,
        scopes,
        challenge,
        extras: BTreeMap::new(),
    }))
}

fn scopes(desk: &Desk, request: &Request) -> Result<Vec<String>, Problem> {
    let declared = &desk.provider.authorize;
    let known = |scope: &str| desk.provider.permissions.iter().any(|permission| permission.scope == scope);
    if declared.scope.is_empty() {
        return Ok(desk.provider.permissions.iter().map(|it| it.scope.to_owned()).collect());
    }
    let said = request.query(declared.scope).unwrap_or_default();
    let mut scopes: Vec<String> = Vec::new();
    for scope in said.split(declared.separator).map(str::trim).filter(|scope| !scope.is_empty()) {
        match declared.unknown_scopes {
            UnknownScopes::Refused if !known(scope) => return Err(Problem::UnknownScope),
            UnknownScopes::Dropped if !known(scope) => continue,
            _ if scopes.iter().any(|it| it == scope) => continue,
            _ => scopes.push(scope.to_owned()),
        }
    }
    if scopes.is_empty() {
        scopes = declared.default_scopes.iter().map(|&scope| scope.to_owned()).collect();
    }
    Ok(scopes)
}

fn challenge(desk: &Desk, app: &Registered, request: &Request) -> Result<Option<String>, Problem> {
    let needed = match desk.provider.pkce {
        Pkce::Ignored => return Ok(None),
        Pkce::Optional => false,
        Pkce::WithoutSecret => app.client_secret.is_none(),
        Pkce::Required => true,
    };
    match (request.query("code_challenge"), request.query("code_challenge_method")) {
        (Some(challenge), Some("S256")) if challenge.len() == 43 => Ok(Some(challenge.to_owned())),
        (None, None) if !needed => Ok(None),
        _ => Err(Problem::ChallengeMissing),
    }
}

/// Code and state.
pub fn call_back(_: &Desk, decided: &Decided) -> Vec<(String, String)> {
    let mut pairs = vec![("code".to_owned(), decided.code.to_owned())];
    if let Some(state) = &decided.back.state {
        pairs.push(("state".to_owned(), state.clone()));
    }
    pairs
}

/// Who a token request says it comes from.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: Option<String>,
}

impl Credentials {
    /// `client_id` and `client_secret` in the body, form or JSON.
    pub fn body(request: &Request) -> Credentials {
        Credentials {
            client_id: request.field("client_id").unwrap_or_default(),
            client_secret: request.field("client_secret"),
        }
    }

    /// HTTP Basic; an empty name when there is none.
    pub fn basic(request: &Request) -> Credentials {
        let (client_id, secret) = request.basic().unwrap_or_default();
        Credentials { client_id, client_secret: Some(secret).filter(|secret| !secret.is_empty()) }
    }

    /// Basic where sent, else the body.
    pub fn either(request: &Request) -> Credentials {
        if request.basic().is_some() { Credentials::basic(request) } else { Credentials::body(request) }
    }

    /// The app, with the secret it has; an app without secret sends none.
    pub fn check(&self, desk: &Desk) -> Result<&'static Registered, Problem> {
        let app = desk.app(&self.client_id)?;
        match (app.client_secret, self.client_secret.as_deref()) {
            (None, None) => Ok(app),
            (Some(right), Some(said)) if right == said => Ok(app),
            (Some(_), Some(_)) => Err(Problem::WrongSecret),
            (Some(_), None) => Err(Problem::SecretMissing),
            (None, Some(_)) => Err(Problem::SecretForbidden),
        }
    }
}

/// For revocation endpoints in the manner of RFC 7009: ends the grant of `token`, known or not.
pub fn revoke(desk: &Desk, token: &str) -> Reply {
    if let Some(grant) = desk.grant_of(token) {
        desk.end(grant.id);
    }
    Reply::empty(200)
}
