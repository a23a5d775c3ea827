//! A port, flag or ICMP option stands in a rule for every protocol but one.
//!
//! **Why.** `! -p tcp --dport 22` does not mean "everything except tcp/22". iptables-nft makes two independent tests of it:
//! the protocol is not TCP, and the bytes where TCP has its port are 22. That is udp/22, sctp/22, or any protocol that
//! happens to have these bytes there. iptables-legacy refuses the rule.
//!
//! **Packet.** udp 203.0.113.7:40000 -> 192.0.2.10:22: dropped, and tcp/22 is not looked at.
//!
//! Bad:
//! ```text
//! -A INPUT ! -p tcp --dport 22 -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -p udp --dport 22 -j DROP
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_extensions::Registry;

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended};
use crate::written::Written;

/// Rules that iptables takes.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    let Some(protocol) = written.command.rule.protocol.as_ref().filter(|p| p.inverted) else { return };
    let transport = written.loaded().find(|loaded| {
        let entry = Registry::match_entry(loaded.id);
        entry.is_some_and(|e| !e.implied_by.is_empty()) && !loaded.uses.is_empty()
    });
    let Some(used) = transport.and_then(|loaded| loaded.uses.first()) else { return };
    let value = used.value().map(|v| format!(" {}", v.lossy())).unwrap_or_default();
    let text = format!("! -p {} --{}{value}", protocol.value.lossy(), used.option.name);
    let message = format!("`{text}` does not mean \"everything except that\"");
    out.push(
        Diagnostic::error(codes::NEGATED_PROTOCOL_WITH_PORT, protocol.span.to(used.span()), message)
            .help("iptables-nft reads these bytes of every other protocol, legacy refuses the rule: name the protocol that is meant"),
    );
}

/// Rules that it refuses.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    if broken.why.code != codes::MATCH_NEEDS_PROTOCOL {
        return None;
    }
    let at = broken.words.iter().position(|w| matches!(&*w.text, b"-p" | b"--protocol"))?;
    let bang = broken.negated_from(at);
    if bang == at {
        return None;
    }
    let protocol = broken.words.get(at + 1)?;
    let span = broken.words[bang].span.to(protocol.span);
    let message = format!("`{}` looks into a header that `! -p {}` rules out or leaves open", broken.word().lossy(), protocol.lossy());
    let diagnostic = Diagnostic::error(codes::NEGATED_PROTOCOL_WITH_PORT, span, message)
        .help("name the protocol that is meant, one rule for each");
    Some(Mended::explained(diagnostic))
}
