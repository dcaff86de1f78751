//! A request as a provider's code reads it, and the reply it builds.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;
use url::form_urlencoded;

#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// The `Host` header in lower case without port: the provider's documented name when a program
    /// calls (`acme.zendesk.com`), `127.0.0.1` when the person's browser does.
    pub host: String,
    /// Percent-encoded as received, without the query.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What `{name}` and `{*name}` of the endpoint's path stood for, decoded.
    pub captures: Vec<(String, String)>,
}

impl Request {
    pub fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    pub fn capture(&self, name: &str) -> &str {
        first(&self.captures, name).unwrap_or_default()
    }

    pub fn is_json(&self) -> bool {
        self.content_type("application/json")
    }

    pub fn is_form(&self) -> bool {
        self.content_type("application/x-www-form-urlencoded")
    }

    /// The body as JSON; none unless the content type says JSON.
    pub fn json(&self) -> Option<Value> {
        self.is_json().then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// The pairs of a form body; empty unless the content type says form.
    pub fn form(&self) -> Vec<(String, String)> {
        if self.is_form() { form_urlencoded::parse(&self.body).into_owned().collect() } else { Vec::new() }
    }

    /// A field of the body, form or JSON; a JSON number comes as its digits. An endpoint that takes only
    /// one of the two kinds asks `is_json` or `is_form` first.
    pub fn field(&self, name: &str) -> Option<String> {
        if self.is_form() {
            return self.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
        }
        match self.json()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// Name and password of HTTP Basic.
    pub fn basic(&self) -> Option<(String, String)> {
        let encoded = self.authorization("basic")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        Some((name.to_owned(), password.to_owned()))
    }

    pub fn bearer(&self) -> Option<&str> {
        self.authorization("bearer")
    }

    /// The rest of the `Authorization` header after this scheme, such as the parameters of `OAuth`.
    pub fn authorization(&self, scheme: &str) -> Option<&str> {
        let (said, rest) = self.header("authorization")?.split_once(' ')?;
        said.eq_ignore_ascii_case(scheme).then(|| rest.trim())
    }

    fn content_type(&self, wanted: &str) -> bool {
        let said = self.header("content-type").unwrap_or_default();
        said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// What goes back. Counts as refused from status 400 on, or when `refused` says so.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Waits this long before answering.
    pub delay: Duration,
    /// Closes the connection instead of answering.
    pub cut: bool,
    pub refused: bool,
}

impl Reply {
    pub fn empty(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            cut: false,
            refused: status >= 400,
        }
    }

    pub fn json(status: u16, body: &Value) -> Reply {
        Reply::empty(status).content("application/json; charset=utf-8", body.to_string().into_bytes())
    }

    pub fn text(status: u16, body: &str) -> Reply {
        Reply::empty(status).content("text/plain; charset=utf-8", body.as_bytes().to_vec())
    }

    /// A form-encoded answer, as OAuth 1.0a gives.
    pub fn form(status: u16, pairs: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Reply::empty(status).content("application/x-www-form-urlencoded", body.into_bytes())
    }

    /// A page of ours: nothing external, nothing kept, in no frame. No `form-action`, because Chromium
    /// applies it to the redirect that follows the form, and that leads to the app.
    pub fn page(status: u16, html: String) -> Reply {
        Reply::empty(status)
            .content("text/html; charset=utf-8", html.into_bytes())
            .header(
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
                 base-uri 'none'; frame-ancestors 'none'",
            )
            .header("referrer-policy", "no-referrer")
    }

    /// Sends the browser on, keeping the address's own query.
    pub fn redirect(address: &str, pairs: &[(String, String)]) -> Reply {
        let location = match Url::parse(address) {
            Ok(mut url) => {
                if !pairs.is_empty() {
                    url.query_pairs_mut().extend_pairs(pairs);
                }
                String::from(url)
            }
            Err(_) => return Reply::text(400, "The redirect address is not an address."),
        };
        Reply::empty(302).header("location", &location)
    }

    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body as JSON; null when it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The header of that lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// Replaces the content type.
    pub fn kind(mut self, kind: &str) -> Reply {
        self.headers.retain(|(name, _)| name != "content-type");
        self.header("content-type", kind)
    }

    /// Marks an answer as a refusal although its status is 200.
    pub fn refused(mut self) -> Reply {
        self.refused = true;
        self
    }

    fn content(mut self, kind: &str, body: Vec<u8>) -> Reply {
        self.body = body;
        self.header("content-type", kind).header("cache-control", "no-store")
    }
}
