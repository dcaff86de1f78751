//! Tables as text: comma, semicolon or tab between the cells.

use std::borrow::Cow;

use crate::{Reason, charset, sink::Sink};

/// Without a `delimiter` it is the one that the first lines hold most of.
pub(crate) fn read(bytes: &[u8], delimiter: Option<u8>, sink: &mut Sink) -> Result<(), Reason> {
    let text = charset::decode(bytes, None)?;
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter.unwrap_or_else(|| likely_delimiter(&text)))
        .from_reader(text.as_bytes());
    let mut row = csv::ByteRecord::new();
    while !sink.is_full() && rows.read_byte_record(&mut row).map_err(|_| Reason::Broken)? {
        sink.row();
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                sink.cell();
            }
            let cell: Cow<'_, str> = String::from_utf8_lossy(cell);
            sink.words(cell.trim());
        }
    }
    Ok(())
}

fn likely_delimiter(text: &str) -> u8 {
    let head = text.lines().take(10).flat_map(str::bytes);
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in head {
        if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte) {
            *count += 1;
        }
    }
    // The first of equals.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_found() {
        for (text, expected) in [
            ("a,b\nc,d", "a\tb\nc\td"),
            ("Preis;Menge\n3,40;12\n", "Preis\tMenge\n3,40\t12"),
            ("a\tb", "a\tb"),
            ("\"x, y\",\"line\nbreak\"", "x, y\tline break"),
        ] {
            let mut sink = Sink::new(1000);
            read(text.as_bytes(), None, &mut sink).unwrap();
            assert_eq!(sink.finish().text, expected);
        }
    }
}
