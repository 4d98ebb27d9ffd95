//! What ViciDial's APIs answer: `SUCCESS:`, `NOTICE:`, `ERROR:` or bare values, always with status 200, and what to do about it.

/// An answer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ApiAnswer {
    /// It was done; the text of the answer.
    Done(String),
    /// It may work later.
    Later(String),
    /// The login was refused: nothing is asked for a while, or ViciDial locks the user.
    Login(String),
    /// It will never work like this.
    Never(String),
}

impl ApiAnswer {
    /// The same with another text.
    pub(super) fn map(self, with: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Done(text) => Self::Done(with(text)),
            Self::Later(text) => Self::Later(with(text)),
            Self::Login(text) => Self::Login(with(text)),
            Self::Never(text) => Self::Never(with(text)),
        }
    }
}

/// Characters of an answer that are kept.
const SHOWN: usize = 300;

/// What of an error says what to do about it: first those that name more. `(words, login, what to do)`
const MENDS: &[(&str, bool, &str)] = &[
    (
        "Login incorrect",
        true,
        "compare [dialer_api] user and password_file with the user in ViciDial, which must be active and may view reports",
    ),
    ("Too many login attempts", true, "ViciDial has locked the user for 15 minutes; mend the password meanwhile"),
    ("IP Address is not allowed", true, "add this machine to the IP list of the user's group in ViciDial"),
    (
        "PERMISSION TO USE THIS FUNCTION",
        false,
        "add the function to the user's Allowed API Functions in ViciDial, or set ALL_FUNCTIONS",
    ),
    ("PERMISSION TO UPDATE LEADS", false, "give the user level 8, Agent API Access and Modify Leads in ViciDial"),
    ("PERMISSION TO GET LEAD INFO", false, "give the user Agent API Access and Modify Leads in ViciDial"),
    ("PERMISSION TO GET AGENT INFO", false, "give the user Agent API Access and View Reports in ViciDial"),
    ("PERMISSION TO BLIND MONITOR", false, "give the user level 7 and Agent API Access in ViciDial"),
    (
        "Notifications are disabled",
        false,
        "set Agent Notifications in ViciDial's System Settings, or [dialer_api] notify = false",
    ),
    ("DOES NOT EXIST", false, "the agent's name in lineside is no user of ViciDial"),
    ("AGENT NOT LOGGED IN", false, "the agent is not logged in to ViciDial any more"),
    ("AGENT NOT FOUND", false, "the agent's name in lineside is no user of ViciDial"),
    ("INVALID PHONE LOGIN", false, "that is no phone login of ViciDial: Admin, Phones lists them"),
    ("INVALID SESSION ID", false, "the agent is logged in to another dialer: set [dialer_api] server_ip"),
    ("NOT AN ALLOWED LIST ID", false, "the user's API List Restrict in ViciDial keeps it from this lead's list"),
    ("NO MATCHES FOUND", false, "ViciDial has no such lead"),
    ("LEAD NOT FOUND", false, "ViciDial has no such lead"),
    ("Invalid Source", false, "set [dialer_api] source to 2 to 20 letters and digits"),
    ("NO FUNCTION SPECIFIED", false, "[dialer_api] url leads to another program of ViciDial"),
];

/// A text in one line, without marks, and not longer than it has to be.
fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(SHOWN).collect()
}

/// Reads the answer to a function.
pub(super) fn read(function: &str, status: u16, body: &str) -> ApiAnswer {
    match status {
        200..=299 => {}
        408 | 425 | 429 | 500..=599 => return ApiAnswer::Later(format!("answered {status} {}", line(body))),
        401 | 403 => {
            return ApiAnswer::Login(format!("answered {status}: the web server itself refuses us; {}", line(body)));
        }
        404 => {
            return ApiAnswer::Never("answered 404: [dialer_api] url, or agent_url, leads to nothing".to_owned());
        }
        _ => return ApiAnswer::Never(format!("answered {status} {}", line(body))),
    }
    let said = line(body);
    // A page of HTML is another program's, or PHP's own trouble.
    let is_page = said.starts_with('<') || said.contains("<html") || said.contains("<b>Fatal error");
    if is_page {
        return ApiAnswer::Later(format!(
            "that is no answer of ViciDial's API; is [dialer_api] url right? It says {said:?}"
        ));
    }
    let problem =
        body.lines().map(str::trim).find(|text| text.starts_with("ERROR:") || text.contains(" NO MATCHES FOUND"));
    if let Some(problem) = problem {
        let mend = MENDS.iter().find(|(words, _, _)| problem.contains(words));
        let told = |mend: &str| format!("{}; {mend}", line(problem));
        return match mend {
            Some((_, true, mend)) => ApiAnswer::Login(told(mend)),
            Some((_, false, mend)) => ApiAnswer::Never(told(mend)),
            None => ApiAnswer::Never(line(problem)),
        };
    }
    // These answer with what was asked for and nothing else.
    let is_bare = ["lead_field_info", "agent_status"].contains(&function);
    if is_bare {
        return ApiAnswer::Done(body.trim_end_matches(['\r', '\n']).to_owned());
    }
    if body.contains("SUCCESS:") {
        ApiAnswer::Done(said)
    } else {
        ApiAnswer::Later(format!("neither SUCCESS nor ERROR: {said:?}"))
    }
}

