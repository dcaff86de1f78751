//! What the browser shows when the sign-in is back: one page, complete in itself.

use url::Url;

/// A page's heading and the sentence under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub title: String,
    pub words: String,
    /// The browser goes on to there instead; an address of this computer.
    pub then: Option<Url>,
}

impl Page {
    pub fn received() -> Self {
        Self::new("Back in Tieline", "Tieline has the answer and finishes the rest. You can close this tab.")
    }

    pub fn connected() -> Self {
        Self::new("Connected", "You can close this tab and go back to Tieline.")
    }

    /// The provider reported an error: the person said no, or somebody else has to say yes.
    pub fn declined() -> Self {
        Self::new("Not connected", "Tieline shows why and what you can do. You can close this tab.")
    }

    /// No sign-in waits for this.
    pub fn unexpected() -> Self {
        Self::new(
            "Unexpected return",
            "Tieline is not waiting for this sign-in: it has ended, or it came from somewhere else. Nothing was \
             changed. Close this tab and start again in Tieline.",
        )
    }

    /// Another page of this computer shows how it went.
    pub fn going_on(then: Url) -> Self {
        Self { then: Some(then), ..Self::received() }
    }

    fn new(title: &str, words: &str) -> Self {
        Self { title: title.to_owned(), words: words.to_owned(), then: None }
    }

    pub(super) fn html(&self) -> String {
        let (title, words) = (escaped(&self.title), escaped(&self.words));
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
             <title>{title} · Tieline</title><style>{STYLE}</style></head>\
             <body><main>{MARK}<h1>{title}</h1><p>{words}</p></main><script>{SCRIPT}</script></body></html>"
        )
    }
}

/// Takes code and state out of the address bar and the history.
const SCRIPT: &str = "history.replaceState(null,\"\",location.pathname)";

const STYLE: &str = "body{margin:0;min-height:100vh;display:grid;place-items:center;\
background:light-dark(#fcfcfa,#161817);color:light-dark(#191c1b,#eceeed);\
font:0.875rem/1.55 -apple-system,\"Segoe UI Variable Text\",\"Segoe UI\",\"Adwaita Sans\",Inter,Cantarell,\"Noto Sans\",system-ui,sans-serif}\
main{max-width:26rem;padding:2rem;text-align:center}\
svg{width:3.5rem;height:3.5rem}\
h1{margin:1.25rem 0 0.5rem;font-size:1.625rem;line-height:1.3;font-weight:600;letter-spacing:-0.021em}\
p{margin:0;color:light-dark(#4c524f,#b3bab6);text-wrap:balance}";

const MARK: &str = "<svg viewBox=\"0 0 512 512\" aria-hidden=\"true\">\
<rect width=\"512\" height=\"512\" rx=\"118\" fill=\"#0f5f5b\"/>\
<path d=\"M148 356C148 204 364 300 364 156\" fill=\"none\" stroke=\"#fff\" stroke-width=\"48\" stroke-linecap=\"round\"/>\
<circle cx=\"148\" cy=\"356\" r=\"60\" fill=\"#fff\"/>\
<circle cx=\"364\" cy=\"156\" r=\"56\" fill=\"#0f5f5b\" stroke=\"#e3b04b\" stroke-width=\"44\"/></svg>";

/// Of every answer, pages or not. The two hashes are those of the style and the script above.
pub(super) const HEADERS: &str = "Content-Type: text/html; charset=utf-8\r\n\
Cache-Control: no-store\r\n\
Referrer-Policy: no-referrer\r\n\
X-Content-Type-Options: nosniff\r\n\
Content-Security-Policy: default-src 'none'; style-src 'sha256-13FBfM/tbYyYOmdrJdKBkTLOO3VV3RPFYx8AoRFp0p4='; script-src 'sha256-8A+3er73YJf04rRHGhbZwZQACPiiipi9EPduIeAAIDk='; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

/// Text as it may stand in HTML, also in an attribute.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(letter),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_words_is_text() {
        let html = Page::new("A", "<img src=x onerror=alert('1')> & \"more\"").html();
        assert!(html.contains("&lt;img src=x onerror=alert(&#39;1&#39;)&gt; &amp; &quot;more&quot;"));
        assert!(!html.contains("<img"));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let html = Page::connected().html();
        for word in ["http:", "https:", "//", "url(", "@import", "src=", "href="] {
            assert!(!html.contains(word), "{word}");
        }
    }
}
