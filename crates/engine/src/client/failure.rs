//! Words for a request that got no answer.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use super::Client;
use crate::error::{Code, Error};

impl Client {
    /// Only the host is named: the rest of a URL can hold secrets.
    pub(super) fn failure(&self, host: &str, error: &reqwest::Error) -> Error {
        let causes = Causes::of(error);
        if causes.say("invalid peer certificate") {
            temporary(
                format!("The certificate of {host} is not trusted on this computer, so nothing was sent."),
                "If your organisation inspects traffic, add its CA certificate in Settings, Network. Otherwise \
                 check the computer's date.",
            )
        } else if causes.say("tunnel")
            || causes.say("proxy")
            || self.proxied && error.is_connect() && !causes.tls()
        {
            temporary(
                format!("The proxy did not let Tieline through to {host}."),
                "Check the proxy in Settings, Network, or ask your administrator.",
            )
        } else if causes.tls() {
            temporary(
                format!("No secure connection to {host} came about."),
                "A firewall or proxy may be in between. Try another network, or ask your administrator.",
            )
        } else if error.is_dns() {
            temporary(
                format!("The name {host} was not found."),
                "Check the address, the internet connection and the VPN.",
            )
        } else if error.is_timeout() && error.is_connect() {
            temporary(
                format!("{host} could not be reached within {}.", words(self.limits.connect)),
                "Check the internet connection and the VPN.",
            )
        } else if error.is_timeout() {
            temporary(
                format!("{host} did not answer within {}.", words(self.limits.whole)),
                "Try again in a few minutes.",
            )
        } else if causes.io == Some(io::ErrorKind::ConnectionRefused) {
            temporary(
                format!("{host} refused the connection."),
                "It may be down for the moment, or a firewall is in between. Try again in a few minutes.",
            )
        } else if error.is_builder() {
            Error::internal(format_args!("the request to {host} could not be written"))
        } else {
            temporary(
                format!("The connection to {host} broke off."),
                "Check the internet connection and try again.",
            )
        }
    }
}

fn temporary(message: String, hint: &str) -> Error {
    Error::new(Code::Temporary, message, hint)
}

fn words(limit: Duration) -> String {
    match limit.as_secs() {
        1 => "a second".to_owned(),
        count => format!("{count} seconds"),
    }
}

/// What the chain of causes says. TLS and proxy failures have no type that can be named here, only words.
struct Causes {
    words: String,
    io: Option<io::ErrorKind>,
}

impl Causes {
    fn of(error: &reqwest::Error) -> Self {
        let mut causes = Self { words: String::new(), io: None };
        let mut next = error.source();
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                causes.io = Some(io.kind());
            }
            // reqwest's own links can quote the URL, and a word in that must not decide.
            if !cause.is::<reqwest::Error>() {
                causes.words.push_str(&cause.to_string().to_ascii_lowercase());
                causes.words.push('\n');
            }
            next = cause.source();
        }
        causes
    }

    fn say(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    fn tls(&self) -> bool {
        ["tls", "handshake", "invalidcontenttype", "fatal alert"].iter().any(|word| self.say(word))
    }
}
