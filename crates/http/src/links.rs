//! Links to pages of ours that were handed out: names that cannot be guessed, each with what it was made for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tieline_engine::{Error, Programs, Result};

/// A link can be opened this long.
const LIFE: Duration = Duration::from_secs(3600);
/// The most that are remembered; the oldest go first.
const MOST: usize = 2000;
/// Forms of one page that may be open at once, in several tabs say.
const FORMS: usize = 20;

struct Kept<T> {
    link: T,
    /// The id of the key it was made with, and ends with.
    key: String,
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

    /// Keeps a link under a new name, for as long as the key of this id is good.
    pub fn keep(&self, key: &str, link: T) -> Result<String> {
        let name = random()?;
        self.with(|all| {
            all.retain(|_, it| it.made.elapsed() < LIFE);
            if all.len() >= MOST {
                let oldest = all.iter().min_by_key(|(_, it)| it.made).map(|(name, _)| name.clone());
                oldest.and_then(|name| all.remove(&name));
            }
            all.insert(
                name.clone(),
                Kept { link, key: key.to_owned(), used: false, forms: Vec::new(), made: Instant::now() },
            );
        });
        Ok(name)
    }

    /// None: never made, too old, or made with a key that was revoked since.
    pub fn find(&self, programs: &Programs, name: &str) -> Option<T> {
        let (key, link) = self.kept(name)?;
        programs.live_key(&key).ok().flatten().map(|_| link)
    }

    fn kept(&self, name: &str) -> Option<(String, T)> {
        let young = |it: &&Kept<T>| it.made.elapsed() < LIFE;
        self.with(|all| all.get(name).filter(young).map(|it| (it.key.clone(), it.link.clone())))
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
        let name = links.keep("k1", 0).unwrap();
        assert_ne!(name, links.keep("k1", 0).unwrap());
        assert!(links.take(&name) && !links.take(&name) && !links.take("unknown"));
        links.change(&name, |link| *link = 1);
        assert_eq!(links.name_of(|link| *link == 1), Some(name));
        assert_eq!(links.name_of(|link| *link == 2), None);
    }

    #[test]
    fn a_form_is_sent_once() {
        let links = Links::default();
        let (name, other) = (links.keep("k1", 0).unwrap(), links.keep("k1", 0).unwrap());
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
        let first = links.keep("k1", 0).unwrap();
        for _ in 0..MOST {
            links.keep("k1", 0).unwrap();
        }
        assert!(links.kept(&first).is_none());
        assert_eq!(links.with(|all| all.len()), MOST);
    }
}
