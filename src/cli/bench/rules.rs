//! Rules of the recogniser that a bench changes one at a time, to see what each gains and costs: `--rule NAME=VALUE`.

use anyhow::{Context, bail};

use crate::speech::recogniser::Hints;

/// Every rule by its name, with the values that it takes.
const RULES: &[(&str, &str)] = &[
    ("normalise", "on or off"),
    ("denoise", "on or off"),
    ("beams", "a number from 1"),
    ("margin", "encoder positions, a number from 1"),
    ("room", "encoder positions, a number from 1"),
    ("improbable", "hundredths of a log probability below 0, a number from 1"),
    ("hopeless", "the same"),
    ("second-look", "on or off"),
    ("second-margin", "encoder positions, a number from 1"),
    ("second-room", "encoder positions, a number from 1"),
    ("second-beams", "a number from 1"),
    ("gaps", "on or off"),
    ("noisy", "decibels, a number from 1"),
    ("no-speech", "on or off"),
    ("repetition", "on or off"),
    ("known-phrases", "on or off"),
    ("tones", "on or off"),
    ("bound", "on or off"),
    ("call-names", "off, prompt, correct or both"),
];

/// The hints with these rules changed.
pub(super) fn changed(mut hints: Hints, rules: &[String]) -> anyhow::Result<Hints> {
    for rule in rules {
        let (name, value) = rule.split_once('=').with_context(|| format!("--rule {rule}: it is NAME=VALUE"))?;
        let known = change(&mut hints, name, value).with_context(|| format!("--rule {rule}"))?;
        if !known {
            let known: Vec<String> = RULES.iter().map(|(name, values)| format!("{name} ({values})")).collect();
            bail!("--rule {rule}: there is no such rule; there are {}", known.join(", "));
        }
    }
    Ok(hints)
}

/// Whether there is such a rule.
fn change(hints: &mut Hints, name: &str, value: &str) -> anyhow::Result<bool> {
    match name {
        "normalise" => hints.normalise = switch(value)?,
        "denoise" => hints.denoise = switch(value)?,
        "beams" => hints.beams = Some(number(value)?),
        "margin" => hints.rules.margin = number(value)?,
        "room" => hints.rules.room = number(value)?,
        "improbable" => hints.rules.improbable = number(value)?,
        "hopeless" => hints.rules.hopeless = number(value)?,
        "second-look" => hints.rules.second_look = switch(value)?,
        "second-margin" => hints.rules.second_margin = number(value)?,
        "second-room" => hints.rules.second_room = number(value)?,
        "second-beams" => hints.rules.second_beams = number(value)?,
        "gaps" => hints.rules.gaps = switch(value)?,
        "noisy" => hints.rules.noisy = number(value)?,
        "no-speech" => hints.rules.no_speech = switch(value)?,
        "repetition" => hints.rules.repetition = switch(value)?,
        "known-phrases" => hints.rules.known_phrases = switch(value)?,
        "tones" => hints.rules.tones = switch(value)?,
        "bound" => hints.rules.bound = switch(value)?,
        "call-names" => hints.call_names = value.parse().map_err(anyhow::Error::msg)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn switch(value: &str) -> anyhow::Result<bool> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => bail!("the value is on or off"),
    }
}

fn number(value: &str) -> anyhow::Result<u32> {
    value.parse().ok().filter(|number| *number > 0).context("the value is a number from 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_changed_and_what_is_not_understood_is_refused() {
        let with =
            |rules: &[&str]| changed(Hints::default(), &rules.iter().map(ToString::to_string).collect::<Vec<_>>());
        let hints = with(&["normalise=on", "beams=5"]).expect("both are rules");
        assert!(hints.normalise && hints.beams == Some(5) && !hints.denoise);
        for wrong in ["normalise", "normalise=1", "beams=0", "beams=many", "margins=3"] {
            let problem = format!("{:#}", with(&[wrong]).expect_err(wrong));
            assert!(problem.contains(wrong), "{problem}");
        }
        assert!(format!("{:#}", with(&["margins=3"]).expect_err("no such rule")).contains("normalise (on or off)"));
    }
}
