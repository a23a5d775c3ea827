//! The compat encoding against what iptables 1.8.9 was seen to send: `fixtures/encoding_golden.jsonl`, one command a line.
//!
//! Commands of extensions that are not in the registry are skipped, and said to be.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use rfw_compiler::{Lowered, lower};

use rfw_extensions::{Encoding, Registry};
use rfw_nft::expr::{Base, BitwiseOp, CmpOp, meta};
use rfw_nft::{Expr, Family, Verdict};
use rfw_syntax::{Dictionary, Mode, join_argv, parse_command};
use rfw_testing::fixture::build_line;
use rfw_testing::fixture::line::{Place, build_command, classic_text};
use rfw_testing::names::{FixedNames, fixtures_dir};
use serde_json::Value;

/// Commands that rfw encodes otherwise on purpose.
const OTHERWISE: [&str; 4] = [
    // A load of no bytes, which the kernel refuses.
    "! -s 0.0.0.0/0",
    "! -s ::/0",
    // One comparison of both ports, which says: not both.
    "! --sport 1 ! --dport 22",
    // Nothing at all, where no packet should match.
    "! --dport 0:65535",
];

/// Commands that rfw refuses at once, where stock leaves that to the kernel.
const REFUSED: [&str; 1] = ["-j QUEUE"];

