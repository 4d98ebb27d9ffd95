//! Recognises recordings of the same sound by their names, whatever a dialer's scripts added to them. Pure.

/// Name of a recording without folder, ending and side, as in `recording_log.filename`. ViciDial, Monitor and the archiving scripts add `-in`,
/// `-out`, `-all` and endings, of which there may be two (`.mp3.gpg`).
pub fn base_name(path: &str) -> &str {
    const ENDINGS: [&str; 13] =
        ["wav", "WAV", "wav49", "gsm", "mp3", "ogg", "gpg", "pgp", "sln", "sln16", "ulaw", "alaw", "g722"];
    let mut name = path.rsplit('/').next().unwrap_or_default();
    while let Some((stem, ending)) = name.rsplit_once('.')
        && ENDINGS.contains(&ending)
        && !stem.is_empty()
    {
        name = stem;
    }
    ["-in", "-out", "-all"].iter().find_map(|side| name.strip_suffix(side)).unwrap_or(name)
}

/// Whether a recording lies where Asterisk has written it, by ViciDial's customs: its sides are apart, and its folder is not one that they go to later.
pub fn is_unmoved(path: &str) -> bool {
    const LATER: [&str; 8] = ["monitorDONE", "DONE", "ORIG", "FTP", "MP3", "GSM", "OGG", "GSW"];
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    (stem.ends_with("-in") || stem.ends_with("-out")) && !parts.any(|part| LATER.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_unmoved_while_its_sides_lie_where_asterisk_wrote_them() {
        for (path, is) in [
            ("/var/spool/asterisk/monitor/20261123-101500_555-in.wav", true),
            ("/var/spool/asterisk/monitor/MIX/20261123-101500_555-out.wav", true),
            ("/var/spool/asterisk/monitorDONE/20261123-101500_555-all.wav", false),
            ("/var/spool/asterisk/monitorDONE/ORIG/20261123-101500_555-in.wav", false),
            ("/var/spool/asterisk/monitor/2026/11/23/out-555-1001-20261123-101500-1.1.wav", false),
        ] {
            assert_eq!(is_unmoved(path), is, "{path}");
        }
    }
}
