//! PDF in Helvetica and WinAnsi, which ordinary readers take the text out of again.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};

const LINE: usize = 88;
const LINES_A_PAGE: usize = 46;

pub fn file(paragraphs: &[String]) -> Vec<u8> {
    let lines: Vec<String> = paragraphs.iter().flat_map(|paragraph| wrapped(paragraph)).collect();
    let pages: Vec<&[String]> = lines.chunks(LINES_A_PAGE).collect();
    let (catalog, tree, font) = (Ref::new(1), Ref::new(2), Ref::new(3));
    let page_at = |at: usize| Ref::new(4 + 2 * at as i32);
    let text_at = |at: usize| Ref::new(5 + 2 * at as i32);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids((0..pages.len()).map(page_at)).count(pages.len() as i32);
    pdf.type1_font(font).base_font(Name(b"Helvetica")).encoding_predefined(Name(b"WinAnsiEncoding"));
    for (at, lines) in pages.into_iter().enumerate() {
        let mut page = pdf.page(page_at(at));
        page.media_box(Rect::new(0.0, 0.0, 595.0, 842.0)).parent(tree).contents(text_at(at));
        page.resources().fonts().pair(Name(b"F1"), font);
        page.finish();
        let mut content = Content::new();
        content.begin_text().set_font(Name(b"F1"), 11.0).set_leading(16.0).next_line(64.0, 770.0);
        for line in lines {
            content.show(Str(&win_ansi(line))).next_line_using_leading();
        }
        content.end_text();
        pdf.stream(text_at(at), &content.finish());
    }
    pdf.finish()
}

/// Broken between words, with an empty line after it.
fn wrapped(paragraph: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.push(String::new());
    lines
}

/// What the encoding lacks becomes a question mark.
fn win_ansi(text: &str) -> Vec<u8> {
    let byte = |letter: char| match letter {
        ' '..='~' | '\u{a0}'..='ÿ' => letter as u8,
        '€' => 0x80,
        '…' => 0x85,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '•' => 0x95,
        '–' => 0x96,
        '—' => 0x97,
        '−' => b'-',
        _ => b'?',
    };
    text.chars().map(byte).collect()
}
