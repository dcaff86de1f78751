//! Plain text out of files: the words a person would read in them.
//!
//! [`text`] reads in this process. [`Extractor`] reads in worker processes, and is the way for files from elsewhere: a
//! file can bring its reader down, keep it busy for ever or fill the memory, and then only the worker goes. The program
//! that is the worker calls [`serve_if_asked`] first thing in its `main`.

mod charset;
mod eml;
mod extractor;
mod format;
mod frame;
mod html;
mod json;
mod odf;
mod ooxml;
mod package;
mod pdf;
mod plain;
mod rtf;
mod sheet;
mod sink;
mod table;
mod unreadable;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use extractor::Extractor;
pub use format::Format;
pub use unreadable::{Reason, Unreadable};
pub use worker::serve_if_asked;

use sink::Sink;

/// The largest file that is read.
pub const MAX_INPUT: usize = 100 * 1024 * 1024;

/// The longest text that is given, in bytes.
pub const MAX_TEXT: usize = 8 * 1024 * 1024;

/// What a file says. Paragraphs end in newlines, cells of a table are parted by tabs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    /// The file holds more than this: the text was cut at [`MAX_TEXT`], or a part of the file could not be read.
    pub truncated: bool,
}

/// Reads a file in this process. A panic of a reader is caught; what cannot be caught (an exhausted stack or memory, an
/// endless loop) is what [`Extractor`] is for.
pub fn text(bytes: &[u8], format: Format) -> Result<Text, Unreadable> {
    let read = catch_unwind(AssertUnwindSafe(|| {
        let mut sink = Sink::new(MAX_TEXT);
        read(bytes, format, 0, &mut sink).map(|()| sink.finish())
    }));
    read.unwrap_or(Err(Reason::Crashed)).map_err(|reason| Unreadable::new(reason, format))
}

/// How deep a message in a message is read.
const MAX_DEPTH: usize = 3;

/// `depth` is the number of messages around the file.
fn read(bytes: &[u8], format: Format, depth: usize, sink: &mut Sink) -> Result<(), Reason> {
    if bytes.len() > MAX_INPUT {
        return Err(Reason::TooLarge);
    }
    match format {
        Format::Html => html::read(&charset::decode(bytes, html::declared_charset(bytes))?, sink),
        Format::Markdown | Format::Plain => plain::read(bytes, sink),
        Format::Rtf => rtf::read(bytes, sink),
        Format::Pdf => pdf::read(bytes, sink),
        Format::Docx => ooxml::read_document(bytes, sink),
        Format::Pptx => ooxml::read_slides(bytes, sink),
        Format::Xlsx => sheet::read_xlsx(bytes, sink),
        Format::Xls => sheet::read_xls(bytes, sink),
        Format::Odt | Format::Ods | Format::Odp => odf::read(bytes, sink),
        Format::Csv => table::read(bytes, None, sink),
        Format::Tsv => table::read(bytes, Some(b'\t'), sink),
        Format::Json => json::read(bytes, sink),
        Format::Eml => eml::read(bytes, depth, sink),
    }
}
