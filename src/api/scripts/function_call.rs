//! A request in ViciDial's style: a function, the user, and its fields; and the lines that answer a mistake in it.

use crate::api::request::Parameters;

/// Parameters of every function.
pub(super) const COMMON: &[&str] = &["function", "source", "user", "stage", "header"];

/// A line `ERROR: <function> TEXT - detail|detail`, as the Non-Agent API writes them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

/// A detail of a line, in which no character separates details or lines.
fn detail(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}

impl Refused {
    pub(super) fn new(function: &str, text: &str, details: &[&str]) -> Self {
        let details: Vec<String> = details.iter().map(|text| detail(text)).collect();
        Self(format!("ERROR: {} {text} - {}\n", detail(function), details.join("|")))
    }
}

/// One call of a function, with its fields. Empty fields count as absent.
pub(super) struct FunctionCall<'a> {
    pub(super) function: &'a str,
    given: &'a [(String, String)],
}

impl<'a> FunctionCall<'a> {
    /// Looks at the parameters of a function: a name that is not known and one that is given twice are refused.
    pub(super) fn read(function: &'a str, query: &'a Parameters, known: &[&[&str]]) -> Result<Self, Refused> {
        let request = Self { function, given: query.given() };
        for (place, (name, value)) in request.given.iter().enumerate() {
            let is_known = known.iter().any(|names| names.contains(&name.as_str()));
            let problem = if !is_known {
                "UNKNOWN PARAMETER"
            } else if request.given[..place].iter().any(|(other, _)| other == name) {
                "PARAMETER GIVEN TWICE"
            } else if value.contains(char::REPLACEMENT_CHARACTER) {
                "PARAMETER IS NOT UTF-8"
            } else {
                continue;
            };
            return Err(request.refuse(problem, &[name]));
        }
        Ok(request)
    }

    /// A parameter that says something.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        text(self.given, name)
    }

    /// An error of this function. Its first detail is who asks, as in the Non-Agent API.
    pub(super) fn refuse(&self, text: &str, details: &[&str]) -> Refused {
        let details: Vec<&str> =
            std::iter::once(self.text("user").unwrap_or_default()).chain(details.iter().copied()).collect();
        Refused::new(self.function, text, &details)
    }
}

/// A parameter that says something.
pub(super) fn text<'a>(given: &'a [(String, String)], name: &str) -> Option<&'a str> {
    given.iter().find(|(given, value)| given == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::of_a_dialer(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn what_is_not_known_is_refused_in_a_line_of_the_style() {
        let query = parameters(&[("user", "6666"), ("agnet|user\n", "1001")]);
        let refused = FunctionCall::read("agent_calls", &query, &[COMMON]).err();
        assert_eq!(refused, Some(Refused("ERROR: agent_calls UNKNOWN PARAMETER - 6666|agnet user \n".into())));
        let query = parameters(&[("user", "6666"), ("stage", "pipe"), ("stage", "csv")]);
        let refused = FunctionCall::read("version", &query, &[COMMON]).err();
        assert_eq!(refused, Some(Refused("ERROR: version PARAMETER GIVEN TWICE - 6666|stage\n".into())));
    }
}
