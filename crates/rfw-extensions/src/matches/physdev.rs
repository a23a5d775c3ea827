//! `-m physdev`: the bridge port of a packet.
//!
//! ```c
//! struct xt_physdev_info {  /* xt_physdev.h */
//!     char physindev[IFNAMSIZ], in_mask[IFNAMSIZ];
//!     char physoutdev[IFNAMSIZ], out_mask[IFNAMSIZ];
//!     __u8 invert, bitmask;  /* XT_PHYSDEV_OP_*: in 1, out 2, bridged 4, is-in 8, is-out 0x10 */
//! };
//! ```
//! xt in both encodings: nf_tables knows the names of bridge ports in the bridge family alone.

use rfw_diagnostics::codes;
use rfw_nft::xt::{Info, View};
use rfw_syntax::OptionSpec;
use rfw_values::Interface;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::selector::Inv;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 66;
/// `IFNAMSIZ`.
const NAME_SIZE: usize = 16;
const OP_IN: u8 = 1;
const OP_OUT: u8 = 2;
/// The options without a value.
const IS_IN: (&str, u8) = ("physdev-is-in", 8);
const IS_OUT: (&str, u8) = ("physdev-is-out", 0x10);
const IS_BRIDGED: (&str, u8) = ("physdev-is-bridged", 4);

/// The typed form: at least one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Physdev {
    input: Option<Inv<Interface>>,
    output: Option<Inv<Interface>>,
    /// The bits of the options without a value, and those of them that are turned round.
    is: u8,
    is_not: u8,
}

impl Extension for Physdev {
    const NAME: &'static str = "physdev";
    const SUMMARY: &'static str = "the bridge port of a packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("physdev-in", "name[+]", "the bridge port it came in by").invertible(),
        OptionSpec::value("physdev-out", "name[+]", "the bridge port it will leave by").invertible(),
        OptionSpec::flag("physdev-is-in", "it came in by a bridge").invertible(),
        OptionSpec::flag("physdev-is-out", "it will leave by a bridge").invertible(),
        OptionSpec::flag("physdev-is-bridged", "it is bridged, not routed").invertible(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables knows the names of bridge ports in its bridge family alone",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut found = Self {
            input: parse_port(uses, "physdev-in")?,
            output: parse_port(uses, "physdev-out")?,
            ..Self::default()
        };
        for (option, bit) in [IS_IN, IS_OUT, IS_BRIDGED] {
            if uses.has(option) {
                found.is |= bit;
                found.is_not |= if uses.inverted(option) { bit } else { 0 };
            }
        }
        if found == Self::default() {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "PHYSDEV: no physdev option specified",
                "add `--physdev-in PORT` or one of the other options",
            ));
        }
        Ok(found)
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write_is(out, IS_IN);
        write_port(out, self.input.as_ref(), "physdev-in");
        self.write_is(out, IS_OUT);
        write_port(out, self.output.as_ref(), "physdev-out");
        self.write_is(out, IS_BRIDGED);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" PHYSDEV match");
        self.print(out);
    }

    fn lower(&self, out: &mut Lowering) {
        let (mut invert, mut bits) = (self.is_not, self.is);
        let mut info = Info::new(SIZE);
        for (port, bit, at) in [(&self.input, OP_IN, 0), (&self.output, OP_OUT, 2 * NAME_SIZE)] {
            if let Some(port) = port {
                let mask = port.value.match_bytes().len();
                info = info.bytes(at, port.value.as_bytes()).bytes(at + NAME_SIZE, &[0xff; NAME_SIZE][..mask]);
                bits |= bit;
                invert |= if port.inverted { bit } else { 0 };
            }
        }
        out.xt_match("physdev", 0, info.u8(64, invert).u8(65, bits).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("physdev", 0, SIZE)?;
        let (invert, bits) = (view.u8(64), view.u8(65));
        let flags = IS_IN.1 | IS_OUT.1 | IS_BRIDGED.1;
        if bits == 0 || bits & !(flags | OP_IN | OP_OUT) != 0 || invert & !bits != 0 {
            return None;
        }
        let port = |bit: u8, at: usize| -> Option<Option<Inv<Interface>>> {
            if bits & bit == 0 {
                return Some(None);
            }
            Some(Some(Inv { inverted: invert & bit != 0, value: lift_port(&view, at)? }))
        };
        Some(Self {
            input: port(OP_IN, 0)?,
            output: port(OP_OUT, 2 * NAME_SIZE)?,
            is: bits & flags,
            is_not: invert & flags,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Physdev {
    fn write_is(&self, out: &mut Printer<'_>, (option, bit): (&str, u8)) {
        if self.is & bit != 0 {
            out.option(self.is_not & bit != 0, option);
        }
    }
}

fn write_port(out: &mut Printer<'_>, port: Option<&Inv<Interface>>, option: &str) {
    if let Some(port) = port {
        out.option(port.inverted, option);
        out.word(port.value.as_bytes());
    }
}

fn parse_port(uses: &Uses<'_, '_>, option: &str) -> Parsed<Option<Inv<Interface>>> {
    let Some(word) = uses.word(option) else { return Ok(None) };
    // The original takes an empty name, and then writes what it refuses.
    let value = Interface::parse(&word.text).map_err(|error| {
        let classic = if word.text.is_empty() {
            "Empty interface is likely to be undesired".to_owned()
        } else {
            format!("interface name `{}' must be shorter than IFNAMSIZ (15)", word.lossy())
        };
        bad_value(word, &error, classic)
    })?;
    Ok(Some(Inv { inverted: uses.inverted(option), value }))
}

/// The port whose name and mask stand there, if they belong together.
fn lift_port(view: &View<'_>, at: usize) -> Option<Interface> {
    let port = Interface::parse(view.string(at, NAME_SIZE)).ok()?;
    let mask: [u8; NAME_SIZE] = view.array(at + NAME_SIZE);
    let len = port.match_bytes().len();
    let usual = mask.iter().enumerate().all(|(index, byte)| *byte == if index < len { 0xff } else { 0 });
    usual.then_some(port)
}
