//! Office Open XML: document, workbook and presentation, with the parts that readers insist on.

use super::package::{packed, xml};
use super::text::escaped;

const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml";
const SHEET: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
const SLIDES: &str = "application/vnd.openxmlformats-officedocument.presentationml";
const THEME: &str = "application/vnd.openxmlformats-officedocument.theme+xml";
const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

pub fn docx(paragraphs: &[String]) -> Vec<u8> {
    let mut body = String::from("<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>Acme</w:t></w:r></w:p>");
    for paragraph in paragraphs {
        let text = escaped(paragraph);
        body.push_str(&format!("<w:p><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>"));
    }
    let document = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}\
         <w:sectPr><w:pgSz w:w=\"11906\" w:h=\"16838\"/></w:sectPr></w:body></w:document>"
    );
    packed(&[
        ("[Content_Types].xml", types(&[("/word/document.xml".into(), format!("{WORD}.document.main+xml"))])),
        ("_rels/.rels", relations(&[("officeDocument", "word/document.xml".into())])),
        ("word/document.xml", xml(&document)),
    ])
}

pub fn xlsx(rows: &[[String; 3]]) -> Vec<u8> {
    let mut shared = String::new();
    let mut count = 0;
    let mut data = String::new();
    for (at, row) in rows.iter().enumerate() {
        let number = at + 1;
        data.push_str(&format!("<row r=\"{number}\">"));
        for (column, cell) in ["A", "B", "C"].into_iter().zip(row) {
            if cell.parse::<f64>().is_ok() {
                data.push_str(&format!("<c r=\"{column}{number}\"><v>{cell}</v></c>"));
            } else {
                data.push_str(&format!("<c r=\"{column}{number}\" t=\"s\"><v>{count}</v></c>"));
                shared.push_str(&format!("<si><t xml:space=\"preserve\">{}</t></si>", escaped(cell)));
                count += 1;
            }
        }
        data.push_str("</row>");
    }
    let space = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let workbook = format!(
        "<workbook {space} xmlns:r=\"{RELATION}\"><sheets>\
         <sheet name=\"Notes\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    packed(&[
        (
            "[Content_Types].xml",
            types(&[
                ("/xl/workbook.xml".into(), format!("{SHEET}.sheet.main+xml")),
                ("/xl/worksheets/sheet1.xml".into(), format!("{SHEET}.worksheet+xml")),
                ("/xl/sharedStrings.xml".into(), format!("{SHEET}.sharedStrings+xml")),
            ]),
        ),
        ("_rels/.rels", relations(&[("officeDocument", "xl/workbook.xml".into())])),
        ("xl/workbook.xml", xml(&workbook)),
        (
            "xl/_rels/workbook.xml.rels",
            relations(&[
                ("worksheet", "worksheets/sheet1.xml".into()),
                ("sharedStrings", "sharedStrings.xml".into()),
            ]),
        ),
        (
            "xl/worksheets/sheet1.xml",
            xml(&format!("<worksheet {space}><sheetData>{data}</sheetData></worksheet>")),
        ),
        (
            "xl/sharedStrings.xml",
            xml(&format!("<sst {space} count=\"{count}\" uniqueCount=\"{count}\">{shared}</sst>")),
        ),
    ])
}

