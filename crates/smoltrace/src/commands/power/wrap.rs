//! `smoltrace power --wrap -- COMMAND`: runs a command as if it were called itself, and tells what it used.

use std::{
    ffi::OsString,
    io::{ErrorKind, Write},
    process::{Child, Command, ExitStatus},
};

use anyhow::{Context, Error, Result};

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
    let child = match Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => {
            let code = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
            exit::report(&Error::from(error).context(format!("cannot run {}", program.to_string_lossy())));
            return Err(PassThrough(code).into());
        }
    };
    let status = wait(child).await?;
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

/// Waits for the command, and hands on the signals that this process gets. What comes from the terminal (Ctrl-C) the
/// command gets by itself.
#[cfg(unix)]
async fn wait(mut child: Child) -> Result<ExitStatus> {
    use std::io::IsTerminal;

    use tokio::signal::unix::{SignalKind, signal};

    let pid = libc::pid_t::try_from(child.id()).context("the command has a process id")?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let ended = tokio::task::spawn_blocking(move || child.wait());
    tokio::pin!(ended);
    loop {
        let got = tokio::select! {
            status = &mut ended => return Ok(status??),
            _ = interrupt.recv() => (!std::io::stdin().is_terminal()).then_some(libc::SIGINT),
            _ = terminate.recv() => Some(libc::SIGTERM),
            _ = hang_up.recv() => Some(libc::SIGHUP),
        };
        if let Some(signal) = got {
            // SAFETY: it takes two numbers and touches no memory of ours. The child is waited for, so the number is
            // its own until it has ended.
            unsafe { libc::kill(pid, signal) };
        }
    }
}

#[cfg(not(unix))]
async fn wait(mut child: Child) -> Result<ExitStatus> {
    Ok(tokio::task::spawn_blocking(move || child.wait()).await??)
}
