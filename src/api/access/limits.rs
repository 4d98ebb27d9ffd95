//! Rate limits: requests of a client in a minute, and tries of wrong tokens.
//!
//! A client is a credential at an address. Figures and headers are those of the call sessions API: 100 GETs and 20 other requests in a minute, all of
//! which may come at once; after that one more is allowed with each fraction of the minute.

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

/// Remaining requests of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in a minute.
    pub limit: u32,
    /// Requests that are left now.
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

/// Seconds, rounded up, at least one.
pub fn seconds_up(wait: Duration) -> u64 {
    (wait.as_millis() as u64).div_ceil(1000).max(1)
}

/// Counts one kind of request.
pub struct Rate(Option<(u32, Keyed)>);

impl Rate {
    /// Requests a minute; 0 is no limit.
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

/// The block of an address. The owner of an IPv6 network has 2^64 addresses, which count as one.
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
/// An address without tries for this long begins anew.
const FORGOTTEN: Duration = Duration::from_mins(15);

struct Tries {
    wrong: u32,
    last: Instant,
    shown: [u8; 32],
}

impl Tries {
    fn none(now: Instant) -> Self {
        Self { wrong: 0, last: now, shown: [0; 32] }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FORGOTTEN
    }

    fn count(&mut self, shown: [u8; 32], now: Instant) {
        if self.is_forgotten(now) {
            self.wrong = 0;
        }
        if self.shown != shown {
            *self = Self { wrong: self.wrong.saturating_add(1), last: now, shown };
        }
    }

    fn pause(&self, now: Instant) -> Option<Duration> {
        let over = self.wrong.checked_sub(FREE)?;
        let pause = Duration::from_secs(1 << over.min(9)).min(LONGEST);
        pause.checked_sub(now.saturating_duration_since(self.last)).filter(|left| !left.is_zero())
    }
}

#[derive(Default)]
struct Guessers {
    known: HashMap<IpAddr, Tries>,
    /// All whom the full table has no place for, as if they were one: an army of addresses guesses no faster than a single one.
    others: Option<Tries>,
    swept: Option<Instant>,
}

impl Guessers {
    fn is_full(&self) -> bool {
        self.known.len() >= CLIENTS
    }

    /// Forgets old entries, once a second because the whole table is walked.
    fn make_room(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= Duration::from_secs(1)) {
            self.swept = Some(now);
            self.known.retain(|_, tries| !tries.is_forgotten(now));
        }
    }
}

/// Addresses that showed wrong tokens: each further one doubles the pause in which no token of theirs is looked at that could be guessed.
///
/// A right token forgives nothing: who guesses beside somebody who is let in all day would have a new start with each of their requests.
#[derive(Default)]
pub struct BackOff(Mutex<Guessers>);

impl BackOff {
    /// How long this address must wait before a token of it is checked.
    pub fn pause(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let others = all.others.as_ref().filter(|_| all.is_full());
        all.known.get(&block_of(address)).or(others)?.pause(now)
    }

    /// Counts a wrong token. The same one again is a script that was forgotten, not somebody who guesses.
    pub fn wrong(&self, address: IpAddr, shown: [u8; 32], now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let block = block_of(address);
        if all.is_full() && !all.known.contains_key(&block) {
            all.make_room(now);
        }
        if all.is_full() && !all.known.contains_key(&block) {
            all.others.get_or_insert(Tries::none(now)).count(shown, now);
        } else {
            all.known.entry(block).or_insert(Tries::none(now)).count(shown, now);
        }
    }
}

/// Whether a token was made by a machine, as far as can be told from it: nobody finds such a one by trying, however fast (`openssl rand -hex 16` has
/// 128 bits). What people think up is in the lists of those who guess, or follows their rules.
pub fn is_made(token: &str) -> bool {
    let mut kinds: Vec<char> = token.chars().collect();
    let length = kinds.len();
    kinds.sort_unstable();
    kinds.dedup();
    let has = |of: fn(&char) -> bool| kinds.iter().any(of);
    length >= 32
        && kinds.len() >= 10
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
        && !has(|c| c.is_whitespace())
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
        now += FORGOTTEN;
        back_off.wrong(HOME, [99; 32], now);
        assert_eq!(back_off.pause(HOME, now), None, "long ago");
    }

    #[test]
    fn an_army_of_addresses_is_held_up_as_one_and_fills_no_memory() {
        let (back_off, now) = (BackOff::default(), Instant::now());
        let soldier = |number: u32| IpAddr::from((0x0A00_0000 + number).to_be_bytes());
        let guess = |number: u32| {
            let mut shown = [0; 32];
            shown[..4].copy_from_slice(&(number + 1).to_be_bytes());
            shown
        };
        for number in 0..=5 {
            back_off.wrong(HOME, guess(number), now);
        }
        let at_home = back_off.pause(HOME, now);
        let looked_at = (0..3 * CLIENTS as u32)
            .filter(|&number| {
                let looked_at = back_off.pause(soldier(number), now).is_none();
                if looked_at {
                    back_off.wrong(soldier(number), guess(number), now);
                }
                looked_at
            })
            .count();
        assert_eq!(looked_at, CLIENTS - 1 + FREE as usize);
        assert_eq!(back_off.0.lock().expect("lock").known.len(), CLIENTS);
        assert!(at_home.is_some() && back_off.pause(HOME, now) == at_home, "who was known is counted as before");
        let later = now + FORGOTTEN;
        back_off.wrong(soldier(4 * CLIENTS as u32), guess(0), later);
        assert_eq!(back_off.0.lock().expect("lock").known.len(), 1, "nobody is remembered for ever");
    }

    #[test]
    fn what_a_machine_has_made_is_told_from_what_somebody_has_thought_up() {
        for made in [
            "0f8a3c5e7b9d1f2a4c6e8b0d3f5a7c9e",
            "b5a1f0c2-7d3e-4a9b-8c6d-1e2f3a4b5c6d",
            "kX9+/vQ2mZ7pL4nR8sT1uW3yA5bC6dE0",
        ] {
            assert!(is_made(made), "{made}");
        }
        for thought in [
            "geheim",
            "an old secret",
            "1111111111111111111111111111111111111111",
            "the quick brown fox jumps over the 2 lazy dogs",
        ] {
            assert!(!is_made(thought), "{thought}");
        }
    }

    #[test]
    fn a_network_of_version_6_is_one_client() {
        let one: IpAddr = "2001:db8:1:2:3:4:5:6".parse().expect("address");
        let other: IpAddr = "2001:db8:1:2::9".parse().expect("address");
        let far: IpAddr = "2001:db8:1:3::9".parse().expect("address");
        assert!(block_of(one) == block_of(other) && block_of(one) != block_of(far));
    }
}
