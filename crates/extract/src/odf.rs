//! OpenDocument: texts, spreadsheets and presentations keep all they say in one part, in elements of the same names.

use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Reason;
use crate::ooxml::character;
use crate::package::{Package, reason_of, reason_of_xml};
use crate::sink::Sink;

pub(crate) fn read(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    let mut package = Package::open(bytes)?;
    if is_encrypted(&mut package)? {
        return Err(Reason::Protected);
    }
    let part = package.part("content.xml")?.ok_or(Reason::Broken)?;
    let mut xml = Reader::from_reader(part);
    let mut buffer = Vec::new();
    let (mut in_paragraph, mut in_cell, mut skipped) = (0_u32, 0_u32, 0_u32);
    while !sink.is_full() {
        match xml.read_event_into(&mut buffer).map_err(|error| reason_of_xml(&error))? {
            Event::Start(element) => match element.name().into_inner() {
                name if skipped > 0 || is_skipped(name) => skipped += 1,
                "text:p" | "text:h" => {
                    // A text frame stands inside of the paragraph it is anchored to.
                    if in_paragraph > 0 && in_cell == 0 {
                        sink.line();
                    }
                    in_paragraph += 1;
                }
                "table:table-row" if in_cell == 0 => sink.row(),
                "table:table-cell" | "table:covered-table-cell" => in_cell += 1,
                "draw:page" | "table:table" if in_cell == 0 => {
                    sink.row();
                    sink.paragraph();
                }
                name => empty(name, sink),
            },
            Event::Empty(element) if skipped == 0 => match element.name().into_inner() {
                "table:table-cell" | "table:covered-table-cell" if in_cell == 0 => {
                    for _ in 0..repeated(&element) {
                        sink.cell();
                    }
                }
                "text:p" if in_cell == 0 => sink.line(),
                name => empty(name, sink),
            },
            Event::End(_) if skipped > 0 => skipped -= 1,
            Event::End(element) => match element.name().into_inner() {
                "text:p" | "text:h" => {
                    in_paragraph = in_paragraph.saturating_sub(1);
                    if in_cell > 0 {
                        sink.space();
                    } else {
                        sink.line();
                    }
                }
                "table:table-cell" | "table:covered-table-cell" => {
                    in_cell = in_cell.saturating_sub(1);
                    if in_cell == 0 {
                        sink.cell();
                    }
                }
                "table:table" if in_cell == 0 => {
                    sink.row();
                    sink.paragraph();
                }
                _ => {}
            },
            Event::Text(text) if in_paragraph > 0 && skipped == 0 => sink.words(&text),
            Event::CData(text) if in_paragraph > 0 && skipped == 0 => sink.words(&text),
            Event::GeneralRef(entity) if in_paragraph > 0 && skipped == 0 => sink.words(&character(&entity)),
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    Ok(())
}

fn empty(name: &str, sink: &mut Sink) {
    match name {
        "text:line-break" => sink.line(),
        "text:tab" => sink.tab(),
        "text:s" => sink.space(),
        _ => {}
    }
}

/// What was deleted, and who commented when.
fn is_skipped(name: &str) -> bool {
    matches!(name, "text:tracked-changes" | "dc:creator" | "dc:date" | "meta:creator-initials")
}

/// One element may stand for a run of empty cells. The sink knows how many are enough.
fn repeated(cell: &BytesStart<'_>) -> u16 {
    let count = cell.try_get_attribute("table:number-columns-repeated").ok().flatten();
    count.and_then(|it| it.value.parse().ok()).unwrap_or(1).min(64)
}

/// The list of parts says of each whether it is encrypted.
fn is_encrypted(package: &mut Package<'_>) -> Result<bool, Reason> {
    let Some(part) = package.part("META-INF/manifest.xml")? else { return Ok(false) };
    let mut manifest = String::new();
    part.take(1024 * 1024).read_to_string(&mut manifest).map_err(|error| reason_of(&error))?;
    Ok(manifest.contains("encryption-data"))
}
