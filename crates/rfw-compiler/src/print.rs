//! Rules as iptables-save and `-S` print them.

use rfw_extensions::Printer;

use crate::foreign;
use crate::ir::{Body, Rule, RuleTarget, Stored};

/// ` -s … -m … -j …`: everything after `-A CHAIN`. With `counters`, ` -c P B` stands before the target (`-S -v`).
pub fn print_rule(rule: &Rule, counters: Option<(u64, u64)>, out: &mut Printer<'_>) {
    out.protocol = rule.selector.protocol_pair().filter(|p| !p.1).map(|p| p.0);
    rule.selector.print(out);
    for part in &rule.matches {
        out.text(" -m ");
        out.text(part.name());
        part.print(out);
    }
    if let Some((packets, bytes)) = counters {
        out.fmt(format_args!(" -c {packets} {bytes}"));
    }
    match &rule.target {
        RuleTarget::Nothing => {}
        RuleTarget::Goto(chain) => {
            out.text(" -g ");
            out.name(chain);
        }
        other => {
            out.text(" -j ");
            out.name(other.name());
        }
    }
    if let RuleTarget::Extension(target) = &rule.target {
        target.print(out);
    }
}

/// A line `-A CHAIN …` without its newline. A foreign rule is a comment that [`foreign::parse`] reads back.
pub fn print_stored(chain: &[u8], stored: &Stored, counters: Option<(u64, u64)>, out: &mut Printer<'_>) {
    match &stored.body {
        Body::Rule(rule) => {
            out.text("-A ");
            out.name(chain);
            print_rule(rule, counters, out);
        }
        Body::Foreign(exprs) => foreign::print(chain, exprs, &stored.userdata, out.out),
    }
}
