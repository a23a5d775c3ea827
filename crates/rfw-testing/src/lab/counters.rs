//! Per-rule counters out of `nft -a list ruleset`, whatever the encoding of the rules.
//!
//! The text, not the JSON: nft 1.0.6 crashes (`malloc(): unaligned tcache chunk`) when it writes xt matches as JSON.
//!
//! Contract: a rule is named by family, table, chain and its place in the chain (from 1, as `iptables -D` counts);
//! its handle is ignored, since it says nothing about the rule. A rule without a counter has `None`.

use super::{Host, Lab, LabError};

/// The counter of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCounter {
    /// `ip` or `ip6`.
    pub family: String,
    /// Table.
    pub table: String,
    /// Chain.
    pub chain: String,
    /// Place in the chain, from 1.
    pub number: usize,
    /// Packets and bytes, if the rule counts.
    pub count: Option<(u64, u64)>,
}

impl RuleCounter {
    /// `ip filter INPUT 3`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{} {} {} {}", self.family, self.table, self.chain, self.number)
    }
}

/// Reads a listing.
///
/// # Errors
/// When a rule stands outside of a chain.
pub fn parse(listing: &str) -> Result<Vec<RuleCounter>, LabError> {
    let mut counters: Vec<RuleCounter> = Vec::new();
    let (mut table, mut chain): (Option<(&str, &str)>, Option<&str>) = (None, None);
    for line in listing.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            &["table", family, name, "{", ..] => (table, chain) = (Some((family, name)), None),
            &["chain", name, "{", ..] => chain = Some(name),
            // Sets and maps have handles, rules have them at the end of the line.
            [.., "#", "handle", _] if !line.contains(" { # handle ") && words[0] != "}" => {
                let (Some((family, table)), Some(chain)) = (table, chain) else {
                    return Err(LabError::Listing(format!("outside of a chain: {line}")));
                };
                let earlier = counters.iter().filter(|c| {
                    (c.family.as_str(), c.table.as_str(), c.chain.as_str()) == (family, table, chain)
                });
                let number = earlier.count() + 1;
                let [family, table, chain] = [family, table, chain].map(str::to_owned);
                counters.push(RuleCounter { family, table, chain, number, count: count(&words) });
            }
            _ => {}
        }
    }
    Ok(counters)
}

/// `counter packets N bytes M`, which stands before any text of the user's.
fn count(words: &[&str]) -> Option<(u64, u64)> {
    words.windows(5).find_map(|w| match w {
        ["counter", "packets", packets, "bytes", bytes] => Some((packets.parse().ok()?, bytes.parse().ok()?)),
        _ => None,
    })
}

/// The counters of the router's ruleset, tables and chains in alphabetical order, rules in the order of the chain.
///
/// # Errors
/// When `nft` fails or its listing cannot be read.
pub fn read(lab: &Lab) -> Result<Vec<RuleCounter>, LabError> {
    let mut counters = parse(&lab.check(Host::Router, &["nft", "-a", "list", "ruleset"], b"")?)?;
    counters.sort_by(|a, b| {
        (&a.family, &a.table, &a.chain, a.number).cmp(&(&b.family, &b.table, &b.chain, b.number))
    });
    Ok(counters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rules_within_their_chain() {
        let listing = "table ip t { # handle 1\n\tchain a { # handle 2\n\t\ttype filter hook input priority filter; \
                       policy accept;\n\t\tip saddr { 1.1.1.1 } counter packets 2 bytes 80 accept # handle 9\n\
                       \t\tcounter packets 0 bytes 0 comment \"counter packets 7 bytes 7\" # handle 4\n\t}\n\n\
                       \tchain b { # handle 3\n\t\taccept # handle 5\n\t}\n}\n";
        let counters = parse(listing).unwrap();
        let seen: Vec<_> = counters.iter().map(|c| (c.place(), c.count)).collect();
        assert_eq!(
            seen,
            [
                ("ip t a 1".to_owned(), Some((2, 80))),
                ("ip t a 2".to_owned(), Some((0, 0))),
                ("ip t b 1".to_owned(), None),
            ]
        );
        assert!(parse("accept # handle 1").is_err());
    }
}
