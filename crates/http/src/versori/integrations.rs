//! Integrations of a hub, and the connection templates that say what an end user connects for them. The organization
//! writes them; end users read them in [`embedded`](super::embedded).

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, put};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::activations::Activation;
use super::answer::{Answer, Fault, nothing, ok, page};
use super::call::{Call, Kept, One, new_id};
use super::given::{self, Given};
use super::hubs::{self, Hub};
use super::schemes::{self, Scheme};
use crate::Door;

#[derive(Serialize, Deserialize)]
pub(super) struct Integration {
    pub hub: String,
    pub name: String,
    pub image_url: String,
    pub description: String,
    /// A JSON schema, kept and told.
    pub variables_schema: Value,
}

impl Kept for Integration {
    const KIND: &'static str = "versori/integration";
    const NAME: &'static str = "integration";
}

#[derive(Serialize, Deserialize)]
pub(super) struct Template {
    pub integration: String,
    pub connector: String,
    pub name: String,
    pub scheme: Value,
    /// For the hub's primary connector: the end user's primary connection serves it.
    pub is_primary: bool,
    /// An end user has to connect it before the integration is activated.
    pub is_used: bool,
}

impl Kept for Template {
    const KIND: &'static str = "versori/connection-template";
    const NAME: &'static str = "connection template";
}

pub(super) fn routes() -> Router<Arc<Door>> {
    Router::new()
        .route("/integrations/{integration_id}", get(one).patch(change).delete(forget))
        .route("/integrations/{integration_id}/connection-templates", get(templates).post(add_template))
        .route("/integrations/{integration_id}/metadata", put(set_used))
}

pub(super) fn of(call: &Call, integration: &str) -> Result<Vec<One<Template>>, Fault> {
    let mut all = call.all::<Template>()?;
    all.retain(|it| it.body.integration == integration);
    Ok(all)
}

/// The one of the path; an end user never asks for it here.
fn named(call: &Call) -> Result<One<Integration>, Fault> {
    call.organisation_only()?;
    call.get(call.place("integration_id"))
}

fn shown(it: &One<Integration>) -> Value {
    json!({
        "id": it.id,
        "name": it.body.name,
        "imageUrl": it.body.image_url,
        "description": it.body.description,
        "variablesSchema": it.body.variables_schema,
        // There are no boards here: an integration stands for itself.
        "boardId": it.id,
    })
}

pub(super) fn template_shown(it: &One<Template>) -> Value {
    json!({
        "id": it.id,
        "connectorId": it.body.connector,
        "name": it.body.name,
        "imageUrl": "",
        "isUsed": it.body.is_used,
        "isPrimary": it.body.is_primary,
        "variables": [],
        "authSchemeConfig": it.body.scheme,
    })
}

pub(super) async fn list(call: Call) -> Answer {
    call.organisation_only()?;
    let hub = hubs::of(&call)?;
    let search = call.asked("search").unwrap_or_default().to_lowercase();
    let all = call.all::<Integration>()?;
    let all = all.iter().filter(|it| it.body.hub == hub.id && it.body.name.to_lowercase().contains(&search));
    let mut page = page(&call, "integrations", all.map(|it| (it.id.clone(), shown(it))).collect())?;
    page["total"] = page["totalCount"].clone();
    Ok(ok(&page))
}

struct WantedTemplate {
    connector: String,
    name: Option<String>,
    scheme: Scheme,
}

fn template(given: &Given<'_>) -> WantedTemplate {
    let scheme = given.object("authSchemeConfig").map(|given| schemes::read(&given)).unwrap_or_default();
    let name = given.maybe("name").filter(|name| !name.trim().is_empty());
    WantedTemplate { connector: given.ulid("connectorId"), name, scheme }
}

