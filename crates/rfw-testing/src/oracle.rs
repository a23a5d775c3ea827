//! The installed tools, run and asked; what of a kernel's answer is comparable.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

/// Runs a tool with text on its standard input.
///
/// # Errors
/// If it can't be started.
pub fn run<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: &[A], input: &[u8]) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // A tool that stops early closes the pipe; its status says why.
        let _ = pipe.write_all(input);
    }
    child.wait_with_output()
}

/// How many bytes of an xt payload userspace owns, where a kernel-private tail follows (encoding.md 1.4).
#[must_use]
pub fn user_size(name: &[u8], target: bool, len: usize) -> usize {
    let size = match (name, target) {
        (b"CT", true) => 64,
        (b"IDLETIMER", true) => 40,
        (b"LED" | b"TEE", true) => 32,
        (b"RATEEST", true) | (b"connlimit", false) => 24,
        (b"bpf" | b"cgroup", false) => 520,
        (b"hashlimit", false) => 304,
        (b"nfacct", false) => 32,
        (b"quota", false) => 16,
        (b"rateest", false) => 56,
        (b"statistic", false) => 12,
        (b"string", false) => 152,
        (b"DNPT" | b"SNPT", true) => 34,
        _ => len,
    };
    size.min(len)
}
