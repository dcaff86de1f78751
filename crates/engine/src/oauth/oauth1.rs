//! OAuth 1.0a with HMAC-SHA1 (RFC 5849), for the one provider that speaks it.

use std::collections::BTreeMap;

use oauth1_request::{Builder, Credentials, HMAC_SHA1, signature_method::HmacSha1};
use tieline_catalog::Provider;
use tieline_catalog::template::{self, Fields};
use url::Url;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// A token with its secret: the request token first, the access token at last.
#[derive(Debug, Clone)]
pub struct Oauth1Token {
    pub token: String,
    pub secret: Secret,
}

/// The `Authorization` header of a signed POST. `callback` goes with the request for a request token, `verifier`
/// with the one for the access token.
pub fn signature(
    url: &Url,
    client: (&str, &Secret),
    token: Option<&Oauth1Token>,
    callback: Option<&str>,
    verifier: Option<&str>,
) -> String {
    let client = Credentials::new(client.0, client.1.expose());
    let mut builder: Builder<'_, HmacSha1, _, _> = Builder::new(client, HMAC_SHA1);
    if let Some(token) = token {
        builder.token(Credentials::new(token.token.as_str(), token.secret.expose()));
    }
    if let Some(callback) = callback {
        builder.callback(callback);
    }
    if let Some(verifier) = verifier {
        builder.verifier(verifier);
    }
    builder.post(url.as_str(), &())
}

/// Where the browser goes, with the wishes that pre-fill the provider's form.
pub fn authorize_url(provider: &Provider, fields: &Fields, token: &str) -> Result<Url> {
    let url = template::fill_url(&provider.oauth.authorize_url, fields)
        .map_err(|field| Error::field(field, format!("{field} is needed for the sign-in address.")))?;
    let mut url = Url::parse(&url).map_err(|_| Error::internal("the sign-in address is not an address"))?;
    {
        let mut pairs = url.query_pairs_mut();
        pairs.append_pair("oauth_token", token);
        for (name, value) in &provider.oauth.authorize_parameters {
            pairs.append_pair(name, &template::fill_gently(value, fields));
        }
    }
    Ok(url)
}

/// Reads a form-encoded reply.
pub fn read_form(body: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}
