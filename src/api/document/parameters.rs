//! Schemas of query and path parameters.

use serde_json::{Value, json};

/// A part of a path.
pub(super) fn path_parameter(path: &str, name: &str) -> Value {
    let about = if path.contains("/alerts/") {
        "Number of the alert."
    } else if path.contains("/disputes/") {
        "Number of the dispute."
    } else if path.contains("/analyze_call/") {
        "Number of the analysis."
    } else if path.contains("/taps/") {
        "The call by its id, or one of its channels by name or uniqueid."
    } else if path.contains("/agents/") {
        "The agent's user or extension."
    } else if path.contains("/campaigns/") {
        "The campaign, in-group or queue."
    } else {
        "The call, by any id that it has or had."
    };
    let schema = if path.contains("/taps/") {
        json!({"type": "string", "minLength": 1, "maxLength": 200})
    } else if path.contains("/analyze_call/") || path.contains("/disputes/") {
        json!({"type": "integer", "minimum": 1})
    } else if ["/alerts/", "/agents/", "/campaigns/"].iter().any(|part| path.contains(part)) {
        json!({"type": "string"})
    } else {
        json!({"type": "string", "minLength": 1, "maxLength": 160, "pattern": "^[A-Za-z0-9._+:@=-]+$"})
    };
    json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema})
}

/// A query parameter. An empty one counts as not given.
pub(super) fn parameter(path: &str, name: &str) -> Value {
    let (about, schema) = of_a_call(path, name)
        .or_else(|| of_reviews(path, name))
        .or_else(|| of_glossaries(path, name))
        .unwrap_or_else(|| query(path, name));
    let mut parameter = json!({"name": name, "in": "query", "required": false, "schema": schema});
    if !about.is_empty() {
        parameter["description"] = about.into();
    }
    if (path, name) == ("/api/v1/search", "q") {
        parameter["required"] = true.into();
    }
    parameter
}

/// Those of one call's text and stages.
fn of_a_call(path: &str, name: &str) -> Option<(&'static str, Value)> {
    let one_of = |type_name: &str| json!({"$ref": format!("#/components/schemas/{type_name}")});
    if !path.contains("/calls/{id}/") {
        return None;
    }
    match name {
        "pass" => {
            let about = "`final`: as it was transcribed again, where it was; `live`: as it was while the call ran.";
            Some((about, one_of("TextPass")))
        }
        "stage" => Some(("This stage alone.", one_of("Stage"))),
        "from" if path.ends_with("/trigger-ai-pipeline") => Some(("This stage and all after it.", one_of("Stage"))),
        "vad" => Some(("Run the voice activity detector again before transcription.", json!({"type": "boolean"}))),
        _ => None,
    }
}

/// Whose words are meant.
fn of_glossaries(path: &str, name: &str) -> Option<(&'static str, Value)> {
    let about = "The list of this campaign, in-group or queue, in capitals or not; that of all calls without it.";
    let is_one = ["/api/v1/glossary", "/glossary/upload"].contains(&path) && name == "campaign";
    is_one.then(|| (about, json!({"type": "string"})))
}

/// Those of disputes and of the queue of calls to review.
fn of_reviews(path: &str, name: &str) -> Option<(&'static str, Value)> {
    let one_of = |type_name: &str| json!({"$ref": format!("#/components/schemas/{type_name}")});
    Some(match (path, name) {
        ("/api/v1/disputes", "state") => ("In this state.", one_of("DisputeState")),
        ("/api/v1/review-queue", "by") => {
            ("By lot, by a rule that was missed, or by risk; by lot without it.", one_of("QueueOrder"))
        }
        ("/api/v1/review-queue", "count") => {
            ("Calls at most.", json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 20}))
        }
        ("/api/v1/review-queue", "rule") => {
            let about = "With `by=rule`: the machine says that this rule of the score card was missed.";
            (about, json!({"type": "string"}))
        }
        _ => return None,
    })
}

