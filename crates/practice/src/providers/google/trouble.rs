//! Google's words for what goes wrong: its error pages, its token endpoint's and its APIs' errors.

use serde_json::{Value, json};

use crate::desk::{Desk, Trouble};
use crate::faults::{Problem, Stage};
use crate::wire::Reply;

pub fn trouble(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    match trouble.stage {
        Stage::Authorize | Stage::Consent => at_sign_in(trouble),
        Stage::Exchange | Stage::Refresh | Stage::Revoke => at_token(trouble.problem),
        Stage::Identify | Stage::Api => at_api(desk, trouble),
    }
}

/// All but the person's own refusal ends on a page of Google's.
fn at_sign_in(trouble: &Trouble) -> Option<Reply> {
    let scheme = trouble.request.query("redirect_uri").and_then(|address| address.split_once(':'));
    let own_scheme = scheme.is_some_and(|(scheme, _)| !matches!(scheme, "http" | "https"));
    let (error, words) = match trouble.problem {
        Problem::Refused => return Some(trouble.call_back(&[("error", "access_denied")])),
        Problem::AdminApproval => (
            "admin_policy_enforced",
            "The administrator of acme.example has restricted what this app may access.",
        ),
        Problem::UnknownClient => ("invalid_client", "The OAuth client was not found."),
        Problem::RedirectMismatch if own_scheme => {
            ("invalid_request", "Custom URI schemes are not supported for clients of this type.")
        }
        Problem::RedirectMismatch => {
            ("redirect_uri_mismatch", "The redirect URI does not match those of the OAuth client.")
        }
        Problem::UnknownScope => ("invalid_scope", "Some of the requested scopes are invalid."),
        Problem::RedirectMissing | Problem::ChallengeMissing | Problem::BadParameter(_) => {
            ("invalid_request", "A required parameter is missing or has a wrong value.")
        }
        _ => return None,
    };
    Some(trouble.page(&format!("Error 400: {error}"), words))
}

fn at_token(problem: Problem) -> Option<Reply> {
    let (status, error, words) = match problem {
        Problem::UnknownClient => (401, "invalid_client", "The OAuth client was not found."),
        Problem::WrongSecret => (401, "invalid_client", "The provided client secret is invalid."),
        Problem::SecretExpired => (401, "deleted_client", "The OAuth client was deleted."),
        Problem::SecretMissing => (400, "invalid_request", "client_secret is missing."),
        Problem::BadRequest | Problem::BadParameter(_) => (400, "invalid_request", "Bad Request"),
        Problem::UnknownGrantType => (400, "unsupported_grant_type", "The grant_type is invalid."),
        Problem::RedirectDiffers => (400, "redirect_uri_mismatch", "Bad Request"),
        Problem::CodeUnknown => (400, "invalid_grant", "Malformed auth code."),
        Problem::CodeExpired | Problem::CodeUsed => (400, "invalid_grant", "Bad Request"),
        Problem::VerifierWrong => (400, "invalid_grant", "Invalid code verifier."),
        Problem::RefreshUnknown => (400, "invalid_grant", "Bad Request"),
        Problem::RefreshReused | Problem::RefreshExpired | Problem::Revoked => {
            (400, "invalid_grant", "Token has been expired or revoked.")
        }
        Problem::SessionPolicy => {
            let body = json!({
                "error": "invalid_grant",
                "error_description": "reauth related error (invalid_rapt)",
                "error_uri": "https://support.google.com/a/answer/9368756",
                "error_subtype": "invalid_rapt",
            });
            return Some(Reply::json(400, &body));
        }
        Problem::RateLimited => (429, "rate_limit_exceeded", "Too many requests."),
        Problem::Unavailable => (503, "internal_failure", "Backend Error"),
        _ => return None,
    };
    Some(Reply::json(status, &json!({ "error": error, "error_description": words })))
}

fn at_api(desk: &Desk, trouble: &Trouble) -> Option<Reply> {
    let path = &trouble.request.path;
    let bad_token =
        matches!(trouble.problem, Problem::TokenUnknown | Problem::TokenExpired | Problem::Revoked);
    if bad_token && path == "/v1/userinfo" {
        let words = json!({ "error": "invalid_request", "error_description": "Invalid Credentials" });
        return Some(Reply::json(401, &words));
    }
    Some(match trouble.problem {
        _ if bad_token => api_error(401, "authError", "Invalid Credentials", "UNAUTHENTICATED"),
        Problem::ScopeMissing => {
            let words = "Request had insufficient authentication scopes.";
            let mut reply = error_body(403, "insufficientPermissions", words, "PERMISSION_DENIED");
            reply["error"]["details"] = info("ACCESS_TOKEN_SCOPE_INSUFFICIENT");
            Reply::json(403, &reply)
        }
        Problem::NotLicensed => {
            let words = format!(
                "{} API has not been used in project 410000000001 before or it is disabled. Enable it by visiting \
                 https://console.developers.google.com/apis/library?project=410000000001 then retry.",
                desk.provider.name
            );
            let mut reply = error_body(403, "accessNotConfigured", &words, "PERMISSION_DENIED");
            reply["error"]["errors"][0]["domain"] = json!("usageLimits");
            reply["error"]["details"] = info("SERVICE_DISABLED");
            Reply::json(403, &reply)
        }
        Problem::RateLimited => {
            let words = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'.";
            let mut reply = error_body(429, "rateLimitExceeded", words, "RESOURCE_EXHAUSTED");
            reply["error"]["errors"][0]["domain"] = json!("usageLimits");
            Reply::json(429, &reply)
        }
        Problem::Unavailable => api_error(503, "backendError", "Backend Error", "UNAVAILABLE"),
        _ => return None,
    })
}

/// An error in the shape of Google's APIs.
pub fn api_error(code: u16, reason: &str, message: &str, status: &str) -> Reply {
    Reply::json(code, &error_body(code, reason, message, status))
}

fn error_body(code: u16, reason: &str, message: &str, status: &str) -> Value {
    json!({ "error": {
        "code": code,
        "message": message,
        "errors": [{ "message": message, "domain": "global", "reason": reason }],
        "status": status,
    } })
}

fn info(reason: &str) -> Value {
    json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com" }])
}
