//! `-m tcp`: ports, flags and one option of a TCP header.
//!
//! Ports and flags are native in both encodings; a match with `--tcp-option`, or with no condition at all, is xt `tcp`
//! revision 0 (encoding.md 1.1):
//!
//! ```c
//! struct xt_tcp { __u16 spts[2], dpts[2]; __u8 option, flg_mask, flg_cmp, invflags; };  /* xt_tcpudp.h, host order */
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::expr::{Base, CmpOp};
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::PortRange;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::header;
use crate::shared::ports::{PortPair, Ports};
use crate::uses::{Uses, bad_item};
use crate::{Extension, Parsed};

/// `IPPROTO_TCP`.
const PROTOCOL: u8 = 6;
const SIZE: usize = 12;
const INV_SOURCE: u8 = 1;
const INV_DESTINATION: u8 = 2;
const INV_FLAGS: u8 = 4;
const INV_OPTION: u8 = 8;

/// iptables' words for a second test of the flags.
const FLAGS_CONFLICT: &str = "Only one of `--syn' or `--tcp-flags'  allowed";

/// Flag names in the order in which they are printed.
const FLAGS: &[(&str, u8)] = &[("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32)];

/// `--tcp-flags MASK COMP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flags {
    inverted: bool,
    mask: u8,
    comp: u8,
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// The port tests.
    pub ports: PortPair,
    flags: Option<Flags>,
    option: Option<(bool, u8)>,
}

impl Extension for Tcp {
    const NAME: &'static str = "tcp";
    const IMPLIED_BY: &'static [&'static str] = &["tcp", "6"];
    const SUMMARY: &'static str = "ports, flags and options of TCP";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("source-port", "port[:port]", "source port or range").invertible().conflict("Only one `--source-port' allowed"),
        OptionSpec::value("sport", "port[:port]", "source port or range").invertible().conflict("Only one `--source-port' allowed").alias_of("source-port"),
        OptionSpec::value("destination-port", "port[:port]", "destination port or range").invertible().conflict("Only one `--destination-port' allowed"),
        OptionSpec::value("dport", "port[:port]", "destination port or range").invertible().conflict("Only one `--destination-port' allowed").alias_of("destination-port"),
        OptionSpec::two("tcp-flags", "mask comp", "of the flags in mask, exactly comp are set").invertible().excludes(&["syn"]).conflict(FLAGS_CONFLICT),
        OptionSpec::flag("syn", "SYN without ACK, RST, FIN: the first packet of a connection").invertible().excludes(&["tcp-flags"]).conflict(FLAGS_CONFLICT),
        OptionSpec::value("tcp-option", "number", "the TCP option is present").invertible().conflict("Only one `--tcp-option' allowed"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "natively a missing header and a missing TCP option look the same",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        if cx.protocol.is_none_or(|p| p.0 != PROTOCOL) {
            return Err(Box::new(
                Diagnostic::error(codes::MATCH_NEEDS_PROTOCOL, uses.at, "`tcp` looks into a TCP header, and the rule does not say `-p tcp`")
                    .help("add `-p tcp`")
                    .parameter("TCP match requires '-p tcp'"),
            ));
        }
        let flags = match uses.get("tcp-flags") {
            Some(used) => match &used.values {
                [Some(mask), Some(comp)] => {
                    Some(Flags { inverted: used.inverted, mask: parse_flags(mask)?, comp: parse_flags(comp)? })
                }
                _ => None,
            },
            None => uses.get("syn").map(|used| Flags { inverted: used.inverted, mask: 0x17, comp: 0x02 }),
        };
        // To ask nothing of no flag is no test, as in the original.
        let flags = flags.filter(|f| f.inverted || f.mask != 0 || f.comp != 0);
        let option = match uses.word("tcp-option") {
            Some(word) => {
                let number = rfw_values::number::parse_u8(&word.text, 1, 255).map_err(|error| {
                    crate::uses::bad_value(word, &error, format!("Bad TCP option \"{}\"", word.lossy()))
                })?;
                Some((uses.inverted("tcp-option"), number))
            }
            None => None,
        };
        Ok(Self { ports: PortPair::parse(uses, cx, "tcp")?, flags, option })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.ports.print(out);
        if let Some((inverted, number)) = self.option {
            out.option(inverted, "tcp-option");
            out.fmt(format_args!(" {number}"));
        }
        if let Some(flags) = self.flags {
            out.option(flags.inverted, "tcp-flags");
            out.fmt(format_args!(" {} {}", flag_names(flags.mask), flag_names(flags.comp)));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" tcp");
        self.ports.list(out, "tcp");
        if let Some((inverted, number)) = self.option {
            out.fmt(format_args!(" option={}{number}", if inverted { "!" } else { "" }));
        }
        if let Some(flags) = self.flags {
            let sign = if flags.inverted { "!" } else { "" };
            if out.numeric {
                out.fmt(format_args!(" flags:{sign}0x{:02X}/0x{:02X}", flags.mask, flags.comp));
            } else {
                out.fmt(format_args!(" flags:{sign}{}/{}", flag_names(flags.mask), flag_names(flags.comp)));
            }
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let nothing = self.flags.is_none() && self.ports == PortPair::default();
        if nothing && self.option.is_none() && out.native() && out.protocol == Some((PROTOCOL, false)) {
            header::lower_alone(out);
            return;
        }
        if self.option.is_some() || nothing {
            out.xt_match("tcp", 0, self.xt());
            return;
        }
        if let Some(flags) = self.flags {
            out.payload(Base::Transport, 13, 1);
            out.mask(&[flags.mask]);
            out.equals(flags.inverted, &[flags.comp]);
        }
        self.ports.lower(out);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if run.protocol.is_none_or(|p| p.0 != PROTOCOL) {
            return None;
        }
        if let Some(view) = run.xt_match("tcp", 0, SIZE) {
            return Self::from_xt(&view);
        }
        let mut found = Self { ports: PortPair::default(), flags: None, option: None };
        if header::lift_alone(run) {
            return Some(found);
        }
        let mut any = false;
        if found.lift_flags(run) {
            any = true;
        }
        while found.ports.lift_one(run) {
            any = true;
        }
        any.then_some(found)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Tcp {
    fn lift_flags(&mut self, run: &mut Run<'_>) -> bool {
        let start = run.position();
        let field = Field::Payload { base: Base::Transport, offset: 13, len: 1 };
        let Some(test) = run.masked(&field) else { return false };
        if let (&[mask], &[comp], CmpOp::Eq | CmpOp::Neq) = (test.mask.unwrap_or(&[0xff]), test.value, test.op)
            && mask & 0xc0 == 0
            && comp & 0xc0 == 0
        {
            self.flags = Some(Flags { inverted: test.op == CmpOp::Neq, mask, comp });
            return true;
        }
        run.rewind(start);
        false
    }

    fn xt(&self) -> Vec<u8> {
        let range = |p: Option<Ports>| p.map_or(PortRange::FULL, |p| p.range);
        let (source, destination) = (range(self.ports.source), range(self.ports.destination));
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        let inverted = bit(self.ports.source.is_some_and(|p| p.inverted), INV_SOURCE)
            | bit(self.ports.destination.is_some_and(|p| p.inverted), INV_DESTINATION)
            | bit(self.flags.is_some_and(|f| f.inverted), INV_FLAGS)
            | bit(self.option.is_some_and(|o| o.0), INV_OPTION);
        Info::new(SIZE)
            .u16(0, source.lo())
            .u16(2, source.hi())
            .u16(4, destination.lo())
            .u16(6, destination.hi())
            .u8(8, self.option.map_or(0, |o| o.1))
            .u8(9, self.flags.map_or(0, |f| f.mask))
            .u8(10, self.flags.map_or(0, |f| f.comp))
            .u8(11, inverted)
            .finish()
    }

    fn from_xt(view: &rfw_nft::xt::View<'_>) -> Option<Self> {
        let bits = view.u8(11);
        let ports = |at: usize, bit: u8| -> Option<Option<Ports>> {
            let ports = Ports { inverted: bits & bit != 0, range: PortRange::new(view.u16(at), view.u16(at + 2))? };
            Some((ports.inverted || !ports.range.is_full()).then_some(ports))
        };
        let (mask, comp) = (view.u8(9), view.u8(10));
        // ECE and CWR have no words.
        if (mask | comp) & 0xc0 != 0 {
            return None;
        }
        let flags = Flags { inverted: bits & INV_FLAGS != 0, mask, comp };
        Some(Self {
            ports: PortPair { source: ports(0, INV_SOURCE)?, destination: ports(4, INV_DESTINATION)? },
            flags: (mask != 0 || comp != 0 || flags.inverted).then_some(flags),
            option: (view.u8(8) != 0).then_some((bits & INV_OPTION != 0, view.u8(8))),
        })
    }
}

fn parse_flags(word: &rfw_syntax::Word<'_>) -> Parsed<u8> {
    let mut bits = 0;
    let mut start = 0;
    // As in the original, commas too many say nothing; a word of nothing else is a mistake here.
    let silent = word.text.iter().any(|&b| b != b',');
    for part in word.text.split(|&b| b == b',') {
        if part.is_empty() && silent {
            start += 1;
            continue;
        }
        let upper = part.to_ascii_uppercase();
        bits |= match upper.as_slice() {
            b"ALL" => 0x3f,
            b"NONE" => 0,
            other => match FLAGS.iter().find(|(name, _)| name.as_bytes() == other) {
                Some((_, bit)) => *bit,
                None => {
                    let choices = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ALL", "NONE"];
                    let classic = format!("Unknown TCP flag `{}'", String::from_utf8_lossy(part));
                    return Err(bad_item(word, &upper, word.part(start, start + part.len()), &choices, classic));
                }
            },
        };
        start += part.len() + 1;
    }
    Ok(bits)
}

fn flag_names(bits: u8) -> String {
    if bits == 0 {
        return "NONE".into();
    }
    FLAGS.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect::<Vec<_>>().join(",")
}

