//! `-j` or `-g` names something that is neither a target nor a chain of the table.
//!
//! **Why.** `ALLOW`, `DENY` and `drop` are words of other firewalls. iptables-nft answers that a chain of that name does not
//! exist, iptables-legacy that it could not load a target; neither says which word was meant.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ALLOW
//! ```
//! Good:
//! ```text
//! -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where a target comes from an extension that rfw does not have.

use rfw_diagnostics::{Classic, Diagnostic, codes};

use crate::Finding;
use crate::checks::Cx;

/// The compiler finds it; here it is said how iptables words it, for those who searched for that.
#[expect(clippy::ptr_arg, reason = "all checks have this signature")]
pub(crate) fn run(_: &Cx<'_>, out: &mut Vec<Finding>) {
    for finding in out.iter_mut().filter(|f| f.diagnostic.code == codes::UNKNOWN_TARGET) {
        let Diagnostic { help: Some(help), classic: Some(Classic::Parameter(text)), .. } = &mut finding.diagnostic else {
            continue;
        };
        let words = format!(" iptables-nft words this as \"{}\", legacy as \"Couldn't load target\"", text.trim());
        help.push_str(&words);
    }
}
