//! The laws of the compiler, for one rule.
//!
//! 1. `build(parse(print(rule))) == rule`, and printing again changes nothing; for the rule and for its normal form.
//! 2. `lift(lower(rule))` is the normal form in both encodings, natively with sets and without, and lowering that gives the
//!    same expressions again. Where matches of one extension are neighbours they may come back as one: then a second round
//!    changes nothing.
//! 3. `decode(encode(x)) == x` for the expressions of both encodings.

use rfw_compiler::{Body, ListForm, Lowered, Rule, lift, lower_lists, normal, print_rule};
use rfw_extensions::{Encoding, Printer};
use rfw_nft::attr::Writer;
use rfw_nft::{Expr, Listing, decode_list, encode_list};

use crate::fixture::{Place, build_line};

/// Counters that must not get lost.
const COUNTERS: (u64, u64) = (3, 4);

/// `-A CHAIN …` as iptables-save prints it.
#[must_use]
pub fn printed(rule: &Rule, chain: &[u8], place: &Place<'_>) -> Vec<u8> {
    let mut text = b"-A ".to_vec();
    text.extend_from_slice(chain);
    let mut out = Printer::new(&mut text, place.family, place.names);
    print_rule(rule, None, &mut out);
    text
}

/// Whether two matches of one extension stand side by side.
#[must_use]
pub fn has_neighbours(rule: &Rule) -> bool {
    rule.matches.windows(2).any(|pair| pair[0].name() == pair[1].name())
}

/// What is wrong with a rule; nothing if the laws hold.
#[must_use]
pub fn broken(rule: &Rule, chain: &[u8], place: &Place<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let usual = normal(rule, place.family, place.names);
    faults.extend(reparsed(rule, chain, place).err().map(|e| format!("law 1: {e}")));
    if usual != *rule {
        faults.extend(reparsed(&usual, chain, place).err().map(|e| format!("law 1, normal form: {e}")));
    }
    let forms = [
        (Encoding::Compat, ListForm::Set),
        (Encoding::Native, ListForm::Set),
        (Encoding::Native, ListForm::Xt),
    ];
    for form in forms {
        faults.extend(lifted(rule, &usual, form, place).err().map(|e| format!("{form:?}: {e}")));
    }
    faults
}

fn reparsed(rule: &Rule, chain: &[u8], place: &Place<'_>) -> Result<(), String> {
    let text = printed(rule, chain, place);
    let shown = String::from_utf8_lossy(&text);
    let built = build_line(&text, place).map_err(|d| format!("`{shown}` does not build: {}", d.message))?;
    let [again] = built.rules.as_slice() else { return Err(format!("`{shown}` is not one rule")) };
    if again != rule {
        return Err(format!("`{shown}` builds another rule\n  from {rule:?}\n  to   {again:?}"));
    }
    let second = printed(again, chain, place);
    if second != text {
        return Err(format!("`{shown}` prints as `{}`", String::from_utf8_lossy(&second)));
    }
    Ok(())
}

fn lifted(
    rule: &Rule,
    usual: &Rule,
    (encoding, lists): (Encoding, ListForm),
    place: &Place<'_>,
) -> Result<(), String> {
    let lower = |rule: &Rule| lower_lists(rule, encoding, lists, place.family, COUNTERS);
    let lowered = lower(rule);
    let looks = lowered.exprs.iter().any(|expr| matches!(expr, Expr::Lookup { .. }));
    if looks && lists == ListForm::Xt {
        return Err(format!("a set that was not wanted\n{}", Listing(&lowered.exprs)));
    }
    let through = through_bytes(&lowered)?;
    let (body, counters) = lift(&through.exprs, &through.userdata, place.family, place.names);
    let Body::Rule(found) = body else {
        return Err(format!("law 2: foreign\n{}", Listing(&lowered.exprs)));
    };
    let exact = !has_neighbours(rule);
    if exact && found != *usual {
        return Err(format!("law 2: lifts to another rule\n  from {usual:?}\n  to   {found:?}"));
    }
    if counters != COUNTERS {
        return Err(format!("law 2: counters {counters:?}"));
    }
    let again = lower(&found);
    let second = lift(&again.exprs, &again.userdata, place.family, place.names).0;
    if second != Body::Rule(found.clone()) {
        return Err(format!("law 2: a second round lifts\n  from {found:?}\n  to   {second:?}"));
    }
    if exact && again != lowered {
        return Err(format!(
            "law 2: what was lifted lowers to\n{}instead of\n{}",
            Listing(&again.exprs),
            Listing(&lowered.exprs)
        ));
    }
    Ok(())
}

fn through_bytes(lowered: &Lowered) -> Result<Lowered, String> {
    let mut bytes = Vec::new();
    encode_list(&lowered.exprs, &mut Writer::new(&mut bytes));
    let mut exprs = decode_list(&bytes).map_err(|e| format!("law 3: {e}"))?;
    // The members of a set travel in messages of their own.
    for (decoded, sent) in exprs.iter_mut().zip(&lowered.exprs) {
        if let (Expr::Lookup { members, .. }, Expr::Lookup { members: of_set, .. }) = (decoded, sent) {
            members.clone_from(of_set);
        }
    }
    if exprs != lowered.exprs {
        return Err(format!("law 3: {:?}\ncomes back as\n{exprs:?}", lowered.exprs));
    }
    Ok(Lowered { exprs, ..lowered.clone() })
}
