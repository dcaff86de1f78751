//! Proof of possession (RFC 9449): a token that is bound to a key is worth nothing to whoever copies the token alone.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::clock::Seconds;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// The key of one sign-in, on P-256. A thief of the whole keyring entry has it too: the keyrings that Tieline reaches
/// keep texts and sign nothing, so there is none from which a key cannot be taken out. The library wipes it when the
/// last copy is dropped.
#[derive(Clone)]
pub struct ProofKey(Arc<EcdsaKeyPair>);

/// An access token, with the key where it is bound to one.
#[derive(Debug, Clone)]
pub struct Access {
    pub token: Secret,
    pub key: Option<ProofKey>,
}

/// What a proof is made for. It is good for this one request.
pub struct Proven<'a> {
    pub method: &'a str,
    pub url: &'a Url,
    /// The token that goes with the request.
    pub token: Option<&'a Secret>,
    /// What the server gave to be repeated.
    pub nonce: Option<&'a str>,
    pub at: Seconds,
}

impl ProofKey {
    pub fn make() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Ok(Self(Arc::new(pair.map_err(|_| Error::internal("the system gives no random numbers"))?)))
    }

    /// Reads what [`ProofKey::text`] wrote.
    pub fn read(text: &str) -> Result<Self> {
        let bad = || Error::internal("a key in the keyring is not readable");
        let der = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|_| bad())?;
        Ok(Self(Arc::new(pair)))
    }

    /// The key itself, for the keyring: PKCS #8 in base64url.
    pub fn text(&self) -> Result<Secret> {
        let der = self.0.to_pkcs8v1().map_err(|_| Error::internal("a key does not write itself"))?;
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(der.as_ref())))
    }

    /// The public half's name (RFC 7638 §3), to which the server binds code and tokens.
    pub fn thumbprint(&self) -> String {
        let (x, y) = self.point();
        // The members in this order and without spaces.
        hashed(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }

    /// The `DPoP` header (RFC 9449 §4.2).
    pub fn proof(&self, of: &Proven<'_>) -> Result<String> {
        let mut own = [0_u8; 16];
        getrandom::fill(&mut own).map_err(|_| Error::internal("the system gives no random numbers"))?;
        let (x, y) = self.point();
        let head = json!({
            "typ": "dpop+jwt", "alg": "ES256", "jwk": { "kty": "EC", "crv": "P-256", "x": x, "y": y },
        });
        let mut address = of.url.clone();
        address.set_query(None);
        address.set_fragment(None);
        let mut claims = json!({
            "jti": URL_SAFE_NO_PAD.encode(own), "htm": of.method, "htu": address.as_str(), "iat": of.at,
        });
        if let Some(token) = of.token {
            claims["ath"] = hashed(token.expose()).into();
        }
        if let Some(nonce) = of.nonce {
            claims["nonce"] = nonce.into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| Error::internal("a key does not sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Both coordinates of the public point (RFC 7518 §6.2.1), out of its uncompressed form.
    fn point(&self) -> (String, String) {
        let point = self.0.public_key().as_ref();
        let (x, y) = point.split_at_checked(33).unwrap_or((point, &[]));
        (URL_SAFE_NO_PAD.encode(x.get(1..).unwrap_or_default()), URL_SAFE_NO_PAD.encode(y))
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(…)")
    }
}

fn hashed(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    /// Head and claims of a proof whose signature its own public key confirms.
    fn opened(proof: &str) -> (Value, Value) {
        let parts: Vec<&str> = proof.split('.').collect();
        let [head, claims, signature] = parts[..] else { panic!("{proof} has {} parts", parts.len()) };
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
        let read = |part: &str| serde_json::from_slice::<Value>(&bytes(part)).expect("JSON");
        let jwk = &read(head)["jwk"];
        let point: Vec<u8> =
            [vec![4], bytes(jwk["x"].as_str().expect("x")), bytes(jwk["y"].as_str().expect("y"))].concat();
        assert_eq!((point.len(), bytes(signature).len()), (65, 64));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(format!("{head}.{claims}").as_bytes(), &bytes(signature))
            .expect("the signature is the key's");
        (read(head), read(claims))
    }

    fn made(key: &ProofKey, url: &str, token: Option<&Secret>, nonce: Option<&str>) -> String {
        let url = Url::parse(url).expect("an address");
        key.proof(&Proven { method: "POST", url: &url, token, nonce, at: 1_562_262_616 }).expect("a proof")
    }

    #[test]
    fn a_proof_is_as_rfc_9449_4_2_says() {
        let key = ProofKey::make().expect("a key");
        let (head, claims) = opened(&made(&key, "https://server.example.com/token?tenant=a#b", None, None));
        assert_eq!((&head["typ"], &head["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        let members: Vec<&String> = head["jwk"].as_object().expect("a key").keys().collect();
        assert_eq!(members, ["crv", "kty", "x", "y"], "the private half stays");
        assert_eq!(claims["htm"], "POST");
        assert_eq!(claims["htu"], "https://server.example.com/token", "without query and fragment");
        assert_eq!(claims["iat"], 1_562_262_616);
        assert!(claims.get("ath").is_none() && claims.get("nonce").is_none());
    }

    #[test]
    fn a_proof_names_the_token_and_the_nonce_that_go_with_it() {
        let key = ProofKey::make().expect("a key");
        // RFC 9449 §7.1.
        let token = Secret::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
        let proof = made(&key, "https://resource.example.org/protectedresource", Some(&token), Some("n-1"));
        let (_, claims) = opened(&proof);
        assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        assert_eq!(claims["nonce"], "n-1");
        assert!(!proof.contains(token.expose()));
    }

    #[test]
    fn no_two_proofs_share_their_jti() {
        let key = ProofKey::make().expect("a key");
        let all: std::collections::HashSet<String> = (0..100)
            .map(|_| opened(&made(&key, "https://a.example/t", None, None)).1["jti"].to_string())
            .collect();
        assert_eq!(all.len(), 100);
        assert!(all.iter().all(|jti| jti.len() >= 22), "96 bits at least");
    }

    #[test]
    fn a_key_comes_back_from_its_text_and_shows_itself_nowhere() {
        let key = ProofKey::make().expect("a key");
        let text = key.text().expect("its text");
        let again = ProofKey::read(text.expose()).expect("the same key");
        assert_eq!(key.thumbprint(), again.thumbprint());
        assert_ne!(key.thumbprint(), ProofKey::make().expect("another").thumbprint());
        let access = Access { token: Secret::new("t"), key: Some(again) };
        assert_eq!(format!("{access:?}"), "Access { token: Secret(…), key: Some(ProofKey(…)) }");
        assert!(ProofKey::read("").is_err() && ProofKey::read("bm8ga2V5").is_err());
    }

    #[test]
    fn a_thumbprint_is_as_rfc_7638_says() {
        // The key and the jkt of RFC 9449 §4.1 and §6.1.
        let (x, y) =
            ("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA");
        let told = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        assert_eq!(hashed(&told), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        let key = ProofKey::make().expect("a key");
        let (head, _) = opened(&made(&key, "https://a.example/t", None, None));
        let jwk = &head["jwk"];
        let told = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        assert_eq!(key.thumbprint(), hashed(&told));
    }
}
