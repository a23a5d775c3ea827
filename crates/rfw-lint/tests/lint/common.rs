//! What all tests of the linter share.

use std::path::{Path, PathBuf};

use rfw_diagnostics::{Source, SourceKind};
use rfw_extensions::Names;
use rfw_lint::facts::{FileFacts, Interface};
use rfw_lint::{Facts, Finding, Input, Offline, Options, Selector, Text, guess_family, lint, lint_pair};
use rfw_nft::Family;
use rfw_values::{AddrMask, Services};

/// The few names that the fixtures use, so that findings do not depend on `/etc`.
pub struct FewNames;

const SERVICES: &[(&str, u16)] =
    &[("ftp", 21), ("ssh", 22), ("smtp", 25), ("domain", 53), ("http", 80), ("ntp", 123), ("https", 443)];
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("ipcomp", 108),
    ("sctp", 132),
    ("udplite", 136),
];

impl Services for FewNames {
    fn port(&self, name: &[u8], _: Option<&str>) -> Option<u16> {
        SERVICES.iter().find(|s| s.0.as_bytes() == name).map(|s| s.1)
    }

    fn name(&self, port: u16, _: Option<&str>) -> Option<String> {
        SERVICES.iter().find(|s| s.1 == port).map(|s| s.0.to_owned())
    }
}

impl Names for FewNames {
    fn protocol_number(&self, name: &[u8]) -> Option<u8> {
        PROTOCOLS.iter().find(|p| p.0.as_bytes() == name).map(|p| p.1)
    }

    fn protocol_name(&self, number: u8) -> Option<String> {
        PROTOCOLS.iter().find(|p| p.1 == number).map(|p| p.0.to_owned())
    }

    fn set_index(&self, _: &[u8], _: Family) -> Result<u16, String> {
        Err("no sets".to_owned())
    }
}

/// The top of the repository.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What all texts are looked at with.
pub fn options() -> Options {
    Options { require_reason: true, ..Options::default() }
}

/// Without what checks say of how far a host is open: for texts that are about something else.
pub fn not_about_exposure(mut options: Options) -> Options {
    for (word, wanted) in [("all", true), ("RFW60x", false), ("RFW607", true)] {
        options.selection.add(Selector::parse(word).expect("a selector"), wanted);
    }
    options
}

/// Findings of a text. A case that is `.txt` holds facts, and the ruleset is an empty one.
pub fn findings(name: &str, text: &[u8]) -> (Source, Vec<Finding>) {
    findings_with(name, text, options())
}

/// The same with other options.
pub fn findings_with(name: &str, text: &[u8], options: Options) -> (Source, Vec<Finding>) {
    let input = match name.rsplit('.').next() {
        Some("args") => Input::Arguments,
        Some("sh") => Input::Script,
        _ => Input::Save,
    };
    let mut facts =
        if name.ends_with(".txt") { facts(&String::from_utf8_lossy(text)) } else { Facts::default() };
    // A case of a budget that ends says so in its first line.
    if let Some(nodes) =
        std::str::from_utf8(text).ok().and_then(|t| t.lines().next()?.strip_prefix("# budget: "))
    {
        facts.budget.nodes = nodes.parse().expect("a number");
    }
    // So does one with settings of the kernel.
    let settings = text
        .split(|&b| b == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.strip_prefix("# sysctl: "));
    for (name, value) in settings.filter_map(|line| line.split_once(" = ")) {
        facts.sysctls.insert(name.to_owned(), value.to_owned());
    }
    // And one that needs to know what is behind an interface.
    let told = std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.lines().next()?.strip_prefix("# rfw.toml: [interfaces] "));
    if let Some((interface, network)) = told.and_then(|line| line.split_once(" = ")) {
        let network = network.trim_matches(['[', ']', '"']).as_bytes();
        let network = AddrMask::parse_v4(network).expect("a network");
        let known = Interface { addresses: vec![network], ..Interface::default() };
        facts.interfaces.insert(interface.to_owned(), known);
    }
    let rules = if name.ends_with(".txt") { b"*filter\nCOMMIT\n".to_vec() } else { text.to_vec() };
    let source = Source::new(name, SourceKind::File, rules);
    // What the host loads at its start may stand below the running rules.
    let boot = split(text, b"\n# boot:\n");
    let source = boot.map_or(source, |(now, _)| Source::new(name, SourceKind::File, now.to_vec()));
    let boot = boot.map(|(_, boot)| Source::new("boot", SourceKind::File, boot.to_vec()));
    let mut options = Options { facts, boot, ..options };
    // A check that is off has to be asked for.
    if text.starts_with(b"# select: all\n") {
        options.selection.add(Selector::All, true);
    }
    let names = Offline::new(&FewNames);
    let found = match split(text, b"\n# v6:\n") {
        Some((v4, v6)) => {
            let texts = [(v4, Family::Ipv4), (v6, Family::Ipv6)];
            let sources = texts.map(|(text, _)| Source::new(name, SourceKind::File, text.to_vec()));
            let half = |at: usize| Text { source: &sources[at], input, family: texts[at].1 };
            let [first, _] = lint_pair([half(0), half(1)], &names, [&options; 2]);
            first.findings
        }
        None => lint(&source, input, guess_family(name, text), &names, &options).findings,
    };
    (source, found)
}

/// What is above and below a line, where a text has it.
fn split<'t>(text: &'t [u8], line: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let at = text.windows(line.len()).position(|w| w == line)?;
    Some((&text[..=at], &text[at + line.len()..]))
}

/// The facts of a case: lines as sysctl and `ls -l` print them.
fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(" = ") {
            facts.sysctls.insert(name.to_owned(), value.to_owned());
        }
        if let Some((mode, rest)) = line.split_once(' ').filter(|(mode, _)| mode.len() == 10) {
            let bits = mode[1..].bytes().fold(0, |bits, b| bits << 1 | u32::from(b != b'-'));
            facts.file = Some(FileFacts { mode: bits, owner: u32::from(!rest.starts_with("root ")) });
        }
    }
    facts
}

/// Findings as lines: place, code, severity, rule, message, labels, help.
pub fn listing(source: &Source, found: &[Finding]) -> String {
    let mut out = String::new();
    for finding in found {
        let d = &finding.diagnostic;
        let at = source.line_column(d.span.start);
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let rule = finding.rule.map_or("-".to_owned(), |n| n.to_string());
        out.push_str(&format!(
            "{}:{} {} {:?} [{} {} {rule}] {}\n",
            at.line,
            at.column,
            d.code,
            d.severity,
            part(&finding.table),
            part(&finding.chain),
            d.message
        ));
        for label in &d.labels {
            out.push_str(&format!(
                "    line {}: {}\n",
                source.line_column(label.span.start).line,
                label.text
            ));
        }
        if let Some(help) = &d.help {
            out.push_str(&format!("    help: {help}\n"));
        }
    }
    if out.is_empty() {
        out.push_str("nothing\n");
    }
    out
}
