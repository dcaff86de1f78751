//! Files as other programs write them, each holding [`WORDS`].

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use docx_rs::{Docx, Footnote, Paragraph, Run, Table, TableCell, TableRow};
use lopdf::encryption::{EncryptionState, EncryptionVersion, Permissions};
use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use rust_xlsxwriter::{Format as CellFormat, Workbook};
use tieline_extract::Format;
use zip::write::SimpleFileOptions;

/// Umlauts, Chinese, Japanese, Korean, and characters outside of the basic plane.
pub const WORDS: [&str; 6] = ["Größe", "Straße", "中文文本", "日本語", "한국어", "😀🎉"];

fn line() -> String {
    WORDS.join(" ")
}

/// A file of the format. [`Format::Xls`] has no writer, so it has no file.
pub fn file(format: Format) -> Option<Vec<u8>> {
    Some(match format {
        Format::Html => html(),
        Format::Markdown => format!("# Titel\n\n- {}\n", line()).into_bytes(),
        Format::Plain => line().into_bytes(),
        Format::Rtf => rtf(),
        Format::Pdf => saved(pdf()),
        Format::Docx => docx(),
        Format::Pptx => pptx(),
        Format::Xlsx => xlsx(),
        Format::Xls => return None,
        Format::Odt => odf("text", &format!("<office:text><text:p>{}</text:p></office:text>", line()), ""),
        Format::Ods => odf("spreadsheet", &ods_body(), ""),
        Format::Odp => odf(
            "presentation",
            &format!(
                "<office:presentation><draw:page draw:name=\"1\"><draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame></draw:page></office:presentation>",
                line()
            ),
            "",
        ),
        Format::Csv => format!("a,b\n\"{}\",2\n", line()).into_bytes(),
        Format::Tsv => format!("a\tb\n{}\t2\n", line()).into_bytes(),
        Format::Json => format!("{{\"words\": {:?}}}", line()).into_bytes(),
        Format::Eml => eml(),
    })
}

fn html() -> Vec<u8> {
    format!("<!doctype html><meta charset=utf-8><title>Titel</title><p>{}</p>", line()).into_bytes()
}

fn rtf() -> Vec<u8> {
    let mut rtf = "{\\rtf1\\ansi\\uc1 ".to_owned();
    for unit in line().encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => rtf.push(char::from(byte)),
            _ => rtf.push_str(&format!("\\u{}?", unit as i16)),
        }
    }
    (rtf + "\\par}").into_bytes()
}

/// One font for each word, all with a ToUnicode map, the way office programs embed the glyphs they need.
pub fn pdf() -> Document {
    pdf_of(&WORDS)
}

pub fn pdf_of(words: &[&str]) -> Document {
    let mut document = Document::with_version("1.7");
    let (mut fonts, mut content) = (Dictionary::new(), String::new());
    for (at, word) in words.iter().enumerate() {
        let mut map =
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def\n\
            1 begincodespacerange <0000> <ffff> endcodespacerange\n"
                .to_owned();
        let glyphs: Vec<char> = word.chars().collect();
        map.push_str(&format!("{} beginbfchar\n", glyphs.len()));
        let mut shown = String::new();
        for (glyph, c) in glyphs.iter().enumerate() {
            let units: String =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("{unit:04x}")).collect();
            map.push_str(&format!("<{:04x}> <{units}>\n", glyph + 1));
            shown.push_str(&format!("{:04x}", glyph + 1));
        }
        map.push_str("endbfchar endcmap CMapName currentdict /CMap defineresource pop end end");
        let map = document.add_object(Stream::new(dictionary! {}, map.into_bytes()));
        let described = document.add_object(dictionary! {
            "Type" => "FontDescriptor", "FontName" => "Made", "Flags" => 4, "ItalicAngle" => 0, "Ascent" => 800,
            "Descent" => -200, "CapHeight" => 700, "StemV" => 80,
            "FontBBox" => vec![0.into(), 0.into(), 1000.into(), 1000.into()],
        });
        let glyphs = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => "Made", "DW" => 1000,
            "CIDSystemInfo" => dictionary! {
                "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("Identity"),
                "Supplement" => 0,
            },
            "FontDescriptor" => described,
        });
        let font = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "Made", "Encoding" => "Identity-H",
            "DescendantFonts" => vec![glyphs.into()], "ToUnicode" => map,
        });
        fonts.set(format!("F{at}"), font);
        content.push_str(&format!("BT /F{at} 12 Tf 1 0 0 1 72 {} Tm <{shown}> Tj ET\n", 700 - 30 * at));
    }
    finished(document, Stream::new(dictionary! {}, content.into_bytes()), fonts)
}

