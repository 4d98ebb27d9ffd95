//! The commands with their examples and exit statuses at the end of `--help`.

use clap::{Command, CommandFactory};

use super::super::arguments::Arguments;
use super::commands::manual;

/// The commands with all that is said of them.
pub(in crate::cli) fn documented() -> Command {
    with_manual(Arguments::command(), "")
}

fn with_manual(command: Command, words: &str) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_string()).collect();
    let mut command = command;
    if let Some(manual) = manual(words) {
        let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        command = command.after_help(manual.help(&notes));
    }
    for name in below {
        let words = format!("{words} {name}").trim().to_string();
        command = command.mut_subcommand(name, |below| with_manual(below, &words));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::super::commands::{MANUALS, Manual};
    use super::*;

    /// All commands that are shown, by their words.
    fn all(command: &Command, words: &str, found: &mut Vec<String>) {
        for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
            let words = format!("{words} {}", below.get_name()).trim().to_string();
            all(below, &words, found);
            found.push(words);
        }
    }

    /// A command line as a shell takes it apart, as far as examples need it: pipes and redirections end it.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let (mut quote, mut was_quoted) = (None, false);
        for c in line.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => (quote, was_quoted) = (Some(c), true),
                (None, '|' | '>' | '<' | ';' | '&') => break,
                (None, ' ') => {
                    if words.last().is_some_and(|word| !word.is_empty()) || was_quoted {
                        words.push(String::new());
                    }
                    was_quoted = false;
                }
                (_, c) => words.last_mut().expect("one").push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_command_has_examples_and_every_example_is_a_command_line_that_is_taken() {
        let mut commands = Vec::new();
        all(&Arguments::command(), "", &mut commands);
        for words in &commands {
            assert!(
                manual(words).is_some_and(|manual| !manual.examples.is_empty()),
                "`lineside {words}` has no example"
            );
        }
        for Manual { command, examples, .. } in MANUALS {
            assert!(command.is_empty() || commands.iter().any(|known| known == command), "there is no {command}");
            for (line, says) in *examples {
                assert!(!says.is_empty() && !says.ends_with('.'), "{line}: {says}");
                let at = line.find("lineside").unwrap_or_else(|| panic!("{line}: no command of ours"));
                let parsed = documented().try_get_matches_from(words(&line[at..]));
                assert!(parsed.is_ok(), "{line}: {}", parsed.err().map(|error| error.to_string()).unwrap_or_default());
                assert!(
                    line[at..].starts_with(format!("lineside {command}").trim()),
                    "{line} is no example of {command}"
                );
            }
        }
    }

    #[test]
    fn help_fits_eighty_columns() {
        let mut commands = Vec::new();
        all(&Arguments::command(), "", &mut commands);
        commands.push(String::new());
        for words in &commands {
            let mut command = documented().term_width(80);
            command.build();
            let below = words.split_whitespace().fold(&mut command, |command, word| {
                command.find_subcommand_mut(word).unwrap_or_else(|| panic!("no command {word}"))
            });
            let help = below.clone().term_width(80).render_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "lineside {words}: {line}");
            }
            assert!(words.is_empty() || help.contains("Exit status:"), "{words}");
        }
    }
}