/// The agent's session and lead in an answer of `agent_status` with `stage=pipe&header=YES`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AgentStatus {
    pub(super) status: String,
    pub(super) lead_id: String,
    pub(super) session_id: String,
}

impl AgentStatus {
    /// Reads it by the names of its columns; `None` where one is missing. A header may have commas where the row has bars.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let names: Vec<&str> = lines.next()?.split(['|', ',']).map(str::trim).collect();
        let cells: Vec<&str> = lines.next()?.split('|').map(str::trim).collect();
        let cell = |name: &str| {
            let place = names.iter().position(|known| *known == name)?;
            cells.get(place).map(|cell| (*cell).to_owned())
        };
        Some(Self { status: cell("status")?, lead_id: cell("lead_id")?, session_id: cell("session_id")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(function: &str, body: &str) -> ApiAnswer {
        read(function, 200, body)
    }

    #[test]
    fn what_vicidial_writes_is_told_apart() {
        let updated = "SUCCESS: update_lead LEAD HAS BEEN UPDATED - 6666|193716\n";
        assert_eq!(answer("update_lead", updated), ApiAnswer::Done(updated.trim().into()));
        assert_eq!(
            answer("send_notification", "SUCCESS: notification queued"),
            ApiAnswer::Done("SUCCESS: notification queued".into())
        );
        assert_eq!(
            answer("lead_field_info", "calls back; ERROR: none\n"),
            ApiAnswer::Done("calls back; ERROR: none".into())
        );
        assert_eq!(answer("lead_field_info", ""), ApiAnswer::Done(String::new()), "a lead without comments");
        let ApiAnswer::Login(text) =
            answer("update_lead", "ERROR: Login incorrect, please try again: |6666|1234|BAD|\n")
        else {
            panic!("a login")
        };
        assert!(text.contains("compare [dialer_api] user"), "{text}");
        for (body, mend) in [
            (
                "ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: |6666|update_lead|\n",
                "Allowed API Functions",
            ),
            ("ERROR: update_lead USER DOES NOT HAVE PERMISSION TO UPDATE LEADS IN THE SYSTEM: |6666|0|\n", "level 8"),
            ("ERROR: Agent API Notifications are disabled on this system - 0\n", "System Settings"),
            ("NOTICE: update_lead NO MATCHES FOUND IN THE SYSTEM - 6666|4567||\n", "no such lead"),
            ("ERROR: NO FUNCTION SPECIFIED\n", "another program"),
        ] {
            let ApiAnswer::Never(text) = answer("update_lead", body) else { panic!("{body}") };
            assert!(text.contains(mend), "{text}");
        }
        for body in ["<!doctype html><html><body>It works!", "", "Warning: mysqli"] {
            assert!(matches!(answer("update_lead", body), ApiAnswer::Later(_)), "{body}");
        }
        assert!(matches!(read("update_lead", 503, "busy"), ApiAnswer::Later(_)));
        assert!(matches!(read("update_lead", 404, "no"), ApiAnswer::Never(_)));
    }

    #[test]
    fn an_agents_session_is_found_by_the_name_of_its_column() {
        let text = "status,call_id,lead_id,campaign_id,calls_today,full_name,user_group,user_level,pause_code,real_time_sub_status,phone_number,\
                    vendor_lead_code,session_id\nINCALL|M4181606420000000104|104|TESTBLND|1|Admin|ADMIN|9|BRK2|DEAD|3125551212|123457|8600051\n";
        let status = AgentStatus::read(text).expect("a row");
        assert_eq!(
            (status.status.as_str(), status.lead_id.as_str(), status.session_id.as_str()),
            ("INCALL", "104", "8600051")
        );
        assert_eq!(AgentStatus::read("status|lead_id\nREADY|0\n"), None, "an old ViciDial names no session");
        assert_eq!(AgentStatus::read(""), None);
    }
}
