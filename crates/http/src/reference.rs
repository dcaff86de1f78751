//! `GET /v1/`: the description as a page for people. Complete in itself: no script, nothing loaded from anywhere.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tieline_engine::DescribedOperation;
use tieline_engine::program::GROUPS;

use crate::openapi::{FAILURES, PERSON, described, groups_of};
use crate::{CONTRACTS, Door};

/// Colours and measures are those of the page that a browser shows after a sign-in.
const STYLE: &str = "html{scroll-padding-top:1rem}\
body{margin:0;background:light-dark(#fcfcfa,#161817);color:light-dark(#191c1b,#eceeed);\
font:0.875rem/1.55 -apple-system,\"Segoe UI Variable Text\",\"Segoe UI\",\"Adwaita Sans\",Inter,Cantarell,\"Noto Sans\",system-ui,sans-serif}\
main{max-width:52rem;margin:0 auto;padding:2.5rem 1.5rem 5rem}\
h1{margin:0 0 0.5rem;font-size:1.625rem;line-height:1.3;font-weight:600;letter-spacing:-0.021em}\
h2{margin:3rem 0 0.5rem;font-size:1.25rem;line-height:1.3;font-weight:600;letter-spacing:-0.014em}\
h3{margin:2rem 0 0.25rem;font-size:1rem;font-weight:600}\
p{margin:0.25rem 0 0.75rem;max-width:40rem}\
p,td.m,dd{color:light-dark(#4c524f,#b3bab6)}\
a{color:light-dark(#0f5f5b,#7cc7bf);text-underline-offset:0.15em}\
:focus-visible{outline:2px solid light-dark(#0f5f5b,#7cc7bf);outline-offset:2px;border-radius:2px}\
code,pre{font:0.8125rem/1.5 ui-monospace,\"SF Mono\",\"Cascadia Mono\",\"Adwaita Mono\",\"DejaVu Sans Mono\",monospace}\
pre{margin:0.5rem 0 1rem;padding:0.75rem 1rem;overflow-x:auto;border-radius:6px;background:light-dark(#f1f1ed,#202322)}\
ul{margin:0.25rem 0 0.75rem;padding:0;list-style:none;columns:14rem}\
li{padding:0.1rem 0}\
table{width:100%;margin:0.25rem 0 0.75rem;border-collapse:collapse}\
th{font-weight:500;text-align:left}\
th,td{padding:0.3rem 1rem 0.3rem 0;vertical-align:top;border-top:1px solid light-dark(#e4e4de,#2c302e)}\
thead th{border-top:0;font-size:0.75rem;color:light-dark(#6a716d,#8f9793)}\
td:first-child{width:12rem}\
td:nth-child(2):not(:last-child){width:14rem}\
h3 code{font-size:0.875rem;font-weight:600}\
li a{text-decoration:none}\
li a:hover{text-decoration:underline}\
small{color:light-dark(#6a716d,#8f9793)}\
@media (max-width:40rem){td,th{display:block;border:0;padding:0.1rem 0}tr{display:block;padding:0.4rem 0;border-top:1px solid light-dark(#e4e4de,#2c302e)}thead{display:none}}";

pub(crate) async fn page(State(door): State<Arc<Door>>) -> Response {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let rules = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, rules),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, html(&door.origin())).into_response()
}

fn html(origin: &str) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut page, origin);
    page
}

