//! Whether two texts do the same with every packet.

use rfw_compiler::{Body, print_rule};
use rfw_diagnostics::Source;
use rfw_extensions::{Names, Printer};
use rfw_lint::{Chain, Comparison, Model, Options, Policy, Text, compare, models};

/// Compares what two texts do. Rules that are the same are so even where their meaning is not known.
pub fn prove(texts: [Text<'_>; 2], names: &dyn Names, options: &Options) -> Comparison {
    let [before, after] = texts.map(|text| models(text, names, &options.facts));
    let pairs = before.iter().zip(&after);
    for (one, other) in pairs {
        if normal(one, texts[0].source, names) != normal(other, texts[1].source, names) {
            let found = compare(one, other, &options.facts);
            if found != Comparison::Same {
                return found;
            }
        }
    }
    Comparison::Same
}

/// Tables, chains, policies and rules, in one form.
fn normal(model: &Model, source: &Source, names: &dyn Names) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut tables: Vec<_> = model.tables.iter().collect();
    tables.sort_by_key(|table| table.name);
    for table in tables {
        let mut chains: Vec<&Chain> = table.chains.iter().collect();
        chains.sort_by(|a, b| a.name.cmp(&b.name));
        for chain in chains {
            let policy = match chain.policy {
                Some(Policy::Accept) => "ACCEPT",
                Some(Policy::Drop) => "DROP",
                None => "-",
            };
            lines.push(format!("{} {} {policy}", table.name, chain.shown()).into_bytes());
            for placed in &chain.rules {
                let mut out = Vec::new();
                match &placed.body {
                    Some(Body::Rule(rule)) => {
                        let mut printer = Printer {
                            out: &mut out,
                            family: model.family,
                            names,
                            numeric: true,
                            version: Default::default(),
                            protocol: None,
                        };
                        print_rule(rule, None, &mut printer);
                    }
                    _ => out.extend_from_slice(source.slice(placed.span)),
                }
                lines.push(out);
            }
        }
    }
    lines
}
