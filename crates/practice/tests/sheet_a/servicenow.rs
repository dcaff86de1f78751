use serde_json::{Value, json};
use tieline_practice::Fault;
use tieline_practice::visitor::Visit;

use crate::world::{Answer, BACK, RELAY, VERIFIER, World, challenge, encoded, text, value};

const ACME_SN: &str = "https://acme.service-now.com";
const SN_CLIENT: [(&str, &str); 2] =
    [("client_id", "practice-servicenow-client"), ("client_secret", "practice-servicenow-secret")];

async fn servicenow_code(world: &World, client_id: &str, more: &[(&str, &str)]) -> String {
    let back = format!("{BACK}servicenow");
    let ask = [("response_type", "code"), ("client_id", client_id), ("redirect_uri", &back), ("state", "s1")];
    world.code(&format!("{ACME_SN}/oauth_auth.do"), &[&ask[..], more].concat()).await
}

async fn servicenow_token(world: &World) -> Value {
    let code = servicenow_code(world, "practice-servicenow-client", &[]).await;
    let back = format!("{BACK}servicenow");
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", &*back)];
    world.form(&format!("{ACME_SN}/oauth_token.do"), &[&SN_CLIENT[..], &fields].concat()).await.with(200)
}

async fn servicenow_refresh(world: &World, token: &str) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    world.form(&format!("{ACME_SN}/oauth_token.do"), &[&SN_CLIENT[..], &fields].concat()).await
}

fn whoami(host: &str) -> String {
    format!(
        "{host}/api/now/table/sys_user?sysparm_query=sys_id%3Djavascript%3Ags.getUserID()&sysparm_limit=1\
         &sysparm_fields=sys_id,name,user_name,email"
    )
}

#[tokio::test]
async fn the_whole_way() {
    let world = World::new().await;
    let first = servicenow_token(&world).await;
    assert_eq!((&first["scope"], &first["expires_in"]), (&json!("useraccount"), &json!(1800)));
    let access = text(&first, "/access_token");
    let me = world.get(&whoami(ACME_SN), &access).await.with(200);
    assert_eq!(me["result"].as_array().unwrap().len(), 1);
    assert_eq!(text(&me, "/result/0/email"), "maya.lind@acme.example");
    assert!(me.pointer("/result/0/title").is_none(), "only the fields asked for");
    assert_eq!(world.get(&whoami("https://other.service-now.com"), &access).await.status, 401);

    let refresh = text(&first, "/refresh_token");
    let soon = servicenow_refresh(&world, &refresh).await.with(200);
    assert_eq!(text(&soon, "/access_token"), access, "the same token while it lives");
    assert_eq!(text(&soon, "/refresh_token"), refresh, "no rotation");
    assert_eq!(text(&servicenow_token(&world).await, "/access_token"), access, "also for a second sign-in");

    world.practice.set_clock_ahead(1801).await;
    let refused = world.get(&whoami(ACME_SN), &access).await.with(401);
    assert_eq!(
        (&refused["status"], &refused["error"]["message"]),
        (&json!("failure"), &json!("User Not Authenticated"))
    );
    let later = servicenow_refresh(&world, &refresh).await.with(200);
    assert_ne!(text(&later, "/access_token"), access);
    assert_eq!(text(&later, "/refresh_token"), refresh);

    let revoke = format!("{ACME_SN}/oauth_revoke_token.do");
    assert_eq!(world.form(&revoke, &[("token", &refresh)]).await.status, 200);
    assert_eq!(world.get(&whoami(ACME_SN), &text(&later, "/access_token")).await.status, 401);
    let dead = servicenow_refresh(&world, &refresh).await.with(401);
    assert_eq!(dead, json!({ "error_description": "access_denied", "error": "server_error" }));
}

#[tokio::test]
async fn sends_the_browser_to_the_first_registered_address() {
    let world = World::new().await;
    let page = format!("{ACME_SN}/oauth_auth.do");
    let unknown = "http://127.0.0.1:5000/somewhere/else";
    let ask = [
        ("response_type", "code"),
        ("client_id", "practice-servicenow-client"),
        ("redirect_uri", unknown),
        ("state", "s1"),
    ];
    let first = "app.tieline.desktop://integrations/servicenow".to_owned();
    world.practice.register_redirects("servicenow", &[first.clone(), format!("{RELAY}servicenow")]).await;
    let home = world.visit(&page, &ask, Visit::default()).await.unwrap();
    assert!(home.as_str().starts_with(&format!("{first}?")) && !value(&home, "code").is_empty(), "{home}");

    let title = world.visit(&page, &ask[..3], Visit::default()).await.unwrap_err();
    assert_eq!(title, "Invalid request", "state is mandatory");
}

