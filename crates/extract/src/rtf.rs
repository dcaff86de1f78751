//! Rich text. Read here and not by a crate, because its bytes are in code pages that change within a document.

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use crate::{Reason, sink::Sink};

/// More groups inside each other are nobody's writing.
const MAX_GROUPS: usize = 10_000;

pub(crate) fn read(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    if !bytes.starts_with(b"{\\rtf") {
        return Err(Reason::Broken);
    }
    let mut reader = Reader {
        sink,
        group: Group { hidden: false, in_fonts: false, font: 0, bytes_after_unicode: 1 },
        groups: Vec::new(),
        page: WINDOWS_1252,
        fonts: HashMap::new(),
        listed: 0,
        pending: Vec::new(),
        pending_in: WINDOWS_1252,
        high: None,
        passed_over: 0,
    };
    let mut rest = bytes;
    while let Some((token, behind)) = next(rest) {
        rest = behind;
        match token {
            Token::Open if reader.groups.len() >= MAX_GROUPS => return Err(Reason::Broken),
            Token::Open => reader.open(),
            Token::Close => {
                reader.close();
                if reader.groups.is_empty() {
                    reader.flush();
                    return Ok(());
                }
            }
            // Pictures and such, which are not text in any charset.
            Token::Word("bin", length) => {
                let length = usize::try_from(length.unwrap_or(0)).unwrap_or(0).min(rest.len());
                rest = &rest[length..];
            }
            Token::Word(word, number) => reader.word(word, number),
            Token::Symbol(symbol) => reader.symbol(symbol),
            Token::Byte(byte) => reader.byte(byte),
        }
        if reader.sink.is_full() {
            return Ok(());
        }
    }
    reader.flush();
    reader.sink.leave_out();
    Ok(())
}

enum Token<'a> {
    Open,
    Close,
    /// `\par` or `\u8364`.
    Word(&'a str, Option<i32>),
    /// `\~`, `\*` and such.
    Symbol(u8),
    /// A character of the text, or `\'e4`.
    Byte(u8),
}

fn next(bytes: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        b'{' => Some((Token::Open, rest)),
        b'}' => Some((Token::Close, rest)),
        // The lines of the file are not the lines of the text.
        b'\r' | b'\n' => next_after_lines(rest),
        b'\\' => control(rest),
        byte => Some((Token::Byte(byte), rest)),
    }
}

fn next_after_lines(bytes: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    next(&bytes[start..])
}

/// What stands behind a backslash.
fn control(bytes: &[u8]) -> Option<(Token<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first == b'\'' {
        let digits = rest.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        return match digits.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(byte) => Some((Token::Byte(byte), &rest[2..])),
            None => Some((Token::Symbol(first), rest)),
        };
    }
    if !first.is_ascii_alphabetic() {
        return Some((Token::Symbol(first), rest));
    }
    let end = bytes.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at(end);
    let sign = usize::from(rest.first() == Some(&b'-'));
    let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = if digits > 0 { rest.split_at(sign + digits) } else { (&[][..], rest) };
    let number = std::str::from_utf8(number).ok().and_then(|it| it.parse().ok());
    // One space ends the word and is part of it.
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    Some((Token::Word(std::str::from_utf8(word).unwrap_or_default(), number), rest))
}

struct Reader<'a> {
    sink: &'a mut Sink,
    group: Group,
    groups: Vec<Group>,
    /// The document's charset.
    page: &'static Encoding,
    /// The charsets of the fonts that have one of their own.
    fonts: HashMap<i32, &'static Encoding>,
    /// The font that the font table is at.
    listed: i32,
    /// Bytes that wait to be decoded together, for a character may be two of them.
    pending: Vec<u8>,
    pending_in: &'static Encoding,
    /// The first half of a character outside of the basic plane.
    high: Option<u16>,
    /// Bytes still to pass over: they repeat the last `\u` for readers that do not know it.
    passed_over: u32,
}

/// What ends with a group.
#[derive(Clone, Copy)]
struct Group {
    hidden: bool,
    in_fonts: bool,
    font: i32,
    bytes_after_unicode: u32,
}

