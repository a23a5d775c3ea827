//! What a finding is known by from one version of a text to the next.
//!
//! Made of the code, the table, the chain and the rule as it is printed in its normal form, never of a line number, so that
//! a rule more above changes nothing. Where the same rule stands more than once, its turn counts.

use std::collections::HashMap;

use rfw_compiler::{Body, print_rule};
use rfw_diagnostics::Source;
use rfw_extensions::{Names, Printer};

use crate::gather;
use crate::{Finding, Model, Placed};

/// Sets the fingerprints of findings.
pub(crate) fn mark<'a>(
    findings: impl Iterator<Item = &'a mut Finding>,
    model: &Model,
    source: &Source,
    names: &dyn Names,
) {
    let mut turns: HashMap<u128, usize> = HashMap::new();
    for finding in findings {
        let mut hash = Hash::new();
        hash.part(&finding.diagnostic.code.number.to_be_bytes());
        hash.part(finding.table.as_deref().unwrap_or_default().as_bytes());
        hash.part(finding.chain.as_deref().unwrap_or_default().as_bytes());
        hash.part(&subject(finding, model, source, names));
        let turn = turns.entry(hash.0).or_default();
        *turn += 1;
        if *turn > 1 {
            hash.part(turn.to_string().as_bytes());
        }
        finding.fingerprint = format!("{:032x}", hash.0);
    }
}

/// The rule as it is printed, or the line with single blanks where there is no rule.
fn subject(finding: &Finding, model: &Model, source: &Source, names: &dyn Names) -> Vec<u8> {
    match rule(finding, model).and_then(|placed| placed.body.as_ref()) {
        Some(Body::Rule(rule)) => {
            let mut out = Vec::new();
            let mut printer = Printer::new(&mut out, model.family, names);
            print_rule(rule, None, &mut printer);
            out
        }
        // Which rule is the first of many comes and goes, too.
        _ if gather::is_of_text(finding) && finding.rule.is_none() => Vec::new(),
        // The policy and the counters of a chain come and go; its name is hashed already.
        _ if finding.chain.is_some() && finding.rule.is_none() => Vec::new(),
        _ => source.line_text(finding.diagnostic.span.start).split(u8::is_ascii_whitespace).fold(
            Vec::new(),
            |mut line, word| {
                if !word.is_empty() {
                    line.extend_from_slice(word);
                    line.push(b' ');
                }
                line
            },
        ),
    }
}

fn rule<'a>(finding: &Finding, model: &'a Model) -> Option<&'a Placed> {
    let (_, table) = model.table(finding.table.as_deref()?)?;
    let chain = table.chains.get(table.position(finding.chain.as_deref()?.as_bytes())?)?;
    chain.rules.get(finding.rule?.checked_sub(1)?)
}

/// FNV-1a of 128 bits: the same on every machine and in every version.
struct Hash(u128);

impl Hash {
    fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    /// Adds a part and its end.
    fn part(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().chain(&[0]) {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
