//! What people paste for Confluence, Gong, Intercom, Salesforce, ServiceNow and Zendesk, and what becomes of it.

use tieline_catalog::{BUILT_IN, Catalogue, Normalised, Provider, normalise, template::Fields};

fn provider(slug: &str) -> Provider {
    let file = format!("{slug}.toml");
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == file).expect("built in");
    Catalogue::parse(text).unwrap_or_else(|says| panic!("{file}: {says}"))
}

fn pasted(provider: &Provider, key: &str, value: &str) -> Normalised {
    normalise(provider, &Fields::from([(key.to_owned(), value.to_owned())]))
}

/// Each pair: what was pasted, and the value it must become.
fn becomes(slug: &str, key: &str, pairs: &[(&str, &str)]) {
    let provider = provider(slug);
    for (typed, expected) in pairs {
        let result = pasted(&provider, key, typed);
        assert_eq!(result.problems, [], "{slug}: {typed}");
        assert_eq!(result.values.get(key).map(String::as_str), Some(*expected), "{slug}: {typed}");
    }
}

/// Each pair: what was pasted, and words that the problem must hold.
fn refused(slug: &str, key: &str, pairs: &[(&str, &str)]) {
    let provider = provider(slug);
    for (typed, words) in pairs {
        let result = pasted(&provider, key, typed);
        let [problem] = result.problems.as_slice() else {
            panic!("{slug}: {typed} gave {:?}", result.problems)
        };
        assert_eq!(problem.key, key);
        assert!(problem.says.contains(words), "{slug}: {typed} gave `{}`", problem.says);
    }
}

/// Attempts to leave the host's place in a URL.
const HOSTILE: &[&str] = &[
    "acme@evil.example",
    "https://user:pw@evil.example/",
    "acme.service-now.com@evil.example",
    "127.0.0.1",
    "https://127.0.0.1:8080/x",
    "http://[::1]/",
    "evil.example\\.zendesk.com",
    "evil.example%2f.my.salesforce.com",
    "acme\u{0}.zendesk.com",
    "acme\n.zendesk.com",
    "äcme",
    "..",
    "-",
];

#[test]
fn hostile_addresses_are_refused() {
    let cases = [
        ("zendesk", "subdomain"),
        ("salesforce", "hostname"),
        ("confluence", "site"),
        ("servicenow", "hostname"),
    ];
    for (slug, key) in cases {
        let provider = provider(slug);
        for typed in HOSTILE {
            let result = pasted(&provider, key, typed);
            assert_eq!(result.problems.len(), 1, "{slug}: {typed:?} became {:?}", result.values.get(key));
        }
    }
}

#[test]
fn zendesk_takes_any_address_of_the_subdomain() {
    becomes(
        "zendesk",
        "subdomain",
        &[
            ("acme", "acme"),
            (" Acme ", "acme"),
            ("acme.zendesk.com", "acme"),
            ("https://acme.zendesk.com/agent/tickets/12", "acme"),
            ("https://acme-support.zendesk.com/hc/en-us?x=1#top", "acme-support"),
            ("HTTP://ACME.ZENDESK.COM", "acme"),
        ],
    );
    refused(
        "zendesk",
        "subdomain",
        &[
            ("", "acme"),
            ("support.acme.com", "Admin Center"),
            ("https://support.acme.com/hc", "Admin Center"),
            ("https://www.zendesk.com/login", "Zendesk's own site"),
            ("acme.zendesk.com.evil.example", "not a Zendesk address"),
        ],
    );
}

#[test]
fn salesforce_addresses_become_my_domain_hosts() {
    becomes(
        "salesforce",
        "hostname",
        &[
            ("acme.my.salesforce.com", "acme.my.salesforce.com"),
            ("acme", "acme.my.salesforce.com"),
            ("https://acme.lightning.force.com/lightning/page/home", "acme.my.salesforce.com"),
            ("https://acme.my.salesforce.com/?ec=302&startURL=%2Fhome", "acme.my.salesforce.com"),
            ("Acme.Lightning.Salesforce.com", "acme.my.salesforce.com"),
            (
                "https://acme.my.salesforce-setup.com/lightning/setup/SetupOneHome/home",
                "acme.my.salesforce.com",
            ),
            (
                "https://acme--test.sandbox.lightning.force.com/one/one.app",
                "acme--test.sandbox.my.salesforce.com",
            ),
            ("acme--test.sandbox.my.salesforce.com", "acme--test.sandbox.my.salesforce.com"),
            ("acme--test", "acme--test.sandbox.my.salesforce.com"),
            ("https://acme-dev-ed.develop.lightning.force.com/", "acme-dev-ed.develop.my.salesforce.com"),
        ],
    );
    refused(
        "salesforce",
        "hostname",
        &[
            ("", "acme.my.salesforce.com"),
            ("https://login.salesforce.com/", "page for all customers"),
            ("login", "page for all customers"),
            ("https://test.salesforce.com", "all sandboxes"),
            ("https://na139.salesforce.com/home", "name of a server"),
            ("https://crm.acme.com", "not a Salesforce address"),
            ("acme.my.salesforce.com.evil.example", "not a Salesforce address"),
        ],
    );
}