impl Reader<'_> {
    fn open(&mut self) {
        self.flush();
        self.passed_over = 0;
        self.groups.push(self.group);
    }

    fn close(&mut self) {
        self.flush();
        self.passed_over = 0;
        if let Some(group) = self.groups.pop() {
            self.group = group;
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.passed_over > 0 {
            self.passed_over -= 1;
        } else if !self.group.hidden {
            let encoding = self.fonts.get(&self.group.font).copied().unwrap_or(self.page);
            if encoding != self.pending_in {
                self.flush();
                self.pending_in = encoding;
            }
            self.pending.push(byte);
        }
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let (text, _) = self.pending_in.decode_without_bom_handling(&self.pending);
            self.sink.words(&text);
            self.pending.clear();
        }
    }

    fn write(&mut self, text: &str) {
        if !self.group.hidden {
            self.flush();
            self.sink.words(text);
        }
    }

    fn gap(&mut self, gap: fn(&mut Sink)) {
        if !self.group.hidden {
            self.flush();
            gap(self.sink);
        }
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            // A destination that a reader may pass over when it does not know it. None of these is text.
            b'*' => self.group.hidden = true,
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'~' => self.write(" "),
            b'_' => self.write("-"),
            b'\r' | b'\n' => self.gap(Sink::newline),
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        match word {
            "par" | "line" | "softline" => self.gap(Sink::newline),
            "sect" | "page" => self.gap(Sink::paragraph),
            "trowd" | "row" | "nestrow" => self.gap(Sink::row),
            "cell" | "nestcell" => self.gap(Sink::cell),
            "tab" => self.gap(Sink::tab),
            "emdash" => self.write("—"),
            "endash" => self.write("–"),
            "bullet" => self.write("•"),
            "lquote" => self.write("‘"),
            "rquote" => self.write("’"),
            "ldblquote" => self.write("“"),
            "rdblquote" => self.write("”"),
            "emspace" | "enspace" | "qmspace" => self.write(" "),
            "u" => self.unicode(number.unwrap_or(0)),
            "uc" => self.group.bytes_after_unicode = u32::try_from(number.unwrap_or(1)).unwrap_or(0),
            "ansicpg" => self.page = code_page(number.unwrap_or(1252)).unwrap_or(self.page),
            "mac" => self.page = encoding_rs::MACINTOSH,
            "f" if self.group.in_fonts => self.listed = number.unwrap_or(0),
            "f" => self.group.font = number.unwrap_or(0),
            "plain" => self.group.font = 0,
            "fcharset" => {
                if let Some(encoding) = charset(number.unwrap_or(0)) {
                    self.fonts.insert(self.listed, encoding);
                }
            }
            "fonttbl" => {
                self.group.in_fonts = true;
                self.group.hidden = true;
            }
            // Hidden text, deleted text, and the second telling of a message that was HTML.
            "v" | "deleted" | "htmlrtf" => {
                self.flush();
                self.group.hidden = number != Some(0);
            }
            "colortbl" | "stylesheet" | "info" | "pict" | "objdata" | "fldinst" | "themedata"
            | "datastore" | "nonshppict" | "bkmkstart" | "bkmkend" | "filetbl" | "listtable" | "xe"
            | "tc" => {
                self.group.hidden = true;
            }
            _ => {}
        }
    }

    /// Halves of a character are written as numbers that may be negative.
    fn unicode(&mut self, number: i32) {
        self.passed_over = self.group.bytes_after_unicode;
        let unit = (number & 0xffff) as u16;
        let high = self.high.take();
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return;
        }
        let is_low = (0xdc00..0xe000).contains(&unit);
        let units = high.filter(|_| is_low).into_iter().chain([unit]);
        for c in char::decode_utf16(units).flatten() {
            self.write(c.encode_utf8(&mut [0; 4]));
        }
    }
}

fn code_page(number: i32) -> Option<&'static Encoding> {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10_000 => "macintosh".to_owned(),
        65_001 => "utf-8".to_owned(),
        other => format!("windows-{other}"),
    };
    Encoding::for_label(label.as_bytes())
}

/// A font's charset, where it is not the document's.
fn charset(number: i32) -> Option<&'static Encoding> {
    code_page(match number {
        77 => 10_000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rtf: &str) -> String {
        let mut sink = Sink::new(10_000);
        read(rtf.as_bytes(), &mut sink).unwrap();
        sink.finish().text
    }

    #[test]
    fn words_lines_and_tables() {
        let rtf = r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator Nobody;}{\info{\title No}}\f0 One {\b two}\par
            Caf\'e9 \{x\} \emdash  {\v hidden}end\par\par\trowd a\cell b\cell\row c\cell d\cell\row}";
        assert_eq!(text(rtf), "One two\nCafé {x} — end\n\na\tb\nc\td");
    }

    #[test]
    fn characters_of_every_charset() {
        assert_eq!(text(r"{\rtf1\ansi\uc1 Gr\u246?\u223?e \u8364? \u-10179?\u-8704?!}"), "Größe € 😀!");
        let fonts = r"{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset128 B;}{\f2\fcharset204 C;}}";
        let rtf = format!(r"{{\rtf1\ansi\ansicpg1252{fonts}\f0 \'fc {{\f1 \'93\'fa\'96\'7b}} {{\f2 \'cc}}}}");
        assert_eq!(text(&rtf), "ü 日本 М");
        assert_eq!(text(r"{\rtf1\ansi\ansicpg936 \'d6\'d0\'ce\'c4}"), "中文");
    }

    #[test]
    fn a_picture_is_passed_over() {
        assert_eq!(text("{\\rtf1 a{\\pict\\bin5 }}{}\\}b}"), "ab");
    }
}
