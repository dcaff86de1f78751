//! What people wrote, out of the objects that Notion wraps it in. Pure.

use serde_json::Value;

/// The text of a list of pieces of rich text.
pub fn plain(pieces: &Value) -> String {
    let pieces = pieces.as_array().into_iter().flatten();
    pieces.filter_map(|piece| piece["plain_text"].as_str()).collect::<String>().trim().to_owned()
}

/// A page's title: one of its properties, whatever people call it.
pub fn title(properties: &Value) -> String {
    let all = properties.as_object().into_iter().flatten();
    let title = all.map(|(_, it)| it).find(|it| it["type"] == "title").map(|it| plain(&it["title"]));
    title.filter(|title| !title.is_empty()).unwrap_or_else(|| "Untitled".into())
}

/// An entry's properties but its title, one a line: `Status: Done`.
pub fn properties(properties: &Value) -> String {
    let all = properties.as_object().into_iter().flatten();
    let lines = all.filter(|(_, it)| it["type"] != "title").filter_map(|(name, it)| {
        let words = value(it);
        (!words.is_empty()).then(|| format!("{name}: {words}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of one property, or of the result of a formula.
fn value(property: &Value) -> String {
    let Some(kind) = property["type"].as_str() else { return String::new() };
    let it = &property[kind];
    match kind {
        "rich_text" => plain(it),
        "number" | "string" | "url" | "email" | "phone_number" => scalar(it),
        "checkbox" | "boolean" => {
            it.as_bool().map(|yes| if yes { "yes" } else { "no" }.to_owned()).unwrap_or_default()
        }
        "select" | "status" => scalar(&it["name"]),
        "multi_select" | "people" | "files" => {
            let names = it.as_array().into_iter().flatten().map(|it| scalar(&it["name"]));
            names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
        }
        "date" => match (scalar(&it["start"]), scalar(&it["end"])) {
            (start, end) if end.is_empty() => start,
            (start, end) => format!("{start} to {end}"),
        },
        "formula" => value(it),
        _ => String::new(),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// What a block says: its text, a table's cells, an equation, the caption of a picture, a link's address.
pub fn of_block(block: &Value) -> String {
    let text = plain(&block["rich_text"]);
    if !text.is_empty() {
        return text;
    }
    if let Some(cells) = block["cells"].as_array() {
        return cells.iter().map(plain).collect::<Vec<_>>().join(" | ");
    }
    let caption = plain(&block["caption"]);
    let others = [&block["title"], &block["expression"], &block["url"]];
    let other = others.into_iter().find_map(Value::as_str).unwrap_or_default();
    [caption.as_str(), other].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Markdown without the signs for blocks that are not in it.
pub fn without_unknown(markdown: &str) -> String {
    let sign = |text: &str| {
        let at = text.find("<unknown ")?;
        Some((at, at + text[at..].find("/>")? + 2))
    };
    let (mut text, mut rest) = (String::with_capacity(markdown.len()), markdown);
    while let Some((start, end)) = sign(rest) {
        text.push_str(&rest[..start]);
        rest = &rest[end..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_says_its_properties() {
        let entry = json!({
            "Name": { "type": "title", "title": [{ "plain_text": "Visit " }, { "plain_text": "Kraków" }] },
            "Done": { "type": "checkbox", "checkbox": false },
            "Due": { "type": "date", "date": { "start": "2026-03-01", "end": null } },
            "Empty": { "type": "select", "select": null },
            "Owner": { "type": "people", "people": [{ "object": "user", "id": "1", "name": "Lena" }] },
            "Sum": { "type": "formula", "formula": { "type": "number", "number": 4.5 } },
        });
        assert_eq!(title(&entry), "Visit Kraków");
        assert_eq!(properties(&entry), "Done: no\nDue: 2026-03-01\nOwner: Lena\nSum: 4.5");
        assert_eq!(title(&json!({})), "Untitled");
    }

    #[test]
    fn signs_for_unknown_blocks_are_left_out() {
        assert_eq!(without_unknown("a <unknown url=\"u\" alt=\"x\"/>b"), "a b");
        assert_eq!(without_unknown("a <unknown url"), "a <unknown url");
        assert_eq!(without_unknown("a < b"), "a < b");
    }

    #[test]
    fn blocks_say_texts_cells_and_addresses() {
        assert_eq!(of_block(&json!({ "rich_text": [{ "plain_text": "Hello" }] })), "Hello");
        assert_eq!(
            of_block(&json!({ "cells": [[{ "plain_text": "a" }], [{ "plain_text": "b" }]] })),
            "a | b"
        );
        assert_eq!(of_block(&json!({ "url": "https://a.example", "caption": [] })), "https://a.example");
    }
}
