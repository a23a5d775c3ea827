//! One announced change as one line.

use rfw_compiler::{BaseChain, TableSpec, print_stored};
use rfw_extensions::{Names, Printer};
use rfw_kernel::{Live, TableId};
use rfw_nft::message::{Chain, Message, RawRule, Table, flag, kind};

use super::Shown;
use crate::engine::{Dumped, is_base};

/// Appends the line of a change; nothing for messages that are no change of a table, chain or rule.
pub fn show(message: &Message<'_>, shown: &Shown, names: &dyn Names, out: &mut Vec<u8>) {
    if message.kind == kind::NEWGEN {
        if let Ok(generation) = message.generation() {
            out.extend_from_slice(format!("NEWGEN: GENID={generation}\n").as_bytes());
        }
        return;
    }
    let Some(family) = message.family().filter(|f| shown.has(*f)) else { return };
    // An announced deletion has the form of the announced object.
    let new = |kind| Message { kind, ..*message };
    let digit = if family == rfw_nft::Family::Ipv4 { 4 } else { 6 };
    match message.kind {
        kind::NEWTABLE | kind::DELTABLE => {
            if let Ok(table) = Table::decode(&new(kind::NEWTABLE)) {
                let what = if message.kind == kind::NEWTABLE { "new" } else { "deleted" };
                let name = String::from_utf8_lossy(&table.name).into_owned();
                out.extend_from_slice(format!(" EVENT: # -{digit} {what} table {name}\n").as_bytes());
            }
        }
        kind::NEWCHAIN | kind::DELCHAIN => {
            if let Ok(chain) = Chain::decode(&new(kind::NEWCHAIN)) {
                let line = chain_line(&chain, message.kind == kind::NEWCHAIN);
                let table = String::from_utf8_lossy(&chain.table).into_owned();
                out.extend_from_slice(format!(" EVENT: -{digit} -t {table} {line}\n").as_bytes());
            }
        }
        kind::NEWRULE | kind::DELRULE => {
            if let Ok(rule) = RawRule::decode(&new(kind::NEWRULE)) {
                rule_line(message, &rule, digit, shown, names, out);
            }
        }
        _ => {}
    }
}

fn chain_line(chain: &Chain, new: bool) -> String {
    let name = String::from_utf8_lossy(&chain.name);
    let base: Option<&BaseChain> = TableSpec::named(&chain.table).and_then(|spec| spec.chain(&chain.name));
    match (base, new) {
        (Some(base), true) if is_base(chain, base) => {
            format!("-P {name} {}", if chain.policy == Some(0) { "DROP" } else { "ACCEPT" })
        }
        (Some(base), false) if is_base(chain, base) => format!("# deleted built-in chain {name}"),
        _ if chain.hook.is_some() => {
            format!("# {} base chain {name} of another tool", if new { "new" } else { "deleted" })
        }
        (_, true) => format!("-N {name}"),
        (_, false) => format!("-X {name}"),
    }
}

fn rule_line(
    message: &Message<'_>,
    raw: &RawRule<'_>,
    digit: u8,
    shown: &Shown,
    names: &dyn Names,
    out: &mut Vec<u8>,
) {
    // The sets of a rule that is gone are gone too.
    let dumped = Dumped::new(raw);
    let mut live =
        (message.kind == kind::NEWRULE && dumped.needs_sets()).then(Live::open).and_then(Result::ok);
    let rule = match &mut live {
        Some(live) => dumped.read(live, TableId::new(raw.family, raw.table), raw.family, names),
        None => dumped.lift(raw.family, names),
    };
    let command = match message.kind {
        kind::DELRULE => "-D",
        _ if message.flags & flag::APPEND != 0 => "-A",
        _ => "-I",
    };
    out.extend_from_slice(format!(" EVENT: -{digit} -t {} ", String::from_utf8_lossy(raw.table)).as_bytes());
    let mut text = Vec::new();
    let counters = shown.counters.then_some(rule.counters);
    let mut printer = Printer {
        out: &mut text,
        family: raw.family,
        names,
        numeric: true,
        version: Default::default(),
        protocol: None,
    };
    print_stored(raw.chain, &rule, counters, &mut printer);
    // A foreign rule has no command; its line says what it is, and here what happened to it.
    match text.strip_prefix(b"-A ") {
        Some(rest) => {
            out.extend_from_slice(command.as_bytes());
            out.push(b' ');
            out.extend_from_slice(rest);
        }
        None => {
            out.extend_from_slice(format!("# {command} ").as_bytes());
            out.extend_from_slice(&text);
        }
    }
    if let (kind::NEWRULE, Some(position), "-I") = (message.kind, raw.position, command) {
        out.extend_from_slice(format!(" # behind the rule with handle {position}").as_bytes());
    }
    out.push(b'\n');
}
