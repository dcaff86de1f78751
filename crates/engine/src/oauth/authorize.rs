//! The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3) and the check of its answer.

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Pkce, Provider};
use url::Url;

use super::proof::ProofKey;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// What an authorization request is made of.
pub struct Asking<'a> {
    pub provider: &'a Provider,
    pub fields: &'a Fields,
    pub client_id: &'a str,
    pub redirect: &'a str,
    pub scopes: &'a [String],
    /// The key that the tokens are to be bound to.
    pub key: Option<&'a ProofKey>,
    /// Ends the state: tells the relay page where to forward. Empty elsewhere.
    pub state_suffix: &'a str,
}

/// An authorization request and the secrets that its answer will be held against.
pub struct Started {
    pub url: Url,
    /// 256 random bits, for one use.
    pub state: Secret,
    /// 32 random bytes as 43 base64url characters (RFC 7636 §4.1).
    pub verifier: Option<Secret>,
}

/// Makes the request. Every call has its own state and verifier.
pub fn start(asking: &Asking<'_>) -> Result<Started> {
    let oauth = &asking.provider.oauth;
    let page = page(asking.provider, asking.fields)?;
    let bad =
        || Error::internal(format!("the redirect address of {} is not an address", asking.provider.name));
    let client = BasicClient::new(ClientId::new(asking.client_id.to_owned()))
        .set_auth_uri(AuthUrl::from_url(page))
        .set_redirect_uri(RedirectUrl::new(asking.redirect.to_owned()).map_err(|_| bad())?);

    let random = CsrfToken::new_random_len(32).into_secret();
    let state =
        if asking.state_suffix.is_empty() { random } else { format!("{random}.{}", asking.state_suffix) };
    let mut request = client.authorize_url({
        let state = state.clone();
        move || CsrfToken::new(state)
    });
    let sent: Vec<&str> = asking.scopes.iter().map(String::as_str).collect();
    if !sent.is_empty() {
        if oauth.scope_parameter == "scope" && oauth.scope_separator == " " {
            request = request.add_scopes(sent.iter().map(|scope| Scope::new((*scope).to_owned())));
        } else {
            request =
                request.add_extra_param(oauth.scope_parameter.clone(), sent.join(&oauth.scope_separator));
        }
    }
    for (name, value) in &oauth.authorize_parameters {
        let value = template::fill_gently(value, asking.fields);
        if !value.is_empty() {
            request = request.add_extra_param(name.clone(), value);
        }
    }
    for (name, value) in &oauth.verbatim_parameters {
        request = request.add_extra_param(name.clone(), value.clone());
    }
    if let Some(key) = asking.key {
        // RFC 9449 §10: the code is of no use without the key either.
        request = request.add_extra_param("dpop_jkt", key.thumbprint());
    }
    let verifier = (oauth.pkce == Pkce::S256).then(|| {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        (challenge, Secret::new(verifier.into_secret()))
    });
    let (challenge, verifier) = verifier.unzip();
    if let Some(challenge) = challenge {
        request = request.set_pkce_challenge(challenge);
    }
    let (url, _) = request.url();
    Ok(Started { url, state: Secret::new(state), verifier })
}

/// What of a request is pushed: all of it but what the sign-in page's address holds by itself (RFC 9126 §2.1).
pub fn pushed(provider: &Provider, fields: &Fields, request: &Url) -> Result<Vec<(String, String)>> {
    let own = page(provider, fields)?.query_pairs().count();
    Ok(request.query_pairs().into_owned().skip(own).collect())
}

/// The address for the browser, of a request that was pushed (RFC 9126 §4).
pub fn by_reference(provider: &Provider, fields: &Fields, client_id: &str, request_uri: &str) -> Result<Url> {
    let mut page = page(provider, fields)?;
    page.query_pairs_mut().append_pair("client_id", client_id).append_pair("request_uri", request_uri);
    Ok(page)
}

fn page(provider: &Provider, fields: &Fields) -> Result<Url> {
    let url = template::fill_url(&provider.oauth.authorize_url, fields)
        .map_err(|field| Error::field(field, format!("{field} is needed for the sign-in address.")))?;
    Url::parse(&url)
        .map_err(|_| Error::internal(format!("the sign-in address of {} is not an address", provider.name)))
}

/// Why an answer does not belong to the request it names (RFC 9207 §2.4).
pub fn check_return(provider: &Provider, fields: &Fields, iss: Option<&str>) -> Result<(), String> {
    let another = || Err(format!("The answer names another issuer than {}.", provider.name));
    match (provider.oauth.issuer.as_deref(), iss) {
        (Some(expected), Some(iss)) if iss != expected => another(),
        (None, Some(iss)) if !is_at_home(provider, fields, iss) => another(),
        (Some(_), None) if provider.oauth.issuer_promised => {
            Err(format!("The answer names no issuer, as every genuine one of {} does.", provider.name))
        }
        _ => Ok(()),
    }
}

/// Whether an issuer that nobody announced is at the provider's sign-in hosts, above or below them.
fn is_at_home(provider: &Provider, fields: &Fields, iss: &str) -> bool {
    let Ok(iss) = Url::parse(iss) else { return false };
    let (Some(host), Some((scheme, _))) = (iss.host_str(), provider.oauth.authorize_url.split_once(':'))
    else {
        return false;
    };
    let below = |lower: &str, upper: &str| upper.contains('.') && lower.ends_with(&format!(".{upper}"));
    iss.scheme() == scheme
        && provider.oauth.browser_hosts.iter().any(|listed| {
            let listed = template::fill_gently(listed.trim_start_matches("*."), fields);
            listed == host || below(&listed, host) || below(host, &listed)
        })
}
