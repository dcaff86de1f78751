//! The time of the practice world, in whole seconds since 1970, which a test can push ahead.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Default)]
pub struct Clock {
    ahead: AtomicU64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where practice asks for the time")]
    pub fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs() + self.ahead.load(Ordering::Relaxed)
    }

    /// Seconds by which practice time runs ahead of the computer's; replaces what was set before.
    pub fn set_ahead(&self, seconds: u64) {
        self.ahead.store(seconds, Ordering::Relaxed);
    }

    pub fn ahead(&self) -> u64 {
        self.ahead.load(Ordering::Relaxed)
    }
}
