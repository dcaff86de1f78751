//! OneDrive, Outlook and SharePoint.

use serde_json::json;
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;

use crate::support::*;

/// Status, `error` and the first of `error_codes`.
fn entra(reply: &Reply) -> (u16, String, u64) {
    let value = reply.value();
    (reply.status, text(&value, "/error"), value["error_codes"][0].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn each_microsoft_provider_connects_identifies_and_refreshes() {
    let practice = memory().await;
    let own = [
        (ONEDRIVE, "/v1.0/me/drive", "/driveType", "business"),
        (OUTLOOK, "/v1.0/me/mailFolders/inbox", "/displayName", "Inbox"),
        (SHAREPOINT, "/v1.0/sites/root:/sites/Mkt?$select=id,displayName", "/displayName", "Marketing team"),
    ];
    let mut tokens = Vec::new();
    for (app, path, pointer, value) in own {
        let back = visit(&practice, &app, &Visit::default()).await;
        assert!(back.as_str().starts_with(app.back), "{back}");
        assert_eq!(query(&back, "state"), "a state & more");
        assert!(!query(&back, "session_state").is_empty() && query(&back, "iss").is_empty());

        let reply = exchange(&practice, &app, &query(&back, "code")).await.value();
        assert_eq!(
            (reply["token_type"].as_str(), reply["expires_in"].as_u64()),
            (Some("Bearer"), Some(3599))
        );
        assert_eq!(reply["ext_expires_in"], 3599);
        let scope = text(&reply, "/scope");
        assert!(
            scope.contains("User.Read") && scope.contains("email") && !scope.contains("offline"),
            "{scope}"
        );

        let claims = claims(&reply);
        let tid = text(&claims, "/tid");
        assert_eq!(text(&claims, "/iss"), format!("https://login.microsoftonline.com/{tid}/v2.0"));
        assert_eq!((text(&claims, "/aud"), text(&claims, "/nonce")), (app.id.into(), "n-0S6_WzA2Mj".into()));
        assert_eq!(text(&claims, "/preferred_username"), "maya.lind@acme.example");

        let me = get(&practice, GRAPH, "/v1.0/me", &text(&reply, "/access_token")).await.value();
        assert_eq!(
            (text(&me, "/displayName"), text(&me, "/id")),
            ("Maya Lind".into(), text(&claims, "/oid"))
        );
        let said = get(&practice, GRAPH, path, &text(&reply, "/access_token")).await;
        assert_eq!((said.status, text(&said.value(), pointer)), (200, value.into()), "{}", app.slug);

        let first = text(&reply, "/refresh_token");
        let renewed = refresh(&practice, &app, &first).await.value();
        let second = text(&renewed, "/refresh_token");
        assert!(!second.is_empty() && second != first, "it rotates");
        assert!(renewed["id_token"].is_string());
        assert_eq!(refresh(&practice, &app, &first).await.status, 200, "and the old one lives");
        tokens.push(text(&renewed, "/access_token"));
    }
    // One Graph: a token of one product is known, and forbidden, at the others.
    let (onedrive, outlook) = (&tokens[0], &tokens[1]);
    let foreign = get(&practice, GRAPH, "/v1.0/me/mailFolders/inbox", onedrive).await;
    assert_eq!((foreign.status, text(&foreign.value(), "/error/code")), (403, "ErrorAccessDenied".into()));
    let foreign = get(&practice, GRAPH, "/v1.0/me/drive", outlook).await;
    assert_eq!((foreign.status, text(&foreign.value(), "/error/code")), (403, "accessDenied".into()));
}

#[tokio::test]
async fn microsoft_gives_a_refresh_token_only_for_offline_access() {
    let practice = memory().await;
    let reply = connect(&practice, &Client { scope: "openid User.Read", ..ONEDRIVE }).await;
    assert!(reply["access_token"].is_string() && reply["refresh_token"].is_null());
    let plain = connect(&practice, &Client { scope: "User.Read", ..ONEDRIVE }).await;
    assert!(plain["id_token"].is_null());
}

#[tokio::test]
async fn microsoft_knows_addresses_by_platform() {
    let practice = memory().await;
    for good in
        ["http://localhost/integrations/onedrive", "http://localhost:9/integrations/onedrive", ONEDRIVE.back]
    {
        connect(&practice, &Client { back: good, ..ONEDRIVE }).await;
    }
    for bad in [
        "http://127.0.0.1:50123/integrations/onedrive",
        "http://localhost:50123/Integrations/onedrive",
        "http://localhost:50123/",
        "https://connect.acme.example/integrations/onedrive",
    ] {
        assert_eq!(dead_end(&practice, &Client { back: bad, ..ONEDRIVE }).await, "AADSTS50011", "{bad}");
    }
    let web = Client {
        id: "0ed00000-0000-4000-8000-000000000021",
        secret: Some("practice~onedrive~secret"),
        back: "https://connect.acme.example/integrations/onedrive",
        ..ONEDRIVE
    };
    connect(&practice, &web).await;
    assert_eq!(dead_end(&practice, &Client { back: ONEDRIVE.back, ..web }).await, "AADSTS50011");
    let unknown = Client { id: "0ed00000-0000-4000-8000-00000000ffff", ..ONEDRIVE };
    assert_eq!(dead_end(&practice, &unknown).await, "AADSTS700016");
}

#[tokio::test]
async fn microsoft_wants_a_secret_of_web_apps_and_none_of_others() {
    let practice = memory().await;
    let code = query(&visit(&practice, &ONEDRIVE, &Visit::default()).await, "code");
    let refused = exchange(&practice, &Client { secret: Some("anything"), ..ONEDRIVE }, &code).await;
    assert_eq!(entra(&refused), (401, "invalid_client".into(), 700_025));
    let body = refused.value();
    for id in ["/trace_id", "/correlation_id"] {
        assert_eq!(text(&body, id).len(), 36, "{id}");
    }
    assert!(text(&body, "/error_description").starts_with("AADSTS700025: "));
    assert!(text(&body, "/timestamp").ends_with('Z'));
    assert_eq!(exchange(&practice, &ONEDRIVE, &code).await.status, 200, "the code is still good");

    let web = Client {
        id: "0ed00000-0000-4000-8000-000000000022",
        back: "http://localhost:50123/integrations/outlook",
        ..OUTLOOK
    };
    let code = query(&visit(&practice, &web, &Visit::default()).await, "code");
    assert_eq!(entra(&exchange(&practice, &web, &code).await).2, 7_000_218);
    let guess = Client { secret: Some("guess"), ..web };
    assert_eq!(entra(&exchange(&practice, &guess, &code).await).2, 7_000_215);
    practice.set_fault("OUTLOOK", Fault::SecretExpired, Some(1)).await;
    let right = Client { secret: Some("practice~outlook~secret"), ..web };
    assert_eq!(entra(&exchange(&practice, &right, &code).await).2, 7_000_222);
    assert_eq!(exchange(&practice, &right, &code).await.status, 200);
}

#[tokio::test]
async fn microsoft_keeps_a_sign_in_to_its_tenant() {
    let practice = memory().await;
    let common =
        Client { authorize: "/common/oauth2/v2.0/authorize", token: "/common/oauth2/v2.0/token", ..ONEDRIVE };
    let reply = connect(&practice, &common).await;
    assert_ne!(text(&claims(&reply), "/tid"), "common", "the issuer names the real tenant");
    let elsewhere = Client { token: ONEDRIVE.token, ..common };
    let code = query(&visit(&practice, &common, &Visit::default()).await, "code");
    assert_eq!(entra(&exchange(&practice, &elsewhere, &code).await), (400, "invalid_grant".into(), 700_005));
    let again = refresh(&practice, &elsewhere, &text(&reply, "/refresh_token")).await;
    assert_eq!(entra(&again).2, 700_005);

    let consumers = Client {
        authorize: "/consumers/oauth2/v2.0/authorize",
        token: "/consumers/oauth2/v2.0/token",
        ..ONEDRIVE
    };
    let personal = connect(&practice, &consumers).await;
    assert_eq!(text(&claims(&personal), "/tid"), "9188040d-6c67-4c5b-b112-36a304b66dad");
    let drive = get(&practice, GRAPH, "/v1.0/me/drive", &text(&personal, "/access_token")).await.value();
    assert_eq!(drive["driveType"], "personal");

    let one = Client { id: "0ed00000-0000-4000-8000-000000000011", ..common };
    assert_eq!(dead_end(&practice, &one).await, "AADSTS50194");
    connect(&practice, &Client { id: one.id, ..ONEDRIVE }).await;
    let typo = Client { authorize: "/acne.onmicrosoft.com/oauth2/v2.0/authorize", ..ONEDRIVE };
    assert_eq!(dead_end(&practice, &typo).await, "AADSTS90002");
    let lost =
        send(&practice, "POST", LOGIN, "/acne.example/oauth2/v2.0/token", "", &[("client_id", ONEDRIVE.id)])
            .await;
    assert_eq!(entra(&lost), (400, "invalid_request".into(), 90_002));
}

#[tokio::test]
async fn microsoft_takes_refusals_home_in_words() {
    let practice = memory().await;
    let cancelled = visit(&practice, &SHAREPOINT, &Visit { cancel: true, ..Visit::default() }).await;
    assert_eq!(
        (query(&cancelled, "error"), query(&cancelled, "state")),
        ("access_denied".into(), "a state & more".into())
    );
    assert!(query(&cancelled, "error_description").starts_with("AADSTS65004: "));
    let held =
        visit(&practice, &SHAREPOINT, &Visit { fault: Some(Fault::AdminApproval), ..Visit::default() }).await;
    assert!(query(&held, "error_description").starts_with("AADSTS90094: "));
    let unlisted =
        visit(&practice, &Client { scope: "openid Files.Destroy", ..SHAREPOINT }, &Visit::default()).await;
    assert!(query(&unlisted, "error_description").starts_with("AADSTS650056: "));
}

#[tokio::test]
async fn microsoft_says_why_a_sign_in_ended() {
    let practice = memory().await;
    let first = text(&connect(&practice, &OUTLOOK).await, "/refresh_token");
    for (fault, number) in [
        (Fault::TokenReused, 70_000),
        (Fault::IdleExpired, 700_082),
        (Fault::SessionPolicy, 70_043),
        (Fault::Revoked, 50_173),
    ] {
        practice.set_fault("OUTLOOK", fault, Some(1)).await;
        let refused = refresh(&practice, &OUTLOOK, &first).await;
        assert_eq!(entra(&refused), (400, "invalid_grant".into(), number), "{fault:?}");
        assert!(refused.value()["suberror"].is_string(), "{fault:?}");
    }
    practice.set_fault("OUTLOOK", Fault::ServerError, Some(1)).await;
    assert_eq!(
        entra(&refresh(&practice, &OUTLOOK, &first).await),
        (503, "temporarily_unavailable".into(), 90_033)
    );
    practice.set_fault("OUTLOOK", Fault::RateLimited, Some(1)).await;
    let paused = refresh(&practice, &OUTLOOK, &first).await;
    assert_eq!((paused.status, paused.get("retry-after")), (429, Some("2")));
    practice.set_clock_ahead(91 * 86_400).await;
    assert_eq!(entra(&refresh(&practice, &OUTLOOK, &first).await).2, 700_082, "after 90 idle days");
}

#[tokio::test]
async fn microsoft_codes_work_once_for_their_own_verifier_and_address() {
    let practice = memory().await;
    let code = query(&visit(&practice, &ONEDRIVE, &Visit::default()).await, "code");
    let moved = Client { back: "http://localhost/integrations/onedrive", ..ONEDRIVE };
    assert_eq!(entra(&exchange(&practice, &moved, &code).await).2, 500_112);
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", ONEDRIVE.id),
        ("code", code.as_str()),
        ("redirect_uri", ONEDRIVE.back),
        ("code_verifier", "another-verifier-another-verifier-another-43"),
    ];
    assert_eq!(entra(&send(&practice, "POST", LOGIN, ONEDRIVE.token, "", &form).await).2, 501_481);
    assert_eq!(exchange(&practice, &ONEDRIVE, &code).await.status, 200);
    assert_eq!(entra(&exchange(&practice, &ONEDRIVE, &code).await).2, 54_005);
    let late = query(&visit(&practice, &ONEDRIVE, &Visit::default()).await, "code");
    practice.set_clock_ahead(601).await;
    assert_eq!(entra(&exchange(&practice, &ONEDRIVE, &late).await).2, 70_008);
}

#[tokio::test]
async fn graph_speaks_of_licences_tokens_and_missing_places() {
    let practice = memory().await;
    for (app, path, status, code) in [
        (ONEDRIVE, "/v1.0/me/drive", 400, "BadRequest"),
        (OUTLOOK, "/v1.0/me/mailFolders/inbox", 404, "MailboxNotEnabledForRESTAPI"),
    ] {
        let token = text(&connect(&practice, &app).await, "/access_token");
        practice.set_fault(app.slug, Fault::NotLicensed, Some(1)).await;
        let refused = get(&practice, GRAPH, path, &token).await;
        assert_eq!(
            (refused.status, text(&refused.value(), "/error/code")),
            (status, code.into()),
            "{}",
            app.slug
        );
        assert_eq!(text(&refused.value(), "/error/innerError/request-id").len(), 36);
    }
    let bad = get(&practice, GRAPH, "/v1.0/me", "eyJnothing").await;
    assert_eq!((bad.status, text(&bad.value(), "/error/code")), (401, "InvalidAuthenticationToken".into()));

    let token = text(&connect(&practice, &SHAREPOINT).await, "/access_token");
    let root = get(&practice, GRAPH, "/v1.0/sites/root", &token).await.value();
    assert_eq!(text(&root, "/siteCollection/hostname"), "acme.sharepoint.com");
    let named =
        get(&practice, GRAPH, "/v1.0/sites/acme.sharepoint.com:/teams/field-ops", &token).await.value();
    let by_id = get(&practice, GRAPH, &format!("/v1.0/sites/{}", text(&named, "/id")), &token).await.value();
    assert_eq!(named, by_id);
    for (gone, words) in
        [("sites/Marketing%20team", "could not be found"), ("Mkt", "does not represent a site")]
    {
        let reply = get(&practice, GRAPH, &format!("/v1.0/sites/root:/{gone}"), &token).await;
        assert_eq!(reply.status, 404, "{gone}");
        assert!(text(&reply.value(), "/error/message").contains(words), "{gone}");
    }
    let blind = Client { scope: "openid offline_access User.Read", ..SHAREPOINT };
    let token = text(&connect(&practice, &blind).await, "/access_token");
    assert_eq!(get(&practice, GRAPH, "/v1.0/sites/root", &token).await.status, 403);
}

#[tokio::test]
async fn a_shared_mailbox_needs_its_own_permission() {
    let practice = memory().await;
    let path = "/v1.0/users/support%40acme.example/mailFolders/inbox";
    let without = text(&connect(&practice, &OUTLOOK).await, "/access_token");
    assert_eq!(get(&practice, GRAPH, path, &without).await.status, 403);
    let shared = Client { scope: "User.Read Mail.Read Mail.Read.Shared", ..OUTLOOK };
    let with = text(&connect(&practice, &shared).await, "/access_token");
    assert_eq!(get(&practice, GRAPH, path, &with).await.value()["totalItemCount"], 312);
    assert_eq!(
        get(&practice, GRAPH, "/v1.0/users/nobody%40acme.example/mailFolders/inbox", &with).await.status,
        404
    );
}

#[tokio::test]
async fn a_delta_query_tells_deletions_without_names_and_forgets() {
    let practice = memory().await;
    practice.set_items(30).await;
    let token = text(&connect(&practice, &ONEDRIVE).await, "/access_token");
    let path = "/v1.0/me/drive/root/delta?$select=id,name,deleted,root,file,parentReference&$top=7";
    let (mut at, mut rows, mut last) = (path.to_owned(), Vec::new(), String::new());
    while last.is_empty() {
        let page = get(&practice, GRAPH, &at, &token).await.value();
        rows.extend(page["value"].as_array().expect("rows").clone());
        at = text(&page, "/@odata.nextLink").replace("https://graph.microsoft.com", "");
        last = text(&page, "/@odata.deltaLink").replace("https://graph.microsoft.com", "");
    }
    assert!(rows[0]["root"].is_object() && rows.iter().all(|it| it["size"].is_null()), "$select is heeded");
    assert!(rows.iter().all(|it| it["parentReference"]["path"].is_null()), "a delta tells no path");
    let file = rows.iter().find(|it| it["file"].is_object()).expect("a file");
    practice.change("ONEDRIVE", json!({ "do": "delete", "thing": file["id"] })).await;
    let told = get(&practice, GRAPH, &last, &token).await.value();
    let gone = &told["value"].as_array().expect("rows")[1];
    assert_eq!((&gone["id"], gone["name"].is_null()), (&file["id"], true));
    assert!(gone["deleted"].is_object());
    practice.change("ONEDRIVE", json!({ "do": "expire" })).await;
    let lost = get(&practice, GRAPH, &last, &token).await;
    assert_eq!((lost.status, lost.get("location").is_some()), (410, true));
}

#[tokio::test]
async fn a_download_address_carries_its_own_permission() {
    let practice = memory().await;
    practice.set_items(30).await;
    let token = text(&connect(&practice, &ONEDRIVE).await, "/access_token");
    let file = practice.contents("ONEDRIVE").await.into_iter().find(|it| it.format == "md").expect("a file");
    let place = format!("/v1.0/me/drive/items/{}/content", file.id);
    let led = get(&practice, GRAPH, &place, &token).await;
    let to = led.get("location").unwrap_or_default().to_owned();
    assert_eq!(led.status, 302);
    let path = to.replace("https://acme-my.sharepoint.com", "");
    assert_eq!(get(&practice, "acme-my.sharepoint.com", &path, &token).await.status, 401);
    let served = send(&practice, "GET", "acme-my.sharepoint.com", &path, "", &[]).await;
    assert_eq!((served.status, served.body.len() as u64), (200, file.size));
    practice.set_clock_ahead(3600).await;
    assert_eq!(send(&practice, "GET", "acme-my.sharepoint.com", &path, "", &[]).await.status, 401);
}

#[tokio::test]
async fn mail_has_another_id_in_each_folder_unless_it_is_asked_for_as_immutable() {
    let practice = memory().await;
    practice.set_items(40).await;
    let token = text(&connect(&practice, &OUTLOOK).await, "/access_token");
    let list = "/v1.0/me/mailFolders/inbox/messages?$select=subject,isDraft";
    let page = get(&practice, GRAPH, list, &token).await.value();
    assert_eq!(page["value"].as_array().map(Vec::len), Some(10), "ten are usual");
    assert!(page["value"][0]["body"].is_null() && page["@odata.nextLink"].is_string());
    let id = text(&page, "/value/0/id");
    let place = format!("/v1.0/me/messages/{id}?$select=parentFolderId");
    assert_eq!(get(&practice, GRAPH, &place, &token).await.status, 200);
    let seen = practice.contents("OUTLOOK").await;
    let archive = seen.iter().find(|it| it.kind == "archive").expect("an archive");
    let front = id.replacen("AAMkADNk", "AAkALgAA", 1);
    let message = seen.iter().find(|it| front.starts_with(&it.id)).expect("the message");
    practice
        .change("OUTLOOK", json!({ "do": "move", "thing": message.thing, "parent": archive.thing }))
        .await;
    let moved = get(&practice, GRAPH, &place, &token).await;
    assert_eq!((moved.status, text(&moved.value(), "/error/code")), (404, "ErrorItemNotFound".into()));
    let lasting = format!("/v1.0/me/messages/{}?$select=parentFolderId", message.id);
    let found = get(&practice, GRAPH, &lasting, &token).await.value();
    assert_eq!(text(&found, "/parentFolderId"), archive.thing);
}
