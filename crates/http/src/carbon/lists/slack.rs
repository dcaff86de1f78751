//! Slack: its conversations, and what was said in one of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::body::{At, Body, FromBody, fields, text, whole};
use super::super::choosing::{self, Choice};
use super::super::{Answer, Caller, Sorry, answer, success};
use super::wanted::{self, Days};
use super::{Query, Selection, What, named, source_of, text_of};
use crate::Door;

const PROVIDER: &str = "SLACK";
const TYPES: [&str; 4] = ["im", "mpim", "public_channel", "private_channel"];
/// Conversations on a page.
const PAGE: &str = "200";

pub(super) async fn conversations(State(door): State<Arc<Door>>, caller: Caller, query: Query) -> Answer {
    let given = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let types = given("types").unwrap_or("public_channel");
    if let Some(other) = types.split(',').find(|one| !TYPES.contains(&one.trim())) {
        return Err(Sorry::bad(format!(
            "Slack has no conversations of type {other:?}. The types are {}.",
            TYPES.join(", ")
        )));
    }
    let without_archived = match given("exclude_archived") {
        None => "true",
        Some(word) => match word.to_ascii_lowercase().as_str() {
            "true" | "1" => "true",
            "false" | "0" => "false",
            _ => return Err(Sorry::bad("exclude_archived is true or false.")),
        },
    };
    let source = source_of(&door, &caller, PROVIDER, named(&query)?)?;
    let mut ask = vec![("types", types), ("exclude_archived", without_archived), ("limit", PAGE)];
    ask.extend(given("cursor").map(|cursor| ("cursor", cursor)));
    let said = door.app.programs().ask_provider(&source.connection, "/users.conversations", &ask).await?;
    if said["ok"] == false {
        return Err(refused(text_of(&said, "error").unwrap_or("unknown_error")));
    }
    let found = said["channels"].as_array().into_iter().flatten();
    let next = text_of(&said["response_metadata"], "next_cursor");
    answer(json!({ "results": found.map(shown).collect::<Vec<_>>(), "next_cursor": next }))
}

fn shown(channel: &Value) -> Value {
    let is = |name: &str| channel[name] == true;
    let is_message = is("is_im") || is("is_mpim");
    json!({
        "id": channel["id"],
        "name": channel["name"],
        // Slack tells it of channels only, and of groups in its older form.
        "is_channel": is("is_channel") || is("is_group") && !is_message,
        "is_im": is("is_im"),
        "is_mpim": is("is_mpim"),
        "is_private": is("is_private") || is_message,
        "is_shared": is("is_shared"),
        "is_archived": is("is_archived"),
        "user": channel["user"],
    })
}

/// Slack says no with a word and status 200.
fn refused(error: &str) -> Sorry {
    match error {
        "invalid_cursor" => Sorry::bad("Slack does not know this cursor. Begin again without one."),
        "missing_scope" => Sorry::new(
            StatusCode::FORBIDDEN,
            "Slack does not tell conversations of these types with the permissions of this sign-in. Connect the account \
             again, or leave these types out.",
        ),
        "ratelimited" => {
            Sorry::new(StatusCode::SERVICE_UNAVAILABLE, "Slack asks for a pause. Try again in a minute.")
        }
        other => {
            Sorry::new(StatusCode::BAD_GATEWAY, format!("Slack refused the list of conversations: {other}."))
        }
    }
}

pub(super) struct Sync {
    data_source: Option<i64>,
    filters: Filters,
    choice: Choice,
}

#[derive(Default)]
struct Filters {
    conversation: String,
    after: Option<String>,
}

impl FromBody for Sync {
    fn read(body: &Value, at: &mut At) -> Option<Self> {
        fields(|it| Self {
            data_source: it.maybe("data_source_id", whole),
            filters: it.need("filters", filters),
            choice: Choice::read(it),
        })(body, at)
    }
}

fn filters(value: &Value, at: &mut At) -> Option<Filters> {
    fields(|it| Filters { conversation: it.need("conversation_id", text), after: it.maybe("after", text) })(
        value, at,
    )
}

/// All that was and will be said in a conversation, or what was said or answered from a day on.
pub(super) async fn sync(State(door): State<Arc<Door>>, caller: Caller, Body(ask): Body<Sync>) -> Answer {
    let after = ask.filters.after.as_deref().map(wanted::day).transpose().map_err(Sorry::bad)?;
    let source = source_of(&door, &caller, PROVIDER, ask.data_source)?;
    let place = ask.filters.conversation;
    if after.is_none() {
        choosing::choose(&door, &source, &[place], &ask.choice).await?;
        return success();
    }
    let what = What::Within { place, days: Days { after, before: None } };
    super::keep(&door, &source, Selection::new(what, &ask.choice, &source)).await?;
    success()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_has_every_key() {
        let direct = shown(&json!({ "id": "D1", "is_im": true, "user": "U1" }));
        assert_eq!(direct["is_private"], true);
        assert_eq!(
            (&direct["name"], &direct["user"], &direct["is_channel"]),
            (&Value::Null, &json!("U1"), &json!(false))
        );
        let closed = shown(
            &json!({ "id": "G1", "name": "board", "is_channel": false, "is_group": true, "is_private": true }),
        );
        assert_eq!(
            (&closed["is_channel"], &closed["is_private"], &closed["is_mpim"]),
            (&json!(true), &json!(true), &json!(false))
        );
        assert_eq!(refused("missing_scope").status().as_u16(), 403);
        assert_eq!(refused("invalid_cursor").status().as_u16(), 400);
        assert_eq!(refused("fatal_error").status().as_u16(), 502);
    }
}
