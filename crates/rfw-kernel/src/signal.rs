//! Signals.

use std::io;

fn ignore(signal: libc::c_int) {
    // SAFETY: SIG_IGN installs no handler, so nothing runs in signal context; the call can only fail for a wrong number.
    unsafe {
        libc::signal(signal, libc::SIG_IGN);
    }
}

/// Lets the process outlive its terminal: `SIGHUP` no longer ends it.
pub fn ignore_hangup() {
    ignore(libc::SIGHUP);
}

/// From now on `SIGINT`, `SIGQUIT` and `SIGTERM` no longer end the process, nor programs that it starts.
pub fn ignore_interruptions() {
    [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM].into_iter().for_each(ignore);
}

/// Sends `SIGTERM` to a child that was not waited for yet.
///
/// # Errors
/// The system's, if there is no such process.
pub fn terminate(child: &std::process::Child) -> io::Result<()> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    // SAFETY: kill touches no memory of ours; the number is that of a child whose end nobody has collected.
    let status = unsafe { libc::kill(pid, libc::SIGTERM) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
