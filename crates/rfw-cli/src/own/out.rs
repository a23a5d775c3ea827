//! Standard output of rfw's own commands.

use std::io::{self, Write};

/// The exit status where something cannot be written.
pub const UNWRITTEN: u8 = 3;

/// Writes all of it. A reader that has seen enough is no failure.
///
/// # Errors
/// The status to exit with; the reason was said.
pub fn put(command: &str, bytes: &[u8]) -> Result<(), u8> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "rfw {command}: standard output: {error}");
            Err(UNWRITTEN)
        }
        _ => Ok(()),
    }
}
