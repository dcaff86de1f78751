//! What people paste for Microsoft's and Google's providers, and what becomes of it.

use std::sync::LazyLock;

use tieline_catalog::template::Fields;
use tieline_catalog::{Catalogue, Normalised, Provider, RefreshKind, Secret, Way, normalise, template};

const GUID: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// Read once: checking an entry compiles all its patterns.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::built_in().0);

fn provider(slug: &str) -> &'static Provider {
    CATALOGUE.get(slug).unwrap_or_else(|| panic!("{slug}.toml does not read"))
}

fn typed(slug: &str, pairs: &[(&str, &str)]) -> Normalised {
    let fields: Fields = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    normalise(provider(slug), &fields)
}

/// Each line: what was pasted into `key`, and the values that must come of it. Every result must also survive
/// being entered again, since that is what a reconnect does.
fn becomes(slug: &str, key: &str, lines: &[(&str, &[(&str, &str)])]) {
    for (pasted, expected) in lines {
        let result = typed(slug, &[(key, pasted)]);
        for (name, value) in *expected {
            assert_eq!(
                result.values.get(*name).map(String::as_str),
                Some(*value),
                "{slug}.{key} ← {pasted}: {name}"
            );
        }
        let problems: Vec<_> = result
            .problems
            .iter()
            .filter(|problem| expected.iter().any(|(name, _)| *name == problem.key))
            .collect();
        assert!(problems.is_empty(), "{slug}.{key} ← {pasted}: {problems:?}");
        assert_eq!(
            normalise(provider(slug), &result.values).values,
            result.values,
            "{slug}.{key} ← {pasted}, again"
        );
    }
}

/// Each line: what was pasted into `key`, and a part of what must be said there.
fn refuses(slug: &str, key: &str, lines: &[(&str, &str)]) {
    for (pasted, part) in lines {
        let result = typed(slug, &[(key, pasted)]);
        let says = result
            .problems
            .iter()
            .find(|problem| problem.key == key)
            .map_or("", |problem| problem.says.as_str());
        assert!(
            says.contains(part),
            "{slug}.{key} ← {pasted}: {says:?} should hold {part:?} ({:?})",
            result.values
        );
    }
}

#[test]
fn sharepoint_reads_tenant_and_site_out_of_whatever_was_copied() {
    let mkt: &[(&str, &str)] = &[("tenant", "contoso.onmicrosoft.com"), ("site", "sites/Mkt")];
    let team: &[(&str, &str)] = &[("tenant", "contoso.onmicrosoft.com"), ("site", "teams/Field-Ops")];
    let root: &[(&str, &str)] = &[("tenant", "contoso.onmicrosoft.com"), ("site", "")];
    let addresses: &[(&str, &[(&str, &str)])] = &[
        (
            "https://contoso.sharepoint.com/sites/Mkt/Shared%20Documents/Forms/AllItems.aspx?id=%2Fsites%2FMkt",
            mkt,
        ),
        ("https://contoso.sharepoint.com/sites/Mkt", mkt),
        ("  contoso.sharepoint.com/sites/Mkt/SitePages/Home.aspx#top ", mkt),
        ("https://contoso.sharepoint.com/:f:/r/sites/Mkt/Shared%20Documents/Plans?csf=1&web=1", mkt),
        ("https://contoso.sharepoint.com/:w:/s/Mkt/EbcDEf?e=4pQx", mkt),
        ("https://contoso.sharepoint.com/:w:/r/sites/Mkt/_layouts/15/Doc.aspx?sourcedoc=%7B1%7D", mkt),
        ("https://contoso.sharepoint.com/teams/Field-Ops/Lists/Tasks", team),
        ("https://contoso.sharepoint.com/:x:/r/teams/Field-Ops/a.xlsx", team),
        ("https://contoso.sharepoint.com/:x:/t/Field-Ops/EbcDEf", team),
        ("https://contoso.sharepoint.com/", root),
        ("https://contoso.sharepoint.com/SitePages/Home.aspx", root),
        ("https://contoso.sharepoint.com/Shared%20Documents/Forms/AllItems.aspx", root),
    ];
    becomes("sharepoint", "site", addresses);
    becomes("sharepoint", "tenant", addresses);
    becomes(
        "sharepoint",
        "site",
        &[
            ("Mkt", &[("site", "sites/Mkt")]),
            ("/sites/Mkt/", &[("site", "sites/Mkt")]),
            ("Sites/Mkt/Shared Documents", &[("site", "sites/Mkt")]),
            ("teams/Mkt", &[("site", "teams/Mkt")]),
            ("", &[("site", "")]),
        ],
    );
}

