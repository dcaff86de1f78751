//! Whose account it is: the requests that the provider's entry names, and what they tell.

use std::collections::BTreeMap;

use serde_json::Value;
use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Cause, ErrorPlace, Provider, Step, StepAuth};
use url::Url;

use crate::client::{Answer, Body, Request};
use crate::connection::{Connection, Trouble};
use crate::diagnose;
use crate::error::Error;
use crate::flows::finish;
use crate::oauth::{self, Access};
use crate::secret::Secret;
use crate::world::{AppKeys, World};

/// Why a step failed.
#[derive(Debug)]
pub(crate) struct StepFailed {
    pub trouble: Trouble,
    pub status: u16,
    pub retry_after: Option<u64>,
    /// The input to change, with what is wrong.
    pub field: Option<Error>,
}

/// What one step may use besides inputs and facts.
#[derive(Default)]
pub(crate) struct Keys<'a> {
    pub bearer: Option<&'a Access>,
    pub app: Option<&'a AppKeys>,
    /// `token`, `access_token`, …: for revocation only.
    pub secrets: BTreeMap<&'static str, Secret>,
}

/// What a step's answer told.
pub(crate) struct Told {
    pub facts: BTreeMap<String, String>,
    /// Granted scopes, where a header lists them.
    pub scopes: Option<Vec<String>>,
    pub took: std::time::Duration,
}

/// Who the account is.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub facts: BTreeMap<String, String>,
    pub id: String,
    pub name: String,
    pub email: String,
    pub workspace: String,
    pub scopes: Option<Vec<String>>,
}

/// Asks every step and puts the account together. `granted`: what the sign-in may do, where that is known.
pub(crate) async fn identify(
    world: &World,
    provider: &Provider,
    fields: Fields,
    access: &Access,
    granted: Option<&[String]>,
) -> Result<Who, StepFailed> {
    let mut fields = fields;
    let mut facts = BTreeMap::new();
    let mut scopes = None;
    let (mut works, mut lacking) = (false, None);
    for step in &provider.identify {
        let keys = Keys { bearer: Some(access), ..Keys::default() };
        match ask(world, provider, step, &fields, &keys).await {
            Ok(Some(told)) => {
                fields.extend(told.facts.clone());
                facts.extend(told.facts);
                scopes = scopes.or(told.scopes);
                works = true;
            }
            Ok(None) => {}
            Err(failed) if step.optional && failed.field.is_none() => {
                tracing::debug!(
                    provider = provider.id,
                    status = failed.status,
                    "an optional question was not answered"
                );
            }
            Err(failed) if is_for_want_of_scope(provider, step, granted, &failed, works) => {
                lacking.get_or_insert(failed);
            }
            Err(failed) => return Err(failed),
        }
    }
    let account = &provider.account;
    let known = provider.account_ids().find_map(|id| template::fill(id, &fields).ok());
    let id = match (known, lacking) {
        (Some(id), _) => id,
        // The service may tell nobody's name; then every sign-in is an account of its own.
        (None, _) if account.nobody.is_some() => String::new(),
        (None, Some(failed)) => return Err(failed),
        (None, None) => {
            let field = template::fill(&account.id, &fields).err().unwrap_or_default();
            let refusal = oauth::Refusal {
                status: 200,
                description: format!("the answer names no {field}"),
                ..Default::default()
            };
            let mut trouble = diagnose::trouble(provider, ErrorPlace::Api, &refusal, world.now());
            trouble.cause = Cause::Garbage;
            return Err(StepFailed { trouble, status: 200, retry_after: None, field: None });
        }
    };
    let shown = |template: &str| template::fill_gently(template, &fields);
    Ok(Who {
        id,
        name: shown(&account.name),
        email: shown(&account.email),
        workspace: shown(&account.workspace),
        scopes,
        facts,
    })
}

/// Whether a step was refused because it takes a permission that the sign-in was not given, as far as anybody knows.
/// `works`: the same token was good for another step, so that a 401 cannot be about the token.
pub(crate) fn is_for_want_of_scope(
    provider: &Provider,
    step: &Step,
    granted: Option<&[String]>,
    failed: &StepFailed,
    works: bool,
) -> bool {
    let has = |granted: &[String]| step.scopes.iter().any(|it| finish::is_granted(provider, it, granted));
    let says = failed.trouble.cause == Cause::ScopeMissing || failed.status == 403;
    !step.scopes.is_empty() && !granted.is_some_and(has) && (says || works && failed.status == 401)
}

/// Whether a sign-in with this id, inputs and facts is to the account of a connection: by the first of the account's
/// ids that both tell.
pub(crate) fn is_same(provider: &Provider, before: &Connection, id: &str, fields: &Fields) -> bool {
    if before.account_id == id || id.is_empty() && before.account_id == before.id {
        return true;
    }
    let known = before.fields();
    provider
        .account_ids()
        .find_map(|it| Some((template::fill(it, &known).ok()?, template::fill(it, fields).ok()?)))
        .is_some_and(|(before, now)| before == now)
}

