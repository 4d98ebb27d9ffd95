//! Who a channel belongs to, as far as its name tells.

use regex::Regex;

use crate::call::Leg;

/// Patterns of channel names.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// Channels of agents. A group `agent` is the agent's user or extension.
    pub agents: Vec<Regex>,
    /// Channels of callers: trunks.
    pub callers: Vec<Regex>,
}

/// What a name tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// [`Leg::Agent`] or [`Leg::Caller`]; `None` where no pattern fits.
    pub side: Option<Leg>,
    /// The agent's user or extension.
    pub agent: Option<String>,
}

impl Roles {
    /// What a channel's name tells. Agents are looked for first.
    pub fn of(&self, channel: &str) -> Role {
        for pattern in &self.agents {
            if let Some(found) = pattern.captures(channel) {
                let named = found.name("agent").map(|group| group.as_str().to_string());
                let agent = named.or_else(|| endpoint(channel).map(str::to_string)).filter(|agent| !agent.is_empty());
                return Role { side: Some(Leg::Agent), agent };
            }
        }
        let is_caller = self.callers.iter().any(|pattern| pattern.is_match(channel));
        Role { side: is_caller.then_some(Leg::Caller), agent: None }
    }
}

/// The telephone of a channel: `1001` of `PJSIP/1001-0000002a`. Channels of the dialplan and of trunks of other kinds have none.
fn endpoint(channel: &str) -> Option<&str> {
    let (technology, rest) = channel.split_once('/')?;
    let is_telephone = ["PJSIP", "SIP", "IAX2"].contains(&technology);
    rest.rsplit_once('-').map(|(endpoint, _)| endpoint).filter(|_| is_telephone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_tell_agents_from_callers_and_name_the_agent() {
        let pattern = |text| Regex::new(text).expect("pattern");
        let roles = Roles {
            agents: vec![pattern("^PJSIP/1[0-9]{3}-"), pattern("^Local/agent-(?P<agent>[a-z]+)@")],
            callers: vec![pattern("^PJSIP/trunk")],
        };
        let told = |channel| {
            let Role { side, agent } = roles.of(channel);
            (side, agent.unwrap_or_default())
        };
        assert_eq!(told("PJSIP/1001-0000002a"), (Some(Leg::Agent), "1001".into()));
        assert_eq!(told("Local/agent-mary@floor-00000001;1"), (Some(Leg::Agent), "mary".into()));
        assert_eq!(told("PJSIP/trunk-0000002b"), (Some(Leg::Caller), String::new()));
        assert_eq!(told("DAHDI/1-1"), (None, String::new()));
    }
}
