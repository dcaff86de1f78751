//! The pages that a person's browser shows around a sign-in: complete in themselves, without a script, loading nothing.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
pub(super) use tieline_engine::callback::escaped;

/// A page under construction: a heading, then what is put below it.
pub(super) struct Page {
    title: String,
    body: String,
    /// What the browser does by itself: look again after so many seconds, or go on somewhere.
    again: Option<String>,
    wide: bool,
}

impl Page {
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), body: String::new(), again: None, wide: false }
    }

    /// One with room for a list.
    pub fn wide(title: &str) -> Self {
        Self { wide: true, ..Self::new(title) }
    }

    pub fn words(mut self, words: &str) -> Self {
        self.body += &format!("<p>{}</p>", escaped(words));
        self
    }

    /// A link that looks like the main button.
    pub fn button(mut self, label: &str, to: &str) -> Self {
        self.body += &format!("<p><a class=\"main\" href=\"{}\">{}</a></p>", escaped(to), escaped(label));
        self
    }

    /// A text to be copied as it is.
    pub fn letter(mut self, text: &str) -> Self {
        self.body += &format!("<pre tabindex=\"0\">{}</pre>", escaped(text));
        self
    }

    /// Markup, made of escaped parts.
    pub fn markup(mut self, markup: &str) -> Self {
        self.body += markup;
        self
    }

    pub fn looks_again(mut self, seconds: u32) -> Self {
        self.again = Some(seconds.to_string());
        self
    }

    /// Goes on there at once; a browser that does not has the button.
    pub fn goes_on(mut self, label: &str, to: &str) -> Self {
        self.again = Some(format!("0;url={to}"));
        self.button(label, to)
    }

    pub fn answer(self, status: StatusCode) -> Response {
        (status, headers(), self.html()).into_response()
    }

    fn html(&self) -> String {
        let (title, body) = (escaped(&self.title), &self.body);
        let again = match &self.again {
            Some(what) => format!("<meta http-equiv=\"refresh\" content=\"{}\">", escaped(what)),
            None => String::new(),
        };
        let class = if self.wide { " class=\"wide\"" } else { "" };
        let style = STYLE;
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
             {again}<title>{title} · Tieline</title><style>{style}</style></head>\
             <body><main{class}>{MARK}<h1>{title}</h1>{body}</main></body></html>"
        )
    }
}

/// On to another page of ours. What was in the address is not kept in the history.
pub(super) fn go(to: &str) -> Response {
    let mut answer = StatusCode::SEE_OTHER.into_response();
    *answer.headers_mut() = headers();
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(header::LOCATION, to);
    }
    answer
}

/// A page's own address may stand in the referrer of its own forms only, as the server tells its forms by their origin.
fn headers() -> HeaderMap {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'"
        )
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers
}

