//! How often a key may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::StatusCode;

use super::Refused;

/// Requests a minute. Carbon's three are those of its documentation; a key may bring a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tier(pub u32);

impl Tier {
    pub(crate) const ONE: Self = Self(30);
    pub(crate) const TWO: Self = Self(90);
    pub(crate) const THREE: Self = Self(180);
    /// Our own operations, and contracts that document no limit.
    pub(crate) const OWN: Self = Self(1200);
    /// All requests with keys that are not known, together: so many that a program with an old key is still told so.
    pub(super) const UNKNOWN: Self = Self(600);
}

/// Stands for every key that is not known. No key has this id.
pub(super) const UNKNOWN: &str = "";

/// What is left of a key's requests of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub limit: u32,
    pub left: u32,
    /// Seconds until all are there again.
    pub whole_in: u64,
}

/// A bucket for each key and tier: as large as a minute's requests, filled again evenly.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<(String, Tier), Bucket>>);

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    pub(super) fn take(&self, key: &str, tier: Tier, now: Instant) -> Result<Allowance, Refused> {
        let limit = f64::from(tier.0);
        let each_second = limit / 60.0;
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((key.to_owned(), tier)).or_insert(Bucket { left: limit, at: now });
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * each_second;
        *bucket = Bucket { left: (bucket.left + gained).min(limit), at: now };
        let enough = bucket.left >= 1.0;
        if enough {
            bucket.left -= 1.0;
        }
        let whole_in = ((limit - bucket.left) / each_second).ceil() as u64;
        let allowance = Allowance { limit: tier.0, left: bucket.left as u32, whole_in };
        if enough {
            return Ok(allowance);
        }
        let wait = (((1.0 - bucket.left) / each_second).ceil() as u64).max(1);
        let seconds = if wait == 1 { "second" } else { "seconds" };
        let whose = if key == UNKNOWN { "unknown keys have" } else { "this key has" };
        Err(Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            words: format!("Too many requests: {whose} {} a minute. Try again in {wait} {seconds}.", tier.0),
            wait: Some(wait),
            allowance: Some(allowance),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_s_requests_run_out_and_come_back_evenly() {
        let (rates, start) = (Rates::default(), Instant::now());
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        for left in (0..30).rev() {
            assert_eq!(rates.take("a", Tier::ONE, start).map(|it| it.left).ok(), Some(left));
        }
        let refused = rates.take("a", Tier::ONE, start).expect_err("none is left");
        assert_eq!((refused.status, refused.wait), (StatusCode::TOO_MANY_REQUESTS, Some(2)));
        assert!(refused.words.contains("in 2 seconds"), "{}", refused.words);
        assert_eq!(refused.allowance, Some(Allowance { limit: 30, left: 0, whole_in: 60 }));
        assert!(rates.take("a", Tier::TWO, start).is_ok(), "another tier");
        assert!(rates.take("b", Tier::ONE, start).is_ok(), "another key");
        assert!(rates.take("a", Tier::ONE, after(2)).is_ok());
        assert!(rates.take("a", Tier::ONE, after(2)).is_err());
        let allowance = rates.take("a", Tier::ONE, after(1000)).expect("all are there again");
        assert_eq!((allowance.limit, allowance.left, allowance.whole_in), (30, 29, 2));
    }
}
