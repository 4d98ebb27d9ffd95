//! Checks a database: whether it is intact, whether rows and files match, and which faults can be repaired.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;

/// A fault of the database or its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The fault.
    pub problem: String,
    /// The repair that was made, or that is to be made.
    pub mend: String,
    /// Whether it was repaired.
    pub mended: bool,
}

/// Whether findings are only told or mended where that loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Report findings only.
    Look,
    /// Repair what can be repaired without loss.
    Repair,
}

/// Files in the folders of spool and cache.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Own audio.
    pub audio: Vec<PathBuf>,
    /// Descriptions beside it.
    pub sidecars: Vec<PathBuf>,
    /// Converted recordings, by their leg.
    pub cached: Vec<(i64, PathBuf)>,
}

/// The database's own checks. Blocks, for minutes on a large one.
pub fn database(db: &Connection, mode: Mode) -> rusqlite::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut tell = |problem: String, mend: &str, mended| {
        findings.push(Finding { problem, mend: mend.into(), mended });
    };
    // The index first: the check of the whole looks into it too.
    let index = db.execute("INSERT INTO segment_fts (segment_fts, rank) VALUES ('integrity-check', 1)", []);
    if index.is_err() {
        let mended =
            mode == Mode::Repair && db.execute("INSERT INTO segment_fts (segment_fts) VALUES ('rebuild')", []).is_ok();
        tell("the full-text index does not hold what was said".into(), "it is made anew by --repair", mended);
    }
    let mut lines: Vec<String> =
        db.prepare("PRAGMA integrity_check(20)")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if index.is_err() {
        lines.retain(|line| !line.contains("segment_fts")); // told above
    }
    if !lines.is_empty() && lines != ["ok"] {
        let mut mended = false;
        if mode == Mode::Repair {
            // Indices are made of tables, so a fault in them alone is repaired by making them anew.
            mended = db.execute_batch("REINDEX").is_ok()
                && db.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))? == "ok";
        }
        let mend = if mended {
            "indices were made anew"
        } else if mode == Mode::Look {
            "--repair makes indices anew; if that is not enough restore a backup with `lineside restore`, or save what can be saved with `sqlite3 \
             lineside.db .recover`"
        } else {
            "restore a backup with `lineside restore`, or save what can be saved with `sqlite3 lineside.db .recover`"
        };
        tell(format!("database: {}", lines.join("; ")), mend, mended);
        if !mended {
            return Ok(findings); // what more is looked for would be looked for in broken tables
        }
    }
    let broken: i64 = db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
    if broken > 0 {
        let mended = mode == Mode::Repair && delete_strays(db).is_ok();
        tell(
            format!("{broken} rows belong to calls, legs or utterances that are not there"),
            "they are deleted by --repair",
            mended,
        );
    }
    let counts = "FROM call WHERE segments <> (SELECT count(*) FROM segment WHERE segment.call = call.id)";
    let wrong: i64 =
        db.query_row(&format!("SELECT count(*) {counts} AND state = 'completed'"), [], |row| row.get(0))?;
    if wrong > 0 {
        let mended = mode == Mode::Repair
            && db
                .execute(
                    "UPDATE call SET segments = (SELECT count(*) FROM segment WHERE segment.call = call.id) WHERE state = 'completed'",
                    [],
                )
                .is_ok();
        tell(
            format!("{wrong} calls count another number of segments than they have"),
            "they are counted anew by --repair",
            mended,
        );
    }
    Ok(findings)
}

/// Rows whose parent is gone, until none is left: each table's strays may have had children of their own.
fn delete_strays(db: &Connection) -> rusqlite::Result<()> {
    loop {
        let strays: Vec<(String, Option<i64>)> = db
            .prepare("SELECT \"table\", rowid FROM pragma_foreign_key_check")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let rows: Vec<(String, i64)> = strays.into_iter().filter_map(|(table, row)| Some((table, row?))).collect();
        if rows.is_empty() {
            break;
        }
        for (table, row) in rows {
            db.execute(&format!("DELETE FROM \"{table}\" WHERE rowid = ?1"), [row])?;
        }
    }
    // Tables without rowids tell no row.
    db.execute("DELETE FROM call_alias WHERE call NOT IN (SELECT id FROM call)", [])?;
    Ok(())
}

/// Rows and files against each other. `remove` deletes a file, `keep` moves one out of the way; both are only called to repair. Blocks.
pub fn files(
    db: &Connection,
    files: &Files,
    mode: Mode,
    now_ms: i64,
    mut remove: impl FnMut(&Path) -> bool,
    mut keep: impl FnMut(&Path) -> bool,
) -> rusqlite::Result<Vec<Finding>> {
    let legs: Vec<(i64, PathBuf, bool, bool)> = db
        .prepare("SELECT id, path, owned, audio_gone_ms IS NOT NULL FROM leg")?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.into(), row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let repair = mode == Mode::Repair;
    let mut findings = Vec::new();
    let mut tell = |problem: String, mend: &str, mended| findings.push(Finding { problem, mend: mend.into(), mended });
    let own: HashSet<&PathBuf> = legs.iter().filter(|leg| leg.2 && !leg.3).map(|leg| &leg.1).collect();
    let gone: HashSet<&PathBuf> = legs.iter().filter(|leg| leg.2 && leg.3).map(|leg| &leg.1).collect();
    for (leg, path, owned, was_deleted) in &legs {
        // A leg that another platform sent as text never had any audio.
        if *was_deleted || path.as_os_str().is_empty() || path.exists() {
            continue;
        }
        if *owned {
            let mended = repair && db.execute("UPDATE leg SET audio_gone_ms = ?2 WHERE id = ?1", (leg, now_ms)).is_ok();
            tell(
                format!("leg {leg}: its sound {} is not there", path.display()),
                "its row says so after --repair",
                mended,
            );
        } else {
            tell(
                format!("leg {leg}: the recording {} is not there", path.display()),
                "nothing to mend: recordings are not lineside's; its text stays",
                true,
            );
        }
    }
    let sidecars: HashSet<PathBuf> = files.sidecars.iter().cloned().collect();
    for path in &files.audio {
        if own.contains(path) {
            continue;
        }
        if gone.contains(path) {
            let mended = repair && remove(path);
            tell(format!("{} should have been deleted", path.display()), "it is deleted by --repair", mended);
        } else if sidecars.contains(&path.with_extension("json")) {
            tell(format!("{} belongs to no call yet", path.display()), "the daemon takes it at its next start", false);
        } else {
            let mended = repair && keep(path);
            tell(format!("{} belongs to no call", path.display()), "it is moved to lost+found by --repair", mended);
        }
    }
    let audio: HashSet<&PathBuf> = files.audio.iter().collect();
    for path in &files.sidecars {
        if !audio.contains(&path.with_extension("wav")) {
            let mended = repair && remove(path);
            tell(format!("{} describes a file that is not there", path.display()), "it is deleted by --repair", mended);
        }
    }
    let known: HashSet<i64> = legs.iter().map(|leg| leg.0).collect();
    for (leg, path) in &files.cached {
        if !known.contains(leg) {
            let mended = repair && remove(path);
            tell(format!("{} was made for a call that is gone", path.display()), "it is deleted by --repair", mended);
        }
    }
    Ok(findings)
}
