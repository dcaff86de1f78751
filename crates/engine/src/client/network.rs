//! How the organisation's network is reached, as the person typed it.

use url::Url;

use crate::error::{Error, Result};

/// How the organisation's network is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// `http://proxy.acme.example:8080`; empty for what the system says.
    pub proxy: String,
    /// Certificates in PEM to trust beside the system's; empty for none.
    pub extra_ca: String,
}

pub(super) fn proxy(text: &str) -> Result<Option<reqwest::Proxy>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || {
        Error::field(
            "proxy",
            "Tieline cannot use this as a proxy. Write it as http://proxy.acme.example:8080.",
        )
    };
    let address = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&address).map_err(|_| bad())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::field(
            "proxy",
            "A proxy's user name and password cannot be kept here, because settings are not encrypted. Leave them out.",
        ));
    }
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || url.path() != "/" {
        return Err(bad());
    }
    let proxy = reqwest::Proxy::all(url).map_err(|_| bad())?;
    Ok(Some(proxy.no_proxy(reqwest::NoProxy::from_string("localhost,127.0.0.1,::1"))))
}

pub(super) fn certificates(pem: &str) -> Result<Vec<reqwest::Certificate>> {
    if pem.trim().is_empty() {
        return Ok(Vec::new());
    }
    if pem.contains("PRIVATE KEY") {
        return Err(Error::field(
            "extra_ca",
            "This is a private key. Paste the certificate only, and keep the key where it was.",
        ));
    }
    match reqwest::Certificate::from_pem_bundle(pem.as_bytes()) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(bad_certificate()),
    }
}

pub(super) fn bad_certificate() -> Error {
    Error::field(
        "extra_ca",
        "This is not a certificate in PEM form. Paste the text from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.",
    )
}
