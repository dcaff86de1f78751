//! Why there is no text, for programs and for people.

use std::fmt;

use crate::Format;

/// Programs read `reason`; people read `words`, one or two sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub reason: Reason,
    pub words: String,
}

/// Kinds of unreadable. All but [`Reason::NotStarted`] are the file's, and reading it again ends the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Encrypted, and the empty password does not open it.
    Protected,
    /// Damaged, cut off, or not of the format.
    Broken,
    /// Over the limits, packed or unpacked.
    TooLarge,
    /// Reading took longer than the time limit.
    TooSlow,
    /// The reader ended on it: it panicked, or ran out of stack or memory.
    Crashed,
    /// No worker could be started, so the file was not looked at.
    NotStarted,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Crashed => "crashed",
            Self::NotStarted => "not_started",
        }
    }
}

impl Unreadable {
    pub(crate) fn new(reason: Reason, format: Format) -> Self {
        let it = format.in_words();
        let words = match reason {
            Reason::Protected => {
                format!("This {it} is protected with a password, so its text cannot be read.")
            }
            Reason::Broken => {
                format!("This file is damaged, incomplete or not really a {it}, so its text cannot be read.")
            }
            Reason::TooLarge => format!("This {it} is too large, so its text is not read."),
            Reason::TooSlow => format!("Reading this {it} took too long and was stopped."),
            Reason::Crashed => format!(
                "Reading this {it} failed part of the way, so its text cannot be shown. The file may be damaged or unusually large."
            ),
            Reason::NotStarted => format!(
                "This {it} was not read, because the program that reads files could not be started. Try again later."
            ),
        };
        Self { reason, words }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Unreadable {}
