//! A ruleset is built by many commands, each of which is applied on its own.
//!
//! **Why.** While the commands run, packets meet half a ruleset, and another program (Docker, fail2ban, a second copy of the
//! script) may change it in between. iptables-legacy also fails at once when the other holds the lock, unless `-w` makes it
//! wait. A restore file is one transaction: all of it or nothing, without a moment in between.
//!
//! **Packet.** Any that arrives between two commands.
//!
//! Bad:
//! ```text
//! -F
//! -A INPUT -p tcp --dport 22 -j ACCEPT
//! -A INPUT -p tcp --dport 80 -j ACCEPT
//! ```
//! Good:
//! ```text
//! -w 5 -F
//! -w 5 -A INPUT -p tcp --dport 22 -j ACCEPT
//! -w 5 -A INPUT -p tcp --dport 80 -j ACCEPT
//! ```
//! **Suppress.** Where nothing else touches the rules and traffic starts later.

use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, Severity, Span, codes};

use crate::Finding;
use crate::checks::Cx;
use crate::commands::Step;
use crate::facts::Target;

/// More commands than that are better said in a restore file, whether they wait or not.
const MANY: usize = 20;

/// One finding for a text.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let steps = &cx.model.steps;
    // nf_tables needs no lock, so there is nothing to wait for.
    let nft = cx.facts.target == Some(Target::Nft);
    let hasty: Vec<&Step> = steps.iter().filter(|step| !step.waits && !nft).collect();
    let Some(first) = hasty.first().copied().or(steps.first()) else { return };
    if steps.len() < 2 || hasty.is_empty() && steps.len() <= MANY {
        return;
    }
    let message = match steps.len() {
        many if many > MANY => format!("{many} commands, each applied on its own: packets meet half a ruleset in between"),
        _ => "each command is applied on its own; another program can hold the lock in between".to_owned(),
    };
    let mut diagnostic = Diagnostic::new(codes::NON_ATOMIC_SCRIPT, Severity::Info, first.span, message)
        .help("use rfw-restore (one transaction) or at least `-w`");
    let places: Option<Vec<Span>> = hasty.iter().map(|step| literal_start(cx, step)).collect();
    if let Some(mut places) = places.filter(|p| !p.is_empty()) {
        places.sort_unstable();
        places.dedup();
        let edits = places.into_iter().map(|span| Edit { span, replacement: "-w 5 ".to_owned() }).collect();
        diagnostic.fix = Some(Fix { edits, safety: FixSafety::Safe });
    }
    out.push(Finding::new(diagnostic));
}

/// The place before the first argument, if that stands in the text as it is.
fn literal_start(cx: &Cx<'_>, step: &Step) -> Option<Span> {
    let at = step.span.start;
    let stands = cx.source.text.get(at as usize) == Some(&b'-');
    stands.then_some(Span { start: at, end: at })
}