/// A file of one page with these drawing commands, packed with `filter` if it has a name.
pub fn pdf_page(content: Vec<u8>, filter: &str) -> Vec<u8> {
    let mut content = Stream::new(dictionary! {}, content);
    if !filter.is_empty() {
        content.dict.set("Filter", filter);
    }
    saved(finished(Document::with_version("1.7"), content, Dictionary::new()))
}

fn finished(mut document: Document, content: Stream, fonts: Dictionary) -> Document {
    let content = document.add_object(content);
    let pages = document.new_object_id();
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => pages, "Contents" => content,
        "Resources" => dictionary! { "Font" => fonts },
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    });
    document.set_object(pages, dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 });
    let catalogue = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalogue);
    document.trailer.set(
        "ID",
        vec![Object::string_literal("0123456789abcdef"), Object::string_literal("0123456789abcdef")],
    );
    document
}

pub fn saved(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).expect("the document can be saved");
    bytes
}

/// With a password to open it, or with none but restrictions, which is how many companies send their papers.
pub fn encrypted_pdf(password: &str) -> Vec<u8> {
    let mut document = pdf();
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "the owner's",
        user_password: password,
        key_length: 128,
        permissions: Permissions::PRINTABLE,
    };
    let state = EncryptionState::try_from(version).expect("it can be encrypted");
    document.encrypt(&state).expect("it is encrypted");
    saved(document)
}

fn docx() -> Vec<u8> {
    let text = |text: &str| Paragraph::new().add_run(Run::new().add_text(text));
    let cell = |it: &str| TableCell::new().add_paragraph(text(it));
    let table = Table::new(vec![
        TableRow::new(vec![cell("Posten"), cell("Preis")]),
        TableRow::new(vec![cell("Käse & Brot"), cell("3,40 €")]),
    ]);
    let note = Footnote::new().add_content(text("In the footnote"));
    let last = Run::new().add_text("Last").add_tab().add_text("line").add_footnote_reference(note);
    let mut bytes = Cursor::new(Vec::new());
    Docx::new()
        .add_paragraph(text(&line()))
        .add_table(table)
        .add_paragraph(Paragraph::new().add_run(last))
        .build()
        .pack(&mut bytes)
        .expect("the document can be saved");
    bytes.into_inner()
}

fn xlsx() -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("Übersicht").expect("a name");
    sheet.write(0, 0, line()).expect("a cell");
    sheet.write(1, 0, "Summe").expect("a cell");
    sheet.write(1, 2, 0.1 + 0.2).expect("a cell");
    let day = CellFormat::new().set_num_format("yyyy-mm-dd");
    sheet.write_with_format(2, 1, 45_000.0, &day).expect("a cell");
    sheet.write(2, 2, true).expect("a cell");
    // The last corner, which must not cost a cell for each before it.
    let far = book.add_worksheet();
    far.write(1_048_575, 16_383, "corner").expect("a cell");
    book.save_to_buffer().expect("the workbook can be saved")
}

