//! Knowledge articles: data category groups, categories, published articles in every language (`/services/data`).
//!
//! What an article consists of is every organisation's own choice and found out first ([`plan`]). Articles then come by
//! SOQL with their text. Removals are told nowhere, so every sync lists all; what is archived or a draft again is not
//! online and thereby gone.

mod plan;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

use self::plan::{Object, Plan};
use super::{Fault, Rest, Source};
use crate::clock::{Seconds, from_rfc3339};
use crate::item::{Changes, Content, Item, Kind, Listed, Next, Page};

pub struct Salesforce;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    category_groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    label: Option<String>,
    #[serde(default)]
    top_categories: Vec<Category>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Category {
    name: String,
    label: Option<String>,
    child_categories: Option<Vec<Category>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    records: Vec<Article>,
    done: bool,
    next_records_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Article {
    id: String,
    knowledge_article_id: String,
    title: Option<String>,
    language: String,
    publish_status: String,
    version_number: Option<Value>,
    last_modified_date: Option<String>,
    data_category_selections: Option<Selections>,
    /// The fields of its object.
    #[serde(flatten)]
    texts: Map<String, Value>,
}

#[derive(Deserialize)]
struct Selections {
    records: Vec<Selection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Selection {
    data_category_group_name: String,
    data_category_name: String,
}

#[async_trait]
impl Source for Salesforce {
    /// At the top groups, then what is in no category; below a category its own categories, then its articles.
    async fn children(
        &self,
        rest: &Rest,
        parent: Option<&Item>,
        cursor: Option<&str>,
    ) -> Result<Page, Fault> {
        let plan = rest.once(plan::find(rest)).await?;
        let below = parent.map(|parent| parent.id.as_str());
        let of = |listed: &Listed| listed.item.parent.as_deref() == below;
        let Some(cursor) = cursor else {
            let items = categories(rest, &plan).await?.into_iter().filter(of).collect();
            let is_group = below.is_some_and(|id| id.starts_with("group/"));
            return Ok(Page { items, next: first(&plan).filter(|_| !is_group) });
        };
        let within = below.and_then(|id| id.strip_prefix("category/")).and_then(|id| id.split_once('/'));
        let (mut items, next) = articles(rest, &plan, cursor, within).await?;
        if below.is_none() {
            items.retain(of);
        }
        Ok(Page { items, next })
    }

    /// Groups and categories, then articles by object and language.
    async fn changes(&self, rest: &Rest, cursor: Option<&str>) -> Result<Changes, Fault> {
        let plan = rest.once(plan::find(rest)).await?;
        let (items, next) = match cursor {
            None => (categories(rest, &plan).await?, first(&plan)),
            Some(cursor) => articles(rest, &plan, cursor, None).await?,
        };
        Ok(Changes { items, removed: Vec::new(), next: next.map_or(Next::Done(None), Next::More) })
    }

    async fn read(&self, rest: &Rest, item: &Item) -> Result<Content, Fault> {
        let plan = rest.once(plan::find(rest)).await?;
        let note = item.note.as_deref().and_then(|note| note.split_once(' '));
        let Some((object, language)) = note.and_then(|note| pair(&plan, note)) else {
            return Err(Fault::Gone);
        };
        let article = item.id.split('/').next().unwrap_or_default();
        let which = format!(" AND KnowledgeArticleId = {}", quoted(article));
        let found = query(rest, &plan, &soql(object, language, &which)).await?;
        let listed = found.records.into_iter().find_map(|it| online(rest, &plan, object, it));
        listed.and_then(|listed| listed.content).ok_or(Fault::Gone)
    }
}

/// All groups and categories that the person may see; labels in the language of Knowledge.
async fn categories(rest: &Rest, plan: &Plan) -> Result<Vec<Listed>, Fault> {
    let mut ask = rest
        .get(format!("{}/support/dataCategoryGroups", plan.data))
        .query("sObjectName", "KnowledgeArticleVersion")
        .query("topCategoriesOnly", false);
    if let Some(language) = plan.languages.first() {
        ask = ask.header("Accept-Language", language.replace('_', "-"));
    }
    let found: Groups = match ask.value().await {
        // Articles can be read without them.
        Err(Fault::Status(reply)) if matches!(reply.status, 403 | 404) => return Ok(Vec::new()),
        other => other?,
    };
    let mut items = Vec::new();
    for group in found.category_groups {
        let id = format!("group/{}", group.name);
        let label = group.label.unwrap_or_else(|| group.name.clone());
        items.push(Item::container(&id, label, Kind::Category).into());
        let mut open: Vec<(String, Category)> =
            group.top_categories.into_iter().rev().map(|it| (id.clone(), it)).collect();
        while let Some((parent, category)) = open.pop() {
            let id = format!("category/{}/{}", group.name, category.name);
            let label = category.label.unwrap_or(category.name);
            let children = category.child_categories.unwrap_or_default();
            open.extend(children.into_iter().rev().map(|it| (id.clone(), it)));
            items.push(Item { parent: Some(parent), ..Item::container(id, label, Kind::Category) }.into());
        }
    }
    Ok(items)
}

/// Where the listing of the first pair of object and language begins: their names, then the path of the next page.
fn first(plan: &Plan) -> Option<String> {
    pairs(plan).next().map(|(object, language)| format!("{} {language} ", object.name))
}

fn pairs(plan: &Plan) -> impl Iterator<Item = (&Object, &str)> {
    plan.objects.iter().flat_map(|it| plan.languages.iter().map(move |language| (it, language.as_str())))
}

fn pair<'p>(plan: &'p Plan, names: (&str, &str)) -> Option<(&'p Object, &'p str)> {
    pairs(plan).find(|(object, language)| (object.name.as_str(), *language) == names)
}

/// A page of articles, all or those directly in a category, and where the next begins.
async fn articles(
    rest: &Rest,
    plan: &Plan,
    place: &str,
    within: Option<(&str, &str)>,
) -> Result<(Vec<Listed>, Option<String>), Fault> {
    let mut parts = place.splitn(3, ' ');
    let mut part = || parts.next().unwrap_or_default();
    let (names, more) = ((part(), part()), part());
    let (object, language) = pair(plan, names).ok_or(Fault::Expired)?;
    let found = if more.is_empty() {
        let which = within.map(|(group, name)| format!(" WITH DATA CATEGORY {group}__c AT {name}__c"));
        query(rest, plan, &soql(object, language, &which.unwrap_or_default())).await?
    } else {
        // A path at the instance, which keeps what was found for two days.
        rest.get(more).value().await.map_err(expired)?
    };
    let items = found.records.into_iter().filter_map(|it| online(rest, plan, object, it)).collect();
    let next = match found.next_records_url.filter(|_| !found.done) {
        Some(path) => Some(format!("{} {language} {path}", object.name)),
        None => {
            let mut after = pairs(plan).skip_while(|it| (it.0.name.as_str(), it.1) != names).skip(1);
            after.next().map(|(object, language)| format!("{} {language} ", object.name))
        }
    };
    Ok((items, next))
}

async fn query(rest: &Rest, plan: &Plan, soql: &str) -> Result<Found, Fault> {
    rest.get(format!("{}/query", plan.data)).query("q", soql).value().await
}

/// Status and language are to be said in every query of articles.
fn soql(object: &Object, language: &str, which: &str) -> String {
    let fields: String = object.fields.iter().map(|field| format!("{}, ", field.name)).collect();
    format!(
        "SELECT Id, KnowledgeArticleId, Title, Language, PublishStatus, VersionNumber, LastModifiedDate, {fields}\
         (SELECT DataCategoryGroupName, DataCategoryName FROM DataCategorySelections) FROM {} \
         WHERE PublishStatus = 'Online' AND Language = {}{which}",
        object.name,
        quoted(language)
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn expired(fault: Fault) -> Fault {
    match fault {
        Fault::Status(reply) if String::from_utf8_lossy(&reply.body).contains("INVALID_QUERY_LOCATOR") => {
            Fault::Expired
        }
        other => other,
    }
}

/// The id of an article is the same in all its versions and languages, so a translation's names the language too.
fn online(rest: &Rest, plan: &Plan, object: &Object, it: Article) -> Option<Listed> {
    if it.publish_status != "Online" {
        return None;
    }
    let is_main = plan.languages.first() == Some(&it.language);
    let article = it.knowledge_article_id;
    let id = if is_main { article } else { format!("{article}/{}", it.language) };
    let category = it.data_category_selections.and_then(|it| it.records.into_iter().next());
    let body = body(object, &it.texts);
    let changed = it.last_modified_date.unwrap_or_default();
    let item = Item {
        parent: category
            .map(|it| format!("category/{}/{}", it.data_category_group_name, it.data_category_name)),
        format: Some("html".into()),
        size: Some(body.len() as u64),
        modified: time(&changed),
        url: Some(format!("https://{}/lightning/r/{}/{}/view", rest.field("hostname"), object.name, it.id)),
        version: format!("{} {changed}", it.version_number.unwrap_or_default()),
        note: Some(format!("{} {}", object.name, it.language)),
        ..Item::content(id, it.title.unwrap_or_default(), Kind::Article)
    };
    Some(Listed { item, content: Some(Content::html(body)) })
}

fn body(object: &Object, texts: &Map<String, Value>) -> String {
    let mut body = String::new();
    for field in &object.fields {
        let Some(text) = texts.get(&field.name).and_then(Value::as_str) else { continue };
        if field.rich {
            body += &format!("<div>{text}</div>\n");
        } else {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                body += &format!("<p>{}</p>\n", line.replace('&', "&amp;").replace('<', "&lt;"));
            }
        }
    }
    body
}

/// `2026-03-01T08:30:00.000+0000`
fn time(text: &str) -> Option<Seconds> {
    from_rfc3339(&text.replace("+0000", "Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use plan::Field;

    fn object() -> Object {
        let field = |name: &str, rich| Field { name: name.into(), rich };
        Object {
            name: "Knowledge__kav".into(),
            fields: vec![field("Summary", false), field("Answer__c", true)],
        }
    }

    #[test]
    fn an_article_is_its_text_fields_in_order() {
        let texts =
            json!({ "Answer__c": "<p>Yes & <b>no</b></p>", "Summary": "a < b\r\n\r\nc", "Other__c": "x" });
        let body = body(&object(), texts.as_object().unwrap());
        assert_eq!(body, "<p>a &lt; b</p>\n<p>c</p>\n<div><p>Yes & <b>no</b></p></div>\n");
        assert_eq!(super::body(&object(), &Map::new()), "");
    }

    #[test]
    fn values_in_a_query_stay_values() {
        assert_eq!(quoted("it's \\"), "'it\\'s \\\\'");
        assert!(soql(&object(), "en_US", "").contains("Summary, Answer__c, (SELECT"));
    }

    #[test]
    fn times_have_an_offset_without_a_colon() {
        assert_eq!(time("2026-03-01T08:30:00.000+0000"), Some(1_772_353_800));
    }
}
