//! The last look at a log line: what proves an identity, and whose it is, goes out of it before it is written. Types that
//! do not print themselves come first ([`crate::Secret`]); this is for what other crates and other people's words hold.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::LazyLock;

use regex::Regex;

/// Names of fields whose values are taken out. `code` and `state` only by themselves: a status code is no secret.
const NAMES: &str = r"(?:[a-z0-9_.-]*(?:token|secret|password|passphrase|verifier|assertion|signature|api[_-]?key)|(?:auth|authorization|device)_code|code|state|sig)";

/// Headers whose whole value is taken out.
const HEADERS: &str =
    r"(?:(?:proxy-)?authorization|(?:set-)?cookie|[a-z0-9-]*api-key|x-[a-z0-9-]*(?:token|key|secret))";

/// Colours may stand between a name, its sign and its value.
const PAINT: &str = r"(?:\x1b\[[0-9;]*m)*";

/// Each keeps what its group `kept` matches, and takes the rest.
static RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let front = r"(?:^|[^a-z0-9_-]|%[0-9a-f]{2}|\x1b\[[0-9;]*m)";
    [
        // As a header among quoted ones, then as a line of its own.
        format!(r#"(?i)(?P<kept>{HEADERS}\\*"{PAINT}\s*[:=]\s*\\*")(?:[^"\\]|\\.)*"#),
        format!(r#"(?i)(?P<kept>{front}{HEADERS}{PAINT}\s*[:=]{PAINT}\s*)[^\s"].*"#),
        // JSON, and what `Debug` makes of structs and of pairs.
        format!(
            r#"(?i)(?P<kept>{front}{NAMES}(?:\\*"\s*:|{PAINT}\s*[:=]|\\*"\s*=>){PAINT}\s*(?:Some\()?\\*")(?:[^"\\]|\\.)*"#
        ),
        format!(r#"(?i)(?P<kept>\(\\*"(?:{NAMES}|{HEADERS})\\*",\s*\\*")(?:[^"\\]|\\.)*"#),
        // Queries and forms, also those that stand encoded inside others.
        format!(r#"(?i)(?P<kept>{front}{NAMES}{PAINT}(?:=|%3D){PAINT})(?:[^&\s"'<>\\\x1b]|\\[^"'])+"#),
        r"(?i)(?P<kept>\b(?:bearer|basic|dpop)\s+)[a-z0-9._~+/=-]{8,}".to_owned(),
        // Tokens that are known by how they begin.
        r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*".to_owned(),
        r"\b(?:ya29\.|sl\.|GOCSPX-|ntn_|secret_|gh[pousr]_|AT[A-Z]{2}[0-9A-Za-z]|xox[a-z]-|xapp-|tl[kt]_)[A-Za-z0-9._=-]{8,}".to_owned(),
        r"\b(?:1//|4/0)[A-Za-z0-9_-]{16,}".to_owned(),
        r"\b00D[A-Za-z0-9]{9,}![A-Za-z0-9._]+".to_owned(),
        // Mail addresses.
        r"[\p{L}\p{N}._%+'-]+(?:@|%40)(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}".to_owned(),
    ]
    .iter()
    .filter_map(|rule| Regex::new(rule).ok())
    .collect()
});

/// The line without codes, states, tokens, secrets, credentials and mail addresses; `…` stands in their place.
pub fn redact(line: &str) -> Cow<'_, str> {
    let mut line = Cow::Borrowed(line);
    for rule in RULES.iter() {
        if let Cow::Owned(changed) = rule.replace_all(&line, "${kept}…") {
            line = Cow::Owned(changed);
        }
    }
    line
}

/// Writes whole lines, redacted. What has no end yet waits for it, or for the drop.
pub struct Redacted<W: Write> {
    place: W,
    begun: Vec<u8>,
}

impl<W: Write> Redacted<W> {
    pub fn new(place: W) -> Self {
        Self { place, begun: Vec::new() }
    }

    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<_> = text.split('\n').map(redact).collect();
        self.place.write_all(lines.join("\n").as_bytes())
    }
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        if let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.begun.split_off(end + 1);
            let whole = std::mem::replace(&mut self.begun, rest);
            self.write_out(&whole)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.place.flush()
    }
}

