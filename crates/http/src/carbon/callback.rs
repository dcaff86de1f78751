//! What the person's browser sees around a sign-in: the provider's answer is taken, how it ended is shown, and a link for
//! somebody who is connected already is followed. These pages need no key; their names cannot be guessed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use tieline_engine::program::{Action, DataSource};
use tieline_engine::wire::{Flow, FlowStep};

use super::links::Link;
use super::page::{Page, escaped, go};
use super::{Sorry, call, objects, webhooks};
use crate::Door;

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/integrations/{service}", get(taken))
        .route("/integrations/done/{name}/{flow}", get(done).post(decided))
        .route("/integrations/sync/{name}", get(sync))
        .route("/integrations/connected/{name}", get(connected_already))
}

/// A browser is kept waiting this long; then its page looks again by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// The provider's answer. The browser goes on at once, so that no code stays in its history.
async fn taken(
    State(door): State<Arc<Door>>,
    Path(service): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let path = format!("/integrations/{service}");
    let known = door.app.programs().published().iter().any(|provider| provider.callback == service);
    if !known {
        return Page::new("Nothing here")
            .words("No service sends people back to this address. Look at the address you came from.")
            .answer(StatusCode::NOT_FOUND);
    }
    match door.app.programs().deliver(&path, &query.unwrap_or_default()) {
        Ok(flow) => {
            // A sign-in that another contract or the window began has no link of ours.
            let name = door.carbon.links.name_of_flow(&flow).unwrap_or_else(|| "-".into());
            go(&format!("/integrations/done/{name}/{flow}"))
        }
        Err(_) => Page::new("Unexpected return")
            .words(
                "Tieline is not waiting for this sign-in: it has ended, or it came from somewhere else. Nothing was \
                 changed. Close this tab and start again in the program you came from.",
            )
            .answer(StatusCode::BAD_REQUEST),
    }
}

/// How a sign-in ended, as soon as it has.
async fn done(State(door): State<Arc<Door>>, Path((name, flow)): Path<(String, String)>) -> Response {
    let link = door
        .carbon
        .links
        .find(&door.app.programs(), &name)
        .filter(|link| link.flow.as_ref().is_none_or(|it| *it == flow));
    let Ok(ended) = door.app.programs().ended(&flow, PATIENCE).await else {
        return gone();
    };
    match ended.step {
        FlowStep::Waiting | FlowStep::Finishing => Page::new("Almost there")
            .words(&format!("{} has answered, and Tieline finishes the rest.", ended.provider_name))
            .looks_again(2)
            .answer(StatusCode::OK),
        FlowStep::Connected => connected(&door, &name, link, &ended),
        FlowStep::OtherAccount if link.is_some() => other_account(&door, &name, &ended),
        FlowStep::OtherAccount => Page::new("Somebody else signed in")
            .words("This is not the account that was connected before. Tieline asks what to do with it.")
            .answer(StatusCode::OK),
        FlowStep::Refused | FlowStep::Failed | FlowStep::Cancelled | FlowStep::TimedOut => {
            not_connected(&ended, link.is_some())
        }
    }
}

fn connected(door: &Door, name: &str, link: Option<Link>, flow: &Flow) -> Response {
    let source =
        flow.connection.as_deref().and_then(|id| door.app.programs().data_source_of(id).ok().flatten());
    let (Some(link), Some(source)) = (link, source) else {
        return Page::new("Connected")
            .words("You can close this tab and go back to where you came from.")
            .answer(StatusCode::OK);
    };
    door.carbon.links.change(name, |link| link.source = Some(source.number));
    if has_picker(door, &link) && link.options.automatically_open_file_picker {
        return go(&format!("/integrations/pick/{name}"));
    }
    let missing: Vec<&str> = flow.missing.iter().map(|scope| scope.without.as_str()).collect();
    success(door, name, &link, &source, &missing)
}

fn has_picker(door: &Door, link: &Link) -> bool {
    link.options.enable_file_picker
        && objects::published(door, &link.provider).is_some_and(|provider| provider.picker && provider.lists)
}

fn success(door: &Door, name: &str, link: &Link, source: &DataSource, missing: &[&str]) -> Response {
    let provider = objects::published(door, &link.provider).map_or_else(String::new, |it| it.name);
    let mut page = Page::new("Connected").words(&format!("{provider}: {} is connected.", source.title));
    if !missing.is_empty() {
        page = page.words(&format!("You allowed less than was asked for. {}", missing.join(" ")));
    }
    if has_picker(door, link) {
        page = page
            .words("Choose what may be read, now or later, or close this tab and go back.")
            .button("Choose files", &format!("/integrations/pick/{name}"));
    } else {
        page = page.words("You can close this tab and go back to where you came from.");
    }
    page.answer(StatusCode::OK)
}

fn not_connected(flow: &Flow, from_program: bool) -> Response {
    let mut page = Page::new("Not connected");
    match &flow.problem {
        Some(problem) => {
            page = page.words(&problem.happened);
            if !problem.why.is_empty() {
                page = page.words(&problem.why);
            }
            if let Some(message) = &problem.message {
                page = page
                    .words("Send this to your administrator:")
                    .letter(&format!("{}\n\n{}", message.subject, message.body));
            }
        }
        None if flow.step == FlowStep::TimedOut => page = page.words("No answer came within ten minutes."),
        None => page = page.words("The sign-in was stopped. Nothing was changed."),
    }
    let back = if from_program {
        "To try again, close this tab and press Connect in the program you came from."
    } else {
        "To try again, close this tab and start again where you came from."
    };
    page.words(back).answer(StatusCode::OK)
}

