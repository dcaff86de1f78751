//! What just changed, for whoever shows it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, Serialize, Deserialize, TS)]
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
    /// An address came that no sign-in waits for; nothing was changed.
    UnexpectedReturn,
    /// Practice mode was switched: everything is to be read anew.
    World,
}
