//! The watchdog's check: whether the daemon does its work.
//!
//! A ping proves that the conductor has taken a request, and that the store has since committed all that was handed to it before. So a deadlock, a
//! thread that has ended and a disk that no longer answers lead to a restart. A full disk does not: the store keeps trying, and a restart would only
//! break the live connections.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::pipeline::command::Command;
use crate::store::Writer;

/// Reason of a missing ping.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Lifeless {
    /// The conductor has ended.
    #[error("the conductor has ended")]
    Ended,
    /// No answer came in time.
    #[error("the conductor and the store have not answered for {0:?}")]
    Silent(Duration),
}

/// Checks whether the daemon does its work.
pub struct Liveness {
    /// The conductor's ear.
    pub commands: mpsc::Sender<Command>,
    /// The store's.
    pub writer: Writer,
}

impl Liveness {
    /// Waits for the conductor's and the store's answer, at most for `patience`.
    pub async fn check(&self, patience: Duration) -> Result<(), Lifeless> {
        let refused = self.writer.refused_tries();
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.commands.send(Command::Alive { reply }).await.map_err(|_| Lifeless::Ended)?;
            answer.await.map_err(|_| Lifeless::Ended)
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(answer) => answer,
            Err(_) if self.writer.refused_tries() != refused => Ok(()), // alive, and short of room
            Err(_) => Err(Lifeless::Silent(patience)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const PATIENCE: Duration = Duration::from_millis(50);

    fn liveness() -> (tempfile::TempDir, Liveness, mpsc::Receiver<Command>) {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let (commands, heard) = mpsc::channel(1);
        (folder, Liveness { commands, writer: store.writer().clone() }, heard)
    }

    #[tokio::test]
    async fn a_conductor_that_answers_is_alive_and_one_that_is_gone_is_not() {
        let (_folder, liveness, mut heard) = liveness();
        let conductor = tokio::spawn(async move {
            let Some(Command::Alive { reply }) = heard.recv().await else { panic!("asked") };
            reply.send(()).expect("waited for");
        });
        assert_eq!(liveness.check(Duration::from_mins(1)).await, Ok(()));
        conductor.await.expect("ended");
        assert_eq!(liveness.check(Duration::from_mins(1)).await, Err(Lifeless::Ended));
    }

    #[tokio::test]
    async fn a_conductor_that_hangs_gets_no_ping_whether_it_took_the_question_or_not() {
        let (_folder, liveness, mut heard) = liveness();
        assert_eq!(liveness.check(PATIENCE).await, Err(Lifeless::Silent(PATIENCE)));
        let taken = heard.recv().await; // the question, never answered
        assert!(matches!(taken, Some(Command::Alive { .. })));
        assert_eq!(liveness.check(PATIENCE).await, Err(Lifeless::Silent(PATIENCE)));
    }
}
