//! Bytes of the kernel: expressions, messages, user data.

use rfw_compiler::{Body, ListOptions, Stored, foreign, lift, list_rule, print_stored};
use rfw_extensions::Printer;
use rfw_nft::attr::Writer;
use rfw_nft::message::{Chain, Messages, NetlinkError, RawRule, Table, expr_at_offset, userdata};
use rfw_nft::{Expr, Family, Listing, decode_list, encode_list, predicate};
use rfw_syntax::Mode;

use super::{FAMILIES, NoNames, plain};
use crate::fixture::Place;
use crate::laws::broken;

/// The first byte chooses: remainder by three 0 is a length byte, user data of that length and a list of expressions; 1 is
/// a buffer of netlink messages; 2 is user data.
///
/// # Panics
/// If what decodes is something else after another round, or a rule that was lifted breaks the laws.
pub fn decode(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 3 {
        0 => {
            let Some((len, rest)) = rest.split_first() else { return };
            let (tlvs, list) = rest.split_at(usize::from(*len).min(rest.len()));
            expressions(list, tlvs);
        }
        1 => messages(rest),
        _ => notes(rest),
    }
}

fn encoded(exprs: &[Expr]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_list(exprs, &mut Writer::new(&mut bytes));
    bytes
}

fn expressions(list: &[u8], tlvs: &[u8]) {
    let Ok(exprs) = decode_list(list) else { return };
    let bytes = encoded(&exprs);
    let again = decode_list(&bytes).expect("what was encoded decodes");
    assert_eq!(again, exprs, "second round");
    assert_eq!(encoded(&again), bytes, "second round, bytes");
    let _ = Listing(&exprs).to_string();
    for raised in predicate::raise(&exprs) {
        assert!(raised.exprs.end <= exprs.len() && raised.exprs.start < raised.exprs.end, "{raised:?}");
    }
    for family in FAMILIES {
        lifted(&exprs, tlvs, family);
    }
}

fn lifted(exprs: &[Expr], tlvs: &[u8], family: Family) {
    let (body, counters) = lift(exprs, tlvs, family, &NoNames);
    let stored = Stored { body, counters, handle: 1, userdata: tlvs.to_vec() };
    let mut text = Vec::new();
    for numeric in [false, true] {
        let mut out = Printer { numeric, ..Printer::new(&mut text, family, &NoNames) };
        let options = ListOptions { verbose: true, numeric, exact: !numeric, line_numbers: true };
        list_rule(&stored, 1, options, &mut out);
    }
    text.clear();
    let mut out = Printer::new(&mut text, family, &NoNames);
    print_stored(b"X", &stored, Some(counters), &mut out);
    match &stored.body {
        Body::Foreign(kept) => {
            let back = foreign::parse(&text).expect("our own line");
            assert_eq!((back.exprs.as_slice(), back.userdata.as_slice()), (kept.as_slice(), tlvs));
        }
        Body::Rule(rule) => {
            let chain = rule.target.chain().unwrap_or_default();
            if rule.target.chain().is_some_and(|c| !plain(c)) {
                return;
            }
            let (table, mode) = ("mangle", Mode::Restore);
            let chains = [(table.to_owned(), chain.to_vec())];
            let place = Place { family, table, chains: &chains, names: &NoNames, mode };
            let faults = broken(rule, b"X", &place);
            assert!(faults.is_empty(), "{}from\n{}", faults.join("\n"), Listing(exprs));
        }
    }
}

fn messages(buffer: &[u8]) {
    for message in Messages::new(buffer).flatten() {
        let _ = (Table::decode(&message), Chain::decode(&message), message.generation());
        let _ = NetlinkError::decode(&message);
        for offset in [0, 20, 40, 80, u32::MAX] {
            let _ = expr_at_offset(message.bytes, offset);
        }
        if let Ok(raw) = RawRule::decode(&message) {
            let _ = raw.to_rule();
            expressions(raw.exprs, raw.userdata);
        }
    }
}

fn notes(tlvs: &[u8]) {
    let mut again = Vec::new();
    let mut fits = true;
    for (kind, value) in userdata::entries(tlvs) {
        fits &= userdata::push(&mut again, kind, value).is_ok();
    }
    if fits {
        assert!(tlvs.starts_with(&again));
    }
    let _ = userdata::comment(tlvs);
    let exprs = [Expr::Counter { packets: 1, bytes: 2 }];
    for family in FAMILIES {
        lifted(&exprs, tlvs, family);
    }
}
