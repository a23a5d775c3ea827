//! The programs whose commands are followed.

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// iptables and its other names; whether it is for IPv6.
    Tables(bool),
    /// iptables-restore and its other names.
    Restore(bool),
    /// iptables-save and its other names.
    Save,
    Ipset,
    Modprobe,
    Sysctl,
}

/// The last part of a path.
pub(crate) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or_default()
}

/// The program that a word names, with or without a path.
pub(crate) fn named(path: &[u8]) -> Option<Program> {
    let name = base(path);
    match name {
        b"ipset" => return Some(Program::Ipset),
        b"modprobe" | b"insmod" => return Some(Program::Modprobe),
        b"sysctl" => return Some(Program::Sysctl),
        _ => {}
    }
    let families: [(&[u8], bool); 4] =
        [(b"iptables", false), (b"ip6tables", true), (b"rfw6", true), (b"rfw", false)];
    let (rest, six) = families.iter().find_map(|(start, six)| Some((name.strip_prefix(*start)?, *six)))?;
    let rest = rest.strip_prefix(b"-nft").or_else(|| rest.strip_prefix(b"-legacy")).unwrap_or(rest);
    match rest {
        b"" => Some(Program::Tables(six)),
        b"-restore" => Some(Program::Restore(six)),
        b"-save" => Some(Program::Save),
        _ => None,
    }
}

/// Whether a word runs another command with more rights or other settings, and is otherwise of no account.
pub(crate) fn is_wrapper(word: &[u8]) -> bool {
    matches!(
        base(word),
        b"sudo" | b"doas" | b"nice" | b"nohup" | b"exec" | b"command" | b"builtin" | b"env" | b"time"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expected) in [
            ("iptables", Some(Program::Tables(false))),
            ("/usr/sbin/ip6tables-legacy", Some(Program::Tables(true))),
            ("rfw6", Some(Program::Tables(true))),
            ("iptables-nft-restore", Some(Program::Restore(false))),
            ("/sbin/ip6tables-save", Some(Program::Save)),
            ("iptables.sh", None),
            ("iptables-apply", None),
            ("ipset", Some(Program::Ipset)),
        ] {
            assert_eq!(named(name.as_bytes()), expected, "{name}");
        }
    }
}
