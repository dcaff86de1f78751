//! The control address: a page for a person, JSON for programs. Joined processes and the process that runs
//! the providers both go through [`answer`], so there is one way to do each thing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

use crate::contents::{Refused, Seen};
use crate::house::{Active, House};
use crate::pages;
use crate::providers::{self, Provider};
use crate::wire::{Reply, Request};
use crate::{App, Route};

/// What the health check says, so that a joining process knows whom it talks to.
pub const GREETING: &str = "tieline practice";

pub(crate) fn answer(house: &House, routes: &[Route], request: &Request) -> Reply {
    if !matches!(request.host.as_str(), "127.0.0.1" | "localhost" | "[::1]") {
        return Reply::text(421, "Control answers on this computer only.");
    }
    let parts: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
    if let ("GET", ["relay", "integrations", _]) = (request.method.as_str(), parts.as_slice()) {
        // The page that an organisation hosts, here hosted for practice.
        return Reply::text(200, include_str!("../../../relay/index.html")).kind("text/html; charset=utf-8");
    }
    let (subject, name) = match parts.as_slice() {
        [] => ("", None),
        [subject] => (*subject, None),
        [subject, name] => (*subject, Some(*name)),
        _ => return missing("There is no such address."),
    };
    let provider = match name.map(Provider::find) {
        Some(None) => return missing("There is no practice provider of that name."),
        Some(Some(provider)) => Some(provider),
        None => None,
    };
    match (request.method.as_str(), subject, provider) {
        ("GET", "", None) => Reply::page(200, pages::control(&providers::ALL)),
        ("GET", "control.js", None) => Reply::text(200, include_str!("control.js"))
            .header("x-content-type-options", "nosniff")
            .kind("text/javascript; charset=utf-8"),
        ("GET", "health", None) => Reply::json(200, &json!({ "health": GREETING })),
        ("GET", "routes", None) => Reply::json(200, &json!(routes)),
        ("GET", "apps", None) => Reply::json(200, &json!(apps())),
        ("GET", "counts", None) => Reply::json(200, &json!(house.state().counts)),
        ("GET", "counts", Some(provider)) => {
            Reply::json(200, &json!(house.state().counts.get(provider.id).copied().unwrap_or_default()))
        }
        ("GET", "faults", None) => {
            let state = house.state();
            let on: BTreeMap<_, _> = state.faults.iter().filter(|(_, list)| !list.is_empty()).collect();
            Reply::json(200, &json!(on))
        }
        ("PUT", "faults", Some(provider)) => read(request, |active: Active| {
            house.set_fault(provider, active);
        }),
        ("DELETE", "faults", None) => done(|| house.state().faults.clear()),
        ("DELETE", "faults", Some(provider)) => done(|| {
            house.state().faults.remove(provider.id);
        }),
        ("GET", "heard", Some(provider)) => {
            Reply::json(200, &json!(house.state().heard.get(provider.id).cloned().unwrap_or_default()))
        }
        ("PUT", "redirects", Some(provider)) => read(request, |addresses: Vec<String>| {
            let mut state = house.state();
            state.book.redirects.insert(provider.id.to_owned(), addresses);
            state.book.save();
        }),
        ("GET", "rules", Some(provider)) => {
            let desk = crate::desk::Desk { provider, house };
            Reply::json(200, &json!(desk.rules()))
        }
        ("PUT", "rules", Some(provider)) => change_rules(house, provider, request),
        ("PUT", "clock", None) => match request.json().and_then(|body| body.get("ahead_seconds")?.as_u64()) {
            Some(seconds) => done(|| house.clock.set_ahead(seconds)),
            None => wrong("Send {\"ahead_seconds\": 0} or more."),
        },
        ("GET", "clock", None) => {
            Reply::json(200, &json!({ "now": house.clock.now(), "ahead_seconds": house.clock.ahead() }))
        }
        ("GET", "contents", Some(provider)) => {
            let contents = house.contents(provider);
            let items = Seen::all(provider, &contents);
            Reply::json(200, &json!({ "position": contents.now_at(), "items": items }))
        }
        ("PUT", "contents", Some(provider)) => change_contents(house, provider, request),
        ("PUT", "items", None) => match request.json().and_then(|body| body.get("count")?.as_u64()) {
            Some(count) => done(|| house.set_items(usize::try_from(count).unwrap_or(usize::MAX))),
            None => wrong("Send {\"count\": 300} or another number."),
        },
        _ => missing("There is no such address."),
    }
}

/// `{"do": "add"|"edit"|"rename"|"move"|"delete"|"unpublish"|"publish"|"expire", "thing": …}` and what the
/// deed needs. An added thing is like the one that is named, where `parent`, `name`, `text`, `kind`, `format`
/// and `state` say nothing else. What is below a thing is deleted, unpublished and published with it.
fn change_contents(house: &House, provider: &'static Provider, request: &Request) -> Reply {
    let Some(body) = request.json() else { return wrong("Send JSON.") };
    let order = match serde_json::from_value(body) {
        Ok(order) => order,
        Err(error) => return wrong(&error.to_string()),
    };
    let obeyed = house.at_shelf(provider, |shelf, items, now| {
        let thing = shelf.obey(provider, items, order, now)?;
        let id = shelf.contents(provider, items, now).get(&thing).and_then(provider.id_of);
        Ok((thing, id))
    });
    match obeyed {
        Ok((thing, id)) => Reply::json(200, &json!({ "id": id, "thing": thing })),
        Err(Refused(words)) => wrong(words),
    }
}

/// Lays the given fields over the provider's own rules; `null` in place of the object takes them back.
fn change_rules(house: &House, provider: &'static Provider, request: &Request) -> Reply {
    let mut rules = json!(provider.rules);
    match request.json() {
        Some(Value::Null) => {
            return done(|| {
                house.state().rules.remove(provider.id);
            });
        }
        Some(Value::Object(fields)) => {
            for (name, value) in fields {
                rules[name] = value;
            }
        }
        _ => return wrong("Send the fields of the rules as JSON."),
    }
    match serde_json::from_value(rules) {
        Ok(rules) => done(|| {
            house.state().rules.insert(provider.id, rules);
        }),
        Err(error) => wrong(&error.to_string()),
    }
}

pub(crate) fn apps() -> Vec<App> {
    let entries = providers::ALL.into_iter().flat_map(|it| it.apps.iter().map(move |app| (it, app)));
    entries
        .map(|(provider, app)| App {
            provider: provider.id.to_owned(),
            client_id: app.client_id.to_owned(),
            client_secret: app.client_secret.map(str::to_owned),
            inputs: provider.inputs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
        })
        .collect()
}

pub(crate) fn routes(patterns: &[&str], origins: &[Url]) -> Vec<Route> {
    let pairs = patterns.iter().zip(origins);
    pairs.map(|(host, origin)| Route { host: (*host).to_owned(), origin: origin.clone() }).collect()
}

fn read<T: serde::de::DeserializeOwned>(request: &Request, work: impl FnOnce(T)) -> Reply {
    let Some(body) = request.json() else { return wrong("Send JSON.") };
    match serde_json::from_value(body) {
        Ok(value) => done(|| work(value)),
        Err(error) => wrong(&error.to_string()),
    }
}

fn done(work: impl FnOnce()) -> Reply {
    work();
    Reply::json(200, &json!({}))
}

fn wrong(words: &str) -> Reply {
    Reply::json(400, &json!({ "error": words }))
}

fn missing(words: &str) -> Reply {
    Reply::json(404, &json!({ "error": words }))
}
