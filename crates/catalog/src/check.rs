//! What the types cannot say: an entry's parts must fit together.

use std::collections::BTreeSet;

use crate::input::whole;
use crate::provider::{Pkce, Protocol, Provider, RefreshKind, Step, Way};
use crate::template;

/// Everything wrong with a provider's entry, in words.
pub(crate) fn problems(provider: &Provider) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |ok: bool, words: String| {
        if !ok {
            found.push(words);
        }
    };

    say(
        !provider.id.is_empty()
            && provider.id.len() <= 64
            && provider.id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'),
        format!("id `{}` must be upper case letters, digits and underscores", provider.id),
    );
    let color = provider.color.strip_prefix('#').unwrap_or("");
    say(color.len() == 6 && color.bytes().all(|b| b.is_ascii_hexdigit()), "color must be #rrggbb".into());
    say(
        provider.oauth.pkce == Pkce::S256
            || provider.oauth.pkce_exempt.is_some()
            || provider.oauth.protocol == Protocol::OAuth1,
        "pkce = \"none\" needs pkce_exempt with the reason".into(),
    );
    say(
        (provider.oauth.protocol == Protocol::OAuth1) == provider.oauth.request_url.is_some(),
        "request_url belongs to OAuth 1.0a and only there".into(),
    );
    say(!provider.redirect.ways.is_empty(), "redirect.ways must name a way".into());
    say(
        !provider.redirect.ways.contains(&Way::Paste),
        "redirect.ways: paste is always there and not listed".into(),
    );
    say(!provider.oauth.api_hosts.is_empty(), "oauth.api_hosts must name a host".into());
    say(!provider.oauth.browser_hosts.is_empty(), "oauth.browser_hosts must name a host".into());

    let inputs: BTreeSet<&str> = provider.inputs.iter().map(|input| input.key.as_str()).collect();
    for input in &provider.inputs {
        let patterns = (input.pattern.iter())
            .chain(input.normalise.iter().map(|rule| &rule.from))
            .chain(input.refuse.iter().map(|rule| &rule.matches));
        for pattern in patterns {
            say(
                whole(pattern).is_ok(),
                format!("input {}: `{pattern}` is not a regular expression", input.key),
            );
        }
        for key in input.normalise.iter().flat_map(|rule| rule.also.keys()) {
            say(
                inputs.contains(key.as_str()),
                format!("input {}: also names the unknown input {key}", input.key),
            );
        }
        for name in template::names(&input.preview) {
            say(
                inputs.contains(name),
                format!("input {}: preview uses the unknown field {{{name}}}", input.key),
            );
        }
    }

    let urls = [
        Some(&provider.oauth.authorize_url),
        Some(&provider.oauth.token_url),
        provider.oauth.request_url.as_ref(),
    ];
    for url in urls.into_iter().flatten() {
        say(url.starts_with("https://"), format!("{url} must begin with https://"));
        for name in template::names(url) {
            say(inputs.contains(name), format!("{url} uses the unknown field {{{name}}}"));
        }
    }

    let mut known = inputs;
    known.extend(provider.oauth.reply.facts.keys().map(String::as_str));
    known.extend(provider.oauth.reply.claims.keys().map(String::as_str));
    let steps = |steps: &[Step], extra: &[&str], place: &str, known: &mut BTreeSet<&str>| {
        let mut found = Vec::new();
        for step in steps {
            if !step.url.starts_with("https://") {
                found.push(format!("{place}: {} must begin with https://", step.url));
            }
            let templates = std::iter::once(&step.url)
                .chain(step.headers.values())
                .chain(step.form.values())
                .chain(step.json.values())
                .chain(step.pick.iter().map(|pick| &pick.holds));
            for name in templates.flat_map(|it| template::names(it)) {
                if !is_known(known, name) && !extra.contains(&name) {
                    found.push(format!("{place}: {} uses the unknown field {{{name}}}", step.url));
                }
            }
            for (name, pointer) in &step.facts {
                if !pointer.is_empty() && !pointer.starts_with('/') {
                    found.push(format!("{place}: {name} must be a JSON pointer, not `{pointer}`"));
                }
            }
        }
        found
    };
    let mut more = Vec::new();
    for step in &provider.identify {
        more.extend(steps(std::slice::from_ref(step), &[], "identify", &mut known));
        known.extend(step.facts.keys().map(String::as_str));
    }
    for name in provider.identify.iter().flat_map(|step| &step.scopes) {
        if provider.scope(name).is_none() {
            more.push(format!("identify: {name} is no scope of this entry"));
        }
    }
    let account = &provider.account;
    let shown = [&account.name, &account.email, &account.workspace].into_iter().map(String::as_str);
    for name in provider.account_ids().chain(shown).flat_map(template::names) {
        if !is_known(&known, name) {
            more.push(format!("account uses the unknown field {{{name}}}"));
        }
    }
    let secrets = ["token", "access_token", "refresh_token", "client_id", "client_secret"];
    for step in &provider.revoke.steps {
        more.extend(steps(std::slice::from_ref(step), &secrets, "revoke", &mut known));
        known.extend(step.facts.keys().map(String::as_str));
    }
    for name in provider
        .oauth
        .api_hosts
        .iter()
        .chain(&provider.oauth.browser_hosts)
        .flat_map(|it| template::names(it))
    {
        if !is_known(&known, name) {
            more.push(format!("a host uses the unknown field {{{name}}}"));
        }
    }
    found.extend(more);
    if provider.lifetime.refresh == RefreshKind::None && provider.lifetime.idle_days.is_some() {
        found.push("lifetime: idle_days means a refresh token, and refresh is \"none\"".into());
    }
    found
}

/// Whether a template may use a field. A fact that is an https address also offers its host, as `<fact>_host`.
fn is_known(known: &BTreeSet<&str>, name: &str) -> bool {
    known.contains(name) || name.strip_suffix("_host").is_some_and(|fact| known.contains(fact))
}