impl<W: Write> Drop for Redacted<W> {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.begun);
        // Where a log cannot be written, there is nobody to tell.
        let _ = self.write_out(&rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every place where a secret may stand, the secret being `@`.
    const PLACES: [&str; 26] = [
        "opened https://a.example/authorize?client_id=tieline&state=@&scope=read",
        "GET /integrations/box?code=@ HTTP/1.1",
        "redirected to https://a.example/next?to=https%3A%2F%2Fb.example%2F%3Fcode%3D@%26state%3D@",
        "access_token=@&expires_in=3600",
        "grant_type=refresh_token&refresh_token=@&client_secret=@",
        "oauth_token=@&oauth_token_secret=@&oauth_verifier=@",
        "a form: assertion=@&id_token=@&token=@&X-Goog-Signature=@",
        r#"{"access_token":"@","token_type":"bearer","refresh_token" : "@"}"#,
        r#"body: "{\"id_token\":\"@\",\"expires_in\":3600}""#,
        r#"Reply { access_token: "@", refresh: None, id_token: Some("@") }"#,
        r#"[("code", "@"), ("state", "@")]"#,
        "\u{1b}[3mcode\u{1b}[0m\u{1b}[2m=\u{1b}[0m@",
        "\u{1b}[3mclient_secret\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"@\"",
        "Authorization: Bearer @",
        "authorization: Basic @",
        "Authorization: DPoP @",
        "proxy-authorization: @",
        r#"{"authorization": "Bearer @", "accept": "*/*"}"#,
        r#"Authorization: OAuth oauth_consumer_key="c", oauth_token="@", oauth_signature="@""#,
        "zotero-api-key: @",
        "Cookie: session=@; other=@",
        "X-Auth-Token: @",
        "it was sent with Bearer @",
        "eyJhbGciOiJSUzI1NiJ9.@.@",
        "a ya29.@ and a xoxb-@ and a sl.@ came",
        "1//@@ and 4/0@@",
    ];

    #[test]
    fn every_rule_is_understood() {
        assert_eq!(RULES.len(), 11);
    }

    #[test]
    fn what_tells_nothing_stays_readable() {
        for line in [
            "2026-10-05T10:00:00Z  INFO tieline_engine: a sync did not come to its end connection=abc error=The network is away",
            "hyper: connection to https://api.example.com/v1/files?page=2&limit=100 answered status=200 in 12ms",
            "status_code=404 exit_code: 1 code: 12 state: Working",
            "Callback { path: \"/integrations/box\", query: [\"code\", \"state\", \"iss\"] }",
            "\"token_type\":\"bearer\",\"expires_in\":3600",
            "the refresh token was not taken: the sign-in has ended",
            "scope=openid profile offline_access prompt=login",
            "tieline@0.1.0 runs in /home/anna/.local/share/tieline",
            "authorization_endpoint https://login.example.com/authorize",
            "basic words, bearers of news",
        ] {
            assert_eq!(redact(line), line);
        }
    }

    #[test]
    fn names_stay_where_values_go() {
        for (line, left) in [
            ("GET /back?code=abc&state=def&iss=x", "GET /back?code=…&state=…&iss=x"),
            ("/back?code%3Dabc%26state%3Ddef", "/back?code%3D…"),
            (r#"{"access_token":"abc","expires_in":3600}"#, r#"{"access_token":"…","expires_in":3600}"#),
            (r#"{"client_secret":"a\"b","scope":"read"}"#, r#"{"client_secret":"…","scope":"read"}"#),
            ("Authorization: Bearer abc", "Authorization: …"),
            (
                r#"{"authorization": "Basic YTpi", "accept": "*/*"}"#,
                r#"{"authorization": "…", "accept": "*/*"}"#,
            ),
            ("no account of anna.doe+work@mail.acme.example here", "no account of … here"),
            ("login_hint=anna%40acme.example&hd=acme.example", "login_hint=…&hd=acme.example"),
            ("the answer held eyJhbGciOiJub25lIn0.e30.", "the answer held …"),
            ("token 00D5g00000Ab12c!AQEAQ.abc_def ended", "token … ended"),
        ] {
            assert_eq!(redact(line), left);
        }
    }

    #[test]
    fn pieces_of_a_line_are_looked_at_together() {
        let mut seen = Vec::new();
        {
            let mut log = Redacted::new(&mut seen);
            for piece in ["one co", "de=ab", "c\ntwo", "\nthree state=x"] {
                log.write_all(piece.as_bytes()).unwrap();
            }
            log.flush().unwrap();
        }
        assert_eq!(String::from_utf8(seen).unwrap(), "one code=…\ntwo\nthree state=…");
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_any_place(secret in "[A-Za-z0-9_-]{16,64}", at in 0..PLACES.len()) {
            let line = PLACES[at].replace('@', &secret);
            let left = redact(&line);
            prop_assert!(!left.contains(&secret), "{left}");
        }

        #[test]
        fn a_credential_of_any_letters_goes(secret in "[!-~&&[^\"\\\\]]{1,40}( [!-~&&[^\"\\\\]]{1,20})?") {
            let left = redact(&format!("x Authorization: {secret}")).into_owned();
            prop_assert_eq!(left, "x Authorization: …");
            let json = serde_json::json!({ "client_secret": secret, "scope": "read" }).to_string();
            prop_assert_eq!(redact(&json), r#"{"client_secret":"…","scope":"read"}"#);
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let query = query.append_pair("code", &secret).append_pair("page", "2").finish();
            prop_assert_eq!(redact(&query), "code=…&page=2");
        }

        #[test]
        fn no_mail_address_survives(name in "[a-z][a-z0-9.+_-]{0,20}", host in "[a-z][a-z0-9-]{0,10}(\\.[a-z]{2,8}){1,2}") {
            let line = format!("signed in as {name}@{host}, twice");
            prop_assert_eq!(redact(&line), "signed in as …, twice");
        }

        #[test]
        fn any_line_is_taken_and_taking_it_twice_changes_nothing(line in "\\PC{0,200}") {
            let once = redact(&line).into_owned();
            prop_assert_eq!(redact(&once), once.as_str());
        }
    }
}
