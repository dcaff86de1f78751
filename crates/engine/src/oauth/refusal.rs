//! What a provider's error says, wherever it puts it.

use serde_json::Value;

use super::reply::plain;

/// A provider's error, boiled down to what may be shown and compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// `error`, sub-errors and numeric codes, most particular last.
    pub codes: Vec<String>,
    /// The provider's text, cut to 300 characters, with anything that looks like a token taken out.
    pub description: String,
    /// Ids that the provider's support asks for.
    pub traces: Vec<(String, String)>,
}

/// Reads an error out of a body of any shape.
pub fn refusal(status: u16, body: &str) -> Refusal {
    let mut refusal = Refusal { status, ..Refusal::default() };
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        // OAuth 1.0a's problem reporting answers with a form.
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(body.trim().as_bytes()).into_owned().collect();
        let told =
            form.iter().filter(|(name, _)| name == "oauth_problem" || name == "oauth_parameters_rejected");
        refusal.codes.extend(told.map(|(_, value)| value.chars().take(80).collect::<String>()));
        if !refusal.codes.is_empty() {
            refusal.description = refusal.codes.join(" ");
            return refusal;
        }
        if !body.trim_start().starts_with('<') {
            refusal.description = shown(body);
        }
        return refusal;
    };
    let object = match &value {
        Value::Array(items) => items.first().unwrap_or(&Value::Null),
        other => other,
    };
    let places = [
        "/error",
        "/error/code",
        "/error/status",
        "/error/errors/0/reason",
        "/error/.tag",
        "/error_subtype",
        "/suberror",
        "/code",
        "/errorCode",
        "/errors/0/code",
        "/error_summary",
        "/error/innerError/code",
        "/error/details/0/reason",
    ];
    for place in places {
        if let Some(code) = object.pointer(place).and_then(plain) {
            let code: String = code.chars().take(80).collect();
            if !refusal.codes.contains(&code) {
                refusal.codes.push(code);
            }
        }
    }
    for code in object.get("error_codes").and_then(Value::as_array).into_iter().flatten().filter_map(plain) {
        refusal.codes.push(code);
    }
    let words = [
        "/error_description",
        "/error/message",
        "/message",
        "/errors/0/message",
        "/errors/0",
        "/error/detail",
        "/error_summary",
    ];
    refusal.description = words
        .iter()
        .filter_map(|place| object.pointer(place))
        .find_map(plain)
        .map(|text| shown(&text))
        .unwrap_or_default();
    let traces = [
        "/trace_id",
        "/correlation_id",
        "/timestamp",
        "/request_id",
        "/requestId",
        "/error/innerError/request-id",
    ];
    for place in traces {
        if let Some(value) = object.pointer(place).and_then(plain) {
            let name = place.rsplit('/').next().unwrap_or(place);
            refusal.traces.push((name.to_owned(), value.chars().take(80).collect()));
        }
    }
    refusal
}

/// Cuts a provider's text to what may be shown: no long unbroken runs, which may be tokens, and not too much.
pub fn shown(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let mut runs = word.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.~+/=".contains(c)));
        let may_be_token =
            runs.any(|run| run.len() >= 32 && !is_uuid(run.trim_end_matches('.').trim_start_matches('=')));
        let is_address = word.contains("://");
        if may_be_token || is_address && word.contains('?') { "…" } else { word }
    });
    let text: String = words.collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// A trace id, which the provider's support asks for.
fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| {
        if [8, 13, 18, 23].contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}
