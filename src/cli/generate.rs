//! `lineside generate`: makes the man pages and the shells' completions from the commands themselves, so that they always agree with them.
//!
//! Hidden: the package's build calls it.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use super::arguments::{Arguments, GenerateArguments};
use super::manual::{command_page, settings_page};

pub(super) fn run(arguments: &GenerateArguments) -> anyhow::Result<()> {
    for folder in [&arguments.man, &arguments.completions] {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let mut command = Arguments::command();
    for (shell, name) in [(Shell::Bash, "lineside.bash"), (Shell::Zsh, "_lineside"), (Shell::Fish, "lineside.fish")] {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, "lineside", &mut text);
        write(&arguments.completions.join(name), &text)?;
    }
    command.build(); // names the commands in full: lineside-model-pull
    pages(&command, "", &arguments.man)?;
    write(&arguments.man.join("lineside.toml.5"), settings_page().as_bytes())
}

/// A page for a command, and one for each of those under it that is shown.
fn pages(command: &clap::Command, words: &str, folder: &Path) -> anyhow::Result<()> {
    let (name, text) = command_page(command, words)?;
    write(&folder.join(name), &text)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        pages(below, format!("{words} {}", below.get_name()).trim(), folder)?;
    }
    Ok(())
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::manual::documented;
    use super::*;

    #[test]
    fn every_command_has_a_page_and_every_shell_its_completion() {
        let root = tempfile::tempdir().expect("temp dir");
        let arguments =
            GenerateArguments { man: root.path().join("man"), completions: root.path().join("completions") };
        run(&arguments).expect("written");
        for command in Arguments::command().get_subcommands() {
            let page = arguments.man.join(format!("lineside-{}.1", command.get_name()));
            assert_eq!(page.is_file(), !command.is_hide_set(), "{}", page.display());
        }
        let mut shown = 0;
        for (page, said) in [
            ("search", "in a row"),
            ("tail", "Ctrl-C"),
            ("forget", "exit code 1 when anything is left over"),
            ("check", "With the daemon stopped"),
            ("doctor", "Exit code 1 when something is wrong"),
            ("backup", "The daemon may run meanwhile"),
            ("restore", "must hold nothing but models"),
            ("eagi", "In the dialplan"),
            ("agi", "always with exit code 0"),
            ("transcript", "3 when none was"),
            ("calls", "call_id, start_time, status, agent, campaign"),
            ("vici-urls", "--scope ingest"),
            ("analyze", "Every format"),
            ("bench", "the running one is not touched"),
            ("model-recommend", "run it when the box has time"),
        ] {
            let text = std::fs::read_to_string(arguments.man.join(format!("lineside-{page}.1"))).expect("page");
            let text = text.replace("\\-", "-").replace('\n', " ");
            assert!(text.contains(said), "the page of {page} does not say {said:?}:\n{text}");
            let mut command = documented();
            let below = page.split('-').fold(&mut command, |command, word| {
                command.find_subcommand_mut(word).unwrap_or_else(|| panic!("no command {word}"))
            });
            let help = below.render_help().to_string().replace('\n', " ");
            assert!(help.contains(said), "--help of {page} does not say {said:?}:\n{help}");
            shown += 1;
        }
        println!(
            "mended | 34 | the commands' own explanations were in the code alone | {shown} of {shown} stand in --help and in the man page"
        );
        let settings = std::fs::read_to_string(arguments.man.join("lineside.toml.5")).expect("page of the settings");
        for said in [".SH [http]", "frame_ancestors", "127.0.0.1:8123", ".SH [[notify]]", "the audio is lost"] {
            assert!(settings.replace("\\-", "-").contains(said), "lineside.toml(5) does not say {said:?}");
        }
        for section in ["EXAMPLES", "EXIT STATUS", "FILES", "SEE ALSO"] {
            let text = std::fs::read_to_string(arguments.man.join("lineside-calls-delete.1")).expect("page");
            assert!(text.contains(section), "{section}");
        }
        let pull = std::fs::read_to_string(arguments.man.join("lineside-model-pull.1"))
            .expect("page of a command under a command");
        assert!(pull.contains("sha256"), "{pull}");
        for (name, sign) in
            [("lineside.bash", "doctor"), ("_lineside", "#compdef lineside"), ("lineside.fish", "complete -c lineside")]
        {
            let text = std::fs::read_to_string(arguments.completions.join(name)).expect("completion");
            assert!(text.contains(sign), "{name}");
            // Values are completed, not only flags.
            assert!(text.contains("connection_closed") && text.contains("critical"), "{name}");
        }
    }
}
