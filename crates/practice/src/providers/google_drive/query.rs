//! The query of `files.list`
//! (developers.google.com/workspace/drive/api/guides/ref-search-terms), as much of it as a reading client needs.

/// A condition on files.
#[derive(Debug, PartialEq, Eq)]
pub enum Query {
    All(Vec<Query>),
    Any(Vec<Query>),
    Not(Box<Query>),
    In { parent: String },
    Is { term: String, value: String },
    Contains { term: String, value: String },
}

/// What a query can ask of a file.
pub trait Asked {
    fn is_in(&self, parent: &str) -> bool;
    /// None for a term that there is not.
    fn term(&self, name: &str) -> Option<String>;
}

const TERMS: [&str; 8] = [
    "name",
    "fullText",
    "mimeType",
    "trashed",
    "starred",
    "sharedWithMe",
    "shortcutDetails.targetId",
    "modifiedTime",
];

impl Query {
    /// None when it is malformed or names a term that there is not.
    pub fn read(text: &str) -> Option<Query> {
        let mut words = words(text)?;
        words.reverse();
        let query = any(&mut words)?;
        words.is_empty().then_some(query)
    }

    pub fn fits(&self, file: &impl Asked) -> bool {
        match self {
            Query::All(parts) => parts.iter().all(|part| part.fits(file)),
            Query::Any(parts) => parts.iter().any(|part| part.fits(file)),
            Query::Not(part) => !part.fits(file),
            Query::In { parent } => file.is_in(parent),
            Query::Is { term, value } => file.term(term).is_some_and(|it| it == *value),
            Query::Contains { term, value } => {
                file.term(term).is_some_and(|it| it.to_lowercase().contains(&value.to_lowercase()))
            }
        }
    }

    /// Whether it asks for what stands in a certain folder.
    pub fn names_a_parent(&self) -> bool {
        match self {
            Query::All(parts) | Query::Any(parts) => parts.iter().any(Query::names_a_parent),
            Query::Not(part) => part.names_a_parent(),
            Query::In { .. } => true,
            Query::Is { .. } | Query::Contains { .. } => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Open,
    Close,
    Sign(&'static str),
    Name(String),
    Text(String),
}

fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        words.push(match letter {
            ' ' => continue,
            '(' => Word::Open,
            ')' => Word::Close,
            '=' => Word::Sign("="),
            '!' => {
                letters.next_if_eq(&'=')?;
                Word::Sign("!=")
            }
            '\'' => {
                let mut value = String::new();
                loop {
                    match letters.next()? {
                        '\'' => break Word::Text(value),
                        '\\' => value.push(letters.next()?),
                        other => value.push(other),
                    }
                }
            }
            other => {
                let mut name = other.to_string();
                while let Some(next) = letters.next_if(|it| it.is_ascii_alphanumeric() || *it == '.') {
                    name.push(next);
                }
                Word::Name(name)
            }
        });
    }
    Some(words)
}

fn is(words: &[Word], name: &str) -> bool {
    matches!(words.last(), Some(Word::Name(word)) if word.eq_ignore_ascii_case(name))
}

fn any(words: &mut Vec<Word>) -> Option<Query> {
    let mut parts = vec![all(words)?];
    while is(words, "or") {
        words.pop();
        parts.push(all(words)?);
    }
    Some(if parts.len() == 1 { parts.remove(0) } else { Query::Any(parts) })
}

fn all(words: &mut Vec<Word>) -> Option<Query> {
    let mut parts = vec![one(words)?];
    while is(words, "and") {
        words.pop();
        parts.push(one(words)?);
    }
    Some(if parts.len() == 1 { parts.remove(0) } else { Query::All(parts) })
}

fn one(words: &mut Vec<Word>) -> Option<Query> {
    match words.pop()? {
        Word::Open => {
            let inside = any(words)?;
            (words.pop()? == Word::Close).then_some(inside)
        }
        Word::Name(name) if name.eq_ignore_ascii_case("not") => Some(Query::Not(Box::new(one(words)?))),
        Word::Text(parent) => {
            let (how, list) = (words.pop()?, words.pop()?);
            let fits = how == Word::Name("in".into()) && list == Word::Name("parents".into());
            fits.then_some(Query::In { parent })
        }
        Word::Name(term) if TERMS.contains(&term.as_str()) => {
            let how = words.pop()?;
            let (Word::Text(value) | Word::Name(value)) = words.pop()? else { return None };
            match how {
                Word::Sign("=") => Some(Query::Is { term, value }),
                Word::Sign(_) => Some(Query::Not(Box::new(Query::Is { term, value }))),
                Word::Name(how) if how == "contains" => Some(Query::Contains { term, value }),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    impl Asked for One {
        fn is_in(&self, parent: &str) -> bool {
            parent == "it's"
        }

        fn term(&self, name: &str) -> Option<String> {
            (name == "trashed").then(|| "false".to_owned())
        }
    }

    #[test]
    fn queries_are_read_as_documented() {
        let fits = |text: &str| Query::read(text).map(|query| query.fits(&One));
        assert_eq!(fits("trashed = false"), Some(true));
        assert_eq!(fits(r"('a' in parents or 'it\'s' in parents) and trashed=false"), Some(true));
        assert_eq!(fits("not 'a' in parents and trashed != false"), Some(false));
        assert_eq!([fits("'a' in parent"), fits("size > 3"), fits("(trashed = false"), fits("")], [None; 4]);
    }
}
