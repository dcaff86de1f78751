//! The formats that are text.

use std::fmt::Write as _;

use serde_json::json;

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Without the page around it. The last of three paragraphs and more is a list.
pub fn html(paragraphs: &[String]) -> String {
    let mut html = String::new();
    for (at, paragraph) in paragraphs.iter().enumerate() {
        if at == 1 {
            html.push_str("<h2>In detail</h2>\n");
        }
        if at >= 2 && at + 1 == paragraphs.len() {
            html.push_str("<ul>\n");
            for sentence in paragraph.split_inclusive(". ") {
                let _ = writeln!(html, "<li>{}</li>", escaped(sentence.trim()));
            }
            html.push_str("</ul>\n");
        } else {
            let _ = writeln!(html, "<p>{}</p>", escaped(paragraph).replace('\n', "<br>"));
        }
    }
    html
}

pub fn page(paragraphs: &[String]) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Acme</title>\
         <style>p {{ margin: 1em }}</style></head>\n<body>\n<h1>Acme</h1>\n{}</body></html>\n",
        html(paragraphs)
    )
}

pub fn markdown(paragraphs: &[String]) -> String {
    let mut text = "# Acme\n".to_owned();
    for (at, paragraph) in paragraphs.iter().enumerate() {
        if at == 1 {
            text.push_str("\n## In *detail*\n");
        }
        if at >= 2 && at + 1 == paragraphs.len() {
            text.push('\n');
            for sentence in paragraph.split_inclusive(". ") {
                let _ = writeln!(text, "- {}", sentence.trim());
            }
        } else {
            let _ = writeln!(text, "\n{paragraph}");
        }
    }
    text
}

pub fn rtf(paragraphs: &[String]) -> String {
    let mut text = "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Helvetica;}}\n\\f0\\fs24 ".to_owned();
    for paragraph in paragraphs {
        for letter in paragraph.chars() {
            match letter {
                '\\' | '{' | '}' => {
                    text.push('\\');
                    text.push(letter);
                }
                '\n' => text.push_str("\\line "),
                ' '..='~' => text.push(letter),
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        let _ = write!(text, "\\u{}?", unit.cast_signed());
                    }
                }
            }
        }
        text.push_str("\\par\n");
    }
    text.push('}');
    text
}

pub fn separated(rows: &[[String; 3]], mark: char) -> String {
    let mut text = String::new();
    for row in rows {
        let cells = row.each_ref().map(|cell| match cell.contains([mark, '"', '\n']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        });
        let _ = write!(text, "{}\r\n", cells.join(&mark.to_string()));
    }
    text
}

pub fn json(token: &str, paragraphs: &[String]) -> String {
    let value = json!({ "reference": token, "count": paragraphs.len(), "paragraphs": paragraphs });
    format!("{value:#}\n")
}
