//! A mail with an attachment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::rows;
use super::text::separated;
use crate::contents::maker::Chance;
use crate::contents::{Thing, names};
use crate::dates;

const BOUNDARY: &str = "=_practice_part";

pub fn message(thing: &Thing, paragraphs: &[String]) -> Vec<u8> {
    let mut chance = Chance::of(&["mail", &thing.id]);
    let mut person = || {
        let (given, family) = (*chance.pick(&names::GIVEN), *chance.pick(&names::FAMILY));
        format!("{given} {family} <{}.{}@acme.example>", given.to_lowercase(), family.to_lowercase())
    };
    let (from, to) = (person(), person());
    let subject: String = paragraphs.first().map_or("", String::as_str).chars().take(48).collect();
    let token = thing.token();
    let text = quoted(&paragraphs.join("\r\n\r\n"));
    let sheet = lines(&STANDARD.encode(separated(&rows(paragraphs), ',')));
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{token}@acme.example>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\r\n\r\n\
         --{BOUNDARY}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n\
         --{BOUNDARY}\r\nContent-Type: text/csv; charset=utf-8; name=\"notes.csv\"\r\n\
         Content-Disposition: attachment; filename=\"notes.csv\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{sheet}\r\n--{BOUNDARY}--\r\n",
        encoded(&subject),
        dates::mail(thing.created),
    )
    .into_bytes()
}

/// A header's text after RFC 2047, in pieces of at most 75 characters.
pub fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.replace(['\r', '\n'], " ");
    }
    let letters: Vec<char> = text.chars().collect();
    let words = letters.chunks(10).map(|some| {
        let some: String = some.iter().collect();
        format!("=?utf-8?B?{}?=", STANDARD.encode(some))
    });
    words.collect::<Vec<_>>().join("\r\n ")
}

/// Quoted-printable, broken at 76 characters.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for (at, line) in text.split("\r\n").enumerate() {
        if at > 0 {
            out.push_str("\r\n");
        }
        let mut width = 0;
        for (place, byte) in line.bytes().enumerate() {
            let last = place + 1 == line.len();
            let piece = match byte {
                b' ' if last => "=20".to_owned(),
                b' '..=b'~' if byte != b'=' => char::from(byte).to_string(),
                other => format!("={other:02X}"),
            };
            if width + piece.len() > 75 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += piece.len();
            out.push_str(&piece);
        }
    }
    out
}

fn lines(base64: &str) -> String {
    let lines: Vec<&str> = (0..base64.len())
        .step_by(76)
        .map(|at| base64.get(at..(at + 76).min(base64.len())).unwrap_or_default())
        .collect();
    lines.join("\r\n")
}
