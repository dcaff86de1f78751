//! A service that is not in the catalogue, described by an admin, as a provider like any other. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use tieline_catalog::{
    AccessLife, Account, Category, ClientAuth, Lifetime, LoopbackHost, LoopbackPort, OAuth, Provider,
    Published, Redirect, RefreshKind, Register, Reply, Revoke, Scope, Secret, Step, Way,
};
use url::Url;

use crate::error::{Error, Result};

/// Names and values of a query.
pub type Parameters = Vec<(String, String)>;

/// The description, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    pub issuer: Option<String>,
    pub authorize_url: String,
    pub token_url: String,
    pub revocation_url: Option<String>,
    pub userinfo_url: Option<String>,
    pub scopes: Vec<String>,
    /// As they were written, in order; one may be there several times (RFC 8707 §2).
    #[serde(deserialize_with = "pairs")]
    pub authorize_parameters: Parameters,
    /// Sent to the token address with every request.
    #[serde(default)]
    pub token_parameters: BTreeMap<String, String>,
    pub has_secret: bool,
    /// How the secret is sent, where there is one.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// An admin said so, and not the metadata.
    #[serde(default)]
    pub client_auth_chosen: bool,
    #[serde(default)]
    pub issuer_promised: bool,
    /// The metadata lets one expect that the account stays signed in only with the prompt `consent`.
    #[serde(default)]
    pub offline_by_consent: bool,
    #[serde(default)]
    pub push_url: Option<String>,
    #[serde(default)]
    pub dpop: bool,
}

/// Parameters are also read as the map that they once were kept as.
fn pairs<'de, D: Deserializer<'de>>(from: D) -> Result<Parameters, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Pairs(Parameters),
        Map(BTreeMap<String, String>),
    }
    Kept::deserialize(from).map(|kept| match kept {
        Kept::Pairs(pairs) => pairs,
        Kept::Map(map) => map.into_iter().collect(),
    })
}

/// Parameters of an authorization request that are ours to set.
const OURS: [&str; 7] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
];

/// Turns the admin's words about scopes, prompt and parameters into what is sent.
pub struct Wishes<'a> {
    pub scopes: &'a str,
    pub prompt: Option<&'a str>,
    pub offline_access: bool,
    /// A query string.
    pub additional: &'a str,
}

impl Wishes<'_> {
    /// Scopes, and parameters besides ours. Errors name the field.
    pub fn read(&self) -> Result<(Vec<String>, Parameters)> {
        let mut parameters = self.parameters()?;
        let has = |wanted: &str| parameters.iter().any(|(name, _)| name == wanted);
        let prompt = match self.prompt.map(str::trim) {
            Some(prompt) => {
                prompt.split(['+', ' ']).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
            }
            None if has("approval_prompt") || has("prompt") => String::new(),
            None => "login".into(),
        };
        if !prompt.is_empty() {
            if !prompt.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
                return Err(Error::field(
                    "prompt",
                    "A prompt is one of login, consent, select_account or none; several joined by +.",
                ));
            }
            parameters.push(("prompt".into(), prompt));
        }
        Ok((self.scopes()?, parameters))
    }

    fn scopes(&self) -> Result<Vec<String>> {
        let mut scopes: Vec<String> = Vec::new();
        for scope in self.scopes.split([' ', '\n', '\t']).filter(|scope| !scope.is_empty()) {
            // RFC 6749 §3.3
            if !scope
                .bytes()
                .all(|byte| byte == 0x21 || (0x23..=0x5b).contains(&byte) || (0x5d..=0x7e).contains(&byte))
            {
                return Err(Error::field(
                    "scopes",
                    format!("{scope} is not a scope. Separate scopes by spaces."),
                ));
            }
            if !scopes.iter().any(|it| it == scope) {
                scopes.push(scope.to_owned());
            }
        }
        if self.offline_access && !scopes.iter().any(|scope| scope == "offline_access") {
            scopes.push("offline_access".into());
        }
        Ok(scopes)
    }

    fn parameters(&self) -> Result<Parameters> {
        let wrong = |words: String| Err(Error::field("additional_parameters", words));
        let mut parameters = Parameters::new();
        let query = self.additional.trim().trim_start_matches(['?', '&']);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if name.is_empty() || value.chars().any(char::is_control) {
                return wrong("Write parameters like a query: audience=x&hd=acme.com.".into());
            }
            if OURS.contains(&name.as_ref()) {
                return wrong(format!("Tieline sets {name} itself. Take it out here."));
            }
            // The answer is read from the query of the address that the browser comes back to.
            if name == "response_mode" && value != "query" {
                return wrong("The answer has to come back as a query. Take response_mode out here.".into());
            }
            let prompted = self.prompt.is_some_and(|prompt| !prompt.trim().is_empty());
            if name == "prompt" && (prompted || parameters.iter().any(|(known, _)| known == "prompt")) {
                return wrong("prompt has a field of its own. Take it out here or there.".into());
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(parameters)
    }
}

