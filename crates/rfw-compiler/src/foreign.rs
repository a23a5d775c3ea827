//! Rules without an iptables form, kept as marked comments of a save file.
//!
//! `#rfw:foreign CHAIN EXPRS USERDATA LISTING`: hexadecimal attributes of the rule (`-` for none) and, for people, its
//! expressions. iptables-restore skips the line; rfw-restore puts the rule back where it stood.

use rfw_nft::Expr;
use rfw_nft::attr::Writer;
use rfw_nft::expr::{Listing, decode_list, encode_list};

/// How the line begins.
pub const MARK: &str = "#rfw:foreign ";

/// A foreign rule of a save file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignRule {
    /// Its chain.
    pub chain: Vec<u8>,
    /// Its expressions.
    pub exprs: Vec<Expr>,
    /// Its userdata.
    pub userdata: Vec<u8>,
}

/// Appends the line, without its newline.
pub fn print(chain: &[u8], exprs: &[Expr], userdata: &[u8], out: &mut Vec<u8>) {
    let mut raw = Vec::new();
    encode_list(exprs, &mut Writer::new(&mut raw));
    out.extend_from_slice(MARK.as_bytes());
    out.extend_from_slice(chain);
    out.push(b' ');
    push_hex(&raw, out);
    out.push(b' ');
    push_hex(userdata, out);
    out.push(b' ');
    out.extend_from_slice(one_line(exprs).as_bytes());
}

/// The expressions in nft's debug form, on one line.
#[must_use]
pub fn one_line(exprs: &[Expr]) -> String {
    let listing = Listing(exprs).to_string();
    listing.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// An object of the table that a rule can't be without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// ``the set `blocked'``.
    pub what: String,
    /// Whether it stays when the rule goes: an anonymous set does not.
    pub outlives: bool,
}

/// The first object that a rule refers to.
#[must_use]
pub fn need(exprs: &[Expr]) -> Option<Need> {
    exprs.iter().find_map(|expr| match expr {
        Expr::Lookup { set, .. } => {
            let name = String::from_utf8_lossy(set);
            let anonymous = name.starts_with("__");
            let what = if anonymous { "an anonymous set".into() } else { format!("the set `{name}'") };
            Some(Need { what, outlives: !anonymous })
        }
        Expr::Unknown { name, .. } if name == b"dynset" => {
            Some(Need { what: "a set".into(), outlives: true })
        }
        Expr::Unknown { name, .. } if name == b"objref" => {
            Some(Need { what: "a named object".into(), outlives: true })
        }
        _ => None,
    })
}

/// Reads such a line back; `None` if it is an ordinary comment or damaged.
#[must_use]
pub fn parse(line: &[u8]) -> Option<ForeignRule> {
    let rest = line.strip_prefix(MARK.as_bytes())?;
    let mut fields = rest.splitn(4, |&b| b == b' ');
    let chain = fields.next()?.to_vec();
    let exprs = decode_list(&hex(fields.next()?)?).ok()?;
    let userdata = hex(fields.next()?)?;
    (!chain.is_empty()).then_some(ForeignRule { chain, exprs, userdata })
}

fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if bytes.is_empty() {
        out.push(b'-');
    }
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    if text == b"-" {
        return Some(Vec::new());
    }
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rfw_nft::expr::Verdict;

    #[test]
    fn there_and_back() {
        let exprs = vec![
            Expr::Unknown { name: b"tunnel".to_vec(), data: None },
            Expr::Counter { packets: 1, bytes: 2 },
            Expr::Verdict(Verdict::Accept),
        ];
        let mut line = Vec::new();
        print(b"INPUT", &exprs, &[0x80, 1, 2], &mut line);
        let back = parse(&line).expect("our own line");
        assert_eq!(back, ForeignRule { chain: b"INPUT".to_vec(), exprs, userdata: vec![0x80, 1, 2] });
    }

    #[test]
    fn damaged_lines_are_comments() {
        for line in [
            "#rfw:foreign",
            "#rfw:foreign INPUT",
            "#rfw:foreign INPUT zz - x",
            "#rfw:foreign INPUT 012 -",
            "# note",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }
}
