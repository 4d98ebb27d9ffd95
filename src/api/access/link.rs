//! Links to a call's sound that work without a token, for a while: `?expires=…&by=…&signature=…`.
//!
//! The signature is HMAC-SHA256 over the call, the leg, the end and the token that asked for it; without that token the link is dead too.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::call::WallTime;

/// What a link leads to.
pub const PATH: &str = "/api/v1/calls/{id}/audio";
/// What its address holds; `leg` alone where somebody comes with a token.
pub const ASKS: &[&str] = &["leg", "expires", "by", "signature"];
/// How long a link works, seconds, unless less is asked for.
pub const LONGEST_S: i64 = 3600;

/// What a link lets hear.
#[derive(Clone, Copy, Debug)]
pub struct LinkedSound<'a> {
    /// The call, as it stands in the path.
    pub call: &'a str,
    /// `leg` of the query; empty for the first one.
    pub leg: &'a str,
    /// Until when, seconds since the epoch.
    pub expires_s: i64,
    /// Selector of the token that asked for it; empty for the Unix socket.
    pub by: &'a str,
}

/// The key of all links.
#[derive(Clone)]
pub struct LinkKey(Vec<u8>);

impl LinkKey {
    /// A key of 32 random bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    fn mac(&self, sound: LinkedSound) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let LinkedSound { call, leg, expires_s, by } = sound;
        for part in ["audio", call, leg, &expires_s.to_string(), by] {
            // With its length, so that no two links sign the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }

    /// The signature, in hex digits.
    pub fn sign(&self, sound: LinkedSound) -> String {
        hex::encode(self.mac(sound).finalize().into_bytes())
    }

    /// Whether a signature is ours and not over; compared in constant time.
    pub fn is_good(&self, sound: LinkedSound, signature: &str, now: WallTime) -> bool {
        let Ok(signature) = hex::decode(signature) else { return false };
        sound.expires_s.saturating_mul(1000) > now.0 && self.mac(sound).verify_slice(&signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_call_leg_and_time_only() {
        let key = LinkKey::new(vec![7; 32]);
        let sound = LinkedSound { call: "1795218045.42", leg: "5", expires_s: 1000, by: "aa" };
        let signature = key.sign(sound);
        assert!(key.is_good(sound, &signature, WallTime(999_999)));
        assert!(!key.is_good(sound, &signature, WallTime(1_000_000)), "over");
        for other in [
            LinkedSound { call: "1795218045.43", ..sound },
            LinkedSound { leg: "6", ..sound },
            LinkedSound { expires_s: 2000, ..sound },
            LinkedSound { by: "", ..sound },
            LinkedSound { call: "1795218045.425", leg: "", ..sound },
        ] {
            assert!(!key.is_good(other, &signature, WallTime(0)), "{other:?}");
        }
        assert!(!LinkKey::new(vec![8; 32]).is_good(sound, &signature, WallTime(0)), "another key");
        assert!(!key.is_good(sound, "", WallTime(0)) && !key.is_good(sound, "zz", WallTime(0)));
        assert!(!key.is_good(LinkedSound { expires_s: i64::MAX / 1000, ..sound }, &signature, WallTime(0)));
    }
}
