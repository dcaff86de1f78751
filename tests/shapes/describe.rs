//! Requests and answers held against the vendors' own descriptions, which lie in a folder beside the checkout. A clone
//! alone lacks it; there the lists in `tests/shapes` stand for the check, which they passed when they were written.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Map, Value, json};
use tieline_practice::Heard;
use url::Url;

/// Which files of the folder describe a provider.
const DESCRIBED: [(&str, &[&str]); 10] = [
    ("BOX", &["box.json"]),
    ("CONFLUENCE", &["confluence.v2.json", "confluence.v1.json"]),
    ("GMAIL", &["google-gmail.v1.json"]),
    ("GOOGLE_CLOUD_STORAGE", &["google-storage.v1.json", "google-oauth2.v2.json"]),
    ("GOOGLE_DRIVE", &["google-drive.v3.json"]),
    ("INTERCOM", &["intercom.json"]),
    ("ONEDRIVE", &["microsoft-graph.v1.json"]),
    ("OUTLOOK", &["microsoft-graph.v1.json"]),
    ("SHAREPOINT", &["microsoft-graph.v1.json"]),
    ("SLACK", &["slack.json"]),
];

/// Sign-in and what an answer leads to are in no description.
const ELSEWHERE: [&str; 12] = [
    "https://acme-my.sharepoint.com/",
    "https://acme.sharepoint.com/",
    "https://api.atlassian.com/me",
    "https://api.atlassian.com/oauth/",
    "https://api.intercom.io/auth/",
    "https://api.media.atlassian.com/",
    "https://auth.atlassian.com/",
    "https://dl.boxcloud.com/",
    "https://drive.usercontent.google.com/",
    "https://files.slack.com/",
    "https://login.microsoftonline.com/",
    "https://oauth2.googleapis.com/",
];

/// What a description says otherwise than the provider's documents: provider, start of the template, part of the finding.
const KNOWN: [(&str, &str, &str); 11] = [
    // RFC 6749 and 7636 want them; Box describes neither.
    ("BOX", "/oauth2/token", "unknown field redirect_uri"),
    ("BOX", "/oauth2/token", "unknown field code_verifier"),
    // "An initial pending state of done=null", says the guide on long-running operations.
    ("GOOGLE_DRIVE", "/files/{fileId}/download", "/done value is not of type \"boolean\""),
    // Slack's is of 2020 and calls required what its SDK of today marks optional: the contents of a profile vary, a
    // message without a thread comes alone and bare, and a bot's has no user.
    ("SLACK", "/conversations.history", "\"channel_actions_count\" is a required"),
    ("SLACK", "/conversations.history", "\"channel_actions_ts\" is a required"),
    ("SLACK", "/conversations.history", "\"pin_count\" is a required"),
    ("SLACK", "/conversations.replies", "\"parent_user_id\" is a required"),
    ("SLACK", "/conversations.replies", "\"subscribed\" is a required"),
    ("SLACK", "/conversations.replies", "\"thread_ts\" is a required"),
    ("SLACK", "/conversations.replies", "\"user\" is a required"),
    ("SLACK", "/users.", "/profile \""),
];

/// Panics with everything that does not agree.
pub fn agrees(provider: &str, heard: &[Heard]) {
    let Some((_, files)) = DESCRIBED.iter().find(|(id, _)| *id == provider) else { return };
    let folder = std::env::var_os("TIELINE_SPECS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/specs"), PathBuf::from);
    if !folder.is_dir() {
        return;
    }
    let asked: Vec<Asked> = heard
        .iter()
        .flat_map(Asked::of)
        .filter(|it| !ELSEWHERE.iter().any(|start| it.url.starts_with(start)))
        .collect();
    let mut descriptions: BTreeMap<&str, Description> = files
        .iter()
        .map(|name| {
            let text = fs::read_to_string(folder.join(name)).expect("a description");
            (*name, Description::new(serde_json::from_str(&text).expect("JSON")))
        })
        .collect();
    let mut wrong = Vec::new();
    let mut answers = 0;
    for (asked, found) in asked.iter().zip(checked(&folder, files, &asked)) {
        let template = found["template"].as_str().unwrap_or_default();
        let mut faults: Vec<String> = serde_json::from_value(found["faults"].clone()).expect("words");
        let spec = found["spec"].as_str().and_then(|name| descriptions.get_mut(name));
        if let (Some(spec), false) = (spec, asked.answer.is_null()) {
            let id = format!("{} {template} {}", asked.method, found["name"]);
            if let Some(validator) = spec.answer(&id, &found["name"], template, asked) {
                answers += 1;
                faults.extend(validator.iter_errors(&asked.answer).flat_map(|error| said(&error)));
            }
        }
        faults.retain(|fault| {
            !KNOWN
                .iter()
                .any(|(of, at, what)| *of == provider && template.starts_with(at) && fault.contains(what))
        });
        faults.dedup();
        wrong.extend(faults.into_iter().map(|fault| format!("{} {template}: {fault}", asked.method)));
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{provider} against its description:\n{}", wrong.join("\n"));
    assert!(answers > 0, "{provider}: no answer was checked");
}

