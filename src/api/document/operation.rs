//! One operation of the document, and the shapes that operations name.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::parameters::{parameter, path_parameter};
use super::way::DocumentedRoute;
use crate::contract::problem::{PlatformProblem, Problem};

/// Fields that are absent, not `null`, where they hold nothing: (type, field). All other fields of answers are always there.
const ABSENT: &[(&str, &str)] = &[
    ("BulkOutcome", "detail"),
    ("CallNamed", "was"),
    ("CallSentiment", "call"),
    ("CallSentiment", "legs"),
    ("FoundCall", "segments"),
    ("PlatformSnapshot", "agent"),
    ("Transcript", "segments"),
    ("Uploaded", "detail"),
    ("UploadedFile", "detail"),
];

/// Types of requests: what is `required` there is what clients must send.
const REQUESTS: &[&str] = &[
    "AnalyzeRequest",
    "AnswerDispute",
    "BulkRequest",
    "ChunkSegment",
    "FetchRequest",
    "ForgetRequest",
    "GlossaryForm",
    "ListenRequest",
    "NameCall",
    "PlatformChunkRequest",
    "PlatformEventRequest",
    "PlatformTakeAlert",
    "RaiseDispute",
    "ReviewCall",
    "ReviewRule",
    "SocketRequest",
    "StartTap",
    "TakeAlert",
    "UploadForm",
    "ViciRequest",
];

/// Names that say again what another one says, and the one that stays: they go with 1.0.
const DEPRECATED: [(&str, &str); 5] = [
    ("event", "type"),
    ("alert_id", "id"),
    ("alert_level", "level"),
    ("severity", "level"),
    ("created_at", "timestamp"),
];

/// Statuses of requests that were refused, or could not be answered.
const STATUSES: &[u16] = &[400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 429, 503, 507];

/// Schemas by their name.
#[derive(Default)]
pub(super) struct Shapes(BTreeMap<String, RefOr<Schema>>);

