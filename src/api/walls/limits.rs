//! How often: requests of a client in a minute, and tokens that somebody tries.
//!
//! A client is a credential at an address. Figures and headers as the call sessions API recommends: 100 GETs and 20 other requests in a minute,
//! all of which may come at once; who has used them up gets one more every minute's part.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Clients that are remembered; when there are more, those who have all their requests again are forgotten.
const CLIENTS: usize = 10_000;

type Keyed =
    RateLimiter<(String, IpAddr), DefaultKeyedStateStore<(String, IpAddr)>, DefaultClock, StateInformationMiddleware>;

/// What a client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in a minute.
    pub limit: u32,
    /// Of them, left now.
    pub remaining: u32,
    /// `None` when this one is granted; else how long to wait for the next.
    pub wait: Option<Duration>,
}

impl Allowance {
    /// `RateLimit-*`, and `Retry-After` when it is spent. Whole seconds, rounded up.
    pub fn write(&self, headers: &mut HeaderMap) {
        let spent = u64::from(self.limit - self.remaining.min(self.limit));
        let reset = self.wait.map_or((spent * 60).div_ceil(u64::from(self.limit.max(1))), seconds_up);
        for (name, value) in [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", reset),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
        if let Some(wait) = self.wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds_up(wait)));
        }
    }
}

/// Whole seconds, at least one.
pub fn seconds_up(wait: Duration) -> u64 {
    (wait.as_millis() as u64).div_ceil(1000).max(1)
}

/// Counts one kind of request.
pub struct Rate(Option<(u32, Keyed)>);

impl Rate {
    /// So many in a minute; 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        let keyed =
            |count| RateLimiter::keyed(Quota::per_minute(count)).with_middleware::<StateInformationMiddleware>();
        Self(NonZeroU32::new(per_minute).map(|count| (per_minute, keyed(count))))
    }

    /// Counts a request of a client: `credential` is its token's or cookie's selector, or empty. `None` without a limit.
    pub fn take(&self, credential: &str, address: IpAddr) -> Option<Allowance> {
        let (limit, keyed) = self.0.as_ref()?;
        if keyed.len() > CLIENTS {
            keyed.retain_recent();
        }
        let allowance = match keyed.check_key(&(credential.to_string(), block_of(address))) {
            Ok(left) => Allowance { limit: *limit, remaining: left.remaining_burst_capacity(), wait: None },
            Err(spent) => {
                let wait = spent.wait_time_from(DefaultClock::default().now());
                Allowance { limit: *limit, remaining: 0, wait: Some(wait) }
            }
        };
        Some(allowance)
    }
}

/// One who holds an IPv6 network holds 2^64 addresses of it: they count as one.
fn block_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) & !u128::from(u64::MAX)).to_be_bytes()),
        IpAddr::V4(v4) => v4.into(),
    }
}

/// Wrong tokens that cost nothing.
const FREE: u32 = 5;
/// The longest pause.
const LONGEST: Duration = Duration::from_mins(5);
/// Who has not tried for so long begins anew.
const FORGOTTEN: Duration = Duration::from_mins(15);

struct Tries {
    wrong: u32,
    last: Instant,
    shown: [u8; 32],
}

/// Addresses that showed wrong tokens: each further one doubles the pause in which no token of theirs is looked at.
#[derive(Default)]
pub struct BackOff(Mutex<HashMap<IpAddr, Tries>>);

impl BackOff {
    /// How long this address has to wait before a token of it is looked at.
    pub fn pause(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let tries = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let tries = tries.get(&block_of(address))?;
        let over = tries.wrong.checked_sub(FREE)?;
        let pause = Duration::from_secs(1 << over.min(9)).min(LONGEST);
        pause.checked_sub(now.saturating_duration_since(tries.last)).filter(|left| !left.is_zero())
    }

    /// Counts a wrong token. The same one again is a script that was forgotten, not somebody who guesses.
    pub fn wrong(&self, address: IpAddr, shown: [u8; 32], now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if all.len() >= CLIENTS {
            all.retain(|_, tries| now.saturating_duration_since(tries.last) < FORGOTTEN);
        }
        if all.len() >= CLIENTS {
            return;
        }
        let tries = all.entry(block_of(address)).or_insert(Tries { wrong: 0, last: now, shown: [0; 32] });
        if now.saturating_duration_since(tries.last) >= FORGOTTEN {
            tries.wrong = 0;
        }
        if tries.shown != shown {
            *tries = Tries { wrong: tries.wrong.saturating_add(1), last: now, shown };
        }
    }

    /// A right one: all is forgotten.
    pub fn right(&self, address: IpAddr) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&block_of(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn a_minutes_requests_may_come_at_once_and_then_one_by_one() {
        let rate = Rate::new(20);
        for left in (0..20).rev() {
            assert_eq!(rate.take("mary", HOME), Some(Allowance { limit: 20, remaining: left, wait: None }));
        }
        let spent = rate.take("mary", HOME).expect("a limit");
        assert!(spent.wait.is_some_and(|wait| wait <= Duration::from_secs(3)), "{spent:?}");
        let mut headers = HeaderMap::new();
        spent.write(&mut headers);
        assert_eq!(
            (&headers["ratelimit-limit"], &headers["ratelimit-remaining"]),
            (&"20".parse().expect("v"), &"0".parse().expect("v"))
        );
        assert_eq!(headers["retry-after"], headers["ratelimit-reset"]);
        assert!(rate.take("john", HOME).is_some_and(|other| other.wait.is_none()), "another token has its own");
        assert_eq!(Rate::new(0).take("mary", HOME), None);
    }

    #[test]
    fn who_guesses_waits_longer_and_longer_and_who_repeats_himself_does_not() {
        let (back_off, mut now) = (BackOff::default(), Instant::now());
        for _ in 0..100 {
            back_off.wrong(HOME, [1; 32], now);
        }
        assert_eq!(back_off.pause(HOME, now), None, "one wrong token, however often");
        for guess in 2..=5 {
            back_off.wrong(HOME, [guess; 32], now);
        }
        let mut pauses = Vec::new();
        for guess in 6..=16 {
            let pause = back_off.pause(HOME, now);
            pauses.push(pause.map_or(0, |pause| pause.as_secs()));
            now += pause.unwrap_or_default();
            assert_eq!(back_off.pause(HOME, now), None);
            back_off.wrong(HOME, [guess; 32], now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(back_off.pause("192.0.2.2".parse().expect("address"), now), None);
        back_off.right(HOME);
        assert_eq!(back_off.pause(HOME, now), None);
    }

    #[test]
    fn a_network_of_version_6_is_one_client() {
        let one: IpAddr = "2001:db8:1:2:3:4:5:6".parse().expect("address");
        let other: IpAddr = "2001:db8:1:2::9".parse().expect("address");
        let far: IpAddr = "2001:db8:1:3::9".parse().expect("address");
        assert!(block_of(one) == block_of(other) && block_of(one) != block_of(far));
    }
}
