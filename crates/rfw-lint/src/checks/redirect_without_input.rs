//! A port is redirected to another one of this host, and INPUT drops what was redirected.
//!
//! **Why.** INPUT sees the packet after translation, with the new port. A rule for the old port never sees it.
//!
//! **Packet.** tcp from 203.0.113.7 to port 80, redirected to 8080, state NEW: dropped by INPUT.
//!
//! Bad:
//! ```text
//! *nat
//! -A PREROUTING -i eth0 -p tcp --dport 80 -j REDIRECT --to-ports 8080
//! COMMIT
//! *filter
//! :INPUT DROP [0:0]
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 80 -j ACCEPT
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :INPUT DROP [0:0]
//! -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
//! -A INPUT -p tcp --dport 8080 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** Hardly ever: all redirected packets are dropped.

use rfw_diagnostics::{Diagnostic, FixSafety, codes};
use rfw_nft::Family;

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::Key;
use crate::sets::Set;
use crate::space::{Hook, Incomplete};
use crate::translations::Translating;

/// One finding per redirection.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let loopback = match cx.model.family {
        Family::Ipv4 => Set::range(0x7f00_0000, 0x7fff_ffff),
        Family::Ipv6 => Set::one(1),
    };
    let local = |rule: &Translating<'_>| {
        rule.redirects || rule.addresses.as_ref().is_some_and(|to| to.is_within(&loopback))
    };
    for rule in cx.forwarded_ports().unwrap_or_default().into_iter().filter(local) {
        out.extend(look(cx, &rule).ok().flatten());
    }
}

fn look(cx: &Cx<'_>, rule: &Translating<'_>) -> Result<Option<Finding>, Incomplete> {
    let (space, Some((input, chain))) = (cx.space(), cx.filter(Hook::Input)) else { return Ok(None) };
    let image = cx.translated(rule, Hook::Input);
    if space.may_accept(input, image)? {
        return Ok(None);
    }
    let new = rule.ports.as_ref().and_then(Set::single);
    let carried = new.map_or(String::new(), |port| format!(" with port {port}"));
    let original = space.values(rule.packets, &Key::DestinationPort)?.single();
    let only = original.map_or(String::new(), |port| format!(" (only redirected: `-m conntrack --ctorigdstport {port}`)"));
    let opens = new.map_or("accept them there".to_owned(), |port| format!("open {port}"));
    let example = cx.example("dropped", image)?;
    let mut found = Diagnostic::error(
        codes::REDIRECT_WITHOUT_INPUT,
        rule.placed.span,
        format!("redirected packets arrive in INPUT{carried} and are dropped"),
    )
    .help(format!("{opens}{only}{example}"));
    match cx.meant(rule, image, Hook::Input)? {
        Some(meant) => {
            if let Some(placed) = cx.model.rule(meant.rule) {
                found = found.also(placed.span, "accepts what they were before");
            }
            if let Some((span, port)) = cx.port_to_rewrite(rule, &meant)? {
                found = found.fix(span, port, FixSafety::Unsafe);
            }
        }
        None => found = found.also(cx.dropping(chain), "drops them"),
    }
    Ok(Some(Finding::about(found, cx.model, rule.id).shows_at(cx, input, example.packet())))
}