#[tokio::test]
async fn takes_form_bodies_only_and_gives_public_clients_no_refresh_token() {
    let world = World::new().await;
    let refresh = text(&servicenow_token(&world).await, "/refresh_token");
    let fields = [&SN_CLIENT[..], &[("grant_type", "refresh_token"), ("refresh_token", &*refresh)]].concat();
    let in_address = format!("{ACME_SN}/oauth_token.do?{}", encoded(&fields));
    assert_eq!(world.form(&in_address, &[]).await.status, 401);
    let object: serde_json::Map<_, _> = fields.iter().map(|&(key, it)| (key.to_owned(), json!(it))).collect();
    assert_eq!(world.post_json(&format!("{ACME_SN}/oauth_token.do"), object.into()).await.status, 401);

    let proof = challenge();
    let pkce = [("code_challenge", &*proof), ("code_challenge_method", "S256")];
    let code = servicenow_code(&world, "practice-servicenow-public", &pkce).await;
    let back = format!("{BACK}servicenow");
    let fields = [
        ("client_id", "practice-servicenow-public"),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &back),
        ("code_verifier", VERIFIER),
    ];
    let reply = world.form(&format!("{ACME_SN}/oauth_token.do"), &fields).await.with(200);
    assert!(reply.get("refresh_token").is_none());

    world.fault("servicenow", Fault::WrongSecret).await;
    assert_eq!(servicenow_refresh(&world, &refresh).await.with(401)["error"], "server_error");
    world.fault("servicenow", Fault::NotLicensed).await;
    let refused = world.get(&whoami(ACME_SN), &text(&reply, "/access_token")).await.with(403);
    assert_eq!(refused["error"]["message"], "User Not Authorized");
}

#[tokio::test]
async fn ends_sign_ins_after_a_hundred_days_and_a_new_one_heals() {
    let world = World::new().await;
    let old = text(&servicenow_token(&world).await, "/refresh_token");
    world.practice.set_clock_ahead(99 * 86_400).await;
    assert_eq!(servicenow_refresh(&world, &old).await.status, 200);
    world.practice.set_clock_ahead(100 * 86_400 + 60).await;
    assert_eq!(servicenow_refresh(&world, &old).await.status, 401);
    let new = text(&servicenow_token(&world).await, "/refresh_token");
    assert_ne!(new, old);
    assert_eq!(servicenow_refresh(&world, &new).await.status, 200);
}

#[tokio::test]
async fn pages_are_short_where_rows_are_hidden_and_the_link_goes_on() {
    let world = World::new().await;
    let access = text(&servicenow_token(&world).await, "/access_token");
    let list = |offset: u64| {
        format!(
            "{ACME_SN}/api/now/table/kb_knowledge?sysparm_query=workflow_state%3Dpublished%5Enonsense%3D1%5EORDERBYsys_id\
             &sysparm_fields=sys_id,kb_knowledge_base&sysparm_limit=5&sysparm_offset={offset}"
        )
    };
    let (mut ids, mut short, mut offset) = (Vec::new(), 0, 0);
    let total = loop {
        let page = world.get(&list(offset), &access).await;
        let links = page.header("link").unwrap().to_owned();
        let total: usize = page.header("x-total-count").unwrap().parse().unwrap();
        let body = page.with(200);
        let rows = body["result"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| text(row, "/sys_id")));
        assert!(rows.iter().all(|row| text(row, "/kb_knowledge_base/link").starts_with(ACME_SN)));
        offset += 5;
        if !links.contains("rel=\"next\"") {
            break total;
        }
        assert!(links.contains("sysparm_fields=sys_id,kb_knowledge_base"), "commas as they came");
        short += usize::from(rows.len() < 5);
    };
    assert!(short > 0 && ids.is_sorted() && !ids.is_empty());
    assert!(ids.len() < total, "the count knows rows that this person may not see");
    let table = |path: &str| format!("{ACME_SN}/api/now/table/{path}");
    let one = world.get(&table(&format!("kb_knowledge/{}", ids[0])), &access).await.with(200);
    assert_eq!(text(&one, "/result/workflow_state"), "published");
    let gone = world.get(&table("kb_knowledge/00000000000000000000000000000000"), &access).await.with(404);
    assert_eq!(text(&gone, "/error/message"), "No Record found");
    let other = "https://other.service-now.com/api/now/table/kb_category";
    assert_eq!(world.get(other, &access).await.status, 401);
}
