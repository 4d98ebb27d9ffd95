//! One read-only connection to the dialer's database: every question has its time, is known beforehand, and has been shown to use an index.
//!
//! ViciDial's tables are MyISAM: who reads one keeps its writers waiting. So nothing is asked that EXPLAIN does not find by an index, and nothing may take
//! longer than [`ANSWER`] on the server's side.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, OptsBuilder, Params, Value};

use super::fields::RowFields;
use super::settings::{DialerPassword, DialerPlace, DialerSettings};

/// Patience with a connection and a login.
const LOGIN: Duration = Duration::from_secs(5);
/// A question that may not be asked is looked up again after this time.
const AGAIN: Duration = Duration::from_mins(1);
/// What the server may take for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// After so long without an answer the connection is left.
const PATIENCE: Duration = Duration::from_secs(4);
/// Rows that a question without an index may read: the agents that are logged in, or a table that is small anyway.
const FEW_ROWS: i64 = 2000;

/// A question that may be asked.
#[derive(Debug)]
pub(super) struct Query {
    /// A table, and by what it is asked.
    pub(super) name: &'static str,
    /// The table.
    pub(super) table: &'static str,
    /// With `?` for its values.
    pub(super) sql: &'static str,
    /// Values to explain it with.
    pub(super) example: &'static [Example],
    /// Whether the whole table is read, which is small by its nature.
    pub(super) is_whole: bool,
}

/// A value of that kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Example {
    /// A text.
    Text(&'static str),
    /// A number.
    Number(i64),
}

