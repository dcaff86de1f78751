//! Messages: who, when and about what; the body; the attachments with their names and, where it can be read, their text.

use std::borrow::Cow;

use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::{Format, MAX_DEPTH, Reason, html, read as read_file, sink::Sink};

/// `depth` is the number of messages around this one.
pub(crate) fn read(bytes: &[u8], depth: usize, sink: &mut Sink) -> Result<(), Reason> {
    let message = MessageParser::default().parse(bytes).ok_or(Reason::Broken)?;
    let is_message = message.from().is_some()
        || message.subject().is_some()
        || message.date().is_some()
        || message.to().is_some();
    if !is_message {
        return Err(Reason::Broken);
    }
    write_head(&message, sink);
    write_body(&message, sink);
    for part in message.attachments() {
        write_attachment(part, depth, sink);
    }
    Ok(())
}

fn write_head(message: &Message<'_>, sink: &mut Sink) {
    let lines = [
        ("Subject", message.subject().map(Cow::Borrowed)),
        ("From", message.from().map(|it| Cow::Owned(people(it)))),
        ("To", message.to().map(|it| Cow::Owned(people(it)))),
        ("Cc", message.cc().map(|it| Cow::Owned(people(it)))),
        ("Date", message.date().map(|it| Cow::Owned(it.to_rfc3339()))),
    ];
    for (name, value) in lines {
        if let Some(value) = value.filter(|it| !it.is_empty()) {
            sink.line();
            sink.words(&format!("{name}: {value}"));
        }
    }
    sink.paragraph();
}

/// The plain text, or the HTML where the sender wrote no plain text.
fn write_body(message: &Message<'_>, sink: &mut Sink) {
    for part in message.text_bodies() {
        match &part.body {
            PartType::Text(text) => sink.verbatim(text),
            // Reading HTML that is already characters does not fail.
            PartType::Html(page) => html::read(page, sink).unwrap_or_default(),
            _ => {}
        }
        sink.paragraph();
    }
}

fn write_attachment(part: &MessagePart<'_>, depth: usize, sink: &mut Sink) {
    let name = part.attachment_name();
    // A picture in the text of a newsletter has no name, and nothing to say.
    if name.is_none() && matches!(part.body, PartType::InlineBinary(_)) || sink.is_full() {
        return;
    }
    let media_type = part.content_type().map(|it| match it.subtype() {
        Some(subtype) => format!("{}/{subtype}", it.ctype()),
        None => it.ctype().to_owned(),
    });
    let (bytes, format) = match &part.body {
        PartType::Message(message) => (message.raw_message(), Some(Format::Eml)),
        PartType::Multipart(_) => return,
        _ => {
            let bytes = part.contents();
            let head = &bytes[..bytes.len().min(1024)];
            (bytes, Format::of(name.unwrap_or_default(), media_type.as_deref(), head))
        }
    };
    sink.paragraph();
    sink.words(&format!("Attachment: {}", name.unwrap_or("without a name")));
    sink.paragraph();
    let deeper = depth + usize::from(format == Some(Format::Eml));
    if let Some(format) = format.filter(|_| deeper <= MAX_DEPTH) {
        if read_file(bytes, format, deeper, sink).is_err() {
            sink.leave_out();
        }
        sink.paragraph();
    }
}

/// `Anna Müller <anna@example.org>, bert@example.org`.
fn people(address: &Address<'_>) -> String {
    let people = address.iter().map(|it| match (it.name(), it.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    });
    people.collect::<Vec<_>>().join(", ")
}