fn gone() -> Response {
    Page::new("This sign-in is over")
        .words("It was finished a while ago, the program was shut out, or Tieline was started anew. Close this tab and look where you came from.")
        .answer(StatusCode::NOT_FOUND)
}

/// Somebody else signed in where an account was to be renewed.
fn other_account(door: &Door, name: &str, flow: &Flow) -> Response {
    let Ok(word) = door.carbon.links.form(name) else { return gone() };
    let account = flow.other_account.as_ref();
    let who = account.map_or("another account", |it| {
        [&it.email, &it.name, &it.workspace]
            .into_iter()
            .find(|it| !it.is_empty())
            .map_or("another account", |it| it)
    });
    let form = format!(
        "<form class=\"ask\" method=\"post\"><input type=\"hidden\" name=\"once\" value=\"{word}\">\
         <button name=\"keep\" value=\"yes\">Connect this account as well</button>\
         <button class=\"plain\" name=\"keep\" value=\"no\">Leave it</button></form>"
    );
    Page::new("Somebody else signed in")
        .words(&format!(
            "You signed in to {} as {who}, which is not the account that was connected before. That one still waits for \
             its sign-in.",
            flow.provider_name
        ))
        .markup(&form)
        .answer(StatusCode::OK)
}

#[derive(Deserialize)]
struct Decided {
    once: String,
    keep: String,
}

async fn decided(
    State(door): State<Arc<Door>>,
    Path((name, flow)): Path<(String, String)>,
    Form(form): Form<Decided>,
) -> Response {
    let belongs = door
        .carbon
        .links
        .find(&door.app.programs(), &name)
        .is_some_and(|link| link.flow.as_deref() == Some(flow.as_str()));
    if belongs && door.carbon.links.sent(&name, &form.once) {
        let ask = json!({ "id": flow, "keep": form.keep == "yes" });
        if let Err(sorry) = call::<Value>(&door, "other_account", ask).await {
            return failed(&sorry);
        }
    }
    go(&format!("/integrations/done/{name}/{flow}"))
}

/// A link for somebody who is connected: what it asks for is begun, once, and the browser goes on.
async fn sync(State(door): State<Arc<Door>>, Path(name): Path<String>) -> Response {
    let link = door.carbon.links.find(&door.app.programs(), &name);
    let source = link.as_ref().and_then(|link| link.source).and_then(|number| source(&door, number));
    let (Some(link), Some(source)) = (link, source) else { return gone() };
    if source.revoked {
        return Page::new("No longer connected")
            .words("This account was disconnected since. Go back to the program you came from and connect it again.")
            .answer(StatusCode::OK);
    }
    if door.carbon.links.take(&name)
        && let Err(sorry) = begin(&door, &link, &source).await
    {
        return failed(&sorry);
    }
    let goes_on = has_picker(&door, &link) && link.options.automatically_open_file_picker;
    let page = if goes_on { "pick" } else { "connected" };
    go(&format!("/integrations/{page}/{name}"))
}

async fn connected_already(State(door): State<Arc<Door>>, Path(name): Path<String>) -> Response {
    let link = door.carbon.links.find(&door.app.programs(), &name);
    let source = link.as_ref().and_then(|link| link.source).and_then(|number| source(&door, number));
    match (link, source) {
        (Some(link), Some(source)) => success(&door, &name, &link, &source, &[]),
        _ => gone(),
    }
}

pub(super) fn source(door: &Door, number: i64) -> Option<DataSource> {
    door.app.programs().data_source(number).ok().flatten()
}

/// Applies a link's options to its data source and begins what they ask for.
async fn begin(door: &Arc<Door>, link: &Link, source: &DataSource) -> Result<(), Sorry> {
    let programs = door.app.programs();
    programs.change_data_source(source.number, |it| {
        it.options = link.options.clone();
        it.tags.extend(link.data_source_tags.clone());
    })?;
    let Some(provider) = objects::published(door, &source.provider).filter(|provider| provider.lists) else {
        return Ok(());
    };
    let connection = &source.connection;
    let everything =
        link.options.everything_at_first(provider.everything_at_first, &provider.at_first_where_named);
    if everything {
        let _: Value =
            call(door, "set_sync", json!({ "connection": connection, "everything": true })).await?;
        programs.cover(connection)?;
    }
    if everything || link.options.sync_source_items {
        let _: Value = call(door, "start_sync", json!({ "connection": connection })).await?;
        let acted = programs.acted(source.number, Action::Update)?;
        webhooks::tell_of(door, &acted, "UPDATE");
    }
    Ok(())
}

pub(super) fn failed(sorry: &Sorry) -> Response {
    let words = sorry.detail().as_str().unwrap_or("This did not work.").to_owned();
    Page::new("This did not work").words(&words).answer(sorry.status())
}

/// The name of a provider, escaped for markup.
pub(super) fn provider_name(door: &Door, id: &str) -> String {
    escaped(&objects::published(door, id).map_or_else(String::new, |it| it.name))
}
