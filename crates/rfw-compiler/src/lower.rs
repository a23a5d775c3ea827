//! Typed rules to expressions.

use rfw_extensions::lowering::Hint;
use rfw_extensions::{Encoding, Lowering, Match};
use rfw_nft::message::Compat;
use rfw_nft::message::userdata;
use rfw_nft::{Expr, Family, Verdict};

use crate::ir::{Rule, RuleTarget};

/// Userdata TLV with spellings: pairs of expression index and code. Types from 0x80 are private (encoding.md 0.6).
pub const TLV_HINTS: u8 = 0x80;
/// Userdata TLV with the index of the expression before which the comment stands.
pub const TLV_COMMENT_AT: u8 = 0x81;
/// Userdata TLV with how a list was written: the index of an expression, and bytes that its extension reads.
pub const TLV_SPELLING: u8 = 0x82;
/// `NFT_RULE_COMPAT_F_INV`.
const COMPAT_INVERTED: u32 = 2;

/// A rule as the kernel gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// The expressions, counter included.
    pub exprs: Vec<Expr>,
    /// TLVs; empty in the compat encoding.
    pub userdata: Vec<u8>,
    /// The protocol, which xt extensions check.
    pub compat: Compat,
}

impl Lowered {
    /// The first xt match or target, which needs nft_compat.
    #[must_use]
    pub fn first_xt(&self) -> Option<&[u8]> {
        self.exprs.iter().find_map(|e| match e {
            Expr::Match { name, .. } | Expr::Target { name, .. } => Some(name.as_slice()),
            _ => None,
        })
    }
}

/// What a native rule becomes where it asks whether something is in a list: `-m multiport --dports 22,80` for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// A look into an anonymous set.
    Set,
    /// The match that iptables writes, which lifts to the same typed form.
    Xt,
}

/// Lowers a rule with the given counters, its lists to sets.
#[must_use]
pub fn lower(rule: &Rule, encoding: Encoding, family: Family, counters: (u64, u64)) -> Lowered {
    lower_lists(rule, encoding, ListForm::Set, family, counters)
}

/// Lowers a rule with the given counters.
#[must_use]
pub fn lower_lists(
    rule: &Rule,
    encoding: Encoding,
    lists: ListForm,
    family: Family,
    counters: (u64, u64),
) -> Lowered {
    lower_in_buffer(Vec::with_capacity(12), rule, encoding, lists, family, counters)
}

/// The same, with a buffer of the caller's for the expressions, whose contents go.
#[must_use]
pub fn lower_in_buffer(
    exprs: Vec<Expr>,
    rule: &Rule,
    encoding: Encoding,
    lists: ListForm,
    family: Family,
    counters: (u64, u64),
) -> Lowered {
    let protocol = rule.selector.protocol_pair();
    let mut out = Lowering::in_buffer(exprs, encoding, family, protocol);
    rule.selector.lower(&mut out);
    for part in &rule.matches {
        lower_match(part, lists, &mut out);
    }
    out.push(Expr::Counter { packets: counters.0, bytes: counters.1 });
    match &rule.target {
        RuleTarget::Nothing => {}
        RuleTarget::Accept => out.push(Expr::Verdict(Verdict::Accept)),
        RuleTarget::Drop => out.push(Expr::Verdict(Verdict::Drop)),
        RuleTarget::Return => out.push(Expr::Verdict(Verdict::Return)),
        RuleTarget::Jump(chain) => out.push(Expr::Verdict(Verdict::Jump(chain.clone()))),
        RuleTarget::Goto(chain) => out.push(Expr::Verdict(Verdict::Goto(chain.clone()))),
        RuleTarget::Extension(target) => target.lower(&mut out),
    }
    let (proto, inverted) = protocol.unwrap_or((0, false));
    let compat = Compat { proto: u32::from(proto), flags: if inverted { COMPAT_INVERTED } else { 0 } };
    let userdata = notes(&out);
    Lowered { exprs: out.exprs, userdata, compat }
}

/// Whether an expression looks into a set that comes with its rule.
fn is_list(expr: &Expr) -> bool {
    matches!(expr, Expr::Lookup { members: Some(_), .. })
}

/// Only matches have lists: the selector's become rules, and no target looks for anything.
fn lower_match(part: &Match, lists: ListForm, out: &mut Lowering) {
    let (exprs, hints, spellings) = (out.exprs.len(), out.hints.len(), out.spellings.len());
    part.lower(out);
    if lists == ListForm::Set || !out.exprs.iter().skip(exprs).any(is_list) {
        return;
    }
    out.exprs.truncate(exprs);
    out.hints.truncate(hints);
    out.spellings.truncate(spellings);
    let encoding = std::mem::replace(&mut out.encoding, Encoding::Compat);
    part.lower(out);
    out.encoding = encoding;
}

/// A part of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `-s -d -i -o -p -f`.
    Selector,
    /// The match at an index.
    Match(usize),
    /// What stands after `-j` or `-g`.
    Target,
}

/// The part of a rule that an expression of its lowered form belongs to; `None` for the counter.
#[must_use]
pub fn part_of(
    rule: &Rule,
    encoding: Encoding,
    lists: ListForm,
    family: Family,
    expr: usize,
) -> Option<Part> {
    let mut out = Lowering::new(encoding, family, rule.selector.protocol_pair());
    rule.selector.lower(&mut out);
    if expr < out.exprs.len() {
        return Some(Part::Selector);
    }
    for (index, part) in rule.matches.iter().enumerate() {
        lower_match(part, lists, &mut out);
        if expr < out.exprs.len() {
            return Some(Part::Match(index));
        }
    }
    (expr > out.exprs.len()).then_some(Part::Target)
}

/// The notes of a rule. A comment is bounded so that they always fit: see `comment.rs`, and 2 bytes per hint.
fn notes(out: &Lowering) -> Vec<u8> {
    let mut tlvs = Vec::new();
    if let Some((at, text)) = &out.comment {
        // Too long can't happen: the comment's own bound is 160 of 256 bytes.
        let fits = userdata::push_comment(&mut tlvs, text).is_ok();
        debug_assert!(fits);
        let _ = userdata::push(&mut tlvs, TLV_COMMENT_AT, &[*at]);
    }
    if !out.hints.is_empty() {
        let pairs: Vec<u8> = out.hints.iter().flat_map(|h| [h.expr, h.code]).collect();
        let _ = userdata::push(&mut tlvs, TLV_HINTS, &pairs);
    }
    for (expr, bytes) in &out.spellings {
        let value: Vec<u8> = std::iter::once(*expr).chain(bytes.iter().copied()).collect();
        let _ = userdata::push(&mut tlvs, TLV_SPELLING, &value);
    }
    tlvs
}

/// The spelled lists of a rule's userdata.
#[must_use]
pub fn spellings(tlvs: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let spelled = userdata::entries(tlvs).filter(|(kind, _)| *kind == TLV_SPELLING);
    spelled.filter_map(|(_, value)| Some((*value.first()?, value[1..].to_vec()))).collect()
}

/// The hints of a rule's userdata.
#[must_use]
pub fn hints(tlvs: &[u8]) -> Vec<Hint> {
    let Some(pairs) = userdata::find(tlvs, TLV_HINTS) else { return Vec::new() };
    pairs.as_chunks::<2>().0.iter().map(|&[expr, code]| Hint { expr, code }).collect()
}
