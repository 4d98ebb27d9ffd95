//! `lineside.toml(5)`: every setting with its default, as `etc/lineside.toml` documents it.

use roff::{Roff, bold, italic, roman};

use crate::config::documented::{DocumentedSetting, sections};

/// The page.
pub(in crate::cli) fn settings_page() -> String {
    let mut roff = Roff::default();
    let source = format!("lineside {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["lineside.toml", "5", "", source.as_str(), "lineside"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("lineside.toml - configuration of lineside")]);
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold("/etc/lineside/lineside.toml"), roman(", "), bold("/etc/lineside/conf.d/*.toml")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "TOML. Every setting has a default. Write your own into files in conf.d, which are read after lineside.toml in order of name; the last value of \
         a key counts, and a list of values is one value. Of blocks in double brackets, as [[notify]], those of all files count, in the order of the \
         files. Changes in speech, text, log and the TLS certificate take effect with `systemctl reload lineside`, all others with `systemctl restart \
         lineside`. `lineside doctor` reports a mistake with its file and line.",
    )]);
    for section in sections().into_iter().filter(|section| !section.name.is_empty()) {
        let name = if section.is_list { format!("[[{}]]", section.name) } else { format!("[{}]", section.name) };
        roff.control("SH", [&*name]);
        if !section.doc.is_empty() {
            roff.text([roman(section.doc)]);
        }
        for DocumentedSetting { key, value, is_default, doc } in section.settings {
            roff.control("TP", []);
            let says = if is_default { "default" } else { "unset; for example" };
            roff.text([bold(key), roman(format!(" ({says} ")), italic(value), roman(")")]);
            roff.text([roman(doc)]);
        }
    }
    roff.control("SH", ["EXAMPLES"]);
    roff.control("TP", []);
    roff.text([bold("/etc/lineside/conf.d/50-folders.toml")]);
    roff.control("nf", []);
    roff.text([roman("[recordings]")]);
    roff.text([roman("folders = [\"/srv/calls\"]")]);
    roff.control("fi", []);
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(
        "lineside(1), lineside-doctor(1), lineside-setup(1), /usr/share/doc/lineside/docs/operations.md",
    )]);
    roff.render()
}
