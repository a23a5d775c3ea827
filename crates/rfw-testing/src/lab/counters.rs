//! Per-rule counters out of `nft -j -a list ruleset`, whatever the encoding of the rules.
//!
//! Contract: a rule is named by family, table, chain and its place in the chain (from 1, as `iptables -D` counts);
//! its handle is ignored, since it says nothing about the rule. A rule without a counter has `None`.

use serde_json::Value;

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
/// When it is not JSON in nft's form.
pub fn parse(listing: &str) -> Result<Vec<RuleCounter>, LabError> {
    let value: Value = serde_json::from_str(listing).map_err(|e| LabError::Listing(e.to_string()))?;
    let objects =
        value["nftables"].as_array().ok_or_else(|| LabError::Listing("no `nftables` array".to_owned()))?;
    let mut counters: Vec<RuleCounter> = Vec::new();
    for rule in objects.iter().filter_map(|object| object.get("rule")) {
        let word = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
        let (family, table, chain) = (word("family"), word("table"), word("chain"));
        let earlier =
            counters.iter().filter(|c| c.family == family && c.table == table && c.chain == chain).count();
        let count = rule["expr"].as_array().into_iter().flatten().find_map(|expr| {
            let counter = expr.get("counter")?;
            Some((counter["packets"].as_u64()?, counter["bytes"].as_u64()?))
        });
        counters.push(RuleCounter { family, table, chain, number: earlier + 1, count });
    }
    Ok(counters)
}

/// The counters of the router's ruleset, tables and chains in alphabetical order, rules in the order of the chain.
///
/// # Errors
/// When `nft` fails or its listing cannot be read.
pub fn read(lab: &Lab) -> Result<Vec<RuleCounter>, LabError> {
    let mut counters = parse(&lab.check(Host::Router, &["nft", "-j", "-a", "list", "ruleset"], b"")?)?;
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
        let listing = r#"{"nftables": [{"metainfo": {}},
            {"rule": {"family": "ip", "table": "t", "chain": "a", "handle": 9, "expr": [{"counter": {"packets": 2, "bytes": 80}}]}},
            {"rule": {"family": "ip", "table": "t", "chain": "b", "handle": 3, "expr": [{"accept": null}]}},
            {"rule": {"family": "ip", "table": "t", "chain": "a", "handle": 4, "expr": [{"counter": {"packets": 0, "bytes": 0}}]}}]}"#;
        let counters = parse(listing).unwrap();
        let seen: Vec<_> = counters.iter().map(|c| (c.place(), c.count)).collect();
        assert_eq!(
            seen,
            [
                ("ip t a 1".to_owned(), Some((2, 80))),
                ("ip t b 1".to_owned(), None),
                ("ip t a 2".to_owned(), Some((0, 0)))
            ]
        );
        assert!(parse("{}").is_err());
        assert!(parse("nonsense").is_err());
    }
}
