//! The labels that rules, criteria and tags ask for, against those that packs give.
//!
//! They are compared letter by letter, and a label may come from another pack. So one with a typing error is found only where all packs are known; till
//! then its alert would not come, its tag would not be given, and its criterion would be missed by every agent in every call.

use std::collections::BTreeSet;

use super::entry::{AskedLabel, AskingEntry, LabelKind};
use super::pack::{Pack, PackError};
use super::review::evidence::Evidence;

/// The labels that entries in use ask for and that none of these packs gives, each with its place and the nearest one. An entry whose place another
/// one of a later pack takes is not in use.
pub fn unknown_labels(packs: &[Pack]) -> Vec<PackError> {
    let given = given(packs);
    let is_replaced = |at: usize, entry: &AskingEntry| {
        let mut later = packs[at + 1..].iter().flat_map(|pack| &pack.asking);
        later.any(|other| (other.kind, &other.name) == (entry.kind, &entry.name))
    };
    let mut unknown = Vec::new();
    for (at, pack) in packs.iter().enumerate() {
        for entry in pack.asking.iter().filter(|entry| !is_replaced(at, entry)) {
            let wanted = entry.labels.iter().filter(|asked| !given.contains(&(asked.kind, &*asked.label)));
            unknown.extend(wanted.map(|asked| PackError {
                file: pack.file.clone(),
                line: asked.line,
                column: asked.column,
                message: message(entry, asked, &given),
            }));
        }
    }
    unknown
}

/// The labels that can be asked for.
fn given(packs: &[Pack]) -> BTreeSet<(LabelKind, &str)> {
    // A group that only says what is to be ignored gives none.
    let keywords = packs.iter().flat_map(|pack| &pack.keywords).filter(|group| !group.terms.is_empty());
    let keywords = keywords.map(|group| (LabelKind::Keyword, &*group.label));
    keywords.chain(packs.iter().flat_map(|pack| &pack.evidence).filter_map(Evidence::gives)).collect()
}

fn message(entry: &AskingEntry, asked: &AskedLabel, given: &BTreeSet<(LabelKind, &str)>) -> String {
    let entries = match asked.kind {
        LabelKind::Keyword => "[[keyword]]",
        LabelKind::Intent => "[[evidence]] about \"intent\"",
        LabelKind::Outcome => "[[evidence]] about \"outcome\"",
        LabelKind::Payment => "[[evidence]] about \"payment\"",
    };
    let same_kind = given.iter().filter(|(kind, _)| *kind == asked.kind).map(|(_, label)| *label);
    let near = nearest(&asked.label, same_kind).map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    let AskingEntry { kind, name, .. } = entry;
    format!("{kind} {name:?} asks for the label {:?}, and no {entries} of the packs gives it{near}", asked.label)
}

