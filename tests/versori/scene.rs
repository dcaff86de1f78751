//! A program with its key, and the service that its end users sign in to.

use serde_json::{Value, json};
use tieline_engine::embedded::organization_ulid;
use tieline_engine::wire::{AddedKey, ConnectionRow};
use tieline_http::ServeOptions;
use tieline_practice::client::send;
use tieline_practice::wire::Reply;
use url::Url;

use crate::stage::Stage;
use crate::stage::authority::{Person, Server};

pub const ROOT: &str = "/api/embedded/v1";
pub const CONNECTOR: &str = "01HZZZZZZZZZZZZZZZZZZZZZ0C";
pub const PRIMARY: &str = "01HZZZZZZZZZZZZZZZZZZZZZ0P";
pub const SCHEME: &str = "01HZZZZZZZZZZZZZZZZZZZZZ0S";
pub const SECRET: &str = "s3cret-of-acme";

/// The stage, the API in front of it, and a service to sign in to, whose apps know the API's page.
pub struct Scene {
    pub stage: Stage,
    pub api: tieline_http::Server,
    pub service: Server,
}

impl Scene {
    pub async fn open() -> Self {
        let stage = Stage::open().await;
        let api = tieline_http::serve(stage.app.clone(), ServeOptions::default()).await.unwrap();
        let back = format!("{}api/embedded/v1/oauth2/callback", api.url());
        let service = Server::usual(&[&back, "http://127.0.0.1:62168/oauth/callback"]).await;
        Self { stage, api, service }
    }

    pub async fn program(&self, name: &str) -> Program<'_> {
        self.program_of(json!({ "name": name })).await
    }

    pub async fn program_of(&self, ask: Value) -> Program<'_> {
        let key: AddedKey = self.stage.ask("add_key", ask).await.unwrap();
        let organisation = organization_ulid(key.key.organization.number.into());
        Program { scene: self, organisation, proof: format!("Bearer {}", key.secret), key }
    }

    pub async fn rows(&self) -> Vec<ConnectionRow> {
        self.stage.ask("connections", json!({})).await.unwrap()
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        // As it stands: a path may begin with two slashes.
        let url: Url = format!("{}{path}", self.api.url().trim_end_matches('/')).parse().unwrap();
        send(method, &url, headers, body.as_bytes()).await.unwrap()
    }

    /// What the page shows on which the end user's browser ends.
    pub async fn lands(&self, back: &Url) -> Reply {
        send("GET", back, &[("accept", "text/html")], b"").await.unwrap()
    }
}

pub struct Program<'a> {
    pub scene: &'a Scene,
    pub key: AddedKey,
    pub organisation: String,
    /// What `Authorization` says.
    pub proof: String,
}

/// A sign-in that came back.
pub struct Returned {
    pub page: Url,
    pub back: Url,
}

impl Returned {
    pub fn code(&self) -> Value {
        let value = |name: &str| parameter(&self.back, name).unwrap();
        json!({ "code": value("code"), "state": value("state") })
    }
}

pub fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// `whole`, with more in it.
pub fn with(mut whole: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    whole
}

