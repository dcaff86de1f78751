//! As much of SOQL as asks for articles (SOQL and SOSL Reference): fields with one query inside, conditions that are
//! equations, and a data category.

#[derive(Debug, PartialEq, Eq)]
pub struct Soql<'q> {
    pub fields: Vec<&'q str>,
    /// The fields of `(SELECT … FROM DataCategorySelections)`.
    pub selections: Option<Vec<&'q str>>,
    pub object: &'q str,
    /// Field and value, all of which have to hold.
    pub conditions: Vec<(&'q str, String)>,
    /// Group and category of `WITH DATA CATEGORY Group__c AT Category__c`.
    pub category: Option<(&'q str, &'q str)>,
}

impl Soql<'_> {
    /// None where the query is of no form that is known here.
    pub fn read(text: &str) -> Option<Soql<'_>> {
        let (fields, selections, rest) = match text.split_once('(') {
            Some((fields, rest)) => {
                let (inner, rest) = rest.split_once(')')?;
                let (inner, from) = cut(after(inner, "SELECT ")?, " FROM ")?;
                if from.trim() != "DataCategorySelections" {
                    return None;
                }
                (after(fields, "SELECT ")?, Some(names(inner)), after(rest.trim_start(), "FROM ")?)
            }
            None => {
                let (fields, rest) = cut(after(text, "SELECT ")?, " FROM ")?;
                (fields, None, rest)
            }
        };
        let (rest, category) = match cut(rest, " WITH DATA CATEGORY ") {
            Some((rest, category)) => (rest, Some(cut(category, " AT ")?)),
            None => (rest, None),
        };
        let (object, conditions) = cut(rest, " WHERE ").unwrap_or((rest, ""));
        if object.trim().is_empty() || object.trim().contains(' ') {
            return None;
        }
        let category = category.map(|(group, name)| Some((api_name(group)?, api_name(name)?)));
        Some(Soql {
            fields: names(fields),
            selections,
            object: object.trim(),
            conditions: if conditions.is_empty() { Vec::new() } else { equations(conditions)? },
            category: category.map_or(Some(None), |it| it.map(Some))?,
        })
    }

    /// What a field has to be.
    pub fn wants(&self, field: &str) -> Option<&str> {
        let found = self.conditions.iter().find(|(name, _)| name.eq_ignore_ascii_case(field));
        found.map(|(_, value)| value.as_str())
    }
}

fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let text = text.trim_start();
    text.get(..word.len())?.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

fn cut<'t>(text: &'t str, word: &str) -> Option<(&'t str, &'t str)> {
    let at = text.to_ascii_uppercase().find(word)?;
    Some((&text[..at], &text[at + word.len()..]))
}

fn names(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

fn api_name(name: &str) -> Option<&str> {
    name.trim().strip_suffix("__c")
}

/// `Field = 'value' AND Field = 'value'`
fn equations(mut text: &str) -> Option<Vec<(&str, String)>> {
    let mut found = Vec::new();
    loop {
        let (field, rest) = text.split_once('=')?;
        let (value, rest) = quoted(rest.trim_start())?;
        found.push((field.trim(), value));
        if rest.trim().is_empty() {
            return Some(found);
        }
        text = after(rest, "AND ")?;
    }
}

/// The value between quotes, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.strip_prefix('\'')?.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return Some((value, &text[at + 2..])),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_asks_for_articles() {
        let text = "select Id, Title, (SELECT DataCategoryName FROM DataCategorySelections) FROM Knowledge__kav \
                    WHERE PublishStatus='Online' and Language = 'it\\'s' WITH DATA CATEGORY Topics__c AT All__c";
        let soql = Soql::read(text).unwrap();
        assert_eq!((soql.fields.as_slice(), soql.object), (&["Id", "Title"][..], "Knowledge__kav"));
        assert_eq!(soql.selections, Some(vec!["DataCategoryName"]));
        assert_eq!((soql.wants("publishstatus"), soql.wants("Language")), (Some("Online"), Some("it's")));
        assert_eq!(soql.category, Some(("Topics", "All")));
        assert_eq!(Soql::read("SELECT Id,Name FROM Organization").unwrap().object, "Organization");
        for wrong in [
            "SELECT Id",
            "FROM X",
            "SELECT Id FROM X WHERE A",
            "SELECT Id FROM X WHERE A = 'b",
            "SELECT (x FROM Y) FROM X",
        ] {
            assert_eq!(Soql::read(wrong), None, "{wrong}");
        }
    }
}
