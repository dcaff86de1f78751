//! `{field}`: the only template.

use std::collections::BTreeMap;

/// Inputs and facts by name.
pub type Fields = BTreeMap<String, String>;

/// The names a template uses, in order.
pub fn names(template: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let after = &rest[open + 1..];
        let Some(close) = after.find('}') else { break };
        found.push(&after[..close]);
        rest = &after[close + 1..];
    }
    found
}

/// Fills a template. Fails with the name of the first field that is unknown.
pub fn fill<'t>(template: &'t str, fields: &Fields) -> Result<String, &'t str> {
    fill_with(template, |name| fields.get(name).cloned())
}

/// Fills a template for people: an unknown field is left out, and so is what then dangles at the ends.
pub fn fill_gently(template: &str, fields: &Fields) -> String {
    let filled = fill_with(template, |name| Some(fields.get(name).cloned().unwrap_or_default()));
    filled.unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || c == ',' || c == '·').to_owned()
}

/// Fills a template used as a URL: values are percent-encoded except where they form the host.
pub fn fill_url<'t>(template: &'t str, fields: &Fields) -> Result<String, &'t str> {
    let host_end = template.find("://").map_or(0, |scheme| {
        template[scheme + 3..].find('/').map_or(template.len(), |slash| scheme + 3 + slash)
    });
    let (front, back) = template.split_at(host_end);
    let front = fill(front, fields)?;
    let back = fill_with(back, |name| fields.get(name).map(|value| encode(value)))?;
    Ok(front + &back)
}

fn fill_with(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else { break };
        let name = &rest[open + 1..open + close];
        filled.push_str(&rest[..open]);
        filled.push_str(&value(name).ok_or(name)?);
        rest = &rest[open + close + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether a URL could have come of a template whose fields are single host labels or path parts.
pub fn matches(template: &str, url: &str) -> bool {
    let mut rest = url;
    let mut first = true;
    for (index, part) in template.split(['{', '}']).enumerate() {
        if index % 2 == 1 {
            first = false;
            continue;
        }
        let Some(at) = rest.find(part).filter(|at| *at == 0 || !first) else { return false };
        if !rest[..at].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return false;
        }
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
        || template.ends_with('}')
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Percent-encodes everything but RFC 3986's unreserved characters and the slash.
fn encode(value: &str) -> String {
    use std::fmt::Write;
    value.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn fills_known_fields_and_names_the_unknown_one() {
        let known = fields(&[("subdomain", "acme")]);
        assert_eq!(fill("{subdomain}.zendesk.com", &known), Ok("acme.zendesk.com".into()));
        assert_eq!(fill("{subdomain}{nothing}", &known), Err("nothing"));
        assert_eq!(names("{a}-{b}"), ["a", "b"]);
    }

    #[test]
    fn url_values_cannot_leave_their_place() {
        let known = fields(&[("id", "1?x=2#f ü"), ("host", "acme.example")]);
        assert_eq!(
            fill_url("https://{host}/t/{id}", &known),
            Ok("https://acme.example/t/1%3Fx%3D2%23f%20%C3%BC".into())
        );
    }
}
