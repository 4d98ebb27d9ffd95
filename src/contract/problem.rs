//! What is answered instead of what was asked for.

use serde::Serialize;
use utoipa::ToSchema;

/// Refusal of a request, or failure to answer it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// The problem and its remedy: a sentence, or with 422 a list of the fields that were wrong.
    pub detail: Detail,
}

impl Problem {
    /// A problem told in a sentence.
    pub fn text(detail: impl Into<String>) -> Self {
        Self { detail: Detail::Text(detail.into()) }
    }

    /// One field of a request that is wrong.
    pub fn field(part: Part, name: String, msg: String) -> Self {
        Self { detail: Detail::Fields(vec![FieldProblem { loc: (part, name), msg, kind: ValueError::It }]) }
    }
}

/// The problem.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Detail {
    /// A sentence.
    Text(String),
    /// Field by field.
    Fields(Vec<FieldProblem>),
}

/// A field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Part of the request, and the field's name.
    pub loc: (Part, String),
    /// The mistake in the field.
    pub msg: String,
    /// Always the same word.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: ValueError,
}

super::words! {
    /// A value that is not one that the field takes.
    ValueError = "value_error",
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The address.
    Path,
    /// The parameters behind the address.
    Query,
    /// The body.
    Body,
    /// The headers.
    Header,
}

/// Refusal of a request of `/api/realtime`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlatformProblem {
    /// Always `false`.
    pub ok: bool,
    /// The problem.
    pub detail: String,
}

/// A list that was refused line by line.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ListProblem {
    /// The first line that is wrong, in a sentence.
    pub detail: String,
    /// Every line that is wrong.
    pub errors: Vec<LineProblem>,
}

/// A line of a list that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineProblem {
    /// Its number, counted from 1.
    pub line: u64,
    /// The problem.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_have_the_shapes_that_clients_read() {
        let told = |problem: &Problem| serde_json::to_value(problem).expect("JSON");
        assert_eq!(told(&Problem::text("gone")), json!({"detail": "gone"}));
        let wrong = Problem::field(Part::Query, "limit".into(), "too many".into());
        assert_eq!(
            told(&wrong),
            json!({"detail": [{"loc": ["query", "limit"], "msg": "too many", "type": "value_error"}]})
        );
        let refused = PlatformProblem { ok: false, detail: "no".into() };
        assert_eq!(serde_json::to_value(refused).expect("JSON"), json!({"ok": false, "detail": "no"}));
        let list = ListProblem { detail: "x".into(), errors: vec![LineProblem { line: 2, detail: "long".into() }] };
        assert_eq!(
            serde_json::to_value(list).expect("JSON"),
            json!({"detail": "x", "errors": [{"line": 2, "detail": "long"}]})
        );
    }
}
