//! Source and destination ports of tcp and udp: both encodings test them with the same native expressions
//! (encoding.md 1.1).

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::expr::{Base, CmpOp};
use rfw_nft::predicate::{Field, Item, Relation};
use rfw_syntax::Word;
use rfw_values::{PortError, PortRange};

use crate::Parsed;
use crate::context::ParseCx;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};

/// A port or a range of them, maybe inverted. Never the full range uninverted: that tests nothing.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Whether `!` stood before it.
    pub inverted: bool,
    /// The ports.
    pub range: PortRange,
}

impl Ports {
    /// As a range without `!`, if there is one: `! :5` is `6:`.
    fn plain(self) -> Option<PortRange> {
        match (self.inverted, self.range.lo(), self.range.hi()) {
            (false, ..) => Some(self.range),
            (true, 0, hi) => hi.checked_add(1).and_then(|lo| PortRange::new(lo, u16::MAX)),
            (true, lo, u16::MAX) => PortRange::new(0, lo - 1),
            (true, ..) => None,
        }
    }
}

/// Two spellings of the same ports are equal: iptables saves `! --dport :5` as `--dport 6:65535`, and both name the rule.
impl PartialEq for Ports {
    fn eq(&self, other: &Self) -> bool {
        match (self.plain(), other.plain()) {
            (None, None) => (self.inverted, self.range) == (other.inverted, other.range),
            (one, two) => one == two,
        }
    }
}

impl Eq for Ports {}

/// Hint: one port or range of `-m multiport`, not of the protocol's own match.
pub const MULTIPORT: u8 = 50;

/// The source port of a transport header.
pub const SOURCE_PORT: Field = Field::Payload { base: Base::Transport, offset: 0, len: 2 };
/// Its destination port.
pub const DESTINATION_PORT: Field = Field::Payload { base: Base::Transport, offset: 2, len: 2 };

/// Both port tests of a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortPair {
    /// `--sport`.
    pub source: Option<Ports>,
    /// `--dport`.
    pub destination: Option<Ports>,
}

impl PortPair {
    /// Reads `--source-port` and `--destination-port` (and what is an alias of them).
    ///
    /// # Errors
    /// With iptables' words.
    pub fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>, protocol: &'static str) -> Parsed<Self> {
        // libxtables asks for a service of any protocol; only tcp asks for its own.
        let services = (protocol == "tcp").then_some(protocol);
        let one = |name: &str| -> Parsed<Option<Ports>> {
            let Some(used) = uses.get(name) else { return Ok(None) };
            let Some(word) = used.value() else { return Ok(None) };
            let read = if protocol == "tcp" { PortRange::parse } else { PortRange::parse_decimal };
            let range = read(&word.text, services, cx.names).map_err(|e| match protocol {
                "tcp" => port_error(word, &e),
                _ => guided_port_error(word, &e, protocol, name),
            })?;
            let ports = Ports { inverted: used.inverted, range };
            Ok((ports.inverted || !range.is_full()).then_some(ports))
        };
        Ok(Self { source: one("source-port")?, destination: one("destination-port")? })
    }

    /// ` --sport 1:2 --dport 3`.
    pub fn print(&self, out: &mut Printer<'_>) {
        for (name, ports) in [("sport", self.source), ("dport", self.destination)] {
            if let Some(ports) = ports {
                out.option(ports.inverted, name);
                out.fmt(format_args!(" {}", ports.range));
            }
        }
    }

    /// ` spt:1 dpts:!2:3`.
    pub fn list(&self, out: &mut Printer<'_>, protocol: &str) {
        for (name, ports) in [("spt", self.source), ("dpt", self.destination)] {
            let Some(ports) = ports else { continue };
            let sign = if ports.inverted { "!" } else { "" };
            let lo = port_name(out, ports.range.lo(), protocol);
            if ports.range.is_single() {
                out.fmt(format_args!(" {name}:{sign}{lo}"));
            } else {
                let hi = port_name(out, ports.range.hi(), protocol);
                out.fmt(format_args!(" {name}s:{sign}{lo}:{hi}"));
            }
        }
    }

    /// Appends the tests.
    pub fn lower(&self, out: &mut Lowering) {
        if let (Some(s), Some(d)) = (self.source, self.destination)
            && [s, d].iter().all(|p| !p.inverted && p.range.is_single() && p.range.lo() != 0)
        {
            let [a, b] = s.range.lo().to_be_bytes();
            let [c, e] = d.range.lo().to_be_bytes();
            out.payload(Base::Transport, 0, 4);
            out.equals(false, &[a, b, c, e]);
            return;
        }
        for (offset, ports) in [(0, self.source), (2, self.destination)] {
            if let Some(ports) = ports {
                out.payload(Base::Transport, offset, 2);
                lower_range(out, ports);
            }
        }
    }

    /// Takes one port test from the front of a run, if there is room for it. Only in the order in which they are lowered:
    /// joining in any order would change the order, and with it what the next round joins.
    pub fn lift_one(&mut self, run: &mut Run<'_>) -> bool {
        let Some(Item::Test { value, relation }) = run.peek(0) else { return false };
        let Field::Payload { base: Base::Transport, offset, len } = value.field else { return false };
        if !value.ops.is_empty() {
            return false;
        }
        let taken = match (offset, len) {
            (0, 4) => self.put_both(relation),
            (0, 2) if self.destination.is_none() => put(&mut self.source, relation),
            (2, 2) => put(&mut self.destination, relation),
            _ => false,
        };
        if taken {
            run.take();
        }
        taken
    }

    fn put_both(&mut self, relation: &Relation) -> bool {
        let Relation::Cmp(CmpOp::Eq, data) = relation else { return false };
        let [a, b, c, d] = data.as_slice() else { return false };
        if self.source.is_some() || self.destination.is_some() {
            return false;
        }
        let single = |hi: u8, lo: u8| {
            Some(Ports { inverted: false, range: PortRange::single(u16::from_be_bytes([hi, lo])) })
        };
        self.source = single(*a, *b);
        self.destination = single(*c, *d);
        true
    }
}

