//! Where another server keeps the recording of a call: a path with fields, as `/home/dat/calls/{date:%Y/%m/%d}/{call_id}.gsm`.
//!
//! Pure. A template that is not understood is refused as a whole, with the place of the mistake. What stands for a field never changes the folder: a
//! value with a slash in it, a part that is `.` or `..`, and a control character make no path.

use std::fmt;

use jiff::Zoned;
use serde::Deserialize;

/// The longest path, bytes.
const LONGEST: usize = 1000;

/// A field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathField {
    /// The call's id.
    CallId,
    /// Asterisk's uniqueid.
    Uniqueid,
    /// The agent.
    Agent,
    /// Campaign, in-group or queue.
    Campaign,
    /// The lead.
    Lead,
    /// The other party's number.
    Phone,
    /// The dialer's number of the recording.
    RecordingId,
    /// The recording's name as the dialer has told it, without an ending.
    RecordingFilename,
    /// Its path beneath the folder of recordings, as the dialer's row has it.
    Location,
}

impl PathField {
    /// All fields.
    pub const ALL: [Self; 9] = [
        Self::CallId,
        Self::Uniqueid,
        Self::Agent,
        Self::Campaign,
        Self::Lead,
        Self::Phone,
        Self::RecordingId,
        Self::RecordingFilename,
        Self::Location,
    ];

    /// As it stands between the braces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallId => "call_id",
            Self::Uniqueid => "uniqueid",
            Self::Agent => "agent",
            Self::Campaign => "campaign",
            Self::Lead => "lead",
            Self::Phone => "phone",
            Self::RecordingId => "recording_id",
            Self::RecordingFilename => "recording_filename",
            Self::Location => "location",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Field(PathField),
    /// A format of strftime.
    Date(String),
}

/// Reason why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {place}: {problem}")]
pub struct TemplateError {
    /// The character, from 1.
    pub place: usize,
    /// The mistake, and the right form.
    pub problem: String,
}

/// Reason why a call has no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathGap {
    /// This field of the call is not known.
    #[error("the path needs {{{}}}, which is not known of this call", .0.as_str())]
    Field(PathField),
    /// The time of the call is not known.
    #[error("the path needs {{date}}, and nobody knows when this call was: say it with `at`")]
    Date,
    /// The value would lead elsewhere.
    #[error("{{{}}} is {value:?}, which would change the folder or the name: {problem}", .field.as_str())]
    Value {
        /// The field that has the wrong value.
        field: PathField,
        /// Its value.
        value: String,
        /// The problem.
        problem: &'static str,
    },
    /// The whole is no path.
    #[error("the path would be {0:?}, which leads out of its folder or is too long")]
    Whole(String),
}

/// A path with fields.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathTemplate {
    text: String,
    parts: Vec<TemplatePart>,
}

impl fmt::Debug for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for PathTemplate {
    type Error = TemplateError;
    fn try_from(text: String) -> Result<Self, TemplateError> {
        Self::parse(&text)
    }
}

impl PathTemplate {
    /// Reads a template. `{{` and `}}` are braces.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let wrong = |at: usize, problem: String| TemplateError { place: text[..at].chars().count() + 1, problem };
        if !text.starts_with('/') {
            return Err(wrong(0, "the path is not absolute: it begins with /".into()));
        }
        if let Some(at) = text.find(char::is_control) {
            return Err(wrong(at, "a control character".into()));
        }
        let (mut parts, mut plain, mut at) = (Vec::new(), String::new(), 0);
        while let Some(next) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push(next);
                at += 2;
            } else if next == '}' {
                return Err(wrong(at, "} without {; a brace of the path itself is }}".into()));
            } else if next == '{' {
                let Some(end) = rest.find('}') else { return Err(wrong(at, "{ without }".into())) };
                if !plain.is_empty() {
                    parts.push(TemplatePart::Text(std::mem::take(&mut plain)));
                }
                parts.push(field(&rest[1..end]).map_err(|problem| wrong(at, problem))?);
                at += end + 1;
            } else {
                plain.push(next);
                at += next.len_utf8();
            }
        }
        if !plain.is_empty() {
            parts.push(TemplatePart::Text(plain));
        }
        if !parts.iter().any(|part| matches!(part, TemplatePart::Field(_))) {
            let problem = format!("names no call: every call would have the same path. Known are {}", known());
            return Err(wrong(0, problem));
        }
        if let Some(at) = dots(text) {
            return Err(wrong(at, "a part of the path is . or ..".into()));
        }
        Ok(Self { text: text.into(), parts })
    }

    /// Whether it needs to know when the call was.
    pub fn has_date(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, TemplatePart::Date(_)))
    }

    /// The path of a call: its fields by `value`, its begin in the server's own time zone.
    pub fn expand(&self, value: impl Fn(PathField) -> Option<String>, at: Option<&Zoned>) -> Result<String, PathGap> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Text(text) => path.push_str(text),
                TemplatePart::Date(format) => {
                    let at = at.ok_or(PathGap::Date)?;
                    path.push_str(&jiff::fmt::strtime::format(format, at).map_err(|_| PathGap::Date)?);
                }
                TemplatePart::Field(field) => {
                    let value = value(*field).filter(|value| !value.is_empty()).ok_or(PathGap::Field(*field))?;
                    // A location may contain folders; a part of it such as `..` refuses the whole path.
                    let problem = match field {
                        PathField::Location => value.split('/').find_map(hostile),
                        _ => hostile(&value),
                    };
                    if let Some(problem) = problem {
                        return Err(PathGap::Value { field: *field, value, problem });
                    }
                    path.push_str(&value);
                }
            }
        }
        let is_bad = path.len() > LONGEST || path.ends_with('/') || path.contains(char::is_control);
        if is_bad || dots(&path).is_some() { Err(PathGap::Whole(path)) } else { Ok(path) }
    }
}

