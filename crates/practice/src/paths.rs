//! Host patterns and path templates.

use url::form_urlencoded;

/// `*.zendesk.com` matches one or more labels in front; anything else only itself.
pub fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.strip_suffix(suffix).is_some_and(|front| {
            !front.is_empty() && !front.starts_with('.') && !front.ends_with('.') && !front.contains("..")
        }),
        None => pattern == host,
    }
}

/// Matches a path against a template and yields what `{name}` and a last `{*name}` stood for, decoded.
pub fn capture(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut captures = Vec::new();
    let mut rest = path;
    let mut template = template;
    while let Some(open) = template.find('{') {
        rest = rest.strip_prefix(&template[..open])?;
        let close = open + template[open..].find('}')?;
        let name = &template[open + 1..close];
        template = &template[close + 1..];
        let (value, after) = match name.strip_prefix('*') {
            Some(_) => (rest, ""),
            None => {
                let segment = rest.find('/').unwrap_or(rest.len());
                let literal = template.split(['{', '/']).next().unwrap_or_default();
                let end = if literal.is_empty() { segment } else { rest[..segment].rfind(literal)? };
                rest.split_at(end)
            }
        };
        if value.is_empty() {
            return None;
        }
        captures.push((name.trim_start_matches('*').to_owned(), decoded(value)));
        rest = after;
    }
    (rest == template).then_some(captures)
}

fn decoded(part: &str) -> String {
    // In a path a plus is a plus, in a form it would be a space.
    let pair = format!("={}", part.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_or_more_labels() {
        assert!(host_matches("*.zendesk.com", "acme.zendesk.com"));
        assert!(host_matches("*.my.salesforce.com", "acme--test.sandbox.my.salesforce.com"));
        assert!(!host_matches("*.zendesk.com", "zendesk.com"));
        assert!(!host_matches("*.zendesk.com", ".zendesk.com"));
        assert!(!host_matches("*.zendesk.com", "acme.zendesk.com.evil.example"));
        assert!(!host_matches("slack.com", "api.slack.com"));
    }

    #[test]
    fn templates_capture_segments_parts_and_the_rest() {
        let one = |template, path| capture(template, path).map(|mut pairs| pairs.remove(0).1);
        assert_eq!(one("/tokens/{id}.json", "/tokens/42.json").as_deref(), Some("42"));
        assert_eq!(one("/tokens/{id}.json", "/tokens/4/2.json"), None);
        assert_eq!(
            one("/{tenant}/oauth2/v2.0/token", "/common/oauth2/v2.0/token").as_deref(),
            Some("common")
        );
        assert_eq!(
            one("/v1.0/sites/{*site}", "/v1.0/sites/root:/sites/A%20b").as_deref(),
            Some("root:/sites/A b")
        );
        assert_eq!(one("/b/{bucket}/o", "/b/a+b%26c/o").as_deref(), Some("a+b&c"));
        assert_eq!(capture("/oauth/tokens", "/oauth/tokens"), Some(Vec::new()));
        assert_eq!(capture("/oauth/tokens", "/oauth/tokens/"), None);
    }
}