/// A slide for each paragraph, over a bare master, layout and theme.
pub fn pptx(paragraphs: &[String]) -> Vec<u8> {
    let spaces = format!(
        "xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" xmlns:r=\"{RELATION}\" \
         xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\""
    );
    let tree = |shapes: &str| {
        format!(
            "<p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id=\"1\" name=\"\"/><p:cNvGrpSpPr/><p:nvPr/>\
             </p:nvGrpSpPr><p:grpSpPr/>{shapes}</p:spTree></p:cSld>"
        )
    };
    let colours = "<p:clrMap bg1=\"lt1\" tx1=\"dk1\" bg2=\"lt2\" tx2=\"dk2\" accent1=\"accent1\" \
        accent2=\"accent2\" accent3=\"accent3\" accent4=\"accent4\" accent5=\"accent5\" accent6=\"accent6\" \
        hlink=\"hlink\" folHlink=\"folHlink\"/>";
    let master = format!(
        "<p:sldMaster {spaces}>{}{colours}<p:sldLayoutIdLst>\
         <p:sldLayoutId id=\"2147483649\" r:id=\"rId1\"/></p:sldLayoutIdLst></p:sldMaster>",
        tree("")
    );
    let layout = format!("<p:sldLayout {spaces} type=\"blank\">{}</p:sldLayout>", tree(""));
    let mut content_types = vec![
        ("/ppt/presentation.xml".to_owned(), format!("{SLIDES}.presentation.main+xml")),
        ("/ppt/slideMasters/slideMaster1.xml".to_owned(), format!("{SLIDES}.slideMaster+xml")),
        ("/ppt/slideLayouts/slideLayout1.xml".to_owned(), format!("{SLIDES}.slideLayout+xml")),
        ("/ppt/theme/theme1.xml".to_owned(), THEME.to_owned()),
    ];
    let mut links = vec![("slideMaster", "slideMasters/slideMaster1.xml".to_owned())];
    let mut ids = String::new();
    let mut slides: Vec<(String, String)> = Vec::new();
    for (at, paragraph) in paragraphs.iter().enumerate() {
        let number = at + 1;
        let shape = format!(
            "<p:sp><p:nvSpPr><p:cNvPr id=\"2\" name=\"Text\"/><p:cNvSpPr txBox=\"1\"/><p:nvPr/></p:nvSpPr>\
             <p:spPr><a:xfrm><a:off x=\"600000\" y=\"600000\"/><a:ext cx=\"7900000\" cy=\"5600000\"/></a:xfrm>\
             <a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom></p:spPr><p:txBody><a:bodyPr/>\
             <a:p><a:r><a:rPr lang=\"en-GB\"/><a:t>{}</a:t></a:r></a:p></p:txBody></p:sp>",
            escaped(paragraph)
        );
        content_types.push((format!("/ppt/slides/slide{number}.xml"), format!("{SLIDES}.slide+xml")));
        links.push(("slide", format!("slides/slide{number}.xml")));
        ids.push_str(&format!("<p:sldId id=\"{}\" r:id=\"rId{}\"/>", 256 + at, number + 1));
        let slide = format!("<p:sld {spaces}>{}</p:sld>", tree(&shape));
        slides.push((format!("ppt/slides/slide{number}.xml"), xml(&slide)));
        let to_layout = relations(&[("slideLayout", "../slideLayouts/slideLayout1.xml".into())]);
        slides.push((format!("ppt/slides/_rels/slide{number}.xml.rels"), to_layout));
    }
    let presentation = format!(
        "<p:presentation {spaces}><p:sldMasterIdLst><p:sldMasterId id=\"2147483648\" r:id=\"rId1\"/>\
         </p:sldMasterIdLst><p:sldIdLst>{ids}</p:sldIdLst><p:sldSz cx=\"9144000\" cy=\"6858000\"/>\
         <p:notesSz cx=\"6858000\" cy=\"9144000\"/></p:presentation>"
    );
    let mut parts = vec![
        ("[Content_Types].xml", types(&content_types)),
        ("_rels/.rels", relations(&[("officeDocument", "ppt/presentation.xml".into())])),
        ("ppt/presentation.xml", xml(&presentation)),
        ("ppt/_rels/presentation.xml.rels", relations(&links)),
        ("ppt/slideMasters/slideMaster1.xml", xml(&master)),
        (
            "ppt/slideMasters/_rels/slideMaster1.xml.rels",
            relations(&[
                ("slideLayout", "../slideLayouts/slideLayout1.xml".into()),
                ("theme", "../theme/theme1.xml".into()),
            ]),
        ),
        ("ppt/slideLayouts/slideLayout1.xml", xml(&layout)),
        (
            "ppt/slideLayouts/_rels/slideLayout1.xml.rels",
            relations(&[("slideMaster", "../slideMasters/slideMaster1.xml".into())]),
        ),
        ("ppt/theme/theme1.xml", xml(&theme())),
    ];
    parts.extend(slides.iter().map(|(name, text)| (name.as_str(), text.clone())));
    packed(&parts)
}

fn theme() -> String {
    let names = [
        "dk1", "lt1", "dk2", "lt2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6",
        "hlink", "folHlink",
    ];
    let colour = |(at, name): (usize, &&str)| {
        let value = if at % 2 == 0 && at < 4 {
            "202020"
        } else if at < 4 {
            "FFFFFF"
        } else {
            "3060A0"
        };
        format!("<a:{name}><a:srgbClr val=\"{value}\"/></a:{name}>")
    };
    let colours: String = names.iter().enumerate().map(colour).collect();
    let font = "<a:latin typeface=\"Arial\"/><a:ea typeface=\"\"/><a:cs typeface=\"\"/>";
    let fill = "<a:solidFill><a:schemeClr val=\"phClr\"/></a:solidFill>".repeat(3);
    let line = "<a:ln><a:solidFill><a:schemeClr val=\"phClr\"/></a:solidFill></a:ln>".repeat(3);
    let effect = "<a:effectStyle><a:effectLst/></a:effectStyle>".repeat(3);
    format!(
        "<a:theme xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" name=\"Acme\">\
         <a:themeElements><a:clrScheme name=\"Acme\">{colours}</a:clrScheme>\
         <a:fontScheme name=\"Acme\"><a:majorFont>{font}</a:majorFont><a:minorFont>{font}</a:minorFont>\
         </a:fontScheme><a:fmtScheme name=\"Acme\"><a:fillStyleLst>{fill}</a:fillStyleLst>\
         <a:lnStyleLst>{line}</a:lnStyleLst><a:effectStyleLst>{effect}</a:effectStyleLst>\
         <a:bgFillStyleLst>{fill}</a:bgFillStyleLst></a:fmtScheme></a:themeElements></a:theme>"
    )
}

fn types(parts: &[(String, String)]) -> String {
    let list: String = parts
        .iter()
        .map(|(part, kind)| format!("<Override PartName=\"{part}\" ContentType=\"{kind}\"/>"))
        .collect();
    xml(&format!(
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>{list}</Types>"
    ))
}

/// Numbered `rId1` and so on.
fn relations(to: &[(&str, String)]) -> String {
    let list: String = to
        .iter()
        .enumerate()
        .map(|(at, (kind, target))| {
            let id = at + 1;
            format!("<Relationship Id=\"rId{id}\" Type=\"{RELATION}/{kind}\" Target=\"{target}\"/>")
        })
        .collect();
    xml(&format!(
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         {list}</Relationships>"
    ))
}
