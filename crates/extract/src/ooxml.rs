//! Word documents and PowerPoint presentations. Both keep their text in elements of the same names, so one walk reads both.

use std::collections::HashMap;
use std::io::BufRead;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::Reason;
use crate::package::{Package, reason_of_xml};
use crate::sink::Sink;

pub(crate) fn read_document(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    let mut package = Package::open(bytes)?;
    let main = related(&mut package, "_rels/.rels", "")?
        .into_iter()
        .find(|it| it.kind == "officeDocument")
        .map_or_else(|| "word/document.xml".to_owned(), |it| it.target);
    let part = package.part(&main)?.ok_or(Reason::Broken)?;
    walk(part, sink)?;
    for beside in ["word/footnotes", "word/endnotes", "word/comments", "word/header", "word/footer"] {
        for name in package.names(beside) {
            if let Some(part) = package.part(&name)? {
                sink.paragraph();
                walk(part, sink)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn read_slides(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    let mut package = Package::open(bytes)?;
    for slide in slides(&mut package)? {
        let Some(part) = package.part(&slide)? else { continue };
        sink.paragraph();
        walk(part, sink)?;
        let (folder, file) = slide.rsplit_once('/').unwrap_or(("", &slide));
        let beside = related(&mut package, &format!("{folder}/_rels/{file}.rels"), folder)?;
        for notes in beside.into_iter().filter(|it| it.kind == "notesSlide") {
            if let Some(part) = package.part(&notes.target)? {
                sink.paragraph();
                walk(part, sink)?;
            }
        }
    }
    Ok(())
}

/// The slides' parts in the order in which they are shown.
fn slides(package: &mut Package<'_>) -> Result<Vec<String>, Reason> {
    let targets: HashMap<String, String> = related(package, "ppt/_rels/presentation.xml.rels", "ppt")?
        .into_iter()
        .map(|it| (it.id, it.target))
        .collect();
    let mut shown = Vec::new();
    let part = package.part("ppt/presentation.xml")?.ok_or(Reason::Broken)?;
    each_element(part, |element| {
        if element.local_name().into_inner() == "sldId" {
            let id = attribute(element, "r:id").unwrap_or_default();
            shown.extend(targets.get(&id).cloned());
        }
    })?;
    Ok(if shown.is_empty() { package.names("ppt/slides/slide") } else { shown })
}

/// One line of a part's list of relations.
struct Related {
    id: String,
    /// The last word of its type.
    kind: String,
    /// A path in the package.
    target: String,
}

/// The relations that a part lists; `folder` is the part's own, which targets start from.
fn related(package: &mut Package<'_>, name: &str, folder: &str) -> Result<Vec<Related>, Reason> {
    let mut found = Vec::new();
    let Some(part) = package.part(name)? else { return Ok(found) };
    each_element(part, |element| {
        if let (Some(id), Some(kind), Some(target)) =
            (attribute(element, "Id"), attribute(element, "Type"), attribute(element, "Target"))
        {
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            found.push(Related { id, kind, target: path(folder, &target) });
        }
    })?;
    Ok(found)
}

/// `../notesSlides/n.xml` seen from `ppt/slides` is `ppt/notesSlides/n.xml`.
fn path(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            ".." => {
                steps.pop();
            }
            "." => {}
            step => steps.push(step),
        }
    }
    steps.join("/")
}

fn each_element(part: impl BufRead, mut see: impl FnMut(&BytesStart<'_>)) -> Result<(), Reason> {
    let mut xml = Reader::from_reader(part);
    let mut buffer = Vec::new();
    loop {
        match xml.read_event_into(&mut buffer).map_err(|error| reason_of_xml(&error))? {
            Event::Start(element) | Event::Empty(element) => see(&element),
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

/// Writes a part's text: runs, paragraphs, breaks and tables.
fn walk(part: impl BufRead, sink: &mut Sink) -> Result<(), Reason> {
    let mut xml = Reader::from_reader(part);
    let mut buffer = Vec::new();
    let (mut in_text, mut in_cell, mut skipped) = (false, 0_u32, 0_u32);
    let mut is_xml = false;
    while !sink.is_full() {
        match xml.read_event_into(&mut buffer).map_err(|error| reason_of_xml(&error))? {
            Event::Start(element) => {
                is_xml = true;
                let name = element.local_name().into_inner();
                match name {
                    _ if skipped > 0 || is_skipped(name) => skipped += 1,
                    "t" => in_text = true,
                    "tr" if in_cell == 0 => sink.row(),
                    "tc" => in_cell += 1,
                    _ => empty(name, sink),
                }
            }
            Event::Empty(element) if skipped == 0 => {
                is_xml = true;
                let name = element.local_name().into_inner();
                match name {
                    "p" => end_paragraph(in_cell, sink),
                    name => empty(name, sink),
                }
            }
            Event::End(_) if skipped > 0 => skipped -= 1,
            Event::End(element) => match element.local_name().into_inner() {
                "t" => in_text = false,
                "p" => end_paragraph(in_cell, sink),
                "tc" => {
                    in_cell = in_cell.saturating_sub(1);
                    if in_cell == 0 {
                        sink.cell();
                    }
                }
                "tbl" if in_cell == 0 => sink.row(),
                _ => {}
            },
            Event::Text(text) if in_text && skipped == 0 => sink.words(&text),
            Event::CData(text) if in_text && skipped == 0 => sink.words(&text),
            Event::GeneralRef(entity) if in_text && skipped == 0 => sink.words(&character(&entity)),
            Event::Eof if !is_xml => return Err(Reason::Broken),
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    Ok(())
}

/// A paragraph in a cell must not break the row.
fn end_paragraph(in_cell: u32, sink: &mut Sink) {
    if in_cell > 0 {
        sink.space();
    } else {
        sink.line();
    }
}

fn empty(name: &str, sink: &mut Sink) {
    match name {
        "br" | "cr" => sink.line(),
        "tab" | "ptab" => sink.tab(),
        "noBreakHyphen" => sink.words("-"),
        _ => {}
    }
}

/// Properties (where `tab` is a tab stop), the second telling of what is already told, where moved text was, and fields
/// such as a slide's number.
fn is_skipped(name: &str) -> bool {
    matches!(name, "pPr" | "rPr" | "Fallback" | "moveFrom" | "fld")
}

/// What `&amp;` or `&#252;` stands for.
pub(crate) fn character(entity: &BytesRef<'_>) -> String {
    match entity.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        _ => resolve_xml_entity(entity).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn targets_are_seen_from_their_folder() {
        assert_eq!(super::path("ppt/slides", "../notesSlides/n.xml"), "ppt/notesSlides/n.xml");
        assert_eq!(super::path("ppt", "slides/slide1.xml"), "ppt/slides/slide1.xml");
        assert_eq!(super::path("ppt", "/word/document.xml"), "word/document.xml");
    }
}