#[test]
fn what_was_typed_wins_over_what_an_address_tells() {
    let result =
        typed("sharepoint", &[("tenant", GUID), ("site", "https://contoso.sharepoint.com/sites/Mkt/")]);
    assert_eq!(result.problems, []);
    assert_eq!(result.values["tenant"], GUID);
    assert_eq!(result.values["site"], "sites/Mkt");
}

#[test]
fn sharepoint_says_what_is_no_site() {
    refuses(
        "sharepoint",
        "site",
        &[
            ("Marketing team", "title of a site"),
            ("https://contoso-my.sharepoint.com/personal/jane_contoso_com/Documents", "OneDrive"),
            ("https://contoso.sharepoint.com/:f:/g/personal/jane_contoso_com/EbcDEf", "OneDrive"),
            ("https://contoso-admin.sharepoint.com/_layouts/15/online/AdminHome.aspx", "admin center"),
            ("https://contoso.sharepoint.us/sites/Mkt", "government"),
            ("https://contoso.sharepoint.com/sites/Mkt%20Team/Docs", "title of a site"),
        ],
    );
    refuses(
        "sharepoint",
        "tenant",
        &[
            ("", "is needed"),
            ("Contoso Ltd", "Directory (tenant) ID"),
            ("https://contoso-my.sharepoint.com/personal/jane", "OneDrive"),
            ("https://contoso-admin.sharepoint.com", "admin center"),
            ("consumers", "no SharePoint"),
            ("jane@outlook.com", "no SharePoint"),
            ("https://www.office.com/", "Microsoft's own site"),
            ("contoso.onmicrosoft.us", "government"),
        ],
    );
}

#[test]
fn a_tenant_is_a_guid_a_domain_or_one_of_microsofts_words() {
    let contoso: &[(&str, &str)] = &[("tenant", "contoso.onmicrosoft.com")];
    for slug in ["sharepoint", "onedrive", "outlook"] {
        becomes(
            slug,
            "tenant",
            &[
                (GUID, &[("tenant", GUID)]),
                ("{72F988BF-86F1-41AF-91AB-2D7CD011DB47}", &[("tenant", GUID)]),
                (
                    "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
                    &[("tenant", GUID)],
                ),
                ("Contoso.OnMicrosoft.com", contoso),
                ("contoso", contoso),
                ("contoso.sharepoint.com", contoso),
                ("https://portal.azure.com/#@contoso.onmicrosoft.com/resource", contoso),
                ("jane.doe@fabrikam.co.uk", &[("tenant", "fabrikam.co.uk")]),
                ("https://www.fabrikam.co.uk/about", &[("tenant", "fabrikam.co.uk")]),
                ("Common", &[("tenant", "common")]),
                ("organizations", &[("tenant", "organizations")]),
            ],
        );
        refuses(
            slug,
            "tenant",
            &[
                ("https://outlook.office.com/mail/", "Microsoft's own site"),
                ("a b", "domain"),
                ("x@y@z/..", "domain"),
            ],
        );
    }
    for slug in ["onedrive", "outlook"] {
        becomes(
            slug,
            "tenant",
            &[
                ("", &[("tenant", "common")]),
                ("consumers", &[("tenant", "consumers")]),
                ("jane@hotmail.com", &[("tenant", "consumers")]),
                (
                    "https://contoso-my.sharepoint.com/personal/jane_contoso_com/_layouts/15/onedrive.aspx",
                    contoso,
                ),
            ],
        );
    }
}

