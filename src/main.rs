//! The binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    lineside::host::cpu::become_the_best_build();
    lineside::cli::run()
}
