//! The server over a stage, and what programs ask of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tieline_engine::program::Owner;
use tieline_engine::wire::{AddedKey, FlowStep, SyncState};
use tieline_engine::{Connecting, SyncOptions};
use tieline_http::{ServeOptions, Server};
use tieline_practice::client;
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use url::Url;

use crate::stage::Stage;

/// The server over a stage, and a key of an organization.
pub struct House {
    pub stage: Stage,
    pub server: Server,
    pub base: Url,
    pub key: String,
}

/// A connected account, as the contract and as the engine know it.
pub struct Account {
    pub number: i64,
    pub connection: String,
}

impl House {
    pub async fn open() -> Self {
        let stage = Stage::open().await;
        stage.take_own_port().await;
        let options = ServeOptions { session: true, ..ServeOptions::default() };
        let server = tieline_http::serve(stage.app.clone(), options).await.unwrap();
        let base = format!("http://127.0.0.1:{}/", server.port()).parse().unwrap();
        let key = key(&stage, "Acme").await;
        Self { stage, server, base, key }
    }

    /// With this many items at each practice provider.
    pub async fn with_items(count: usize) -> Self {
        let house = Self::open().await;
        house.stage.practice.set_items(count).await;
        house
    }

    pub fn at(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        client::send(method, &self.at(path), headers, body.as_bytes()).await.unwrap()
    }

