//! `-m multiport`: lists of ports and port ranges.
//!
//! Native: that there is a header, and an anonymous set of ports; of `--ports`, a set of pairs of which one is in the list; one port or range by itself is
//! a comparison. The xt match drops a packet whose header ends before the ports; natively the rule does not match it.
//!
//! ```c
//! struct xt_multiport_v1 {  /* xt_multiport.h, host order */
//!     __u8 flags, count;  /* flags: source 0, destination 1, either 2 */
//!     __u16 ports[15]; __u8 pflags[15];  /* pflag 1: the port begins a range that the next one ends */
//!     __u8 invert;
//! };
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::expr::Base;
use rfw_nft::set::{Set, key};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ports::parse_port;
use rfw_values::{PortRange, ValueError};

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::header;
use crate::shared::ports::{DESTINATION_PORT, MULTIPORT, SOURCE_PORT, port_name};
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

/// First and last ports.
type Ranges = Vec<(u16, u16)>;

const SIZE: usize = 48;
/// `XT_MULTI_PORTS`: a range takes two.
const SLOTS: usize = 15;
/// Long name, the name that is printed; in the kernel's order.
const SIDES: [(&str, &str); 3] = [("source-ports", "sports"), ("destination-ports", "dports"), ("ports", "ports")];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiport {
    /// Whether `!` stood before it.
    pub inverted: bool,
    /// 0 source, 1 destination, 2 either.
    side: u8,
    /// In the order written. A range of more than one port, or one port.
    pub ports: Vec<PortRange>,
}

