//! Which ways back a provider accepts, out of those that an administrator of Acme has registered.

use url::Url;

/// The loopback port that the app asks its administrators to register.
const PORT: u16 = 47823;
/// Stands for the organisation's relay where a provider needs a whole address.
const RELAY: &str = "https://connect.acme.example";

/// The provider's rule for redirect addresses.
#[derive(Debug, Clone, Copy)]
pub struct Redirects {
    /// Addresses with the app's own scheme.
    pub app_scheme: bool,
    pub https: bool,
    pub loopback: Loopback,
    pub mismatch: Mismatch,
    /// `redirect_uri` may be missing at the sign-in; then the first registered one counts.
    pub may_be_missing: bool,
    /// The exchange has to repeat the address of the sign-in byte for byte.
    pub repeated_at_exchange: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum Loopback {
    No,
    /// The registered port only, at one of these names.
    FixedPort(&'static [&'static str]),
    AnyPort(&'static [&'static str]),
}

/// What happens to an address that is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The provider shows its own error page and the app never hears of it.
    Page,
    /// The browser is sent to the first registered address instead, without a word.
    FirstRegistered,
}

pub const BOTH: &[&str] = &["127.0.0.1", "localhost"];
pub const LOCALHOST: &[&str] = &["localhost"];
pub const LITERAL: &[&str] = &["127.0.0.1"];

impl Redirects {
    /// https and the registered loopback port; a mismatch ends on the provider's page.
    pub const USUAL: Redirects = Redirects {
        app_scheme: false,
        https: true,
        loopback: Loopback::FixedPort(BOTH),
        mismatch: Mismatch::Page,
        may_be_missing: false,
        repeated_at_exchange: true,
    };

    /// Whether the provider knows this address for the provider called `slug`. `added` are the exact
    /// addresses registered later; they too have to be of a kind that the provider takes.
    pub fn accept(&self, address: &str, slug: &str, added: &[String]) -> bool {
        let Ok(url) = Url::parse(address) else { return false };
        let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        let own_path = format!("/integrations/{slug}");
        let relay_path = format!("/relay/integrations/{slug}");
        let known = added.iter().any(|known| known == address);
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match url.scheme() {
            "https" => self.https && (known || plain && url.path().ends_with(&own_path)),
            // On this computer a test has no certificate; its relay is known by the path.
            "http" if local && url.path() == relay_path => self.https && plain,
            "http" if local => {
                let (names, any_port) = match self.loopback {
                    Loopback::No => return false,
                    Loopback::FixedPort(names) => (names, false),
                    Loopback::AnyPort(names) => (names, true),
                };
                let named = url.host_str().is_some_and(|host| names.contains(&host));
                let port = any_port || url.port() == Some(PORT);
                let besides_port = |known: &String| {
                    Url::parse(known).is_ok_and(|mut known| {
                        known.set_port(url.port()).is_ok() && known.as_str() == url.as_str()
                    })
                };
                named
                    && (known
                        || port && plain && url.path() == own_path
                        || any_port && added.iter().any(besides_port))
            }
            "http" => false,
            "app.tieline.desktop" | "app.tieline.desktop.dev" => {
                let path = format!("//integrations/{slug}");
                self.app_scheme && (known || address.split_once(':').is_some_and(|(_, rest)| rest == path))
            }
            _ => self.app_scheme && known,
        }
    }

    /// The registered address that counts when a request names none or a wrong one.
    pub fn first(&self, slug: &str, added: &[String]) -> String {
        if let Some(first) = added.first() {
            return first.clone();
        }
        match self.loopback {
            Loopback::FixedPort(names) | Loopback::AnyPort(names) if !names.is_empty() => {
                format!("http://{}:{PORT}/integrations/{slug}", names[0])
            }
            _ => format!("{RELAY}/integrations/{slug}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_address_is_taken_where_the_provider_takes_it() {
        let none = Redirects { https: false, loopback: Loopback::No, ..Redirects::USUAL };
        let app = Redirects { app_scheme: true, ..none };
        let https = Redirects { https: true, ..none };
        let fixed = Redirects { loopback: Loopback::FixedPort(LOCALHOST), ..none };
        let any = Redirects { loopback: Loopback::AnyPort(LITERAL), ..none };
        let rules = [app, https, fixed, any];
        for (address, taken) in [
            ("app.tieline.desktop://integrations/box", [true, false, false, false]),
            ("app.tieline.desktop.dev://integrations/box", [true, false, false, false]),
            ("app.tieline.desktop://integrations/box?x=1", [false; 4]),
            ("app.tieline.desktop://integrations/slack", [false; 4]),
            ("other.app://integrations/box", [false; 4]),
            ("https://connect.acme.example/any/integrations/box", [false, true, false, false]),
            ("http://localhost:1234/relay/integrations/box", [false, true, false, false]),
            ("http://localhost:47823/integrations/box", [false, false, true, false]),
            ("http://localhost:1234/integrations/box", [false; 4]),
            ("http://127.0.0.1:1234/integrations/box", [false, false, false, true]),
            ("http://127.0.0.1:1234/integrations/box/", [false; 4]),
            ("http://me@127.0.0.1:1234/integrations/box", [false; 4]),
            ("http://192.168.0.9:47823/integrations/box", [false; 4]),
            ("not an address", [false; 4]),
        ] {
            assert_eq!(rules.map(|rule| rule.accept(address, "box", &[])), taken, "{address}");
        }
    }

    #[test]
    fn an_added_address_counts_exactly_or_up_to_its_port() {
        let added = ["http://127.0.0.1:7/way/back".to_owned()];
        let fixed = Redirects { loopback: Loopback::FixedPort(BOTH), ..Redirects::USUAL };
        let any = Redirects { loopback: Loopback::AnyPort(BOTH), ..Redirects::USUAL };
        assert!(fixed.accept("http://127.0.0.1:7/way/back", "box", &added));
        assert!(!fixed.accept("http://127.0.0.1:8/way/back", "box", &added));
        assert!(any.accept("http://127.0.0.1:8/way/back", "box", &added));
        assert!(!any.accept("http://localhost:8/way/back", "box", &added));
        assert_eq!(fixed.first("box", &added), added[0]);
        assert_eq!(fixed.first("box", &[]), "http://127.0.0.1:47823/integrations/box");
    }
}
