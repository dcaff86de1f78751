//! What can go wrong. A [`Fault`] is a switch a person or a test turns on; a [`Problem`] is what a provider
//! has to say about it. The switch and the real occurrence end in the same problem, hence on the same wire.

use serde::{Deserialize, Serialize};

/// A switch for training and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Refuse,
    AdminApproval,
    UntickedScope,
    WrongSecret,
    RedirectMismatch,
    CodeExpired,
    TokenReused,
    Revoked,
    IdleExpired,
    SessionPolicy,
    RateLimited,
    ServerError,
    Slow,
    Garbage,
    Huge,
    SecretExpired,
    WrongIssuer,
    NotLicensed,
    OtherAccount,
    ApiUnauthorized,
    DropReply,
    NoRefreshToken,
    ShortPages,
}

/// Where in the life of a connection a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The browser opens the sign-in page.
    Authorize,
    /// The person has pressed Allow or Cancel.
    Consent,
    Exchange,
    Refresh,
    Revoke,
    Identify,
    Api,
}

/// What is wrong with a request, whether really or by a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    UnknownClient,
    RedirectMismatch,
    RedirectMissing,
    /// A parameter is missing or has a value the provider does not take.
    BadParameter(&'static str),
    UnknownScope,
    /// No `code_challenge` where one is demanded, or another method than S256.
    ChallengeMissing,
    Refused,
    AdminApproval,
    WrongSecret,
    SecretMissing,
    /// A public client sent a secret.
    SecretForbidden,
    SecretExpired,
    /// The request's form is wrong: content type, method of authentication.
    BadRequest,
    UnknownGrantType,
    CodeUnknown,
    CodeExpired,
    CodeUsed,
    VerifierWrong,
    /// The redirect address at the exchange is not the one of the sign-in.
    RedirectDiffers,
    RefreshUnknown,
    RefreshReused,
    RefreshExpired,
    SessionPolicy,
    Revoked,
    TokenUnknown,
    TokenExpired,
    ScopeMissing,
    NotLicensed,
    RateLimited,
    Unavailable,
}

impl Fault {
    pub const ALL: [Fault; 23] = [
        Fault::Refuse,
        Fault::AdminApproval,
        Fault::UntickedScope,
        Fault::OtherAccount,
        Fault::WrongIssuer,
        Fault::RedirectMismatch,
        Fault::WrongSecret,
        Fault::SecretExpired,
        Fault::CodeExpired,
        Fault::NoRefreshToken,
        Fault::TokenReused,
        Fault::Revoked,
        Fault::IdleExpired,
        Fault::SessionPolicy,
        Fault::ApiUnauthorized,
        Fault::NotLicensed,
        Fault::RateLimited,
        Fault::ServerError,
        Fault::Slow,
        Fault::Garbage,
        Fault::Huge,
        Fault::DropReply,
        Fault::ShortPages,
    ];

    /// The name on the wire, such as `admin_approval`.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
    }

    pub fn from_name(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Whether this switch does anything at that stage.
    pub fn strikes(self, stage: Stage) -> bool {
        use Stage::{Api, Authorize, Consent, Exchange, Identify, Refresh, Revoke};
        let stages: &[Stage] = match self {
            Fault::RedirectMismatch => &[Authorize],
            Fault::Refuse
            | Fault::AdminApproval
            | Fault::UntickedScope
            | Fault::WrongIssuer
            | Fault::OtherAccount => &[Consent],
            Fault::CodeExpired | Fault::NoRefreshToken => &[Exchange],
            Fault::WrongSecret | Fault::SecretExpired | Fault::DropReply => &[Exchange, Refresh],
            Fault::TokenReused | Fault::IdleExpired | Fault::SessionPolicy => &[Refresh],
            Fault::Revoked => &[Refresh, Identify, Api],
            Fault::NotLicensed | Fault::ApiUnauthorized => &[Identify, Api],
            Fault::ShortPages => &[Api],
            Fault::RateLimited | Fault::ServerError | Fault::Slow | Fault::Garbage | Fault::Huge => {
                &[Exchange, Refresh, Revoke, Identify, Api]
            }
        };
        stages.contains(&stage)
    }

    /// On the sign-in page, a fault of this kind waits for the app's first renewal.
    pub fn comes_later(self) -> bool {
        matches!(
            self,
            Fault::TokenReused
                | Fault::Revoked
                | Fault::IdleExpired
                | Fault::SessionPolicy
                | Fault::SecretExpired
        )
    }

    /// What a provider then says; none for faults that spoil the transport or alter an answer.
    pub fn problem(self) -> Option<Problem> {
        Some(match self {
            Fault::Refuse => Problem::Refused,
            Fault::AdminApproval => Problem::AdminApproval,
            Fault::RedirectMismatch => Problem::RedirectMismatch,
            Fault::WrongSecret => Problem::WrongSecret,
            Fault::SecretExpired => Problem::SecretExpired,
            Fault::CodeExpired => Problem::CodeExpired,
            Fault::TokenReused => Problem::RefreshReused,
            Fault::Revoked => Problem::Revoked,
            Fault::IdleExpired => Problem::RefreshExpired,
            Fault::SessionPolicy => Problem::SessionPolicy,
            Fault::NotLicensed => Problem::NotLicensed,
            Fault::ApiUnauthorized => Problem::TokenUnknown,
            Fault::RateLimited => Problem::RateLimited,
            Fault::ServerError => Problem::Unavailable,
            Fault::UntickedScope
            | Fault::OtherAccount
            | Fault::WrongIssuer
            | Fault::NoRefreshToken
            | Fault::Slow
            | Fault::Garbage
            | Fault::Huge
            | Fault::DropReply
            | Fault::ShortPages => return None,
        })
    }

    /// For the person at the switch.
    pub fn words(self) -> &'static str {
        match self {
            Fault::Refuse => "The answer is no, whatever is pressed",
            Fault::AdminApproval => "An administrator has to approve the app first",
            Fault::UntickedScope => "One permission is not granted",
            Fault::OtherAccount => "Somebody else is signed in",
            Fault::WrongIssuer => "The answer names a foreign issuer",
            Fault::RedirectMismatch => "The way back is not registered: an error page, no answer to the app",
            Fault::WrongSecret => "The app's secret is wrong",
            Fault::SecretExpired => "The app's secret has expired",
            Fault::CodeExpired => "The code from the browser comes too late",
            Fault::NoRefreshToken => "No refresh token is given",
            Fault::TokenReused => "The refresh token was already used",
            Fault::Revoked => "The access was taken away",
            Fault::IdleExpired => "The connection was not used for too long",
            Fault::SessionPolicy => "The organisation asks for a new sign-in",
            Fault::ApiUnauthorized => "The service refuses a token that is still good",
            Fault::NotLicensed => "The person has no licence for the service",
            Fault::RateLimited => "Too many requests (429)",
            Fault::ServerError => "The service is down (503)",
            Fault::Slow => "Answers take 20 seconds",
            Fault::Garbage => "A web page comes in place of the answer",
            Fault::Huge => "The answer is 5 MB long",
            Fault::DropReply => "The work is done, then the line goes dead",
            Fault::ShortPages => "Lists come one entry at a time",
        }
    }
}

