//! HTML: the text of its elements, in their order. No tree is built, so neither size nor depth costs more than their bytes.

use encoding_rs::Encoding;
use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use crate::{Reason, sink::Sink};

pub(crate) fn read(html: &str, sink: &mut Sink) -> Result<(), Reason> {
    let mut emitter = CallbackEmitter::new(Page {
        sink,
        hidden: false,
        set: 0,
        image: false,
        first_cell: true,
        attribute: Attribute::Other,
    });
    emitter.naively_switch_states(true);
    // The iterator yields when nothing more fits.
    let _ = Tokenizer::new_with_emitter(html, emitter).next();
    Ok(())
}

/// The charset of a `<meta>` in the first kilobyte, in either spelling.
pub(crate) fn declared_charset(html: &[u8]) -> Option<&'static Encoding> {
    let head = html.get(..html.len().min(1024))?.to_ascii_lowercase();
    let at = head.windows(8).position(|it| it == b"charset=")? + 8;
    let value = head[at..].trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end = value.iter().position(|byte| matches!(byte, b'"' | b'\'' | b' ' | b';' | b'>' | b'/'))?;
    Encoding::for_label(&value[..end])
}

struct Page<'a> {
    sink: &'a mut Sink,
    /// Inside of what is never shown; the tokenizer reads it as one string up to its end tag.
    hidden: bool,
    /// Depth of elements whose white space counts.
    set: u32,
    image: bool,
    /// The next cell is the first of its row.
    first_cell: bool,
    attribute: Attribute,
}

enum Attribute {
    Alt,
    Other,
}

enum Break {
    Inline,
    Newline,
    Line,
    Paragraph,
    Table,
    Row,
    Cell,
}

impl Callback<(), ()> for Page<'_> {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<()> {
        match event {
            CallbackEvent::String { value } if !self.hidden => {
                let text = std::str::from_utf8(value).unwrap_or_default();
                if self.set > 0 {
                    self.sink.verbatim(text);
                } else {
                    self.sink.words(text);
                }
            }
            CallbackEvent::OpenStartTag { name } => {
                self.hidden = is_hidden(name);
                self.image = name == b"img";
                self.attribute = Attribute::Other;
                self.break_at(name, true);
                if is_set(name) {
                    self.set += 1;
                }
            }
            CallbackEvent::AttributeName { name } if self.image => {
                self.attribute = if name == b"alt" { Attribute::Alt } else { Attribute::Other };
            }
            CallbackEvent::AttributeValue { value }
                if self.image && matches!(self.attribute, Attribute::Alt) =>
            {
                self.sink.space();
                self.sink.words(std::str::from_utf8(value).unwrap_or_default());
                self.sink.space();
            }
            CallbackEvent::EndTag { name } => {
                self.hidden = false;
                self.image = false;
                if is_set(name) {
                    self.set = self.set.saturating_sub(1);
                }
                self.break_at(name, false);
            }
            _ => {}
        }
        self.sink.is_full().then_some(())
    }
}

impl Page<'_> {
    fn break_at(&mut self, name: &[u8], starts: bool) {
        match break_of(name) {
            Break::Inline => {}
            Break::Newline if !starts => {}
            Break::Newline => self.sink.newline(),
            Break::Line => self.sink.line(),
            Break::Paragraph => self.sink.paragraph(),
            Break::Row => {
                self.sink.row();
                self.first_cell = true;
            }
            Break::Table => {
                self.sink.row();
                self.sink.paragraph();
            }
            // Ends of cells are often left out.
            Break::Cell if starts => {
                if std::mem::take(&mut self.first_cell) {
                    self.sink.first_cell();
                } else {
                    self.sink.cell();
                }
            }
            Break::Cell => {}
        }
    }
}

fn break_of(name: &[u8]) -> Break {
    match name {
        b"br" => Break::Newline,
        b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"ul" | b"ol" | b"dl" | b"pre"
        | b"blockquote" | b"hr" | b"title" => Break::Paragraph,
        b"div" | b"li" | b"dt" | b"dd" | b"section" | b"article" | b"header" | b"footer" | b"main"
        | b"nav" | b"aside" | b"address" | b"figure" | b"figcaption" | b"form" | b"fieldset" | b"legend"
        | b"details" | b"summary" | b"caption" | b"option" | b"center" | b"body" | b"thead" | b"tbody"
        | b"tfoot" | b"textarea" => Break::Line,
        b"table" => Break::Table,
        b"tr" => Break::Row,
        b"td" | b"th" => Break::Cell,
        _ => Break::Inline,
    }
}

fn is_set(name: &[u8]) -> bool {
    matches!(name, b"pre" | b"textarea" | b"listing")
}

fn is_hidden(name: &[u8]) -> bool {
    matches!(name, b"script" | b"style" | b"noscript" | b"iframe" | b"noembed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        let mut sink = Sink::new(1_000_000);
        read(html, &mut sink).unwrap();
        sink.finish().text
    }

    #[test]
    fn only_what_is_shown_is_text() {
        let html = "<!doctype html><html><head><title>Titel</title><style>p { color: red }</style>\
            <script>if (a < b) { alert('<p>no</p>') }</script></head><body><!-- no --><p>One&nbsp;&amp;\n two<b>fold</b></p>\
            <div>M&uuml;ller<br>Stra&#223;e</div><img src=x alt='A chart'> end</body></html>";
        assert_eq!(text(html), "Titel\n\nOne & twofold\n\nMüller\nStraße\nA chart end");
    }

    #[test]
    fn cells_are_parted_by_tabs() {
        let html = "<table><tr><th>Posten<th>Preis</tr><tr><td><p>Käse</p></td><td>3 €</td></tr><tr><td></td><td>Summe</td></tr></table>";
        assert_eq!(text(html), "Posten\tPreis\nKäse\t3 €\n\tSumme");
    }

    #[test]
    fn set_text_keeps_its_lines() {
        assert_eq!(text("<p>a  b</p><pre>x\n  y  z\n</pre>c  d"), "a b\n\nx\n  y  z\n\nc d");
    }

    #[test]
    fn the_charset_is_found_in_both_spellings() {
        for head in [
            "<meta charset='windows-1251'>",
            "<META http-equiv=Content-Type content=\"text/html; charset=windows-1251\">",
            "<meta charset=windows-1251>",
        ] {
            assert_eq!(declared_charset(head.as_bytes()), Some(encoding_rs::WINDOWS_1251));
        }
        assert_eq!(declared_charset(b"<meta charset=klingon>"), None);
    }
}
