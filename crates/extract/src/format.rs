//! Which kind of file it is, from its name, its media type and its first bytes.

/// A kind of file whose text can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Html,
    Markdown,
    Plain,
    Rtf,
    Pdf,
    Docx,
    Pptx,
    Xlsx,
    /// Excel's format before 2007.
    Xls,
    Odt,
    Ods,
    Odp,
    Csv,
    Tsv,
    /// One value, or several one after the other (JSON Lines).
    Json,
    Eml,
}

impl Format {
    pub const ALL: [Self; 16] = [
        Self::Html,
        Self::Markdown,
        Self::Plain,
        Self::Rtf,
        Self::Pdf,
        Self::Docx,
        Self::Pptx,
        Self::Xlsx,
        Self::Xls,
        Self::Odt,
        Self::Ods,
        Self::Odp,
        Self::Csv,
        Self::Tsv,
        Self::Json,
        Self::Eml,
    ];

    /// The format of a file, None if it is none of these. First bytes that leave no doubt win over the name, the name
    /// over the media type. A kilobyte of `bytes_head` is enough, and an empty one is allowed.
    pub fn of(name: &str, media_type: Option<&str>, bytes_head: &[u8]) -> Option<Self> {
        if let Some(sure) = by_magic(bytes_head) {
            return Some(sure);
        }
        let named = by_extension(name).or_else(|| by_media_type(media_type?));
        match named {
            // Exports called .xls are often web pages or new workbooks.
            Some(Self::Xls | Self::Rtf) | None if is_html(bytes_head) => Some(Self::Html),
            Some(Self::Xls) if is_zip(bytes_head) => Some(Self::Xlsx),
            Some(named) => Some(named),
            None => by_zip_parts(bytes_head),
        }
    }

    /// The usual extension, which is its name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Plain => "plain",
            Self::Rtf => "rtf",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Pptx => "pptx",
            Self::Xlsx => "xlsx",
            Self::Xls => "xls",
            Self::Odt => "odt",
            Self::Ods => "ods",
            Self::Odp => "odp",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Eml => "eml",
        }
    }

    /// As a person says it, after "this" or "a".
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Html => "web page",
            Self::Markdown | Self::Plain => "text file",
            Self::Rtf => "rich text file",
            Self::Pdf => "PDF",
            Self::Docx => "Word document",
            Self::Pptx => "PowerPoint presentation",
            Self::Xlsx | Self::Xls => "workbook",
            Self::Odt => "text document",
            Self::Ods => "spreadsheet",
            Self::Odp => "presentation",
            Self::Csv | Self::Tsv => "table",
            Self::Json => "JSON file",
            Self::Eml => "message",
        }
    }
}

fn by_magic(head: &[u8]) -> Option<Format> {
    if head.starts_with(b"%PDF-") {
        return Some(Format::Pdf);
    }
    if head.starts_with(b"{\\rtf") {
        return Some(Format::Rtf);
    }
    // An OpenDocument package begins with its media type, stored as it is.
    let kind = head
        .get(30..)?
        .strip_prefix(b"mimetypeapplication/vnd.oasis.opendocument.")
        .filter(|_| is_zip(head))?;
    [(&b"text"[..], Format::Odt), (b"spreadsheet", Format::Ods), (b"presentation", Format::Odp)]
        .into_iter()
        .find(|(name, _)| kind.starts_with(name))
        .map(|(_, format)| format)
}

fn by_extension(name: &str) -> Option<Format> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" | "xhtml" => Format::Html,
        "md" | "markdown" => Format::Markdown,
        "txt" | "text" | "log" | "ics" | "vcf" | "yaml" | "yml" | "toml" | "ini" | "xml" => Format::Plain,
        "rtf" => Format::Rtf,
        "pdf" => Format::Pdf,
        "docx" | "docm" | "dotx" | "dotm" => Format::Docx,
        "pptx" | "pptm" | "ppsx" | "ppsm" | "potx" => Format::Pptx,
        "xlsx" | "xlsm" | "xltx" | "xltm" => Format::Xlsx,
        "xls" | "xlt" => Format::Xls,
        "odt" | "ott" => Format::Odt,
        "ods" | "ots" => Format::Ods,
        "odp" | "otp" => Format::Odp,
        "csv" => Format::Csv,
        "tsv" | "tab" => Format::Tsv,
        "json" | "jsonl" | "ndjson" | "geojson" => Format::Json,
        "eml" => Format::Eml,
        _ => return None,
    })
}

