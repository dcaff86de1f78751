//! What just changed, for whoever shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Change {
    Connection {
        id: String,
    },
    Flow {
        id: String,
    },
    /// How far a connection's sync is; a few a second at most.
    Sync {
        id: String,
    },
    Keyring,
    Providers,
    Settings,
    /// A key of another program was made, used or revoked.
    Keys,
    /// A program asks for something that its person has to agree to.
    Approval,
    /// The loopback API was started or stopped.
    Serving,
    /// An address came that no sign-in waits for; nothing was changed.
    UnexpectedReturn,
    /// The window is to close while a sync is under way, and asks its person how. Told by the window.
    Closing,
    /// How the person wants it. Told to the window.
    Close {
        how: Closing,
    },
    /// Another process of the same person, such as the command line, wrote something: what is shown is to be read anew.
    Elsewhere,
    /// Practice mode was switched: everything is to be read anew.
    World,
}

/// What becomes of a window that is to close while a sync is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// Out of sight until nothing is under way.
    GoOn,
    /// Closed at once; the sync goes on at the next start.
    Stop,
    /// It stays.
    Keep,
}
