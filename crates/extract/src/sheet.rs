//! Workbooks, old and new. Cells are read one by one, so that a sheet with one cell in its last corner is not built in full.

use std::io::Cursor;

use calamine::{Data, DataRef, ExcelDateTime, Reader, Xls, XlsError, Xlsx, XlsxError};

use crate::Reason;
use crate::package::{Package, is_encrypted_package};
use crate::sink::Sink;

pub(crate) fn read_xlsx(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    Package::open(bytes)?.check_size()?;
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(reason_of)?;
    for name in book.sheet_names() {
        let mut cells = match book.worksheet_cells_reader(&name) {
            Ok(cells) => cells,
            // A chart on a sheet of its own.
            Err(XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(reason_of(error)),
        };
        sink.row();
        sink.paragraph();
        sink.words(&name);
        let mut at = Place::default();
        while let Some(cell) = cells.next_cell().map_err(reason_of)? {
            if sink.is_full() {
                return Ok(());
            }
            let words = match cell.get_value() {
                DataRef::Empty => continue,
                DataRef::SharedString(it) => (*it).to_owned(),
                DataRef::String(it) | DataRef::DateTimeIso(it) | DataRef::DurationIso(it) => it.clone(),
                DataRef::Int(it) => it.to_string(),
                DataRef::Float(it) => number(*it),
                DataRef::Bool(it) => boolean(*it),
                DataRef::DateTime(it) => date(it),
                DataRef::Error(it) => it.to_string(),
            };
            at.go_to(cell.get_position(), sink);
            sink.words(words.trim());
        }
    }
    Ok(())
}

pub(crate) fn read_xls(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    if is_encrypted_package(bytes) {
        return Err(Reason::Protected);
    }
    let mut book = Xls::new(Cursor::new(bytes)).map_err(|error| match error {
        XlsError::Password => Reason::Protected,
        _ => Reason::Broken,
    })?;
    for name in book.sheet_names() {
        let Ok(range) = book.worksheet_range(&name) else {
            sink.leave_out();
            continue;
        };
        sink.row();
        sink.paragraph();
        sink.words(&name);
        let mut at = Place::default();
        for (row, column, cell) in range.used_cells() {
            if sink.is_full() {
                return Ok(());
            }
            let words = match cell {
                Data::Empty => continue,
                Data::String(it) | Data::DateTimeIso(it) | Data::DurationIso(it) => it.clone(),
                Data::Int(it) => it.to_string(),
                Data::Float(it) => number(*it),
                Data::Bool(it) => boolean(*it),
                Data::DateTime(it) => date(it),
                other => other.to_string(),
            };
            let place = (u32::try_from(row).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX));
            at.go_to(place, sink);
            sink.words(words.trim());
        }
    }
    Ok(())
}

/// The row and column that was written last.
#[derive(Default)]
struct Place(Option<(u32, u32)>);

impl Place {
    fn go_to(&mut self, place: (u32, u32), sink: &mut Sink) {
        let from = match self.0 {
            Some((row, column)) if row == place.0 => column,
            _ => {
                sink.row();
                0
            }
        };
        // The sink knows how many empty cells are enough.
        for _ in 0..place.1.saturating_sub(from).min(64) {
            sink.cell();
        }
        self.0 = Some(place);
    }
}

/// With the fifteen digits that a workbook shows at most.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.14e}").parse().unwrap_or(value);
    rounded.to_string()
}

fn boolean(value: bool) -> String {
    if value { "TRUE" } else { "FALSE" }.to_owned()
}

fn date(value: &ExcelDateTime) -> String {
    if value.is_duration() {
        let seconds = (value.as_f64() * 86_400.0).round();
        let (hours, rest) = ((seconds / 3600.0).trunc(), seconds.abs() % 3600.0);
        return format!("{hours}:{:02}:{:02}", (rest / 60.0).trunc(), rest % 60.0);
    }
    let (year, month, day, hour, minute, second, _) = value.to_ymd_hms_milli();
    let time = || {
        if second == 0 {
            format!("{hour:02}:{minute:02}")
        } else {
            format!("{hour:02}:{minute:02}:{second:02}")
        }
    };
    let whole = value.as_f64();
    if (0.0..1.0).contains(&whole) {
        time()
    } else if whole.fract() == 0.0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {}", time())
    }
}

fn reason_of(error: XlsxError) -> Reason {
    match error {
        XlsxError::Password => Reason::Protected,
        _ => Reason::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_look_as_in_the_workbook() {
        let third = 0.1 + 0.2;
        assert_eq!([number(third), number(3.0), number(-2.5)], ["0.3", "3", "-2.5"]);
    }
}
