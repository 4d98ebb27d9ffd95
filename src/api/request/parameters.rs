//! A request's query parameters: parsed once by the guard, which knows from the path's `RoutePolicy` (`access/route.rs`) which are allowed there.
//!
//! Nothing is ignored: a name that the path does not know, one that is given twice and a value that is not understood are refused, each with its
//! name. A filter that is passed over in silence gives an answer that looks right and is not.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use jiff::tz::TimeZone;

use super::error::ApiError;
use crate::call::WallTime;
use crate::contract::problem::Part;

/// The parameter that bears a token, where `[http] token_in_query` allows it.
pub const TOKEN: &str = "token";

/// The parameter that bears it in URLs of a dialer's style.
pub const PASS: &str = "pass";

/// How a query's names and values are told apart from the rest of the address.
pub(crate) type Pairs = Vec<(String, String)>;

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    given: Pairs,
    known: &'static [&'static str],
}

/// The query of an address, with its escapes resolved.
pub(crate) fn pairs(query: &str) -> Result<Pairs, ApiError> {
    let not_read = || ApiError::Wrong(Part::Query, String::new(), "the address cannot be read".into());
    let uri: Uri = format!("/?{query}").parse().map_err(|_| not_read())?;
    Query::<Pairs>::try_from_uri(&uri).map(|query| query.0).map_err(|_| not_read())
}

/// Yes or no, in the words that people and libraries use for it; or what is wrong.
pub(in crate::api) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{text:?} is not true or false")),
    }
}

impl Parameters {
    /// Takes what a path may be asked with, and refuses everything else.
    pub(crate) fn read(given: Pairs, known: &'static [&'static str]) -> Result<Self, ApiError> {
        let wrong = |name: &str, msg: String| Err(ApiError::Wrong(Part::Query, name.into(), msg));
        for (place, (name, value)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return wrong(name, unknown(name, known));
            }
            if given[..place].iter().any(|(other, _)| other == name) {
                return wrong(name, "given more than once".into());
            }
            if value.contains(char::REPLACEMENT_CHARACTER) {
                return wrong(name, "not UTF-8, or holds a character that stands for what is not".into());
            }
        }
        Ok(Self { given, known })
    }

    /// Those of a URL that a dialer calls, for its handler to look at.
    pub(crate) fn of_a_dialer(given: Pairs) -> Self {
        Self { given, known: &[] }
    }

    /// All of them, as they came.
    pub(crate) fn given(&self) -> &[(String, String)] {
        &self.given
    }

    /// A text; an empty one counts as not given, for forms send their empty fields.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        debug_assert!(self.known.contains(&name), "{name} is read, but the path's policy does not name it");
        self.given.iter().find(|(given, value)| given == name && !value.is_empty()).map(|(_, value)| value.clone())
    }

    /// The text of a parameter that has two names; an error where both are given.
    pub(crate) fn either(&self, name: &str, other: &str) -> Result<Option<String>, ApiError> {
        match (self.text(name), self.text(other)) {
            (Some(_), Some(_)) => {
                Err(ApiError::Wrong(Part::Query, other.into(), format!("{name} is given too, which is the same")))
            }
            (one, another) => Ok(one.or(another)),
        }
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, ApiError> {
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| ApiError::Wrong(Part::Query, name.into(), format!("{text:?} is not {wanted}")))
            })
            .transpose()
    }

    /// A number inside a range; one that is none at all is outside of each.
    pub(crate) fn number<T>(&self, name: &str, range: RangeInclusive<T>) -> Result<Option<T>, ApiError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        match self.parse::<T>(name, &wanted)? {
            Some(number) if !range.contains(&number) => {
                Err(ApiError::Wrong(Part::Query, name.into(), format!("{number} is not {wanted}")))
            }
            number => Ok(number),
        }
    }

    /// Yes or no, in the words that people and libraries use for it.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let read = self.text(name).map(|text| yes_or_no(&text)).transpose();
        read.map_err(|problem| ApiError::Wrong(Part::Query, name.into(), problem))
    }

    /// A point in time, in any form that [`WallTime::read`] knows.
    pub(crate) fn time(&self, name: &str, now: WallTime) -> Result<Option<WallTime>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let read = WallTime::read(&text, now, &TimeZone::system());
        read.map(Some).map_err(|error| ApiError::Wrong(Part::Query, name.into(), error.to_string()))
    }

    /// The last moment that a time means: a day, a minute or a second counts to its end.
    pub(crate) fn time_to(&self, name: &str, now: WallTime) -> Result<Option<WallTime>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let read = WallTime::read_last(&text, now, &TimeZone::system());
        read.map(Some).map_err(|error| ApiError::Wrong(Part::Query, name.into(), error.to_string()))
    }

    /// The parameter `limit`: the number of results at most.
    pub(crate) fn limit(&self) -> Result<u32, ApiError> {
        Ok(self.number("limit", 1..=1000)?.unwrap_or(50))
    }
}