fn put(slot: &mut Option<Ports>, relation: &Relation) -> bool {
    let found = if slot.is_none() { from_relation(relation) } else { None };
    if found.is_some() {
        *slot = found;
    }
    found.is_some()
}

/// The ports that a comparison of two big-endian bytes accepts.
#[must_use]
pub fn from_relation(relation: &Relation) -> Option<Ports> {
    let port = |data: &[u8]| Some(u16::from_be_bytes(data.try_into().ok()?));
    let (inverted, lo, hi) = match relation {
        Relation::Range { invert, from, to } => (*invert, port(from)?, port(to)?),
        Relation::Cmp(op, data) => {
            let n = port(data)?;
            match op {
                CmpOp::Eq => (false, n, n),
                CmpOp::Neq => (true, n, n),
                CmpOp::Lte => (false, 0, n),
                CmpOp::Gt => (true, 0, n),
                CmpOp::Lt => (false, 0, n.checked_sub(1)?),
                CmpOp::Gte => (false, n, u16::MAX),
            }
        }
    };
    let range = PortRange::new(lo, hi)?;
    // A test that every port passes has no words; it stays what it is.
    (inverted || !range.is_full()).then_some(Ports { inverted, range })
}

fn lower_range(out: &mut Lowering, ports: Ports) {
    let (lo, hi) = (ports.range.lo().to_be_bytes(), ports.range.hi().to_be_bytes());
    if ports.range.is_single() {
        out.equals(ports.inverted, &lo);
    } else if ports.range.lo() == 0 && ports.range.hi() < u16::MAX {
        out.cmp(if ports.inverted { CmpOp::Gt } else { CmpOp::Lte }, &hi);
    } else {
        out.in_range(ports.inverted, &lo, &hi);
    }
}

/// A port as listings show it.
#[must_use]
pub fn port_name(out: &Printer<'_>, port: u16, protocol: &str) -> String {
    let name = if out.numeric { None } else { out.names.name(port, Some(protocol)) };
    name.unwrap_or_else(|| port.to_string())
}

/// The same for an option that libxtables reads (`XTTYPE_PORTRC`), whose words are others.
#[must_use]
pub fn guided_port_error(
    word: &Word<'_>,
    error: &PortError,
    extension: &str,
    option: &str,
) -> Box<Diagnostic> {
    let diagnostic = *port_error(word, error);
    let at = error.value_error();
    let classic = match error {
        _ if word.text.iter().filter(|&&b| b == b':').count() > 1 => {
            format!("{extension}: Too many components for option \"--{option}\" (max: 2)\n")
        }
        PortError::Inverted { .. } => return Box::new(diagnostic),
        PortError::NotAPort(_) => {
            let part = String::from_utf8_lossy(word.text.get(at.start..at.end).unwrap_or(&word.text));
            format!("Port \"{part}\" does not resolve to anything.\n")
        }
    };
    Box::new(diagnostic.parameter(classic))
}

/// iptables' words for a bad port, and better ones below.
#[must_use]
pub fn port_error(word: &Word<'_>, error: &PortError) -> Box<Diagnostic> {
    let at = error.value_error();
    match error {
        PortError::Inverted { lo, hi, .. } => Box::new(
            Diagnostic::error(
                codes::BAD_VALUE,
                word.part(at.start, at.end),
                format!("the range {lo}:{hi} runs backwards"),
            )
            .help(format!("write `{hi}:{lo}`"))
            .parameter("invalid portrange (min > max)"),
        ),
        PortError::NotAPort(_) => {
            let part =
                String::from_utf8_lossy(word.text.get(at.start..at.end).unwrap_or(&word.text)).into_owned();
            let classic = format!("invalid port/service `{part}' specified");
            if word.text.contains(&b',') {
                let help = format!("several ports need `-m multiport --dports {}`", word.lossy());
                return Box::new(
                    Diagnostic::error(
                        codes::PORT_LIST_NEEDS_MULTIPORT,
                        word.span,
                        "this option takes one port or one range",
                    )
                    .help(help)
                    .parameter(classic),
                );
            }
            let mut diagnostic = *bad_value(word, at, classic);
            if part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty() {
                diagnostic.message = format!("{part} is no port");
                diagnostic.label = Some("ports end at 65535".into());
                diagnostic.help = Some("a port is a number from 0 to 65535".into());
            } else {
                diagnostic.message = format!("`{part}` is no port or service");
                diagnostic.label = None;
                diagnostic.help =
                    Some("a number from 0 to 65535 or a name of /etc/services; a range is FROM:TO".into());
            }
            Box::new(diagnostic)
        }
    }
}
