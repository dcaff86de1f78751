//! A program with its key, and the person's browser.

use serde_json::{Value, json};
use tieline_engine::wire::{AddedKey, ConnectionRow};
use tieline_http::{ServeOptions, Server};
use tieline_practice::client::send;
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use url::Url;

use crate::stage::Stage;

pub const FORM: &str = "application/x-www-form-urlencoded";

/// The stage with the API in front of it, and one program's key.
pub struct Scene {
    pub stage: Stage,
    pub server: Server,
    pub key: AddedKey,
}

/// One program's view: its key, and the organization's id.
pub struct Program<'a> {
    pub scene: &'a Scene,
    pub secret: String,
    pub organization: String,
}

impl Scene {
    pub async fn open() -> Self {
        let stage = Stage::open().await;
        let server = tieline_http::serve(stage.app.clone(), ServeOptions::default()).await.unwrap();
        let key = stage.ask("add_key", json!({ "name": "Acme" })).await.unwrap();
        Self { stage, server, key }
    }

    pub fn program(&self) -> Program<'_> {
        Program::of(self, &self.key)
    }

    pub async fn another(&self, name: &str) -> Program<'_> {
        let key: AddedKey = self.stage.ask("add_key", json!({ "name": name })).await.unwrap();
        Program::of(self, &key)
    }

    pub fn url(&self, path: &str) -> Url {
        let base: Url = self.server.url().parse().unwrap();
        base.join(path).unwrap()
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        send(method, &self.url(path), headers, body.as_bytes()).await.unwrap()
    }

    /// The person answers the sign-in page, and their browser goes on until it leaves this computer; the last address,
    /// or the page they are left with.
    pub async fn browse(&self, link: &str, visit: &Visit) -> Result<Url, String> {
        let mut url = visit.answer(&link.parse().unwrap()).await.unwrap();
        for _ in 0..5 {
            if url.host_str() != Some("127.0.0.1") && url.host_str() != Some("localhost") {
                return Ok(url);
            }
            url = relayed(url);
            let reply = send("GET", &url, &[("accept", "text/html")], b"").await.unwrap();
            match reply.get("location") {
                Some(to) => url = url.join(to).unwrap(),
                None => return Err(String::from_utf8_lossy(&reply.body).into_owned()),
            }
        }
        panic!("the browser goes in circles");
    }

    /// The person fills in the page that asks for what is missing, and their browser goes on.
    pub async fn fill(&self, page: &str, fields: &Value) -> Result<String, String> {
        assert!(page.starts_with(self.url("/integrations/ask/").as_str()), "{page}");
        let page: Url = page.parse().unwrap();
        let form = send("GET", &page, &[("accept", "text/html")], b"").await.unwrap();
        let form = String::from_utf8_lossy(&form.body).into_owned();
        let once = form.split("name=\"once\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("once", once);
        for (name, value) in fields.as_object().unwrap() {
            body.append_pair(name, value.as_str().unwrap());
        }
        let reply = send("POST", &page, &[("content-type", FORM)], body.finish().as_bytes()).await.unwrap();
        let said = String::from_utf8_lossy(&reply.body).into_owned();
        match said.split("content=\"0;url=").nth(1) {
            Some(to) => Ok(to.split('"').next().unwrap().replace("&amp;", "&")),
            None => Err(said),
        }
    }

    pub async fn connections(&self) -> Vec<String> {
        let rows: Vec<ConnectionRow> = self.stage.ask("connections", json!({})).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}

impl<'a> Program<'a> {
    pub fn of(scene: &'a Scene, key: &AddedKey) -> Self {
        Self { scene, secret: key.secret.clone(), organization: key.key.organization.id.clone() }
    }

    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Reply {
        let key = format!("Bearer {}", self.secret);
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.scene.send(method, path, &headers, &body).await
    }

    /// An answer that must have this status.
    pub async fn gets(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let reply = self.ask(method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", String::from_utf8_lossy(&reply.body));
        if reply.body.is_empty() { Value::Null } else { serde_json::from_slice(&reply.body).unwrap() }
    }

    /// Below the connectors of its organization.
    pub fn at(&self, path: &str) -> String {
        format!("/v1/organizations/{}/knowledge/connectors/{path}", self.organization)
    }

    pub async fn definition(&self, slug: &str) -> Value {
        self.gets(200, "GET", &self.at(&format!("source-definitions/{slug}")), Value::Null).await
    }

    pub async fn workspace(&self) -> String {
        let all = self.gets(200, "GET", &self.at("workspaces"), Value::Null).await;
        all["data"][0]["workspace_id"].as_str().unwrap().to_owned()
    }

    /// Begins the connector flow; the id, and where the person goes.
    pub async fn authorize(&self, body: Value) -> (String, String) {
        let begun = self.gets(200, "POST", &self.at("sources/authorize"), body).await;
        let text = |name: &str| begun[name].as_str().unwrap().to_owned();
        (text("connection_id"), text("authorization_url"))
    }

    /// A source of an account that is signed in to right now, by Airbyte's flow.
    pub async fn zendesk(&self, workspace: &str) -> Value {
        let ask = json!({
            "redirectUrl": "https://app.example.com/back", "sourceType": "zendesk-support", "workspaceId": workspace,
            "oAuthInputConfiguration": self.scene.stage.inputs("ZENDESK"),
        });
        let begun = self.gets(200, "POST", "/v1/sources/initiateOAuth", ask).await;
        let back = self.scene.browse(begun["consentUrl"].as_str().unwrap(), &Visit::default()).await.unwrap();
        let make = json!({
            "name": "Support", "workspaceId": workspace, "secretId": query(&back, "secret_id").unwrap(),
            "configuration": { "sourceType": "zendesk-support", "subdomain": "acme", "num_workers": 3 },
        });
        self.gets(200, "POST", "/v1/sources", make).await
    }
}

/// What an organisation's relay page does: it goes on to the port of this computer that `state` ends with.
fn relayed(url: Url) -> Url {
    let state = query(&url, "state").unwrap_or_default();
    match (url.path().strip_prefix("/relay"), state.rsplit_once(".p")) {
        (Some(path), Some((_, port))) => {
            format!("http://127.0.0.1:{port}{path}?{}", url.query().unwrap_or_default()).parse().unwrap()
        }
        _ => url,
    }
}

pub fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap()
}
