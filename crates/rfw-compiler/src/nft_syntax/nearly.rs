//! Rules that nft can only nearly write.

use rfw_extensions::{Approximation, Encoding};
use rfw_nft::predicate::raise;
use rfw_nft::{Expr, Family};

use super::Writer;
use crate::ir::{Rule, RuleTarget};
use crate::lower::{Part, lower};

/// A rule in nft's syntax that does nearly the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearly {
    /// Sets that it needs: name, and what stands in braces behind `add set FAMILY TABLE NAME`.
    pub sets: Vec<(String, String)>,
    /// What stands behind `add rule FAMILY TABLE CHAIN`; without the rule's comment.
    pub text: String,
    /// What it does otherwise: clauses.
    pub differs: Vec<&'static str>,
}

/// The approximation of a rule with parts that stay xt. `None` if one of them has none, if another part of the rule has no
/// nft form, or if nothing stays xt.
#[must_use]
pub fn nearly(rule: &Rule, family: Family, counters: (u64, u64)) -> Option<Nearly> {
    let mut parts = crate::kept(rule, Encoding::Native, family).into_iter();
    let lowered = lower(rule, Encoding::Native, family, counters);
    let mut made = Nearly { sets: Vec::new(), text: String::new(), differs: Vec::new() };
    let mut writer = Writer { family, words: Vec::new(), protocol: None, pending: None };
    for stretch in lowered.exprs.split_inclusive(is_xt) {
        let (xt, exprs) = stretch
            .split_last()
            .filter(|(last, _)| is_xt(last))
            .map_or((false, stretch), |(_, rest)| (true, rest));
        for raised in raise(exprs) {
            writer.item(&raised).ok()?;
        }
        if xt {
            let near = approximation(rule, parts.next()?.part, family)?;
            made.sets.extend(near.sets);
            made.differs.extend(near.differs);
            writer.push(near.statement);
        }
    }
    writer.flush();
    made.text = writer.words.join(" ");
    (!made.differs.is_empty()).then_some(made)
}

fn is_xt(expr: &Expr) -> bool {
    matches!(expr, Expr::Match { .. } | Expr::Target { .. })
}

fn approximation(rule: &Rule, part: Part, family: Family) -> Option<Approximation> {
    match (part, &rule.target) {
        (Part::Match(index), _) => rule.matches.get(index)?.approximate(family),
        (Part::Target, RuleTarget::Extension(target)) => target.approximate(family),
        _ => None,
    }
}
