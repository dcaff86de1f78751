//! What people type or paste for Box, Dropbox, Notion, Slack and Zotero, and what becomes of it.

use tieline_catalog::template::Fields;
use tieline_catalog::{BUILT_IN, Catalogue, Normalised, Provider, normalise};

fn provider(file: &str) -> Provider {
    let text = BUILT_IN.iter().find(|(name, _)| *name == format!("{file}.toml")).expect(file).1;
    Catalogue::parse(text).expect(file)
}

fn typed(provider: &Provider, key: &str, value: &str) -> Normalised {
    normalise(provider, &Fields::from([(key.to_owned(), value.to_owned())]))
}

#[test]
fn the_five_entries_read() {
    for file in ["box", "dropbox", "notion", "slack", "zotero"] {
        assert_eq!(provider(file).slug(), file);
    }
}

#[test]
fn pasted_values_become_what_the_provider_means() {
    let table = [
        ("box", "folder", "123456789", "123456789"),
        ("box", "folder", "  0 ", "0"),
        ("box", "folder", "https://app.box.com/folder/123456789", "123456789"),
        ("box", "folder", "https://app.box.com/folder/123456789?sortColumn=name", "123456789"),
        ("box", "folder", "https://acme.app.box.com/folder/42/", "42"),
        ("box", "folder", "acme.ent.box.com/folder/42#x", "42"),
        ("box", "folder", "https://acme.app.box.com/files/0/f/77", "77"),
        ("box", "folder", "https://app.box.com/folder/0", "0"),
        ("box", "folder", "https://app.box.com/", "0"),
        ("box", "folder", "", ""),
        ("box", "edition", "", "account"),
        ("box", "edition", "ENT", "ent"),
        ("slack", "team", "T024BE7LD", "T024BE7LD"),
        ("slack", "team", "https://app.slack.com/client/T024BE7LD", "T024BE7LD"),
        ("slack", "team", "app.slack.com/client/T024BE7LD/C061EG9T2?x=1", "T024BE7LD"),
        ("slack", "team", "", ""),
    ];
    for (file, key, value, meant) in table {
        let provider = provider(file);
        let result = typed(&provider, key, value);
        assert_eq!(result.problems, [], "{file}: {value}");
        assert_eq!(result.values[key], meant, "{file}: {value}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_the_mend() {
    let table = [
        ("box", "folder", "Marketing", "address of the open folder"),
        ("box", "folder", "https://evil.example/folder/1", "address of the open folder"),
        ("box", "folder", "https://evilbox.com/folder/1", "address of the open folder"),
        ("box", "folder", "https://app.box.com/file/123", "one file"),
        ("box", "folder", "https://app.box.com/notes/123", "one file"),
        ("box", "folder", "https://acme.box.com/s/a1b2c3", "sharing link"),
        ("box", "folder", "-1", "address of the open folder"),
        ("box", "folder", "1\u{7}2", "address of the open folder"),
        ("box", "edition", "app", "account, ent"),
        ("slack", "team", "acme", "not a workspace ID"),
        ("slack", "team", "https://acme.slack.com/archives/C061EG9T2", "names the workspace"),
        ("slack", "team", "acme.enterprise.slack.com", "names the workspace"),
        ("slack", "team", "E024BE7LD", "Enterprise organisation"),
        ("slack", "team", "https://app.slack.com/client/E024BE7LD/C061EG9T2", "Enterprise organisation"),
        ("slack", "team", "C061EG9T2", "not a workspace ID"),
    ];
    for (file, key, value, mend) in table {
        let result = typed(&provider(file), key, value);
        let says =
            result.problems.iter().find(|problem| problem.key == key).map(|problem| problem.says.as_str());
        assert!(says.is_some_and(|says| says.contains(mend)), "{file}: {value}: {says:?}");
    }
}

#[test]
fn the_others_ask_for_nothing() {
    for file in ["dropbox", "notion", "zotero"] {
        let provider = provider(file);
        assert_eq!(normalise(&provider, &Fields::new()), Normalised::default(), "{file}");
        let result = typed(&provider, "subdomain", "acme");
        assert!(result.problems[0].says.contains("asks for nothing"), "{file}");
    }
}

#[test]
fn a_box_without_answers_signs_in_at_the_usual_address() {
    let provider = provider("box");
    let result = normalise(&provider, &Fields::new());
    let url = tieline_catalog::template::fill_url(&provider.oauth.authorize_url, &result.values);
    assert_eq!(url.as_deref(), Ok("https://account.box.com/api/oauth2/authorize"));
}

#[test]
fn every_registration_shows_the_redirect_address() {
    for file in ["box", "dropbox", "notion", "slack", "zotero"] {
        assert_eq!(
            provider(file).register.steps.iter().filter(|step| step.contains("{redirect}")).count(),
            1,
            "{file}"
        );
    }
}