const STYLE: &str = "\
:root{--bg:light-dark(#fcfcfa,#161817);--surface:light-dark(#fff,#1c1f1e);--line:light-dark(#e7e7e1,#2a2e2c);\
--edge:light-dark(#838884,#737a76);--text:light-dark(#191c1b,#eceeed);--text-2:light-dark(#4c524f,#b3bab6);\
--text-3:light-dark(#646a66,#919995);--accent:light-dark(#0f5f5b,#1b7670);--accent-hover:light-dark(#0c524e,#1a8079);\
--accent-text:light-dark(#0d5c58,#66cbc1);--accent-soft:light-dark(#e4f0ee,#142a28);--focus:light-dark(#0f6f6a,#66cbc1);\
--hover:light-dark(rgb(24 32 28/.045),rgb(232 240 236/.055))}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--bg);color:var(--text);\
font:0.875rem/1.55 -apple-system,\"Segoe UI Variable Text\",\"Segoe UI\",\"Adwaita Sans\",Inter,Cantarell,\"Noto Sans\",system-ui,sans-serif}\
main{max-width:26rem;padding:2rem;text-align:center}\
main.wide{width:100%;max-width:46rem;text-align:left;align-self:start}\
svg{width:3.5rem;height:3.5rem}\
.wide svg{width:2rem;height:2rem;vertical-align:middle}\
h1{margin:1.25rem 0 .5rem;font-size:1.625rem;line-height:1.3;font-weight:600;letter-spacing:-.021em}\
.wide h1{display:inline-block;margin:0 0 0 .75rem;vertical-align:middle;font-size:1.25rem}\
p{margin:0 0 .75rem;color:var(--text-2);text-wrap:balance;overflow-wrap:anywhere}\
.wide p{text-wrap:wrap}\
pre{margin:0 0 1rem;padding:.75rem 1rem;border:1px solid var(--line);border-radius:8px;background:var(--surface);\
color:var(--text);font:inherit;text-align:left;white-space:pre-wrap;overflow-wrap:anywhere}\
a{color:var(--accent-text)}\
:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:5px}\
.main,button{display:inline-block;min-height:2rem;padding:.3rem .9rem;border:1px solid var(--accent);border-radius:8px;\
background:var(--accent);color:#fff;font:inherit;font-weight:500;text-decoration:none;cursor:pointer}\
.main:hover,button:hover{background:var(--accent-hover)}\
.plain,button.plain{background:var(--surface);border-color:var(--edge);color:var(--text)}\
.plain:hover,button.plain:hover{background:linear-gradient(var(--hover),var(--hover)),var(--surface)}\
form.ask{display:flex;gap:.75rem;justify-content:center}\
form.fill{text-align:left}\
.fill label{display:block;font-weight:500}\
.fill input{display:block;width:100%;min-height:2.25rem;margin:.25rem 0;padding:0 .75rem;border:1px solid var(--edge);\
border-radius:8px;background:var(--surface);color:var(--text);font:inherit}\
.fill small{display:block;margin-bottom:1rem;color:var(--text-2);font-size:.75rem}\
.fill .bad{color:light-dark(#b0291e,#ff968a)}\
nav{margin:1.25rem 0 .5rem;color:var(--text-3)}\
nav ol{display:flex;flex-wrap:wrap;gap:.25rem .5rem;margin:0;padding:0;list-style:none}\
nav li+li::before{content:\"/\";margin-right:.5rem;color:var(--text-3)}\
.note{margin:1.25rem 0 0;padding:.6rem .9rem;border-radius:8px;background:var(--accent-soft);color:var(--text)}\
ul.rows{margin:0;padding:.375rem 0;border:1px solid var(--line);border-radius:12px;background:var(--surface);list-style:none}\
.rows li{display:flex;align-items:center;gap:.75rem;min-height:2.125rem;padding:.15rem .9rem}\
.rows li:hover{background:var(--hover)}\
.rows label{display:flex;align-items:center;gap:.75rem;flex:1;min-width:0;min-height:1.625rem;overflow-wrap:anywhere}\
.rows input{width:1rem;height:1rem;margin:0;flex:none;accent-color:var(--accent)}\
.rows small{margin-left:auto;padding-left:1rem;color:var(--text-3);font-size:.75rem;white-space:nowrap}\
.empty{padding:1rem;color:var(--text-3)}\
footer{position:sticky;bottom:0;display:flex;flex-wrap:wrap;align-items:center;gap:.75rem;padding:1rem 0;\
background:var(--bg);color:var(--text-3);font-size:.75rem}\
footer span{flex:1}";

const MARK: &str = "<svg viewBox=\"0 0 512 512\" aria-hidden=\"true\">\
<rect width=\"512\" height=\"512\" rx=\"118\" fill=\"#0f5f5b\"/>\
<path d=\"M148 356C148 204 364 300 364 156\" fill=\"none\" stroke=\"#fff\" stroke-width=\"48\" stroke-linecap=\"round\"/>\
<circle cx=\"148\" cy=\"356\" r=\"60\" fill=\"#fff\"/>\
<circle cx=\"364\" cy=\"156\" r=\"56\" fill=\"#0f5f5b\" stroke=\"#e3b04b\" stroke-width=\"44\"/></svg>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_words_is_text() {
        let html = Page::new("A <b>").words("<img src=x onerror=alert('1')> & \"more\"").letter("<i>").html();
        assert!(html.contains("&lt;img src=x onerror=alert(&#39;1&#39;)&gt; &amp; &quot;more&quot;"));
        assert!(!html.contains("<img") && !html.contains("<b>") && !html.contains("<i>"));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_runs() {
        let html =
            Page::new("Connected").words("Done.").button("Choose files", "/integrations/pick/x").html();
        for word in ["http:", "https:", "url(", "@import", "src=", "<script"] {
            assert!(!html.contains(word), "{word}");
        }
        let answer = Page::new("Connected").answer(StatusCode::OK);
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"));
    }
}
