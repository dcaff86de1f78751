//! Each format yields its words; what is protected, damaged or meant to harm yields a sentence.

mod made;

use made::{WORDS, encrypted_pdf, file, files, odf, pdf_page, zipped};
use proptest::prelude::*;
use tieline_extract::{Format, MAX_TEXT, Reason, Text, text};

fn read(format: Format) -> String {
    let read = text(&file(format).expect("a file"), format).expect("it can be read");
    assert!(!read.truncated, "{format:?}");
    read.text
}

fn refused(bytes: &[u8], format: Format) -> Reason {
    let refused = text(bytes, format).expect_err(format.as_str());
    assert!(refused.words.ends_with('.') && refused.words.contains("This "), "{}", refused.words);
    refused.reason
}

#[test]
fn every_format_yields_its_words() {
    for (name, (format, bytes)) in files() {
        let read = text(&bytes, format).unwrap_or_else(|error| panic!("{name}: {error}"));
        for word in WORDS {
            assert!(read.text.contains(word), "{name} lacks {word}: {}", read.text);
        }
        assert!(!read.truncated, "{name}");
        let head = &bytes[..bytes.len().min(1024)];
        let named = format!("file.{}", if format == Format::Plain { "txt" } else { name });
        assert_eq!(Format::of(&named, None, head), Some(format));
    }
}

#[test]
fn a_document_keeps_its_paragraphs_and_tables() {
    let text = read(Format::Docx);
    assert!(text.starts_with(&WORDS.join(" ")), "{text}");
    assert!(text.contains("\nPosten\tPreis\nKäse & Brot\t3,40 €\nLast\tline"), "{text}");
    assert!(text.contains("In the footnote"), "{text}");
}

#[test]
fn slides_come_in_the_order_they_are_shown_with_their_notes() {
    let expected = format!("Shown first\n{}\nR&D — <1\n\nIn the notes\n\nShown second", WORDS.join(" "));
    assert_eq!(read(Format::Pptx), expected);
}

#[test]
fn a_workbook_keeps_its_rows() {
    let text = read(Format::Xlsx);
    let expected = format!("Übersicht\n{}\nSumme\t\t0.3\n\t2023-03-15\tTRUE\n\nSheet2\n", WORDS.join(" "));
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.ends_with("\tcorner"), "{text}");
}

#[test]
fn a_spreadsheet_keeps_its_rows() {
    assert_eq!(read(Format::Ods), format!("{}\t\t\tfourth\nbelow", WORDS.join(" ")));
}

#[test]
fn a_text_document_leaves_out_what_was_deleted() {
    let body = "<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h>Titel</text:h>\
        <text:p>a<text:s/>b<text:span>c</text:span> &amp; d<text:line-break/>e</text:p><text:p/>\
        <table:table><table:table-row><table:table-cell><text:p>x</text:p><text:p>y</text:p></table:table-cell>\
        <table:table-cell/><table:table-cell><text:p>z</text:p></table:table-cell></table:table-row></table:table>\
        <text:p>end</text:p></office:text>";
    let text = text(&odf("text", body, ""), Format::Odt).expect("it can be read").text;
    assert_eq!(text, "Titel\na bc & d\ne\n\nx y\t\tz\n\nend");
}

#[test]
fn a_message_has_its_head_body_and_attachments() {
    let expected = format!(
        "Subject: Größe der Kiste\nFrom: Anna Müller <anna@example.org>\nTo: bert@example.org, Carla, C. <c@example.org>\n\
        Date: 2024-03-01T10:20:30+01:00\n\n{}\n\nAttachment: prices.csv\n\ncheese\t3\n\nAttachment: photo.png\n\n\
        Attachment: without a name\n\nSubject: The older one\nFrom: d@example.org\n\nForwarded words",
        WORDS.join(" ")
    );
    assert_eq!(read(Format::Eml), expected);
}

#[test]
fn a_message_of_html_alone_is_read_in_its_charset() {
    let mut mail = b"From: a@example.org\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Gr\xf6\xdfe</p><p>&euro; 3</p>".to_vec();
    assert!(text(&mail, Format::Eml).expect("it can be read").text.ends_with("\n\nGröße\n\n€ 3"));
    mail.truncate(60);
    assert!(text(&mail, Format::Eml).is_ok());
}

#[test]
fn a_page_in_another_charset_is_read() {
    let page = b"<meta charset=windows-1251><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>";
    assert_eq!(text(page, Format::Html).expect("it can be read").text, "Привет");
}

#[test]
fn password_protection_is_said() {
    let pdf = text(&encrypted_pdf("secret"), Format::Pdf).expect_err("it is protected");
    assert_eq!(pdf.reason, Reason::Protected);
    assert_eq!(pdf.words, "This PDF is protected with a password, so its text cannot be read.");
    let listed = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>";
    assert_eq!(refused(&odf("text", "", listed), Format::Odt), Reason::Protected);
    // The container that Office puts a protected file into.
    let mut office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    office.resize(1024, 0);
    office.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    for format in [Format::Docx, Format::Pptx, Format::Xlsx, Format::Xls] {
        assert_eq!(refused(&office, format), Reason::Protected);
    }
}

#[test]
fn a_pdf_that_only_forbids_copying_is_read() {
    let text = text(&encrypted_pdf(""), Format::Pdf).expect("it can be read").text;
    assert!(text.contains(WORDS[0]), "{text}");
}

