//! The end of a sign-in: a code with its state becomes a connection of the engine, to a service that stands in no catalogue.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tieline_engine::embedded::Finishing;
use tieline_engine::wire::Failure;
use tieline_engine::{Error, Secret};

use super::answer::Fault;
use super::call::{Call, Kept, One, new_id};
use super::connections::Place;
use super::credentials::{self, Credential};
use super::given::{self, Given};
use super::hubs::Hub;
use super::integrations::Template;
use super::schemes::{self, Scheme};

/// A service that was connected to: the same connector with the same client and addresses.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Service {
    connector: String,
    pub client_id: String,
    authorize_url: String,
    token_url: String,
    token_parameters: String,
    pub credential: String,
}

impl Kept for Service {
    const KIND: &'static str = "versori/service";
    const NAME: &'static str = "service";
}

/// What came back from a sign-in.
pub(super) struct Code {
    code: Secret,
    state: Secret,
    redirect: Option<String>,
    additional: String,
}

pub(super) fn read(data: &Given<'_>) -> Code {
    Code {
        code: Secret::new(data.written("code")),
        state: Secret::new(data.written("state")),
        redirect: data.maybe("redirectUrl").filter(|text| !text.is_empty()),
        additional: data.maybe("additionalParams").unwrap_or_default(),
    }
}

/// Exchanges a code for a connection of the engine, and keeps that as a credential. The state is used up by the first who
/// brings it, whatever comes of that.
pub(super) async fn exchange(
    call: &Call,
    place: &Place,
    scheme: &Scheme,
    at: &str,
    answer: Code,
    (name, connection_name): (String, &str),
) -> Result<One<Credential>, Fault> {
    let programs = call.programs();
    let at = |name: &str| format!("{at}.data.{name}");
    let oauth2 = scheme
        .oauth2
        .as_ref()
        .ok_or_else(|| Fault::field(at("code"), "A code needs a scheme of the type oauth2."))?;
    let in_scheme = |name: &str| oauth2.at.trim_end_matches("grant").to_owned() + name;
    if oauth2.mtls {
        return Err(Fault::field(
            in_scheme("mtlsEnabled"),
            "Certificates of clients are not sent by Tieline.",
        ));
    }
    let begun = call.shared.sign_ins.take(call.who.organization, answer.state.expose(), programs.now());
    let begun = begun.ok_or_else(|| {
        let words = "No sign-in waits for this state: it was used already, is older than fifteen minutes, or was \
                     not begun by this organisation. Begin a new one.";
        Fault::field(at("state"), words)
    })?;
    let bound = &begun.bound;
    let differs =
        |path: String, what: &str| Fault::field(path, format!("The sign-in was begun with another {what}."));
    if bound.place.as_ref().is_some_and(|hub| *hub != place.hub) {
        return Err(differs(at("state"), "hub"));
    }
    if bound.service != place.connector {
        let field = place.connector_at.clone().unwrap_or_else(|| at("state"));
        return Err(differs(field, "connector"));
    }
    if oauth2.client_id.as_ref().is_some_and(|id| *id != bound.client_id) {
        return Err(differs(format!("{}.clientId", oauth2.at), "client ID"));
    }
    if answer.redirect.as_ref().is_some_and(|redirect| *redirect != bound.redirect) {
        return Err(differs(at("redirectUrl"), "redirect address"));
    }
    let page = oauth2.authorize_url.split(['?', '#']).next().unwrap_or_default();
    if !page.is_empty() && page.trim_end_matches('/') != begun.authorize_url().trim_end_matches('/') {
        return Err(differs(in_scheme("authorizeUrl"), "authorize address"));
    }
    let (credential, organisation) = match &oauth2.credential {
        Some((credential, organisation)) => (credential.clone(), organisation.as_str()),
        None => (bound.credential.clone(), call.who.id.as_str()),
    };
    let client = schemes::own_client(call, &oauth2.at, &credential, organisation)?;
    if client.body.text("clientId") != bound.client_id {
        return Err(Fault::field(
            format!("{}.clientId", oauth2.at),
            "The credential belongs to another client ID than the sign-in was begun with.",
        ));
    }
    if !is_meant_for(call, &client, &oauth2.token_url)? {
        return Err(Fault::field(
            in_scheme("tokenUrl"),
            "The credential is not meant for this token address. Its organisation names the right one in its tokenUrl.",
        ));
    }
    let secret = credentials::secret_of(call, &client, "clientSecret").await?;
    let additional =
        [client.body.text("additionalParams"), &oauth2.additional_token_params, &answer.additional];
    let token_parameters = additional.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("&");
    let service = Service {
        connector: place.connector.clone(),
        client_id: bound.client_id.clone(),
        authorize_url: begun.authorize_url().to_owned(),
        token_url: oauth2.token_url.clone(),
        token_parameters: token_parameters.clone(),
        credential,
    };
    let known = call.all::<Service>()?.into_iter().find(|known| known.body == service);
    let is_new = known.is_none();
    let service = match known {
        Some(known) => known,
        None => call.keep(&new_id(), &service)?,
    };
    let name_shown = match &call.who.caller.key {
        Some(key) => format!("{} ({})", place.connector_name, key.organization_name),
        None => place.connector_name.clone(),
    };
    let finishing = Finishing {
        owner: place.owner.clone(),
        service: service.id.clone(),
        name: name_shown,
        token_url: oauth2.token_url.clone(),
        token_parameters,
        secret,
        client_auth: client.body.client_auth().to_owned(),
        code: answer.code,
    };
    let connection = match programs.finish_embedded(begun, finishing).await {
        Ok(connection) => connection,
        Err(error) => {
            if is_new {
                call.forget::<Service>(&service.id)?;
            }
            return Err(not_exchanged(error, &at("code"), &in_scheme));
        }
    };
    call.who.caller.about(&connection);
    if let Err(failure) = name_it(call, &connection, connection_name).await {
        // The account is connected all the same.
        tracing::warn!(kind = failure.code, "a connection could not be given a name");
    }
    call.keep(&new_id(), &Credential::signed_in(name, connection, service.id, &place.user))
}

