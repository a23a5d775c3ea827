//! Every value against iptables 1.8.9 itself, in a network namespace of its own. Without that version, or without the
//! right to make a namespace, nothing is compared and the test says how many values it left out.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use rfw_values::ports::NoServices;
use rfw_values::{
    AddrMask, AddrRange, Interface, MacAddr, Masked, Pattern, PortRange, Quoted, Rate, RateError,
};

/// What stock is asked, and what we say it answers: the end of the `-S` line, or a piece of its error message.
struct Case {
    program: &'static str,
    words: Vec<String>,
    ours: Result<String, &'static str>,
}

fn case(words: &[&str], ours: Result<String, &'static str>) -> Case {
    Case { program: "iptables", words: words.iter().map(|&w| w.to_owned()).collect(), ours }
}

fn case6(words: &[&str], ours: Result<String, &'static str>) -> Case {
    Case { program: "ip6tables", ..case(words, ours) }
}

/// Runs a script in a fresh network namespace; `None` where that cannot be done with iptables 1.8.9.
fn in_namespace(script: &str) -> Option<String> {
    let probe =
        Command::new("unshare").args(["-n", "sh", "-c", "iptables -V && iptables -N T"]).output().ok()?;
    let version = String::from_utf8_lossy(&probe.stdout).into_owned();
    if !probe.status.success() || !version.contains("v1.8.9 (nf_tables)") {
        return None;
    }
    let mut child = Command::new("unshare")
        .args(["-n", "bash"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    let script = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn quoted_for_shell(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Every case becomes a rule with its number as comment, or an error line with its number.
fn script(cases: &[Case]) -> String {
    let mut script = String::from("iptables -N T; ip6tables -N T\n");
    for (number, case) in cases.iter().enumerate() {
        let words: Vec<_> = case.words.iter().map(|w| quoted_for_shell(w)).collect();
        let _ = writeln!(
            script,
            "out=$({} -A T -m comment --comment {number} {} 2>&1) || echo \"E{number} $(head -n1 <<<\"$out\")\"",
            case.program,
            words.join(" "),
        );
    }
    script.push_str("iptables -S T; ip6tables -S T\n");
    script
}

fn compare(what: &str, cases: &[Case]) {
    let Some(output) = in_namespace(&script(cases)) else {
        skipped(what, cases.len());
        return;
    };
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let refused = format!("E{number} ");
        let comment = format!(" -m comment --comment {number}");
        let error = output.lines().find_map(|l| l.strip_prefix(&refused));
        let rule = output.lines().find_map(|line| {
            let (before, after) = line.split_once(&comment)?;
            let before = before.strip_prefix("-A T")?;
            (after.is_empty() || after.starts_with(' ')).then(|| format!("{before}{after}"))
        });
        let same = match (&case.ours, error, &rule) {
            (Ok(ours), None, Some(rule)) => rule.trim() == ours,
            (Err(ours), Some(error), None) => error.contains(ours),
            _ => false,
        };
        if !same {
            wrong.push(format!("{:?}: ours {:?}, stock {rule:?} {error:?}", case.words, case.ours));
        }
    }
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[expect(clippy::print_stderr, reason = "a test that compares nothing has to say so")]
fn skipped(what: &str, count: usize) {
    eprintln!("skipped: {count} values of {what} not compared with iptables 1.8.9");
}

/// Numbers that look random and are the same every time.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |n| {
        Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .skip(1)
    .map(|n| n >> 20)
}

#[test]
fn rates() {
    let mut words: Vec<String> = [
        "5",
        "5/",
        "",
        "0",
        "0/s",
        "x",
        "-1",
        "1.5",
        "5 /s",
        "5s",
        "5/w",
        "0x5/s",
        "010/s",
        "5/s ",
        " 5/s",
        "+5",
        "5//s",
        "5/s/s",
        "05",
        "5/seconds",
        "5/SECOND",
        "5/Minu",
        "4294967296",
        "4294967297/h",
        "999999999999999999999",
    ]
    .map(str::to_owned)
    .into();
    let counts = [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        9,
        11,
        13,
        17,
        23,
        24,
        25,
        30,
        31,
        45,
        59,
        60,
        61,
        90,
        100,
        119,
        120,
        121,
        150,
        240,
        300,
        599,
        600,
        601,
        1000,
        1439,
        1440,
        1441,
        3333,
        3334,
        3599,
        3600,
        3601,
        5000,
        5001,
        6000,
        7200,
        9999,
        10000,
        10001,
        86399,
        86400,
        86401,
        172800,
        600_000,
        600_001,
        36_000_000,
        864_000_000,
    ];
    for count in counts {
        for unit in ["sec", "minute", "h", "d"] {
            words.push(format!("{count}/{unit}"));
        }
    }
    let cases: Vec<_> = words
        .iter()
        .map(|word| {
            let ours = match Rate::parse(word.as_bytes()) {
                Ok(rate) => Ok(format!("-m limit --limit {rate}")),
                Err(RateError::Bad(_)) => Err("bad rate"),
                Err(RateError::TooFast(_)) => Err("Rate too fast"),
            };
            case(&["-m", "limit", "--limit", word], ours)
        })
        .collect();
    compare("rates", &cases);
}

fn source(found: Option<AddrMask>, refusal: &'static str) -> Result<String, &'static str> {
    match found {
        Some(net) if net.is_any() => Ok(String::new()),
        Some(net) => Ok(format!("-s {net}")),
        None => Err(refusal),
    }
}

#[test]
fn addresses() {
    let mut cases = Vec::new();
    let mut words: Vec<String> = [
        "10/8",
        "0/0",
        "10.1",
        "10",
        "0",
        "1.2.3",
        "1.2.3.4/33",
        "1.2.3.4/",
        "0x0a.1/16",
        "1.2.3.4/08",
        "1.2.3.4/+5",
        "1.2.3.4/255",
        "1.2.3.4/255.255",
        "01.02.03.04/8",
        " 1.2.3.4",
        "1. 2.3.4",
        "1.2.3.4/ 8",
        "1.2.3.4/24x",
        "1234567",
        "10.300",
        "10.1.300",
        "0x7f000001",
        "4294967295",
        "1.2.3.4/1.2.3",
        "1.2.3.4/0xff.0.0xff.0",
    ]
    .map(str::to_owned)
    .into();
    let pairs: Vec<u64> = numbers(7).take(80).collect();
    for (index, pair) in pairs.chunks_exact(2).enumerate() {
        let [a, b, c, d, ..] = pair[0].to_le_bytes();
        let [e, f, g, h, ..] = pair[1].to_le_bytes();
        words.push(if index % 2 == 0 {
            format!("{a}.{b}.{c}.{d}/{}", e % 33)
        } else {
            format!("{a}.{b}.{c}.{d}/{e}.{f}.{g}.{h}")
        });
    }
    for word in &words {
        let refusal = if word.contains('/') { "invalid mask" } else { "not found" };
        let ours = source(AddrMask::parse_v4(word.as_bytes()).ok(), refusal);
        cases.push(case(&["-s", word], ours));
    }
    let mut words: Vec<String> = [
        "::1",
        "::/0",
        "::1/129",
        "::1/",
        "::1/ffff::1",
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "::1:0",
        "::0.0.1.0",
        "::ffff:0:0",
        "1::2:0:0:3",
        "1:0:2::3",
        "0:1::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:0:5:6:7:8",
        "2001:DB8::A/0x20",
        "::1/255.0.0.0",
        "::102:304/96",
    ]
    .map(str::to_owned)
    .into();
    let pairs: Vec<u64> = numbers(11).take(120).collect();
    for four in pairs.chunks_exact(4) {
        let mut groups = Vec::new();
        for (at, bits) in four.iter().flat_map(|&n| [n & 0xffff, (n >> 16) & 0xffff]).enumerate() {
            let zero = (four[0] >> (32 + at % 8)) & 1 == 1;
            groups.push(if zero { "0".to_owned() } else { format!("{bits:x}") });
        }
        words.push(format!("{}/{}", groups.join(":"), four[1] % 129));
    }
    for word in &words {
        let ours = source(AddrMask::parse_v6(word.as_bytes()).ok(), "invalid mask");
        cases.push(case6(&["-s", word], ours));
    }
    compare("addresses", &cases);
}

#[test]
fn ports_marks_macs_ranges() {
    let mut cases = Vec::new();
    for word in [
        "22", "22:80", ":80", "80:", "0", "0:0", "65535", "0x16", "022", " 22", "22 ", "65536", "-1", "+22",
        "1:2:3", "80:22", "22,80", "", "08",
    ] {
        let parsed = PortRange::parse(word.as_bytes(), Some("tcp"), &NoServices);
        let ours = match parsed {
            Ok(range) => Ok(format!("-p tcp -m tcp --dport {range}")),
            Err(rfw_values::PortError::NotAPort(_)) => Err("invalid port/service"),
            Err(rfw_values::PortError::Inverted { .. }) => Err("invalid portrange (min > max)"),
        };
        let mut asked = case(&["--dport", word], ours);
        asked.words.splice(0..0, ["-p", "tcp"].map(str::to_owned));
        cases.push(asked);
    }
    for word in ["22", "022", " 22", "22:80", ":80", "+22"] {
        let ours = PortRange::parse_decimal(word.as_bytes(), Some("udp"), &NoServices)
            .map(|range| format!("-p udp -m udp --dport {range}"))
            .map_err(|_| "does not resolve");
        cases.push(case(&["-p", "udp", "--dport", word], ours));
    }
    for word in [
        "1",
        "0x1/0xff",
        "1/255",
        "0x1/0xffffffff",
        "0/0",
        "4294967295",
        "4294967296",
        "",
        "1/",
        "/1",
        "1/2/3",
        "-1",
        " 1",
        "1 ",
        "010",
        "0x",
        "0xf0/0xf",
        "1/ 2",
        "08",
        "99999999999999999999999",
    ] {
        let ours =
            Masked::parse(word.as_bytes()).map(|mark| format!("-m mark --mark {mark}")).map_err(|_| "mark: ");
        cases.push(case(&["-m", "mark", "--mark", word], ours));
    }
    for word in [
        "aa:bb:cc:dd:ee:ff",
        "AA:B:cc:1:0:00",
        "aa:bb:cc:dd:ee",
        "aa-bb-cc-dd-ee-ff",
        "001:2:3:4:5:6",
        "",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6x",
        "1:2:3:4:5:g",
    ] {
        let ours = MacAddr::parse(word.as_bytes())
            .map(|mac| format!("-m mac --mac-source {mac}"))
            .map_err(|_| "Invalid MAC address");
        cases.push(case(&["-m", "mac", "--mac-source", word], ours));
    }
    for word in [
        "1.1.1.1",
        "1.1.1.1-2.2.2.2",
        "2.2.2.2-1.1.1.1",
        "1.1.1.1-",
        "-1.1.1.1",
        "10-11",
        "a-b",
        "::1",
        "1.1.1.1-2.2.2.2-3",
        "1.1.1.1-300",
    ] {
        let ours = AddrRange::parse_v4(word.as_bytes())
            .map(|range| format!("-m iprange --src-range {range}"))
            .map_err(|_| "Bad value");
        cases.push(case(&["-m", "iprange", "--src-range", word], ours));
    }
    for word in ["::1", "::1-::1.2.3.4", "::2-::1", "1.1.1.1"] {
        let ours = AddrRange::parse_v6(word.as_bytes())
            .map(|range| format!("-m iprange --dst-range {range}"))
            .map_err(|_| "Bad value");
        cases.push(case6(&["-m", "iprange", "--dst-range", word], ours));
    }
    compare("ports, marks, MAC addresses and ranges", &cases);
}

#[test]
fn interfaces_patterns_quoting() {
    let mut cases = Vec::new();
    for word in [
        "eth0",
        "eth+",
        "e++",
        "e+h",
        "a b",
        "a/b",
        "123456789012345",
        "1234567890123456",
        "12345678901234+",
        "é",
        "a\"b",
        "!x",
        "lo*",
        "",
    ] {
        let ours = match Interface::parse(word.as_bytes()) {
            Ok(interface) => Ok(format!("-i {interface}")),
            Err(_) if word.is_empty() => Err("Empty interface"),
            Err(_) => Err("must be shorter than IFNAMSIZ"),
        };
        cases.push(case(&["-i", word], ours));
    }
    let long = "a".repeat(128);
    let longer = "a".repeat(129);
    let pattern = |pattern: Pattern| format!("-m string {} {pattern} --algo bm", pattern.option());
    for word in [
        "|0a 0b|",
        "|0A0b|",
        "abc|41 42|def",
        "a",
        "|0|",
        "|00 1|",
        "ab|",
        "|zz|",
        "||",
        r"a\|b",
        r"a\\b",
        "|41|",
        "|41 42|x y",
        "|41  42|",
        "| 41|",
        "|41 |",
        "|4 1|",
        "a\"b|00|",
        "|7f|",
        "|c3 a9|",
        "|41",
        r"\",
        "x|22|",
        "x|7c 01|",
        "|5c|",
        "|01 5c 22|",
        r"|41|\x",
        "|41||42",
        "|41||42|",
        r"|41\42|",
        r"\a",
        "it's|01|",
        &long,
        &longer,
    ] {
        let ours = Pattern::parse_hex(word.as_bytes()).map(pattern).map_err(|_| "");
        cases.push(case(&["-m", "string", "--algo", "bm", "--hex-string", word], ours));
    }
    for word in
        ["a", "a b", "a\"b", "a\u{1}b", "a|b", r"a\b", r"ab\", "a'b", "é", "a\tb", "~", &long, &longer]
    {
        let ours = Pattern::parse(word.as_bytes()).map(pattern).map_err(|_| "");
        cases.push(case(&["-m", "string", "--algo", "bm", "--string", word], ours));
    }
    for word in
        ["a", "a-b_9", "-", "a b", "it's", "a\"b\\c", "é", "$x#", "a.b", "a:", "a\tb", "[x]", "%", "a|b", "`"]
    {
        let ours = format!("-j LOG --log-prefix {}", Quoted(word.as_bytes()));
        cases.push(case(&["-j", "LOG", "--log-prefix", word], Ok(ours)));
    }
    compare("interfaces, patterns and quoting", &cases);
}