/// A pair of RSA keys, and tokens of these claims signed with it; by Node, as nothing here signs.
pub fn signed(claims: &[Value]) -> (String, Vec<String>) {
    let script = "
        const { generateKeyPairSync, createSign } = require('node:crypto');
        const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
        const tokens = JSON.parse(process.argv[1]).map((claims) => {
            const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
            return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
        });
        console.log(JSON.stringify({ key: publicKey.export({ type: 'spki', format: 'pem' }), tokens }));";
    let claims = json!(claims).to_string();
    let output = std::process::Command::new("node").args(["-e", script, &claims]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tokens = told["tokens"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned());
    (told["key"].as_str().unwrap().to_owned(), tokens.collect())
}

impl Program<'_> {
    /// The same organization's end user, by a token of their own.
    pub fn as_user(&self, token: &str) -> Program<'_> {
        let (organisation, proof) = (self.organisation.clone(), format!("JWT {token}"));
        Program { scene: self.scene, key: self.key.clone(), organisation, proof }
    }

    /// A token of an end user's own. The id of a signing key is known only once it is there, so that is left here first
    /// with another key.
    pub async fn token_of(&self, user: &str) -> String {
        let keys = format!("/o/{}/signing-keys", self.organisation);
        let made =
            self.gets(201, "POST", &keys, json!({ "name": "Users", "publicKey": signed(&[]).0 })).await;
        let id = made["id"].as_str().unwrap();
        let (public, mut tokens) =
            signed(&[json!({ "sub": user, "iss": format!("https://versori.com/sk/{id}"), "exp": null })]);
        let organization = i64::from(self.key.key.organization.number);
        let programs = self.scene.stage.app.programs();
        let mut record = programs.record(organization, "versori/signing-key", id).unwrap().unwrap();
        record.body["public_key"] = json!(public);
        programs.save_record(organization, "versori/signing-key", id, &record.body).unwrap();
        tokens.remove(0)
    }

    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let headers = [("authorization", self.proof.as_str()), ("content-type", "application/json")];
        let sent = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.scene.send(method, path, &headers, &sent).await;
        if reply.body.is_empty() {
            return (reply.status, Value::Null);
        }
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    /// An answer that must have this status.
    pub async fn gets(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let (its, answer) = self.ask(method, path, &body).await;
        assert_eq!(its, status, "{method} {path}: {answer}");
        if its >= 400 {
            for field in ["code", "message"] {
                assert!(answer[field].is_string(), "{answer}");
            }
            assert!(answer["fields"].is_array(), "{answer}");
        }
        answer
    }

    /// An error at exactly these fields.
    pub async fn fails_at(&self, fields: &[&str], method: &str, path: &str, body: Value) -> Value {
        let answer = self.gets(400, method, path, body).await;
        let its: Vec<&str> =
            answer["fields"].as_array().unwrap().iter().map(|it| it["field"].as_str().unwrap()).collect();
        assert_eq!(its, fields, "{answer}");
        answer
    }

    pub async fn credential(&self, client_id: &str, secret: &str) -> String {
        let body = json!({
            "name": "The app", "type": "oauth2-client",
            "data": { "clientId": client_id, "clientSecret": secret, "authorizeUrl": "", "tokenUrl": self.scene.token_url() },
        });
        let made = self.gets(201, "POST", &format!("/o/{}/credentials", self.organisation), body).await;
        assert!(!made.to_string().contains(SECRET), "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    pub async fn hub(&self) -> String {
        let body = json!({
            "organisationId": self.organisation, "name": "Acme hub", "primaryConnectorId": PRIMARY,
            "authSchemeConfig": { "id": SCHEME, "description": "", "schemeType": "none" },
        });
        self.gets(201, "POST", "/hubs", body).await["id"].as_str().unwrap().to_owned()
    }

    pub async fn user(&self, hub: &str, external_id: &str) -> Value {
        let primary = json!({
            "name": format!("{external_id}-primary-{hub}"), "variables": [],
            "credentials": { "action": [{
                "authSchemeConfig": { "id": SCHEME, "description": "", "schemeType": "none" },
                "credential": { "name": "(None)", "type": "none", "data": {} },
            }] },
        });
        let body =
            json!({ "externalId": external_id, "displayName": "A user", "primaryConnection": primary });
        self.gets(201, "POST", &format!("/hubs/{hub}/users"), body).await
    }

    pub fn asked(&self, credential: &str) -> Value {
        json!({
            "credential": { "id": credential, "organisationId": self.organisation },
            "authorizeUrl": self.scene.authorize_url(), "clientId": "confidential",
            "scopes": ["openid", "profile", "email", "reports.read"], "prompt": "login+consent",
        })
    }

    pub async fn initialise(&self, hub: &str, body: Value) -> Url {
        let path = format!("/embed/{hub}/connector/{CONNECTOR}/oauth2/initialise");
        self.gets(200, "POST", &path, body).await["url"].as_str().unwrap().parse().unwrap()
    }

    /// Begins a sign-in, through which this person goes.
    pub async fn signs_in(&self, person: &Person, hub: &str, body: Value) -> Returned {
        let page = self.initialise(hub, body).await;
        let back = person.answer(&page).await;
        Returned { page, back }
    }

    pub fn scheme(&self, grant: &Value) -> Value {
        json!({
            "id": SCHEME, "description": "Acme reports", "schemeType": "oauth2",
            "authorizeUrl": self.scene.authorize_url(), "tokenUrl": self.scene.token_url(),
            "scopes": [{ "name": "reports.read" }], "defaultScopes": ["reports.read"],
            "grant": with(json!({ "grantType": "authorization_code", "clientId": "confidential" }), grant),
        })
    }

    pub fn connection(&self, name: &str, credential: Option<&str>, data: &Value) -> Value {
        let grant = credential
            .map(|id| json!({ "credentialId": id, "organisationId": self.organisation }))
            .unwrap_or_default();
        json!({ "connectorId": CONNECTOR, "connection": {
            "name": name, "variables": [],
            "credentials": { "action": [{
                "authSchemeConfig": self.scheme(&grant),
                "credential": { "name": "Code", "type": "oauth2-code", "data": data },
            }] },
        } })
    }
}

impl Scene {
    pub fn authorize_url(&self) -> String {
        format!("{}auth", self.service.issuer)
    }

    pub fn token_url(&self) -> String {
        format!("{}token", self.service.issuer)
    }
}