async fn keep_template(
    call: &Call,
    integration: &One<Integration>,
    mut wanted: WantedTemplate,
) -> Result<One<Template>, Fault> {
    let name = wanted
        .name
        .clone()
        .unwrap_or_else(|| hubs::connector_name(&wanted.scheme.config, &integration.body.name));
    schemes::keep_client(call, &mut wanted.scheme, &name, None).await?;
    let template = Template {
        integration: integration.id.clone(),
        connector: wanted.connector,
        name,
        scheme: wanted.scheme.config,
        is_primary: false,
        is_used: true,
    };
    call.keep(&new_id(), &template)
}

pub(super) async fn create(call: Call) -> Answer {
    call.organisation_only()?;
    let hub = hubs::open(&call)?;
    let (organisation, integration, wanted) = given::read(&call.body, |given| {
        let integration = Integration {
            hub: hub.id.clone(),
            name: given.text("name"),
            image_url: given.maybe("imageUrl").unwrap_or_default(),
            description: given.maybe("description").or_else(|| given.maybe("summary")).unwrap_or_default(),
            variables_schema: given.get("variablesSchema").cloned().unwrap_or_else(|| json!({})),
        };
        let wanted = given.object_or_none("connectionTemplate").map(|given| template(&given));
        (given.ulid("organisationId"), integration, wanted)
    })?;
    if organisation != call.who.id {
        return Err(Fault::not_found("organisation", &organisation));
    }
    let integration = call.keep(&new_id(), &integration)?;
    let Hub { name, connector, scheme, .. } = hub.body;
    let primary = Template {
        integration: integration.id.clone(),
        name: hubs::connector_name(&scheme, &name),
        connector,
        scheme,
        is_primary: true,
        is_used: true,
    };
    call.keep(&new_id(), &primary)?;
    if let Some(wanted) = wanted {
        keep_template(&call, &integration, wanted).await?;
    }
    Ok(ok(&shown(&integration)))
}

async fn one(call: Call) -> Answer {
    Ok(ok(&shown(&named(&call)?)))
}

async fn change(call: Call) -> Answer {
    let mut it = named(&call)?;
    given::read(&call.body, |given| {
        if given.has("name") {
            it.body.name = given.text("name");
        }
        for (name, field) in [("imageUrl", &mut it.body.image_url), ("description", &mut it.body.description)]
        {
            if let Some(text) = given.maybe(name) {
                *field = text;
            }
        }
        if let Some(schema) = given.object_or_none("variablesSchema") {
            it.body.variables_schema = Value::Object(schema.whole());
        }
    })?;
    Ok(ok(&shown(&call.keep(&it.id, &it.body)?)))
}

async fn forget(call: Call) -> Answer {
    let it = named(&call)?;
    if call.all::<Activation>()?.iter().any(|known| known.body.integration == it.id) {
        return Err(Fault::conflict(
            "End users have activated this integration. Delete their activations first.",
        ));
    }
    for template in of(&call, &it.id)? {
        call.forget::<Template>(&template.id)?;
    }
    call.forget::<Integration>(&it.id)?;
    Ok(nothing())
}

async fn templates(call: Call) -> Answer {
    let it = named(&call)?;
    let all = of(&call, &it.id)?.iter().map(|it| (it.id.clone(), template_shown(it))).collect();
    Ok(ok(&page(&call, "connectionTemplates", all)?))
}

async fn add_template(call: Call) -> Answer {
    let it = named(&call)?;
    let wanted = given::read(&call.body, template)?;
    Ok(ok(&template_shown(&keep_template(&call, &it, wanted).await?)))
}

/// Which templates an end user has to connect.
async fn set_used(call: Call) -> Answer {
    let it = named(&call)?;
    let used = given::read(&call.body, |given| given.texts("usedConnectionTemplates"))?;
    for mut template in of(&call, &it.id)? {
        let is_used = used.iter().any(|id| id.eq_ignore_ascii_case(&template.id));
        if template.body.is_used != is_used {
            template.body.is_used = is_used;
            call.keep(&template.id, &template.body)?;
        }
    }
    Ok(nothing())
}
