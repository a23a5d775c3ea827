//! What a fixture looks like in all its forms, as one text per file: kept under `tests/snapshots` and read by people.

use std::fmt::Write;

use rfw_compiler::{ListOptions, Lowered, Rule, Stored, list_rule, lower};
use rfw_extensions::{Encoding, Printer};
use rfw_nft::{Expr, Listing};

use crate::fixture::{Place, RuleFile};
use crate::laws::printed;

/// Zero bytes at least this many in a row are counted instead of shown.
const RUN: usize = 8;

/// All forms of all rules of a file; a line that does not build shows why.
#[must_use]
pub fn render(file: &RuleFile) -> String {
    let names = file.fixed_names();
    let mut out = String::new();
    for line in &file.lines {
        let _ = writeln!(out, "{} *{} {}", line.number, line.table, String::from_utf8_lossy(&line.text));
        match file.build(line, &names) {
            Ok(built) => {
                let place = file.place(line, &names);
                for rule in &built.rules {
                    render_rule(rule, &built.chain, &place, &mut out);
                }
            }
            Err(diagnostic) => {
                let _ = writeln!(out, "  error: {}", diagnostic.message);
            }
        }
        out.push('\n');
    }
    out
}

fn render_rule(rule: &Rule, chain: &[u8], place: &Place<'_>, out: &mut String) {
    let _ = writeln!(out, "  typed   {rule:?}");
    let _ = writeln!(out, "  save    {}", String::from_utf8_lossy(&printed(rule, chain, place)));
    let _ = writeln!(out, "  list -n {}", listed(rule, true, place));
    let _ = writeln!(out, "  list    {}", listed(rule, false, place));
    let compat = lower(rule, Encoding::Compat, place.family, (0, 0));
    let native = lower(rule, Encoding::Native, place.family, (0, 0));
    out.push_str("  compat\n");
    render_lowered(&compat, out);
    if native == compat {
        out.push_str("  native  the same\n");
    } else {
        out.push_str("  native\n");
        render_lowered(&native, out);
    }
}

fn listed(rule: &Rule, numeric: bool, place: &Place<'_>) -> String {
    let body = rfw_compiler::Body::Rule(rule.clone());
    let stored = Stored { body, counters: (0, 0), handle: 0, userdata: Vec::new() };
    let mut text = Vec::new();
    let options = ListOptions { numeric, ..ListOptions::default() };
    let mut out = Printer { numeric, ..Printer::new(&mut text, place.family, place.names) };
    list_rule(&stored, 1, options, &mut out);
    String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned()
}

fn render_lowered(lowered: &Lowered, out: &mut String) {
    for expr in &lowered.exprs {
        let _ = write!(out, "  {}", Listing(std::slice::from_ref(expr)));
        if let Expr::Match { info, .. } | Expr::Target { info, .. } = expr {
            let _ = writeln!(out, "      {} bytes: {}", info.len(), hex(info));
        }
        if let Expr::Lookup { members: Some(set), .. } = expr {
            let members = set.members.iter().map(|(first, last)| match first == last {
                true => hex(first),
                false => format!("{}-{}", hex(first), hex(last)),
            });
            let members = members.collect::<Vec<_>>().join(" ");
            let _ = writeln!(out, "      type {} length {}: {members}", set.key_type, set.key_len);
        }
    }
    if !lowered.userdata.is_empty() {
        let _ = writeln!(out, "    userdata {}", hex(&lowered.userdata));
    }
}

/// Hexadecimal, long runs of zeroes counted.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let zeroes = rest.iter().take_while(|&&b| b == 0).count();
        if zeroes >= RUN {
            let _ = write!(out, "(00*{zeroes})");
            rest = &rest[zeroes..];
        } else {
            let _ = write!(out, "{first:02x}");
            rest = &rest[1..];
        }
    }
    out
}
