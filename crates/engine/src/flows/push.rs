//! The authorization request given to the provider ahead of the browser (RFC 9126): what the browser's address holds is
//! a reference to it, and nothing that could be read or changed on the way.

use std::sync::Arc;

use serde_json::Value;
use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Cause, ErrorPlace, Method, Provider};
use url::Url;

use crate::client::{Body, Request};
use crate::connection::Trouble;
use crate::diagnose::{self, About};
use crate::error::{Code, Error, Result};
use crate::oauth::{self, Refusal};
use crate::problem::PressAction;
use crate::secret::Secret;
use crate::world::{AppKeys, World};

/// A request that is pushed each time the browser is to be opened, because its reference is short-lived and may be good
/// for one use only (RFC 9126 §2.2, §4).
pub(crate) struct Push {
    pub provider: Arc<Provider>,
    pub fields: Fields,
    pub app: AppKeys,
    pub redirect: String,
    pub scopes: Vec<String>,
    pub more_scopes: bool,
    /// As the browser would carry it.
    pub request: Url,
}

impl Push {
    /// Pushes the request; yields the address for the browser.
    pub async fn link(&self, world: &World) -> Result<Url> {
        let answer = world.client().send(self.request()?).await?;
        let reference = serde_json::from_str::<Value>(answer.body.expose())
            .ok()
            .filter(|_| (200..300).contains(&answer.status))
            .and_then(|reply| reply.get("request_uri").and_then(oauth::plain));
        match reference {
            Some(uri) => oauth::by_reference(&self.provider, &self.fields, &self.app.row.client_id, &uri),
            None => Err(self.refused(world, &oauth::refusal(answer.status, &answer.said()))),
        }
    }

    fn request(&self) -> Result<Request> {
        let oauth = &self.provider.oauth;
        let bad = || Error::internal(format!("the push address of {} is not an address", self.provider.name));
        let fill = |template: &str| {
            template::fill_url(template, &self.fields).ok().and_then(|url| Url::parse(&url).ok())
        };
        let url = oauth.push_url.as_deref().and_then(fill).ok_or_else(bad)?;
        let homes = [fill(&oauth.token_url), oauth.issuer.as_deref().and_then(fill)];
        let allowed_hosts =
            homes.iter().flatten().filter_map(|home| home.host_str().map(str::to_owned)).collect();
        let basic = self.app.basic(&self.provider);
        let mut form: Vec<(String, Secret)> = oauth::pushed(&self.provider, &self.fields, &self.request)?
            .into_iter()
            .map(|(name, value)| (name, Secret::new(value)))
            .collect();
        if let (None, Some(secret)) = (&basic, &self.app.secret) {
            form.push(("client_secret".into(), secret.clone()));
        }
        Ok(Request {
            method: Method::Post,
            url,
            headers: vec![("Accept".into(), "application/json".into())],
            bearer: None,
            proof: None,
            basic,
            body: Body::Form(form),
            allowed_hosts,
        })
    }

    /// What would have been a page of errors in the browser, in words and at its field.
    fn refused(&self, world: &World, refusal: &Refusal) -> Error {
        let provider = &self.provider;
        let mut trouble = diagnose::trouble(provider, ErrorPlace::Callback, refusal, world.now());
        if is_about_the_redirect(refusal) {
            trouble.cause = Cause::RedirectMismatch;
        }
        if trouble.cause == Cause::ScopeMissing {
            let asked = self.scopes.join(", ");
            trouble.says = Some(format!(
                "{} does not let this app ask for all of these permissions: {asked}.",
                provider.name
            ));
        }
        let about = About {
            client_id: &self.app.row.client_id,
            redirect: &self.redirect,
            scopes: &self.scopes,
            ..About::default()
        };
        let problem = diagnose::problem(provider, &trouble, &about);
        let (code, hint) = match trouble.cause {
            _ if problem.press.action == PressAction::EditApp || trouble.cause == Cause::ScopeMissing => {
                (Code::NotSetUp, "Look at the app set-up, or ask your administrator.")
            }
            _ if is_passing(&trouble) => (Code::Temporary, "Wait a moment and try again."),
            _ => (Code::Refused, "Try again. If it stays, ask your administrator."),
        };
        let mut error = Error::new(code, format!("{} {}", problem.happened, problem.why), hint);
        error.field = match trouble.cause {
            Cause::ScopeMissing if self.more_scopes => Some("more_scopes".into()),
            Cause::RedirectMismatch => Some("way".into()),
            _ => None,
        };
        error
    }
}

fn is_about_the_redirect(refusal: &Refusal) -> bool {
    refusal.codes.iter().any(|code| {
        code == "invalid_redirect_uri"
            || code == "invalid_request" && refusal.description.contains("redirect_uri")
    })
}

fn is_passing(trouble: &Trouble) -> bool {
    matches!(trouble.cause, Cause::Temporary | Cause::RateLimited | Cause::Garbage)
}
