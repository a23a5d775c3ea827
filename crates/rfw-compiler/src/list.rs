//! Rules as `-L` and `-v` print them (encoding.md 5.4).

use rfw_extensions::Printer;
use rfw_extensions::protocols;
use rfw_extensions::selector::Inv;
use rfw_nft::Family;
use rfw_values::{AddrMask, Interface};

use crate::foreign;
use crate::ir::{Body, Rule, RuleTarget, Stored};

/// The options of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// `-v`.
    pub verbose: bool,
    /// `-n`.
    pub numeric: bool,
    /// `-x`.
    pub exact: bool,
    /// `--line-numbers`.
    pub line_numbers: bool,
}

/// The column headings, with newline.
#[must_use]
pub fn list_heading(options: ListOptions) -> String {
    let mut line = String::new();
    if options.line_numbers {
        line.push_str("num  ");
    }
    if options.verbose {
        line.push_str(if options.exact { "    pkts      bytes " } else { " pkts bytes " });
    }
    line.push_str("target     prot opt ");
    if options.verbose {
        line.push_str("in     out     ");
    }
    line.push_str("source               destination         \n");
    line
}

/// A counter in a column: exact, or rounded to K, M, G, T so that it fits 5 places.
#[must_use]
pub fn counter(number: u64, exact: bool) -> String {
    if exact {
        return format!("{number:>8} ");
    }
    if number <= 99_999 {
        return format!("{number:>5} ");
    }
    let rounded = |number: u64| number / 1000 + u64::from(number % 1000 >= 500);
    let mut number = rounded(number);
    let mut suffix = 'K';
    for next in ['M', 'G', 'T'] {
        if number <= 9999 {
            break;
        }
        number = rounded(number);
        suffix = next;
    }
    format!("{number:>4}{suffix} ")
}

/// One row of a listing, with newline; `number` counts from 1.
pub fn list_rule(stored: &Stored, number: usize, options: ListOptions, out: &mut Printer<'_>) {
    if options.line_numbers {
        out.fmt(format_args!("{number:<4} "));
    }
    if options.verbose {
        out.text(&counter(stored.counters.0, options.exact));
        out.text(&counter(stored.counters.1, options.exact));
    }
    match &stored.body {
        Body::Rule(rule) => row(rule, options, out),
        Body::Foreign(exprs) => {
            out.fmt(format_args!("{:<9}  # no iptables form: {}", "", foreign::one_line(exprs)));
        }
    }
    out.text("\n");
}

fn row(rule: &Rule, options: ListOptions, out: &mut Printer<'_>) {
    let selector = &rule.selector;
    out.protocol = selector.protocol_pair().filter(|p| !p.1).map(|p| p.0);
    out.fmt(format_args!("{:<9} ", String::from_utf8_lossy(rule.target.listed())));
    out.text(if selector.protocol.as_ref().is_some_and(|p| p.inverted) { "!" } else { " " });
    let number = selector.protocol.as_ref().map_or(0, |p| p.value);
    let protocol = protocols::in_listing(number, out).unwrap_or_else(|| number.to_string());
    out.fmt(format_args!("{protocol:<4} "));
    out.text(match selector.fragment {
        Some(true) => "!f ",
        Some(false) => "-f ",
        None => "-- ",
    });
    if options.verbose {
        out.text(" ");
        interface_column(selector.in_interface.as_ref(), options.numeric, out);
        interface_column(selector.out_interface.as_ref(), options.numeric, out);
    }
    for part in [&selector.source, &selector.destination] {
        out.text(if part.as_ref().is_some_and(|p| p.inverted) { "!" } else { " " });
        let text = address(part.as_ref(), out);
        out.fmt(format_args!("{text:<19} "));
    }
    finish_row(rule, out);
}

fn finish_row(rule: &Rule, out: &mut Printer<'_>) {
    if matches!(rule.target, RuleTarget::Goto(_)) {
        out.text("[goto] ");
    }
    for part in &rule.matches {
        part.list(out);
    }
    if let RuleTarget::Extension(target) = &rule.target {
        target.list(out);
    }
}

fn interface_column(part: Option<&Inv<Interface>>, numeric: bool, out: &mut Printer<'_>) {
    let text = match part {
        None => (if numeric { "*" } else { "any" }).to_owned(),
        Some(part) => format!("{}{}", if part.inverted { "!" } else { "" }, part.value),
    };
    out.fmt(format_args!("{text:<6} "));
}

fn address(part: Option<&Inv<AddrMask>>, out: &Printer<'_>) -> String {
    let any = match (out.numeric, out.family) {
        (false, _) => "anywhere",
        (true, Family::Ipv4) => "0.0.0.0/0",
        (true, Family::Ipv6) => "::/0",
    };
    let Some(part) = part else { return any.into() };
    let (form, addr) = (part.value.list_form(), part.value.addr());
    // The IPv6 half asks the address, the IPv4 half the mask.
    let nowhere = !out.numeric && out.family == Family::Ipv6 && addr.is_unspecified();
    if part.value.is_any() || nowhere {
        return any.into();
    }
    let name = if out.numeric { None } else { out.names.host_name(addr) };
    match name {
        Some(name) => match form.split_once('/') {
            Some((_, mask)) => format!("{name}/{mask}"),
            None => name,
        },
        None => form,
    }
}

/// What `-v` prints for a rule that is added, checked or deleted, with newline.
pub fn list_verbose_line(rule: &Rule, out: &mut Printer<'_>) {
    let selector = &rule.selector;
    let name = String::from_utf8_lossy(rule.target.listed()).into_owned();
    let number = selector.protocol.as_ref().map_or(0, |p| p.value);
    let protocol = protocols::told(number, out).unwrap_or_else(|| number.to_string());
    out.numeric = true;
    let sign = |inverted: Option<bool>| if inverted == Some(true) { "!" } else { "" };
    let place = |inverted: Option<bool>| if inverted == Some(true) { "!" } else { " " };
    out.fmt(format_args!("{name} {}{protocol} opt ", place(selector.protocol.as_ref().map(|p| p.inverted))));
    out.text(match selector.fragment {
        Some(true) => "!f",
        Some(false) => "-f",
        None => "--",
    });
    for (word, part) in [("in", &selector.in_interface), ("out", &selector.out_interface)] {
        let text = part.as_ref().map_or_else(|| "*".to_owned(), |p| p.value.to_string());
        out.fmt(format_args!(" {word} {}{text}", sign(part.as_ref().map(|p| p.inverted))));
    }
    for (arrow, part) in [("", &selector.source), ("-> ", &selector.destination)] {
        let text = address(part.as_ref(), out);
        out.fmt(format_args!(" {}{arrow}{text}", place(part.as_ref().map(|p| p.inverted))));
    }
    out.text("  ");
    if matches!(rule.target, RuleTarget::Goto(_)) {
        out.text("[goto] ");
    }
    for part in &rule.matches {
        part.list(out);
    }
    if let RuleTarget::Extension(target) = &rule.target {
        target.list(out);
    }
    out.text("\n");
}
