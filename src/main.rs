//! The binary: everything is in the library.

use std::process::ExitCode;

/// For the C++ of the speech engines as well: they take and give back hundreds of blocks of megabytes a second, of which glibc's keeps a third more
/// for itself. How it is set up is said when it is built (`packaging/setup`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    lineside::host::end_at_a_panic();
    lineside::host::cpu::become_the_best_build();
    lineside::cli::run()
}
