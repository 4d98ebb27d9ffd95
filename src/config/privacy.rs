//! `[privacy]` and `[retention]`: what is never kept, and what is kept how long.

use serde::Deserialize;

/// `[privacy]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacyConfig {
    /// Whether card numbers and the like are taken out of text and sound.
    pub redact: bool,
    /// Keys that pause the recording of a call, like `*71`; empty for none.
    pub pause_keys: String,
    /// Keys that let it go on.
    pub resume_keys: String,
    /// What lineside's own audio is encrypted with on disk: the path of a key file, or the name of a systemd credential. Without it it is plain.
    pub audio_key: Option<String>,
    /// Keys of before, that older audio is read with.
    pub old_audio_keys: Vec<String>,
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        Self {
            redact: true,
            pause_keys: String::new(),
            resume_keys: String::new(),
            audio_key: None,
            old_audio_keys: Vec::new(),
        }
    }
}

/// `[retention]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Own audio is deleted when its call ended so many days ago; 0 keeps it. Recordings of the PBX are never touched.
    pub audio_days: u32,
    /// Calls are deleted with all that is known of them; 0 keeps them.
    pub text_days: u32,
    /// Alerts are deleted; 0 keeps them as long as their calls.
    pub alerts_days: u32,
    /// Free space under which the log warns, MB.
    pub warn_free_mb: u64,
    /// Free space under which the oldest own audio is deleted until there is more.
    pub drop_free_mb: u64,
    /// Free space under which no new call is recorded.
    pub stop_free_mb: u64,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { audio_days: 30, text_days: 0, alerts_days: 0, warn_free_mb: 2000, drop_free_mb: 1000, stop_free_mb: 200 }
    }
}

/// A section, a key and what is wrong with it.
type Fault = (&'static str, &'static str, String);

pub(super) fn check(privacy: &PrivacyConfig, retention: &RetentionConfig) -> Result<(), Fault> {
    let keys = [("pause_keys", &privacy.pause_keys), ("resume_keys", &privacy.resume_keys)];
    for (key, value) in keys {
        let fits =
            value.is_empty() || (2..=8).contains(&value.len()) && value.bytes().all(|b| b"0123456789*#".contains(&b));
        if !fits {
            return Err(("privacy", key, format!("{value:?} is not 2 to 8 of the keys 0-9, * and #, nor empty")));
        }
    }
    if !privacy.pause_keys.is_empty() && privacy.pause_keys == privacy.resume_keys {
        return Err(("privacy", "resume_keys", "is the same as pause_keys".into()));
    }
    let named = privacy.audio_key.iter().map(|name| ("audio_key", name));
    for (key, name) in named.chain(privacy.old_audio_keys.iter().map(|name| ("old_audio_keys", name))) {
        let fits = if name.contains('/') { name.starts_with('/') } else { !name.is_empty() && !name.starts_with('.') };
        if !fits {
            return Err((
                "privacy",
                key,
                format!("{name:?} is neither the absolute path of a key file nor the name of a systemd credential"),
            ));
        }
    }
    if !(retention.stop_free_mb <= retention.drop_free_mb && retention.drop_free_mb <= retention.warn_free_mb) {
        return Err((
            "retention",
            "drop_free_mb",
            format!(
                "the steps must follow each other: stop_free_mb ({}) <= drop_free_mb ({}) <= warn_free_mb ({})",
                retention.stop_free_mb, retention.drop_free_mb, retention.warn_free_mb
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_no_telephone_has_and_steps_out_of_order_are_refused() {
        let privacy = |pause: &str, resume: &str| PrivacyConfig {
            pause_keys: pause.into(),
            resume_keys: resume.into(),
            ..PrivacyConfig::default()
        };
        let retention = RetentionConfig::default();
        assert!(
            check(&PrivacyConfig::default(), &retention).is_ok() && check(&privacy("*71", "*72"), &retention).is_ok()
        );
        assert_eq!(check(&privacy("*", ""), &retention).expect_err("short").1, "pause_keys");
        assert_eq!(check(&privacy("*71", "pause"), &retention).expect_err("letters").1, "resume_keys");
        assert_eq!(check(&privacy("*71", "*71"), &retention).expect_err("same").1, "resume_keys");
        let keyed = |name: &str| PrivacyConfig { audio_key: Some(name.into()), ..PrivacyConfig::default() };
        for good in ["/etc/lineside/audio.key", "lineside.audio-key"] {
            assert!(check(&keyed(good), &retention).is_ok(), "{good}");
        }
        for bad in ["", "./audio.key", "keys/audio.key", ".."] {
            assert_eq!(check(&keyed(bad), &retention).expect_err("no place").1, "audio_key", "{bad:?}");
        }
        let steps = RetentionConfig { drop_free_mb: 100, ..RetentionConfig::default() };
        assert!(check(&PrivacyConfig::default(), &steps).expect_err("order").2.contains("stop_free_mb (200)"));
    }
}
