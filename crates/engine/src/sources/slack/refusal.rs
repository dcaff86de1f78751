//! Slack answers with status 200 also when it refuses.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Code, Error};
use crate::sources::Fault;
use crate::sources::rest::Ask;

/// Every answer says in itself whether it is one.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    error: Option<String>,
    needed: Option<String>,
}

/// Asks, and takes a refusal for what it means.
pub(super) async fn told<T: DeserializeOwned>(ask: Ask<'_>) -> Result<T, Fault> {
    let reply = ask.send().await?;
    let verdict: Verdict = reply.json()?;
    if verdict.ok {
        return reply.json();
    }
    Err(refusal(&verdict.error.unwrap_or_default(), &verdict.needed.unwrap_or_default()))
}

fn refusal(error: &str, needed: &str) -> Fault {
    let failed = |code, words: String, hint: &str| Fault::Failed(Error::new(code, words, hint));
    match error {
        "invalid_cursor" => Fault::Expired,
        "channel_not_found" | "thread_not_found" | "message_not_found" | "file_not_found"
        | "file_deleted" => Fault::Gone,
        "not_in_channel" | "access_denied" | "no_permission" | "method_not_supported_for_channel_type" => {
            Fault::Unreadable("Slack does not let this account read this channel.".into())
        }
        "missing_scope" => failed(
            Code::Refused,
            format!("The Slack app lacks the permission {needed}."),
            "After it is added under User Token Scopes, reconnect: earlier sign-ins do not get it.",
        ),
        "invalid_auth" | "not_authed" | "token_expired" | "token_revoked" | "account_inactive" => failed(
            Code::NeedsYou,
            format!("Slack no longer accepts this sign-in ({error})."),
            "Reconnect the account.",
        ),
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "ratelimited" => {
            failed(
                Code::Temporary,
                format!("Slack is not well at the moment ({error})."),
                "Tieline tries again at the next sync.",
            )
        }
        _ => failed(
            Code::Refused,
            format!("Slack refused the request ({error})."),
            "Try again. If it stays, report it with the log.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_with_status_200_is_what_it_means() {
        assert!(matches!(refusal("invalid_cursor", ""), Fault::Expired));
        assert!(matches!(refusal("thread_not_found", ""), Fault::Gone));
        assert!(matches!(refusal("not_in_channel", ""), Fault::Unreadable(_)));
        let code = |error| match refusal(error, "im:history") {
            Fault::Failed(error) => (error.code, error.message.contains("im:history")),
            _ => (Code::Internal, false),
        };
        assert_eq!(code("missing_scope"), (Code::Refused, true));
        assert_eq!(code("token_revoked"), (Code::NeedsYou, false));
        assert_eq!(code("internal_error"), (Code::Temporary, false));
        assert_eq!(code("anything_new"), (Code::Refused, false));
    }
}