fn write_page(page: &mut String, origin: &str) -> std::fmt::Result {
    let origin = escaped(origin);
    write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>For other programs · Tieline</title><style>{STYLE}</style></head><body><main>\
         <h1>Tieline, for other programs</h1>\
         <p>Every operation is a <code>POST {origin}/v1/…</code> with a JSON object, and answers JSON. The same, for \
         machines: <a href=\"/v1/openapi.json\">openapi.json</a>.</p>"
    )?;
    write!(
        page,
        "<h2 id=\"key\">The key</h2>\
         <p>Make a key in Tieline, under Settings, For other programs, or with <code>tieline key add NAME</code>. It is \
         shown once. Send it with every request, never in an address:</p>\
         <pre>curl {origin}/v1/connections \\\n  --header 'Authorization: Bearer tlk_…' \\\n  --json '{{}}'</pre>\
         <p>A page in a browser may use a key that names the page’s origin. Each key has 1,200 requests a minute, or as \
         many as it was given; every use is noted, and shown under Settings.</p>"
    )?;
    page.push_str("<h2 id=\"may\">What a key may</h2><table><thead><tr><th>Group</th><th>Meaning</th></tr></thead><tbody>");
    for (name, meaning) in GROUPS.iter().map(|(name, meaning, _)| (*name, *meaning)).chain([PERSON]) {
        write!(page, "<tr><td><code>{name}</code></td><td class=\"m\">{}</td></tr>", prose(meaning))?;
    }
    write!(
        page,
        "</tbody></table><p>Besides these operations, {} are spoken at the addresses that their own clients use, for \
         keys with the group <code>contracts</code>.</p>",
        listed(&CONTRACTS)
    )?;
    page.push_str(
        "<h2 id=\"errors\">When it fails</h2><p>The answer is a <a href=\"#Failure\">Failure</a>: a stable code for \
         programs, and for people what happened and what to do.</p><table><tbody>",
    );
    for (status, meaning) in FAILURES {
        write!(page, "<tr><td>{status}</td><td class=\"m\">{}</td></tr>", prose(meaning))?;
    }
    page.push_str("</tbody></table>");
    write!(
        page,
        "<h2 id=\"changes\">What changes</h2><p><code>GET {origin}/v1/events</code> stays open and sends a \
         <a href=\"#Change\">Change</a> whenever something within the key’s reach changes, as server-sent events.</p>\
         <pre>curl --no-buffer {origin}/v1/events --header 'Authorization: Bearer tlk_…'</pre>\
         <h2 id=\"operations\">Operations</h2>"
    )?;
    let groups: Vec<&str> = GROUPS
        .iter()
        .filter(|(.., operations)| !operations.is_empty())
        .map(|(name, ..)| *name)
        .chain([PERSON.0])
        .collect();
    let of = |group: &str| -> Vec<&DescribedOperation> {
        let all = described().operations.iter();
        all.filter(|it| groups_of(it.name).first().is_some_and(|first| *first == group)).collect()
    };
    for group in &groups {
        write!(page, "<p><small>For keys with <code>{group}</code></small></p><ul>")?;
        for it in of(group) {
            write!(page, "<li><a href=\"#-{0}\"><code>{0}</code></a></li>", it.name)?;
        }
        page.push_str("</ul>");
    }
    for it in groups.iter().flat_map(|group| of(group)) {
        write_operation(page, it)?;
    }
    page.push_str("<h2 id=\"types\">Types</h2>");
    for (name, schema) in &described().types {
        write!(page, "<h3 id=\"{name}\"><code>{name}</code></h3>")?;
        write_words(page, schema)?;
        write_type(page, schema)?;
    }
    page.push_str("</main></body></html>");
    Ok(())
}

fn write_operation(page: &mut String, it: &DescribedOperation) -> std::fmt::Result {
    write!(page, "<h3 id=\"-{0}\"><code>POST /v1/{0}</code></h3>", it.name)?;
    if !it.words.is_empty() {
        write!(page, "<p>{}</p>", prose(&it.words))?;
    }
    let ask = resolved(&it.ask);
    if ask["properties"].as_object().is_some_and(|fields| !fields.is_empty()) {
        write_type(page, ask)?;
    }
    write!(
        page,
        "<p>Answers {}. <small>For keys with {}.</small></p>",
        kind(&it.answer),
        listed(&groups_of(it.name))
    )
}

/// A type's own words.
fn write_words(page: &mut String, schema: &Value) -> std::fmt::Result {
    match schema["description"].as_str() {
        Some(words) => write!(page, "<p>{}</p>", prose(words)),
        None => Ok(()),
    }
}

