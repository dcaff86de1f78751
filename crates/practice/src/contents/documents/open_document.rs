//! OpenDocument: text, sheet and slides.

use super::package::{packed, xml};
use super::text::escaped;

const SPACES: &str = "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
    xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" \
    xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
    xmlns:draw=\"urn:oasis:names:tc:opendocument:xmlns:drawing:1.0\" \
    xmlns:presentation=\"urn:oasis:names:tc:opendocument:xmlns:presentation:1.0\" \
    xmlns:svg=\"urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0\" office:version=\"1.2\"";

pub fn odt(paragraphs: &[String]) -> Vec<u8> {
    let body: String =
        paragraphs.iter().map(|paragraph| format!("<text:p>{}</text:p>", escaped(paragraph))).collect();
    let heading = "<text:h text:outline-level=\"1\">Acme</text:h>";
    package("text", &format!("<office:text>{heading}{body}</office:text>"))
}

pub fn ods(rows: &[[String; 3]]) -> Vec<u8> {
    let mut table = String::new();
    for row in rows {
        table.push_str("<table:table-row>");
        for cell in row {
            let value = match cell.parse::<f64>() {
                Ok(_) => format!("office:value-type=\"float\" office:value=\"{cell}\""),
                Err(_) => "office:value-type=\"string\"".to_owned(),
            };
            let text = escaped(cell);
            table.push_str(&format!("<table:table-cell {value}><text:p>{text}</text:p></table:table-cell>"));
        }
        table.push_str("</table:table-row>");
    }
    let sheet = format!(
        "<office:spreadsheet><table:table table:name=\"Notes\">\
         <table:table-column table:number-columns-repeated=\"3\"/>{table}</table:table></office:spreadsheet>"
    );
    package("spreadsheet", &sheet)
}

pub fn odp(paragraphs: &[String]) -> Vec<u8> {
    let mut pages = String::new();
    for (at, paragraph) in paragraphs.iter().enumerate() {
        pages.push_str(&format!(
            "<draw:page draw:name=\"page{}\"><draw:frame svg:x=\"2cm\" svg:y=\"2cm\" svg:width=\"22cm\" \
             svg:height=\"14cm\"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame></draw:page>",
            at + 1,
            escaped(paragraph)
        ));
    }
    package("presentation", &format!("<office:presentation>{pages}</office:presentation>"))
}

fn package(kind: &str, body: &str) -> Vec<u8> {
    let media_type = format!("application/vnd.oasis.opendocument.{kind}");
    let manifest = format!(
        "<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" \
         manifest:version=\"1.2\">\
         <manifest:file-entry manifest:full-path=\"/\" manifest:media-type=\"{media_type}\"/>\
         <manifest:file-entry manifest:full-path=\"content.xml\" manifest:media-type=\"text/xml\"/>\
         </manifest:manifest>"
    );
    let content = format!(
        "<office:document-content {SPACES}><office:body>{body}</office:body></office:document-content>"
    );
    packed(&[
        ("mimetype", media_type),
        ("content.xml", xml(&content)),
        ("META-INF/manifest.xml", xml(&manifest)),
    ])
}
