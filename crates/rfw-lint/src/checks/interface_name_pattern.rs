//! An interface is named in a way that no interface can be.
//!
//! **Why.** The only wildcard is a `+` at the end. `*` and `?` are letters to iptables, `eth0:0` is the label of an address
//! and no interface, and the kernel allows neither blanks nor slashes nor more than 15 characters. The rule loads, and
//! never matches.
//!
//! **Packet.** tcp 203.0.113.7:40000 -> 192.0.2.10:22 in eth0, NEW: the rule for `eth*` does not see it.
//!
//! Bad:
//! ```text
//! -A INPUT -i eth* -p tcp --dport 22 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -i eth+ -p tcp --dport 22 -j ACCEPT
//! ```
//! **Suppress.** Where a device really has such a name (`ip link` allows `*` and `?`).

use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended};
use crate::written::Written;

/// Names that load.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    let rule = &written.command.rule;
    for part in [&rule.in_interface, &rule.out_interface].into_iter().flatten() {
        let name = part.value.lossy();
        let found = |help: String| {
            let message = format!("`{name}` is taken literally; no interface has that name");
            Diagnostic::new(codes::INTERFACE_NAME_PATTERN, Severity::Warn, part.value.span, message).help(help)
        };
        let bare = name.strip_suffix(['*', '?']);
        let diagnostic = match bare {
            Some(bare) if !bare.contains(['*', '?', '+']) => {
                let meant = format!("{bare}+");
                let help = format!("the wildcard is `+` at the end: `{meant}`");
                found(help).fix(part.value.span, meant, FixSafety::Unsafe)
            }
            _ if name.contains(['*', '?']) => found("the only wildcard is `+` at the end".to_owned()),
            _ if name.trim_end_matches('+').contains('+') => {
                found("`+` is a wildcard at the end only".to_owned())
            }
            _ if name.contains(':') => {
                found("alias names such as `eth0:0` never match: use `-d` with the address instead".to_owned())
            }
            _ if name.contains(['/', ' ']) => found("the kernel allows neither `/` nor blanks in names".to_owned()),
            _ => continue,
        };
        out.push(diagnostic);
    }
}

/// Names that are too long.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let option = broken.before(broken.at)?;
    let interface = matches!(&*option.text, b"-i" | b"-o" | b"--in-interface" | b"--out-interface");
    let name = broken.word();
    if broken.why.code != codes::BAD_VALUE || !interface || name.text.len() < 16 {
        return None;
    }
    let message = format!("`{}` has {} characters; a name has at most 15", name.lossy(), name.text.len());
    let diagnostic = Diagnostic::error(codes::INTERFACE_NAME_PATTERN, name.span, message)
        .help("`ip link` shows the name; a `+` at the end of its beginning matches all that begin so");
    Some(Mended::explained(diagnostic))
}