/// The wishes as they would be typed anew.
pub struct Typed {
    pub scopes: String,
    pub prompt: Option<String>,
    pub offline_access: bool,
    pub additional: String,
}

/// How the app proves itself, as an admin says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// As the metadata says, else in the body.
    AsTold,
    By(ClientAuth),
    /// A public client: there is no secret.
    Nothing,
}

impl Proof {
    pub fn read(text: Option<&str>) -> Result<Self> {
        match text.map(str::trim) {
            None | Some("") => Ok(Self::AsTold),
            Some("basic") => Ok(Self::By(ClientAuth::Basic)),
            Some("body") => Ok(Self::By(ClientAuth::Body)),
            Some("none") => Ok(Self::Nothing),
            Some(_) => Err(Error::field(
                "client_auth",
                "The app proves itself by basic, body or none. Choose one, or leave this empty.",
            )),
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::AsTold => "",
            Self::By(ClientAuth::Basic) => "basic",
            Self::By(ClientAuth::Body) => "body",
            Self::Nothing => "none",
        }
    }
}

/// Checks an address of a described service: https, with a host and without user info. `http` is for this
/// computer's own addresses, in practice mode only.
pub fn address(field: &str, text: &str, practice: bool) -> Result<Url> {
    let url = Url::parse(text.trim()).map_err(|_| {
        Error::field(field, "This is not a web address. It looks like https://login.example.com/authorize.")
    })?;
    let own = practice
        && url.scheme() == "http"
        && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if url.scheme() != "https" && !own {
        return Err(Error::field(
            field,
            "The address has to begin with https://, so that nobody can listen in.",
        ));
    }
    if url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::field(field, "The address needs a host and no user name."));
    }
    if url.fragment().is_some() {
        return Err(Error::field(field, "The address must not hold a #."));
    }
    Ok(url)
}

/// The id of a service that an organization's program described. The colon keeps it apart from an admin's.
pub fn id_of_program(organization: i64, service: &str) -> String {
    format!("CUSTOM_{organization}:{service}")
}

pub fn is_of_program(id: &str) -> bool {
    id.starts_with("CUSTOM_") && id.contains(':')
}

impl Service {
    /// The id: the name in upper case, marked so that it cannot meet a built-in one.
    pub fn id(name: &str) -> Result<String> {
        let id: String = name
            .trim()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        let id = id.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
        if id.is_empty() || id.len() > 40 {
            return Err(Error::field("name", "Give the service a name of 1 to 40 letters or digits."));
        }
        Ok(format!("CUSTOM_{id}"))
    }

    pub fn proof(&self) -> Proof {
        match (self.client_auth_chosen, self.has_secret) {
            (false, _) => Proof::AsTold,
            (true, true) => Proof::By(self.client_auth),
            (true, false) => Proof::Nothing,
        }
    }

    pub fn typed(&self) -> Typed {
        let (offline, scopes): (Vec<&str>, Vec<&str>) =
            self.scopes.iter().map(String::as_str).partition(|scope| *scope == "offline_access");
        let mut additional = url::form_urlencoded::Serializer::new(String::new());
        additional.extend_pairs(self.authorize_parameters.iter().filter(|(name, _)| name != "prompt"));
        let sent = |wanted: &str| self.authorize_parameters.iter().find(|(name, _)| name == wanted);
        let prompt = match sent("prompt") {
            Some((_, prompt)) => Some(prompt.replace(' ', "+")),
            None if sent("approval_prompt").is_some() => None,
            None => Some(String::new()),
        };
        Typed {
            scopes: scopes.join(" "),
            prompt,
            offline_access: !offline.is_empty(),
            additional: additional.finish(),
        }
    }