fn query(path: &str, name: &str) -> (&'static str, Value) {
    let whole = |least: i64, most: i64, unless: i64| json!({"type": "integer", "minimum": least, "maximum": most, "default": unless});
    let seconds = |most: f64| json!({"type": "number", "minimum": 0, "maximum": most});
    let word = |longest: usize| json!({"type": "string", "maxLength": longest});
    let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean"}));
    let score = json!({"type": "number", "minimum": -1, "maximum": 1});
    let points = json!({"type": "number", "minimum": 0, "maximum": 100});
    let time = "A date, `today`, `yesterday`, a time (local without a zone), seconds or milliseconds since 1970, or how long ago: 90m, 2h, 7d. `until` takes all \
         of what it names: the day, the minute or the second to its end.";
    let one_of = |type_name: &str| json!({"$ref": format!("#/components/schemas/{type_name}")});
    match (path, name) {
        ("/api/v1/coverage", "state") => ("Calls in this state alone.", one_of("CoverageState")),
        ("/api/v1/coverage", "limit") => ("Rows at most.", whole(1, 50_000, 1000)),
        (_, "day") => ("The day, in local time, or `yesterday`; today without it.", text),
        (_, "dry_run") => ("Say what would be erased, and erase nothing.", flag),
        (_, "faults") => ("Only what somebody has to look after.", flag),
        (_, "state" | "status") => ("Calls in this state.", one_of("CallState")),
        ("/api/v1/dialer/writes", "result") => ("In this state.", one_of("DialerWriteState")),
        ("/api/v1/agent/link", "seconds") => ("How long the link works.", whole(1, 43_200, 3600)),
        (_, "agent") => ("Of this agent, in capitals or not.", text),
        (_, "campaign") => ("Of this campaign, in-group or queue, in capitals or not.", text),
        (_, "since" | "until") => (time, text),
        (_, "min_sentiment") => ("Mean sentiment at least.", score),
        (_, "max_sentiment") => ("Mean sentiment at most.", score),
        (_, "min_score") => ("Points of the score card at least.", points),
        (_, "max_score") => ("Points of the score card at most.", points),
        (_, "has_agent") => ("Whose agent is known, or is not.", flag),
        (_, "sla_breached") => ("With, or without, a breach of a limit of `[sla]`.", flag),
        (_, "has_alerts") => ("With, or without, alerts.", flag),
        (_, "cursor") => ("`next_cursor` of the page before.", text),
        ("/api/realtime/alerts", "limit") => ("How many to give at most.", whole(1, 1000, 100)),
        ("/api/v1/lookup", "limit") => ("Calls at most.", whole(1, 100, 20)),
        ("/vici", "limit") => ("Calls at most; 100, or 1000 in `agent_calls`.", word(4)),
        (_, "limit") => ("How many to give at most.", whole(1, 1000, 50)),
        (_, "offset") => ("`next_offset` of the page before.", whole(0, 1_000_000, 0)),
        (_, "q") => (
            "Words, and \"phrases\" in quotes; `word*` for its beginnings.",
            json!({"type": "string", "minLength": 1, "maxLength": 500}),
        ),
        ("/api/v1/search", "by") => (
            "By the words that were said, the text that was written last first; by what was meant, best first, which needs a model of sentences; or by both.",
            json!({"$ref": "#/components/schemas/SearchBy", "default": "words"}),
        ),
        ("/api/v1/search", "alike") => (
            "By meaning or both: whether segments that say nearly the same are listed once, with their number, or all.",
            json!({"type": "string", "enum": ["once", "all"], "default": "once"}),
        ),
        ("/api/v1/search", "leg") => ("Said on this leg.", one_of("Leg")),
        (_, "leg") => ("A leg by its direction or its number; the first without it.", text),
        ("/api/v1/agents/{id}/stats" | "/api/v1/campaigns/{id}/stats", "days") => ("Days up to now.", whole(1, 92, 7)),
        (_, "days") => ("Days up to now.", whole(1, 366, 1)),
        ("/api/alerts", "count") => ("How many to give at most.", whole(1, 100, 20)),
        (_, "count") => ("How many to give at most.", whole(1, 500, 100)),
        (_, "include_segments") => ("Whether the segments come too.", flag),
        (_, "buckets") => ("Parts into which the leg is divided.", whole(1, 10_000, 1000)),
        ("/api/v1/calls/{id}/live", "seconds") => ("The last so many seconds, 30 without it.", seconds(300.0)),
        (_, "seconds") => ("How long the link works.", whole(1, 3600, 3600)),
        (_, "from") => ("Go on from here, seconds of the call: `Lineside-To` of the answer before.", seconds(1e9)),
        (_, "format") => {
            ("How the file is written.", json!({"$ref": "#/components/schemas/ExportFormat", "default": "json"}))
        }
        (_, "reason") => ("Why, up to 200 bytes.", word(200)),
        ("/api/v1/calls/{id}/audio" | "/api/v1/agent/call", "by") | (_, "signature") => ("Of a link.", text),
        (_, "by") => ("Who asks, up to 200 bytes.", word(200)),
        (_, "expires") => ("Of a link: until when it works, seconds since 1970.", json!({"type": "integer"})),
        (_, "call_id" | "call") => ("Of this call.", json!({"type": "string", "maxLength": 160})),
        (_, "level") => ("Of this level.", one_of("Level")),
        (_, "acknowledged") => ("Taken by somebody, or open.", flag),
        (_, "live") => ("Of calls that are not over, or of those that are.", flag),
        (_, "open_only") => ("Those that nobody has taken.", flag),
        (_, "fallback") => ("Play a call that is over too.", flag),
        (_, "last_event_id") => ("Begin after this message.", json!({"type": "integer"})),
        (_, name) => (of_any_form(path, name), text),
    }
}

