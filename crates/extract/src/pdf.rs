//! PDF. Pages are read one after the other; one that cannot be read is left out, unless none can.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use unpdf::model::{Block, Table};
use unpdf::render::PageSelection;
use unpdf::{Error, Page, PageStreamOptions, ParseEvent, ParseOptions, PdfParser};

use crate::{Reason, sink::Sink};

/// After so many pages that bring the reader down it is given up.
const MAX_FAILURES: u32 = 100;

pub(crate) fn read(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    let options = ParseOptions::new().lenient().sequential();
    let parser = PdfParser::from_bytes_with_options(bytes, options).map_err(|error| reason_of(&error))?;
    let pages = parser.page_count();
    if pages == 0 {
        return Err(Reason::Broken);
    }
    let (mut next, mut good, mut failures) = (1, 0_u32, 0_u32);
    while next <= pages && failures < MAX_FAILURES {
        let from = next;
        let read = catch_unwind(AssertUnwindSafe(|| {
            parser.for_each_page(stream(from..=pages), |event| {
                match event {
                    ParseEvent::PageParsed(page) => {
                        next = page.number + 1;
                        good += 1;
                        write(&page, sink);
                    }
                    ParseEvent::PageFailed { page, .. } => {
                        next = page + 1;
                        sink.leave_out();
                    }
                    _ => {}
                }
                if sink.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        }));
        match read {
            Ok(Ok(_)) => break,
            Ok(Err(error)) if good == 0 => return Err(reason_of(&error)),
            // The page after the last one that came has brought the reader down.
            Ok(Err(_)) | Err(_) => {
                next += 1;
                failures += 1;
                sink.leave_out();
            }
        }
    }
    if good == 0 { Err(Reason::Broken) } else { Ok(()) }
}

fn stream(pages: std::ops::RangeInclusive<u32>) -> PageStreamOptions {
    PageStreamOptions {
        error_mode: unpdf::ErrorMode::Lenient,
        pages: PageSelection::Range(pages),
        parallel: false,
        ..PageStreamOptions::default()
    }
}

fn write(page: &Page, sink: &mut Sink) {
    if page.undecodable_content_streams > 0 {
        sink.leave_out();
    }
    sink.paragraph();
    for block in &page.elements {
        match block {
            Block::Table(table) => write_table(table, sink),
            Block::Code { content } | Block::Raw { content } => sink.verbatim(content),
            block => {
                let mut text = String::new();
                block.append_plain_text(&mut text);
                write_lines(&text, sink);
            }
        }
        sink.row();
        sink.paragraph();
    }
}

/// A tab in the text parts columns.
fn write_lines(text: &str, sink: &mut Sink) {
    for line in text.lines() {
        sink.row();
        for (at, cell) in line.split('\t').enumerate() {
            if at > 0 {
                sink.cell();
            }
            sink.words(&in_letters(cell));
        }
    }
}

fn write_table(table: &Table, sink: &mut Sink) {
    for row in &table.rows {
        sink.row();
        for (at, cell) in row.cells.iter().enumerate() {
            if at > 0 {
                sink.cell();
            }
            sink.words(in_letters(&cell.plain_text()).trim());
        }
    }
}

/// Two letters that a font draws as one are two letters for whoever looks for the word.
fn in_letters(text: &str) -> Cow<'_, str> {
    const LIGATURES: [(char, &str); 7] =
        [('ﬀ', "ff"), ('ﬁ', "fi"), ('ﬂ', "fl"), ('ﬃ', "ffi"), ('ﬄ', "ffl"), ('ﬅ', "st"), ('ﬆ', "st")];
    if !text.contains(LIGATURES.map(|(ligature, _)| ligature)) {
        return Cow::Borrowed(text);
    }
    LIGATURES
        .into_iter()
        .fold(Cow::Borrowed(text), |text, (ligature, letters)| Cow::Owned(text.replace(ligature, letters)))
}

fn reason_of(error: &Error) -> Reason {
    match error {
        Error::Encrypted | Error::InvalidPassword => Reason::Protected,
        _ => Reason::Broken,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ligatures_are_letters() {
        assert_eq!(super::in_letters("Eﬃcient oﬃce ﬁle"), "Efficient office file");
    }
}
