//! Who is let in, how often, and how those are told who are not.

use serde_json::{Value, json};
use tieline_engine::wire::AddedKey;
use tieline_practice::client;

use crate::carbon::house::{House, header, sentence};
use crate::stage::place::{Place, Served};
use crate::stage::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_its_customer_or_a_temporary_token_lets_in_and_nothing_else_does() {
    let house = House::open().await;
    let (key, body) = (format!("Bearer {}", house.key), json!({}));
    let path = "/user_data_sources";
    assert_eq!(house.with("GET", "/health", &[], &Value::Null).await.0, 200);

    let post = async |headers: &[(&str, &str)]| house.with("POST", path, headers, &body).await;
    for refused in [
        vec![],
        vec![("authorization", "Bearer tlk_wrong"), ("customer-id", "maya")],
        vec![("authorization", "Token tlt_wrong")],
        vec![("authorization", house.key.as_str()), ("customer-id", "maya")],
        vec![("authorization", key.as_str())],
        vec![("authorization", key.as_str()), ("customer-id", "  ")],
    ] {
        let (status, said) = post(&refused).await;
        assert_eq!(status, 401, "{refused:?}: {said}");
        sentence(&said);
    }
    assert!(sentence(&post(&[("authorization", key.as_str())]).await.1).contains("customer-id"));
    // Faults of the body are told to nobody who is not let in.
    assert_eq!(house.with("POST", "/integrations/oauth_url", &[], &body).await.0, 401);

    // Any string names a customer.
    let (_, who) =
        house.with("GET", "/whoami", &[("authorization", &key), ("customer-id", "José")], &Value::Null).await;
    assert_eq!(who["organization_supplied_user_id"], "José", "{who}");

    let lower = key.replace("Bearer", "bEARER");
    assert_eq!(post(&[("authorization", &lower), ("customer-id", "maya")]).await.0, 200);

    let (status, said) = house
        .with(
            "GET",
            "/auth/v1/access_token",
            &[("authorization", &key), ("customer-id", "maya")],
            &Value::Null,
        )
        .await;
    assert_eq!(status, 200, "{said}");
    assert!(said["refresh_token"].is_string());
    let token = said["access_token"].as_str().unwrap().to_owned();
    for scheme in ["Token", "token"] {
        assert_eq!(post(&[("authorization", &format!("{scheme} {token}"))]).await.0, 200);
    }
    // Several headers, and several in one, are judged one by one.
    let (wrong, right) = ("Token tlt_old".to_owned(), format!("Token {token}"));
    assert_eq!(post(&[("authorization", &wrong), ("authorization", &right)]).await.0, 200);
    assert_eq!(
        post(&[("authorization", &wrong), ("authorization", &key), ("customer-id", "maya")]).await.0,
        200
    );
    assert_eq!(post(&[("authorization", &format!("{wrong}, {right}"))]).await.0, 200);

    // A token stands for one customer: it makes no other token, and asks nothing about the organization.
    let more = [("authorization", right.as_str()), ("customer-id", "noor")];
    let (status, said) = house.with("GET", "/auth/v1/access_token", &more, &Value::Null).await;
    assert_eq!(status, 403, "{said}");
    assert!(sentence(&said).contains("Only a key"), "{said}");
    let wrong_token = [("authorization", wrong.as_str()), ("customer-id", "noor")];
    assert_eq!(house.with("GET", "/auth/v1/access_token", &wrong_token, &Value::Null).await.0, 401);
    assert_eq!(house.with("POST", "/data_sources", &more, &body).await.0, 401);
    assert_eq!(house.by_key("POST", "/data_sources", body.clone()).await.0, 200);
    let (status, said) =
        house.with("GET", "/auth/v1/white_labeling", &[("authorization", &right)], &Value::Null).await;
    assert_eq!(
        (status, &said["remove_branding"], &said["connector_settings"]),
        (200, &json!(false), &json!({}))
    );

    house.stage.pass(10 * 3600 + 1).await;
    assert_eq!(post(&[("authorization", &right)]).await.0, 401);

    // The person's own key is no organization's.
    let own = format!("Bearer {}", house.server.url().rsplit_once('=').unwrap().1);
    assert_eq!(post(&[("authorization", &own), ("customer-id", "maya")]).await.0, 403);
    // A key without the contracts.
    let added: AddedKey =
        house.stage.ask("add_key", json!({ "name": "Looker", "operations": ["look"] })).await.unwrap();
    let looker = format!("Bearer {}", added.secret);
    assert_eq!(post(&[("authorization", &looker), ("customer-id", "maya")]).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_keyring_is_told_with_503() {
    let (mut session, place) = (Session::open(), Place::open().await);
    session.start_keyring(false).await;
    let served = Served::start(session.within(place.command(&["serve", "--port", "0"]))).await;
    let added = served.call("add_key", json!({ "name": "Acme" })).await.unwrap();
    let key = format!("Bearer {}", added["secret"].as_str().unwrap());
    let url = served.address("/integrations/oauth_url");
    let headers =
        [("authorization", key.as_str()), ("customer-id", "maya"), ("content-type", "application/json")];
    let reply = client::send("POST", &url, &headers, br#"{"service": "BOX"}"#).await.unwrap();
    let said: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(reply.status, 503, "{said}");
    assert!(sentence(&said).contains("nlock"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_say_how_long_to_wait() {
    let house = House::open().await;
    let added: AddedKey = house.stage.ask("add_key", json!({ "name": "Usual" })).await.unwrap();
    let key = format!("Bearer {}", added.secret);
    let mut refused = None;
    for _ in 0..120 {
        let reply = house.send("POST", "/webhooks", &[("authorization", &key)], "{}").await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status, 429);
    assert!(header(&refused, "retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(sentence(&serde_json::from_slice(&refused.body).unwrap()).contains("second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_no_route_makes_speak_the_same_dialect() {
    let house = House::open().await;
    let key = format!("Bearer {}", house.key);
    let headers = [("authorization", key.as_str()), ("customer-id", "maya")];
    for (method, path, status) in [("POST", "/no_such_route", 404), ("GET", "/user_data_sources", 405)] {
        let (got, said) = house.with(method, path, &headers, &Value::Null).await;
        assert_eq!(got, status, "{said}");
        sentence(&said);
    }
    let reply = house.send("POST", "/user_data_sources", &headers, "{\"filters\":").await;
    let said: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &said["detail"][0]["type"]), (422, &json!("value_error.jsondecode")));
    for path in
        ["/embeddings", "/uploadfile", "/web_scrape", "/integrations/s3", "/integrations/data/crm/accounts"]
    {
        house.told(501, path, json!({})).await;
        assert_eq!(house.with("POST", path, &[], &json!({})).await.0, 401, "{path}");
    }
    let (status, said) = house.with("GET", "/integrations/github/repos", &headers, &Value::Null).await;
    assert_eq!(status, 501, "{said}");
}