impl From<Example> for Value {
    fn from(example: Example) -> Self {
        match example {
            Example::Text(text) => text.into(),
            Example::Number(number) => number.into(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialerError {
    #[error(
        "password {path}: {source}; set [dialer] password_file, or LoadCredential=dialer-password:FILE in the unit"
    )]
    Password { path: std::path::PathBuf, source: std::io::Error },
    #[error("{problem}; {advice}")]
    Login { problem: String, advice: String },
    #[error("no answer within {} s; the connection was closed", PATIENCE.as_secs())]
    Hangs,
    #[error("{0}")]
    Lost(String),
    /// The connection is well, the tables are locked or the server is busy.
    #[error("{query}: {problem}")]
    Busy { query: &'static str, problem: String },
    /// The connection is well, this question has no answer.
    #[error("{query}: {problem}")]
    Refused { query: &'static str, problem: String },
}

impl DialerError {
    /// Whether another question may be asked on the same connection.
    pub(super) const fn is_of_one_query(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Busy { .. })
    }
}

/// What can be asked, and what cannot: why, and what to do.
pub(super) type Refusals = BTreeMap<&'static str, String>;

/// The connection.
pub(super) struct Connection {
    conn: Conn,
    database: String,
    user: String,
    refused: Refusals,
    /// Questions that nothing depends on, whether they may be asked, and when that was looked up.
    looked_up: BTreeMap<&'static str, (bool, Instant)>,
    asked: Instant,
}

impl Connection {
    /// Logs in, and looks which of these questions may be asked.
    pub(super) async fn open(settings: &DialerSettings, queries: &[&'static Query]) -> Result<Self, DialerError> {
        let options = options(settings).await?;
        let login = |problem: String, advice: &str| DialerError::Login { problem, advice: advice.into() };
        let conn = match tokio::time::timeout(LOGIN, Conn::new(options)).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => {
                let advice = advice_of_login(&error);
                return Err(login(told(&error), advice));
            }
            Err(_) => {
                let problem = format!("no login within {} s", LOGIN.as_secs());
                return Err(login(problem, "does the server hang? It is tried again"));
            }
        };
        let (database, user) = (settings.database.clone(), settings.user.clone());
        let mut connection =
            Self { conn, database, user, refused: Refusals::new(), looked_up: BTreeMap::new(), asked: Instant::now() };
        if let Err(error) = connection.prepare(queries).await {
            connection.close().await;
            return Err(error);
        }
        Ok(connection)
    }

    async fn prepare(&mut self, queries: &[&'static Query]) -> Result<(), DialerError> {
        let version = self.ask("version", "SELECT VERSION()", Params::Empty).await?;
        let is_mariadb = version.first().and_then(|row| row.text(0)).is_some_and(|text| text.contains("MariaDB"));
        self.ask("session", "SET SESSION TRANSACTION READ ONLY", Params::Empty).await?;
        let limit = if is_mariadb {
            format!("SET SESSION max_statement_time = {}", ANSWER.as_secs())
        } else {
            format!("SET SESSION max_execution_time = {}", ANSWER.as_millis())
        };
        for wish in [limit, format!("SET SESSION lock_wait_timeout = {}", ANSWER.as_secs())] {
            match self.ask("session", &wish, Params::Empty).await {
                Err(error) if error.is_of_one_query() => {
                    log::info!("dialer: {error}; only lineside's own time-out is in force");
                }
                asked => drop(asked?),
            }
        }
        for query in queries {
            if let Some(problem) = self.explain(query).await? {
                self.refused.insert(query.name, problem);
            }
        }
        Ok(())
    }

    /// Whether a question may be asked that nothing depends on: nobody is told where it may not. It is looked up at most once a minute.
    pub(super) async fn may_ask(&mut self, query: &'static Query) -> Result<bool, DialerError> {
        if let Some(&(may, at)) = self.looked_up.get(query.name) {
            let may = may && !self.refused.contains_key(query.name);
            if may || at.elapsed() < AGAIN {
                return Ok(may);
            }
        }
        let may = self.explain(query).await?.is_none();
        if may {
            self.refused.remove(query.name);
        }
        self.looked_up.insert(query.name, (may, Instant::now()));
        Ok(may)
    }

    /// Why a question must not be asked; `None`: it may.
    async fn explain(&mut self, query: &'static Query) -> Result<Option<String>, DialerError> {
        let values: Vec<Value> = query.example.iter().map(|&example| example.into()).collect();
        let values = if values.is_empty() { Params::Empty } else { Params::Positional(values) };
        let plan = match self.ask(query.name, &format!("EXPLAIN {}", query.sql), values).await {
            Ok(plan) => plan,
            Err(DialerError::Refused { problem, .. }) => return Ok(Some(self.with_advice(query, &problem))),
            Err(error) => return Err(error),
        };
        Ok(plan.iter().find_map(|row| {
            let (kind, keys, rows) = (row.named("type"), row.named("possible_keys"), row.named("rows"));
            let rows = rows.and_then(|rows| rows.parse::<i64>().ok()).unwrap_or_default();
            let is_scan = matches!(kind.as_deref(), Some("ALL" | "index"));
            let may = !is_scan || rows <= FEW_ROWS && (query.is_whole || keys.is_some());
            (!may).then(|| {
                format!(
                    "it would read {rows} rows of {} without an index, and is not asked; put back the index that the system's own schema has there",
                    query.table
                )
            })
        }))
    }

    /// What the account may do beyond reading.
    pub(super) async fn rights(&mut self) -> Result<Option<String>, DialerError> {
        let grants = match self.ask("grants", "SHOW GRANTS", Params::Empty).await {
            Err(error) if error.is_of_one_query() => return Ok(None),
            grants => grants?,
        };
        let more = grants.iter().filter_map(|row| row.text(0)).any(|grant| may_write(&grant));
        Ok(more.then(|| {
            format!(
                "the user {:?} may do more than read. An account of its own is safer: {}",
                self.user,
                self.grant("*")
            )
        }))
    }

    /// The statement that lets an account read.
    fn grant(&self, table: &str) -> String {
        let user = if self.user == "cron" { "lineside" } else { &self.user };
        format!("`GRANT SELECT ON {}.{table} TO '{user}'@'localhost'`", self.database)
    }

    fn with_advice(&self, query: &Query, problem: &str) -> String {
        if problem.contains("denied") {
            format!("{problem}; {}", self.grant(query.table))
        } else {
            format!("{problem}; it is looked for again every minute")
        }
    }

    /// What is not asked.
    pub(super) const fn refused(&self) -> &Refusals {
        &self.refused
    }

    /// Looks again at what was not asked.
    pub(super) async fn look_again(&mut self, queries: &[&'static Query]) -> Result<(), DialerError> {
        for query in queries.iter().filter(|query| self.refused.contains_key(query.name)).copied().collect::<Vec<_>>() {
            match self.explain(query).await? {
                None => {
                    self.refused.remove(query.name);
                    log::info!("dialer: {} can be asked again", query.name);
                }
                Some(problem) => {
                    self.refused.insert(query.name, problem);
                }
            }
        }
        Ok(())
    }

    /// Asks. What cannot be read is not asked again before [`Self::look_again`].
    pub(super) async fn rows(
        &mut self,
        query: &'static Query,
        values: Vec<Value>,
    ) -> Result<Vec<RowFields>, DialerError> {
        if let Some(problem) = self.refused.get(query.name) {
            return Err(DialerError::Refused { query: query.name, problem: problem.clone() });
        }
        let values = if values.is_empty() { Params::Empty } else { Params::Positional(values) };
        match self.ask(query.name, query.sql, values).await {
            Err(DialerError::Refused { query: name, problem }) => {
                let problem = self.with_advice(query, &problem);
                log::warn!("dialer: {name}: {problem}; calls go on, and are filled in when it can be read again");
                self.refused.insert(name, problem.clone());
                Err(DialerError::Refused { query: name, problem })
            }
            answer => answer,
        }
    }

    /// Asks for nothing, after so long without a question, to learn whether it is still there.
    pub(super) async fn look_after(&mut self, quiet: Duration) -> Result<(), DialerError> {
        if self.asked.elapsed() < quiet {
            return Ok(());
        }
        self.ask("ping", "DO 0", Params::Empty).await.map(drop)
    }

    async fn ask(&mut self, name: &'static str, sql: &str, values: Params) -> Result<Vec<RowFields>, DialerError> {
        let began = Instant::now();
        self.asked = began;
        let conn = &mut self.conn;
        let asked = async {
            // As text without values: a few statements cannot be prepared.
            match values {
                Params::Empty => conn.query::<mysql_async::Row, _>(sql).await,
                values => conn.exec::<mysql_async::Row, _, _>(sql, values).await,
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        metrics::counter!("lineside_dialer_queries_total").increment(1);
        metrics::histogram!("lineside_dialer_query_seconds").record(began.elapsed().as_secs_f64());
        let failed = match asked {
            Ok(Ok(rows)) => return Ok(rows.into_iter().map(RowFields::from).collect()),
            Ok(Err(Error::Server(error))) if !is_farewell(error.code) => {
                let problem = error.message.trim().to_string();
                if is_busy(error.code) {
                    DialerError::Busy { query: name, problem }
                } else {
                    DialerError::Refused { query: name, problem }
                }
            }
            Ok(Err(error)) => DialerError::Lost(told(&error)),
            Err(_) => DialerError::Hangs,
        };
        metrics::counter!("lineside_dialer_failures_total").increment(1);
        Err(failed)
    }

    /// Closes it without waiting for what was asked: a server that hangs would keep it open for ever.
    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(Duration::from_millis(200), self.conn.disconnect()).await;
    }
}

async fn options(settings: &DialerSettings) -> Result<OptsBuilder, DialerError> {
    let password = match &settings.password {
        DialerPassword::None => None,
        DialerPassword::Known(password) => Some(password.clone()),
        DialerPassword::File(path) => {
            let text = tokio::fs::read_to_string(path).await;
            let text = text.map_err(|source| DialerError::Password { path: path.clone(), source })?;
            Some(text.lines().next().unwrap_or_default().to_string())
        }
    };
    let options = OptsBuilder::default()
        .user(Some(&settings.user))
        .pass(password)
        .db_name(Some(&settings.database))
        // It would go over to the server's socket by itself.
        .prefer_socket(false)
        // Known, so that they are not asked for.
        .max_allowed_packet(Some(16 << 20))
        .wait_timeout(Some(28_800))
        .stmt_cache_size(Some(64));
    Ok(match &settings.place {
        DialerPlace::Tcp(host, port) => options.ip_or_hostname(host.clone()).tcp_port(*port),
        DialerPlace::Socket(path) => options.socket(Some(path.display().to_string())),
    })
}

/// What went wrong, without what was asked.
fn told(error: &Error) -> String {
    match error {
        Error::Server(error) => error.message.trim().to_string(),
        error => error.to_string(),
    }
}

/// What to do about a login that failed.
fn advice_of_login(error: &Error) -> &'static str {
    match error {
        Error::Server(error) if error.code == 1045 || error.code == 1698 => {
            "compare [dialer] user and password_file, or VARDB_user and VARDB_pass, with the accounts of the database"
        }
        Error::Server(error) if error.code == 1044 || error.code == 1049 => {
            "compare [dialer] database, or VARDB_database, with SHOW DATABASES"
        }
        Error::Server(_) => "see the log of the database; it is tried again",
        _ => {
            "does the database run there? See [dialer] host, port and socket; the unit's sandbox lets lineside talk to this machine only"
        }
    }
}

/// Whether the server says goodbye: it is stopped, or has ended the connection.
const fn is_farewell(code: u16) -> bool {
    matches!(code, 1053 | 1077 | 1079 | 1152 | 1184 | 1927 | 2006 | 2013 | 4031)
}

/// Whether an answer took too long for the server: a writer had the table, or it has much to do.
const fn is_busy(code: u16) -> bool {
    matches!(code, 1205 | 1213 | 1317 | 1969 | 3024)
}

/// Whether a line of SHOW GRANTS allows more than to read.
fn may_write(grant: &str) -> bool {
    let rights = grant.strip_prefix("GRANT ").and_then(|rest| rest.split(" ON ").next()).unwrap_or_default();
    let mut inside = 0_u32;
    let plain: String = rights
        .chars()
        .filter(|&c| {
            inside += u32::from(c == '(');
            let is_outside = inside == 0;
            inside = inside.saturating_sub(u32::from(c == ')'));
            is_outside
        })
        .collect();
    plain.split(',').map(str::trim).any(|right| !matches!(right, "USAGE" | "SELECT" | "SHOW VIEW" | ""))
        || grant.contains("WITH GRANT OPTION")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_may_only_read_is_told_from_one_that_may_more() {
        for reads in [
            "GRANT USAGE ON *.* TO `lineside`@`localhost` IDENTIFIED BY PASSWORD '*0'",
            "GRANT SELECT ON `asterisk`.* TO `lineside`@`localhost`",
            "GRANT SELECT (user, full_name) ON `asterisk`.`vicidial_users` TO `lineside`@`localhost`",
        ] {
            assert!(!may_write(reads), "{reads}");
        }
        for writes in [
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            "GRANT SELECT, INSERT, UPDATE, DELETE, LOCK TABLES ON `asterisk`.* TO `cron`@`localhost`",
            "GRANT SELECT (a), UPDATE (b) ON `asterisk`.`x` TO `cron`@`localhost`",
            "GRANT SELECT ON `asterisk`.* TO `x`@`localhost` WITH GRANT OPTION",
        ] {
            assert!(may_write(writes), "{writes}");
        }
    }
}
