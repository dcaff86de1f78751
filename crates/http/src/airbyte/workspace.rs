//! Workspaces: what a client sorts its sources into. A workspace that a client brings from elsewhere and nobody made
//! here is made at its first use, so that a client need not be told new ids. The end user that a source's account
//! belongs to is its workspace.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tieline_engine::{Code, Error, Result, Secret};
use uuid::Uuid;

use super::definition::{Definition, NAMESPACE};
use super::{Ask, Books};

const KIND: &str = "source/workspace";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workspace {
    pub id: String,
    pub name: String,
}

impl Books {
    /// There is always one: the first is made when somebody looks.
    pub(crate) fn workspaces(&self) -> Result<Vec<Workspace>> {
        let kept = self.programs.records(self.organization, KIND)?;
        if kept.is_empty() {
            let organization = self.programs.organization(self.organization)?;
            let name = organization.map_or_else(|| "This computer".to_owned(), |it| it.name);
            let id = Uuid::new_v5(&NAMESPACE, format!("workspace/{}", self.organization).as_bytes());
            return Ok(vec![self.save_workspace(&id.to_string(), &name)?]);
        }
        Ok(kept.into_iter().map(|record| read(record.id, &record.body)).collect())
    }

    /// # Errors
    /// `NotFound` where this organization has none of that id.
    pub(crate) fn workspace(&self, id: &str) -> Result<Workspace> {
        let kept = self.programs.record(self.organization, KIND, id)?;
        kept.map(|record| read(record.id, &record.body)).ok_or_else(|| Error::not_found("workspace", id))
    }

    pub(crate) fn make_workspace(&self, name: &str) -> Result<Workspace> {
        self.save_workspace(&Uuid::new_v4().to_string(), name)
    }

    pub(crate) fn save_workspace(&self, id: &str, name: &str) -> Result<Workspace> {
        self.programs.save_record(self.organization, KIND, id, &json!({ "name": name }))?;
        Ok(Workspace { id: id.to_owned(), name: name.to_owned() })
    }

    /// The workspace a request names, made where there is none.
    pub(crate) fn workspace_used(&self, id: &str) -> Result<Workspace> {
        match self.workspace(id) {
            Err(error) if error.code == Code::NotFound => {
                let sound =
                    id.len() <= 64 && id.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it));
                if !sound {
                    let words = "A workspace's id is at most 64 letters, digits, - and _.";
                    return Err(Error::field("workspace_id", words));
                }
                self.save_workspace(id, id)
            }
            found => found,
        }
    }

    /// With its sources, whose accounts are disconnected.
    pub(crate) async fn forget_workspace(&self, id: &str) -> Result<()> {
        self.workspace(id)?;
        for source in self.sources()?.iter().filter(|source| source.kept.workspace == id) {
            self.forget_source(&source.id).await?;
        }
        self.programs.forget_record(self.organization, KIND, id)?;
        Ok(())
    }

    /// Takes the organization's own OAuth app for a source. It serves all workspaces of the organization: an app
    /// belongs to an organization here, not to one of its workspaces.
    pub(crate) async fn set_app(&self, workspace: &str, ask: &Ask) -> Result<Workspace> {
        let workspace = self.workspace_used(workspace)?;
        let (definition, inputs, configuration) = self.app_of(ask).await?;
        let text = |name: &str| {
            let places =
                std::iter::once(&configuration).chain(configuration.values().filter_map(Value::as_object));
            places.into_iter().find_map(|place| place.get(name)?.as_str()).filter(|it| !it.trim().is_empty())
        };
        let client_id =
            text("client_id").ok_or_else(|| Error::field("configuration.client_id", "This is missing."))?;
        let redirect = text("redirect_uri").or_else(|| text("redirect_url"));
        let secret = text("client_secret").map(Secret::new);
        let saved = self
            .programs
            .save_app(self.organization, &definition.provider, &inputs, client_id.trim(), secret, redirect)
            .await;
        saved.map_err(|error| {
            let field = error.field.as_deref().map(|field| format!("configuration.{field}"));
            Error { field, ..error }
        })?;
        Ok(workspace)
    }

    /// # Errors
    /// `NotFound` where the organization brought no app for the source.
    pub(crate) async fn forget_app(&self, workspace: &str, ask: &Ask) -> Result<()> {
        self.workspace(workspace)?;
        let (definition, inputs, _) = self.app_of(ask).await?;
        if self.programs.forget_app(self.organization, &definition.provider, &inputs).await? {
            return Ok(());
        }
        Err(Error::not_found("OAuth app for", &definition.slug))
    }

    async fn app_of(&self, ask: &Ask) -> Result<(Definition, BTreeMap<String, String>, Map<String, Value>)> {
        if ask.text("actor_type")?.is_some_and(|kind| !["source", "workspace"].contains(&kind)) {
            return Err(Error::field("actor_type", "There are sources only, and no destinations."));
        }
        let definition = self.definition(ask.needed("name")?, "name")?;
        let configuration = ask.object("configuration")?.cloned().unwrap_or_default();
        let form = self.form(&definition).await?;
        let inputs = definition.inputs(&form, &configuration)?;
        Ok((definition, inputs, configuration))
    }
}

fn read(id: String, body: &Value) -> Workspace {
    let name = body["name"].as_str().map_or_else(|| id.clone(), str::to_owned);
    Workspace { id, name }
}