#[test]
fn outlook_takes_a_shared_mailbox() {
    let support: &[(&str, &str)] = &[("mailbox", "support@contoso.com")];
    becomes(
        "outlook",
        "mailbox",
        &[
            ("Support@Contoso.com", support),
            ("mailto:support@contoso.com?subject=Hi", support),
            ("Support desk <support@contoso.com>", support),
            ("", &[("mailbox", "")]),
        ],
    );
    refuses("outlook", "mailbox", &[("support", "mail address"), ("support@contoso", "mail address")]);
}

#[test]
fn drive_finds_the_id_in_every_kind_of_link() {
    let id: &[(&str, &str)] = &[("folder", "1AbC_dEf-GhIjKlMnOp")];
    let root: &[(&str, &str)] = &[("folder", "root")];
    becomes(
        "google_drive",
        "folder",
        &[
            ("https://drive.google.com/drive/folders/1AbC_dEf-GhIjKlMnOp?usp=sharing", id),
            ("https://drive.google.com/drive/u/0/folders/1AbC_dEf-GhIjKlMnOp?resourcekey=0-abc", id),
            ("https://drive.google.com/drive/mobile/folders/1AbC_dEf-GhIjKlMnOp", id),
            ("https://drive.google.com/file/d/1AbC_dEf-GhIjKlMnOp/view?usp=drive_link", id),
            ("https://docs.google.com/document/d/1AbC_dEf-GhIjKlMnOp/edit#heading=h.1", id),
            ("https://docs.google.com/spreadsheets/u/1/d/1AbC_dEf-GhIjKlMnOp/edit", id),
            ("https://drive.google.com/open?usp=x&id=1AbC_dEf-GhIjKlMnOp", id),
            ("1AbC_dEf-GhIjKlMnOp", id),
            ("https://drive.google.com/drive/u/0/my-drive", root),
            ("My Drive", root),
            ("root", root),
            ("", &[("folder", "")]),
        ],
    );
    refuses(
        "google_drive",
        "folder",
        &[
            ("https://drive.google.com/drive/u/0/shared-with-me", "view of many things"),
            ("https://docs.google.com/document/d/e/2PACX-1vQ/pub", "published"),
            ("Reports", "address of a folder"),
            ("Reports 2026", "address of a folder"),
        ],
    );
}

#[test]
fn cloud_storage_takes_bucket_project_and_folder_apart() {
    let bucket: &[(&str, &str)] = &[("bucket", "acme-reports"), ("project", ""), ("prefix", "")];
    let folder: &[(&str, &str)] = &[("bucket", "acme-reports"), ("project", ""), ("prefix", "2026/may/")];
    let whole: &[(&str, &str)] = &[("bucket", "acme-reports"), ("project", "acme-data-1"), ("prefix", "")];
    let all: &[(&str, &str)] =
        &[("bucket", "acme-reports"), ("project", "acme-data-1"), ("prefix", "2026/may")];
    becomes(
        "google_cloud_storage",
        "bucket",
        &[
            ("acme-reports", bucket),
            ("Acme-Reports", bucket),
            ("gs://acme-reports", bucket),
            ("gs://acme-reports/", bucket),
            ("gs://acme-reports/2026/may/", folder),
            ("acme-reports/2026/may/", folder),
            ("https://console.cloud.google.com/storage/browser/acme-reports", bucket),
            (
                "https://console.cloud.google.com/storage/browser/acme-reports;tab=objects?project=acme-data-1",
                whole,
            ),
            (
                "https://console.cloud.google.com/storage/browser/acme-reports/2026/may;tab=objects?authuser=1&project=acme-data-1&prefix=",
                all,
            ),
            ("https://storage.googleapis.com/acme-reports/2026/may/", folder),
            ("https://acme-reports.storage.googleapis.com/2026/may/", folder),
            ("https://storage.cloud.google.com/acme-reports/2026/may/?authuser=0", folder),
            ("https://storage.googleapis.com/storage/v1/b/acme-reports/o/x", bucket),
        ],
    );
    becomes(
        "google_cloud_storage",
        "project",
        &[
            ("acme-data-1", &[("project", "acme-data-1")]),
            ("projects/acme-data-1", &[("project", "acme-data-1")]),
            ("123456789012", &[("project", "123456789012")]),
            (
                "https://console.cloud.google.com/home/dashboard?authuser=0&project=acme-data-1",
                &[("project", "acme-data-1")],
            ),
            (
                "https://console.cloud.google.com/storage/browser/acme-reports;tab=objects?project=acme-data-1",
                whole,
            ),
        ],
    );
    becomes(
        "google_cloud_storage",
        "bucket",
        &[(
            "https://console.cloud.google.com/storage/browser?project=acme-data-1",
            &[("project", "acme-data-1")],
        )],
    );
    refuses(
        "google_cloud_storage",
        "bucket",
        &[
            ("", "is needed"),
            ("ab", "name of a bucket"),
            ("My bucket", "name of a bucket"),
            ("https://example.com/x", "name of a bucket"),
        ],
    );
    refuses(
        "google_cloud_storage",
        "project",
        &[("Acme Data", "project's name"), ("acme", "project's name")],
    );
    refuses("google_cloud_storage", "prefix", &[("a%20b/", "web address")]);
}

