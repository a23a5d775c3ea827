//! `-m frag`: the fragment header of IPv6.
//!
//! xt `frag` revision 0 in both encodings: natively each field is a test of its own, a header cut short would not be dropped,
//! and a length has no meaning there.
//!
//! ```c
//! struct ip6t_frag { __u32 ids[2], hdrlen; __u8 flags, invflags; };  /* ip6t_frag.h, host order */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::Bounds;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 16;
const IDS: u8 = 0x01;
const LENGTH: u8 = 0x02;
/// Both invert as they are tested.
const INVERTIBLE: u8 = IDS | LENGTH;

/// The options without a value in the order in which they are printed: name, word of listings, bit.
const FLAGS: [(&str, &str, u8); 4] = [
    ("fragres", "reserved", 0x04),
    ("fragfirst", "first", 0x08),
    ("fragmore", "more", 0x10),
    ("fraglast", "last", 0x20),
];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frag {
    ids: Option<(bool, Bounds)>,
    length: Option<(bool, u32)>,
    /// Bits of `FLAGS`.
    flags: u8,
}

impl Extension for Frag {
    const NAME: &'static str = "frag";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "the fragment header";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("fragid", "id[:id]", "the identification or a range").invertible(),
        OptionSpec::value("fraglen", "length", "the kernel does not look").invertible(),
        OptionSpec::flag("fragres", "the reserved fields are zero"),
        OptionSpec::flag("fragfirst", "the first fragment"),
        OptionSpec::flag("fragmore", "more fragments follow").excludes(&["fraglast"]),
        OptionSpec::flag("fraglast", "the last fragment").excludes(&["fragmore"]),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the match drops a header that is cut short, which native tests would pass by",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let ids = Bounds::parse(uses, "fragid", u32::MAX)?;
        let length = uses.number("fraglen", 0, u32::MAX)?;
        Ok(Self {
            ids: ids.map(|ids| (uses.inverted("fragid"), ids)),
            length: length.map(|length| (uses.inverted("fraglen"), length)),
            flags: FLAGS.iter().filter(|(name, ..)| uses.has(name)).map(|(_, _, bit)| bit).sum(),
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        if let Some((inverted, ids)) = self.ids {
            out.option(inverted, "fragid");
            out.fmt(format_args!(" {ids}"));
        }
        if let Some((inverted, length)) = self.length {
            out.option(inverted, "fraglen");
            out.fmt(format_args!(" {length}"));
        }
        for (name, ..) in self.flags() {
            out.option(false, name);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" frag ");
        if let Some((inverted, ids)) = self.ids.filter(|(inverted, ids)| *inverted || !ids.is_full()) {
            ids.list(out, inverted, "id");
        }
        if let Some((inverted, length)) = self.length {
            out.fmt(format_args!(" length:{}{length}", if inverted { "!" } else { "" }));
        }
        for (_, word, _) in self.flags() {
            out.fmt(format_args!(" {word}"));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let mut flags = self.flags;
        let mut inverted = 0;
        for (bit, test) in [(IDS, self.ids.map(|t| t.0)), (LENGTH, self.length.map(|t| t.0))] {
            flags |= if test.is_some() { bit } else { 0 };
            inverted |= if test == Some(true) { bit } else { 0 };
        }
        let (_, ids) = self.ids.unwrap_or((false, Bounds::FULL));
        let (_, length) = self.length.unwrap_or((false, 0));
        let info = Info::new(SIZE).u32(0, ids.min).u32(4, ids.max).u32(8, length);
        out.xt_match("frag", 0, info.u8(12, flags).u8(13, inverted).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("frag", 0, SIZE)?;
        let (flags, inverted) = (view.u8(12), view.u8(13));
        let both = FLAGS[2].2 | FLAGS[3].2;
        // The kernel tests the identification whether or not the bit says so.
        let ids = Bounds { min: view.u32(0), max: view.u32(4) };
        let known = flags & 0xc0 == 0
            && inverted & !(flags & INVERTIBLE) == 0
            && flags & both != both
            && (flags & IDS != 0 || ids.is_full());
        known.then_some(Self {
            ids: (flags & IDS != 0).then_some((inverted & IDS != 0, ids)),
            length: (flags & LENGTH != 0).then_some((inverted & LENGTH != 0, view.u32(8))),
            flags: flags & !INVERTIBLE,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.fragments()
    }
}

impl Frag {
    fn flags(&self) -> impl Iterator<Item = (&'static str, &'static str, u8)> {
        FLAGS.into_iter().filter(|(.., bit)| self.flags & bit != 0)
    }
}
