//! `-m tcpmss`: the maximum segment size that a SYN announces.
//!
//! Compat: xt `tcpmss` revision 0. Native: a test of the option, but not inverted: a packet without the option passes the
//! inverted xt match, and no comparison of something absent. Nor in a rule that does not say `-p tcp`, which the kernel refuses.
//!
//! ```c
//! struct xt_tcpmss_match_info { __u16 mss_min, mss_max; __u8 invert; };  /* xt_tcpmss.h, host order */
//! ```

use rfw_nft::Expr;
use rfw_nft::expr::REG_1;
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::{Bounds, out_of_range};
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 6;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;
/// `TCPOPT_MAXSEG`: kind 2, the size in the last two of its four bytes; 1 is `NFT_EXTHDR_OP_TCPOPT`.
const OPTION: Field = Field::Exthdr { kind: 2, offset: 2, len: 2, op: 1, flags: 0 };

/// The typed form; `min` is not larger than `max`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcpmss {
    inverted: bool,
    min: u16,
    max: u16,
}

impl Extension for Tcpmss {
    const NAME: &'static str = "tcpmss";
    const SUMMARY: &'static str = "the maximum segment size that a SYN announces";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("mss", "size[:size]", "a size or a range of sizes").invertible().required()];
    const WHY_XT: &'static [&'static str] = &[
        "a packet without the option passes the inverted match, and no native comparison",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let bounds = Bounds::parse(uses, "mss", u16::MAX.into())?.unwrap_or(Bounds { min: 0, max: 0 });
        if let (true, Some(word)) = (bounds.min > bounds.max, uses.word("mss")) {
            let error = ValueError::whole(&word.text, format!("{}:{}", bounds.max, bounds.min));
            let later = out_of_range("tcpmss", "mss", &bounds.max.to_string(), bounds.min.into(), u16::MAX.into());
            return Err(bad_value(word, &error, "tcpmss: invalid range given").map_later(later));
        }
        let number = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        Ok(Self { inverted: uses.inverted("mss"), min: number(bounds.min), max: number(bounds.max) })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "mss");
        out.fmt(format_args!(" {}", self.bounds()));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" tcpmss match {}{}", if self.inverted { "!" } else { "" }, self.bounds()));
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || self.inverted || out.protocol != Some((TCP, false)) {
            let info = Info::new(SIZE).u16(0, self.min).u16(2, self.max).u8(4, self.inverted.into());
            out.xt_match("tcpmss", 0, info.finish());
            return;
        }
        out.push(Expr::Exthdr { dreg: REG_1, kind: 2, offset: 2, len: 2, op: 1, flags: 0 });
        if self.min == self.max {
            out.equals(false, &self.min.to_be_bytes());
        } else {
            out.in_range(false, &self.min.to_be_bytes(), &self.max.to_be_bytes());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let lifted = match run.xt_match("tcpmss", 0, SIZE) {
            Some(view) if view.u8(4) < 2 => {
                Self { inverted: view.u8(4) == 1, min: view.u16(0), max: view.u16(2) }
            }
            Some(_) => return None,
            None => lift_native(run)?,
        };
        (lifted.min <= lifted.max).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.protocol(6)
    }
}

impl Tcpmss {
    fn bounds(&self) -> Bounds {
        Bounds { min: self.min.into(), max: self.max.into() }
    }
}

fn lift_native(run: &mut Run<'_>) -> Option<Tcpmss> {
    if run.protocol != Some((TCP, false)) {
        return None;
    }
    let (inverted, from, to) = match run.equality(&OPTION) {
        Some((inverted, size)) => (inverted, size, size),
        None => run.range(&OPTION, &[])?,
    };
    let size = |bytes: &[u8]| Some(u16::from_be_bytes(bytes.try_into().ok()?));
    let lifted = Tcpmss { inverted, min: size(from)?, max: size(to)? };
    // Inverted it says less than the match would: the option has to be there.
    (!inverted).then_some(lifted)
}
