//! Signals.

/// Lets the process outlive its terminal: `SIGHUP` no longer ends it.
pub fn ignore_hangup() {
    // SAFETY: SIG_IGN installs no handler, so nothing runs in signal context; the call can only fail for a wrong number.
    unsafe {
        libc::signal(libc::SIGHUP, libc::SIG_IGN);
    }
}
