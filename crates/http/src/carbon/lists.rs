//! Services with lists of their own: labels, folders, conversations and sites, and what of them is synced.

mod gmail;
mod outlook;
mod sharepoint;
mod slack;
mod standing;
mod wanted;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tieline_engine::program::DataSource;

use super::body::{Fields, flag};
use super::choosing::Choice;
use super::{Caller, Sorry, live_data_source_of};
use crate::Door;

pub(super) use self::standing::{Selection, What, forget, keep, look_again};

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/integrations/gmail/user_labels", get(gmail::labels))
        .route("/integrations/gmail/sync", post(gmail::sync))
        .route("/integrations/outlook/user_folders", get(outlook::folders))
        .route("/integrations/outlook/user_categories", get(outlook::categories))
        .route("/integrations/outlook/sync", post(outlook::sync))
        .route("/integrations/slack/conversations", get(slack::conversations))
        .route("/integrations/slack/sync", post(slack::sync))
        .route("/integrations/sharepoint/sites/list", get(sharepoint::sites))
}

/// What stands behind the question mark of an address.
type Query = axum::extract::Query<HashMap<String, String>>;

/// The data source that a query names, where it names one.
fn named(query: &Query) -> Result<Option<i64>, Sorry> {
    let given = query.get("data_source_id").filter(|text| !text.is_empty());
    given.map(|text| text.parse()).transpose().map_err(|_| {
        let fault = json!({
            "loc": ["query", "data_source_id"], "msg": "value is not a valid integer", "type": "type_error.integer",
        });
        Sorry::unreadable(vec![fault])
    })
}

/// The customer's data source of this provider: the one of that number, or the only one there is.
fn source_of(door: &Door, caller: &Caller, provider: &str, number: Option<i64>) -> Result<DataSource, Sorry> {
    if let Some(number) = number {
        let source = live_data_source_of(door, caller, number)?;
        if source.provider != provider {
            let words = format!(
                "Data source {number} is one of {}, and this address is for {provider}.",
                source.provider
            );
            return Err(Sorry::bad(words));
        }
        return Ok(source);
    }
    let all = door.app.programs().data_sources(caller.organization(), Some(&caller.customer))?;
    let mut live = all.into_iter().filter(|source| source.provider == provider && !source.revoked);
    match (live.next(), live.next()) {
        (Some(source), None) => {
            caller.about(&source);
            Ok(source)
        }
        (Some(_), Some(_)) => Err(Sorry::bad(format!(
            "This customer has several accounts of {provider}. Say which one by data_source_id."
        ))),
        (None, _) => Err(Sorry::new(
            StatusCode::NOT_FOUND,
            format!(
                "This customer has no account of {provider}. Connect one with /integrations/oauth_url first."
            ),
        )),
    }
}

/// Reads what all requests share that choose mails or messages.
fn choice(it: &mut Fields<'_>) -> Choice {
    let mut choice = Choice::read(it);
    if let Some(attachments) = it.maybe("sync_attachments", flag) {
        choice.options.insert("sync_attachments".into(), attachments.into());
    }
    choice
}

/// Files that hang on mails are listed by neither source.
///
/// # Errors
/// 501 where they are asked for.
fn only_mails(choice: &Choice) -> Result<(), Sorry> {
    if choice.options.get("sync_attachments") != Some(&Value::Bool(true)) {
        return Ok(());
    }
    let words =
        "Tieline reads mails without the files attached to them. Leave sync_attachments out, or send false.";
    Err(Sorry::new(StatusCode::NOT_IMPLEMENTED, words))
}

/// A text of an answer, where it is one.
fn text_of<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value[name].as_str().filter(|text| !text.is_empty())
}
