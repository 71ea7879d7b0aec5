//! `smoltrace power --wrap -- COMMAND`: runs a command as if it were called itself, and tells what it used.

use std::{
    ffi::OsString,
    io::{ErrorKind, Write},
    process::{Child, Command, ExitStatus},
};

use anyhow::{Context, Error, Result};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::report::Snapshot;
use crate::{
    config::Config,
    exit::{self, PassThrough},
    power::Measuring,
};

/// Runs the command to its end. An exit code other than 0 comes back as [`PassThrough`]; that of a signal is 128 and
/// its number, that of a command that cannot be run 126, and 127 where there is none, as shells have it.
pub async fn run(command: &[OsString], measuring: Option<&Measuring>, config: &Config) -> Result<()> {
    let (program, arguments) = command.split_first().context("there is no command")?;
    // Before the command is there: a signal that comes early would end us, and leave it behind.
    let signals = Signals::new()?;
    let child = match Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => {
            let code = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
            exit::report(&Error::from(error).context(format!("cannot run {}", program.to_string_lossy())));
            return Err(PassThrough(code).into());
        }
    };
    let status = signals.wait(child).await?;
    let text = match measuring {
        None => "energy      unknown: no device could be read\n".to_owned(),
        Some(measuring) => {
            let used = Snapshot::take(measuring);
            if config.json { format!("{}\n", used.json(measuring)) } else { used.account(measuring, config) }
        }
    };
    // Its own output went to standard output. Who reads ours may be gone; the exit code is what counts.
    let _ = std::io::stderr().write_all(text.as_bytes());
    match code(status) {
        0 => Ok(()),
        code => Err(PassThrough(code).into()),
    }
}

#[cfg(unix)]
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> u8 {
    status.code().map_or(1, |code| u8::try_from(code).unwrap_or(1))
}

/// The signals that are handed on to the command. What comes from the terminal (Ctrl-C) the command gets by itself.
#[cfg(unix)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on they do not end this process.
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the command, and hands the signals on.
    async fn wait(mut self, mut child: Child) -> Result<ExitStatus> {
        use std::io::IsTerminal as _;

        let pid = libc::pid_t::try_from(child.id()).context("the command has a process id")?;
        let ended = tokio::task::spawn_blocking(move || child.wait());
        tokio::pin!(ended);
        loop {
            let got = tokio::select! {
                status = &mut ended => return Ok(status??),
                _ = self.interrupt.recv() => (!std::io::stdin().is_terminal()).then_some(libc::SIGINT),
                _ = self.terminate.recv() => Some(libc::SIGTERM),
                _ = self.hang_up.recv() => Some(libc::SIGHUP),
            };
            if let Some(signal) = got {
                // SAFETY: it takes two numbers and touches no memory of ours. The child is waited for, so the number is
                // its own until it has ended.
                unsafe { libc::kill(pid, signal) };
            }
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self> {
        Ok(Self)
    }

    async fn wait(self, mut child: Child) -> Result<ExitStatus> {
        Ok(tokio::task::spawn_blocking(move || child.wait()).await??)
    }
}
