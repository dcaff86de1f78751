//! What an organisation's Knowledge is made of: the newest version of the API, languages, kinds of articles, and
//! which of their fields hold text.

use serde::Deserialize;

use super::Fault;
use crate::error::{Code, Error};
use crate::sources::Rest;

pub struct Plan {
    /// `/services/data/v66.0`
    pub data: String,
    /// The language of Knowledge first, then the others that are in use.
    pub languages: Vec<String>,
    pub objects: Vec<Object>,
}

/// A kind of article: `Knowledge__kav`, or one of several where Knowledge is older than Lightning.
pub struct Object {
    pub name: String,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: String,
    pub rich: bool,
}

#[derive(Deserialize)]
struct Version {
    url: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    knowledge_enabled: Option<bool>,
    default_language: Option<String>,
    #[serde(default)]
    languages: Vec<Language>,
}

#[derive(Deserialize)]
struct Language {
    name: String,
    active: bool,
}

#[derive(Deserialize)]
struct Objects {
    sobjects: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    name: String,
    queryable: Option<bool>,
}

#[derive(Deserialize)]
struct Described {
    fields: Vec<DescribedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribedField {
    name: String,
    r#type: String,
    custom: Option<bool>,
    html_formatted: Option<bool>,
    extra_type_info: Option<String>,
}

/// Looks at what there is, in four requests and one for each object.
pub async fn find(rest: &Rest) -> Result<Plan, Fault> {
    let versions: Vec<Version> = rest.get("/services/data").value().await?;
    let newest = versions.into_iter().max_by_key(|it| {
        let mut parts = it.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next(), parts.next())
    });
    let data = newest.map(|it| it.url.trim_end_matches('/').to_owned()).ok_or_else(no_knowledge)?;
    let settings: Settings = match rest.get(format!("{data}/knowledgeManagement/settings")).value().await {
        Err(Fault::Status(reply)) if matches!(reply.status, 400 | 403 | 404) => return Err(no_knowledge()),
        other => other?,
    };
    if settings.knowledge_enabled == Some(false) {
        return Err(no_knowledge());
    }
    let mut languages: Vec<String> =
        settings.languages.into_iter().filter(|it| it.active).map(|it| it.name).collect();
    if let Some(main) = settings.default_language {
        languages.retain(|it| *it != main);
        languages.insert(0, main);
    }
    let known: Objects = rest.get(format!("{data}/sobjects")).value().await?;
    let mut objects = Vec::new();
    for it in known.sobjects {
        if it.name.ends_with("__kav") && it.queryable != Some(false) {
            objects.push(describe(rest, &data, it.name).await?);
        }
    }
    if objects.is_empty() {
        return Err(no_knowledge());
    }
    Ok(Plan { data, languages, objects })
}

/// The text of an article is in the areas that the organisation made, and in its summary.
async fn describe(rest: &Rest, data: &str, name: String) -> Result<Object, Fault> {
    let described: Described = rest.get(format!("{data}/sobjects/{name}/describe")).value().await?;
    let is_text =
        |it: &DescribedField| it.r#type == "textarea" && (it.custom == Some(true) || it.name == "Summary");
    let field = |it: DescribedField| Field {
        rich: it.html_formatted == Some(true) || it.extra_type_info.as_deref() == Some("richtextarea"),
        name: it.name,
    };
    Ok(Object { name, fields: described.fields.into_iter().filter(is_text).map(field).collect() })
}

fn no_knowledge() -> Fault {
    Fault::Failed(Error::new(
        Code::Refused,
        "Knowledge is switched off in this Salesforce organisation, or your user may not read it.",
        "An administrator switches Knowledge on, or gives you the permission View Articles.",
    ))
}
