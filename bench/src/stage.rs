//! Practice providers in another process, and the product over them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tieline_engine::{App, Browser, Clock, PracticeStarter, PracticeWorld, SCHEME, Start};
use tieline_practice::Practice;
use tieline_practice::visitor::Visit;
use url::Url;

use crate::Measured;

/// The provider that is measured at, and where it takes codes and refresh tokens.
pub const PROVIDER: &str = "DROPBOX";
pub const SIGN_IN: &str = "https://www.dropbox.com/oauth2/authorize";
pub const TOKENS: &str = "https://api.dropboxapi.com/oauth2/token";
/// The same provider described by hand: it names nobody, so that one person can be connected many times.
pub const SERVICE: &str = "CUSTOM_BENCH";
const REDIRECT: &str = "app.tieline.desktop://integrations/custom_bench";

/// Dropped, it ends the practice providers.
pub struct Stage {
    pub practice: Practice,
    child: Child,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

fn wrong(what: &'static str) -> impl Fn(std::io::Error) -> String {
    move |why| format!("{what}: {why}")
}

impl Stage {
    pub async fn open() -> Measured<Self> {
        let program = std::env::current_exe().map_err(wrong("This program"))?;
        let mut child = Command::new(program)
            .arg("practise")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(wrong("The practice providers"))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(wrong("The practice providers"))?;
        }
        let control: Url =
            line.trim().parse().map_err(|_| "The practice providers did not start.".to_owned())?;
        let practice = tieline_practice::join(control).await.map_err(wrong("The practice providers"))?;
        practice.register_redirects(PROVIDER, &[REDIRECT.to_owned()]).await;
        Ok(Self { practice, child })
    }

    /// The product in practice mode over a folder.
    pub async fn product(&self, folder: &Path) -> Measured<App> {
        let practice = self.practice.clone();
        let starter: PracticeStarter = Arc::new(move |_| {
            let practice = practice.clone();
            Box::pin(async move { Ok(PracticeWorld::new(practice.practised(), practice)) })
        });
        let start = Start {
            data_folder: Some(folder.to_owned()),
            practice: true,
            scheme: Some(SCHEME.into()),
            browser: Browser::none(),
            clock: Clock::system(),
            practice_starter: Some(starter),
            extractor: None,
        };
        App::open(start).await.map_err(|error| error.to_string())
    }

    /// Describes the provider by hand and signs in so many times; yields the connections.
    pub async fn connections(&self, app: &App, count: usize) -> Measured<Vec<String>> {
        let keys =
            self.practice.apps().iter().find(|it| it.provider == PROVIDER).ok_or("There is no app.")?;
        let service = json!({
            "name": "Bench", "authorize_url": SIGN_IN, "token_url": TOKENS, "client_id": keys.client_id,
            "client_secret": keys.client_secret, "offline_access": false, "additional_parameters": "token_access_type=offline",
        });
        ask(app, "save_service", service).await?;
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            let (flow, back) = begin(app, SERVICE).await?;
            app.deliver(back.as_str());
            ids.push(connected(app, &flow).await?);
        }
        Ok(ids)
    }

    /// How many refreshes the provider has seen.
    pub async fn refreshes(&self) -> u64 {
        self.practice.counts(PROVIDER).await.refreshes
    }

    /// Signs in without the product; yields the form of a refresh, and where it is sent.
    pub async fn bare_refresh(&self) -> Measured<(Url, BTreeMap<&'static str, String>)> {
        let keys =
            self.practice.apps().iter().find(|it| it.provider == PROVIDER).ok_or("There is no app.")?;
        let place = |text: &str| -> Measured<Url> {
            let url: Url = text.parse().map_err(|_| "no address".to_owned())?;
            let origin =
                self.practice.origin(url.host_str().unwrap_or_default()).ok_or("no practice origin")?;
            origin.join(url.path()).map_err(|why| why.to_string())
        };
        // RFC 7636, appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let mut page = place(SIGN_IN)?;
        page.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &keys.client_id),
            ("redirect_uri", REDIRECT),
            ("token_access_type", "offline"),
            ("state", "bare"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        let back = Visit::default().answer(&page).await.map_err(wrong("The sign-in page"))?;
        let code = back.query_pairs().find(|(name, _)| name == "code").ok_or("no code")?.1.into_owned();
        let mut client = BTreeMap::from([("client_id", keys.client_id.clone())]);
        client.extend(keys.client_secret.clone().map(|secret| ("client_secret", secret)));
        let mut form = client.clone();
        form.extend([
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", REDIRECT.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ]);
        let url = place(TOKENS)?;
        let answer =
            bare_client()?.post(url.clone()).form(&form).send().await.map_err(|why| why.to_string())?;
        let tokens: Value = answer.json().await.map_err(|why| why.to_string())?;
        let token = tokens["refresh_token"].as_str().ok_or("The bare sign-in got no refresh token.")?;
        client.extend([("grant_type", "refresh_token".to_owned()), ("refresh_token", token.to_owned())]);
        Ok((url, client))
    }
}

/// The client of the floors: nothing but requests, over connections that stay open.
pub fn bare_client() -> Measured<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build().map_err(|why| why.to_string())
}

pub async fn ask(app: &App, name: &str, with: Value) -> Measured<Value> {
    app.call(name, with).await.map_err(|failure| format!("{name}: {} {}", failure.message, failure.hint))
}

/// Begins a sign-in and lets the person allow it; yields the flow and the address the browser comes back with.
pub async fn begin(app: &App, provider: &str) -> Measured<(String, Url)> {
    let flow =
        ask(app, "connect", json!({ "provider": provider, "way": "deep_link", "quiet": true })).await?;
    let id = flow["id"].as_str().unwrap_or_default().to_owned();
    let link = ask(app, "sign_in_link", json!({ "id": id })).await?;
    let page: Url =
        link["url"].as_str().unwrap_or_default().parse().map_err(|_| "no sign-in page".to_owned())?;
    let back = Visit::default().answer(&page).await.map_err(wrong("The sign-in page"))?;
    Ok((id, back))
}

/// Waits, by what the product tells, until a sign-in has ended well; yields the connection.
pub async fn connected(app: &App, flow: &str) -> Measured<String> {
    let mut changes = app.changes();
    loop {
        let now = ask(app, "flow", json!({ "id": flow })).await?;
        match now["step"].as_str() {
            Some("connected") => return Ok(now["connection"].as_str().unwrap_or_default().to_owned()),
            Some("waiting" | "finishing") => drop(changes.recv().await),
            _ => return Err(format!("A sign-in did not end well: {}", now["problem"]["happened"])),
        }
    }
}
