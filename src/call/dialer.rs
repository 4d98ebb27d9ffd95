//! The fields that ViciDial puts into its Start Call and Dispo Call URLs, and what a call keeps of them.
//!
//! Source: ViciDial's own help for `start_call_url` and `dispo_call_url`: `--A--lead_id--B--` in the URL becomes the value of `lead_id`.

/// Use of a field for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// One of the call's own names.
    Name,
    /// An entry of the call's metadata, under this key.
    Metadata(&'static str),
    /// The field is accepted, because URLs have it, and not stored.
    Nothing,
}

use Keep::{Metadata, Name, Nothing};

/// A field of the URLs.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// ViciDial's name of the field.
    pub name: &'static str,
    /// Use of the field.
    pub keep: Keep,
}

const fn field(name: &'static str, keep: Keep) -> Field {
    Field { name, keep }
}

/// Fields of both URLs.
pub const FIELDS: &[Field] = &[
    field("uniqueid", Name),
    field("user", Name),
    field("campaign", Metadata("campaign_id")),
    field("group", Metadata("group")),
    field("lead_id", Name),
    field("phone_number", Name),
    field("dialed_number", Name),
    field("fullname", Metadata("fullname")),
    field("user_group", Metadata("user_group")),
    field("list_id", Metadata("list_id")),
    field("list_name", Metadata("list_name")),
    field("vendor_lead_code", Metadata("vendor_lead_code")),
    field("source_id", Metadata("source_id")),
    field("recording_id", Metadata("recording_id")),
    field("recording_filename", Metadata("recording_filename")),
    field("closecallid", Metadata("closecallid")),
    field("xfercallid", Metadata("xfercallid")),
    field("call_id", Metadata("caller_code")),
    field("agent_log_id", Metadata("agent_log_id")),
    field("server_ip", Metadata("server_ip")),
    field("did_pattern", Metadata("did_pattern")),
    field("called_count", Metadata("called_count")),
    field("phone_login", Nothing),
    field("channel_group", Nothing),
    field("SQLdate", Nothing),
    field("epoch", Nothing),
    field("customer_zap_channel", Nothing),
    field("SIPexten", Nothing),
    field("session_id", Nothing),
    field("dialed_label", Nothing),
    field("rank", Nothing),
    field("owner", Nothing),
    field("user_custom_one", Nothing),
    field("user_custom_two", Nothing),
    field("user_custom_three", Nothing),
    field("user_custom_four", Nothing),
    field("user_custom_five", Nothing),
    field("did_id", Nothing),
    field("did_extension", Nothing),
    field("did_description", Nothing),
    field("entry_list_id", Nothing),
    field("agent_email", Nothing),
    field("gmt_offset_now", Nothing),
    field("phone_code", Nothing),
    field("title", Nothing),
    field("first_name", Nothing),
    field("middle_initial", Nothing),
    field("last_name", Nothing),
    field("address1", Nothing),
    field("address2", Nothing),
    field("address3", Nothing),
    field("city", Nothing),
    field("state", Nothing),
    field("province", Nothing),
    field("postal_code", Nothing),
    field("country_code", Nothing),
    field("gender", Nothing),
    field("date_of_birth", Nothing),
    field("alt_phone", Nothing),
    field("email", Nothing),
    field("security_phrase", Nothing),
    field("comments", Nothing),
];

/// Fields of the Dispo Call URL alone. Notes of the agent are free text that no redaction has seen: they are not stored.
pub const DISPO_FIELDS: &[Field] = &[
    field("dispo", Metadata("disposition")),
    field("talk_time", Metadata("talk_time_s")),
    field("term_reason", Metadata("term_reason")),
    field("callback_lead_status", Metadata("callback_status")),
    field("callback_datetime", Metadata("callback_time")),
    field("call_notes", Nothing),
];

/// The placeholder of a field in ViciDial's URLs.
pub fn placeholder(name: &str) -> String {
    format!("--A--{name}--B--")
}

/// Whether a value is a field that the dialer does not know, and so has left as it was.
pub fn is_left(value: &str) -> bool {
    value.starts_with("--A--") && value.ends_with("--B--")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_field_and_no_key_stands_twice() {
        let all = || FIELDS.iter().chain(DISPO_FIELDS);
        let names: BTreeSet<&str> = all().map(|field| field.name).collect();
        assert_eq!(names.len(), all().count());
        let key = |field: &Field| if let Metadata(key) = field.keep { Some(key) } else { None };
        let keys: BTreeSet<&str> = all().filter_map(key).collect();
        assert_eq!(keys.len(), all().filter_map(key).count());
        assert!(is_left(&placeholder("lead_id")) && !is_left("876409"));
    }
}
