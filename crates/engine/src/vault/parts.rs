//! Values longer than one entry holds: an index in the entry itself, and parts beside it.
//!
//! A new value's parts are written under new names, then the index, and only then the old parts go. Whoever
//! is interrupted leaves the old value or the new one.

use keyring_core::{Error, Result};
use zeroize::Zeroizing;

/// Named places for bytes, as a keyring has them.
pub(super) trait Drawer {
    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>>;
    fn write(&self, name: &str, value: &[u8]) -> Result<()>;
    /// A place that is empty already is no error.
    fn clear(&self, name: &str) -> Result<()>;
}

/// What an index begins with; a value that begins so itself is stored in parts too.
const INDEX: &str = "tieline-parts 1 ";

struct Index {
    /// Sets the names of one value's parts apart from those of the value before.
    mark: String,
    parts: usize,
    bytes: usize,
}

impl Index {
    fn read(value: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(value).ok()?.strip_prefix(INDEX)?.split(' ');
        let index = Self {
            mark: words.next()?.to_owned(),
            parts: words.next()?.parse().ok()?,
            bytes: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(index)
    }

    fn text(&self) -> String {
        format!("{INDEX}{} {} {}", self.mark, self.parts, self.bytes)
    }

    fn names(&self, entry: &str) -> impl Iterator<Item = String> {
        (0..self.parts).map(move |part| format!("{entry}#{}#{part}", self.mark))
    }
}

pub(super) fn read(drawer: &impl Drawer, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    // Another process may replace the value between its index and its parts: the second look sees the new one.
    for _ in 0..2 {
        let Some(value) = drawer.read(entry)? else { return Ok(None) };
        let Some(index) = Index::read(&value) else { return Ok(Some(value)) };
        let mut whole = Zeroizing::new(Vec::with_capacity(index.bytes.min(1 << 20)));
        for name in index.names(entry) {
            match drawer.read(&name)? {
                Some(part) => whole.extend_from_slice(&part),
                None => break,
            }
        }
        if whole.len() == index.bytes {
            return Ok(Some(whole));
        }
    }
    Err(Error::BadStoreFormat("parts are missing".into()))
}

/// Stores `value` in entries of at most `longest` bytes.
pub(super) fn write(drawer: &impl Drawer, entry: &str, value: &[u8], longest: Option<usize>) -> Result<()> {
    let before = match longest {
        Some(_) => drawer.read(entry)?.and_then(|value| Index::read(&value)),
        None => None,
    };
    match longest {
        Some(longest) if value.len() > longest || value.starts_with(INDEX.as_bytes()) => {
            let index = Index { mark: mark()?, parts: value.len().div_ceil(longest), bytes: value.len() };
            for (name, part) in index.names(entry).zip(value.chunks(longest)) {
                drawer.write(&name, part)?;
            }
            drawer.write(entry, index.text().as_bytes())?;
        }
        _ => drawer.write(entry, value)?,
    }
    before.iter().flat_map(|index| index.names(entry)).try_for_each(|name| drawer.clear(&name))
}

pub(super) fn clear(drawer: &impl Drawer, entry: &str, longest: Option<usize>) -> Result<()> {
    let before = match longest {
        Some(_) => drawer.read(entry)?.and_then(|value| Index::read(&value)),
        None => None,
    };
    drawer.clear(entry)?;
    before.iter().flat_map(|index| index.names(entry)).try_for_each(|name| drawer.clear(&name))
}

fn mark() -> Result<String> {
    let number = getrandom::u64().map_err(|error| Error::PlatformFailure(error.to_string().into()))?;
    Ok(format!("{number:016x}"))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A keyring with short entries, which can be made to fail.
    struct Small {
        entries: RefCell<BTreeMap<String, Vec<u8>>>,
        /// Changes left before it fails.
        left: Cell<usize>,
    }

    const LONGEST: usize = 64;

    impl Small {
        fn new() -> Self {
            Self { entries: RefCell::default(), left: Cell::new(usize::MAX) }
        }

        fn change(&self) -> Result<()> {
            let left = self.left.get().checked_sub(1).ok_or(Error::NoStorageAccess("cut off".into()))?;
            self.left.set(left);
            Ok(())
        }

        fn value(&self) -> Option<Vec<u8>> {
            read(self, "e").unwrap().map(|value| value.to_vec())
        }
    }

    impl Drawer for Small {
        fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
            Ok(self.entries.borrow().get(name).cloned().map(Zeroizing::new))
        }

        fn write(&self, name: &str, value: &[u8]) -> Result<()> {
            assert!(value.len() <= LONGEST, "{} bytes in one entry", value.len());
            self.change()?;
            self.entries.borrow_mut().insert(name.into(), value.into());
            Ok(())
        }

        fn clear(&self, name: &str) -> Result<()> {
            self.change()?;
            self.entries.borrow_mut().remove(name);
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn every_length_comes_back_and_leaves_nothing(
            first in proptest::collection::vec(any::<u8>(), 0..400),
            second in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let drawer = Small::new();
            for value in [&first, &second] {
                write(&drawer, "e", value, Some(LONGEST)).unwrap();
                prop_assert_eq!(&drawer.value().unwrap(), value);
            }
            let parts = if second.len() > LONGEST { second.len().div_ceil(LONGEST) } else { 0 };
            prop_assert_eq!(drawer.entries.borrow().len(), 1 + parts);
            clear(&drawer, "e", Some(LONGEST)).unwrap();
            prop_assert!(drawer.entries.borrow().is_empty());
        }

        #[test]
        fn cut_off_anywhere_the_old_value_or_the_new_one_is_there(
            lengths in (0..300_usize, 0..300_usize),
            steps in 0..12_usize,
        ) {
            let (old, new) = (vec![b'o'; lengths.0], vec![b'n'; lengths.1]);
            let drawer = Small::new();
            write(&drawer, "e", &old, Some(LONGEST)).unwrap();
            drawer.left.set(steps);
            let written = write(&drawer, "e", &new, Some(LONGEST));
            let value = drawer.value().unwrap();
            prop_assert!(value == new || written.is_err() && value == old);
        }
    }

    #[test]
    fn a_value_that_looks_like_an_index_is_a_value() {
        let drawer = Small::new();
        let value = format!("{INDEX}x 1 1");
        write(&drawer, "e", value.as_bytes(), Some(LONGEST)).unwrap();
        assert_eq!(drawer.value().unwrap(), value.as_bytes());
    }

    #[test]
    fn a_lost_part_is_damage_and_not_a_missing_value() {
        let drawer = Small::new();
        write(&drawer, "e", &[7; 200], Some(LONGEST)).unwrap();
        let part = drawer.entries.borrow().keys().find(|name| name.ends_with("#2")).cloned().unwrap();
        drawer.entries.borrow_mut().remove(&part);
        assert!(matches!(read(&drawer, "e"), Err(Error::BadStoreFormat(_))));
    }

    #[test]
    fn without_a_limit_there_are_no_parts() {
        struct Large(RefCell<Vec<usize>>);
        impl Drawer for Large {
            fn read(&self, _: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
                Ok(None)
            }
            fn write(&self, _: &str, value: &[u8]) -> Result<()> {
                self.0.borrow_mut().push(value.len());
                Ok(())
            }
            fn clear(&self, _: &str) -> Result<()> {
                Ok(())
            }
        }
        let drawer = Large(RefCell::default());
        write(&drawer, "e", &[7; 65536], None).unwrap();
        assert_eq!(*drawer.0.borrow(), [65536]);
    }
}
