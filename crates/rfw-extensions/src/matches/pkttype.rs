//! `-m pkttype`: to whom the link layer sent the packet.
//!
//! ```c
//! struct xt_pkttype_info { int pkttype, invert; };  /* xt_pkttype.h; PACKET_* of if_packet.h */
//! ```
//! Native: `meta pkttype`, one byte; the xt match works out the type of loopback packets as it does (encoding.md 4.2).

use rfw_nft::expr::meta;
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice};
use crate::{Extension, Parsed};

const SIZE: usize = 8;
/// `PACKET_HOST` 0 and on, first names first.
const TYPES: &[(&str, u8)] = &[
    ("unicast", 0),
    ("broadcast", 1),
    ("multicast", 2),
    ("otherhost", 3),
    ("host", 0),
    ("bcast", 1),
    ("mcast", 2),
];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkttype {
    inverted: bool,
    kind: u8,
}

impl Extension for Pkttype {
    const NAME: &'static str = "pkttype";
    const SUMMARY: &'static str = "whether the link layer sent the packet to one, some or all";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("pkt-type", "unicast|broadcast|multicast|otherhost", "the type")
            .invertible()
            .required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let kind = match uses.word("pkt-type") {
            Some(word) => {
                let known = TYPES.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name.as_bytes()));
                let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
                let classic = || format!("Bad packet type '{}'", word.lossy());
                known.map(|(_, kind)| *kind).ok_or_else(|| {
                    bad_choice(word, &word.text.to_ascii_lowercase(), word.span, &names, classic())
                })?
            }
            None => 0,
        };
        Ok(Self { inverted: uses.inverted("pkt-type"), kind })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "pkt-type");
        out.fmt(format_args!(" {}", self.name()));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" PKTTYPE {} {}", if self.inverted { "!=" } else { "=" }, self.name()));
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() {
            out.meta(meta::PKTTYPE);
            out.equals(self.inverted, &[self.kind]);
        } else {
            let info = Info::new(SIZE).u32(0, self.kind.into()).u32(4, self.inverted.into());
            out.xt_match("pkttype", 0, info.finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let (inverted, kind) = match run.xt_match("pkttype", 0, SIZE) {
            Some(view) => (view.u32(4) != 0, u8::try_from(view.u32(0)).ok()?),
            None => match run.equality(&Field::Meta(meta::PKTTYPE))? {
                (inverted, &[kind]) => (inverted, kind),
                _ => return None,
            },
        };
        TYPES.iter().any(|(_, known)| *known == kind).then_some(Self { inverted, kind })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Pkttype {
    fn name(&self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self.kind).map_or("unicast", |(name, _)| name)
    }
}
