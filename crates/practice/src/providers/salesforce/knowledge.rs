//! Salesforce Knowledge, after the Knowledge Developer Guide and the REST API Developer Guide: what an organisation
//! has is described, articles come by SOQL, and those of a page after the first by the locator of what was found.

use serde_json::{Map, Value, json};

use super::soql::Soql;
use super::{bearer, errors};
use crate::contents::{Format, Maker, State, Thing, page, similar_id};
use crate::dates::iso;
use crate::desk::Desk;
use crate::faults::Problem;
use crate::providers::{Answer, Endpoint, Kind};
use crate::rules::{Alphabet, Shape};
use crate::wire::{Reply, Request};

pub const ENDPOINTS: [Endpoint; 7] = [
    Endpoint::new(Kind::Api, "GET", "/services/data", versions),
    Endpoint::new(Kind::Api, "GET", "/services/data/{version}/knowledgeManagement/settings", settings),
    Endpoint::new(Kind::Api, "GET", "/services/data/{version}/sobjects", objects),
    Endpoint::new(Kind::Api, "GET", "/services/data/{version}/sobjects/{object}/describe", describe),
    Endpoint::new(Kind::Api, "GET", "/services/data/{version}/support/dataCategoryGroups", groups),
    Endpoint::new(Kind::Api, "GET", "/services/data/{version}/query", super::query),
    Endpoint::new(Kind::Api, "GET", "/services/data/{version}/query/{locator}", more),
];

const ARTICLES: &str = "Knowledge__kav";
/// The first is the language of Knowledge; the last is switched off.
const LANGUAGES: [(&str, bool); 3] = [("en_US", true), ("de", true), ("fr", false)];
const OLDEST: u32 = 31;
const NEWEST: u32 = 66;
/// "Query results … aren't guaranteed" to be as many as asked where there are long texts.
const BATCH: usize = 50;
/// Two days.
const LOCATOR_SECONDS: u64 = 172_800;

/// Name, type, made by the organisation, and what more is told of a text area.
const FIELDS: [(&str, &str, bool, &str); 14] = [
    ("Id", "id", false, ""),
    ("KnowledgeArticleId", "reference", false, ""),
    ("ArticleNumber", "string", false, ""),
    ("Title", "string", false, ""),
    ("UrlName", "string", false, ""),
    ("Summary", "textarea", false, "plaintextarea"),
    ("AssignmentNote", "textarea", false, "plaintextarea"),
    ("Language", "picklist", false, ""),
    ("PublishStatus", "picklist", false, ""),
    ("VersionNumber", "int", false, ""),
    ("LastModifiedDate", "datetime", false, ""),
    ("LastPublishedDate", "datetime", false, ""),
    ("Answer__c", "textarea", true, "richtextarea"),
    ("Source__c", "url", true, ""),
];

/// Category groups with their trees, articles in categories or in none, drafts and archived ones, and German ones:
/// translations of others as well as articles that are there in German only.
pub fn contents(maker: &mut Maker) {
    let wanted = maker.wanted();
    let mut categories = Vec::new();
    for (group, label) in [("Topics", "Topics"), ("Products", "Products & services")] {
        let all = format!("category/{group}/All");
        container(maker, format!("group/{group}"), "group", label.to_owned(), None);
        container(maker, all.clone(), "category", "All".to_owned(), Some(&format!("group/{group}")));
        let mut open = vec![all];
        for _ in 0..(wanted / 24).max(1) {
            let parent = maker.pick(&open).clone();
            let label = maker.title();
            let id = maker.fresh(|maker| format!("category/{group}/{}", category_name(maker, &label)));
            container(maker, id.clone(), "category", label, Some(&parent));
            open.push(id);
        }
        categories.extend(open);
    }
    let mut english: Vec<String> = Vec::new();
    while maker.missing() > 0 {
        let id = match maker.number(8) {
            0 => format!("{}/de", new_article(maker)),
            1 if !english.is_empty() => {
                let at = maker.number(english.len() as u64) as usize;
                format!("{}/de", english.swap_remove(at))
            }
            _ => maker.fresh(new_article),
        };
        let category = maker.pick(&categories).clone();
        let is_loose = maker.number(10) == 0;
        let (title, created) = (maker.title(), maker.when());
        let state = match maker.number(24) {
            0 | 1 => State::Draft,
            2 => State::Trashed,
            _ => State::Published,
        };
        let thing = Thing::new(id.clone(), "article", title, Format::Html, created)
            .below(Some(category.as_str()).filter(|_| !is_loose))
            .state(state);
        let modified = maker.since(created);
        maker.add(Thing { modified, ..thing });
        if !id.contains('/') {
            english.push(id);
        }
    }
}

fn container(maker: &mut Maker, id: String, kind: &'static str, label: String, parent: Option<&str>) {
    let created = maker.when();
    maker.add(Thing::new(id, kind, label, Format::None, created).below(parent));
}

/// Letters, digits and underscores, whatever the label is.
fn category_name(maker: &mut Maker, label: &str) -> String {
    let word = label.split(' ').find(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    format!("{}_{}", word.filter(|word| !word.is_empty()).unwrap_or("Category"), maker.digits(4))
}

/// Fifteen characters that count, three that repeat their case.
fn new_article(maker: &mut Maker) -> String {
    format!("kA05e{}CAI", maker.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 10))
}

