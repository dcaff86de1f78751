//! id_tokens that look like the providers' own. The signature is a practice one: clients of a provider
//! that take the token straight from the token endpoint over TLS need not check it (OpenID Connect Core
//! 3.1.3.7), and nobody should be able to mistake these for real.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

pub fn sign(claims: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "practice" });
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"practice").expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(mac.finalize().into_bytes()))
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
