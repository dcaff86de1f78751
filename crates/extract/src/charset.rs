//! From bytes to characters, when the file does not say which charset it is in, or says it wrongly.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP};

use crate::Reason;

/// The guess looks at this much.
const SAMPLE: usize = 256 * 1024;

/// A byte order mark wins, then UTF-8 that is free of faults, then what was declared, then a guess. Refuses what is not
/// text at all.
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    declared: Option<&'static Encoding>,
) -> Result<Cow<'a, str>, Reason> {
    let text = if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling(&bytes[mark..]).0
    } else if declared == Some(ISO_2022_JP) {
        ISO_2022_JP.decode_without_bom_handling(bytes).0
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        Cow::Borrowed(text)
    } else {
        declared.unwrap_or_else(|| guess(bytes)).decode_without_bom_handling(bytes).0
    };
    if is_binary(&text) { Err(Reason::Broken) } else { Ok(text) }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    // A cut inside a character is no matter, for the guess weighs all of them.
    detector.feed(&bytes[..bytes.len().min(SAMPLE)], bytes.len() <= SAMPLE);
    detector.guess(None, Utf8Detection::Allow)
}

/// Text has next to no control characters.
fn is_binary(text: &str) -> bool {
    let sample = text.chars().take(4096);
    let (all, odd) = sample.fold((0_usize, 0_usize), |(all, odd), c| {
        let is_odd = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b') || c == '\u{fffd}';
        (all + 1, odd + usize::from(is_odd))
    });
    odd * 20 > all
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn decoded(bytes: &[u8]) -> String {
        decode(bytes, None).unwrap().into_owned()
    }

    #[test]
    fn charsets_are_told_apart() {
        let words = "Über größere Städte wie Köln und Düsseldorf führt die Straße.";
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(words);
        assert_eq!(decoded(&latin), words);
        let japanese = "これは日本語のテキストです。文字コードを調べます。";
        for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP] {
            let (bytes, _, _) = encoding.encode(japanese);
            assert_eq!(decoded(&bytes), japanese);
        }
        let mut wide = vec![0xff, 0xfe];
        wide.extend("Größe €".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decoded(&wide), "Größe €");
        assert_eq!(decoded("\u{feff}Größe".as_bytes()), "Größe");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let noise: Vec<u8> = (0..2000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(decode(&noise, None).is_err());
        assert!(decode(b"\x00\x01\x02\x03", None).is_err());
        assert_eq!(decoded(b""), "");
    }
}