pub fn new_id(maker: &mut Maker, like: &Thing) -> String {
    match (like.kind, like.id.split_once('/')) {
        ("article", Some((_, language))) => format!("{}/{language}", new_article(maker)),
        ("article", None) => new_article(maker),
        _ => similar_id(maker, like),
    }
}

fn article_id(it: &Thing) -> &str {
    it.id.split('/').next().unwrap_or_default()
}

fn language(it: &Thing) -> &str {
    it.id.split_once('/').map_or(LANGUAGES[0].0, |(_, language)| language)
}

/// Needs no token.
fn versions(_: &Desk, _: &Request) -> Answer {
    let told = |version: u32| {
        json!({
            "label": format!("Release {version}"),
            "url": format!("/services/data/v{version}.0"),
            "version": format!("{version}.0"),
        })
    };
    Ok(Reply::json(200, &(OLDEST..=NEWEST).map(told).collect()))
}

fn allowed(desk: &Desk, request: &Request) -> Result<(), Problem> {
    bearer(desk, request, "api")?;
    let number = request.capture("version").strip_prefix('v').and_then(|it| it.strip_suffix(".0"));
    let is_known = number.and_then(|it| it.parse().ok()).is_some_and(|it| (OLDEST..=NEWEST).contains(&it));
    if is_known { Ok(()) } else { Err(Problem::BadParameter("version")) }
}

fn told(body: &Value) -> Reply {
    Reply::json(200, body).header("sforce-limit-info", "api-usage=18/15000")
}

fn settings(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let languages: Vec<Value> =
        LANGUAGES.iter().map(|(name, active)| json!({ "active": active, "name": name })).collect();
    Ok(told(&json!({ "defaultLanguage": LANGUAGES[0].0, "knowledgeEnabled": true, "languages": languages })))
}

