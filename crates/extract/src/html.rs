//! HTML: the text of its elements, in their order. No tree is built, so neither size nor depth costs more than their bytes.
//!
//! The tags are told apart here and not by a crate: mailboxes hold tens of thousands of pages, and the tokenizers there
//! are take every character through a state of the standard, which is more than twice the work.

use encoding_rs::Encoding;

use crate::{Reason, sink::Sink};

pub(crate) fn read(html: &str, sink: &mut Sink) -> Result<(), Reason> {
    let mut page = Page { sink, set: 0, first_cell: true };
    let mut rest = html;
    while let Some(at) = rest.find('<').filter(|_| !page.sink.is_full()) {
        let (text, markup) = rest.split_at(at);
        page.text(text);
        rest = page.markup(markup);
    }
    page.text(rest);
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
    /// Depth of elements whose white space counts.
    set: u32,
    /// The next cell is the first of its row.
    first_cell: bool,
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

impl Page<'_> {
    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = htmlize::unescape(text);
        if self.set > 0 {
            self.sink.verbatim(&text);
        } else {
            self.sink.words(&text);
        }
    }

    /// Takes what begins with `<`, and gives what stands behind it.
    fn markup<'a>(&mut self, markup: &'a str) -> &'a str {
        let bytes = markup.as_bytes();
        match (bytes.get(1), bytes.get(2)) {
            (Some(first), _) if first.is_ascii_alphabetic() => self.start_tag(&markup[1..]),
            (Some(b'/'), Some(first)) if first.is_ascii_alphabetic() => {
                let (name, rest) = tag_name(&markup[2..]);
                self.end(name.as_bytes());
                attributes(rest, |_, _| {})
            }
            // Two of the four dashes may be the same.
            (Some(b'!'), _) if markup.starts_with("<!--") => behind(&markup[2..], "-->"),
            (Some(b'!' | b'?' | b'/'), _) => behind(markup, ">"),
            _ => {
                self.text("<");
                markup.get(1..).unwrap_or_default()
            }
        }
    }

    fn start_tag<'a>(&mut self, tag: &'a str) -> &'a str {
        let (name, rest) = tag_name(tag);
        let name = name.as_bytes();
        self.break_at(name, true);
        if is_set(name) {
            self.set += 1;
        }
        let mut alt = None;
        let rest = attributes(rest, |name, value| {
            if name.eq_ignore_ascii_case("alt") {
                alt = Some(value);
            }
        });
        match (name, alt) {
            (b"img", Some(alt)) => {
                self.sink.space();
                self.sink.words(&htmlize::unescape_attribute(alt));
                self.sink.space();
                rest
            }
            // What is never shown, and is no markup up to its end.
            (b"script" | b"style" | b"noscript" | b"iframe" | b"noembed", _) => until_end_of(name, rest).1,
            (b"title" | b"textarea", _) => {
                let (text, rest) = until_end_of(name, rest);
                self.text(text);
                rest
            }
            _ => rest,
        }
    }

    fn end(&mut self, name: &[u8]) {
        if is_set(name) {
            self.set = self.set.saturating_sub(1);
        }
        self.break_at(name, false);
    }

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

/// In lower case, for comparison.
struct Name {
    bytes: [u8; 12],
    length: usize,
}

impl Name {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The name that stands here and what is behind it. A name that is longer than all we know is empty.
fn tag_name(tag: &str) -> (Name, &str) {
    let end = tag.bytes().position(|byte| is_space(byte) || matches!(byte, b'/' | b'>')).unwrap_or(tag.len());
    let (name, rest) = tag.split_at(end);
    let mut bytes = [0; 12];
    let length = match bytes.get_mut(..name.len()) {
        Some(room) => {
            room.copy_from_slice(name.as_bytes());
            room.make_ascii_lowercase();
            name.len()
        }
        None => 0,
    };
    (Name { bytes, length }, rest)
}

/// Shows each attribute that has a value, and gives what stands behind the tag.
fn attributes<'a>(tag: &'a str, mut see: impl FnMut(&'a str, &'a str)) -> &'a str {
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c == '/' || is_space_char(c));
        if let Some(behind) = rest.strip_prefix('>') {
            return behind;
        }
        if rest.is_empty() {
            return rest;
        }
        // A name may begin with anything, even with an equals sign.
        let end = rest
            .bytes()
            .skip(1)
            .position(|byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='))
            .map_or(rest.len(), |at| at + 1);
        let (name, behind) = rest.split_at(end);
        rest = behind;
        let Some(value) = rest.trim_start_matches(is_space_char).strip_prefix('=') else { continue };
        let value = value.trim_start_matches(is_space_char);
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, behind) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or_default(),
            None => value.split_at(
                value.bytes().position(|byte| is_space(byte) || byte == b'>').unwrap_or(value.len()),
            ),
        };
        see(name, value);
        rest = behind;
    }
}

/// What stands before the element's end tag, and the rest from there.
fn until_end_of<'a>(name: &[u8], rest: &'a str) -> (&'a str, &'a str) {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</").map(|at| at + from) {
        let tag = &rest.as_bytes()[at + 2..];
        let is_end = tag.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name))
            && tag.get(name.len()).is_none_or(|byte| is_space(*byte) || matches!(byte, b'/' | b'>'));
        if is_end {
            return rest.split_at(at);
        }
        from = at + 2;
    }
    (rest, "")
}

fn behind<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, behind)| behind)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

fn is_space_char(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
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
    fn tags_end_where_a_browser_ends_them() {
        for (html, expected) in [
            ("a < b <3 & c &lt; d", "a < b <3 & c < d"),
            ("<a title='x > y' b=\">\">one</a>", "one"),
            ("<a b=x>one</a><a ==\">\" >two", "onetwo"),
            (
                "<p/class=a>one<!-->two<!--x-- > -->three</ bogus>four<!x>five<?y>six",
                "onetwothreefourfivesix",
            ),
            ("<SCRIPT>'</p>' </scripts> </Script >shown", "shown"),
            ("<title>a <b> &amp; c</title>d", "a <b> & c\n\nd"),
            ("<img alt=\"x &amp; y\" src=z>", "x & y"),
            ("<script>never closed <p>", ""),
            ("a<", "a<"),
            ("a</", "a"),
            ("a<p title=\"never closed>b", "a"),
            ("<aVeryLongNameOfAnElement>a</aVeryLongNameOfAnElement>b", "ab"),
            ("<é>a<ü", "<é>a<ü"),
        ] {
            assert_eq!(text(html), expected, "{html}");
        }
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
