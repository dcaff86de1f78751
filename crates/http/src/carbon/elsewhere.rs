//! What the published API has and this product has not: said so, each with what there is in its place.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};

use super::{Answer, Caller, Sorry};
use crate::Door;

/// Why not, and what to do instead.
const VECTORS: &str = "Tieline makes no chunks or embeddings yet: it keeps each file's text, which /user_files_v2 hands \
    out with include_parsed_text_file. Chunk and embed that text in your own pipeline.";
const UPLOADS: &str = "Tieline reads what connected accounts hold and takes no uploads. Put the file where a connected \
    account reads it, and sync it with /integrations/files/sync.";
const WEB: &str = "Tieline does not read web pages: it reads what connected accounts hold. Fetch the page with a program \
    of your own.";
pub(super) const NO_SIGN_IN: &str = "Tieline connects accounts by a sign-in in the browser, and this service has none \
    here. The services it connects are those of /integrations/oauth_url.";
const UNIFIED: &str = "Tieline has no unified records of this service. What it lists is at /integrations/items/list, and \
    what was read at /user_files_v2.";

#[rustfmt::skip]
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("POST", "/embeddings", VECTORS),
    ("POST", "/text_chunks", VECTORS),
    ("POST", "/list_chunks_and_embeddings", VECTORS),
    ("POST", "/upload_chunks_and_embeddings", VECTORS),
    ("POST", "/uploadfile", UPLOADS),
    ("POST", "/upload_file_from_url", UPLOADS),
    ("POST", "/upload_text", UPLOADS),
    ("POST", "/web_scrape", WEB),
    ("POST", "/scrape_sitemap", WEB),
    ("POST", "/fetch_webpage", WEB),
    ("POST", "/user_webpages", WEB),
    ("GET", "/process_sitemap", WEB),
    ("GET", "/fetch_urls", WEB),
    ("GET", "/search_urls", WEB),
    ("GET", "/fetch_youtube_transcript", WEB),
    ("POST", "/integrations/gitbook", NO_SIGN_IN),
    ("GET", "/integrations/gitbook/spaces", NO_SIGN_IN),
    ("POST", "/integrations/gitbook/sync", NO_SIGN_IN),
    ("POST", "/integrations/freshdesk", NO_SIGN_IN),
    ("POST", "/integrations/guru", NO_SIGN_IN),
    ("POST", "/integrations/document360", NO_SIGN_IN),
    ("POST", "/integrations/github", NO_SIGN_IN),
    ("GET", "/integrations/github/repos", NO_SIGN_IN),
    ("POST", "/integrations/github/sync_repos", NO_SIGN_IN),
    ("POST", "/integrations/s3", NO_SIGN_IN),
    ("POST", "/integrations/s3/files", NO_SIGN_IN),
    ("POST", "/integrations/azure_blob_storage", NO_SIGN_IN),
    ("POST", "/integrations/azure_blob_storage/files", NO_SIGN_IN),
    ("POST", "/integrations/rss_feed", NO_SIGN_IN),
    ("POST", "/integrations/data/crm/{*record}", UNIFIED),
    ("GET", "/integrations/data/crm/{*record}", UNIFIED),
    ("POST", "/integrations/data/github/{*record}", UNIFIED),
    ("GET", "/integrations/data/github/{*record}", UNIFIED),
];

pub(super) fn routes() -> Router<Arc<Door>> {
    ELSEWHERE.iter().fold(Router::new(), |router, (method, path, _)| {
        let route: MethodRouter<Arc<Door>> = if *method == "GET" { get(not_here) } else { post(not_here) };
        router.route(path, route)
    })
}

/// 501, to those who would be let in.
async fn not_here(State(_): State<Arc<Door>>, _: Caller, route: MatchedPath) -> Answer {
    let why = ELSEWHERE.iter().find(|(_, path, _)| *path == route.as_str()).map_or(NO_SIGN_IN, |it| it.2);
    Err(Sorry::new(StatusCode::NOT_IMPLEMENTED, why))
}
