//! Microsoft's words for what goes wrong: numbered errors of Entra ID, and Graph's errors.

use serde_json::json;

use super::{ONE_TENANT_ONLY, OTHER_TENANT, UNKNOWN_TENANT};
use crate::dates;
use crate::desk::{Desk, Trouble};
use crate::faults::{Problem, Stage};
use crate::rules::{Alphabet, Shape};
use crate::wire::Reply;

pub fn trouble(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    if matches!(trouble.stage, Stage::Identify | Stage::Api) {
        return graph_trouble(desk, trouble);
    }
    let said = Said::of(trouble.problem)?;
    let (trace, correlation) = (guid(), guid());
    let at = format!("{}Z", dates::spaced(desk.now()));
    let description = format!(
        "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}",
        said.number, said.words
    );
    let on_page = matches!(
        trouble.problem,
        Problem::UnknownClient
            | Problem::RedirectMismatch
            | Problem::RedirectMissing
            | UNKNOWN_TENANT
            | ONE_TENANT_ONLY
    );
    Some(match trouble.stage {
        Stage::Authorize if on_page => trouble.page(&format!("AADSTS{}", said.number), said.words),
        Stage::Authorize | Stage::Consent => {
            trouble.call_back(&[("error", said.error), ("error_description", &description)])
        }
        _ => {
            let mut body = json!({
                "error": said.error,
                "error_description": description,
                "error_codes": [said.number],
                "timestamp": at,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": format!("https://login.microsoftonline.com/error?code={}", said.number),
            });
            if !said.suberror.is_empty() {
                body["suberror"] = json!(said.suberror);
            }
            Reply::json(said.status, &body)
        }
    })
}

/// What Entra says to a problem.
struct Said {
    status: u16,
    error: &'static str,
    number: u32,
    suberror: &'static str,
    words: &'static str,
}

impl Said {
    fn of(problem: Problem) -> Option<Said> {
        let (status, error, number, suberror, words) = match problem {
            Problem::UnknownClient => (
                400,
                "unauthorized_client",
                700_016,
                "",
                "No application with this identifier was found in the directory.",
            ),
            UNKNOWN_TENANT => (400, "invalid_request", 90_002, "", "The tenant was not found."),
            ONE_TENANT_ONLY => (
                400,
                "invalid_request",
                50_194,
                "",
                "The application is not multi-tenant; the common endpoint is closed to it.",
            ),
            OTHER_TENANT => (
                400,
                "invalid_grant",
                700_005,
                "",
                "The code or refresh token is meant for use with another tenant.",
            ),
            Problem::RedirectMismatch => (
                400,
                "invalid_request",
                50_011,
                "",
                "The redirect URI is not one of those configured for the application.",
            ),
            Problem::RedirectMissing => {
                (400, "invalid_request", 900_971, "", "No reply address was provided.")
            }
            Problem::RedirectDiffers => {
                (400, "invalid_client", 500_112, "", "The reply address differs from the one of the sign-in.")
            }
            Problem::UnknownScope => (
                400,
                "invalid_client",
                650_056,
                "",
                "The application is misconfigured: a permission is not listed in its registration.",
            ),
            Problem::ChallengeMissing => {
                (400, "invalid_request", 501_491, "", "The code challenge has a wrong size or method.")
            }
            Problem::BadParameter(_) | Problem::BadRequest => {
                (400, "invalid_request", 900_144, "", "A required parameter is missing or has a wrong value.")
            }
            Problem::Refused => {
                (400, "access_denied", 65_004, "", "The user declined to consent to the app.")
            }
            Problem::AdminApproval => {
                (400, "access_denied", 90_094, "", "An administrator has to grant the permissions first.")
            }
            Problem::SecretMissing => (
                401,
                "invalid_client",
                7_000_218,
                "",
                "The request must contain client_assertion or client_secret.",
            ),
            Problem::SecretForbidden => {
                (401, "invalid_client", 700_025, "", "The client is public, so no secret may be presented.")
            }
            Problem::WrongSecret => (401, "invalid_client", 7_000_215, "", "The client secret is invalid."),
            Problem::SecretExpired => {
                (401, "invalid_client", 7_000_222, "", "The client secret keys are expired.")
            }
            Problem::UnknownGrantType => {
                (400, "unsupported_grant_type", 70_003, "", "The grant type is not supported.")
            }
            Problem::CodeUnknown => {
                (400, "invalid_grant", 70_000, "", "The authorization code is malformed.")
            }
            Problem::CodeExpired => (400, "invalid_grant", 70_008, "", "The authorization code has expired."),
            Problem::CodeUsed => {
                (400, "invalid_grant", 54_005, "", "The authorization code was already redeemed.")
            }
            Problem::VerifierWrong => {
                (400, "invalid_grant", 501_481, "", "The code verifier does not match the code challenge.")
            }
            Problem::RefreshUnknown | Problem::RefreshReused => {
                (400, "invalid_grant", 70_000, "bad_token", "The refresh token is not valid.")
            }
            Problem::RefreshExpired => (
                400,
                "invalid_grant",
                700_082,
                "token_expired",
                "The refresh token has expired due to inactivity.",
            ),
            Problem::Revoked => (
                400,
                "invalid_grant",
                50_173,
                "bad_token",
                "The grant was revoked; a fresh sign-in is needed.",
            ),
            Problem::SessionPolicy => (
                400,
                "invalid_grant",
                70_043,
                "bad_token",
                "The refresh token expired by the sign-in frequency of Conditional Access.",
            ),
            Problem::RateLimited => {
                (429, "temporarily_unavailable", 90_055, "", "There are too many requests.")
            }
            Problem::Unavailable => {
                (503, "temporarily_unavailable", 90_033, "", "A transient error has occurred. Try again.")
            }
            _ => return None,
        };
        Some(Said { status, error, number, suberror, words })
    }
}

fn graph_trouble(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    let mail = trouble.request.path.contains("mailFolders");
    let (status, code, message) = match trouble.problem {
        Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked => {
            (401, "InvalidAuthenticationToken", "The access token is invalid or has expired.")
        }
        Problem::ScopeMissing if mail => {
            (403, "ErrorAccessDenied", "Access is denied. Check the credentials.")
        }
        Problem::ScopeMissing if trouble.request.path == "/v1.0/me" => {
            (403, "Authorization_RequestDenied", "The privileges do not suffice for the operation.")
        }
        Problem::ScopeMissing => (403, "accessDenied", "Access denied"),
        Problem::NotLicensed if desk.provider.id == "OUTLOOK" => {
            (404, "MailboxNotEnabledForRESTAPI", "REST API is not yet supported for this mailbox.")
        }
        Problem::NotLicensed => (400, "BadRequest", "Tenant does not have a SPO license."),
        Problem::RateLimited => (429, "TooManyRequests", "There are too many requests."),
        Problem::Unavailable => (503, "serviceNotAvailable", "The service is not available."),
        _ => return None,
    };
    Some(graph_error(desk, status, code, message))
}

/// An error in Graph's shape.
pub fn graph_error(desk: &Desk, status: u16, code: &str, message: &str) -> Reply {
    let request_id = guid();
    let inner = json!({
        "date": dates::iso(desk.now()).trim_end_matches('Z'),
        "request-id": request_id,
        "client-request-id": request_id,
    });
    let error = json!({ "error": { "code": code, "message": message, "innerError": inner } });
    Reply::json(status, &error).header("request-id", &request_id)
}

pub fn guid() -> String {
    let hex = Shape::new("", Alphabet::Hex, 32).mint();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