/// Of alternatives, what is wrong with the nearest.
fn said(error: &ValidationError) -> Vec<String> {
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let at = error.instance_path();
        let of_that_type = context.iter().filter(|all| {
            !all.iter()
                .any(|it| it.instance_path() == at && matches!(it.kind(), ValidationErrorKind::Type { .. }))
        });
        if let Some(nearest) = of_that_type.min_by_key(|all| all.len()) {
            return nearest.iter().flat_map(said).collect();
        }
    }
    let place = error.instance_path().as_str().split('/');
    let place: Vec<_> = place.map(|it| if it.parse::<u32>().is_ok() { "*" } else { it }).collect();
    vec![format!("answer: {} {}", place.join("/"), error.masked())]
}

/// A request with its whole address, and the answer to it.
struct Asked {
    method: String,
    url: String,
    headers: Value,
    body: Value,
    status: u64,
    answer: Value,
}

impl Asked {
    /// One, and those that a batch holds.
    fn of(heard: &Heard) -> Vec<Self> {
        let mut url = Url::parse(&format!("https://{}{}", heard.host, heard.path)).expect("an address");
        if !heard.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&heard.query);
        }
        let headers: Value = heard
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect::<Map<_, _>>()
            .into();
        let within = heard.body["requests"].as_array().filter(|_| heard.form.ends_with("/$batch"));
        let within = within.into_iter().flatten().filter_map(|part| {
            let answer = heard.answer["responses"].as_array()?.iter().find(|it| it["id"] == part["id"])?;
            Some(Self {
                method: part["method"].as_str()?.to_owned(),
                url: url.as_str().replace("/$batch", part["url"].as_str()?),
                headers: headers.clone(),
                body: part["body"].clone(),
                status: answer["status"].as_u64()?,
                answer: answer["body"].clone(),
            })
        });
        let mut all: Vec<_> = within.collect();
        all.push(Self {
            method: heard.method.clone(),
            url: url.into(),
            headers,
            body: heard.body.clone(),
            status: heard.status.into(),
            answer: heard.answer.clone(),
        });
        all
    }
}

/// What `check_request.py` of the folder says of each request.
fn checked(folder: &std::path::Path, files: &[&str], asked: &[Asked]) -> Vec<Value> {
    let mut python = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shapes/check.py"))
        .arg(folder)
        .arg(files.join(","))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let lines: String = asked
        .iter()
        .map(|it| json!({ "method": it.method, "url": it.url, "headers": it.headers, "body": it.body }))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut input = python.stdin.take().expect("its input");
    // It may answer before it has read all, and wait until that is taken.
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().expect("it ends");
    writing.join().expect("nobody panicked").expect("it reads");
    let found: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(found.len(), asked.len(), "check.py answers each line");
    found
}

/// OpenAPI 3, Swagger 2 or a Google discovery document, of which the answers' schemas are read.
struct Description {
    document: Value,
    definitions: Value,
    validators: BTreeMap<String, Option<Validator>>,
}