/// Cuts a list to `limit` rows, and says whether there were more. It was asked for with one row more than the limit.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u32) -> bool {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    more
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::Unavailable("no guard at this path".into()))
    }
}

const NO_TOKEN_HERE: &str =
    "tokens are not taken from the address: send Authorization: Bearer, or set [http] token_in_query";

/// The error for a token in an address, where `token_in_query` is off.
pub(crate) fn token_in_address() -> ApiError {
    ApiError::Wrong(Part::Query, TOKEN.into(), NO_TOKEN_HERE.into())
}

/// The error for an unknown name: the nearest known one, and all of them.
fn unknown(name: &str, known: &[&str]) -> String {
    if name == TOKEN {
        return NO_TOKEN_HERE.into();
    }
    if known.is_empty() {
        return "unknown; this path takes no parameters".into();
    }
    let distance = |other: &&&str| strsim::damerau_levenshtein(&name.to_lowercase(), other);
    let near = known.iter().min_by_key(distance).filter(|other| distance(other) <= 2.max(other.len() / 3));
    let near = near.map_or_else(String::new, |other| format!("did you mean {other}? "));
    format!("unknown; {near}known are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["agent", "campaign", "has_alerts", "limit", "min_sentiment", "since"];

    fn read(query: &str) -> Result<Parameters, String> {
        pairs(query).and_then(|pairs| Parameters::read(pairs, KNOWN)).map_err(said)
    }

    fn said(error: ApiError) -> String {
        let ApiError::Wrong(Part::Query, name, msg) = error else { panic!("{error:?}") };
        format!("{name}: {msg}")
    }

    #[test]
    fn a_name_that_is_not_known_is_refused_with_the_nearest_that_is() {
        for (query, near) in [
            ("agnet=mary", "did you mean agent?"),
            ("Agent=mary", "did you mean agent?"),
            ("agent=mary&hasalerts=1", "did you mean has_alerts?"),
            ("min_sentimant=0", "did you mean min_sentiment?"),
            ("from=2026-11-21", "known are agent, campaign"),
            ("=x", "known are"),
        ] {
            let problem = read(query).expect_err(query);
            assert!(problem.contains(near) && problem.contains("unknown"), "{query}: {problem}");
        }
        assert!(!read("zzzzzzzz=1").expect_err("unknown").contains("did you mean"));
        let none = Parameters::read(vec![("x".into(), "1".into())], &[]).map_err(said).expect_err("unknown");
        assert_eq!(none, "x: unknown; this path takes no parameters");
    }

    #[test]
    fn what_is_given_twice_or_is_no_text_is_refused_and_what_is_empty_is_not_given() {
        assert_eq!(read("agent=mary&agent=john").expect_err("twice"), "agent: given more than once");
        assert!(read("agent=%ff").expect_err("no UTF-8").starts_with("agent: not UTF-8"));
        let read = read("agent=&campaign=a%20b").expect("known");
        assert_eq!((read.text("agent"), read.text("campaign").as_deref()), (None, Some("a b")));
    }

    #[test]
    fn yes_and_no_are_read_in_the_words_that_are_used_for_them() {
        for (word, wanted) in
            [("1", true), ("true", true), ("Yes", true), ("on", true), ("0", false), ("FALSE", false), ("no", false)]
        {
            assert_eq!(
                read(&format!("has_alerts={word}")).expect("known").flag("has_alerts").map_err(said),
                Ok(Some(wanted)),
                "{word}"
            );
        }
        let problem = read("has_alerts=2").expect("known").flag("has_alerts").map_err(said);
        assert_eq!(problem, Err("has_alerts: \"2\" is not true or false".into()));
    }

    #[test]
    fn a_number_outside_of_its_range_is_refused_and_so_is_one_that_is_none() {
        for text in ["1.5", "-2", "NaN", "inf", "x", "1e400"] {
            let number = read(&format!("min_sentiment={text}")).expect("known").number("min_sentiment", -1.0..=1.0);
            assert!(number.is_err(), "{text}: {number:?}");
        }
        let number = read("min_sentiment=-0.5").expect("known").number("min_sentiment", -1.0..=1.0);
        assert_eq!(number.map_err(said), Ok(Some(-0.5)));
        assert!(
            read("limit=1001").expect("known").limit().is_err() && read("limit=-1").expect("known").limit().is_err()
        );
    }
}