/// The problem of a value as part of a path; `None` where it has none.
fn hostile(value: &str) -> Option<&'static str> {
    if value.contains('/') {
        Some("it has a slash in it")
    } else if value.contains(char::is_control) {
        Some("it has a control character in it")
    } else if value == "." || value == ".." {
        Some("it is a name of a folder")
    } else {
        None
    }
}

/// Begin of a part that is `.` or `..`.
fn dots(path: &str) -> Option<usize> {
    let mut at = 0;
    for part in path.split('/') {
        if part == "." || part == ".." {
            return Some(at);
        }
        at += part.len() + 1;
    }
    None
}

fn field(inside: &str) -> Result<TemplatePart, String> {
    if let Some(format) = inside.strip_prefix("date:") {
        if format.is_empty() || format.contains('{') {
            return Err("{date:…} has no format, like {date:%Y/%m/%d}".into());
        }
        let sample = jiff::civil::date(2026, 11, 24).at(2, 30, 45, 0).to_zoned(jiff::tz::TimeZone::UTC);
        let sample = sample.map_err(|error| error.to_string())?;
        jiff::fmt::strtime::format(format, &sample).map_err(|error| format!("{{date:{format}}}: {error}"))?;
        return Ok(TemplatePart::Date(format.into()));
    }
    let found = PathField::ALL.into_iter().find(|field| field.as_str() == inside);
    found.map(TemplatePart::Field).ok_or_else(|| format!("{{{inside}}} is not known; known are {}", known()))
}

fn known() -> String {
    let fields: Vec<String> = PathField::ALL.iter().map(|field| format!("{{{}}}", field.as_str())).collect();
    format!("{}, {{date:%Y/%m/%d}}", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at() -> Zoned {
        "2026-11-20T23:40:45-05:00[-05:00]".parse().expect("a time")
    }

    fn expand(template: &str, id: &str) -> Result<String, String> {
        let template = PathTemplate::parse(template).map_err(|error| error.to_string())?;
        let value = |field| match field {
            PathField::CallId => Some(id.to_string()),
            PathField::Phone => Some("5551234567".into()),
            PathField::Location => Some(format!("MP3/{id}")),
            _ => None,
        };
        template.expand(value, Some(&at())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_is_made_of_the_call_and_of_its_date_in_the_servers_own_zone() {
        for (template, path) in [
            ("/home/dat/helpline/calls/{call_id}.gsm", "/home/dat/helpline/calls/1795218045.12.gsm"),
            ("/rec/{date:%Y/%m/%d}/{call_id}-all.mp3", "/rec/2026/11/20/1795218045.12-all.mp3"),
            ("/rec/{date:%Y%m%d-%H%M%S}_{phone}.wav", "/rec/20261120-234045_5551234567.wav"),
            ("/a {{b}} \"c\"/{call_id}", "/a {b} \"c\"/1795218045.12"),
        ] {
            assert_eq!(expand(template, "1795218045.12").as_deref(), Ok(path));
        }
    }

    #[test]
    fn a_template_that_is_not_understood_is_refused_with_the_place_and_what_is_known() {
        for (template, place, says) in [
            ("calls/{call_id}", 1, "absolute"),
            ("/calls/{callid}.gsm", 8, "{call_id}"),
            ("/é/{call_id", 4, "without }"),
            ("/calls/call_id}", 15, "without {"),
            ("/calls/{date:%!}/{call_id}", 8, "date:%!"),
            ("/calls/{date:}/{call_id}", 8, "no format"),
            ("/calls/{date:%Y}.gsm", 1, "names no call"),
            ("/calls/../{call_id}", 8, ".."),
            ("/calls/\n{call_id}", 8, "control"),
        ] {
            let error = PathTemplate::parse(template).expect_err(template);
            assert!(error.place == place && error.problem.contains(says), "{template}: {error}");
        }
    }

    #[test]
    fn a_value_never_leads_to_another_folder() {
        let path = |id: &str| expand("/calls/{call_id}/x.wav", id);
        assert_eq!(path("a b'c\"d*[e]").as_deref(), Ok("/calls/a b'c\"d*[e]/x.wav"));
        for id in ["../../etc", "/etc/passwd", "..", ".", "a\nb", "a\0b", ""] {
            assert!(path(id).is_err(), "{id:?}");
        }
        assert!(expand("/calls/.{call_id}/x.wav", ".").is_err(), "made of both");
        assert!(expand("/{call_id}", &"x".repeat(2000)).is_err(), "too long");
        let gap = expand("/{agent}", "1").expect_err("not known");
        assert!(gap.contains("{agent}"), "{gap}");
    }

    proptest! {
        #[test]
        fn whatever_the_template_and_the_call_say_the_path_is_absolute_and_stays(template in "\\PC{0,40}", id in "\\PC{0,20}") {
            if let Ok(path) = expand(&template, &id) {
                prop_assert!(path.starts_with('/') && path.split('/').all(|part| part != "." && part != ".."));
            }
            let _ = PathTemplate::parse(&template);
        }
    }
}