#[test]
fn servicenow_addresses_become_the_instances_host() {
    becomes(
        "servicenow",
        "hostname",
        &[
            ("acme", "acme.service-now.com"),
            ("ACME.service-now.com", "acme.service-now.com"),
            (
                "https://dev12345.service-now.com/now/nav/ui/classic/params/target/home",
                "dev12345.service-now.com",
            ),
            ("https://acme.service-now.com/sp?id=index", "acme.service-now.com"),
            ("https://acme.service-now.com:443/", "acme.service-now.com"),
            ("https://help.acme.com/sp", "help.acme.com"),
        ],
    );
    refused(
        "servicenow",
        "hostname",
        &[
            ("", "acme.service-now.com"),
            ("https://developer.servicenow.com/dev.do", "own site"),
            ("acme.servicenow.com", "hyphen"),
            ("https://signon.service-now.com/x_snc_sso_auth.do", "own site"),
            ("acme service now", "not a ServiceNow address"),
            ("https://", "not a ServiceNow address"),
        ],
    );
}

#[test]
fn intercom_regions_come_from_the_browsers_address() {
    becomes(
        "intercom",
        "region",
        &[
            ("", "intercom"),
            ("us", "intercom"),
            ("EU", "eu.intercom"),
            ("au", "au.intercom"),
            ("eu.intercom", "eu.intercom"),
            ("https://app.intercom.com/a/apps/abc12345/articles", "intercom"),
            ("https://app.eu.intercom.com/a/apps/abc12345/inbox", "eu.intercom"),
            ("app.au.intercom.com", "au.intercom"),
            ("https://api.eu.intercom.io/me", "eu.intercom"),
        ],
    );
    refused(
        "intercom",
        "region",
        &[
            ("jp", "no such region"),
            ("https://app.evil.intercom.com/", "no such region"),
            ("evil.example", "no such region"),
        ],
    );
}

#[test]
fn every_intercom_region_makes_the_documented_hosts() {
    let provider = provider("intercom");
    let hosts = [
        ("us", "https://app.intercom.com/oauth", "https://api.intercom.io/auth/eagle/token"),
        ("eu", "https://app.eu.intercom.com/oauth", "https://api.eu.intercom.io/auth/eagle/token"),
        ("au", "https://app.au.intercom.com/oauth", "https://api.au.intercom.io/auth/eagle/token"),
    ];
    for (region, authorize, token) in hosts {
        let values = pasted(&provider, "region", region).values;
        let fill = |url: &str| tieline_catalog::template::fill_url(url, &values).unwrap();
        assert_eq!(fill(&provider.oauth.authorize_url), authorize);
        assert_eq!(fill(&provider.oauth.token_url), token);
    }
}

#[test]
fn a_confluence_site_may_be_left_out_or_pasted() {
    becomes(
        "confluence",
        "site",
        &[
            ("", ""),
            ("acme", "acme.atlassian.net"),
            ("Acme.atlassian.net", "acme.atlassian.net"),
            ("https://acme.atlassian.net/wiki/spaces/ENG/pages/123/Home", "acme.atlassian.net"),
            ("https://acme.atlassian.net/wiki/home?x=1", "acme.atlassian.net"),
        ],
    );
    refused(
        "confluence",
        "site",
        &[
            ("https://wiki.acme.com/display/ENG", "Data Center"),
            ("https://home.atlassian.com/", "page of Atlassian itself"),
            ("acme.atlassian.net.evil.example", "not a Confluence Cloud site"),
        ],
    );
}

#[test]
fn gong_asks_for_an_e_mail_address() {
    becomes(
        "gong",
        "email",
        &[
            ("maya@acme.com", "maya@acme.com"),
            (" Maya.Lind@Acme.co.uk ", "maya.lind@acme.co.uk"),
            ("Maya Lind <maya@acme.com>", "maya@acme.com"),
            ("mailto:maya@acme.com?subject=x", "maya@acme.com"),
            ("ann@gong.io", "ann@gong.io"),
        ],
    );
    refused(
        "gong",
        "email",
        &[
            ("", "maya@acme.com"),
            ("maya", "not an e-mail address"),
            ("maya@", "not an e-mail address"),
            ("a@b@acme.com", "not an e-mail address"),
            ("https://us-12345.app.gong.io/home", "tells that one by itself"),
        ],
    );
}

#[test]
fn a_facts_host_is_known_to_templates_and_a_strangers_is_not() {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "salesforce.toml").unwrap();
    assert!(text.contains("{instance_url_host}") && Catalogue::parse(text).is_ok());
    let says = Catalogue::parse(&text.replace("{instance_url_host}", "{nothing_host}")).unwrap_err();
    assert!(says.contains("nothing_host"), "{says}");
}
