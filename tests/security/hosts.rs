//! Whatever is typed into a provider's form, its addresses stay the provider's.

use proptest::prelude::*;
use tieline_catalog::template::{self, Fields};
use tieline_catalog::{Input, InputKind, Provider, host_matches, normalise};
use url::{Host, Url};

use crate::security::providers;

/// The hosts that belong to a provider whose list has inputs in it. ServiceNow lets organisations use domains of their
/// own: there, the host is what the administrator registered an app for, and only its form is checked.
fn own_hosts(provider: &Provider) -> Vec<&str> {
    match provider.id.as_str() {
        "ZENDESK" => vec!["*.zendesk.com"],
        "SALESFORCE" => vec!["*.my.salesforce.com"],
        "INTERCOM" => vec![
            "app.intercom.com",
            "api.intercom.io",
            "app.eu.intercom.com",
            "api.eu.intercom.io",
            "app.au.intercom.com",
            "api.au.intercom.io",
        ],
        "SERVICENOW" => vec![],
        _ => {
            let hosts: Vec<&str> = provider
                .oauth
                .api_hosts
                .iter()
                .chain(&provider.oauth.browser_hosts)
                .map(String::as_str)
                .collect();
            assert!(hosts.iter().all(|host| !host.contains('{')), "{} has inputs in its hosts", provider.id);
            // The token address is the provider's own whether or not a token may go there later.
            hosts
                .into_iter()
                .chain(
                    provider.oauth.token_url.strip_prefix("https://").and_then(|rest| rest.split('/').next()),
                )
                .collect()
        }
    }
}

/// Every address made of inputs alone.
fn addresses(provider: &Provider) -> Vec<&str> {
    let known = |url: &&str| template::names(url).iter().all(|name| provider.input(name).is_some());
    let oauth = &provider.oauth;
    let fixed = [Some(&oauth.authorize_url), Some(&oauth.token_url), oauth.request_url.as_ref()];
    let steps = provider.identify.iter().chain(&provider.revoke.steps).map(|step| &step.url);
    fixed.into_iter().flatten().chain(steps).map(String::as_str).filter(known).collect()
}

/// Holds every address of the provider to its hosts; `None` where the form says no.
fn hold(provider: &Provider, typed: &Fields) -> Option<Vec<Url>> {
    let inputs = normalise(provider, typed);
    if !inputs.problems.is_empty() {
        return None;
    }
    let own = own_hosts(provider);
    let mut urls = Vec::new();
    for template in addresses(provider) {
        let text = template::fill_url(template, &inputs.values)
            .unwrap_or_else(|field| panic!("{template} wants {field}"));
        let url = Url::parse(&text).unwrap_or_else(|why| panic!("{}: {text}: {why}", provider.id));
        assert_eq!(url.scheme(), "https", "{text}");
        assert!(url.username().is_empty() && url.password().is_none(), "{text} has user info");
        assert_eq!(url.port(), None, "{text} has a port");
        let Some(Host::Domain(host)) = url.host() else { panic!("{text} has no host name") };
        assert!(host.contains('.') && !host.ends_with(".localhost"), "{text}");
        assert!(
            own.is_empty() || own.iter().any(|pattern| host_matches(pattern, host)),
            "{}: {text}",
            provider.id
        );
        // What was typed stays in its place: the path is no longer than the template's, and nothing follows it.
        let fixed = template.split(['?', '#']).next().unwrap_or(template);
        assert_eq!(url.fragment(), None, "{text}");
        assert!(template.contains('?') || url.query().is_none(), "{text}");
        if template == provider.oauth.token_url || template == provider.oauth.authorize_url {
            let deep = |text: &str| text.trim_start_matches("https://").matches('/').count();
            assert_eq!(deep(url.as_str()), deep(fixed), "{text}");
        }
        urls.push(url);
    }
    Some(urls)
}

