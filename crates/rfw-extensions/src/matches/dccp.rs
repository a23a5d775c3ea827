//! `-m dccp`: ports, types and options of DCCP.
//!
//! xt `dccp` revision 0 in both encodings.
//!
//! ```c
//! struct xt_dccp_info {  /* xt_dccp.h, host order */
//!     __u16 dpts[2], spts[2], flags, invflags, typemask;
//!     __u8 option;
//! };
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::PortRange;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::ports::guided_port_error;
use crate::shared::xt_ports::XtPorts;
use crate::uses::{Uses, bad_choice};
use crate::{Extension, Parsed};

const SIZE: usize = 16;
/// `XT_DCCP_TYPE`.
const TYPES: u8 = 4;
/// `XT_DCCP_OPTION`.
const OPTION: u8 = 8;

/// The types by their numbers (RFC 4340); the last stands for all that follow it too.
const NAMES: [&str; 11] = [
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID",
];
/// The bits of `INVALID`.
const INVALID: u16 = 0xfc00;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dccp {
    ports: XtPorts,
    /// A bit for each type: all of `INVALID` or none.
    types: Option<(bool, u16)>,
    option: Option<(bool, u8)>,
}

impl Extension for Dccp {
    const NAME: &'static str = "dccp";
    const IMPLIED_BY: &'static [&'static str] = &["dccp", "33"];
    const SUMMARY: &'static str = "ports, types and options of DCCP";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("source-port", "port[:port]", "source port or range").invertible(),
        OptionSpec::value("sport", "port[:port]", "source port or range").invertible().alias_of("source-port"),
        OptionSpec::value("destination-port", "port[:port]", "destination port or range").invertible(),
        OptionSpec::value("dport", "port[:port]", "destination port or range").invertible().alias_of("destination-port"),
        OptionSpec::value("dccp-types", "type[,type...]", "one of the types").invertible(),
        OptionSpec::value("dccp-option", "number", "the option is present").invertible(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the match drops headers that are cut short and walks the options, which nf_tables does not",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let types = uses.word("dccp-types").map(parse_types).transpose()?;
        let option = uses.number("dccp-option", 1, 255)?;
        Ok(Self {
            ports: XtPorts {
                source: parse_ports(uses, "source-port", cx)?,
                destination: parse_ports(uses, "destination-port", cx)?,
            },
            types: types.map(|types| (uses.inverted("dccp-types"), types)),
            option: option.map(|n| (uses.inverted("dccp-option"), u8::try_from(n).unwrap_or(u8::MAX))),
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.ports.print(out);
        if let Some((inverted, types)) = self.types {
            out.option(inverted, "dccp-types");
            out.word(names(types).as_bytes());
        }
        if let Some((inverted, option)) = self.option {
            out.option(inverted, "dccp-option");
            out.fmt(format_args!(" {option}"));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" dccp");
        self.ports.list(out, "dccp");
        if let Some((inverted, types)) = self.types {
            out.text(if inverted { " ! " } else { " " });
            if out.numeric {
                let numbers: Vec<String> =
                    (0..16).filter(|bit| types & (1 << bit) != 0).map(|bit| bit.to_string()).collect();
                out.text(&numbers.join(","));
            } else {
                out.text(&names(types));
            }
        }
        if let Some((inverted, option)) = self.option {
            out.fmt(format_args!(" option={}{option}", if inverted { "!" } else { "" }));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_match("dccp", 0, self.xt());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("dccp", 0, SIZE)?;
        let (flags, inverted) = (u8::try_from(view.u16(8)).ok()?, u8::try_from(view.u16(10)).ok()?);
        let lifted = Self {
            ports: XtPorts::get(&view, flags, inverted)?,
            types: (flags & TYPES != 0).then_some((inverted & TYPES != 0, view.u16(12))),
            option: (flags & OPTION != 0).then_some((inverted & OPTION != 0, view.u8(14))),
        };
        let known = lifted.types.is_none_or(|(_, types)| matches!(types & INVALID, 0 | INVALID))
            && lifted.option.is_none_or(|(_, option)| option != 0);
        (known && lifted.xt() == view.slice(0, SIZE)).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Dccp {
    fn xt(&self) -> Vec<u8> {
        let (mut flags, mut inverted) = self.ports.bits();
        for (bit, test) in [(TYPES, self.types.map(|t| t.0)), (OPTION, self.option.map(|t| t.0))] {
            flags |= if test.is_some() { bit } else { 0 };
            inverted |= if test == Some(true) { bit } else { 0 };
        }
        let (types, option) = (self.types.map_or(0, |t| t.1), self.option.map_or(0, |t| t.1));
        let info = self.ports.put(Info::new(SIZE)).u16(8, flags.into()).u16(10, inverted.into());
        info.u16(12, types).u8(14, option).finish()
    }
}

/// The names, joined with commas.
fn names(types: u16) -> String {
    let given = NAMES.iter().enumerate().filter(|(bit, _)| types & (1 << bit) != 0);
    given.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

fn parse_types(word: &Word<'_>) -> Parsed<u16> {
    let mut types = 0;
    let mut start = 0;
    for part in word.text.split(|&b| b == b',') {
        let end = start + part.len();
        match NAMES.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(part)) {
            Some(bit) if bit + 1 == NAMES.len() => types |= INVALID,
            Some(bit) => types |= 1 << bit,
            None if part.is_empty() => {}
            None => {
                let classic = format!("Unknown DCCP type `{}'", String::from_utf8_lossy(part));
                return Err(bad_choice(word, &part.to_ascii_uppercase(), word.part(start, end), &NAMES, classic));
            }
        }
        start = end + 1;
    }
    Ok(types)
}

/// A port or a range; an empty word is port 0, as in the original.
fn parse_ports(uses: &Uses<'_, '_>, name: &str, cx: &ParseCx<'_>) -> Parsed<Option<(bool, PortRange)>> {
    let Some(word) = uses.word(name) else { return Ok(None) };
    let range = if word.text.is_empty() {
        PortRange::single(0)
    } else {
        PortRange::parse_decimal(&word.text, Some("dccp"), cx.names)
            .map_err(|error| guided_port_error(word, &error, "dccp", name))?
    };
    Ok(Some((uses.inverted(name), range)))
}
