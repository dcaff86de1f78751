//! Which host names may be talked to.

/// Whether `host` matches `pattern`: equal, or below it where the pattern begins with `*.`.
pub fn matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            host.strip_suffix(parent).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
        }
        None => host == pattern,
    }
}

/// Whether one of the patterns matches.
pub fn allowed(patterns: &[String], host: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, host))
}

/// Whether `value` can stand in a URL's host: letters, digits and inner hyphens in dotted labels, no
/// user info, port, path or IP address.
pub(crate) fn is_host_part(value: &str) -> bool {
    let labels: Vec<&str> = value.split('.').collect();
    let well_formed = labels.iter().all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    let numeric = labels.last().is_some_and(|last| {
        last.bytes().all(|byte| byte.is_ascii_digit()) && labels.len() > 1
            || last
                .to_ascii_lowercase()
                .strip_prefix("0x")
                .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    well_formed && !numeric && value.len() <= 253
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_labels_and_never_for_a_suffix() {
        assert!(matches("*.zendesk.com", "acme.zendesk.com"));
        assert!(!matches("*.zendesk.com", "zendesk.com"));
        assert!(!matches("*.zendesk.com", "evilzendesk.com"));
        assert!(!matches("*.zendesk.com", "acme.zendesk.com.evil.example"));
    }

    #[test]
    fn host_parts_hold_nothing_but_labels() {
        for good in ["acme", "dev12345.service-now.com", "acme--sbx.sandbox.my.salesforce.com"] {
            assert!(is_host_part(good), "{good}");
        }
        for bad in [
            "",
            "a@b",
            "a:80",
            "a/b",
            "127.0.0.1",
            "[::1]",
            "-a",
            "a..b",
            "0x7f000001",
            "a b",
            "a?b",
            "a#b",
            "ä",
        ] {
            assert!(!is_host_part(bad), "{bad}");
        }
    }
}
