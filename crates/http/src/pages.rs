//! The window's built pages, for a browser: the same rules as in the window.

use std::path::{Component, Path};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::Door;

const RULES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page at a path. Without pages, the top shows what is served instead.
pub(crate) async fn page(door: &Door, path: &str) -> Option<Response> {
    let name = path.trim_start_matches('/');
    let Some(folder) = &door.pages else {
        return name.is_empty().then(|| Redirect::temporary("/v1/").into_response());
    };
    let name = if name.is_empty() { "index.html" } else { name };
    // Nothing above the folder, however it is written.
    if name.contains(['%', '\\'])
        || !Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let file = folder.join(name);
    let bytes = tokio::fs::read(&file).await.ok()?;
    let kind = match file.extension().and_then(|it| it.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, RULES),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((StatusCode::OK, headers, bytes).into_response())
}
