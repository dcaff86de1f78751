//! What a service needs and no field of this API names (a bucket, say), the person is asked for on a page of ours, before
//! the provider's.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;
use tieline_engine::wire::{FormCheck, InputField, ProviderForm};
use tieline_engine::{Connecting, PublishedProvider};

use super::callback::failed;
use super::links::Link;
use super::page::{Page, escaped};
use super::{Sorry, call, oauth_url};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new().route("/integrations/ask/{name}", get(ask).post(filled))
}

/// Whether this input has to be there and no field of this API fills it.
pub(super) fn is_asked_for(provider: &PublishedProvider, key: &str) -> bool {
    provider.required.iter().any(|required| required == key)
        && !provider.inputs.values().any(|input| input == key)
}

/// Whether one of them is missing among the inputs as they will be used.
pub(super) fn is_needed(provider: &PublishedProvider, used: &BTreeMap<String, String>) -> bool {
    provider.required.iter().any(|key| is_asked_for(provider, key) && !used.contains_key(key))
}

/// The page's address, for a sign-in that begins once it is filled in.
pub(super) fn url(door: &Door, connecting: Connecting) -> Result<String, Sorry> {
    let app =
        door.app.programs().app(connecting.owner.organization, &connecting.provider, &connecting.inputs)?;
    if app.is_none() {
        return Err(Sorry::bad(
            "There is no app for this service yet. Hand your organization's over with /white_label/create, or set one up \
             in Tieline's window.",
        ));
    }
    let mut link = Link::new(
        connecting.owner.clone(),
        oauth_url::key_of(&connecting),
        &connecting.provider,
        connecting.options.clone(),
        connecting.data_source_tags.clone(),
    );
    link.connecting = Some(connecting);
    let name = door.carbon.links.keep(link)?;
    Ok(format!("{}/integrations/ask/{name}", door.origin()))
}

fn gone() -> Response {
    Page::new("This page is closed")
        .words("It was open for an hour, the program was shut out, or Tieline was started anew. Go back to the program you came from.")
        .answer(StatusCode::NOT_FOUND)
}

async fn ask(State(door): State<Arc<Door>>, Path(name): Path<String>) -> Response {
    let Some(connecting) =
        door.carbon.links.find(&door.app.programs(), &name).and_then(|link| link.connecting)
    else {
        return gone();
    };
    match form(&door, &name, &connecting, &BTreeMap::new(), &BTreeMap::new()).await {
        Ok(page) => page,
        Err(sorry) => failed(&sorry),
    }
}

/// The fields that are missing, with what was typed and what is wrong with it.
async fn form(
    door: &Door,
    name: &str,
    connecting: &Connecting,
    typed: &BTreeMap<String, String>,
    problems: &BTreeMap<String, String>,
) -> Result<Response, Sorry> {
    let provider = oauth_url::provider(door, &connecting.provider)?;
    let shown: ProviderForm = call(door, "provider", json!({ "provider": provider.id })).await?;
    let word = door.carbon.links.form(name)?;
    let mut html = format!(
        "<form class=\"fill\" method=\"post\"><input type=\"hidden\" name=\"once\" value=\"{word}\">"
    );
    let asked = |input: &&InputField| is_asked_for(&provider, &input.key) && input.default.is_empty();
    for input in shown.inputs.iter().filter(asked) {
        html += &field(input, typed.get(&input.key), problems.get(&input.key));
    }
    html += "<button>Go on</button></form>";
    Ok(Page::new(&format!("Connect {}", provider.name)).markup(&html).answer(StatusCode::OK))
}

fn field(input: &InputField, typed: Option<&String>, problem: Option<&String>) -> String {
    let (key, label) = (escaped(&input.key), escaped(&input.label));
    let value = escaped(typed.map_or("", String::as_str));
    let example = escaped(&input.example);
    let (state, words) = match problem {
        Some(problem) => (
            " aria-invalid=\"true\" autofocus",
            format!("<small class=\"bad\" id=\"{key}-help\">{}</small>", escaped(problem)),
        ),
        None => (
            "",
            format!(
                "<small id=\"{key}-help\">{} {}</small>",
                escaped(&input.help),
                escaped(&input.where_to_find)
            ),
        ),
    };
    format!(
        "<label for=\"{key}\">{label}</label><input id=\"{key}\" name=\"{key}\" value=\"{value}\" placeholder=\"{example}\" \
         aria-describedby=\"{key}-help\" required spellcheck=\"false\" autocomplete=\"off\"{state}>{words}"
    )
}

async fn filled(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Response {
    let Some(connecting) =
        door.carbon.links.find(&door.app.programs(), &name).and_then(|link| link.connecting)
    else {
        return gone();
    };
    let good = typed.get("once").is_some_and(|word| door.carbon.links.sent(&name, word));
    match go_on(&door, &name, connecting, &typed, good).await {
        Ok(page) => page,
        Err(sorry) => failed(&sorry),
    }
}

async fn go_on(
    door: &Arc<Door>,
    name: &str,
    mut connecting: Connecting,
    typed: &BTreeMap<String, String>,
    good: bool,
) -> Result<Response, Sorry> {
    let provider = oauth_url::provider(door, &connecting.provider)?;
    let asked = typed.iter().filter(|(key, _)| is_asked_for(&provider, key));
    let asked: BTreeMap<String, String> =
        asked.map(|(key, text)| (key.clone(), text.trim().to_owned())).collect();
    connecting.inputs.extend(asked.clone());
    let check: FormCheck =
        call(door, "check_form", json!({ "provider": provider.id, "inputs": connecting.inputs })).await?;
    let problems: BTreeMap<String, String> =
        check.fields.into_iter().filter_map(|field| Some((field.key, field.problem?))).collect();
    if !good || !problems.is_empty() {
        return form(door, name, &connecting, &asked, &problems).await;
    }
    let url = oauth_url::begin(door, &provider, connecting).await?;
    Ok(Page::new(&format!("On to {}", provider.name))
        .words("The browser goes on to the sign-in.")
        .goes_on("Sign in", &url)
        .answer(StatusCode::OK))
}
