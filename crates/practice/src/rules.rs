//! How long things live and what becomes of old ones: data that each provider declares.

use serde::{Deserialize, Serialize};

/// All times in seconds. A test may replace single fields over the control address.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct GrantRules {
    pub code_seconds: u64,
    /// None: access tokens do not expire.
    pub access_seconds: Option<u64>,
    pub refresh: Refresh,
    /// A refresh token dies when it has not been used for so long. None: never.
    pub refresh_seconds: Option<u64>,
    /// The whole grant dies at this age, however busy. None: never.
    pub grant_seconds: Option<u64>,
    /// Earlier access tokens stay good after a refresh.
    pub keeps_access: bool,
    /// A request within the life of an access token is answered with that same token.
    pub repeats_access: bool,
    /// A second sign-in of the same person through the same app continues the first grant.
    pub one_grant: bool,
    /// So many grants of one person through one app live at once; one more ends the oldest.
    pub most_grants: Option<usize>,
}

/// What a provider does with refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// There are none.
    None,
    /// One for good; the answer to a refresh carries none.
    Fixed,
    /// One for good; the answer to a refresh repeats it.
    Repeated,
    /// Each refresh gives a new one.
    Rotates(Old),
}

/// What becomes of the refresh token that was just replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Old {
    /// It is refused from now on.
    Dies,
    /// It is refused, and using it ends the whole grant (reuse detection of RFC 9700).
    EndsGrant,
    /// It works for so many seconds more.
    Lingers(u64),
    /// It works until the access token that replaced it has been used.
    UntilNewIsUsed,
    /// It goes on working.
    Lives,
}

impl GrantRules {
    /// Ten-minute codes, one-hour access tokens, refresh tokens that are replaced at each use.
    pub const USUAL: GrantRules = GrantRules {
        code_seconds: 600,
        access_seconds: Some(3600),
        refresh: Refresh::Rotates(Old::Dies),
        refresh_seconds: None,
        grant_seconds: None,
        keeps_access: false,
        repeats_access: false,
        one_grant: false,
        most_grants: None,
    };
}

/// How a provider's tokens look: `prefix`, then `length` characters of `alphabet`.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub prefix: &'static str,
    pub alphabet: Alphabet,
    pub length: usize,
}

#[derive(Debug, Clone, Copy)]
pub enum Alphabet {
    Hex,
    /// Letters and digits.
    Letters,
    /// Letters, digits, `-` and `_`.
    Url,
}

/// The looks of the three strings a provider hands out.
#[derive(Debug, Clone, Copy)]
pub struct Shapes {
    pub code: Shape,
    pub access: Shape,
    pub refresh: Shape,
}

impl Shape {
    pub const fn new(prefix: &'static str, alphabet: Alphabet, length: usize) -> Shape {
        Shape { prefix, alphabet, length }
    }

    /// A fresh string from the operating system's randomness.
    pub fn mint(&self) -> String {
        let letters: &[u8] = match self.alphabet {
            Alphabet::Hex => b"0123456789abcdef",
            Alphabet::Letters => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            Alphabet::Url => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        };
        // Bytes past the last whole round of the alphabet would favour its first letters.
        let fair = 256 - 256 % letters.len();
        let mut text = String::with_capacity(self.prefix.len() + self.length);
        text.push_str(self.prefix);
        let mut bytes = [0; 64];
        while text.len() < self.prefix.len() + self.length {
            getrandom::fill(&mut bytes).expect("the operating system has randomness");
            let room = self.prefix.len() + self.length - text.len();
            let usable = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
            text.extend(usable.take(room).map(|byte| char::from(letters[byte % letters.len()])));
        }
        text
    }
}