fn by_media_type(media_type: &str) -> Option<Format> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    const OOXML: &str = "application/vnd.openxmlformats-officedocument.";
    const ODF: &str = "application/vnd.oasis.opendocument.";
    if let Some(kind) = essence.strip_prefix(OOXML) {
        return [("word", Format::Docx), ("presentation", Format::Pptx), ("spreadsheet", Format::Xlsx)]
            .into_iter()
            .find(|(name, _)| kind.starts_with(name))
            .map(|(_, format)| format);
    }
    Some(match essence.strip_prefix(ODF).unwrap_or(&essence) {
        "text/html" | "application/xhtml+xml" => Format::Html,
        "text/markdown" | "text/x-markdown" => Format::Markdown,
        "application/rtf" | "text/rtf" | "text/richtext" => Format::Rtf,
        "application/pdf" | "application/x-pdf" => Format::Pdf,
        "application/vnd.ms-excel" => Format::Xls,
        "text" | "text-template" => Format::Odt,
        "spreadsheet" | "spreadsheet-template" => Format::Ods,
        "presentation" | "presentation-template" => Format::Odp,
        "text/csv" | "application/csv" => Format::Csv,
        "text/tab-separated-values" => Format::Tsv,
        "application/json" | "text/json" | "application/x-ndjson" => Format::Json,
        "message/rfc822" => Format::Eml,
        it if it.ends_with("+json") => Format::Json,
        it if it.starts_with("text/") => Format::Plain,
        _ => return None,
    })
}

/// The names of the first parts stand in the head.
fn by_zip_parts(head: &[u8]) -> Option<Format> {
    let holds = |name: &[u8]| is_zip(head) && head.windows(name.len()).any(|at| at == name);
    [(&b"word/"[..], Format::Docx), (b"ppt/", Format::Pptx), (b"xl/", Format::Xlsx)]
        .into_iter()
        .find(|(name, _)| holds(name))
        .map(|(_, format)| format)
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

fn is_html(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"]
        .into_iter()
        .any(|start| head.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start)))
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn the_name_says_it() {
        assert_eq!(Format::of("Rechnung.PDF", None, b""), Some(Format::Pdf));
        assert_eq!(Format::of("a.tar.md", Some("text/plain"), b""), Some(Format::Markdown));
        assert_eq!(Format::of("photo.jpg", Some("image/jpeg"), b"\xff\xd8\xff"), None);
        for format in Format::ALL {
            let name = match format {
                Format::Plain => "a.txt".to_owned(),
                other => format!("a.{}", other.as_str()),
            };
            assert_eq!(Format::of(&name, None, b""), Some(format));
        }
    }

    #[test]
    fn the_media_type_says_it_when_the_name_does_not() {
        let of = |media_type| Format::of("attachment", Some(media_type), b"");
        assert_eq!(of("Text/HTML; charset=utf-8"), Some(Format::Html));
        assert_eq!(
            of("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            Some(Format::Xlsx)
        );
        assert_eq!(of("application/vnd.oasis.opendocument.text"), Some(Format::Odt));
        assert_eq!(of("application/problem+json"), Some(Format::Json));
        assert_eq!(of("text/x-rust"), Some(Format::Plain));
        assert_eq!(of("application/octet-stream"), None);
    }

    #[test]
    fn first_bytes_win_over_a_wrong_name() {
        assert_eq!(Format::of("scan.docx", None, b"%PDF-1.7 ..."), Some(Format::Pdf));
        assert_eq!(Format::of("letter.doc", None, b"{\\rtf1\\ansi"), Some(Format::Rtf));
        assert_eq!(Format::of("export.xls", None, b"<HTML><body>"), Some(Format::Html));
        assert_eq!(Format::of("export.xls", None, b"PK\x03\x04 ... "), Some(Format::Xlsx));
        let mut odt = b"PK\x03\x04".to_vec();
        odt.resize(30, 0);
        odt.extend_from_slice(b"mimetypeapplication/vnd.oasis.opendocument.textPK");
        assert_eq!(Format::of("blob", None, &odt), Some(Format::Odt));
    }
}