#[test]
fn gmail_asks_for_nothing_and_says_so() {
    assert_eq!(typed("gmail", &[]).problems, []);
    let problems = typed("gmail", &[("tenant", "x")]).problems;
    assert!(problems[0].says.contains("asks for nothing"), "{problems:?}");
}

#[test]
fn requests_keep_their_shape_whatever_the_inputs_hold() {
    let fields = typed("outlook", &[("mailbox", "sup+port@contoso.com")]).values;
    let step = provider("outlook").identify.iter().find(|step| step.needs == ["mailbox"]).unwrap();
    assert_eq!(
        template::fill_url(&step.url, &fields).unwrap(),
        "https://graph.microsoft.com/v1.0/users/sup%2Bport%40contoso.com/mailFolders/inbox?$select=id,displayName,totalItemCount"
    );
    let fields = typed("sharepoint", &[("site", "https://contoso.sharepoint.com/sites/Mkt/Docs")]).values;
    let step = provider("sharepoint").identify.iter().find(|step| step.needs == ["site"]).unwrap();
    assert!(
        template::fill_url(&step.url, &fields)
            .unwrap()
            .starts_with("https://graph.microsoft.com/v1.0/sites/root:/sites/Mkt?$select=")
    );
}

#[test]
fn microsoft_and_google_differ_where_the_sheets_say_so() {
    for slug in ["sharepoint", "onedrive", "outlook"] {
        let it = provider(slug);
        assert_eq!(it.redirect.ways, [Way::DeepLink, Way::Loopback, Way::Relay], "{slug}");
        assert_eq!(it.redirect.loopback_host.as_str(), "localhost", "{slug}");
        assert_eq!((it.lifetime.refresh, it.lifetime.idle_days), (RefreshKind::Rotates, Some(90)), "{slug}");
        assert_eq!(it.oauth.secret, Secret::Optional, "{slug}");
        assert!(it.revoke.steps.is_empty() && it.revoke.honest.is_some(), "{slug}");
        assert!(it.scope("offline_access").unwrap().unreported, "{slug}");
        assert_eq!(it.scope("https://graph.microsoft.com/User.Read").unwrap().name, "User.Read", "{slug}");
    }
    for slug in ["gmail", "google_drive", "google_cloud_storage"] {
        let it = provider(slug);
        assert_eq!(it.redirect.ways, [Way::Loopback, Way::Relay], "{slug}");
        assert!(
            it.redirect.refused.contains_key(&Way::DeepLink) && it.redirect.loopback_unregistered,
            "{slug}"
        );
        assert_eq!(
            (it.lifetime.refresh, it.lifetime.grants_per_user),
            (RefreshKind::Fixed, Some(100)),
            "{slug}"
        );
        assert_eq!(it.oauth.issuer.as_deref(), Some("https://accounts.google.com"), "{slug}");
        assert!(it.revoke.reaches_further.is_some(), "{slug}");
        assert_eq!(
            it.scope("https://www.googleapis.com/auth/userinfo.email").unwrap().name,
            "email",
            "{slug}"
        );
    }
}
