//! What a service needs and the program did not say (a subdomain or a bucket, say), the person is asked for on a page of
//! ours, before the provider's.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tieline_engine::wire::{FormCheck, InputField, ProviderForm};
use tieline_engine::{Connecting, Error};

use crate::Door;
use crate::guard::Refused;
use crate::links::Links;
use crate::page::{Page, escaped};

pub(crate) fn router() -> Router<Arc<Door>> {
    Router::new().route("/integrations/ask/{name}", get(ask).post(filled))
}

/// The provider's address, once the sign-in has begun.
pub(crate) type Begun = BoxFuture<'static, Result<String, Refused>>;

/// A sign-in that begins once the person has filled in what is missing.
#[derive(Clone)]
pub(crate) struct Asked {
    pub connecting: Connecting,
    /// The inputs that are asked for.
    pub keys: Vec<String>,
    pub begin: Arc<dyn Fn(Arc<Door>, Connecting) -> Begun + Send + Sync>,
}

/// The pages that may still be opened.
pub(crate) type Kept = Links<Asked>;

/// The page's address.
pub(crate) fn url(door: &Door, asked: Asked) -> tieline_engine::Result<String> {
    let key = asked.connecting.key().to_owned();
    let name = door.asking.keep(&key, asked)?;
    Ok(format!("{}/integrations/ask/{name}", door.origin()))
}

async fn call<T: DeserializeOwned>(door: &Door, operation: &str, ask: Value) -> Result<T, Refused> {
    let said = door.app.call(operation, ask).await.map_err(Error::from)?;
    serde_json::from_value(said).map_err(|error| Error::internal(error).into())
}

fn provider_name(door: &Door, id: &str) -> String {
    let found = door.app.programs().published().into_iter().find(|it| it.id == id);
    found.map_or_else(|| id.to_owned(), |it| it.name)
}

fn failed(refused: &Refused) -> Response {
    Page::new("This did not work").words(&refused.words).answer(refused.status)
}

fn gone() -> Response {
    Page::new("This page is closed")
        .words(
            "It was open for an hour, the program was shut out, or Tieline was started anew. Go back to the program you came \
             from.",
        )
        .answer(StatusCode::NOT_FOUND)
}

async fn ask(State(door): State<Arc<Door>>, Path(name): Path<String>) -> Response {
    let Some(asked) = door.asking.find(&door.app.programs(), &name) else { return gone() };
    let page = form(&door, &name, &asked, &BTreeMap::new(), &BTreeMap::new()).await;
    page.unwrap_or_else(|refused| failed(&refused))
}

/// The fields that are missing, with what was typed and what is wrong with it.
async fn form(
    door: &Door,
    name: &str,
    asked: &Asked,
    typed: &BTreeMap<String, String>,
    problems: &BTreeMap<String, String>,
) -> Result<Response, Refused> {
    let provider = &asked.connecting.provider;
    let shown: ProviderForm = call(door, "provider", json!({ "provider": provider })).await?;
    let word = door.asking.form(name)?;
    let mut html = format!(
        "<form class=\"fill\" method=\"post\"><input type=\"hidden\" name=\"once\" value=\"{word}\">"
    );
    for input in shown.inputs.iter().filter(|input| asked.keys.contains(&input.key)) {
        html += &field(input, typed.get(&input.key), problems.get(&input.key));
    }
    html += "<button>Go on</button></form>";
    Ok(Page::new(&format!("Connect {}", provider_name(door, provider))).markup(&html).answer(StatusCode::OK))
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
    let Some(asked) = door.asking.find(&door.app.programs(), &name) else { return gone() };
    let good = typed.get("once").is_some_and(|word| door.asking.sent(&name, word));
    let page = go_on(&door, &name, asked, &typed, good).await;
    page.unwrap_or_else(|refused| failed(&refused))
}

async fn go_on(
    door: &Arc<Door>,
    name: &str,
    mut asked: Asked,
    typed: &BTreeMap<String, String>,
    good: bool,
) -> Result<Response, Refused> {
    let typed = typed.iter().filter(|(key, _)| asked.keys.contains(key));
    let typed: BTreeMap<String, String> =
        typed.map(|(key, text)| (key.clone(), text.trim().to_owned())).collect();
    asked.connecting.inputs.extend(typed.clone());
    let provider = asked.connecting.provider.clone();
    let check = json!({ "provider": provider, "inputs": asked.connecting.inputs });
    let check: FormCheck = call(door, "check_form", check).await?;
    let problems: BTreeMap<String, String> =
        check.fields.into_iter().filter_map(|field| Some((field.key, field.problem?))).collect();
    if !good || !problems.is_empty() {
        return form(door, name, &asked, &typed, &problems).await;
    }
    let url = (asked.begin)(Arc::clone(door), asked.connecting).await?;
    Ok(Page::new(&format!("On to {}", provider_name(door, &provider)))
        .words("The browser goes on to the sign-in.")
        .goes_on("Sign in", &url)
        .answer(StatusCode::OK))
}
