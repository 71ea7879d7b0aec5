//! The sandbox's worker as a program of its own, for tests and for programs that embed the crate.

fn main() -> std::process::ExitCode {
    smoltrace_eval::sandbox::serve_worker()
}
