//! What a person's browser does: it signs in, fills in forms and goes where it is sent.

use serde_json::{Value, json};
use tieline_practice::client;
use tieline_practice::visitor::Visit;
use tieline_practice::wire::Reply;
use url::Url;

use crate::carbon::house::{House, header, put};

impl House {
    /// Asks for a sign-in, answers the provider's page, and goes where the browser goes. Yields the last page.
    pub async fn sign_in(&self, body: Value) -> Reply {
        let url = self.fine("/integrations/oauth_url", body).await["oauth_url"].as_str().unwrap().to_owned();
        let url =
            if url.starts_with(self.base.as_str()) { self.fill(&url, "acme-reports").await } else { url };
        let back = Visit::default().answer(&url.parse().unwrap()).await.unwrap();
        self.follow(here(back)).await
    }

    /// Signs in, and yields the data source that there is now.
    pub async fn signed_in(&self, body: Value) -> Value {
        let before = self.sources().await.len();
        let page = self.sign_in(body).await;
        assert!(page_text(&page).contains("<h1>Connected</h1>"), "{}", page_text(&page));
        let sources = self.sources().await;
        assert_eq!(sources.len(), before + 1);
        sources.last().unwrap().clone()
    }

    pub async fn zendesk(&self) -> Value {
        self.signed_in(
            json!({ "service": "ZENDESK", "zendesk_subdomain": "acme", "sync_files_on_connection": false }),
        )
        .await
    }

    /// Answers the page that asks the person for a bucket. Yields where it goes on.
    pub async fn fill(&self, url: &str, bucket: &str) -> String {
        let form = page_text(&client::send("GET", &url.parse().unwrap(), &[], b"").await.unwrap());
        assert!(form.contains("<label for=\"bucket\">Bucket</label>"), "{form}");
        let reply = self.post_form(url, &[("once", &hidden(&form)), ("bucket", bucket)]).await;
        let page = page_text(&reply);
        let to = page.split("content=\"0;url=").nth(1).unwrap_or_else(|| panic!("{page}"));
        to.split('"').next().unwrap().replace("&amp;", "&")
    }

    pub async fn post_form(&self, url: &str, fields: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", url, &[("content-type", "application/x-www-form-urlencoded")], &body).await
    }

    pub async fn open_url(&self, url: &Value) -> Reply {
        client::send("GET", &url.as_str().unwrap().parse().unwrap(), &[], b"").await.unwrap()
    }

    /// Goes to an address of this computer, and on from there.
    pub async fn follow(&self, mut url: Url) -> Reply {
        for _ in 0..40 {
            let reply = client::send("GET", &url, &[("accept", "text/html")], b"").await.unwrap();
            let text = page_text(&reply);
            match header(&reply, "location") {
                Some(to) => url = url.join(to).unwrap(),
                None if text.contains("http-equiv=\"refresh\"") => {}
                None => return reply,
            }
        }
        panic!("the browser goes in circles at {url}");
    }
}

pub fn page_text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// The word that a form sends once.
pub fn hidden(page: &str) -> String {
    page.split("name=\"once\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Where a relay page would send the browser: to the listener that the state names.
pub fn here(mut back: Url) -> Url {
    if let Some(path) = back.path().strip_prefix("/relay").map(str::to_owned) {
        let state = back.query_pairs().find(|(name, _)| name == "state").map(|(_, it)| it.into_owned());
        let state = state.unwrap_or_else(|| panic!("no listener is named in {}", back.path()));
        let port = state.rsplit_once(".p").unwrap_or_else(|| panic!("{back}")).1.parse().unwrap();
        back.set_path(&path);
        back.set_port(Some(port)).unwrap();
    }
    back
}

/// What each service needs besides its name.
fn own_fields(service: &str, base: &Url) -> Value {
    match service {
        "ZENDESK" => json!({ "zendesk_subdomain": "acme" }),
        "CONFLUENCE" => json!({ "confluence_subdomain": "acme" }),
        "SALESFORCE" => json!({ "salesforce_domain": "acme.my.salesforce.com" }),
        "SHAREPOINT" => json!({ "microsoft_tenant": "acme.onmicrosoft.com", "sharepoint_site_name": "Mkt" }),
        "ONEDRIVE" | "OUTLOOK" => json!({ "microsoft_tenant": "acme.onmicrosoft.com" }),
        "GONG" => json!({ "gong_account_email": "maya.lind@acme.example" }),
        "SERVICENOW" => json!({ "servicenow_credentials": {
            "instance_subdomain": "acme",
            "client_id": "",
            "client_secret": "",
            "redirect_uri": base.join("integrations/servicenow").unwrap(),
        }}),
        _ => json!({}),
    }
}

/// What a program asks a sign-in with of which nothing is listed or read by itself.
pub fn asking(house: &House, service: &str, more: Value) -> Value {
    let mut body =
        json!({ "service": service, "sync_files_on_connection": false, "sync_source_items": false });
    put(&mut body, &own_fields(service, &house.base));
    put(&mut body, &more);
    if service == "SERVICENOW" {
        let app = house.stage.practice.apps().iter().find(|app| app.provider == service).unwrap();
        body["servicenow_credentials"]["client_id"] = app.client_id.clone().into();
        body["servicenow_credentials"]["client_secret"] = app.client_secret.clone().into();
    }
    body
}
