//! Which thread gives way to which when the CPU is short: sockets first, then live text, then all that nobody waits for.
//!
//! What counts between lineside and the PBX is the weight of the unit (`systemd/lineside.service`); nice values and policies order the threads within
//! it (sched(7)). A thread can only ever give way further: it takes more than a service may to go back.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Nice value of a thread that writes live text. Above it are the sockets, the spool and the writer, with the process's own (5 by the unit).
const LIVE: i32 = 10;
/// Nice value of a thread whose work can wait: long answers, proofs that something was forgotten, vectors, translations. It counts where the policy for
/// idle work is refused.
const BACKGROUND: i32 = 19;

/// Threads of [`aside`].
const ASIDE_THREADS: usize = 4;

/// This thread gives way to sockets and to the PBX, and to nothing else.
pub fn live_text() {
    give_way(LIVE);
}

/// This thread gives way to all others. Besides the nice value it takes `SCHED_IDLE`: the kernel counts a CPU on which only such threads run as free, so
/// live text that wakes up goes there at once. With the nice value alone it queued behind others while that CPU did background work.
pub fn background() {
    give_way(BACKGROUND);
    let none = libc::sched_param { sched_priority: 0 };
    #[allow(unsafe_code)] // a pointer to a structure that outlives the call; 0 is this thread
    let done = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
    if done != 0 {
        log::debug!("priority: SCHED_IDLE: {}", std::io::Error::last_os_error());
    }
}

/// Work of an answer that takes a while, such as sound that is converted: away from the threads that serve sockets, and behind live text. What waits on
/// others' disks or services for long belongs to `tokio::task::spawn_blocking`: here are few threads.
pub fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static ASIDE: OnceLock<Option<Runtime>> = OnceLock::new();
    let pool = ASIDE.get_or_init(|| {
        let mut pool = Builder::new_current_thread();
        pool.thread_name("aside").max_blocking_threads(ASIDE_THREADS).on_thread_start(background);
        pool.build()
            .inspect_err(|error| {
                log::warn!("threads for answers that take a while: {error}: they run beside the sockets");
            })
            .ok()
    });
    match pool {
        Some(pool) => pool.spawn_blocking(work),
        None => tokio::task::spawn_blocking(work),
    }
}

fn give_way(nice: i32) {
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), nice) {
        log::debug!("priority: nice {nice} for thread {thread:?}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy of this thread by number (proc_pid_stat(5), field 41).
    fn policy() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let after_name = stat.rsplit_once(") ").unwrap().1;
        after_name.split(' ').nth(41 - 3).unwrap().parse().unwrap()
    }

    fn nice() -> i32 {
        rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap()
    }

    #[test]
    fn background_gives_way_to_live_text_and_both_to_the_rest() {
        let mine = nice();
        let live = std::thread::spawn(|| (live_text(), nice()).1).join().unwrap();
        let behind = std::thread::spawn(|| (background(), nice()).1).join().unwrap();
        assert!(mine < live && live < behind, "{mine}, {live}, {behind}");
        let policies = [live_text, background].map(|give_way| {
            std::thread::spawn(move || {
                give_way();
                policy()
            })
        });
        assert_eq!(policies.map(|thread| thread.join().unwrap()), [libc::SCHED_OTHER, libc::SCHED_IDLE]);
    }

    #[tokio::test]
    async fn what_is_done_aside_gives_way_to_live_text() {
        let (beside, aside) = (tokio::task::spawn_blocking(nice).await.unwrap(), aside(nice).await.unwrap());
        assert_eq!((beside < LIVE, aside), (true, BACKGROUND), "{beside}");
    }
}
