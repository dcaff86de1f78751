//! Sources: a name and a configuration over the account that somebody signed in to.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tieline_engine::program::Owner;
use tieline_engine::wire::{Disconnected, Tested};
use tieline_engine::{Adopting, Code, Error, Result};
use uuid::Uuid;

use super::credential::SignIn;
use super::definition::Definition;
use super::kept::{Kind, One};
use super::{Books, consent, credential};

pub(crate) type Source = One<Kept>;

impl Kind for Kept {
    const KIND: &'static str = "source/source";
    const NAME: &'static str = "source";
}

/// What is kept of a source: no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub name: String,
    pub provider: String,
    pub workspace: String,
    /// As the client wrote it, secrets masked.
    pub configuration: Map<String, Value>,
    pub connection: String,
}

/// What a new source is made of. Its account comes by a sign-in's coordinate, or as tokens in the configuration.
pub(crate) struct Making<'a> {
    pub name: &'a str,
    pub workspace: &'a str,
    /// None: whatever the sign-in was for.
    pub definition: Option<&'a Definition>,
    pub configuration: Map<String, Value>,
    pub sign_in: Option<SignIn>,
}

/// What is to change; the rest stays.
#[derive(Default)]
pub(crate) struct Changing<'a> {
    pub name: Option<&'a str>,
    pub workspace: Option<&'a str>,
    pub configuration: Option<Map<String, Value>>,
    /// The configuration comes in place of the old one, not over it.
    pub whole: bool,
    pub sign_in: Option<SignIn>,
}

impl Books {
    /// Oldest first.
    pub(crate) fn sources(&self) -> Result<Vec<Source>> {
        self.all()
    }

    /// # Errors
    /// `NotFound` where this organization has none of that id.
    pub(crate) fn source(&self, id: &str) -> Result<Source> {
        self.one(id)
    }

    /// # Errors
    /// `BadInput` where there is no account for it, or the sign-in was for something else; those of a sign-in that is
    /// not done.
    pub(crate) async fn make_source(&self, making: Making<'_>) -> Result<Source> {
        let workspace = self.workspace_used(making.workspace)?.id;
        let account = self
            .account(&workspace, making.definition, &making.configuration, making.sign_in.as_ref())
            .await?;
        let Some((provider, connection)) = account else {
            return Err(Error {
                code: Code::BadInput,
                message: "Nobody has signed in for this source.".into(),
                hint: "Begin a sign-in, let the person finish it, and make the source with the id that comes back, or \
                       put an access_token into the configuration."
                    .into(),
                field: Some("secret_id".into()),
            });
        };
        let id = Uuid::new_v4().to_string();
        let configuration = credential::masked(&making.configuration);
        let kept = Kept { name: making.name.to_owned(), provider, workspace, configuration, connection };
        self.save(&id, &kept)
    }

    pub(crate) async fn change_source(&self, id: &str, changing: Changing<'_>) -> Result<Source> {
        let Source { mut kept, .. } = self.source(id)?;
        if let Some(workspace) = changing.workspace {
            kept.workspace = self.workspace_used(workspace)?.id;
        }
        let mut before = None;
        let definition = self.definition_of(&kept.provider);
        let given = changing.configuration.clone().unwrap_or_default();
        let sign_in = changing.sign_in.as_ref();
        if let Some((_, connection)) =
            self.account(&kept.workspace, Some(&definition), &given, sign_in).await?
        {
            before = Some(std::mem::replace(&mut kept.connection, connection));
        }
        if let Some(name) = changing.name {
            name.clone_into(&mut kept.name);
        }
        if let Some(configuration) = changing.configuration {
            let configuration = credential::masked(&configuration);
            if changing.whole {
                kept.configuration = configuration;
            } else {
                kept.configuration.extend(configuration);
            }
        }
        let source = self.save(id, &kept)?;
        if let Some(before) = before {
            self.disconnect_unless_used(&before).await?;
        }
        Ok(source)
    }

    /// With its account, unless another source uses that.
    pub(crate) async fn forget_source(&self, id: &str) -> Result<()> {
        let source = self.source(id)?;
        self.forget_links_of(id).await?;
        self.forget::<Kept>(id)?;
        if let Err(error) = self.disconnect_unless_used(&source.kept.connection).await {
            // What could not be done can be asked for again.
            self.save(id, &source.kept)?;
            return Err(error);
        }
        Ok(())
    }

    /// Asks the provider whether an account still works.
    pub(crate) async fn test_connection(&self, connection: &str) -> Result<Tested> {
        self.call("test", json!({ "id": connection })).await
    }

    /// The account that a request brings: provider and connection. None where it brings none.
    async fn account(
        &self,
        workspace: &str,
        definition: Option<&Definition>,
        configuration: &Map<String, Value>,
        sign_in: Option<&SignIn>,
    ) -> Result<Option<(String, String)>> {
        if let Some(sign_in) = sign_in {
            let bound = consent::Bound { workspace, provider: definition.map(|it| it.provider.as_str()) };
            return self.take(sign_in, &bound).await.map(Some);
        }
        let Some(definition) = definition else { return Ok(None) };
        let Some(adopting) = self.brought(workspace, definition, configuration).await? else {
            return Ok(None);
        };
        let connection = self.programs.adopt(adopting).await.map_err(not_taken)?;
        Ok(Some((definition.provider.clone(), connection)))
    }

    /// Tries the tokens in a configuration without keeping them. False: there are none.
    pub(crate) async fn try_tokens(
        &self,
        workspace: &str,
        definition: &Definition,
        configuration: &Map<String, Value>,
    ) -> Result<bool> {
        let Some(adopting) = self.brought(workspace, definition, configuration).await? else {
            return Ok(false);
        };
        self.programs.try_token(adopting).await.map(|()| true)
    }

    /// The tokens that a client put into a configuration.
    async fn brought(
        &self,
        workspace: &str,
        definition: &Definition,
        configuration: &Map<String, Value>,
    ) -> Result<Option<Adopting>> {
        let Some(tokens) = credential::tokens(configuration) else { return Ok(None) };
        let form = self.form(definition).await?;
        Ok(Some(Adopting {
            owner: self.owner(workspace),
            provider: definition.provider.clone(),
            inputs: definition.inputs(&form, configuration)?,
            access_token: tokens.access,
            refresh_token: tokens.refresh,
            facts: std::collections::BTreeMap::new(),
            options: consent::options(),
            data_source_tags: Map::new(),
        }))
    }

    /// An account belongs to the workspace that asked for it.
    pub(crate) fn owner(&self, workspace: &str) -> Owner {
        Owner { organization: self.organization, customer: workspace.to_owned() }
    }

    async fn disconnect_unless_used(&self, connection: &str) -> Result<()> {
        if self.sources()?.iter().any(|source| source.kept.connection == connection) {
            return Ok(());
        }
        match self.call::<Disconnected>("disconnect", json!({ "id": connection })).await {
            // The person disconnected it already.
            Err(error) if error.code == Code::NotFound => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// Where a provider refuses a token, it is what the client sent that is wrong.
fn not_taken(error: Error) -> Error {
    match error.code {
        Code::Refused => {
            Error { code: Code::BadInput, field: Some("configuration.access_token".into()), ..error }
        }
        _ => error,
    }
}
