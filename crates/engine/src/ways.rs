//! The ways back from the browser: which there are for a provider, which comes first, and why. Pure.

use tieline_catalog::{LoopbackPort, Provider, Way};

use crate::settings::LOOPBACK_PORT;

/// What the world around allows.
#[derive(Debug, Clone, Default)]
pub struct Means {
    /// The scheme that this computer hands to us; none where no window can take it.
    pub scheme: Option<String>,
    /// Deep links were tried on this computer and did not arrive.
    pub deep_link_failed: bool,
    /// The organisation's relay page, without the provider's path.
    pub relay: Option<String>,
    /// The registered loopback port, where it is not the usual one.
    pub port: Option<u16>,
}

/// One way, with the exact redirect address. Port 0 in a loopback address stands for a free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub way: Way,
    pub redirect: String,
    pub port: Option<u16>,
    pub why: String,
    pub usable: bool,
}

/// All ways, the one to use first.
pub fn plans(provider: &Provider, means: &Means) -> Vec<Plan> {
    let name = &provider.name;
    let path = provider.callback_path();
    let mut plans: Vec<Plan> = [Way::DeepLink, Way::Loopback, Way::Relay]
        .into_iter()
        .map(|way| {
            let accepted = provider.redirect.ways.contains(&way);
            let refused = provider.redirect.refused.get(&way).cloned();
            let not_taken =
                || refused.unwrap_or_else(|| format!("{name} does not take this kind of address."));
            match way {
                Way::DeepLink => {
                    let scheme = means.scheme.clone().unwrap_or_else(|| crate::SCHEME.into());
                    let (usable, why) = match (accepted, &means.scheme, means.deep_link_failed) {
                        (false, _, _) => (false, not_taken()),
                        (_, None, _) => (
                            false,
                            "This computer does not hand addresses of this kind to this Tieline.".into(),
                        ),
                        (_, _, true) => (
                            false,
                            "This computer did not hand Tieline its own addresses when it was tried.".into(),
                        ),
                        _ => (true, format!("{name} takes Tieline's own address, which needs no port.")),
                    };
                    Plan { way, redirect: format!("{scheme}:/{path}"), port: None, why, usable }
                }
                Way::Loopback => {
                    let fixed = provider.redirect.loopback_port == LoopbackPort::Fixed;
                    let port = if fixed { means.port.unwrap_or(LOOPBACK_PORT) } else { 0 };
                    let host = provider.redirect.loopback_host.as_str();
                    let why = match (accepted, fixed) {
                        (false, _) => not_taken(),
                        (true, true) => format!(
                            "{name} sends people back to this computer at the port that is registered."
                        ),
                        (true, false) => {
                            format!("{name} sends people back to this computer at any free port.")
                        }
                    };
                    let redirect = if port == 0 {
                        format!("http://{host}{path}")
                    } else {
                        format!("http://{host}:{port}{path}")
                    };
                    Plan { way, redirect, port: Some(port), why, usable: accepted }
                }
                _ => {
                    let (usable, why) = match (accepted, &means.relay) {
                        (false, _) => (false, not_taken()),
                        (true, None) => (
                            false,
                            "Your organisation has not set up its page that forwards the answer.".into(),
                        ),
                        (true, Some(_)) => (
                            true,
                            "Your organisation's own page forwards the answer to this computer.".into(),
                        ),
                    };
                    let base =
                        means.relay.clone().unwrap_or_else(|| "https://your-organisation.example".into());
                    let base = base.trim_end_matches('/');
                    let base = base.strip_suffix(&path).unwrap_or(base);
                    Plan { way: Way::Relay, redirect: format!("{base}{path}"), port: None, why, usable }
                }
            }
        })
        .collect();
    let rank =
        |plan: &Plan| provider.redirect.ways.iter().position(|way| *way == plan.way).unwrap_or(usize::MAX);
    plans.sort_by_key(|plan| (!plan.usable, rank(plan)));
    plans
}

/// The addresses worth registering, best first: those of every way the provider accepts.
pub fn to_register(provider: &Provider, plans: &[Plan]) -> Vec<String> {
    let accepted = plans.iter().filter(|plan| {
        provider.redirect.ways.contains(&plan.way)
            && (plan.way != Way::Relay || plan.usable || provider.redirect.ways == [Way::Relay])
            && !(plan.way == Way::Loopback && provider.redirect.loopback_unregistered)
    });
    let most = if provider.redirect.single { 1 } else { usize::MAX };
    accepted.map(|plan| plan.redirect.clone()).take(most).collect()
}

/// The words for a way.
pub fn title(way: Way) -> &'static str {
    match way {
        Way::DeepLink => "Straight back to Tieline",
        Way::Loopback => "Through this computer's own address",
        Way::Relay => "Through your organisation's page",
        Way::Paste => "By pasting the address",
        Way::Program => "To the program that asked",
    }
}

pub fn key(way: Way) -> &'static str {
    match way {
        Way::DeepLink => "deep_link",
        Way::Loopback => "loopback",
        Way::Relay => "relay",
        Way::Paste => "paste",
        Way::Program => "program",
    }
}

pub fn from_key(key: &str) -> Option<Way> {
    [Way::DeepLink, Way::Loopback, Way::Relay, Way::Paste].into_iter().find(|way| self::key(*way) == key)
}
