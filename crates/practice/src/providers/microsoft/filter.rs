//! `$filter` over what a list shows (query-parameters.md; OData 4.01, part 2, 5.1.1): comparisons, `contains`,
//! `startswith`, `any` over a list of texts, `not`, `and`, `or` and parentheses. Exchange compares text without its case.

use std::cmp::Ordering;

use serde_json::Value;

pub enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Compares { path: String, by: By, to: Value },
}

#[derive(Clone, Copy)]
pub enum By {
    Equal,
    Unequal,
    Above,
    AtLeast,
    Below,
    AtMost,
    Contains,
    Begins,
    /// Some element of a list is equal.
    Holds,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

impl Filter {
    /// None where it is no filter.
    pub fn read(text: &str) -> Option<Self> {
        let mut left = tokens(text)?;
        left.reverse();
        let filter = any(&mut left)?;
        left.is_empty().then_some(filter)
    }

    pub fn fits(&self, row: &Value) -> bool {
        match self {
            Self::Any(some) => some.iter().any(|it| it.fits(row)),
            Self::All(all) => all.iter().all(|it| it.fits(row)),
            Self::Not(it) => !it.fits(row),
            Self::Compares { path, by, to } => {
                compares(path.split('/').fold(row, |value, name| &value[name]), *by, to)
            }
        }
    }
}

fn compares(own: &Value, by: By, to: &Value) -> bool {
    if let By::Holds = by {
        return own.as_array().into_iter().flatten().any(|it| compares(it, By::Equal, to));
    }
    let (Some(own), Some(to)) = (own.as_str(), to.as_str()) else {
        return match by {
            By::Equal => own == to,
            By::Unequal => own != to,
            _ => false,
        };
    };
    let (own, to) = (own.to_lowercase(), to.to_lowercase());
    let order = own.cmp(&to);
    match by {
        By::Equal | By::Holds => order == Ordering::Equal,
        By::Unequal => order != Ordering::Equal,
        By::Above => order == Ordering::Greater,
        By::AtLeast => order != Ordering::Less,
        By::Below => order == Ordering::Less,
        By::AtMost => order != Ordering::Greater,
        By::Contains => own.contains(&to),
        By::Begins => own.starts_with(&to),
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut all = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' => {}
            '(' | ')' | ',' => all.push(Token::Sign(letter)),
            '\'' => {
                let mut said = String::new();
                loop {
                    match letters.next()? {
                        // A quotation mark in a text is written twice.
                        '\'' if letters.next_if_eq(&'\'').is_some() => said.push('\''),
                        '\'' => break,
                        other => said.push(other),
                    }
                }
                all.push(Token::Text(said));
            }
            _ => {
                let mut word = String::from(letter);
                while let Some(more) = letters.next_if(|it| !" (),'".contains(*it)) {
                    word.push(more);
                }
                all.push(Token::Word(word));
            }
        }
    }
    Some(all)
}

fn next_is(left: &mut Vec<Token>, word: &str) -> bool {
    let is = matches!(left.last(), Some(Token::Word(it)) if it == word);
    if is {
        left.pop();
    }
    is
}

fn sign(left: &mut Vec<Token>, sign: char) -> Option<()> {
    (left.pop()? == Token::Sign(sign)).then_some(())
}

fn any(left: &mut Vec<Token>) -> Option<Filter> {
    let mut some = vec![all(left)?];
    while next_is(left, "or") {
        some.push(all(left)?);
    }
    Some(Filter::Any(some))
}

fn all(left: &mut Vec<Token>) -> Option<Filter> {
    let mut every = vec![one(left)?];
    while next_is(left, "and") {
        every.push(one(left)?);
    }
    Some(Filter::All(every))
}

fn one(left: &mut Vec<Token>) -> Option<Filter> {
    let first = left.pop()?;
    let Token::Word(word) = first else {
        (first == Token::Sign('(')).then_some(())?;
        let inner = any(left)?;
        sign(left, ')')?;
        return Some(inner);
    };
    match word.as_str() {
        "not" => return Some(Filter::Not(Box::new(one(left)?))),
        "contains" | "startswith" => {
            sign(left, '(')?;
            let Token::Word(path) = left.pop()? else { return None };
            sign(left, ',')?;
            let to = literal(left)?;
            sign(left, ')')?;
            let by = if word == "contains" { By::Contains } else { By::Begins };
            return Some(Filter::Compares { path, by, to });
        }
        _ => {}
    }
    if let Some(path) = word.strip_suffix("/any") {
        sign(left, '(')?;
        let Token::Word(variable) = left.pop()? else { return None };
        let (declared, used) = variable.split_once(':')?;
        (declared == used && next_is(left, "eq")).then_some(())?;
        let to = literal(left)?;
        sign(left, ')')?;
        return Some(Filter::Compares { path: path.to_owned(), by: By::Holds, to });
    }
    let Token::Word(by) = left.pop()? else { return None };
    let by = match by.as_str() {
        "eq" => By::Equal,
        "ne" => By::Unequal,
        "gt" => By::Above,
        "ge" => By::AtLeast,
        "lt" => By::Below,
        "le" => By::AtMost,
        _ => return None,
    };
    Some(Filter::Compares { path: word, by, to: literal(left)? })
}

fn literal(left: &mut Vec<Token>) -> Option<Value> {
    Some(match left.pop()? {
        Token::Text(text) => text.into(),
        // A number, a truth or null; else a time, which stands without quotation marks.
        Token::Word(word) => serde_json::from_str(&word).unwrap_or_else(|_| word.into()),
        Token::Sign(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_told_by_what_stands_in_them() {
        let row = json!({
            "from": { "emailAddress": { "address": "Noor@acme.example", "name": "Noor O'Hara" } },
            "receivedDateTime": "2024-01-07T10:00:00Z", "categories": ["Blue category", "Lyon"],
            "flag": { "flagStatus": "flagged" }, "isRead": true,
        });
        for (text, fits) in [
            ("from/emailAddress/address eq 'noor@acme.example'", true),
            ("from/emailAddress/name eq 'Noor O''Hara'", true),
            ("receivedDateTime ge 2024-01-07T00:00:00Z and receivedDateTime lt 2024-01-08T00:00:00Z", true),
            ("receivedDateTime lt 2024-01-07T00:00:00Z", false),
            ("categories/any(category:category eq 'lyon')", true),
            ("categories/any(c:c eq 'Red')", false),
            ("(categories/any(c:c eq 'Red') or flag/flagStatus eq 'flagged') and isRead eq true", true),
            ("not (isRead eq true)", false),
            ("contains(from/emailAddress/name,'hara')", true),
            ("startswith(from/emailAddress/name,'hara')", false),
            ("flag/flagStatus ne 'flagged'", false),
        ] {
            assert_eq!(Filter::read(text).expect(text).fits(&row), fits, "{text}");
        }
        for text in
            ["", "isRead", "isRead eq", "isRead is true", "(isRead eq true", "isRead eq 'open", "a eq 1 b"]
        {
            assert!(Filter::read(text).is_none(), "{text}");
        }
    }
}