/// A secret goes only where it was meant to go when it was kept. Where the credential does not say, whoever has the
/// organization's key says it now; for an end user it is what the organization wrote beside that client into a hub or a
/// template.
fn is_meant_for(call: &Call, client: &One<Credential>, token_url: &str) -> Result<bool, Fault> {
    let meant = client.body.text("tokenUrl");
    if !meant.is_empty() || call.who.user.is_none() {
        return Ok(meant.is_empty() || meant == token_url);
    }
    let is_here = |scheme: &Value| {
        let named = scheme["grant"]["credentialId"].as_str();
        scheme["tokenUrl"] == token_url && named.is_some_and(|id| id.eq_ignore_ascii_case(&client.id))
    };
    let in_hub = |hub: &One<Hub>| !hub.body.gone && is_here(&hub.body.scheme);
    Ok(call.all::<Hub>()?.iter().any(in_hub)
        || call.all::<Template>()?.iter().any(|template| is_here(&template.body.scheme)))
}

fn not_exchanged(error: Error, code: &str, in_scheme: &impl Fn(&str) -> String) -> Fault {
    match error.code {
        tieline_engine::Code::Refused => Fault::field(code, format!("{} {}", error.message, error.hint)),
        _ => Fault::at(error, |field| match field {
            "token_url" => Some(in_scheme("tokenUrl")),
            "token_parameters" => Some(in_scheme("additionalTokenParams")),
            _ => None,
        }),
    }
}

/// The window shows the account's own name. Where the service tells none, the program's name for the connection is better
/// than nothing, unless that is an id.
async fn name_it(call: &Call, connection: &str, name: &str) -> Result<(), Failure> {
    if given::ulid(name).is_some() {
        return Ok(());
    }
    let row = call.door.app.call("connection", json!({ "id": connection })).await?;
    let account = &row["row"]["account"];
    if ["name", "email"].iter().all(|field| account[field].as_str().is_none_or(str::is_empty)) {
        call.door.app.call("rename", json!({ "id": connection, "name": name })).await?;
    }
    Ok(())
}
