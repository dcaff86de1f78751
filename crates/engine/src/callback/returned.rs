//! An address that came back by deep link, or that the person pasted.

use url::{Host, Url};

use super::{Callback, LONGEST};
use crate::error::{Error, Result};

/// The schemes that this program answers to: the released one and the one of development builds.
pub const DEEP_LINKS: [&str; 2] = ["app.tieline.desktop", "app.tieline.desktop.dev"];

/// Where an address came back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// `http`, `https`, or one of [`DEEP_LINKS`].
    pub scheme: String,
    /// Empty for a deep link.
    pub host: String,
    /// The scheme's own where the address names none; none for a deep link.
    pub port: Option<u16>,
    /// `/integrations/zendesk`, of a deep link too, though its URL has `integrations` where others have a host.
    pub path: String,
}

impl Return {
    /// Without what came with it.
    pub fn url(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}{}", self.scheme, self.host, self.path)
    }
}

/// Takes apart a deep link, a loopback address, or the address of an https relay.
///
/// # Errors
/// Names the field `address`, never what was in it.
pub fn parse_return(address: &str) -> Result<(Return, Callback)> {
    let bad = |why: &str| {
        Error::field("address", format!("{why} Copy the whole address out of the browser's address bar."))
    };
    let address = address.trim();
    if address.len() > LONGEST {
        return Err(bad("This is too long for the address of a sign-in."));
    }
    let url = Url::parse(address).map_err(|_| bad("This is not an address."))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("This address holds a user name, which no sign-in does."));
    }
    let returned = if DEEP_LINKS.contains(&url.scheme()) {
        let front = url.host_str().map(|host| format!("/{host}")).unwrap_or_default();
        if url.cannot_be_a_base() || url.port().is_some() {
            return Err(bad("This is not the address of a sign-in."));
        }
        Return { scheme: url.scheme().into(), host: String::new(), port: None, path: front + url.path() }
    } else {
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if here => {}
            _ => return Err(bad("This is not the address of a finished sign-in.")),
        }
        Return {
            scheme: url.scheme().into(),
            host: url.host_str().unwrap_or_default().into(),
            port: url.port_or_known_default(),
            path: url.path().into(),
        }
    };
    let callback = Callback::new(&returned.path, url.query().unwrap_or_default());
    Ok((returned, callback))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_way_back_is_taken_apart() {
        let (to, callback) =
            parse_return(" app.tieline.desktop://integrations/zendesk?code=a&state=b \n").unwrap();
        assert_eq!((to.scheme.as_str(), to.host.as_str(), to.port), ("app.tieline.desktop", "", None));
        assert_eq!(to.path, "/integrations/zendesk");
        assert_eq!(callback.path, to.path);
        assert_eq!((callback.get("code"), callback.get("state")), (Some("a"), Some("b")));

        let (to, _) = parse_return("app.tieline.desktop.dev:///integrations/box?code=a").unwrap();
        assert_eq!(to.path, "/integrations/box");

        let (to, _) = parse_return("http://127.0.0.1:4000/integrations/box?code=a#_=_").unwrap();
        assert_eq!((to.host.as_str(), to.port), ("127.0.0.1", Some(4000)));
        let (to, _) = parse_return("http://[::1]:4000/x").unwrap();
        assert_eq!(to.host, "[::1]");
        let (to, _) = parse_return("https://login.acme.example/integrations/notion?code=a").unwrap();
        assert_eq!((to.host.as_str(), to.port), ("login.acme.example", Some(443)));
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_them() {
        for bad in [
            "",
            "canary",
            "http://evil.example/?code=canary",
            "ftp://127.0.0.1/?code=canary",
            "app.tieline.desktop:integrations/box?code=canary",
            "app.tieline.desktop.evil://integrations/box?code=canary",
            "https://canary@relay.example/?code=canary",
            "file:///canary",
            "javascript:canary",
        ] {
            let error = parse_return(bad).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("address"), "{bad}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        assert!(parse_return(&format!("https://a.example/?code={}", "x".repeat(LONGEST))).is_err());
    }

    #[test]
    fn a_repeated_parameter_is_as_good_as_none() {
        let (_, callback) = parse_return("https://a.example/x?code=1&code=2&state=s").unwrap();
        assert_eq!(callback.get("code"), None);
        assert_eq!(callback.get("state"), Some("s"));
        assert!(callback.has_duplicates());
        assert!(!parse_return("https://a.example/x?code=1").unwrap().1.has_duplicates());
    }

    #[test]
    fn values_are_not_printed() {
        let (to, callback) = parse_return("https://a.example/x?code=canary&state=canary").unwrap();
        let printed = format!("{to:?} {callback:?}");
        assert!(printed.contains("code") && !printed.contains("canary"), "{printed}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse_return(&text);
        }

        #[test]
        fn nothing_after_a_scheme_makes_it_panic(at in 0..4_usize, rest in "\\PC{0,120}") {
            let front = ["app.tieline.desktop:", "app.tieline.desktop://", "http://localhost", "https://"][at];
            if let Ok((to, callback)) = parse_return(&format!("{front}{rest}")) {
                prop_assert!(to.path.is_empty() || to.path.starts_with('/'));
                prop_assert_eq!(to.path, callback.path);
            }
        }
    }
}
