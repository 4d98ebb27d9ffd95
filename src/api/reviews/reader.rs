//! The role in which a client reads reviews: an agent never reads as a reviewer, whatever name the agent's token has.

use crate::api::access::grant::Access;
use crate::store::score_reviews::ReviewReader;

/// The role of a client.
pub(super) fn reader(access: &Access) -> ReviewReader {
    match access {
        Access { agent: Some(_), .. } => ReviewReader::Agent,
        _ if access.is_admin() => ReviewReader::Admin,
        _ => ReviewReader::Reviewer(access.who.clone()),
    }
}

/// Whether a review is that of the one who asks.
pub(super) fn is_own(access: &Access, reviewer: &str) -> bool {
    access.agent.is_none() && access.who == reviewer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::access::grant::Way;
    use crate::store::tokens::Scopes;

    #[test]
    fn an_agents_token_with_the_name_of_a_reviewer_is_no_reviewer() {
        let admin = Access {
            who: "john".into(),
            way: Way::Token,
            token: "0a".into(),
            session: None,
            scopes: Scopes::ALL,
            campaign: None,
            agent: None,
        };
        let john = Access { scopes: Scopes::READ, ..admin.clone() };
        let of_campaign = Access { campaign: Some("SALES".into()), ..admin.clone() };
        assert_eq!(reader(&admin), ReviewReader::Admin);
        for access in [&john, &of_campaign] {
            assert_eq!(reader(access), ReviewReader::Reviewer("john".into()));
        }
        assert!(is_own(&john, "john") && !is_own(&john, "mary"));
        // Whatever the token's row says besides.
        for scopes in [Scopes::AGENT, Scopes::ALL] {
            let agent = Access { scopes, agent: Some("1001".into()), ..admin.clone() };
            assert_eq!((reader(&agent), is_own(&agent, "john")), (ReviewReader::Agent, false));
        }
    }
}