/// Pieces of which attacks on host names are made, and letters besides.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "acme",
        "https://",
        "http://",
        "//",
        "@",
        ":",
        ":443",
        "/",
        "\\",
        "?",
        "#",
        ".",
        "..",
        "%2f",
        "%00",
        "%40",
        "\0",
        "\n",
        "127.0.0.1",
        "[::1]",
        "0x7f000001",
        "2130706433",
        "localhost",
        "evil.example",
        ".zendesk.com",
        ".my.salesforce.com",
        ".service-now.com",
        "app.intercom.com",
        "eu.intercom",
        "common",
        "contoso.onmicrosoft.com",
        "xn--e1awd7f",
        "ａ",
        "。",
        "，",
        "\u{202e}",
        " ",
        "*",
        "{hostname}",
        "{",
        "}",
        "user:password@",
        "..;/",
        "169.254.169.254",
        "metadata.google.internal",
    ])
    .prop_map(str::to_owned);
    prop_oneof![4 => known, 2 => "[a-z0-9-]{1,12}", 1 => "\\PC{0,8}"]
}

fn typed_for(inputs: &[Input]) -> impl Strategy<Value = Fields> + use<> {
    let fields: Vec<_> = inputs
        .iter()
        .map(|input| {
            let choices: Vec<String> = input.choices.iter().map(|choice| choice.value.clone()).chain([input.example.clone()]).collect();
            let likely = prop::sample::select(choices);
            let attack = || prop::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat());
            let weight = if input.kind == InputKind::Choice { 3 } else { 1 };
            prop_oneof![weight => likely.clone(), 4 => attack(), 2 => (likely, attack()).prop_map(|(good, bad)| good + &bad)]
        })
        .collect();
    let keys: Vec<String> = inputs.iter().map(|input| input.key.clone()).collect();
    fields.prop_map(move |values| keys.iter().cloned().zip(values).collect())
}

#[test]
fn s19_the_example_of_every_provider_leads_to_its_own_hosts() {
    for provider in providers() {
        let typed: Fields = provider
            .inputs
            .iter()
            .filter(|it| it.kind != InputKind::Choice)
            .map(|it| (it.key.clone(), it.example.clone()))
            .collect();
        let urls =
            hold(&provider, &typed).unwrap_or_else(|| panic!("{}: its own example is refused", provider.id));
        assert!(urls.len() >= 2, "{}", provider.id);
    }
}

#[test]
fn s19_known_attacks_on_host_names_are_refused_or_stay_inside() {
    let attacks = [
        "acme@evil.example",
        "acme.zendesk.com@evil.example",
        "evil.example/",
        "evil.example#",
        "evil.example?",
        "evil.example:443",
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "localhost",
        "acme.zendesk.com.evil.example",
        "acme.my.salesforce.com.evil.example",
        "https://acme.zendesk.com:8443/",
        "https://user:pass@acme.zendesk.com/",
        "//evil.example",
        "acme%2eevil%2eexample",
        "acme\\@evil.example",
        "evil.example\u{3002}zendesk.com",
        "../../evil",
        "acme.service-now.com:22",
        "10.0.0.1",
        "169.254.169.254",
    ];
    let mut refused = 0;
    for provider in providers().into_iter().filter(|it| it.inputs.iter().any(|input| input.host)) {
        for attack in attacks {
            let mut typed: Fields =
                provider.inputs.iter().map(|it| (it.key.clone(), it.default.clone())).collect();
            for input in provider.inputs.iter().filter(|input| input.host) {
                typed.insert(input.key.clone(), attack.to_owned());
            }
            refused += usize::from(hold(&provider, &typed).is_none());
        }
    }
    assert!(refused > attacks.len(), "only {refused} were refused");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s19_whatever_is_typed_the_addresses_stay_on_the_provider_s_hosts(
        (at, typed) in (0..17_usize).prop_flat_map(|at| (Just(at), typed_for(&providers()[at].inputs)))
    ) {
        let all = providers();
        hold(&all[at], &typed);
    }
}
