//! Time, passed in so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since 1970, UTC.
pub type Seconds = i64;

/// Less than this between the two clocks is a correction, not a sleep.
const LEAST_SLEEP: Seconds = 60;

/// The wall clock, with an offset that tests turn. Between readings it follows the monotonic clock, so a wall
/// clock that jumps while we run moves nothing we computed.
#[derive(Clone)]
pub struct Clock {
    start: Instant,
    start_wall: Seconds,
    /// What had passed of that second.
    start_part: Duration,
    /// Through which the monotonic clock stood.
    slept: Arc<AtomicI64>,
    turned: Arc<AtomicI64>,
}

impl Clock {
    pub fn system() -> Self {
        let (start, since) = (Instant::now(), since_1970());
        let start_part = Duration::from_nanos(since.subsec_nanos().into());
        Self { start, start_wall: whole(since), start_part, slept: Arc::default(), turned: Arc::default() }
    }

    /// Now, by the monotonic clock since start.
    pub fn now(&self) -> Seconds {
        let moved = self.slept.load(Ordering::Relaxed).saturating_add(self.turned.load(Ordering::Relaxed));
        self.start_wall.saturating_add(self.since_start()).saturating_add(moved)
    }

    /// How far the system's clock has moved away from where it stood at start, in seconds. A jump means a
    /// changed clock or a sleep.
    pub fn jumped(&self) -> Seconds {
        wall() + self.turned.load(Ordering::Relaxed) - self.now()
    }

    /// Takes over what passed while the computer slept: the monotonic clock stands still then on some systems. A
    /// system clock that was set back is not followed.
    pub fn catch_up(&self) {
        if self.jumped() > LEAST_SLEEP {
            let slept = wall() - self.start_wall - self.since_start();
            self.slept.fetch_max(slept, Ordering::Relaxed);
        }
    }

    /// Returns once it is `at`. It looks every quarter of a second, so it notices what the clock makes up for and how it
    /// is turned.
    pub async fn until(&self, at: Seconds) {
        while self.now() < at {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    fn since_start(&self) -> Seconds {
        whole(self.start.elapsed() + self.start_part)
    }

    /// Turns the clock by so many seconds.
    pub fn turn(&self, seconds: Seconds) {
        self.turned.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn wall() -> Seconds {
    whole(since_1970())
}

fn since_1970() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

fn whole(time: Duration) -> Seconds {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// `2027-03-12T08:00:00Z`
pub fn rfc3339(at: Seconds) -> String {
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Reads RFC 3339, and dates alone as their first second in UTC.
pub fn from_rfc3339(text: &str) -> Option<Seconds> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    OffsetDateTime::parse(&whole, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// `12 Mar 2027`
pub fn day(at: Seconds) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at) else { return String::new() };
    let month = at.month().to_string();
    format!("{} {} {}", at.day(), month.get(..3).unwrap_or(&month), at.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_made_up_for_and_a_clock_set_back_is_not_followed() {
        let slept = Clock { start_wall: wall() - 8 * 3600, ..Clock::system() };
        assert!(slept.jumped() >= 8 * 3600);
        slept.catch_up();
        assert!((slept.now() - wall()).abs() <= 1 && slept.jumped().abs() <= 1);
        let at = slept.now();
        slept.catch_up();
        assert!(slept.now() - at <= 1, "the same sleep counts once");

        let set_back = Clock { start_wall: wall() + 8 * 3600, ..Clock::system() };
        let at = set_back.now();
        set_back.catch_up();
        assert!((0..=1).contains(&(set_back.now() - at)));
    }
}
