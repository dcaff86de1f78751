//! The one error: a stable code for programs; what happened and what to do for people.

use std::fmt;

/// What went wrong. Programs read `code`; people read `message` (what happened and why) and `hint` (what to
/// press or change). Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub code: Code,
    pub message: String,
    pub hint: String,
    /// The field it is about.
    pub field: Option<String>,
}

macro_rules! codes {
    ($($(#[$words:meta])* $code:ident = $name:literal,)*) => {
        /// Kinds of failure, each with a stable name and an exit code of the command line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$words])* $code,)*
        }

        impl Code {
            /// The kind of this name; one that is not known is ours.
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($name => Self::$code,)*
                    _ => Self::Internal,
                }
            }

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }
        }

        #[cfg(test)]
        const ALL: &[Code] = &[$(Code::$code),*];
    };
}

codes! {
    BadInput = "bad_input",
    NotFound = "not_found",
    /// Something needs to be set up first (the organisation's app, a passphrase).
    NotSetUp = "not_set_up",
    /// It does not fit the present state (a sign-in that has ended).
    Conflict = "conflict",
    /// The person has to sign in again, or somebody has to agree.
    NeedsYou = "needs_you",
    /// The provider refused.
    Refused = "refused",
    /// The provider is unwell or unreachable; time mends it.
    Temporary = "temporary",
    KeyringLocked = "keyring_locked",
    KeyringAbsent = "keyring_absent",
    /// The disk is full, or the data folder cannot be written.
    Storage = "storage",
    Cancelled = "cancelled",
    TimedOut = "timed_out",
    /// Another Tieline is at it.
    Busy = "busy",
    /// One program wants more at once than it may have.
    TooMany = "too_many_requests",
    /// Ours.
    Internal = "internal",
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into(), field: None }
    }

    /// One field's fault, with its mend in the message.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: Code::BadInput,
            message: message.into(),
            hint: "Change it and try again.".into(),
            field: Some(field.into()),
        }
    }

    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!("There is no {what} {id}."),
            "Look at the list for the ones there are.",
        )
    }

    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(
            Code::Internal,
            format!("Tieline did not expect this: {what}."),
            "Try again. If it stays, report it with the log.",
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{}", self.message)?;
        if !self.hint.is_empty() {
            write!(f, " {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_known_by_its_name() {
        for code in ALL {
            assert_eq!(Code::from_name(code.as_str()), *code);
        }
        assert_eq!(Code::from_name("something_new"), Code::Internal);
    }
}
