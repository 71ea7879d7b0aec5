//! The `smoltrace` binary: arguments -> one `Config`, wiring, shutdown, terminal output.

mod cli;
mod commands;
mod config;
mod demo;
mod exit;
mod memory;
mod output;
mod power;
mod record;

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Cli, config::Config, exit::Exit};

fn main() -> ExitCode {
    // The process in which model-written code runs is this program, too.
    if std::env::args_os().nth(1).is_some_and(|first| first == smoltrace_eval::sandbox::WORKER_ARGUMENT) {
        return smoltrace_eval::sandbox::serve_worker();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows where each is printed.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            let _ = error.print();
            return exit.into();
        }
    };
    let config = Config::resolve(&cli.global);
    match commands::run(cli.command, &config) {
        Ok(()) => Exit::Success.into(),
        Err(error) if exit::is_broken_pipe(&error) => Exit::Success.into(),
        Err(error) => {
            if let Some(code) = exit::passed_through(&error) {
                return ExitCode::from(code);
            }
            exit::report(&error);
            exit::exit_of(&error).into()
        }
    }
}