/// Words of a command line in which only single quotes occur.
fn shell_words(line: &str) -> Vec<Vec<u8>> {
    let mut words = vec![Vec::new()];
    let mut quoted = false;
    for byte in line.bytes() {
        match byte {
            b'\'' => quoted = !quoted,
            b' ' if !quoted => words.push(Vec::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn register(reg: u32) -> String {
    match reg {
        1..=4 => format!("R{reg}"),
        other => format!("r32_{:02}", other - 8),
    }
}

fn meta_name(key: u32) -> &'static str {
    match key {
        meta::IIFNAME => "iifname",
        meta::OIFNAME => "oifname",
        meta::L4PROTO => "l4proto",
        meta::MARK => "mark",
        meta::NFTRACE => "nftrace",
        _ => "?",
    }
}

/// An expression in the notation of the file.
fn notation(expr: &Expr) -> String {
    match expr {
        Expr::Meta { dreg, key } => format!("meta {}=>{}", meta_name(*key), register(*dreg)),
        Expr::MetaSet { sreg, key } => format!("meta SET {}<={}", meta_name(*key), register(*sreg)),
        Expr::Payload { dreg, base, offset, len } => {
            let base = match base {
                Base::Link => "ll",
                Base::Network => "nh",
                Base::Transport | Base::Inner => "th",
            };
            format!("payload {len}b@{base}+{offset}=>{}", register(*dreg))
        }
        Expr::Cmp { sreg, op, data } => {
            let op = match op {
                CmpOp::Eq => "eq",
                CmpOp::Neq => "neq",
                CmpOp::Lt => "lt",
                CmpOp::Lte => "lte",
                CmpOp::Gt => "gt",
                CmpOp::Gte => "gte",
            };
            format!("cmp {op} {} {}", register(*sreg), hex(data))
        }
        Expr::Range { sreg, invert, from, to } => {
            let op = if *invert { "neq" } else { "eq" };
            format!("range {op} {} {}-{}", register(*sreg), hex(from), hex(to))
        }
        Expr::Bitwise { sreg, dreg, len, op: BitwiseOp::MaskXor { mask, xor } } => {
            let (dreg, sreg) = (register(*dreg), register(*sreg));
            format!("bitwise {dreg}=({sreg}&{})^{} len={len}", hex(mask), hex(xor))
        }
        Expr::Counter { packets, bytes } => format!("counter p={packets} b={bytes}"),
        Expr::Match { name, rev, info } => xt("match", name, *rev, info),
        Expr::Target { name, rev, info } => xt("target", name, *rev, info),
        Expr::Immediate { dreg, data } => format!("immediate {}={}", register(*dreg), hex(data)),
        Expr::Verdict(Verdict::Accept) => "immediate verdict=accept".into(),
        Expr::Verdict(Verdict::Drop) => "immediate verdict=drop".into(),
        Expr::Verdict(Verdict::Return) => "immediate verdict=return".into(),
        Expr::Limit { rate, unit, burst, kind, flags } => {
            format!("limit rate={rate} unit={unit} burst={burst} type={kind} flags={flags}")
        }
        Expr::Log { .. } => log(expr),
        other => format!("{other:?}"),
    }
}

fn xt(word: &str, name: &[u8], rev: u32, info: &[u8]) -> String {
    format!("{word} {} rev={rev} len={} {}", String::from_utf8_lossy(name), info.len(), hex(info))
}

fn log(expr: &Expr) -> String {
    let Expr::Log { group, prefix, snaplen, qthreshold, .. } = expr else { return String::new() };
    let mut text = format!("log group={}", group.unwrap_or_default());
    if let Some(prefix) = prefix {
        write!(text, " prefix={}", String::from_utf8_lossy(prefix)).unwrap();
    }
    if let Some(snaplen) = snaplen {
        write!(text, " snaplen={snaplen}").unwrap();
    }
    if let Some(threshold) = qthreshold {
        write!(text, " qthresh={threshold}").unwrap();
    }
    text
}

/// The first extension of a command that there is not.
fn missing(words: &[Vec<u8>], registry: &Registry) -> Option<String> {
    let mut pairs = words.windows(2).map(|w| (w[0].as_slice(), w[1].as_slice()));
    let absent = |(option, name): (&[u8], &[u8])| match option {
        b"-m" => registry.find_match(name).is_none(),
        b"-j" => !registry.target_names().iter().any(|target| target.as_bytes() == name),
        // Protocols whose match an option loads.
        b"-p" => {
            let loads: [&[u8]; 6] = [b"sctp", b"dccp", b"icmp", b"icmpv6", b"ah", b"esp"];
            loads.contains(&name) && registry.implicit_match(name).is_none()
        }
        _ => false,
    };
    pairs.find(|&pair| absent(pair)).map(|(_, name)| String::from_utf8_lossy(name).into_owned())
}

fn rule_lines(lowered: &[Lowered]) -> Vec<(Vec<String>, String)> {
    let one = |l: &Lowered| {
        let exprs = l.exprs.iter().map(notation).collect();
        (exprs, format!("COMPAT(proto={},flags={})", l.compat.proto, l.compat.flags))
    };
    lowered.iter().map(one).collect()
}

fn expected(row: &Value) -> Vec<(Vec<String>, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let list = |v: &Value| v.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let rules = row["rules"].as_array().unwrap().iter();
    rules.map(|rule| (list(&rule["exprs"]), list(&rule["meta"]).join(" "))).collect()
}

/// What is wrong with a row; `Ok(false)` if it was skipped.
fn check(row: &Value, skipped: &mut Vec<String>) -> Result<bool, String> {
    let command = row["cmd"].as_str().unwrap();
    let words = shell_words(command);
    let (program, arguments) = words.split_first().unwrap();
    let program = String::from_utf8_lossy(program).into_owned();
    let family = if program == "ip6tables" { Family::Ipv6 } else { Family::Ipv4 };
    let registry = Registry::new(family);
    if let Some(name) = missing(arguments, &registry) {
        skipped.push(format!("{name}: {command}"));
        return Ok(false);
    }
    let source = join_argv(arguments);
    let end = rfw_diagnostics::Span::default();
    let sets: Vec<String> = ["s4", "s6"].map(str::to_owned).to_vec();
    let names = FixedNames::new(&sets);
    let parsed = parse_command(&source.words, end, Mode::CommandLine, &registry);
    let built = parsed.and_then(|command| {
        let table = command.table.as_ref().map_or("filter".into(), |w| w.lossy());
        let place = Place { family, table: &table, chains: &[], names: &names, mode: Mode::CommandLine };
        build_command(&command, &place)
    });
    let refusal = row["rc"] == 2;
    match built {
        Err(diagnostic) => {
            let ours = diagnostic.classic.as_ref().map(|c| classic_text(c, &program)).unwrap_or_default();
            let theirs = row["err"].as_str().unwrap();
            if REFUSED.iter().any(|part| command.contains(part)) && row["rc"] == 4 {
                return Ok(true);
            }
            let same = refusal && ours.lines().next() == theirs.lines().next();
            if same { Ok(true) } else { Err(format!("{command}\n  ours  {ours}  stock {theirs}")) }
        }
        Ok(_) if refusal => Err(format!("{command}\n  rfw takes it; stock: {}", row["err"])),
        Ok(built) => {
            let lower = |rule| lower(rule, Encoding::Compat, family, (0, 0));
            let ours = rule_lines(&built.rules.iter().map(lower).collect::<Vec<_>>());
            let theirs = expected(row);
            let otherwise = OTHERWISE.iter().any(|part| command.replace('\'', "").contains(part));
            if (ours == theirs) == otherwise {
                return Err(format!("{command}\n  ours  {ours:#?}\n  stock {theirs:#?}"));
            }
            Ok(true)
        }
    }
}

#[test]
fn as_iptables_sends_it() {
    let text = fs::read_to_string(fixtures_dir().join("encoding_golden.jsonl")).unwrap();
    let (mut skipped, mut complaints, mut checked) = (Vec::new(), Vec::new(), 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        match check(&row, &mut skipped) {
            Ok(done) => checked += usize::from(done),
            Err(complaint) => complaints.push(complaint),
        }
    }
    let mut err = std::io::stderr();
    for skip in &skipped {
        writeln!(err, "  no such extension here: {skip}").unwrap();
    }
    writeln!(err, "{checked} commands compared, {} of missing extensions", skipped.len()).unwrap();
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    assert!(checked > 100, "only {checked} commands");
}

/// Without a last date iptables sends the end of 31-bit time, which its match counts in the kernel's zone and `meta time` in
/// UTC. No other date may become native with `--kerneltz`, or the two would differ before 2038.
#[test]
fn days_of_the_kernels_zone_end_in_utc() {
    let names = FixedNames::new(&[]);
    let place =
        Place { family: Family::Ipv4, table: "filter", chains: &[], names: &names, mode: Mode::Restore };
    let lowered = |options: &str, encoding| {
        let line = format!("-A INPUT -m time --weekdays Mon --kerneltz{options}");
        let built = build_line(line.as_bytes(), &place).unwrap();
        lower(&built.rules[0], encoding, Family::Ipv4, (0, 0)).exprs
    };
    let end = u32::try_from(i32::MAX).unwrap();
    let compat = lowered("", Encoding::Compat);
    let [Expr::Match { info, .. }, ..] = &compat[..] else { panic!("{compat:?}") };
    // `date_stop`, and of `flags` the kernel's zone.
    assert_eq!((&info[4..8], info[21]), (&end.to_ne_bytes()[..], 1));
    let nanoseconds = (u64::from(end) + 1) * 1_000_000_000;
    let native = lowered("", Encoding::Native);
    let [
        Expr::Meta { key: meta::TIME_NS, .. },
        Expr::Byteorder { .. },
        Expr::Cmp { op: CmpOp::Lt, data, .. },
        ..,
    ] = &native[..]
    else {
        panic!("{native:?}")
    };
    assert_eq!(data.as_slice(), nanoseconds.to_be_bytes());
    for options in [" --datestop 2030-01-01", " --datestart 2020-01-01", " --timestart 10:00"] {
        assert!(matches!(lowered(options, Encoding::Native)[..], [Expr::Match { .. }, ..]), "{options}");
    }
}
