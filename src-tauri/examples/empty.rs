//! An empty window, built the way Tieline's is: the floor that the benchmark holds the window against.

use tauri::{Url, WebviewUrl, WebviewWindowBuilder, http};

const PAGE: &str =
    "<!doctype html><title>Empty</title><p style=\"margin:40vh auto;width:9em\">An empty window";

fn main() {
    tauri::Builder::default()
        .register_uri_scheme_protocol("empty", |_, _| {
            let page = PAGE.as_bytes().to_vec();
            http::Response::builder().header("content-type", "text/html").body(page).expect("a page")
        })
        .setup(|app| {
            let page = WebviewUrl::CustomProtocol(Url::parse("empty://localhost/")?);
            WebviewWindowBuilder::new(app, "main", page)
                .title("Empty")
                .inner_size(1200.0, 760.0)
                .center()
                .build()?;
            Ok(())
        })
        .run(tauri::generate_context!())
        .expect("the window opens");
}
