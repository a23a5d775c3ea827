//! Which parts of a rule stay xt matches and targets, and why.

use rfw_extensions::{Encoding, Lowering};
use rfw_nft::{Expr, Family};

use crate::ir::{Rule, RuleTarget};
use crate::lower::Part;

/// A part of a rule that needs the kernel's nft_compat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The match or the target.
    pub part: Part,
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// What keeps it xt, as a clause; `None` if it is the compat encoding alone.
    pub reason: Option<&'static str>,
}

/// The parts of a rule that are xt in an encoding, in order.
#[must_use]
pub fn kept(rule: &Rule, encoding: Encoding, family: Family) -> Vec<Kept> {
    let mut found = Vec::new();
    let mut out = Lowering::new(encoding, family, rule.selector.protocol_pair());
    let mut native = Lowering::new(Encoding::Native, family, rule.selector.protocol_pair());
    for (index, part) in rule.matches.iter().enumerate() {
        let (here, natively) = (lowers(&mut out, |o| part.lower(o)), lowers(&mut native, |o| part.lower(o)));
        if here {
            let reason = part.why_xt().filter(|_| natively);
            found.push(Kept { part: Part::Match(index), name: part.name(), reason });
        }
    }
    if let RuleTarget::Extension(target) = &rule.target {
        let natively = lowers(&mut native, |o| target.lower(o));
        if lowers(&mut out, |o| target.lower(o)) {
            let reason = target.why_xt().filter(|_| natively);
            found.push(Kept { part: Part::Target, name: target.name(), reason });
        }
    }
    found
}

/// Whether an xt expression is among those that `lower` appends.
fn lowers(out: &mut Lowering, lower: impl FnOnce(&mut Lowering)) -> bool {
    let before = out.exprs.len();
    lower(out);
    let xt = |e: &Expr| matches!(e, Expr::Match { .. } | Expr::Target { .. });
    out.exprs.get(before..).unwrap_or_default().iter().any(xt)
}