impl Problem {
    /// What a provider says that has no words of its own: the code of RFC 6749 or 6750, a description,
    /// and the HTTP status at the token endpoint or the API.
    pub fn generic(self) -> (&'static str, &'static str, u16) {
        match self {
            Problem::UnknownClient => ("invalid_client", "The client is unknown.", 401),
            Problem::WrongSecret => ("invalid_client", "The client secret is wrong.", 401),
            Problem::SecretMissing => ("invalid_client", "The client secret is missing.", 401),
            Problem::SecretForbidden => ("invalid_client", "A public client has no secret.", 401),
            Problem::SecretExpired => ("invalid_client", "The client secret has expired.", 401),
            Problem::RedirectMismatch => ("invalid_request", "The redirect address is not registered.", 400),
            Problem::RedirectMissing => ("invalid_request", "The redirect address is missing.", 400),
            Problem::BadParameter(_) => ("invalid_request", "A parameter is missing or wrong.", 400),
            Problem::BadRequest => ("invalid_request", "The request has the wrong form.", 400),
            Problem::ChallengeMissing => ("invalid_request", "A code challenge with S256 is required.", 400),
            Problem::UnknownScope => ("invalid_scope", "A scope is unknown.", 400),
            Problem::Refused => ("access_denied", "The person refused.", 403),
            Problem::AdminApproval => ("access_denied", "An administrator has to approve this app.", 403),
            Problem::UnknownGrantType => ("unsupported_grant_type", "The grant type is unknown.", 400),
            Problem::CodeUnknown => ("invalid_grant", "The code is unknown.", 400),
            Problem::CodeExpired => ("invalid_grant", "The code has expired.", 400),
            Problem::CodeUsed => ("invalid_grant", "The code was already used.", 400),
            Problem::VerifierWrong => ("invalid_grant", "The code verifier does not match.", 400),
            Problem::RedirectDiffers => ("invalid_grant", "The redirect address differs.", 400),
            Problem::RefreshUnknown => ("invalid_grant", "The refresh token is unknown.", 400),
            Problem::RefreshReused => ("invalid_grant", "The refresh token was already used.", 400),
            Problem::RefreshExpired => ("invalid_grant", "The refresh token has expired.", 400),
            Problem::SessionPolicy => ("invalid_grant", "The organisation asks for a new sign-in.", 400),
            Problem::Revoked => ("invalid_grant", "The access was revoked.", 400),
            Problem::TokenUnknown => ("invalid_token", "The token is not valid.", 401),
            Problem::TokenExpired => ("invalid_token", "The token has expired.", 401),
            Problem::ScopeMissing => ("insufficient_scope", "The token lacks a permission.", 403),
            Problem::NotLicensed => ("forbidden", "The person has no licence for this service.", 403),
            Problem::RateLimited => ("rate_limited", "Too many requests.", 429),
            Problem::Unavailable => ("temporarily_unavailable", "The service is down for the moment.", 503),
        }
    }
}