    pub fn provider(&self, id: &str) -> Provider {
        let host = |url: &str| Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let urls = [Some(&self.token_url), self.revocation_url.as_ref(), self.userinfo_url.as_ref()];
        let mut api_hosts: Vec<String> = urls.into_iter().flatten().filter_map(|url| host(url)).collect();
        api_hosts.dedup();
        let step = |url: &String| Step {
            method: tieline_catalog::Method::Get,
            url: url.clone(),
            headers: BTreeMap::new(),
            auth: tieline_catalog::StepAuth::Bearer,
            form: BTreeMap::new(),
            json: BTreeMap::new(),
            facts: [("sub", "/sub"), ("name", "/name"), ("email", "/email")]
                .map(|(name, pointer)| (name.to_owned(), pointer.to_owned()))
                .into(),
            pick: None,
            optional: true,
            scopes: vec![],
            needs: vec![],
            unless: None,
            each_token: false,
        };
        let by_basic = self.has_secret && self.client_auth == ClientAuth::Basic;
        let mut revoke_form = vec!["token"];
        if !by_basic {
            revoke_form.push("client_id");
        }
        if self.has_secret && !by_basic {
            revoke_form.push("client_secret");
        }
        let revoke = self.revocation_url.iter().map(|url| Step {
            method: tieline_catalog::Method::Post,
            auth: if by_basic { tieline_catalog::StepAuth::Client } else { tieline_catalog::StepAuth::None },
            form: revoke_form.iter().map(|name| ((*name).to_owned(), format!("{{{name}}}"))).collect(),
            facts: BTreeMap::new(),
            each_token: true,
            optional: false,
            ..step(url)
        });
        Provider {
            published: Published::default(),
            id: id.to_owned(),
            name: self.name.clone(),
            category: Category::Other,
            summary: "A service that your organisation described".into(),
            monogram: self.name.chars().filter(|c| c.is_alphanumeric()).take(2).collect(),
            color: "#4c524f".into(),
            notice: None,
            inputs: vec![],
            oauth: OAuth {
                protocol: tieline_catalog::Protocol::OAuth2,
                authorize_url: self.authorize_url.clone(),
                token_url: self.token_url.clone(),
                request_url: None,
                client_auth: self.client_auth,
                basic_encoded: true,
                secret: Secret::Optional,
                body: tieline_catalog::Body::Form,
                pkce: tieline_catalog::Pkce::S256,
                pkce_exempt: None,
                scope_parameter: "scope".into(),
                scope_separator: " ".into(),
                authorize_parameters: BTreeMap::new(),
                verbatim_parameters: self.authorize_parameters.clone(),
                token_parameters: self
                    .token_parameters
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone().into()))
                    .collect(),
                token_headers: BTreeMap::new(),
                issuer: self.issuer.clone(),
                issuer_promised: self.issuer_promised,
                push_url: self.push_url.clone(),
                dpop: self.dpop,
                code_lifetime: 600,
                reply: Reply {
                    claims: [("sub", "/sub"), ("name", "/name"), ("email", "/email")]
                        .map(|(name, pointer)| (name.to_owned(), pointer.to_owned()))
                        .into(),
                    ..Reply::default()
                },
                api_hosts,
                browser_hosts: host(&self.authorize_url).into_iter().collect(),
            },
            scopes: self
                .scopes
                .iter()
                .map(|name| Scope {
                    name: name.clone(),
                    meaning: if name == "offline_access" { "Stay signed in".into() } else { name.clone() },
                    without: String::new(),
                    granted_as: vec![],
                    unreported: name == "offline_access",
                    at_registration: false,
                    optional: false,
                    kinds: vec![],
                })
                .collect(),
            redirect: Redirect {
                ways: vec![Way::DeepLink, Way::Loopback, Way::Relay],
                refused: BTreeMap::new(),
                loopback_host: LoopbackHost::Ip,
                loopback_port: LoopbackPort::Fixed,
                single: false,
                mismatch_is_silent: true,
                loopback_unregistered: false,
            },
            lifetime: Lifetime {
                access: AccessLife::Reply,
                access_seconds: None,
                refresh: RefreshKind::MayRotate,
                idle_days: None,
                absolute_days: None,
                reuse_leeway: 0,
                grants_per_user: None,
                ends_early: vec![],
            },
            // Userinfo answers only to a token that was asked for with `openid` (OpenID Connect Core §5.3).
            identify: self.userinfo_url.iter().filter(|_| self.scopes.iter().any(|it| it == "openid")).map(step).collect(),
            account: Account {
                id: "{sub}".into(),
                name: "{name}".into(),
                email: "{email}".into(),
                workspace: host(&self.authorize_url).unwrap_or_default(),
                otherwise: vec![],
                nobody: Some("This service does not tell whose account it is.".into()),
            },
            revoke: Revoke {
                steps: revoke.collect(),
                reaches_further: None,
                honest: self.revocation_url.is_none().then(|| {
                    "This service names no address to take a sign-in back. Remove the app in your account there.".to_owned()
                }),
            },
            grant_page: None,
            register: Register {
                url: self.authorize_url.clone(),
                who: "An administrator of the service".into(),
                steps: vec![
                    "Make an OAuth app (also called client or integration) at the service.".into(),
                    "Copy this address into its redirect addresses: {redirect}".into(),
                    "Allow these scopes: {scopes}".into(),
                    "Copy its client ID, and its client secret if it has one.".into(),
                ],
                per: String::new(),
                client_id_label: "Client ID".into(),
                client_id_pattern: None,
                client_id_problem: String::new(),
                secret_label: "Client secret".into(),
            },
            source: None,
            errors: vec![],
            unconfirmed: vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        prompt: Option<&str>,
        offline_access: bool,
        additional: &str,
    ) -> Result<(Vec<String>, Parameters)> {
        Wishes { scopes: "read  read write", prompt, offline_access, additional }.read()
    }

    #[test]
    fn prompt_is_login_unless_approval_prompt_comes_along() {
        let sent = |prompt, additional| {
            let pairs = read(prompt, true, additional).expect("fine").1;
            pairs.into_iter().find(|(name, _)| name == "prompt").map(|(_, value)| value)
        };
        assert_eq!(sent(None, "").as_deref(), Some("login"));
        assert_eq!(sent(None, "approval_prompt=force"), None);
        assert_eq!(sent(Some("login+consent"), "").as_deref(), Some("login consent"));
    }

    #[test]
    fn offline_access_is_added_unless_switched_off() {
        assert_eq!(read(None, true, "").expect("fine").0, ["read", "write", "offline_access"]);
        assert_eq!(read(None, false, "").expect("fine").0, ["read", "write"]);
    }

    #[test]
    fn what_is_kept_can_be_typed_again_and_means_the_same() {
        for (prompt, offline_access, additional) in [
            (None, true, ""),
            (None, false, "audience=a+b&hd=acme.com"),
            (None, true, "approval_prompt=force"),
            (Some(""), true, "x=%26"),
            (Some("login+consent"), true, ""),
            (None, true, "resource=a&resource=b&claims=%7B%22x%22%3A%7B%7D%7D&empty=&flag&list=%2Ca%2C"),
        ] {
            let (scopes, authorize_parameters) = read(prompt, offline_access, additional).expect("fine");
            let service = Service {
                name: "Acme".into(),
                issuer: None,
                authorize_url: String::new(),
                token_url: String::new(),
                revocation_url: None,
                userinfo_url: None,
                scopes: scopes.clone(),
                authorize_parameters: authorize_parameters.clone(),
                token_parameters: BTreeMap::new(),
                has_secret: false,
                client_auth: ClientAuth::Body,
                client_auth_chosen: true,
                issuer_promised: false,
                offline_by_consent: false,
                push_url: None,
                dpop: false,
            };
            assert_eq!(service.proof(), Proof::Nothing);
            let typed = service.typed();
            assert_eq!((typed.scopes.as_str(), typed.offline_access), ("read write", offline_access));
            let again = Wishes {
                scopes: &typed.scopes,
                prompt: typed.prompt.as_deref(),
                offline_access: typed.offline_access,
                additional: &typed.additional,
            };
            assert_eq!(again.read().expect("fine"), (scopes, authorize_parameters));
        }
    }

    #[test]
    fn a_clash_with_a_parameter_of_ours_is_an_error_at_that_field() {
        for name in OURS {
            let error = read(None, true, &format!("{name}=x")).expect_err("clash");
            assert_eq!(error.field.as_deref(), Some("additional_parameters"), "{name}");
            assert!(error.message.contains(name));
        }
        for (prompt, bad) in
            [(None, "response_mode=form_post"), (Some("login"), "prompt=none"), (None, "prompt=a&prompt=b")]
        {
            assert!(read(prompt, true, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_does_not_clash_is_sent_as_it_was_written() {
        let text = "response_mode=query&resource=b&resource=a&claims=%7B%22id_token%22%3A%7B%22acr%22%3A%7B%7D%7D%7D\
                    &bar={x}&empty=&flag&list=%2Ca%2C";
        let wanted = [
            ("response_mode", "query"),
            ("resource", "b"),
            ("resource", "a"),
            ("claims", r#"{"id_token":{"acr":{}}}"#),
            ("bar", "{x}"),
            ("empty", ""),
            ("flag", ""),
            ("list", ",a,"),
            ("prompt", "login"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read(None, false, text).expect("fine").1, wanted);
    }

    #[test]
    fn parameters_that_were_kept_as_a_map_are_still_read() {
        let service = Service { authorize_parameters: vec![("a".into(), "b".into())], ..Service::default() };
        let mut kept = serde_json::to_value(&service).expect("JSON");
        assert_eq!(serde_json::from_value::<Service>(kept.clone()).expect("a service"), service);
        kept["authorize_parameters"] = serde_json::json!({ "a": "b" });
        assert_eq!(serde_json::from_value::<Service>(kept).expect("a service"), service);
    }

    #[test]
    fn only_safe_addresses_are_taken() {
        assert!(address("token_url", "https://login.example.com/token", false).is_ok());
        for bad in [
            "http://login.example.com",
            "https://user@login.example.com",
            "ftp://x",
            "login.example.com",
            "https://x/#y",
            "http://127.0.0.1/",
        ] {
            assert!(address("token_url", bad, false).is_err(), "{bad}");
        }
        assert!(address("token_url", "http://127.0.0.1:9000/token", true).is_ok());
        assert!(address("token_url", "http://10.0.0.1/token", true).is_err());
    }
}
