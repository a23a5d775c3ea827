//! Rules for fragments that never see one.

use std::collections::BTreeSet;

use rfw_compiler::Body;
use rfw_nft::Family;
use rfw_nft::predicate::{Field, Item};

use crate::conditions::{Conditions, Key};
use crate::model::{Model, Placed, RuleId, Table};

/// Who puts fragments together before a rule for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// What this rule needs, before any table: `NF_IP_PRI_CONNTRACK_DEFRAG` is -400, `raw` -300.
    Tracked(RuleId),
    /// The kernel, which delivers whole IPv4 packets only (`ip_local_deliver`).
    Delivered,
}

/// The rules that ask for fragments where there are none.
pub(crate) fn dead(model: &Model) -> Vec<(RuleId, Whole)> {
    let asks = |placed: &Placed| placed.asks_for_fragments();
    let mut found: Vec<RuleId> = model.rules().filter(|(_, p)| asks(p)).map(|(id, _)| id).collect();
    if found.is_empty() {
        return Vec::new();
    }
    if let Some((by, _)) = model.rules().find(|(_, placed)| reassembles(placed)) {
        return found.into_iter().map(|id| (id, Whole::Tracked(by))).collect();
    }
    let local: Vec<BTreeSet<usize>> = model.tables.iter().map(only_input).collect();
    found.retain(|id| model.family == Family::Ipv4 && local[id.table].contains(&id.chain));
    found.into_iter().map(|id| (id, Whole::Delivered)).collect()
}

/// The chains of a table that INPUT leads to and no other base chain.
fn only_input(table: &Table) -> BTreeSet<usize> {
    let from = |input: bool| {
        let base = |at: &usize| {
            let chain = &table.chains[*at];
            chain.policy.is_some() && (chain.name == b"INPUT") == input
        };
        let mut open: Vec<usize> = (0..table.chains.len()).filter(base).collect();
        let mut seen = BTreeSet::new();
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                let rules = table.chains.get(at).into_iter().flat_map(|chain| &chain.rules);
                open.extend(rules.filter_map(|rule| table.position(rule.mentions.as_deref()?)));
            }
        }
        seen
    };
    let others = from(false);
    from(true).into_iter().filter(|at| !others.contains(at)).collect()
}

impl Placed {
    /// Whether it is about fragments only.
    fn asks_for_fragments(&self) -> bool {
        let header = matches!(&self.body, Some(Body::Rule(rule)) if rule.selector.fragment == Some(false));
        header || self.fragment_match().is_some()
    }

    /// The name of the match that it asks for fragments with, if that is a match.
    pub(crate) fn fragment_match(&self) -> Option<&str> {
        let Some(Body::Rule(rule)) = &self.body else { return None };
        rule.matches.iter().find(|part| part.facts().fragments).map(|part| part.name())
    }
}

/// Whether a rule has the kernel put fragments together.
fn reassembles(placed: &Placed) -> bool {
    placed.facts().any(|facts| facts.reassembles) || tracks(&placed.conditions)
}

/// Whether a rule needs connection tracking, by what it comes to in the kernel: for rules without an iptables form.
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
