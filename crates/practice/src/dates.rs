//! Practice time as providers write it. All in UTC.

use time::{Date, Month, OffsetDateTime};

/// Year, month, day, hour, minute, second.
pub fn parts(seconds: u64) -> [u64; 6] {
    let at = i64::try_from(seconds).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let year = u64::try_from(at.year()).unwrap_or_default();
    let (hour, minute, second) = at.to_hms();
    [year, u8::from(at.month()).into(), at.day().into(), hour.into(), minute.into(), second.into()]
}

/// `2026-03-01T08:30:00Z`.
pub fn iso(seconds: u64) -> String {
    let [year, month, day, hour, minute, second] = parts(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `2026-03-01 08:30:00`.
pub fn spaced(seconds: u64) -> String {
    iso(seconds).replace('T', " ").replace('Z', "")
}

/// `Sun, 01 Mar 2026 08:30:00 +0000`, as in mail.
pub fn mail(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let [year, month, day, hour, minute, second] = parts(seconds);
    let week_day = DAYS[(seconds / 86_400 % 7) as usize];
    let month = MONTHS[(month as usize - 1) % 12];
    format!("{week_day}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

/// Reads a day, with or without a time after `T` or a space; fractions are dropped. An offset such as `+02:00`
/// counts, and no offset is UTC.
pub fn read(text: &str) -> Option<u64> {
    let text = text.trim();
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    if text.get(4..5) != Some("-") {
        return None;
    }
    let month = Month::try_from(u8::try_from(number(5, 7)?).ok()?).ok()?;
    let day = u8::try_from(number(8, 10)?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(number(0, 4)?).ok()?, month, day).ok()?;
    let mut seconds = date.midnight().assume_utc().unix_timestamp();
    if text.len() > 10 {
        seconds += number(11, 13)? * 3600 + number(14, 16)? * 60;
        let second = text.get(16..17) == Some(":");
        seconds += if second { number(17, 19)? } else { 0 };
        let rest = text.get(if second { 19 } else { 16 }..)?;
        if let Some(at) = rest.find(['+', '-']) {
            let offset = rest[at + 1..].replace(':', "");
            let (hours, minutes) = (offset.get(..2)?.parse::<i64>().ok()?, offset.get(2..4).unwrap_or("0"));
            let offset = hours * 3600 + minutes.parse::<i64>().ok()? * 60;
            seconds -= if rest[at..].starts_with('+') { offset } else { -offset };
        }
    }
    u64::try_from(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        assert_eq!(iso(1_772_353_800), "2026-03-01T08:30:00Z");
        assert_eq!(mail(1_772_353_800), "Sun, 01 Mar 2026 08:30:00 +0000");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(spaced(951_868_799), "2000-02-29 23:59:59");
        assert_eq!(iso(1_830_297_600), "2028-01-01T00:00:00Z");
        for seconds in (0..4_000_000_000).step_by(86_400 * 13 + 3_601) {
            assert_eq!(read(&iso(seconds)), Some(seconds));
            assert_eq!(read(&spaced(seconds)), Some(seconds));
        }
        assert_eq!(read("2026-03-01T10:30:00.250+02:00"), Some(1_772_353_800));
        assert_eq!(read("2026-03-01"), Some(1_772_323_200));
        assert_eq!(read("yesterday"), None);
        assert_eq!(read("2026/03/01"), None);
    }
}