/// What a type is made of: its fields, or what it may be.
fn write_type(page: &mut String, schema: &Value) -> std::fmt::Result {
    if let Some(fields) = schema["properties"].as_object() {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        page.push_str("<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
        // What must be there comes first.
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_by_key(|(name, _)| !required.contains(&name.as_str()));
        for (name, field) in fields {
            let words = field["description"].as_str().map(prose).unwrap_or_default();
            let left_out =
                if required.contains(&name.as_str()) { "" } else { " <small>may be left out</small>" };
            write!(
                page,
                "<tr><td><code>{}</code></td><td>{}{left_out}</td><td class=\"m\">{words}</td></tr>",
                escaped(name),
                kind(field)
            )?;
        }
        page.push_str("</tbody></table>");
        return Ok(());
    }
    let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) else {
        return write!(page, "<p>{}</p>", kind(schema));
    };
    page.push_str("<table><thead><tr><th>One of</th><th>Meaning</th></tr></thead><tbody>");
    for choice in choices {
        let words = choice["description"].as_str().map(prose).unwrap_or_default();
        write!(page, "<tr><td>{}</td><td class=\"m\">{words}</td></tr>", kind(choice))?;
    }
    page.push_str("</tbody></table>");
    Ok(())
}

/// The type that a schema refers to, or itself.
fn resolved(schema: &Value) -> &Value {
    let name = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next());
    name.and_then(|name| described().types.get(name)).unwrap_or(schema)
}

/// A schema in a few words, with links to the types it names.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(value) = schema.get("const") {
        return format!("<code>{}</code>", escaped(&value.to_string()));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().map(|value| format!("<code>{}</code>", escaped(&value.to_string()))).collect();
        return values.join(" or ");
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        if let Some(kinds) = schema[several].as_array() {
            return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    match &schema["type"] {
        Value::Array(names) => {
            let one = |name: &Value| {
                let mut single = schema.clone();
                single["type"] = name.clone();
                kind(&single)
            };
            names.iter().map(one).collect::<Vec<_>>().join(" or ")
        }
        Value::String(name) if name == "array" => match schema["prefixItems"].as_array() {
            Some(items) => format!("[{}]", items.iter().map(kind).collect::<Vec<_>>().join(", ")),
            None => format!("list of {}", kind(&schema["items"])),
        },
        Value::String(name) if name == "object" => {
            if let Some(fields) = schema["properties"].as_object() {
                let fields = fields.iter().map(|(name, field)| format!("{}: {}", escaped(name), kind(field)));
                return format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "));
            }
            match schema.get("additionalProperties") {
                Some(values) if values.is_object() => format!("object of {}", kind(values)),
                _ => "object".to_owned(),
            }
        }
        Value::String(name) => escaped(name),
        _ => "anything".to_owned(),
    }
}

/// Words joined as in a sentence.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

/// Words of a comment as markup: what stands in backticks is code.
fn prose(words: &str) -> String {
    let mut html = String::new();
    for (at, part) in words.split('`').enumerate() {
        match at % 2 {
            0 => html.push_str(&escaped(part)),
            _ => {
                html.push_str("<code>");
                html.push_str(&escaped(part));
                html.push_str("</code>");
            }
        }
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_and_every_link_leads_somewhere() {
        let html = html("http://127.0.0.1:1");
        for name in tieline_engine::NAMES {
            assert!(html.contains(&format!("<h3 id=\"-{name}\">")), "{name}");
        }
        for link in html.split("href=\"").skip(1).filter_map(|it| it.split('"').next()) {
            let leads = link == "/v1/openapi.json"
                || link.strip_prefix('#').is_some_and(|id| html.contains(&format!("id=\"{id}\"")));
            assert!(leads, "{link}");
        }
        for word in ["<script", "<link", "<img", "src=", "url(", "@import", "style=\""] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn words_are_text() {
        assert_eq!(prose("a `<b>` & \"c\""), "a <code>&lt;b&gt;</code> &amp; &quot;c&quot;");
    }
}
