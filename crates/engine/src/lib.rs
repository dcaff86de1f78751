//! The product: connect work accounts, keep them connected, say what is wrong, list, sync and search what they hold,
//! disconnect.
//!
//! Everything a face may use is re-exported here; [`App::call`] is the one door. Layers, from the ground up:
//! ground (`error`, `secret`, `clock`, `event`, `redact`), pure (`connection`, `item`, `oauth`, `deadline`, `diagnose`, `ways`, …),
//! IO (`store`, `library`, `vault`, `client`, `callback`, `browser`, `lock`), `sources`, `world`, `flows`, and the door (`operations`, `app`).
//! `tests/tidy.rs` at the top of the repository holds the `use` lines against that order.

mod app;
pub mod browser;
pub mod callback;
pub mod client;
pub mod clock;
mod connection;
mod deadline;
mod diagnose;
pub mod error;
mod event;
mod flow;
mod flows;
pub mod item;
mod library;
pub mod lock;
mod oauth;
mod operations;
mod problem;
pub mod program;
mod programs;
mod redact;
pub mod secret;
mod service;
mod settings;
pub mod sources;
mod store;
mod sync_options;
pub mod vault;
mod ways;
mod world;

pub use app::{App, PracticeStarter, SCHEME, Start};
pub use browser::Browser;
pub use clock::Clock;
pub use error::{Code, Error, Result};
pub use operations::{Described, DescribedOperation, NAMES, describe, typescript, understood, wire};
pub use programs::embedded;
pub use programs::{
    Adopting, Connecting, Content, Contents, FileState, Mark, Order, OwnApp, Programs, PublishedProvider,
    TagTest, Tagging,
};
pub use redact::{Redacted, redact};
pub use secret::Secret;
pub use settings::{API_PORT, LOOPBACK_PORT};
pub use sync_options::{FileSyncConfig, SyncOptions};
pub use tieline_extract::serve_if_asked as extract_if_asked;
pub use world::PracticeWorld;
