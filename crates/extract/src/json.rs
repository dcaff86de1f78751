//! JSON as lines: `key: value`, or the value alone in a list. The text is written while it is parsed, so no value is built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{Reason, charset, sink::Sink};

/// Reads one value or several. Nesting over 128 levels is refused by the parser, and counts as broken.
pub(crate) fn read(bytes: &[u8], sink: &mut Sink) -> Result<(), Reason> {
    let text = charset::decode(bytes, None)?;
    let mut parser = serde_json::Deserializer::from_str(&text);
    let mut found = false;
    loop {
        // The only sign of the end before a value is that there is nothing to parse.
        if parser.end().is_ok() {
            return if found { Ok(()) } else { Err(Reason::Broken) };
        }
        let read = Lines(sink).deserialize(&mut parser);
        if sink.is_full() {
            return Ok(());
        }
        read.map_err(|_| Reason::Broken)?;
        found = true;
        sink.line();
    }
}

struct Lines<'a>(&'a mut Sink);

impl<'de> DeserializeSeed<'de> for Lines<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Lines<'_> {
    fn value(self, value: &str) {
        self.0.words(value);
        self.0.line();
    }

    /// Parsing ends early by an error once nothing more fits.
    fn room<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.0.is_full() { Err(E::custom("full")) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Lines<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.value(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.value(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.value(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.value(&value.to_string());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.verbatim(value);
        self.0.line();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.line();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.line();
        while items.next_element_seed(Lines(self.0))?.is_some() {
            self.room()?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.0.line();
        while let Some(key) = entries.next_key::<String>()? {
            self.0.words(&key);
            self.0.words(": ");
            entries.next_value_seed(Lines(self.0))?;
            self.room()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &str) -> Result<String, Reason> {
        let mut sink = Sink::new(1000);
        read(json.as_bytes(), &mut sink).map(|()| sink.finish().text)
    }

    #[test]
    fn values_stand_on_lines_with_their_keys() {
        let json =
            r#"{"name": "M\u00fcller", "tags": ["a", 1.5, null], "at": {"city": "K\u00f6ln", "ok": true}}"#;
        assert_eq!(lines(json).unwrap(), "name: Müller\ntags:\na\n1.5\nat:\ncity: Köln\nok: true");
        assert_eq!(lines("{\"a\":1}\n{\"a\":2}\n").unwrap(), "a: 1\na: 2");
        assert_eq!(lines("\"only\"").unwrap(), "only");
    }

    #[test]
    fn what_is_no_json_is_broken() {
        for json in ["", "  ", "{\"a\": ", "{\"a\" 1}", "nonsense", &"[".repeat(100_000)] {
            assert_eq!(lines(json), Err(Reason::Broken));
        }
    }
}