/// Makes the request of one step. `None`: skipped, because what it needs is empty.
pub(crate) async fn ask(
    world: &World,
    provider: &Provider,
    step: &Step,
    fields: &Fields,
    keys: &Keys<'_>,
) -> Result<Option<Told>, StepFailed> {
    let is_known = |name: &String| fields.get(name).is_some_and(|value| !value.is_empty());
    if !step.needs.iter().all(is_known) || step.unless.as_ref().is_some_and(is_known) {
        return Ok(None);
    }
    let now = world.now();
    let failed = |trouble: Trouble| StepFailed { trouble, status: 0, retry_after: None, field: None };
    let request = request(provider, step, fields, keys)
        .map_err(|error| failed(diagnose::unreachable(&error, ErrorPlace::Api, now)))?;
    let answer = world
        .client()
        .send(request)
        .await
        .map_err(|error| failed(diagnose::unreachable(&error, ErrorPlace::Api, now)))?;
    let refused = |answer: &Answer| {
        let refusal = oauth::refusal(answer.status, &answer.said());
        StepFailed {
            trouble: diagnose::trouble(provider, ErrorPlace::Api, &refusal, now),
            status: answer.status,
            retry_after: answer.retry_after,
            field: None,
        }
    };
    if !(200..300).contains(&answer.status) {
        return Err(refused(&answer));
    }
    let scopes = provider.oauth.reply.scope_header.as_ref().and_then(|name| {
        let (_, value) = answer.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name))?;
        Some(value.split([',', ' ']).filter(|it| !it.is_empty()).map(str::to_owned).collect())
    });
    let took = answer.took;
    // A web page in place of an answer comes from a hotel's network or a proxy, not from the service.
    if answer.body.expose().trim_start().starts_with('<') {
        return Err(refused(&answer));
    }
    if step.facts.is_empty() && step.pick.is_none() && provider.oauth.reply.ok.is_none() {
        return Ok(Some(Told { facts: BTreeMap::new(), scopes, took }));
    }
    let Ok(reply) = serde_json::from_str::<Value>(answer.body.expose()) else {
        return Err(refused(&answer));
    };
    if provider.oauth.reply.ok.as_ref().is_some_and(|place| reply.pointer(place) == Some(&Value::Bool(false)))
    {
        return Err(refused(&answer));
    }
    let chosen = match &step.pick {
        None => Some(&reply),
        Some(pick) => {
            let wanted = template::fill_gently(&pick.holds, fields).to_lowercase();
            let holds = |value: Option<&Value>, text: &str| match value {
                Some(Value::Array(items)) => {
                    items.iter().filter_map(Value::as_str).any(|it| it.to_lowercase().contains(text))
                }
                Some(value) => oauth_plain(value).to_lowercase().contains(text),
                None => false,
            };
            let list = reply.pointer(&pick.list).and_then(Value::as_array);
            list.into_iter().flatten().find(|item| {
                pick.only
                    .as_ref()
                    .is_none_or(|place| holds(item.pointer(place), &pick.only_holds.to_lowercase()))
                    && (wanted.is_empty() || holds(item.pointer(&pick.by), &wanted))
            })
        }
    };
    let Some(chosen) = chosen else {
        let mut nothing = refused(&answer);
        nothing.trouble.cause = Cause::WrongHost;
        if let Some(pick) = &step.pick {
            nothing.trouble.says = Some(pick.none_says.clone());
            nothing.field =
                pick.input.as_ref().map(|input| Error::field(input.clone(), pick.none_says.clone()));
        }
        return Err(nothing);
    };
    let mut facts = BTreeMap::new();
    for (name, pointer) in &step.facts {
        let value = chosen.pointer(pointer).map(oauth_plain).filter(|value| !value.is_empty());
        if let Some(value) = value {
            oauth::keep(&mut facts, name, value);
        }
    }
    Ok(Some(Told { facts, scopes, took }))
}

fn oauth_plain(value: &Value) -> String {
    oauth::plain(value).unwrap_or_default()
}

fn request(provider: &Provider, step: &Step, fields: &Fields, keys: &Keys<'_>) -> Result<Request, Error> {
    let missing = |field: &str| Error::internal(format!("{} does not tell {field}", provider.name));
    let url = template::fill_url(&step.url, fields).map_err(missing)?;
    let url = Url::parse(&url).map_err(|_| Error::internal("a request has no address"))?;
    let fill = |template: &str| -> Result<Secret, Error> {
        let mut all = fields.clone();
        for name in template::names(template) {
            if let Some(secret) = keys.secrets.get(name) {
                all.insert(name.to_owned(), secret.expose().to_owned());
            }
        }
        template::fill(template, &all).map(Secret::new).map_err(missing)
    };
    let mut headers = vec![("Accept".to_owned(), "application/json".to_owned())];
    for (name, value) in &step.headers {
        headers.push((name.clone(), template::fill(value, fields).map_err(missing)?));
    }
    let body = if !step.form.is_empty() {
        let pairs: Result<Vec<_>, Error> =
            step.form.iter().map(|(name, value)| Ok((name.clone(), fill(value)?))).collect();
        Body::Form(pairs?)
    } else if !step.json.is_empty() {
        let pairs: Result<serde_json::Map<String, Value>, Error> = step
            .json
            .iter()
            .map(|(name, value)| Ok((name.clone(), Value::String(fill(value)?.expose().to_owned()))))
            .collect();
        Body::Json(Secret::new(Value::Object(pairs?).to_string()))
    } else {
        Body::None
    };
    let allowed_hosts: Vec<String> =
        provider.oauth.api_hosts.iter().map(|host| template::fill_gently(host, fields)).collect();
    let (access, basic) = match step.auth {
        StepAuth::Bearer => (keys.bearer.cloned(), None),
        StepAuth::Client => (None, keys.app.map(|app| app.pair(provider))),
        StepAuth::None => (None, None),
    };
    let (bearer, proof) = access.map(|it| (it.token, it.key)).unzip();
    Ok(Request {
        method: step.method,
        url,
        headers,
        bearer,
        proof: proof.flatten(),
        basic,
        body,
        allowed_hosts,
    })
}
