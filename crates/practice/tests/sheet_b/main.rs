//! Microsoft's and Google's practice providers over real TCP: each provider's whole flow, what is odd on its
//! wire, and what goes wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod google;
mod google_contents;
mod microsoft;
mod support;

use support::{GMAIL, memory};

#[tokio::test]
async fn the_apps_an_administrator_made_are_told_with_their_inputs() {
    let practice = memory().await;
    let app = |provider: &str| practice.apps().iter().find(|app| app.provider == provider).unwrap().clone();
    assert_eq!(app("SHAREPOINT").inputs["tenant"], "acme.onmicrosoft.com");
    assert_eq!(app("SHAREPOINT").inputs["site"], "sites/Mkt");
    assert_eq!(app("ONEDRIVE").client_secret, None);
    assert_eq!(app("GOOGLE_CLOUD_STORAGE").inputs["bucket"], "acme-reports");
    assert_eq!(app("GMAIL").client_id, GMAIL.id);
}
