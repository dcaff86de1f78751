//! Stands in for the person and their browser at a consent page: opens the address, fills in the form,
//! presses the button and tells where the browser would go. For the demonstration and for tests.

use std::io;

use url::{Url, form_urlencoded};

use crate::client;
use crate::wire::Reply;

/// What the person does. The default is Maya Lind, everything left ticked, Allow.
#[derive(Debug, Clone)]
pub struct Visit {
    pub person: String,
    /// Scopes to untick.
    pub untick: Vec<String>,
    /// Answers to the page's further questions, by key; a key may come several times. A question that is not
    /// named here keeps the answer the page suggests.
    pub choices: Vec<(String, String)>,
    /// Press Cancel instead of Allow.
    pub cancel: bool,
    /// A fault chosen under "Make something go wrong".
    pub fault: Option<crate::Fault>,
}

impl Default for Visit {
    fn default() -> Self {
        Visit {
            person: "maya".to_owned(),
            untick: Vec::new(),
            choices: Vec::new(),
            cancel: false,
            fault: None,
        }
    }
}

impl Visit {
    /// Opens `page` (on a practice origin) and answers it. Yields the address the browser is sent to.
    ///
    /// An error of kind `Other` tells that a page without a way back was shown, with the page's title.
    pub async fn answer(&self, page: &Url) -> io::Result<Url> {
        let opened = client::send("GET", page, &[("accept", "text/html")], b"").await?;
        if let Some(elsewhere) = location(page, &opened)? {
            return Ok(elsewhere);
        }
        let html = String::from_utf8_lossy(&opened.body).into_owned();
        if opened.status != 200 || !html.contains(crate::house::CONSENT) {
            return Err(dead_end(&html));
        }
        let target = page.join(crate::house::CONSENT).map_err(io::Error::other)?;
        let body = self.form(&html);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answered = client::send("POST", &target, &headers, body.as_bytes()).await?;
        let text = String::from_utf8_lossy(&answered.body).into_owned();
        location(page, &answered)?.ok_or_else(|| dead_end(&text))
    }

    /// The fields that a browser would send for the page as it is, changed by what this person does.
    fn form(&self, html: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for input in html.split("<input ").skip(1).filter_map(|rest| rest.split('>').next()) {
            let (kind, name) = (attribute(input, "type"), attribute(input, "name"));
            let value = attribute(input, "value");
            let on = kind == "hidden" || input.ends_with(" checked");
            let chosen = |key: &str| self.choices.iter().any(|(name, _)| name == key);
            if name.strip_prefix("choice.").is_some_and(chosen) {
                continue;
            }
            if name == "person" || !on || name == "permission" && self.untick.contains(&value) {
                continue;
            }
            form.append_pair(&name, &value);
        }
        for (key, value) in &self.choices {
            form.append_pair(&format!("choice.{key}"), value);
        }
        form.append_pair("person", &self.person);
        form.append_pair("fault", &self.fault.map(crate::Fault::name).unwrap_or_default());
        form.append_pair("decision", if self.cancel { "cancel" } else { "allow" });
        form.finish()
    }
}

fn attribute(tag: &str, name: &str) -> String {
    let start = format!("{name}=\"");
    let value = tag.split(&start).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn location(page: &Url, reply: &Reply) -> io::Result<Option<Url>> {
    let said = reply.headers.iter().find(|(name, _)| name == "location");
    said.map(|(_, address)| page.join(address).map_err(io::Error::other)).transpose()
}

fn dead_end(html: &str) -> io::Error {
    let title = html.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
    io::Error::other(title.unwrap_or("a page without a way back").to_owned())
}