/// The label that may have been meant: in other letters, or with a few that differ.
fn nearest<'a>(label: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = label.trim().to_lowercase();
    let distance = |other: &str| strsim::damerau_levenshtein(&wanted, &other.to_lowercase());
    let (near, distance) = known.map(|other| (other, distance(other))).min_by_key(|(_, distance)| *distance)?;
    (distance <= 2.max(near.chars().count() / 3)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(name: &str, body: &str) -> Pack {
        let text = format!("name = \"{name}\"\nversion = \"1\"\nlanguage = \"en\"\n{body}");
        Pack::parse(&format!("{name}.toml"), &text).expect("a good pack")
    }

    fn told(packs: &[Pack]) -> Vec<String> {
        unknown_labels(packs).iter().map(ToString::to_string).collect()
    }

    const GIVING: &str = concat!(
        "[[keyword]]\nlabel = \"legal\"\nterms = [\"lawyer\"]\n",
        "[[keyword]]\nlabel = \"idle\"\nignore = [\"idle talk\"]\n",
        "[[profanity]]\nlabel = \"rude\"\nterms = [\"damn\"]\n",
        "[[evidence]]\nabout = \"intent\"\nlabel = \"refund\"\nweight = 3\nterms = [\"money back\"]\n",
        "[[evidence]]\nabout = \"intent\"\nlabel = \"sale\"\nweight = -3\nterms = [\"no sale\"]\n",
        "[[evidence]]\nabout = \"payment\"\nlabel = \"promised\"\nweight = 3\nterms = [\"i will pay\"]\n",
    );

    #[test]
    fn the_labels_of_the_packs_that_come_with_the_program_are_all_given() {
        assert_eq!(told(&Pack::bundled().expect("bundled packs")), Vec::<String>::new());
    }

    #[test]
    fn a_label_that_no_pack_gives_is_named_with_its_place_and_the_nearest_one() {
        let asking = concat!(
            "[[rule]]\nname = \"threat\"\nlevel = \"urgent\"\nlabels = [\"Legal\"]\n", // lines 4 to 7
            "[[qa]]\nname = \"greeting\"\nlabels = [\n\"greting\",\n\"legal\"]\n",     // 8 to 12
            "[[qa]]\nname = \"calm\"\nsaid = [\"sorry\"]\nwhen = { labels = [\"legl\"] }\n", // 13 to 16
            "[[tag]]\nname = \"money\"\nintents = [\"refnd\", \"refund\"]\npayment = [\"promise\"]\n", // 17 to 20
            "[[tag]]\nname = \"words\"\nlabels = [\"rude\", \"idle\"]\noutcomes = [\"refund\"]\n", // 21 to 24
            "[[tag]]\nname = \"against\"\nintents = [\"sale\"]\n",                     // 25 to 27
        );
        let told = told(&[pack("asking", asking), pack("giving", GIVING)]);
        let wanted = [
            "asking.toml, line 7: rule \"threat\" asks for the label \"Legal\", and no [[keyword]] of the packs gives it; did you mean \"legal\"?",
            "asking.toml, line 11: qa \"greeting\" asks for the label \"greting\", and no [[keyword]] of the packs gives it",
            "asking.toml, line 16: qa \"calm\" asks for the label \"legl\", and no [[keyword]] of the packs gives it; did you mean \"legal\"?",
            "asking.toml, line 19: tag \"money\" asks for the label \"refnd\", and no [[evidence]] about \"intent\" of the packs gives it; did you mean \"refund\"?",
            "asking.toml, line 20: tag \"money\" asks for the label \"promise\", and no [[evidence]] about \"payment\" of the packs gives it; did you mean \"promised\"?",
            "asking.toml, line 24: tag \"words\" asks for the label \"refund\", and no [[evidence]] about \"outcome\" of the packs gives it",
            "asking.toml, line 23: tag \"words\" asks for the label \"rude\", and no [[keyword]] of the packs gives it",
            "asking.toml, line 23: tag \"words\" asks for the label \"idle\", and no [[keyword]] of the packs gives it",
            "asking.toml, line 27: tag \"against\" asks for the label \"sale\", and no [[evidence]] about \"intent\" of the packs gives it",
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_is_not_in_use_asks_for_nothing() {
        let rule = |labels: &str, more: &str| {
            format!("[[rule]]\nname = \"r\"\nlevel = \"urgent\"\nlabels = [\"{labels}\"]\n{more}")
        };
        let wrong = pack("first", &rule("Legal", ""));
        let (right, off) = (pack("own", &rule("legal", "")), pack("own", &rule("Legal", "enabled = false\n")));
        let giving = pack("giving", GIVING);
        assert_eq!(told(&[wrong.clone(), giving.clone()]).len(), 1);
        assert_eq!(told(&[wrong.clone(), giving.clone(), right.clone()]).len(), 0, "a later one takes its place");
        assert_eq!(told(&[right, giving.clone(), wrong.clone()]).len(), 1);
        assert_eq!(told(&[wrong, giving, off]).len(), 0, "also one that is switched off");
    }
}
