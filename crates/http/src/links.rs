//! Links to pages of ours that were handed out: names that cannot be guessed, each with what it was made for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tieline_engine::{Error, Result};

/// A link can be opened this long.
const LIFE: Duration = Duration::from_secs(3600);
/// The most that are remembered; the oldest go first.
const MOST: usize = 2000;
/// Forms of one page that may be open at once, in several tabs say.
const FORMS: usize = 20;

struct Kept<T> {
    link: T,
    /// What it asks for was done.
    used: bool,
    forms: Vec<String>,
    made: Instant,
}

/// All links of a kind that may still be opened.
pub(crate) struct Links<T>(Mutex<HashMap<String, Kept<T>>>);

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Links<T> {
    fn with<A>(&self, work: impl FnOnce(&mut HashMap<String, Kept<T>>) -> A) -> A {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a link under a new name.
    pub fn keep(&self, link: T) -> Result<String> {
        let name = random()?;
        self.with(|all| {
            all.retain(|_, it| it.made.elapsed() < LIFE);
            if all.len() >= MOST {
                let oldest = all.iter().min_by_key(|(_, it)| it.made).map(|(name, _)| name.clone());
                oldest.and_then(|name| all.remove(&name));
            }
            all.insert(name.clone(), Kept { link, used: false, forms: Vec::new(), made: Instant::now() });
        });
        Ok(name)
    }

    /// None: never made, or too old.
    pub fn find(&self, name: &str) -> Option<T> {
        self.with(|all| all.get(name).filter(|it| it.made.elapsed() < LIFE).map(|it| it.link.clone()))
    }

    /// The name of the first that is so.
    pub fn name_of(&self, is: impl Fn(&T) -> bool) -> Option<String> {
        self.with(|all| all.iter().find(|(_, it)| is(&it.link)).map(|(name, _)| name.clone()))
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut T)) {
        self.with(|all| all.get_mut(name).map(|it| change(&mut it.link)));
    }

    /// Marks it as used. False: it was already.
    pub fn take(&self, name: &str) -> bool {
        self.with(|all| all.get_mut(name).is_some_and(|it| !std::mem::replace(&mut it.used, true)))
    }

    /// A word for a form of its page, to be sent back once.
    pub fn form(&self, name: &str) -> Result<String> {
        let word = random()?;
        self.with(|all| {
            let Some(it) = all.get_mut(name) else { return };
            if it.forms.len() >= FORMS {
                it.forms.remove(0);
            }
            it.forms.push(word.clone());
        });
        Ok(word)
    }

    /// Whether a form's word is good; it is not a second time.
    pub fn sent(&self, name: &str, word: &str) -> bool {
        self.with(|all| {
            let Some(it) = all.get_mut(name) else { return false };
            let place = it.forms.iter().position(|form| form == word);
            place.map(|place| it.forms.remove(place)).is_some()
        })
    }
}

/// 128 bits that nobody can guess, in hexadecimal digits.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(hex(&bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_does_once_what_it_asks_for() {
        let links = Links::default();
        let name = links.keep(0).unwrap();
        assert_ne!(name, links.keep(0).unwrap());
        assert!(links.take(&name) && !links.take(&name) && !links.take("unknown"));
        links.change(&name, |link| *link = 1);
        assert_eq!(links.name_of(|link| *link == 1), Some(name));
        assert_eq!(links.name_of(|link| *link == 2), None);
    }

    #[test]
    fn a_form_is_sent_once() {
        let links = Links::default();
        let (name, other) = (links.keep(0).unwrap(), links.keep(0).unwrap());
        let word = links.form(&name).unwrap();
        assert!(!links.sent(&other, &word) && !links.sent(&name, "guessed"));
        assert!(links.sent(&name, &word) && !links.sent(&name, &word));
        for _ in 0..FORMS {
            links.form(&name).unwrap();
        }
        assert_eq!(links.with(|all| all[&name].forms.len()), FORMS);
    }

    #[test]
    fn the_oldest_links_make_room() {
        let links = Links::default();
        let first = links.keep(0).unwrap();
        for _ in 0..MOST {
            links.keep(0).unwrap();
        }
        assert!(links.find(&first).is_none());
        assert_eq!(links.with(|all| all.len()), MOST);
    }
}
