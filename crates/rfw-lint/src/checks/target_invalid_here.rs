//! A target or match stands in a table or chain where the kernel does not take it.
//!
//! **Why.** DNAT belongs into PREROUTING and OUTPUT of nat, MASQUERADE into POSTROUTING, `-m owner` where packets leave; a TCP
//! reset answers TCP only. The kernel checks every built-in chain that leads to the rule, through chains of your own too,
//! and answers just `Invalid argument`.
//!
//! **Packet.** None: the rule is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! *filter
//! -A INPUT -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.5:80
//! COMMIT
//! ```
//! Good:
//! ```text
//! *nat
//! -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.5:80
//! COMMIT
//! ```
//! **Suppress.** Never needed.

use rfw_compiler::{Body, Rule, RuleTarget, TableSpec};
use rfw_diagnostics::{Diagnostic, Span, codes};
use rfw_extensions::Facts;

use crate::Finding;
use crate::checks::Cx;
use crate::model::{Placed, Table};

/// One finding per rule.
pub(crate) fn run(cx: &Cx<'_>, out: &mut Vec<Finding>) {
    let hooks: Vec<Vec<u8>> = cx.model.tables.iter().map(hooks).collect();
    // The rules that one line makes are one finding.
    let mut last = None;
    for (id, placed) in cx.model.rules() {
        let Some(Body::Rule(rule)) = &placed.body else { continue };
        let reached = hooks.get(id.table).and_then(|t| t.get(id.chain)).copied().unwrap_or(0);
        let table = cx.model.tables[id.table].name;
        let fault = parts(rule, placed).find_map(|part| part.fault(rule, table, reached));
        let Some((span, message)) = fault else { continue };
        if last.replace(placed.span) == Some(placed.span) {
            continue;
        }
        let diagnostic = Diagnostic::error(codes::TARGET_INVALID_HERE, span, message)
            .help("the kernel answers just `Invalid argument`, and nothing of the file is loaded");
        out.push(Finding::about(diagnostic, cx.model, id));
    }
}

/// A match or target, and what it says of itself.
struct Part<'p> {
    name: String,
    facts: Facts<'p>,
    span: Span,
}

fn parts<'p>(rule: &'p Rule, placed: &'p Placed) -> impl Iterator<Item = Part<'p>> {
    let spans = placed.match_spans.iter().copied().chain(std::iter::repeat(placed.span));
    let matches = rule.matches.iter().zip(spans).map(|(part, span)| Part {
        name: format!("-m {}", part.name()),
        facts: part.facts(),
        span,
    });
    let target = match &rule.target {
        RuleTarget::Extension(target) => Some(Part {
            name: target.name().to_owned(),
            facts: target.facts(),
            span: placed.target_span.unwrap_or(placed.span),
        }),
        _ => None,
    };
    matches.chain(target)
}

impl Part<'_> {
    /// What is wrong with it in a table, behind these hooks.
    fn fault(&self, rule: &Rule, table: &str, reached: u8) -> Option<(Span, String)> {
        let Self { name, facts, span } = self;
        let wrong_hook = facts.hooks != 0 && reached & !facts.hooks != 0;
        if !facts.tables.is_empty() && !facts.tables.contains(&table) {
            let tables = facts.tables.join(" or ");
            let chains = match (facts.hooks, facts.tables) {
                (0, _) => String::new(),
                (allowed, [only, ..]) => format!(", {}", chain_names(only, allowed)),
                (_, []) => String::new(),
            };
            return Some((*span, format!("{name} is only valid in table {tables}{chains}")));
        }
        if wrong_hook {
            return Some((
                *span,
                format!(
                    "{name} is only valid in {}, and {} leads here",
                    chain_names(table, facts.hooks),
                    chain_names(table, reached & !facts.hooks).replacen("chains ", "", 1)
                ),
            ));
        }
        let wanted = facts.protocol?;
        let have = rule.selector.protocol_pair();
        (have != Some((wanted, false))).then(|| {
            let protocol = if wanted == 6 { "tcp".to_owned() } else { wanted.to_string() };
            (*span, format!("{name} needs `-p {protocol}` here"))
        })
    }
}

/// `chains PREROUTING and OUTPUT`.
fn chain_names(table: &str, hooks: u8) -> String {
    let spec = TableSpec::named(table.as_bytes());
    let chains = spec.map(|spec| spec.chains).unwrap_or_default();
    let names: Vec<&str> = chains.iter().filter(|c| hooks & 1 << c.hook != 0).map(|c| c.name).collect();
    match names.as_slice() {
        [one] => format!("chain {one}"),
        [first @ .., last] => format!("chains {} and {last}", first.join(", ")),
        [] => "other tables".to_owned(),
    }
}

/// For each chain the hooks that lead to it.
fn hooks(table: &Table) -> Vec<u8> {
    let mut reached = vec![0u8; table.chains.len()];
    let spec = TableSpec::named(table.name.as_bytes());
    let mut open = Vec::new();
    for (at, chain) in table.chains.iter().enumerate().filter(|(_, c)| c.policy.is_some()) {
        if let Some(base) = spec.and_then(|spec| spec.chain(&chain.name)) {
            open.push((at, 1u8 << base.hook));
        }
    }
    while let Some((at, hook)) = open.pop() {
        if reached[at] & hook == hook {
            continue;
        }
        reached[at] |= hook;
        let called = table.chains[at].rules.iter().filter_map(|r| table.position(r.mentions.as_deref()?));
        open.extend(called.map(|to| (to, hook)));
    }
    reached
}
