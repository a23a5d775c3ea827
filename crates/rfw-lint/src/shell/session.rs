//! Pasted shell sessions: what stands behind prompts is a command, anything else is output.

use super::programs::{Program, base, named};

/// The text with prompts and output blanked out, if it is a session.
pub(super) fn commands(text: &[u8]) -> Option<Vec<u8>> {
    if text.starts_with(b"#!") {
        return None;
    }
    let lines = || text.split_inclusive(|&b| b == b'\n');
    let prompted = lines().filter(|line| prompt(line).is_some()).count();
    let plain = lines().filter(|line| is_firewall(line)).count();
    if prompted == 0 || plain > 0 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut continued = false;
    for line in lines() {
        let keep = if continued { Some(0) } else { prompt(line) };
        let body = line.trim_ascii_end();
        continued = keep.is_some() && body.ends_with(b"\\");
        match keep {
            Some(from) => {
                out.extend(std::iter::repeat_n(b' ', from));
                out.extend_from_slice(&line[from..]);
            }
            None => out.extend(line.iter().map(|&b| if b == b'\n' { b'\n' } else { b' ' })),
        }
    }
    Some(out)
}

/// Whether a line looks as if a shell had shown it with its prompt before a command.
pub(super) fn is_prompted(line: &[u8]) -> bool {
    prompt(line).is_some()
}

/// Where the command begins behind a prompt: `$ …`, `user@host:~# …`, `# iptables …`.
fn prompt(line: &[u8]) -> Option<usize> {
    let start = line.len() - line.trim_ascii_start().len();
    let at = start + line[start..].iter().position(|b| matches!(b, b'$' | b'#' | b'>' | b'%'))?;
    let head = &line[start..at];
    let rest = line.get(at + 1..)?;
    let blank = rest.first().is_some_and(|&b| b == b' ' || b == b'\t');
    let hosts = head.contains(&b'@') || head.starts_with(b"[");
    let quiet = head.iter().all(|&b| b.is_ascii_alphanumeric() || b"@:~-_./[] ".contains(&b));
    let prompts = head.is_empty() || (hosts && quiet && head.len() < 60);
    // `#` alone begins a comment, unless what follows is a command of ours.
    let marks = line[at] == b'$' || hosts || is_firewall(rest);
    (blank && prompts && marks).then_some(at + 1)
}

/// Whether a line begins with a command that is followed.
pub(super) fn is_firewall(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).peekable();
    while words.peek().is_some_and(|w| base(w) == b"sudo") {
        words.next();
    }
    let program = words.next().and_then(named);
    let option = words.next().is_some_and(|w| w.starts_with(b"-"));
    matches!(program, Some(Program::Tables(_) | Program::Restore(_))) && option
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts() {
        let text = b"# iptables -F\n$ sudo iptables -L\nChain INPUT (policy ACCEPT)\nroot@fw:~# iptables -P INPUT DROP\n# a remark\n";
        let found = commands(text).unwrap_or_default();
        assert_eq!(found.len(), text.len());
        let lines: Vec<_> = found.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).collect();
        let expected: [&[u8]; 6] =
            [b"iptables -F", b"sudo iptables -L", b"", b"iptables -P INPUT DROP", b"", b""];
        assert_eq!(lines, expected);
        assert!(commands(b"# iptables -F would be wrong here\niptables -P INPUT DROP\n").is_none());
        assert!(commands(b"#!/bin/sh\n# iptables -F\n").is_none());
        assert!(commands(b"*filter\n# a remark\nCOMMIT\n").is_none());
    }
}