impl Description {
    fn new(document: Value) -> Self {
        let named = ["/components/schemas", "/definitions", "/schemas"]
            .into_iter()
            .find_map(|at| document.pointer(at));
        let definitions = named
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), plain(schema)))
            .collect();
        Self { document, definitions, validators: BTreeMap::new() }
    }

    /// None where the description has no schema for the answer.
    fn answer(&mut self, id: &str, name: &Value, template: &str, asked: &Asked) -> Option<&Validator> {
        if !self.validators.contains_key(id) {
            let validator = self.schema(name, template, asked).map(|schema| {
                let mut schema = plain(schema);
                schema["definitions"] = self.definitions.clone();
                jsonschema::options()
                    .with_draft(Draft::Draft7)
                    .build(&schema)
                    .unwrap_or_else(|error| panic!("{id}: {error}"))
            });
            self.validators.insert(id.to_owned(), validator);
        }
        self.validators[id].as_ref()
    }

    fn schema(&self, name: &Value, template: &str, asked: &Asked) -> Option<&Value> {
        let Some(paths) = self.document["paths"].as_object() else {
            return discovered(&self.document, name).map(|method| &method["response"]);
        };
        let items = paths.iter().filter(|(path, _)| path.split('#').next() == Some(template));
        let operation = items
            .flat_map(|(_, item)| item.as_object().into_iter().flatten().map(|(_, operation)| operation))
            .find(|operation| operation.get("operationId") == Some(name))?;
        let responses = &operation["responses"];
        let mut response =
            [asked.status.to_string(), "2XX".into()].iter().find_map(|it| responses.get(it))?;
        if let Some(place) = response["$ref"].as_str() {
            response = self.document.pointer(place.trim_start_matches('#'))?;
        }
        response.get("schema").or_else(|| response.pointer("/content/application~1json/schema"))
    }
}

/// The method of that id, at any depth.
fn discovered<'d>(node: &'d Value, name: &Value) -> Option<&'d Value> {
    let each = |key: &str| node[key].as_object().into_iter().flatten().map(|(_, it)| it);
    each("methods")
        .find(|method| method["id"] == *name)
        .filter(|method| method.get("response").is_some())
        .or_else(|| each("resources").find_map(|it| discovered(it, name)))
}

/// A schema of any of the three kinds as JSON Schema.
fn plain(schema: &Value) -> Value {
    let mut out = Map::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        let all = || value.as_array().into_iter().flatten();
        match key.as_str() {
            "$ref" => {
                let name = value.as_str().and_then(|it| it.rsplit('/').next()).unwrap_or_default();
                out.insert(key.clone(), json!(format!("#/definitions/{name}")));
            }
            "type" if value == "any" => {}
            // Discovery has the limits of numbers as text, and `required` at the part and not at the whole.
            "minimum" | "maximum" if !value.is_number() => {}
            "required" => {
                // Graph names the type only where it is another than the declared one.
                let names: Vec<_> = all().filter(|name| *name != "@odata.type").collect();
                out.insert(key.clone(), json!(names));
            }
            "type" | "format" | "enum" | "pattern" | "minimum" | "maximum" | "minLength" | "maxLength"
            | "minItems" | "maxItems" => {
                out.insert(key.clone(), value.clone());
            }
            "properties" => {
                let parts = value.as_object().into_iter().flatten();
                let parts: Map<_, _> = parts.map(|(name, it)| (name.clone(), plain(it))).collect();
                out.insert(key.clone(), parts.into());
            }
            "items" => {
                out.insert(key.clone(), plain(value));
            }
            // Slack's description of 2020 alone forbids others, and the documents of today have more.
            "additionalProperties" if value.is_object() => {
                out.insert(key.clone(), plain(value));
            }
            "allOf" => {
                out.insert(key.clone(), all().map(plain).collect());
            }
            // What is to fit one alternative alone often fits another as well.
            "anyOf" | "oneOf" | "x-any-of" => {
                // Graph's way to say that there may be nothing.
                let nothing = json!({ "type": "object", "nullable": true });
                let either =
                    all().map(|it| if *it == nothing { json!({ "type": "null" }) } else { plain(it) });
                out.insert("anyOf".into(), either.collect());
            }
            _ => {}
        }
    }
    // Confluence says it in words.
    let may_be_null = ["nullable", "x-nullable"].iter().any(|key| schema[key] == true)
        || schema["description"].as_str().is_some_and(|words| words.contains("or null if"));
    if may_be_null { json!({ "anyOf": [out, { "type": "null" }] }) } else { out.into() }
}
