//! SharePoint: the sites of the organisation, by whose names others can be connected.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};
use url::Url;

use super::super::{Answer, Caller, answer};
use super::{Query, named, source_of, text_of};
use crate::Door;

const PROVIDER: &str = "SHAREPOINT";

pub(super) async fn sites(State(door): State<Arc<Door>>, caller: Caller, query: Query) -> Answer {
    let source = source_of(&door, &caller, PROVIDER, named(&query)?)?;
    let mut ask = vec![("search", "*"), ("$select", "id,name,displayName,webUrl")];
    ask.extend(query.get("cursor").filter(|it| !it.is_empty()).map(|cursor| ("$skiptoken", cursor.as_str())));
    let said = door.app.programs().ask_provider(&source.connection, "/sites", &ask).await?;
    let found = said["value"].as_array().into_iter().flatten();
    let next = text_of(&said, "@odata.nextLink").and_then(token);
    answer(json!({ "sites": found.filter_map(shown).collect::<Vec<_>>(), "next_cursor": next }))
}

fn shown(site: &Value) -> Option<Value> {
    let url = text_of(site, "webUrl");
    Some(json!({
        "id": text_of(site, "id")?,
        "name": url.and_then(name),
        "display_name": text_of(site, "displayName"),
        "url": url,
    }))
}

/// What a site is connected by: `Mkt` for `…/sites/Mkt`, `teams/Field-Ops`; none for the main site.
fn name(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let path = url.path().trim_matches('/');
    let name = path.strip_prefix("sites/").unwrap_or(path);
    (!name.is_empty()).then(|| name.to_owned())
}

/// What a link to the next page differs by.
fn token(link: &str) -> Option<String> {
    let link = Url::parse(link).ok()?;
    link.query_pairs().find(|(name, _)| name == "$skiptoken").map(|(_, token)| token.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_the_name_it_is_connected_by() {
        let host = "https://acme.sharepoint.com";
        assert_eq!(name(&format!("{host}/sites/Mkt")).as_deref(), Some("Mkt"));
        assert_eq!(name(&format!("{host}/teams/Field-Ops/")).as_deref(), Some("teams/Field-Ops"));
        assert_eq!(name(host), None);
        let next = token("https://graph.microsoft.com/v1.0/sites?search=*&$skiptoken=s%21MQ");
        assert_eq!(next.as_deref(), Some("s!MQ"));
        assert_eq!(token("https://graph.microsoft.com/v1.0/sites?search=*"), None);
    }
}