#[test]
fn garbage_is_refused_in_every_format() {
    let noise: Vec<u8> = (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    for format in Format::ALL {
        assert_eq!(refused(&noise, format), Reason::Broken, "{format:?}");
    }
    for format in
        [Format::Pdf, Format::Rtf, Format::Docx, Format::Xlsx, Format::Xls, Format::Odt, Format::Json]
    {
        assert_eq!(refused(b"", format), Reason::Broken, "{format:?}");
    }
}

#[test]
fn a_file_that_was_cut_off_harms_nothing() {
    for (name, (format, bytes)) in files() {
        for part in 1..16 {
            let cut = &bytes[..bytes.len() * part / 16];
            let is_container = matches!(
                format,
                Format::Docx
                    | Format::Pptx
                    | Format::Xlsx
                    | Format::Odt
                    | Format::Ods
                    | Format::Odp
                    | Format::Json
            );
            match text(cut, format) {
                Ok(_) => assert!(!is_container, "{name} at {part}"),
                Err(it) => assert!(matches!(it.reason, Reason::Broken | Reason::Crashed), "{name}: {it}"),
            }
        }
    }
}

#[test]
fn a_damaged_file_harms_nothing() {
    for (_, (format, bytes)) in files() {
        for step in 1..40 {
            let mut damaged = bytes.clone();
            for at in (step * 7..damaged.len()).step_by(step * 31) {
                damaged[at] = damaged[at].wrapping_add(step as u8 * 5);
            }
            let _ = text(&damaged, format);
        }
    }
}

/// Deflate's best: a gigabyte in a megabyte.
fn bomb(name: &str) -> Vec<u8> {
    let size = 300 * 1024 * 1024;
    zipped(&[("mimetype", String::new()), (name, " ".repeat(size))])
}

#[test]
fn a_zip_bomb_is_too_large() {
    let bytes = bomb("word/document.xml");
    assert!(bytes.len() < 1024 * 1024);
    assert_eq!(refused(&bytes, Format::Docx), Reason::TooLarge);
    // A lie about the size, in both places where it stands, does not help.
    let real = 300_u32 * 1024 * 1024;
    let mut lying = bytes;
    let places: Vec<usize> =
        lying.windows(4).enumerate().filter(|(_, it)| *it == real.to_le_bytes()).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        lying[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }
    assert!(matches!(refused(&lying, Format::Docx), Reason::TooLarge | Reason::Broken));
}

#[test]
fn a_workbook_that_is_a_bomb_is_too_large() {
    assert_eq!(refused(&bomb("xl/workbook.xml"), Format::Xlsx), Reason::TooLarge);
}

#[test]
fn depth_costs_nothing() {
    let deep = format!("{}words{}", "<div>".repeat(100_000), "</div>".repeat(100_000));
    assert_eq!(text(deep.as_bytes(), Format::Html).expect("it can be read").text, "words");
    assert_eq!(refused("[".repeat(1_000_000).as_bytes(), Format::Json), Reason::Broken);
    let groups = format!("{{\\rtf1 {}", "{".repeat(1_000_000));
    assert_eq!(refused(groups.as_bytes(), Format::Rtf), Reason::Broken);
    let body = format!("<office:text>{}<text:p>words</text:p>", "<text:section>".repeat(100_000));
    let _ = text(&odf("text", &body, ""), Format::Odt);
}

#[test]
fn a_message_in_a_message_ends() {
    let mut mail = "From: a@example.org\r\n\r\ninnermost".to_owned();
    for depth in 0..20 {
        mail = format!(
            "From: a@example.org\r\nSubject: level {depth}\r\nContent-Type: multipart/mixed; boundary=b{depth}\r\n\r\n\
            --b{depth}\r\nContent-Type: message/rfc822\r\n\r\n{mail}\r\n--b{depth}--\r\n"
        );
    }
    let read = text(mail.as_bytes(), Format::Eml).expect("it can be read").text;
    assert!(read.contains("level 17") && !read.contains("innermost"), "{read}");
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let long = "Größe ".repeat(2 * 1024 * 1024);
    for format in [Format::Plain, Format::Html, Format::Csv] {
        let Text { text, truncated } = text(long.as_bytes(), format).expect("it can be read");
        assert!(
            truncated && text.len() <= MAX_TEXT && text.len() > MAX_TEXT - 4,
            "{format:?}: {}",
            text.len()
        );
    }
    let json = format!("[{}\"Größe\"]", "\"Größe\",".repeat(1_500_000));
    assert!(text(json.as_bytes(), Format::Json).expect("it can be read").truncated);
}

#[test]
fn a_file_over_the_limit_is_not_read() {
    let bytes = vec![b'a'; tieline_extract::MAX_INPUT + 1];
    assert_eq!(refused(&bytes, Format::Plain), Reason::TooLarge);
}

#[test]
fn a_pdf_without_text_has_none() {
    assert_eq!(text(&pdf_page(Vec::new(), ""), Format::Pdf).expect("it can be read").text, "");
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_crash(bytes in prop::collection::vec(any::<u8>(), 0..2000), format in any_format()) {
        let read = text(&bytes, format);
        prop_assert!(!matches!(read, Err(it) if it.reason == Reason::Crashed));
    }

    #[test]
    fn bytes_behind_the_right_start_never_crash(
        bytes in prop::collection::vec(any::<u8>(), 0..500),
        start in prop::sample::select(vec!["%PDF-1.4\n", "{\\rtf1 ", "PK\u{3}\u{4}", "<p>", "{\"", "From: a\r\n\r\n"]),
        format in any_format(),
    ) {
        let read = text(&[start.as_bytes(), &bytes].concat(), format);
        prop_assert!(!matches!(read, Err(it) if it.reason == Reason::Crashed));
    }

    #[test]
    fn words_of_a_page_survive(words in "[a-zäöü€中]{1,8}( [a-zäöü€中]{1,8}){0,5}") {
        let page = format!("<div><p> {words}\n</p></div>");
        prop_assert_eq!(text(page.as_bytes(), Format::Html).expect("it can be read").text, words);
    }
}
