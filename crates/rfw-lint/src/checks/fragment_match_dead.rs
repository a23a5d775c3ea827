//! `-f` where packets are never fragments.
//!
//! **Why.** As soon as a rule asks for the state of a connection or translates an address, connection tracking is active,
//! and it puts fragments together before any table sees them, `raw` too. `-f` matches the second and later fragments of a
//! packet: there are none.
//!
//! **Packet.** The second fragment of an echo request of 4000 bytes: the rules see the whole request instead.
//!
//! Bad:
//! ```text
//! -A INPUT -f -j DROP
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! Good:
//! ```text
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! ```
//! **Suppress.** Where the rule is kept for a kernel without connection tracking.

use rfw_compiler::Body;
use rfw_diagnostics::{Diagnostic, FixSafety, Severity, codes};
use rfw_nft::predicate::{Field, Item};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{Conditions, Key};

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let mut fragments = cx.model.rules().filter(|(_, placed)| match &placed.body {
        Some(Body::Rule(rule)) => rule.selector.fragment == Some(false),
        _ => false,
    });
    let Some(first) = fragments.next() else { return };
    let Some((id, _)) = cx.model.rules().find(|(_, placed)| tracks(&placed.conditions)) else { return };
    for (at, placed) in std::iter::once(first).chain(fragments) {
        let mut found = Diagnostic::new(
            codes::FRAGMENT_MATCH_DEAD,
            Severity::Warn,
            placed.span,
            "`-f` never matches: packets are reassembled before iptables sees them",
        )
        .help(format!("connection tracking, which {} needs, reassembles before table raw", cx.lines(&[id])));
        if let Some(line) = cx.whole_line(placed.span) {
            found = found.fix(line, "", FixSafety::Unsafe);
        }
        out.push(Finding::about(found, cx.model, at));
    }
}

/// Whether a rule needs connection tracking.
fn tracks(asked: &Conditions) -> bool {
    let of_connection = |key: &Key| match key {
        Key::State | Key::Status | Key::ConnectionMark => true,
        Key::Other(field) => matches!(field.value().field, Field::Ct { .. }),
        _ => false,
    };
    let item = |item: &Item| match item {
        Item::Test { value, .. } => matches!(value.field, Field::Ct { .. }),
        Item::In { values, .. } => values.iter().any(|value| matches!(value.field, Field::Ct { .. })),
        Item::Nat { .. } | Item::Masq { .. } | Item::Redir { .. } => true,
        _ => false,
    };
    asked.sets().any(|(key, _)| of_connection(key))
        || asked.masked().iter().any(|masked| of_connection(&masked.key))
        || asked.opaque().any(|(opaque, _)| item(opaque))
        || asked.effects().iter().any(item)
}