impl Extension for Multiport {
    const NAME: &'static str = "multiport";
    const SUMMARY: &'static str = "lists of ports";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("source-ports", "port[:port],…", "source ports")
            .invertible()
            .excludes(&["destination-ports", "ports"]),
        OptionSpec::value("sports", "port[:port],…", "source ports").invertible().alias_of("source-ports"),
        OptionSpec::value("destination-ports", "port[:port],…", "destination ports")
            .invertible()
            .excludes(&["source-ports", "ports"]),
        OptionSpec::value("dports", "port[:port],…", "destination ports")
            .invertible()
            .alias_of("destination-ports"),
        OptionSpec::value("ports", "port[:port],…", "source or destination ports")
            .invertible()
            .excludes(&["source-ports", "destination-ports"]),
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let given = (0u8..).zip(SIDES).find_map(|(side, (name, _))| Some((side, name, uses.word(name)?)));
        let Some((side, name, word)) = given else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "multiport expection an option",
                "add `--dports`, `--sports` or `--ports` with a list of ports",
            )
            .map_later("no ports specified"));
        };
        let Some(protocol) = cx.port_protocol() else { return Err(no_protocol(uses, cx)) };
        Ok(Self { inverted: uses.inverted(name), side, ports: parse_list(word, protocol, cx)? })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, self.name());
        for (index, range) in self.ports.iter().enumerate() {
            out.fmt(format_args!("{}{range}", if index == 0 { ' ' } else { ',' }));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let protocol = protocol_name(out.protocol.unwrap_or(0)).unwrap_or("tcp");
        out.fmt(format_args!(" multiport {} {}", self.name(), if self.inverted { " !" } else { "" }));
        for (index, range) in self.ports.iter().enumerate() {
            if index > 0 {
                out.text(",");
            }
            let lo = port_name(out, range.lo(), protocol);
            out.text(&lo);
            if !range.is_single() {
                let hi = port_name(out, range.hi(), protocol);
                out.fmt(format_args!(":{hi}"));
            }
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let served = |p: (u8, bool)| !p.1 && protocol_name(p.0).is_some();
        if out.native() && out.protocol.is_some_and(served) && self.lower_native(out) {
            return;
        }
        let mut info = Info::new(SIZE).u8(0, self.side).u8(47, self.inverted.into());
        let mut slot = 0;
        for range in &self.ports {
            info = info.u16(2 + 2 * slot, range.lo()).u8(32 + slot, (!range.is_single()).into());
            slot += 1;
            if !range.is_single() {
                info = info.u16(2 + 2 * slot, range.hi());
                slot += 1;
            }
        }
        out.xt_match("multiport", 1, info.u8(1, u8::try_from(slot).unwrap_or(0)).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        match run.protocol {
            Some((number, false)) => protocol_name(number)?,
            _ => return None,
        };
        if let Some(found) = Self::lift_native(run) {
            return Some(found);
        }
        Self::from_xt(&run.xt_match("multiport", 1, SIZE)?)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Multiport {
    /// Whether source ports are looked at, and whether destination ports are.
    #[must_use]
    pub fn sides(&self) -> (bool, bool) {
        (self.side != 1, self.side != 0)
    }

    /// Appends nf_tables expressions; false if how the list is written could not be remembered.
    fn lower_native(&self, out: &mut Lowering) -> bool {
        let ports: Vec<(u16, u16)> = self.ports.iter().map(|range| (range.lo(), range.hi())).collect();
        let set = Set::of_ranges(key::INET_SERVICE, ports.iter().copied());
        let joined = set.ranges().unwrap_or_default();
        if joined != ports && !out.spell(spell(&ports)) {
            return false;
        }
        let single = if let [one] = *joined { Some(one) } else { None };
        if single.is_some() && self.side != 2 {
            out.hint(MULTIPORT);
        }
        header::lower(out);
        if self.side == 2 {
            out.payload(Base::Transport, 0, 2);
            out.payload_behind(Base::Transport, 2, 2);
            out.in_set(self.inverted, either(&joined));
            return true;
        }
        out.payload(Base::Transport, if self.side == 0 { 0 } else { 2 }, 2);
        match single {
            Some((lo, hi)) if lo == hi => out.equals(self.inverted, &lo.to_be_bytes()),
            Some((lo, hi)) => out.in_range(self.inverted, &lo.to_be_bytes(), &hi.to_be_bytes()),
            None => out.in_set(self.inverted, set),
        }
        true
    }

    fn lift_native(run: &mut Run<'_>) -> Option<Self> {
        let (start, spelling) = (run.position(), run.spelling());
        let found = claim(run).and_then(|(inverted, side, joined)| {
            let spelled = spelling.and_then(unspell).filter(|ports| {
                Set::of_ranges(key::INET_SERVICE, ports.iter().copied()).ranges().as_ref() == Some(&joined)
            });
            let ports = spelled.unwrap_or(joined);
            let slots: usize = ports.iter().map(|(lo, hi)| if lo == hi { 1 } else { 2 }).sum();
            let ports = ports.into_iter().map(|(lo, hi)| PortRange::new(lo, hi)).collect::<Option<_>>()?;
            (slots <= SLOTS).then_some(Self { inverted, side, ports })
        });
        if found.is_none() {
            run.rewind(start);
        }
        found
    }

    fn name(&self) -> &'static str {
        SIDES[usize::from(self.side % 3)].1
    }

    fn from_xt(view: &View<'_>) -> Option<Self> {
        let (side, count, inverted) = (view.u8(0), usize::from(view.u8(1)), view.u8(47));
        if side > 2 || count == 0 || count > SLOTS || inverted > 1 {
            return None;
        }
        let mut ports = Vec::with_capacity(count);
        let mut slot = 0;
        while slot < count {
            let port = |slot: usize| view.u16(2 + 2 * slot);
            let range = match view.u8(32 + slot) {
                0 => PortRange::single(port(slot)),
                // What is no true range can't be written.
                1 if slot + 1 < count && view.u8(33 + slot) == 0 => {
                    slot += 1;
                    PortRange::new(port(slot - 1), port(slot)).filter(|range| !range.is_single())?
                }
                _ => return None,
            };
            ports.push(range);
            slot += 1;
        }
        Some(Self { inverted: inverted == 1, side, ports })
    }
}

/// Pairs of a source and a destination port of which at least one is in the list; no pair is there twice, as the kernel wants.
fn either(ports: &[(u16, u16)]) -> Set {
    let mut others = Vec::with_capacity(ports.len() + 1);
    let mut next = Some(0);
    for (lo, hi) in ports {
        if let Some(from) = next.filter(|from| from < lo) {
            others.push((from, lo - 1));
        }
        next = hi.checked_add(1);
    }
    others.extend(next.map(|from| (from, u16::MAX)));
    let source = ports.iter().map(|port| vec![*port, (0, u16::MAX)]);
    let destination = others.iter().flat_map(|other| ports.iter().map(|port| vec![*other, *port]));
    let key_type = key::concat(&[key::INET_SERVICE, key::INET_SERVICE]);
    Set::of_parts(key_type, &[2, 2], source.chain(destination))
}

/// The list in such a set, if it is one.
fn of_either(set: &Set) -> Option<Vec<(u16, u16)>> {
    let part = |key: &[u8], at: usize| Some(u16::from_be_bytes(key.get(at..at + 2)?.try_into().ok()?));
    let mut ports = Vec::new();
    for (first, last) in &set.members {
        if (part(first, 4)?, part(last, 4)?) == (0, u16::MAX) {
            ports.push((part(first, 0)?, part(last, 0)?));
        }
    }
    (either(&ports).members == set.members).then_some(ports)
}

/// Whether inverted, which side, and the ports in order.
fn claim(run: &mut Run<'_>) -> Option<(bool, u8, Ranges)> {
    let alone = run.hinted(MULTIPORT);
    if !header::lift(run) {
        return None;
    }
    if let Some((inverted, set)) = run.in_set(&[SOURCE_PORT, DESTINATION_PORT]) {
        return Some((inverted, 2, of_either(set)?));
    }
    let number = |data: &[u8]| Some(u16::from_be_bytes(data.try_into().ok()?));
    for (side, field) in [(0, SOURCE_PORT), (1, DESTINATION_PORT)] {
        if let Some((inverted, set)) = run.in_set(std::slice::from_ref(&field)) {
            return Some((inverted, side, set.ranges()?));
        }
        if !alone {
            continue;
        }
        if let Some((inverted, data)) = run.equality(&field) {
            let port = number(data)?;
            return Some((inverted, side, vec![(port, port)]));
        }
        if let Some((inverted, lo, hi)) = run.range(&field, &[]) {
            return Some((inverted, side, vec![(number(lo)?, number(hi)?)]));
        }
    }
    None
}

/// A list in the order written: a bit for each range, then the ports.
fn spell(ports: &[(u16, u16)]) -> Vec<u8> {
    let bits = ports.iter().enumerate().filter(|(_, (lo, hi))| lo != hi).fold(0_u16, |bits, (at, _)| bits | 1 << at);
    let mut bytes = bits.to_be_bytes().to_vec();
    for (lo, hi) in ports {
        bytes.extend(lo.to_be_bytes());
        if lo != hi {
            bytes.extend(hi.to_be_bytes());
        }
    }
    bytes
}

fn unspell(bytes: &[u8]) -> Option<Vec<(u16, u16)>> {
    let mut numbers = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
    let bits = numbers.next()?;
    let mut ports = Vec::new();
    while let Some(lo) = numbers.next() {
        let range = ports.len() < SLOTS && bits & (1 << ports.len()) != 0;
        ports.push((lo, if range { numbers.next()? } else { lo }));
    }
    (!ports.is_empty()).then_some(ports)
}

/// The protocols with ports, by number.
fn protocol_name(number: u8) -> Option<&'static str> {
    match number {
        6 => Some("tcp"),
        17 => Some("udp"),
        33 => Some("dccp"),
        132 => Some("sctp"),
        136 => Some("udplite"),
        _ => None,
    }
}

fn no_protocol(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Box<Diagnostic> {
    let classic = match cx.protocol {
        None | Some((0, _)) => "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'",
        Some(_) => "multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP",
    };
    Box::new(
        Diagnostic::error(
            codes::MATCH_NEEDS_PROTOCOL,
            uses.at,
            "`multiport` looks at ports, and the rule is not for one protocol that has them",
        )
        .help("add `-p tcp`, `-p udp`, `-p udplite`, `-p sctp` or `-p dccp`")
        .parameter(classic),
    )
}

fn parse_list(word: &Word<'_>, protocol: &str, cx: &ParseCx<'_>) -> Parsed<Vec<PortRange>> {
    let mut ports = Vec::new();
    let (mut at, mut slots) = (0, 0);
    for item in word.text.split(|&b| b == b',') {
        if slots >= SLOTS {
            return Err(too_many(word, at));
        }
        let port = |from: usize, to: usize| -> Parsed<u16> {
            parse_port(&item[from..to], Some(protocol), cx.names)
                .map_err(|error| no_port(word, &error.shifted(at + from), &item[from..to]))
        };
        let range = match item.iter().position(|&b| b == b':') {
            None => PortRange::single(port(0, item.len())?),
            // There is one place left: said before the ports are looked at.
            Some(_) if slots + 1 >= SLOTS => return Err(too_many(word, at)),
            Some(colon) => {
                let (lo, hi) = (port(0, colon)?, port(colon + 1, item.len())?);
                slots += 1;
                PortRange::new(lo, hi)
                    .filter(|range| !range.is_single())
                    .ok_or_else(|| no_range(word, at, item, lo, hi))?
            }
        };
        ports.push(range);
        slots += 1;
        at += item.len() + 1;
    }
    Ok(ports)
}

fn too_many(word: &Word<'_>, at: usize) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            codes::PORT_LIST_NEEDS_MULTIPORT,
            word.part(at, word.text.len()),
            "the list holds more than 15 ports",
        )
            .label("too many from here")
            .help("split the list over two rules; a range counts as two ports")
            .parameter("too many ports specified"),
    )
}

fn no_port(word: &Word<'_>, error: &ValueError, part: &[u8]) -> Box<Diagnostic> {
    let shown = String::from_utf8_lossy(part);
    let mut diagnostic = *bad_value(word, error, format!("invalid port/service `{shown}' specified"));
    diagnostic.message = if part.is_empty() {
        "a port is missing in the list".into()
    } else {
        format!("`{shown}` is no port or service")
    };
    diagnostic.label = None;
    diagnostic.help =
        Some("a number from 0 to 65535 or a name of /etc/services; a range is FROM:TO, and commas stand between".into());
    Box::new(diagnostic)
}

fn no_range(word: &Word<'_>, at: usize, item: &[u8], lo: u16, hi: u16) -> Box<Diagnostic> {
    let help = if lo == hi { format!("write `{lo}`") } else { format!("write `{hi}:{lo}`") };
    let what = if lo == hi { "holds one port" } else { "runs backwards" };
    Box::new(
        Diagnostic::error(
            codes::BAD_VALUE,
            word.part(at, at + item.len()),
            format!("the range {lo}:{hi} {what}"),
        )
        .help(help)
        .parameter("invalid portrange specified"),
    )
}
