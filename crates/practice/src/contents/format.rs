//! The kinds of files.

/// What a thing's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A thing without bytes, such as a folder.
    None,
    Html,
    Markdown,
    Plain,
    Rtf,
    Pdf,
    Docx,
    Pptx,
    Xlsx,
    Odt,
    Ods,
    Odp,
    Csv,
    Tsv,
    Json,
    Eml,
    /// The provider's own format under this media type, which has no bytes but by export: see
    /// [`Thing::bytes_as`](super::Thing::bytes_as).
    Native(&'static str),
    /// A PNG with no text in it.
    Image,
    /// Bytes that mean nothing.
    Unknown,
    /// Says it is a PDF and is none.
    Broken,
}

impl Format {
    /// All but the native ones.
    pub const ALL: [Format; 19] = [
        Format::None,
        Format::Html,
        Format::Markdown,
        Format::Plain,
        Format::Rtf,
        Format::Pdf,
        Format::Docx,
        Format::Pptx,
        Format::Xlsx,
        Format::Odt,
        Format::Ods,
        Format::Odp,
        Format::Csv,
        Format::Tsv,
        Format::Json,
        Format::Eml,
        Format::Image,
        Format::Unknown,
        Format::Broken,
    ];

    /// The word on the control address: the extension, or what stands in for it; for a native one its media type.
    pub fn name(self) -> &'static str {
        match self {
            Format::None => "none",
            Format::Broken => "broken",
            Format::Native(media_type) => media_type,
            other => other.extension(),
        }
    }

    /// None for native ones, which only a provider's file can name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Without a dot; empty where there is none.
    pub fn extension(self) -> &'static str {
        match self {
            Format::None | Format::Native(_) => "",
            Format::Html => "html",
            Format::Markdown => "md",
            Format::Plain => "txt",
            Format::Rtf => "rtf",
            Format::Pdf | Format::Broken => "pdf",
            Format::Docx => "docx",
            Format::Pptx => "pptx",
            Format::Xlsx => "xlsx",
            Format::Odt => "odt",
            Format::Ods => "ods",
            Format::Odp => "odp",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Json => "json",
            Format::Eml => "eml",
            Format::Image => "png",
            Format::Unknown => "dat",
        }
    }

    /// Empty where there are no bytes.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::None => "",
            Format::Native(media_type) => media_type,
            Format::Html => "text/html",
            Format::Markdown => "text/markdown",
            Format::Plain => "text/plain",
            Format::Rtf => "application/rtf",
            Format::Pdf | Format::Broken => "application/pdf",
            Format::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Format::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Odt => "application/vnd.oasis.opendocument.text",
            Format::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Format::Odp => "application/vnd.oasis.opendocument.presentation",
            Format::Csv => "text/csv",
            Format::Tsv => "text/tab-separated-values",
            Format::Json => "application/json",
            Format::Eml => "message/rfc822",
            Format::Image => "image/png",
            Format::Unknown => "application/octet-stream",
        }
    }
}