    /// A request with headers, and its answer's status and JSON.
    pub async fn with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.send(method, path, headers, &body).await;
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    pub async fn as_customer(&self, customer: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", key.as_str()),
            ("customer-id", customer),
            ("content-type", "application/json"),
        ];
        self.with(method, path, &headers, &body).await
    }

    /// As the customer that most tests act for.
    pub async fn ask(&self, path: &str, body: Value) -> (u16, Value) {
        self.as_customer("maya", "POST", path, body).await
    }

    pub async fn fine(&self, path: &str, body: Value) -> Value {
        let (status, said) = self.ask(path, body).await;
        assert_eq!(status, 200, "{path}: {said}");
        said
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, said) = self.as_customer("maya", "GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {said}");
        said
    }

    /// Refused with this status and a sentence.
    pub async fn told(&self, status: u16, path: &str, body: Value) -> String {
        let (got, said) = self.ask(path, body).await;
        assert_eq!(got, status, "{path}: {said}");
        sentence(&said)
    }

    /// Refused with status 422 at these places.
    pub async fn faults(&self, path: &str, body: Value) -> Vec<String> {
        let (got, said) = self.ask(path, body).await;
        assert_eq!(got, 422, "{path}: {said}");
        locs(&said)
    }

    pub async fn by_key(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = format!("Bearer {}", self.key);
        self.with(method, path, &[("authorization", key.as_str())], &body).await
    }

    pub async fn sources(&self) -> Vec<Value> {
        let body = json!({ "pagination": { "limit": 250 }, "order_by": "created_at", "order_dir": "asc" });
        let said = self.fine("/user_data_sources", body).await;
        let results = said["results"].as_array().unwrap().clone();
        assert_eq!(said["count"], results.len());
        results
    }

    /// Ends the key.
    pub async fn revoke(&self) {
        let key = self.stage.app.programs().key(&self.key).unwrap().unwrap();
        let _: Value = self.stage.ask("revoke_key", json!({ "id": key.id })).await.unwrap();
    }

    /// Connects an account for a customer.
    pub async fn connect_for(&self, customer: &str, provider: &str, options: SyncOptions) -> Account {
        let programs = self.stage.app.programs();
        let organization = programs.key(&self.key).unwrap().unwrap().organization;
        let ask = Connecting {
            owner: Owner { organization, customer: customer.into() },
            provider: provider.into(),
            inputs: serde_json::from_value(self.stage.inputs(provider)).unwrap(),
            options,
            ..Connecting::default()
        };
        let flow = programs.connect(ask).await.unwrap();
        let page = programs.sign_in_link(&flow.id).await.unwrap();
        let back = Visit::default().answer(&page.parse().unwrap()).await.unwrap();
        self.stage.bring(&back).await;
        let flow = programs.ended(&flow.id, Duration::from_secs(20)).await.unwrap();
        assert_eq!(flow.step, FlowStep::Connected, "{:?}", flow.problem);
        let connection = flow.connection.unwrap();
        Account { number: programs.data_source_of(&connection).unwrap().unwrap().number, connection }
    }

    /// Connects an account of which nothing is listed or read by itself.
    pub async fn connect(&self, provider: &str) -> Account {
        self.connect_for("maya", provider, quiet()).await
    }

    /// The account that a data source stands for.
    pub fn account(&self, source: &Value) -> Account {
        let number = source["id"].as_i64().unwrap();
        let connection = self.stage.app.programs().data_source(number).unwrap().unwrap().connection;
        Account { number, connection }
    }

    /// Fetches the directory, and waits for its end.
    pub async fn listed(&self, account: &Account) {
        self.fine("/integrations/items/sync", json!({ "data_source_id": account.number })).await;
        self.idle(account).await;
    }

    pub async fn state(&self, account: &Account) -> SyncState {
        self.stage.ask("sync_state", json!({ "id": account.connection })).await.unwrap()
    }

    /// Waits until nothing is under way, and has not been for a moment: what a sync is followed by may begin another.
    pub async fn idle(&self, account: &Account) -> SyncState {
        let mut calm = 0;
        for _ in 0..600 {
            let state = self.state(account).await;
            calm = if state.running || state.ended_at.is_none() { 0 } else { calm + 1 };
            if calm > 5 {
                assert!(state.failure.is_none(), "{:?}", state.failure);
                return state;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sync did not end");
    }

    pub async fn items(&self, account: &Account, more: Value) -> (Vec<Value>, u64) {
        let mut body = json!({ "data_source_id": account.number, "pagination": { "limit": 250 } });
        put(&mut body, &more);
        let said = self.fine("/integrations/items/list", body).await;
        (said["items"].as_array().unwrap().clone(), said["count"].as_u64().unwrap())
    }

    pub async fn files(&self, filters: Value) -> Vec<Value> {
        let body = json!({ "pagination": { "limit": 250 }, "order_by": "id", "filters": filters });
        let said = self.fine("/user_files_v2", body).await;
        let results = said["results"].as_array().unwrap().clone();
        assert_eq!(said["count"], results.len());
        results
    }

    pub async fn file(&self, number: &Value) -> Value {
        self.files(json!({ "ids": [number] })).await.pop().unwrap()
    }

    /// Waits until files have this status.
    pub async fn until(&self, filters: Value, status: &str, count: usize) -> Vec<Value> {
        let mut last = Vec::new();
        for _ in 0..400 {
            last = self.files(filters.clone()).await;
            if last.len() == count && last.iter().all(|file| file["sync_status"] == status) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{filters}: {last:#?}");
    }
}

pub async fn key(stage: &Stage, name: &str) -> String {
    let added: AddedKey = stage.ask("add_key", json!({ "name": name, "per_minute": 0 })).await.unwrap();
    added.secret
}

/// Another key of the same organization.
pub async fn key_again(stage: &Stage, organization: &str) -> String {
    let ask = json!({ "name": "Another", "organization": organization, "per_minute": 0 });
    let added: AddedKey = stage.ask("add_key", ask).await.unwrap();
    added.secret
}

pub fn quiet() -> SyncOptions {
    SyncOptions { sync_files_on_connection: false, sync_source_items: false, ..SyncOptions::default() }
}

pub fn put(body: &mut Value, more: &Value) {
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
}

pub fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// What a person reads.
pub fn sentence(said: &Value) -> String {
    let words = said["detail"].as_str().unwrap_or_else(|| panic!("no sentence: {said}")).to_owned();
    assert!(words.contains(' ') && words.ends_with('.'), "no sentence: {words:?}");
    assert!(!words.contains("did not expect"), "{words}");
    words
}

/// The places of faults.
pub fn locs(said: &Value) -> Vec<String> {
    let faults = said["detail"].as_array().unwrap_or_else(|| panic!("no faults: {said}"));
    for fault in faults {
        assert!(fault["msg"].is_string() && fault["type"].is_string(), "{fault}");
    }
    faults.iter().map(|it| it["loc"].to_string()).collect()
}

pub fn names(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

pub fn ids(rows: &[Value]) -> BTreeSet<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// Files with a text in their own format, folders first.
pub fn split(items: &[Value]) -> (Vec<&Value>, Vec<&Value>) {
    let folders = items.iter().filter(|it| it["is_expandable"] == true).collect();
    (folders, items.iter().filter(|it| it["is_expandable"] == false && it["is_selectable"] == true).collect())
}