impl Shapes {
    /// Keeps a type, with all that it consists of, and gives the reference to it.
    pub(super) fn of<T: ToSchema>(&mut self) -> Value {
        let mut below = Vec::new();
        T::schemas(&mut below);
        self.0.extend(below);
        let name = T::name().into_owned();
        self.0.insert(name.clone(), T::schema());
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// All of them.
    pub(super) fn into_json(self) -> Value {
        let named = self.0.into_iter().map(|(name, schema)| {
            let mut schema = serde_json::to_value(schema).unwrap_or_default();
            if !REQUESTS.contains(&name.as_str()) {
                require(&name, &mut schema);
                deprecate(&name, &mut schema);
            }
            any_of(&mut schema);
            (name, schema)
        });
        Value::Object(named.collect())
    }
}

/// Names every property as required, but those that may be absent: answers write `null`.
fn require(name: &str, schema: &mut Value) {
    for part in ["allOf", "oneOf"] {
        for below in schema[part].as_array_mut().into_iter().flatten() {
            require(name, below);
        }
    }
    let Some(fields) = schema["properties"].as_object() else {
        tidy(schema);
        return;
    };
    // The variants of an enum have fields of their own that may be absent.
    let is_absent = |field: &str| {
        ABSENT.contains(&(name, field)) || (["Inference", "SocketAnswer"].contains(&name) && is_optional(schema, field))
    };
    let required: Vec<Value> =
        fields.keys().filter(|field| !is_absent(field)).map(|field| Value::from(field.as_str())).collect();
    tidy(schema);
    if !required.is_empty() {
        schema["required"] = required.into();
    }
}

/// Marks names that say again what another one says, each with the name to use.
fn deprecate(name: &str, schema: &mut Value) {
    for below in schema["allOf"].as_array_mut().into_iter().flatten() {
        deprecate(name, below);
    }
    let Some(fields) = schema["properties"].as_object_mut() else { return tidy(schema) };
    for (old, new) in DEPRECATED {
        // `AlertAbout` has no `timestamp` of its own; the messages that contain it do.
        let is_twice = fields.contains_key(new) || (name, old) == ("AlertAbout", "created_at");
        if let Some(field) = fields.get_mut(old).filter(|_| is_twice) {
            let about = field["description"].as_str().unwrap_or_default();
            field["description"] = format!("{about} Deprecated, until 1.0: use `{new}`.").trim_start().into();
            field["deprecated"] = true.into();
        }
    }
    tidy(schema);
}

/// Whether a field is not named as required by its type.
fn is_optional(schema: &Value, field: &str) -> bool {
    let required = schema["required"].as_array();
    !required.is_some_and(|names| names.iter().any(|name| name == field))
}

/// Takes out what looking for it has put in.
fn tidy(schema: &mut Value) {
    if let Some(map) = schema.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
}

/// One shape may have all fields of another one, so an answer fits at least one of them, not exactly one.
fn any_of(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(any_of);
            if let Some(either) = map.remove("oneOf") {
                map.insert("anyOf".into(), either);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(any_of),
        _ => {}
    }
}

/// A type, as the reference to its shape.
type Of = fn(&mut Shapes) -> Value;

/// Content of an answer.
enum Holds {
    /// JSON of a type.
    Json(Of),
    /// JSON of a list of a type.
    List(Of),
    /// A string as JSON.
    Word,
    /// Content that is not JSON.
    Media(&'static str, bool),
    /// No content.
    Empty,
}

/// One operation: a method at a path.
pub(super) struct Operation {
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    id: &'static str,
    summary: &'static str,
    about: &'static str,
    answers: Vec<(u16, &'static str, Holds)>,
    bodies: Vec<(&'static str, Of)>,
    needs_body: bool,
    fails: Vec<u16>,
    same_as: Option<&'static str>,
}

fn of<T: ToSchema>(shapes: &mut Shapes) -> Value {
    shapes.of::<T>()
}

impl Operation {
    fn new(
        method: &'static str,
        path: &'static str,
        tag: &'static str,
        id: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            tag,
            id,
            summary,
            about: "",
            answers: Vec::new(),
            bodies: Vec::new(),
            needs_body: false,
            fails: Vec::new(),
            same_as: None,
        }
    }

    pub(super) fn get(path: &'static str, tag: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, tag, id, summary)
    }

    pub(super) fn post(path: &'static str, tag: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, tag, id, summary)
    }

    pub(super) fn put(path: &'static str, tag: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("put", path, tag, id, summary)
    }

    pub(super) fn delete(path: &'static str, tag: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("delete", path, tag, id, summary)
    }

    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// More about it.
    pub(super) fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// An answer of JSON.
    pub(super) fn json_of<T: ToSchema>(mut self, status: u16, says: &'static str) -> Self {
        self.answers.push((status, says, Holds::Json(of::<T>)));
        self
    }

    /// A good answer of JSON.
    pub(super) fn gives<T: ToSchema>(self, says: &'static str) -> Self {
        self.json_of::<T>(200, says)
    }

    /// A good answer of a list.
    pub(super) fn lists<T: ToSchema>(mut self, says: &'static str) -> Self {
        self.answers.push((200, says, Holds::List(of::<T>)));
        self
    }

    /// A good answer that is a sentence.
    pub(super) fn word(mut self, says: &'static str) -> Self {
        self.answers.push((200, says, Holds::Word));
        self
    }

    /// An answer that is no JSON: text.
    pub(super) fn text(mut self, status: u16, says: &'static str, media: &'static str) -> Self {
        self.answers.push((status, says, Holds::Media(media, false)));
        self
    }

    /// An answer that is no JSON: bytes.
    pub(super) fn bytes(mut self, status: u16, says: &'static str, media: &'static str) -> Self {
        self.answers.push((status, says, Holds::Media(media, true)));
        self
    }

    /// An answer without a body.
    pub(super) fn empty(mut self, status: u16, says: &'static str) -> Self {
        self.answers.push((status, says, Holds::Empty));
        self
    }

    /// A body that it needs.
    pub(super) fn takes<T: ToSchema>(mut self, media: &'static str) -> Self {
        self.bodies.push((media, of::<T>));
        self.needs_body = true;
        self
    }

    /// A body that may be left out.
    pub(super) fn may_take<T: ToSchema>(mut self, media: &'static str) -> Self {
        self.bodies.push((media, of::<T>));
        self
    }

    /// Statuses besides those that every path gives.
    pub(super) fn fails(mut self, statuses: &[u16]) -> Self {
        self.fails.extend(statuses);
        self
    }

    /// The path that does the same, which new clients take.
    pub(super) fn same_as(self, path: &'static str) -> Self {
        Self { same_as: Some(path), ..self }
    }

    /// The operation as JSON.
    pub(super) fn json(self, way: &DocumentedRoute, shapes: &mut Shapes) -> Value {
        let mut responses = Map::new();
        for (status, says, holds) in &self.answers {
            add(&mut responses, *status, says, holds, shapes);
        }
        self.add_problems(way, &mut responses, shapes);
        for (status, answer) in &mut responses {
            if STATUSES.iter().any(|known| known.to_string() == *status && *answer == problem(*known, shapes)) {
                *answer = json!({"$ref": format!("#/components/responses/Problem{status}")});
            }
        }
        let mut parameters: Vec<Value> = way
            .path
            .split('{')
            .skip(1)
            .filter_map(|part| part.split_once('}'))
            .map(|(name, _)| path_parameter(way.path, name))
            .collect();
        parameters.extend(way.asks.iter().map(|name| parameter(way.path, name)));
        let mut operation = json!({
            "operationId": self.id, "tags": [self.tag], "summary": self.summary, "parameters": parameters, "responses": responses,
        });
        let about = match self.same_as {
            Some(path) => format!("{}{}The same as {path}.", self.about, if self.about.is_empty() { "" } else { " " }),
            None => self.about.to_owned(),
        };
        if !about.is_empty() {
            operation["description"] = about.into();
        }
        if !self.bodies.is_empty() {
            let content: Map<String, Value> =
                self.bodies.iter().map(|(media, of)| ((*media).to_owned(), json!({"schema": of(shapes)}))).collect();
            operation["requestBody"] = json!({"required": self.needs_body, "content": content});
        }
        operation["security"] = if way.scopes.is_empty() {
            json!([])
        } else {
            // One of the scopes is enough.
            let each = way.scopes.iter().flat_map(|scope| [json!({"token": [scope]}), json!({"login": [scope]})]);
            each.collect()
        };
        operation
    }

    /// Adds the errors that every path of its kind may answer.
    fn add_problems(&self, way: &DocumentedRoute, responses: &mut Map<String, Value>, shapes: &mut Shapes) {
        let is_platform = way.path.starts_with("/api/realtime/");
        let (is_checked, has_path) = (!way.scopes.is_empty(), way.path.contains('{'));
        let mut statuses = vec![421, 422, 429, 503];
        if is_checked {
            statuses.extend([401, 403]);
        }
        if way.call {
            statuses.push(404);
        }
        if !self.bodies.is_empty() {
            statuses.extend([408, 413]);
        }
        statuses.extend(&self.fails);
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            let of = if is_platform && status == 400 { of::<PlatformProblem> } else { of::<Problem> };
            add(responses, status, reason(status), &Holds::Json(of), shapes);
        }
        if has_path {
            add(responses, 400, "The address is not UTF-8.", &Holds::Media("text/plain", false), shapes);
        }
        if self.bodies.iter().any(|(media, _)| *media == "application/json") {
            add(responses, 413, reason(413), &Holds::Media("text/plain", false), shapes);
        }
    }
}

/// Puts an answer beside those of the same status: of JSON any of the shapes, of media one more.
fn add(responses: &mut Map<String, Value>, status: u16, says: &str, holds: &Holds, shapes: &mut Shapes) {
    let (media, schema) = match holds {
        Holds::Json(of) => ("application/json", of(shapes)),
        Holds::List(of) => ("application/json", json!({"type": "array", "items": of(shapes)})),
        Holds::Word => ("application/json", json!({"type": "string"})),
        Holds::Media(media, false) => (*media, json!({"type": "string"})),
        Holds::Media(media, true) => (*media, json!({"type": "string", "contentMediaType": media})),
        Holds::Empty => ("", Value::Null),
    };
    let answer = responses.entry(status.to_string()).or_insert_with(|| json!({"description": says}));
    if schema.is_null() {
        return;
    }
    let before = answer["content"][media]["schema"].take();
    answer["content"][media]["schema"] = match before {
        Value::Null => schema,
        Value::Object(mut any) if any.contains_key("anyOf") => {
            if let Some(list) = any["anyOf"].as_array_mut().filter(|list| !list.contains(&schema)) {
                list.push(schema);
            }
            Value::Object(any)
        }
        before if before == schema => before,
        before => json!({"anyOf": [before, schema]}),
    };
}

/// The answer for a status without a description of its own.
fn problem(status: u16, shapes: &mut Shapes) -> Value {
    json!({"description": reason(status), "content": {"application/json": {"schema": shapes.of::<Problem>()}}})
}

/// The answers that many paths share.
pub(super) fn shared(shapes: &mut Shapes) -> Value {
    STATUSES.iter().map(|status| (format!("Problem{status}"), problem(*status, shapes))).collect()
}

/// Reason of a status.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "The request is not as it should be.",
        401 => "There is no token, or one that is not known, was revoked or is over.",
        403 => "The token may not do this, or another site's page asks.",
        404 => "There is no such thing, or not for this token.",
        408 => "The body came too slowly.",
        409 => "It cannot be done as things stand.",
        413 => "The body is too large.",
        415 => "What was sent cannot be read.",
        421 => "The daemon is not known by the name in Host.",
        422 => "A parameter or a field is wrong; the answer names it.",
        426 => "The connection cannot become a WebSocket.",
        429 => "Too many requests; Retry-After says when to come again.",
        503 => "The daemon cannot answer now.",
        507 => "The disk is full.",
        _ => "It could not be done.",
    }
}
