//! A connection's tokens as they lie in the vault: one entry, written whole and deleted whole.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::oauth::{Access, ProofKey, Tokens};
use crate::secret::Secret;

pub(crate) struct Pair {
    pub access: Access,
    pub refresh: Option<Secret>,
    /// Of this sign-in, from its beginning to its end. A refresh token may be bound to it where the access token is not
    /// (RFC 9449 §5).
    pub key: Option<ProofKey>,
}

#[derive(Serialize)]
struct Written<'a> {
    access: &'a str,
    refresh: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    /// The access token is bound to the key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bound: bool,
}

#[derive(Deserialize)]
struct Read {
    access: String,
    refresh: Option<String>,
    key: Option<String>,
    #[serde(default)]
    bound: bool,
}

impl Pair {
    /// `refresh` is what the reply brought, else the one in hand.
    pub fn new(tokens: &Tokens, refresh: Option<Secret>, key: Option<ProofKey>) -> Self {
        let access = Access { token: tokens.access.clone(), key: key.clone().filter(|_| tokens.bound) };
        Self { access, refresh, key }
    }

    /// Reads an entry. The error holds nothing of it.
    pub fn read(text: &Secret) -> Result<Self> {
        let bad = || Error::internal("an entry in the keyring is not readable");
        let Read { access, refresh, key, bound } = serde_json::from_str(text.expose()).map_err(|_| bad())?;
        let (access, refresh, key) = (Secret::new(access), refresh.map(Secret::new), key.map(Secret::new));
        let key = key.map(|key| ProofKey::read(key.expose())).transpose()?;
        if bound && key.is_none() {
            return Err(bad());
        }
        Ok(Self { access: Access { token: access, key: key.clone().filter(|_| bound) }, refresh, key })
    }

    pub fn text(&self) -> Result<Secret> {
        let key = self.key.as_ref().map(ProofKey::text).transpose()?;
        let entry = Written {
            access: self.access.token.expose(),
            refresh: self.refresh.as_ref().map(Secret::expose),
            key: key.as_ref().map(Secret::expose),
            bound: self.access.key.is_some(),
        };
        serde_json::to_string(&entry)
            .map(Secret::new)
            .map_err(|_| Error::internal("tokens do not write themselves"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(bound: bool) -> Tokens {
        Tokens {
            access: Secret::new("a\"\\ä"),
            bound,
            refresh: Some(Secret::new("r")),
            expires_in: None,
            refresh_expires_in: None,
            scopes: None,
            facts: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn a_pair_without_a_key_is_written_as_it_always_was() {
        let pair = Pair::new(&tokens(false), None, None);
        assert_eq!(pair.text().expect("its text").expose(), r#"{"access":"a\"\\ä","refresh":null}"#);
        let old = Pair::read(&Secret::new(r#"{ "access": "a\u00e4", "refresh": "r" }"#)).expect("a pair");
        assert_eq!((old.access.token.expose(), old.refresh.is_some()), ("aä", true));
        assert!(old.access.key.is_none() && old.key.is_none());
    }

    #[test]
    fn a_key_lies_with_its_tokens_and_goes_only_with_those_that_are_bound_to_it() {
        let key = ProofKey::make().expect("a key");
        for bound in [true, false] {
            let pair = Pair::new(&tokens(bound), Some(Secret::new("r")), Some(key.clone()));
            let again = Pair::read(&pair.text().expect("its text")).expect("the same pair");
            assert_eq!(again.access.token.expose(), "a\"\\ä");
            assert_eq!(again.access.key.is_some(), bound);
            assert_eq!(
                again.key.expect("the key stays for the refresh token").thumbprint(),
                key.thumbprint()
            );
        }
        assert!(Pair::read(&Secret::new(r#"{"access":"a","refresh":null,"bound":true}"#)).is_err());
        assert!(Pair::read(&Secret::new(r#"{"access":"a","refresh":null,"key":"x"}"#)).is_err());
    }
}
