//! Links to pages of ours that were handed out: names that cannot be guessed, each for one sign-in or one connection.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tieline_engine::program::Owner;
use tieline_engine::{Connecting, Error, Programs, Result, SyncOptions};

/// A link can be opened this long.
const LIFE: Duration = Duration::from_secs(3600);
/// The most that are remembered; the oldest go first.
const MOST: usize = 2000;
/// Forms of one page that may be open at once, in several tabs say.
const FORMS: usize = 20;

/// What a link was made for.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub owner: Owner,
    /// The id of the key it was made with, and ends with.
    key: String,
    pub provider: String,
    /// The sign-in it leads back from.
    pub flow: Option<String>,
    /// The data source it is about, once there is one.
    pub source: Option<i64>,
    pub options: SyncOptions,
    pub data_source_tags: Map<String, Value>,
    /// What a sign-in is to be begun with, where the person is asked for something first.
    pub connecting: Option<Connecting>,
    /// What it asks for was done.
    pub used: bool,
    forms: Vec<String>,
    made: Instant,
}

impl Link {
    pub fn new(
        owner: Owner,
        key: &str,
        provider: &str,
        options: SyncOptions,
        data_source_tags: Map<String, Value>,
    ) -> Self {
        Self {
            owner,
            key: key.to_owned(),
            provider: provider.to_owned(),
            flow: None,
            source: None,
            options,
            data_source_tags,
            connecting: None,
            used: false,
            forms: Vec::new(),
            made: Instant::now(),
        }
    }
}

/// All links that may still be opened.
#[derive(Default)]
pub(crate) struct Links(Mutex<HashMap<String, Link>>);

impl Links {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Link>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a link under a new name.
    pub fn keep(&self, link: Link) -> Result<String> {
        let name = random()?;
        self.with(|all| {
            all.retain(|_, link| link.made.elapsed() < LIFE);
            if all.len() >= MOST {
                let oldest = all.iter().min_by_key(|(_, link)| link.made).map(|(name, _)| name.clone());
                oldest.and_then(|name| all.remove(&name));
            }
            all.insert(name.clone(), link);
        });
        Ok(name)
    }

    /// None: never made, too old, or made with a key that was revoked since.
    pub fn find(&self, programs: &Programs, name: &str) -> Option<Link> {
        let link = self.kept(name)?;
        programs.live_key(&link.key).ok().flatten().map(|_| link)
    }

    fn kept(&self, name: &str) -> Option<Link> {
        self.with(|all| all.get(name).filter(|link| link.made.elapsed() < LIFE).cloned())
    }

    pub fn name_of_flow(&self, flow: &str) -> Option<String> {
        self.with(|all| {
            all.iter().find(|(_, link)| link.flow.as_deref() == Some(flow)).map(|(name, _)| name.clone())
        })
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut Link)) {
        self.with(|all| all.get_mut(name).map(change));
    }

    /// Marks it as used. False: it was already.
    pub fn take(&self, name: &str) -> bool {
        self.with(|all| all.get_mut(name).is_some_and(|link| !std::mem::replace(&mut link.used, true)))
    }

    /// A word for a form of its page, to be sent back once.
    pub fn form(&self, name: &str) -> Result<String> {
        let word = random()?;
        self.change(name, |link| {
            if link.forms.len() >= FORMS {
                link.forms.remove(0);
            }
            link.forms.push(word.clone());
        });
        Ok(word)
    }

    /// Whether a form's word is good; it is not a second time.
    pub fn sent(&self, name: &str, word: &str) -> bool {
        self.with(|all| {
            let Some(link) = all.get_mut(name) else { return false };
            let place = link.forms.iter().position(|form| form == word);
            place.map(|place| link.forms.remove(place)).is_some()
        })
    }
}

/// 128 bits that nobody can guess, in hexadecimal digits.
pub(super) fn random() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(hex(&bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link::new(
            Owner { organization: 1, customer: "maya".into() },
            "k1",
            "BOX",
            SyncOptions::default(),
            Map::new(),
        )
    }

    #[test]
    fn a_link_does_once_what_it_asks_for() {
        let links = Links::default();
        let name = links.keep(link()).unwrap();
        assert_ne!(name, links.keep(link()).unwrap());
        assert!(links.take(&name) && !links.take(&name) && !links.take("unknown"));
        links.change(&name, |link| link.flow = Some("f1".into()));
        assert_eq!(links.name_of_flow("f1"), Some(name));
        assert_eq!(links.name_of_flow("f2"), None);
    }

    #[test]
    fn a_form_is_sent_once() {
        let links = Links::default();
        let (name, other) = (links.keep(link()).unwrap(), links.keep(link()).unwrap());
        let word = links.form(&name).unwrap();
        assert!(!links.sent(&other, &word) && !links.sent(&name, "guessed"));
        assert!(links.sent(&name, &word) && !links.sent(&name, &word));
        for _ in 0..FORMS {
            links.form(&name).unwrap();
        }
        assert_eq!(links.kept(&name).unwrap().forms.len(), FORMS);
    }

    #[test]
    fn the_oldest_links_make_room() {
        let links = Links::default();
        let first = links.keep(link()).unwrap();
        for _ in 0..MOST {
            links.keep(link()).unwrap();
        }
        assert!(links.kept(&first).is_none());
        assert_eq!(links.with(|all| all.len()), MOST);
    }
}