fn objects(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let version = request.capture("version");
    let all = ["Account", "Case", "Knowledge__ka", ARTICLES, "KnowledgeArticle", "KnowledgeArticleVersion"];
    let rows = all.map(|name| {
        let url = format!("/services/data/{version}/sobjects/{name}");
        json!({
            "name": name,
            "label": name,
            "custom": false,
            "queryable": true,
            "urls": { "sobject": url, "describe": format!("{url}/describe") },
        })
    });
    Ok(told(&json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": rows })))
}

fn describe(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    if request.capture("object") != ARTICLES {
        return Ok(Reply::json(404, &errors("NOT_FOUND", "The requested resource does not exist")));
    }
    let fields = FIELDS.map(|(name, kind, custom, more)| {
        json!({
            "name": name,
            "label": name.trim_end_matches("__c"),
            "type": kind,
            "custom": custom,
            "htmlFormatted": more == "richtextarea",
            "extraTypeInfo": if more.is_empty() { Value::Null } else { json!(more) },
        })
    });
    Ok(told(&json!({ "name": ARTICLES, "queryable": true, "fields": fields })))
}

fn groups(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    if request.query("sObjectName") != Some("KnowledgeArticleVersion") {
        return Err(Problem::BadParameter("sObjectName"));
    }
    let deep = request.query("topCategoriesOnly") == Some("false");
    let (all, version) = (desk.contents(), request.capture("version"));
    let category = |it: &Thing, children: Value| {
        let (group, name) = names(it);
        let url =
            format!("/services/data/{version}/support/dataCategoryGroups/{group}/dataCategories/{name}");
        json!({ "name": name, "label": it.name, "url": url, "childCategories": children })
    };
    // What a category holds was made after it, so from the end on children are ready before their parents.
    let mut ready: std::collections::HashMap<&str, Vec<Value>> = std::collections::HashMap::new();
    let containers: Vec<&Thing> = all.iter().filter(|it| it.kind == "category").collect();
    for it in containers.into_iter().rev() {
        let mut children = ready.remove(it.id.as_str()).unwrap_or_default();
        children.reverse();
        let shown = category(it, if deep { json!(children) } else { Value::Null });
        ready.entry(it.parent.as_deref().unwrap_or_default()).or_default().push(shown);
    }
    let groups: Vec<Value> = all
        .iter()
        .filter(|it| it.kind == "group")
        .map(|it| {
            json!({
                "name": it.id.trim_start_matches("group/"),
                "label": it.name,
                "objectUsage": "KnowledgeArticleVersion",
                "topCategories": ready.remove(it.id.as_str()).unwrap_or_default(),
            })
        })
        .collect();
    Ok(told(&json!({ "categoryGroups": groups })))
}

/// Group and category of an id such as `category/Topics/All`.
fn names(it: &Thing) -> (&str, &str) {
    it.id.trim_start_matches("category/").split_once('/').unwrap_or_default()
}

/// The first page of what a query finds.
pub fn query(desk: &Desk, request: &Request, text: &str) -> Answer {
    allowed(desk, request)?;
    let soql = Soql::read(text).ok_or(Problem::BadParameter("q"))?;
    if soql.object != ARTICLES {
        let words = format!("sObject type '{}' is not supported.", soql.object);
        return Ok(Reply::json(400, &errors("INVALID_TYPE", &words)));
    }
    if let Some(unknown) = soql.fields.iter().find(|name| FIELDS.iter().all(|field| field.0 != **name)) {
        let words = format!("No such column '{unknown}' on entity '{ARTICLES}'.");
        return Ok(Reply::json(400, &errors("INVALID_FIELD", &words)));
    }
    if soql.wants("PublishStatus").is_none() || soql.wants("Language").is_none() {
        let words = "Implementation restriction: filter on PublishStatus and Language with a single value.";
        return Ok(Reply::json(400, &errors("MALFORMED_QUERY", words)));
    }
    let locator = Shape::new("0r8xx", Alphabet::Letters, 13).mint();
    desk.keep(&format!("query {locator}"), text.to_owned(), LOCATOR_SECONDS);
    Ok(found(desk, request, &soql, &locator, 0))
}

/// A later page. The locator says what was found, and after the hyphen where the page begins.
fn more(desk: &Desk, request: &Request) -> Answer {
    allowed(desk, request)?;
    let place = request.capture("locator").rsplit_once('-').and_then(|(locator, from)| {
        let text = desk.look(&format!("query {locator}"))?;
        Some((locator, text, from.parse().ok()?))
    });
    let Some((locator, text, from)) = place else {
        return Ok(Reply::json(400, &errors("INVALID_QUERY_LOCATOR", "invalid query locator")));
    };
    let soql = Soql::read(&text).ok_or(Problem::BadParameter("q"))?;
    Ok(found(desk, request, &soql, locator, from))
}

fn found(desk: &Desk, request: &Request, soql: &Soql, locator: &str, from: usize) -> Reply {
    let (all, version) = (desk.contents(), request.capture("version"));
    let category = soql.category.map(|(group, name)| format!("category/{group}/{name}"));
    let fits = |it: &Thing| {
        it.kind == "article"
            && soql.conditions.iter().all(|(field, said)| value(it, field).as_str() == Some(said))
            && category.as_deref().is_none_or(|category| it.parent.as_deref() == Some(category))
    };
    let options = request.header("sforce-query-options").unwrap_or_default();
    let asked = options.trim().strip_prefix("batchSize=");
    let (things, next) = page(all.walk(from).filter(|(_, it)| fits(it)), desk.limit(asked, BATCH, BATCH));
    let rows: Vec<Value> = things.into_iter().map(|it| row(it, soql, version)).collect();
    let mut reply = json!({
        "totalSize": all.iter().filter(|it| fits(it)).count(),
        "done": next.is_none(),
        "records": rows,
    });
    if let Some(next) = next {
        reply["nextRecordsUrl"] = json!(format!("/services/data/{version}/query/{locator}-{next}"));
    }
    told(&reply)
}

fn row(it: &Thing, soql: &Soql, version: &str) -> Value {
    let url = format!("/services/data/{version}/sobjects/{ARTICLES}/{}", version_id(it));
    let mut row = Map::new();
    row.insert("attributes".to_owned(), json!({ "type": ARTICLES, "url": url }));
    for field in &soql.fields {
        row.insert((*field).to_owned(), value(it, field));
    }
    if soql.selections.is_some() {
        row.insert("DataCategorySelections".to_owned(), selections(it));
    }
    Value::Object(row)
}

/// Null where an article is in no category, as every empty inner result.
fn selections(it: &Thing) -> Value {
    let Some(parent) = &it.parent else { return Value::Null };
    let Some((group, name)) = parent.trim_start_matches("category/").split_once('/') else {
        return Value::Null;
    };
    json!({ "totalSize": 1, "done": true, "records": [{
        "attributes": { "type": "Knowledge__DataCategorySelection" },
        "DataCategoryGroupName": group,
        "DataCategoryName": name,
    }] })
}

/// Each version has an id of its own.
fn version_id(it: &Thing) -> String {
    let tail: String = article_id(it).chars().skip(5).take(10).collect();
    format!("ka{}5e{tail}AAA", it.revision % 10)
}

fn value(it: &Thing, field: &str) -> Value {
    let time = |at: u64| json!(iso(at).replace('Z', ".000+0000"));
    match field {
        "Id" => json!(version_id(it)),
        "KnowledgeArticleId" => json!(article_id(it)),
        "ArticleNumber" => json!(format!("{:09}", it.created % 1_000_000)),
        "Title" => json!(it.name),
        "UrlName" => json!(format!("article-{}", article_id(it))),
        "Summary" => json!("In short:\r\nwhat everybody asks."),
        "AssignmentNote" => json!("For the editors only."),
        "Language" => json!(language(it)),
        "PublishStatus" => json!(match it.state {
            State::Published => "Online",
            State::Draft | State::Private => "Draft",
            State::Trashed => "Archived",
        }),
        "VersionNumber" => json!(it.revision),
        "LastModifiedDate" => time(it.modified),
        "LastPublishedDate" => time(it.modified),
        "Answer__c" => json!(it.html()),
        _ => Value::Null,
    }
}
