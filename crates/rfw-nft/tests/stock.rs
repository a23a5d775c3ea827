//! Expressions against stock iptables, nft and the kernel: bytes sent, bytes dumped, listings.

use rfw_nft::attr::{Reader, Writer};
use rfw_nft::expr::BitwiseOp;
use rfw_nft::{Expr, Listing, decode_list, encode_list};

struct Rule<'a> {
    command: &'a str,
    sent: Vec<u8>,
    dump: Vec<u8>,
    listing: String,
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn rules() -> Vec<Rule<'static>> {
    let mut rules: Vec<Rule<'static>> = Vec::new();
    for line in include_str!("fixtures/expressions.txt").lines() {
        if let Some(command) = line.strip_prefix("= ") {
            rules.push(Rule { command, sent: Vec::new(), dump: Vec::new(), listing: String::new() });
        } else if let Some(rule) = rules.last_mut() {
            if let Some(hex) = line.strip_prefix("sent ") {
                rule.sent = unhex(hex);
            } else if let Some(hex) = line.strip_prefix("dump ") {
                rule.dump = unhex(hex);
            } else if !line.is_empty() {
                rule.listing.push_str(line);
                rule.listing.push('\n');
            }
        }
    }
    assert!(rules.len() > 90, "only {} rules", rules.len());
    rules
}

fn encoded(exprs: &[Expr]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_list(exprs, &mut Writer::new(&mut bytes));
    bytes
}

fn has_unknown(exprs: &[Expr]) -> bool {
    exprs.iter().any(|e| matches!(e, Expr::Unknown { .. }))
}

/// Expressions outside the model, by what follows `nft add rule ip t …`.
const UNMODELLED: [&str; 4] = ["socket mark", "jhash", "symhash", "add @s"];

#[test]
fn dumps_list_as_nft_lists_them() {
    for rule in rules() {
        let exprs = decode_list(&rule.dump).expect(rule.command);
        let expected = UNMODELLED.iter().any(|part| rule.command.contains(part));
        assert_eq!(has_unknown(&exprs), expected, "{}", rule.command);
        if !expected {
            assert_eq!(Listing(&exprs).to_string(), rule.listing, "{}", rule.command);
        }
    }
}

#[test]
fn dumps_survive_a_second_round() {
    for rule in rules() {
        let exprs = decode_list(&rule.dump).expect(rule.command);
        let again = decode_list(&encoded(&exprs)).expect(rule.command);
        assert_eq!(again, exprs, "{}", rule.command);
    }
}

#[test]
fn iptables_bytes_come_out_again() {
    for rule in rules() {
        if rule.command.starts_with("nft ") {
            continue;
        }
        let exprs = decode_list(&rule.sent).expect(rule.command);
        assert!(!has_unknown(&exprs), "{}", rule.command);
        assert_eq!(encoded(&exprs), less_zeroes(&rule.sent), "{}", rule.command);
    }
}

/// What we leave out of the bytes that iptables-nft sends: the data of a counter that begins at zero, and the NUL behind the
/// names of expressions.
fn less_zeroes(sent: &[u8]) -> Vec<u8> {
    const NAME: [u8; 12] = *b"\x0c\0\x01\0counter\0";
    let zeroes = [&b"\x1c\0\x02\x80"[..], b"\x0c\0\x01\0", &[0; 8], b"\x0c\0\x02\0", &[0; 8]].concat();
    let mut kept = Vec::new();
    let mut w = Writer::new(&mut kept);
    for element in Reader::new(sent) {
        let element = element.expect("an element of the golden bytes");
        let nest = w.begin(element.kind);
        w.raw(&less_nul(match element.payload.strip_prefix(&NAME) {
            Some(data) if data == zeroes => &NAME,
            _ => element.payload,
        }));
        w.end(nest);
    }
    kept
}

/// An element, which begins with its name, less the NUL behind that.
fn less_nul(element: &[u8]) -> Vec<u8> {
    let name = Reader::new(element).next().expect("an attribute").expect("a name");
    let rest = element.get((name.payload.len() + 4).next_multiple_of(4)..).unwrap_or_default();
    let mut kept = Vec::new();
    let mut w = Writer::new(&mut kept);
    w.name(name.kind, name.payload.strip_suffix(b"\0").expect("a NUL"));
    w.raw(rest);
    kept
}

/// nft names operation 0 of a bitwise expression and sends the data of a counter from zero as an empty list. All else is the
/// same, but for the NUL behind the names.
#[test]
fn nft_bytes_come_out_again() {
    const DEFAULT_OPERATION: [u8; 8] = [8, 0, 6, 0, 0, 0, 0, 0];
    for rule in rules() {
        for element in Reader::new(&rule.sent) {
            let element = element.expect(rule.command);
            let expr = Expr::decode(element.payload).expect(rule.command);
            if matches!(expr, Expr::Counter { packets: 0, bytes: 0 }) {
                continue;
            }
            let mut ours = encoded(std::slice::from_ref(&expr));
            let element_header = 4;
            let mut theirs = element.payload.to_vec();
            ours.drain(..element_header);
            if let Expr::Bitwise { op: BitwiseOp::MaskXor { .. }, .. } = expr
                && let Some(at) = theirs.windows(8).position(|w| w == DEFAULT_OPERATION)
            {
                theirs.drain(at..at + 8);
                // The header of NFTA_EXPR_DATA stands behind the 12 bytes of the name.
                theirs[12] -= 8;
            }
            assert_eq!(ours, less_nul(&theirs), "{}: {expr:?}", rule.command);
        }
    }
}

/// Types of the attributes that remain of the last expression with this name, sorted.
fn kept_kinds(command: &str, name: &[u8]) -> Vec<u16> {
    let rules = rules();
    let rule = rules.iter().find(|rule| rule.command.contains(command)).expect(command);
    let exprs = decode_list(&rule.dump).expect(command);
    let Some(Expr::Unknown { name: found, data: Some(data) }) = exprs.last() else {
        panic!("{command}: {exprs:?}");
    };
    assert_eq!(found, name);
    let mut kinds: Vec<u16> = Reader::new(data).map(|attr| attr.expect(command).kind).collect();
    kinds.sort_unstable();
    kinds
}

/// The kernel dumps a timeout of 0 that it refuses for a set without timeouts.
#[test]
fn unmodelled_dumps_lose_what_the_kernel_refuses() {
    // Name of the set, operation, key register, flags; no timeout (6).
    assert_eq!(kept_kinds("add @s", b"dynset"), [1, 3, 4, 9]);
}