fn pptx() -> Vec<u8> {
    const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let slide = |paragraphs: &[&str]| {
        let paragraphs: String =
            paragraphs.iter().map(|it| format!("<a:p><a:r><a:rPr/><a:t>{it}</a:t></a:r></a:p>")).collect();
        format!(
            "<p:sld xmlns:a=\"a\" xmlns:p=\"p\"><p:cSld><p:spTree><p:sp><p:txBody>{paragraphs}</p:txBody></p:sp></p:spTree></p:cSld></p:sld>"
        )
    };
    let relations = |lines: &[(&str, &str, &str)]| {
        let lines: String = lines
            .iter()
            .map(|(id, kind, target)| {
                format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")
            })
            .collect();
        format!("<Relationships xmlns=\"{RELATIONS}\">{lines}</Relationships>")
    };
    zipped(&[
        ("ppt/presentation.xml", "<p:presentation xmlns:p=\"p\" xmlns:r=\"r\"><p:sldIdLst><p:sldId id=\"1\" r:id=\"rId9\"/><p:sldId id=\"2\" r:id=\"rId2\"/></p:sldIdLst></p:presentation>".to_owned()),
        ("ppt/_rels/presentation.xml.rels", relations(&[("rId2", "slide", "slides/slide1.xml"), ("rId9", "slide", "/ppt/slides/slide2.xml")])),
        ("ppt/slides/slide1.xml", slide(&["Shown second"])),
        ("ppt/slides/slide2.xml", slide(&["Shown first", &line(), "R&amp;D &#x2014; &lt;1"])),
        ("ppt/slides/_rels/slide2.xml.rels", relations(&[("rId1", "notesSlide", "../notesSlides/notesSlide1.xml")])),
        ("ppt/notesSlides/notesSlide1.xml", slide(&["In the notes"])),
    ])
}

fn ods_body() -> String {
    format!(
        "<office:spreadsheet><table:table table:name=\"A\"><table:table-row><table:table-cell><text:p>{}</text:p></table:table-cell>\
        <table:table-cell table:number-columns-repeated=\"2\"/><table:table-cell><text:p>fourth</text:p></table:table-cell>\
        <table:table-cell table:number-columns-repeated=\"16000\"/></table:table-row>\
        <table:table-row table:number-rows-repeated=\"1000000\"><table:table-cell><text:p>below</text:p></table:table-cell></table:table-row>\
        </table:table></office:spreadsheet>",
        line()
    )
}

/// An OpenDocument package; `listed` goes into its list of parts.
pub fn odf(kind: &str, body: &str, listed: &str) -> Vec<u8> {
    zipped(&[
        ("mimetype", format!("application/vnd.oasis.opendocument.{kind}")),
        (
            "META-INF/manifest.xml",
            format!("<manifest:manifest xmlns:manifest=\"m\">{listed}</manifest:manifest>"),
        ),
        (
            "content.xml",
            format!(
                "<office:document-content xmlns:office=\"o\" xmlns:text=\"t\" xmlns:table=\"b\" xmlns:draw=\"d\"><office:body>{body}</office:body></office:document-content>"
            ),
        ),
    ])
}

/// A zip file; the first part is stored as it is, as OpenDocument asks for.
pub fn zipped(parts: &[(&str, String)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (at, (name, text)) in parts.iter().enumerate() {
        let method = if at == 0 { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("a part");
        zip.write_all(text.as_bytes()).expect("a part");
    }
    zip.finish().expect("the file can be saved").into_inner()
}

fn eml() -> Vec<u8> {
    format!(
        "From: =?utf-8?q?Anna_M=C3=BCller?= <anna@example.org>\r\nTo: bert@example.org, \"Carla, C.\" <c@example.org>\r\n\
        Subject: =?utf-8?b?R3LDtsOfZQ==?= der Kiste\r\nDate: Fri, 01 Mar 2024 10:20:30 +0100\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n\
        --in\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n\
        --in\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>The other telling</p>\r\n--in--\r\n\
        --out\r\nContent-Type: text/csv; charset=utf-8; name=prices.csv\r\nContent-Disposition: attachment; filename=prices.csv\r\n\r\n\
        cheese;3\r\n--out\r\nContent-Type: image/png; name=photo.png\r\nContent-Disposition: attachment; filename=photo.png\r\n\
        Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--out\r\nContent-Type: message/rfc822\r\n\r\n\
        From: d@example.org\r\nSubject: The older one\r\n\r\nForwarded words\r\n--out--\r\n",
        line()
    )
    .into_bytes()
}

/// Every format with its file.
pub fn files() -> BTreeMap<&'static str, (Format, Vec<u8>)> {
    Format::ALL.into_iter().filter_map(|it| Some((it.as_str(), (it, file(it)?)))).collect()
}
