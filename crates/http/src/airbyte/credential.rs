//! Secrets in a source's configuration: taken out of it, and never kept with it.

use serde_json::{Map, Value};
use tieline_engine::{Result, Secret};

use super::Ask;
use super::ask::snake;

/// What stands in place of a secret, in what is kept and in every answer, as at Airbyte.
const MASK: &str = "**********";

/// Names of secret fields end so.
const SECRET_ENDS: [&str; 8] =
    ["token", "secret", "password", "api_key", "apikey", "access_key", "private_key", "service_account_info"];

/// Names under which a sign-in's coordinate comes. It is used up where it is taken, and of no use to whoever reads it.
const COORDINATES: [&str; 2] = ["secret_id", "connection_id"];

fn is_secret(name: &str) -> bool {
    let coordinate = COORDINATES.contains(&snake(name).as_str());
    let name = name.to_ascii_lowercase();
    coordinate || name == "service_account" || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

/// A configuration with its secrets masked, at any depth.
pub(crate) fn masked(configuration: &Map<String, Value>) -> Map<String, Value> {
    let masked = |(name, value): (&String, &Value)| (name.clone(), mask(is_secret(name), value));
    configuration.iter().map(masked).collect()
}

fn mask(secret: bool, value: &Value) -> Value {
    match value {
        Value::Object(fields) if secret => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), mask(true, value))).collect())
        }
        Value::Object(fields) => Value::Object(masked(fields)),
        Value::Array(values) => Value::Array(values.iter().map(|value| mask(secret, value)).collect()),
        Value::String(text) if secret && !text.is_empty() => Value::String(MASK.into()),
        Value::Number(_) if secret => Value::String(MASK.into()),
        other => other.clone(),
    }
}

/// A sign-in, by its coordinate.
pub(crate) struct SignIn {
    /// Where it stood, for errors.
    pub field: String,
    pub id: String,
}

/// The sign-in that a request names: beside the configuration, at its top, or in an object there, into which clients
/// merge what a completed sign-in answered.
///
/// # Errors
/// `BadInput` where it is no text.
pub(crate) fn sign_in(ask: &Ask, configuration: &Map<String, Value>) -> Result<Option<SignIn>> {
    for name in COORDINATES {
        if let Some(id) = ask.text(name)? {
            return Ok(Some(SignIn { field: name.to_owned(), id: id.to_owned() }));
        }
    }
    let objects =
        configuration.iter().filter_map(|(name, value)| Some((format!(".{name}"), value.as_object()?)));
    let mut places = std::iter::once((String::new(), configuration)).chain(objects);
    Ok(places.find_map(|(path, place)| {
        place.iter().find_map(|(name, value)| {
            let id = value.as_str().filter(|id| !id.is_empty() && *id != MASK)?;
            let is = COORDINATES.contains(&snake(name).as_str());
            is.then(|| SignIn { field: format!("configuration{path}.{name}"), id: id.to_owned() })
        })
    }))
}

/// Tokens that a client obtained elsewhere and put into a configuration.
pub(crate) struct Tokens {
    pub access: Secret,
    pub refresh: Option<Secret>,
}

/// At the top, or in the one object that holds the credentials.
pub(crate) fn tokens(configuration: &Map<String, Value>) -> Option<Tokens> {
    let places = std::iter::once(configuration).chain(configuration.values().filter_map(Value::as_object));
    let secret = |place: &Map<String, Value>, name: &str| {
        let text = place.get(name)?.as_str()?.trim();
        (!text.is_empty() && text != MASK).then(|| Secret::new(text))
    };
    places.into_iter().find_map(|place| {
        let access = secret(place, "access_token")?;
        Some(Tokens { access, refresh: secret(place, "refresh_token") })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_secret_of_a_configuration_stays_in_it() {
        let given = json!({
            "subdomain": "acme", "start_date": "2024-01-01T00:00:00Z", "token_expiry_date": "2024-01-01", "num_workers": 3,
            "client_secret": "s1", "refresh_token": "", "api_key": 12345,
            "credentials": { "credentials": "oauth2.0", "access_token": "s2", "client_id": "app",
                             "service_account": { "private_key": "s3", "client_email": "s4" } },
            "accounts": [{ "password": "s5" }], "secret": ["s6"],
        });
        let kept = Value::Object(masked(given.as_object().unwrap()));
        let text = kept.to_string();
        for secret in ["s1", "s2", "s3", "s4", "s5", "s6", "12345"] {
            assert!(!text.contains(&format!("\"{secret}\"")) && !text.contains("12345"), "{text}");
        }
        assert_eq!(kept["credentials"]["credentials"], "oauth2.0");
        assert_eq!(kept["credentials"]["client_id"], "app");
        assert_eq!(kept["refresh_token"], "");
        assert_eq!((&kept["num_workers"], &kept["token_expiry_date"]), (&json!(3), &json!("2024-01-01")));
    }

    #[test]
    fn a_sign_in_is_found_where_clients_put_it() {
        let found = |ask: Value, configuration: Value| {
            let ask = Ask::new(ask.as_object().unwrap().clone());
            sign_in(&ask, configuration.as_object().unwrap()).unwrap().map(|it| (it.field, it.id))
        };
        let at = |field: &str| Some((field.to_owned(), "s".to_owned()));
        assert_eq!(found(json!({ "secretId": "s" }), json!({ "secret_id": "other" })), at("secret_id"));
        assert_eq!(found(json!({}), json!({ "secret_id": "s" })), at("configuration.secret_id"));
        let nested = json!({ "subdomain": "acme", "credentials": { "secretId": "s" } });
        assert_eq!(found(json!({}), nested.clone()), at("configuration.credentials.secretId"));
        let kept = masked(nested.as_object().unwrap());
        assert_eq!(kept["credentials"]["secretId"], MASK);
        assert_eq!(found(json!({}), Value::Object(kept)), None);
        assert!(sign_in(&Ask::read(br#"{"secret_id": 7}"#).unwrap(), &Map::new()).is_err());
    }

    #[test]
    fn tokens_are_found_where_clients_put_them() {
        let found = |value: Value| tokens(value.as_object().unwrap());
        let nested = found(json!({ "credentials": { "access_token": "a", "refresh_token": "r" } })).unwrap();
        assert_eq!((nested.access.expose(), nested.refresh.unwrap().expose()), ("a", "r"));
        assert!(found(json!({ "access_token": "a" })).unwrap().refresh.is_none());
        assert!(found(json!({ "credentials": { "access_token": MASK }, "api_token": "x" })).is_none());
    }
}
