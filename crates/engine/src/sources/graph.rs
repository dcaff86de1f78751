//! The manners of Microsoft Graph: pages, links and errors, after the pages on paging, delta queries and errors.

use serde::{Deserialize, Serialize};

use super::{Fault, Reply};

/// A page of a list. It may be empty and still not be the last.
#[derive(Deserialize)]
pub struct Rows<T> {
    pub value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub next: Option<String>,
    /// Where the next round of a delta query begins; on its last page only.
    #[serde(rename = "@odata.deltaLink")]
    pub delta: Option<String>,
}

/// An error's code and those within it, joined by spaces; empty where the answer is none of Graph's.
pub fn codes(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Said {
        error: Cause,
    }
    #[derive(Deserialize)]
    struct Cause {
        #[serde(default)]
        code: String,
        #[serde(default, alias = "innererror", rename = "innerError")]
        inner: Option<Box<Cause>>,
    }
    let Ok(Said { error }) = serde_json::from_slice(&reply.body) else { return String::new() };
    let causes = std::iter::successors(Some(&error), |cause| cause.inner.as_deref());
    causes.map(|cause| cause.code.as_str()).collect::<Vec<_>>().join(" ")
}

/// What Graph says in words, for the few errors that have no code of their own.
pub fn says(reply: &Reply, words: &str) -> bool {
    String::from_utf8_lossy(&reply.body).contains(words)
}

/// A fault of a delta query, told apart from a position that Graph no longer knows.
pub fn of_delta(fault: Fault) -> Fault {
    match fault {
        Fault::Status(reply) if reply.status == 410 => Fault::Expired,
        Fault::Status(reply) if reply.status < 500 => {
            let codes = codes(&reply).to_lowercase();
            let is_lost =
                ["syncstatenotfound", "syncstateinvalid", "resync"].iter().any(|it| codes.contains(it));
            if is_lost { Fault::Expired } else { Fault::Status(reply) }
        }
        other => other,
    }
}

/// Reads a cursor that was made by [`cursor`]; one of another make is an expired one.
pub fn place<T: for<'de> Deserialize<'de>>(cursor: &str) -> Result<T, Fault> {
    serde_json::from_str(cursor).map_err(|_| Fault::Expired)
}

/// Where a listing stands, as text.
pub fn cursor<T: Serialize>(place: &T) -> Result<String, Fault> {
    serde_json::to_string(place).map_err(|error| Fault::Failed(crate::error::Error::internal(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_lost_position_is_told_from_other_refusals() {
        let lost = r#"{"error":{"code":"SyncStateNotFound","message":"gone"}}"#;
        let within = r#"{"error":{"code":"invalidRequest","innerError":{"code":"resyncRequired"}}}"#;
        for (status, body) in [(410, ""), (404, lost), (400, within)] {
            assert!(
                matches!(of_delta(Fault::Status(reply(status, body))), Fault::Expired),
                "{status} {body}"
            );
        }
        let other = r#"{"error":{"code":"accessDenied","innerError":{"date":"2026-01-01"}}}"#;
        assert!(matches!(of_delta(Fault::Status(reply(403, other))), Fault::Status(_)));
        assert_eq!(codes(&reply(403, other)), "accessDenied ");
        assert_eq!(codes(&reply(502, "<html>")), "");
    }
}
