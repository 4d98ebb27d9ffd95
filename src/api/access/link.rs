//! Links that work without a token, for a while: to a call's audio, and to an agent's own running call. `?expires=…&by=…&signature=…`
//!
//! The signature is HMAC-SHA256 over the target, the end and the token that asked for the link; a revoked token ends its links.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::call::WallTime;

/// Path of a link to audio.
pub const PATH: &str = "/api/v1/calls/{id}/audio";
/// Query parameters of that path; a client with a token sends `leg` alone.
pub const ASKS: &[&str] = &["leg", "expires", "by", "signature"];
/// Longest and default lifetime of a link, seconds.
pub const LONGEST_S: i64 = 3600;

/// An agent's own running call.
pub const AGENT_PATH: &str = "/api/v1/agent/call";
/// Longest lifetime of a link to an agent's call, seconds: a shift. The default is an hour.
pub const LONGEST_OF_AGENT_S: i64 = 12 * 3600;

/// Target of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTarget<'a> {
    /// A leg's sound.
    Sound {
        /// The call, as it stands in the path.
        call: &'a str,
        /// `leg` of the query; empty for the first one.
        leg: &'a str,
    },
    /// The running call of this agent.
    Agent(&'a str),
}

/// A link without its signature.
#[derive(Clone, Copy, Debug)]
pub struct SignedLink<'a> {
    /// Target of the link.
    pub to: LinkTarget<'a>,
    /// End of its lifetime, seconds since the epoch.
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

    fn mac(&self, link: SignedLink) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let SignedLink { to, expires_s, by } = link;
        let (kind, one, other) = match to {
            LinkTarget::Sound { call, leg } => ("audio", call, leg),
            LinkTarget::Agent(agent) => ("agent", agent, ""),
        };
        for part in [kind, one, other, &expires_s.to_string(), by] {
            // Each part goes with its length, so that no two links sign the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }

    /// The signature, in hex digits.
    pub fn sign(&self, link: SignedLink) -> String {
        hex::encode(self.mac(link).finalize().into_bytes())
    }

    /// Whether a signature is ours and not over; compared in constant time.
    pub fn is_good(&self, link: SignedLink, signature: &str, now: WallTime) -> bool {
        let Ok(signature) = hex::decode(signature) else { return false };
        link.expires_s.saturating_mul(1000) > now.0 && self.mac(link).verify_slice(&signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_what_it_leads_to_and_its_time_only() {
        let key = LinkKey::new(vec![7; 32]);
        let to = LinkTarget::Sound { call: "1795218045.42", leg: "5" };
        let link = SignedLink { to, expires_s: 1000, by: "aa" };
        let signature = key.sign(link);
        assert!(key.is_good(link, &signature, WallTime(999_999)));
        assert!(!key.is_good(link, &signature, WallTime(1_000_000)), "over");
        let sound = |call, leg| LinkTarget::Sound { call, leg };
        for other in [
            SignedLink { to: sound("1795218045.43", "5"), ..link },
            SignedLink { to: sound("1795218045.42", "6"), ..link },
            SignedLink { to: sound("1795218045.425", ""), ..link },
            SignedLink { to: LinkTarget::Agent("1795218045.42"), ..link },
            SignedLink { expires_s: 2000, ..link },
            SignedLink { by: "", ..link },
        ] {
            assert!(!key.is_good(other, &signature, WallTime(0)), "{other:?}");
        }
        assert!(!LinkKey::new(vec![8; 32]).is_good(link, &signature, WallTime(0)), "another key");
        assert!(!key.is_good(link, "", WallTime(0)) && !key.is_good(link, "zz", WallTime(0)));
        assert!(!key.is_good(SignedLink { expires_s: i64::MAX / 1000, ..link }, &signature, WallTime(0)));
        let of = |agent| SignedLink { to: LinkTarget::Agent(agent), ..link };
        assert!(!key.is_good(of("1002"), &key.sign(of("1001")), WallTime(0)), "another agent");
    }
}