/// Parameters that are texts of any form, most of them of scripts of dialers.
fn of_any_form(path: &str, name: &str) -> &'static str {
    match (path, name) {
        ("/api/v1/calls" | "/api/v1/search" | "/api/v1/alerts" | "/api/v1/lookup", "phone") => {
            "With this telephone number, however it is written, or its last 6 digits and more."
        }
        ("/api/v1/calls" | "/api/v1/search" | "/api/v1/alerts", "uniqueid") => {
            "Whose id or uniqueid is this, or has it in it: 6 characters at least."
        }
        (_, "tag") => "With this tag.",
        (_, "lead") => "Of this lead.",
        (_, "name") => "This notifier alone.",
        (_, "rule") => "In which this rule fired.",
        ("/vici", "function") => "`version`, `transcript_lookup`, `call_score` or `agent_calls`.",
        ("/api/v1/agent/call", "uniqueid") => "The agent's call with this id, where there are several.",
        ("/api/v1/agent/call" | "/api/v1/agent/reviews", "user") => "The agent; that of the token without it.",
        ("/api/v1/agent/link", "user") => "The agent.",
        (_, "uniqueid") => "Asterisk's uniqueid; without its fraction every call of that second.",
        (_, "lead_id") => "The lead.",
        (_, "recording_id") => "The dialer's number of the recording.",
        (_, "phone" | "phone_number") => {
            "A telephone number, however it is written: numbers are compared from their end."
        }
        (_, "agent_user") => "An agent's calls of a day.",
        (_, "date") => "The day, `YYYY-MM-DD` in local time; today without it.",
        (_, "stage") => "`pipe`, `csv` or `tab`; `pipe` without it.",
        (_, "header") => "`YES` puts the names of the columns first.",
        (_, "user") => "Who asks: comes back in errors.",
        (_, "pass") => "A token, with `[http] token_in_query`.",
        (_, "source") => "Which script asks; not looked at.",
        _ => "",
    }
}
