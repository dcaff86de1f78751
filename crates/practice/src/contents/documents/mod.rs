//! Real files around the words.

mod mail;
mod open_document;
mod package;
mod pdf;
pub mod text;
mod word_excel;

use std::io::Write;

use flate2::Crc;
use flate2::write::ZlibEncoder;

use super::format::Format;
use super::maker::Chance;
use super::thing::Thing;

pub fn made(thing: &Thing, format: Format) -> Vec<u8> {
    // Nothing written is an empty file, whatever its name ends in.
    if thing.text.as_ref().is_some_and(String::is_empty) {
        return Vec::new();
    }
    let paragraphs = || thing.paragraphs();
    match format {
        Format::None | Format::Native(_) => Vec::new(),
        Format::Plain => thing.words().into_bytes(),
        Format::Html => text::page(&paragraphs()).into_bytes(),
        Format::Markdown => text::markdown(&paragraphs()).into_bytes(),
        Format::Rtf => text::rtf(&paragraphs()).into_bytes(),
        Format::Csv => text::separated(&rows(&paragraphs()), ',').into_bytes(),
        Format::Tsv => text::separated(&rows(&paragraphs()), '\t').into_bytes(),
        Format::Json => text::json(&thing.token(), &paragraphs()).into_bytes(),
        Format::Pdf => pdf::file(&paragraphs()),
        Format::Docx => word_excel::docx(&paragraphs()),
        Format::Pptx => word_excel::pptx(&paragraphs()),
        Format::Xlsx => word_excel::xlsx(&rows(&paragraphs())),
        Format::Odt => open_document::odt(&paragraphs()),
        Format::Ods => open_document::ods(&rows(&paragraphs())),
        Format::Odp => open_document::odp(&paragraphs()),
        Format::Eml => mail::message(thing, &paragraphs()),
        Format::Image => image(thing),
        Format::Unknown => noise(thing, b"\0PRACTICE"),
        Format::Broken => noise(thing, b"%PDF-1.7\n"),
    }
}

/// A table of the sentences: a head, then number, text and amount.
fn rows(paragraphs: &[String]) -> Vec<[String; 3]> {
    let mut rows = vec![["No".to_owned(), "Note".to_owned(), "Amount".to_owned()]];
    for sentence in paragraphs.iter().flat_map(|paragraph| paragraph.split_inclusive(". ")) {
        let number = rows.len();
        let amount = sentence.len() * 37 % 1000;
        rows.push([number.to_string(), sentence.trim().to_owned(), format!("{amount}.50")]);
    }
    rows
}

fn noise(thing: &Thing, start: &[u8]) -> Vec<u8> {
    let mut chance = Chance::of(&["noise", &thing.id, &thing.revision.to_string()]);
    let mut bytes = start.to_vec();
    for _ in 0..64 + chance.below(400) {
        bytes.extend_from_slice(&chance.next().to_be_bytes());
    }
    bytes
}

/// 16 by 16 points of one colour.
fn image(thing: &Thing) -> Vec<u8> {
    let colour = Chance::of(&["colour", &thing.id]).next().to_be_bytes();
    let line = [&[0][..], &colour[..3].repeat(16)].concat();
    let mut points = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory does not fail.
    let _ = points.write_all(&line.repeat(16));
    let points = points.finish().unwrap_or_default();
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let head = [0, 0, 0, 16, 0, 0, 0, 16, 8, 2, 0, 0, 0];
    for (kind, data) in [(b"IHDR", &head[..]), (b"IDAT", &points), (b"IEND", &[])] {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(data);
        bytes.extend_from_slice(&(data.len() as u32).to_be_bytes());
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(&sum.sum().to_be_bytes());
    }
    bytes
}
