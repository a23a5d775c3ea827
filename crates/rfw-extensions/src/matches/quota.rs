//! `-m quota`: so many bytes, then no more.
//!
//! ```c
//! struct xt_quota_info { __u32 flags, pad; __aligned_u64 quota; struct xt_quota_priv *master; };  /* xt_quota.h; flags: 1 invert */
//! ```
//! Native: `quota`, whose `over` is the inversion. Both stop for good at the first packet that does not fit. nf_tables keeps a
//! quota in 63 bits; a larger one stays with xt. What is used up so far belongs to no rule's text.

use rfw_nft::Expr;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts, Measure, Per, Side};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 24;
/// `XT_QUOTA_INVERT`, and `NFT_QUOTA_F_INV`.
const OVER: u32 = 1;
/// `NFT_QUOTA_F_DEPLETED`: the kernel says that it is used up.
const USED_UP: u32 = 2;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    inverted: bool,
    bytes: u64,
}

impl Extension for Quota {
    const NAME: &'static str = "quota";
    const SUMMARY: &'static str = "so many bytes, then no more";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("quota", "bytes", "how many bytes match before none does").invertible().required()];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables counts in 63 bits",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let bytes = match uses.word("quota") {
            None => 0,
            Some(word) => rfw_values::number::parse_u64(&word.text, 0, u64::MAX).map_err(|error| {
                let classic = "quota: bad value for option \"--quota\", or out of range (0-18446744073709551615).\n";
                bad_value(word, &error, classic)
            })?,
        };
        Ok(Self { inverted: uses.inverted("quota"), bytes })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "quota");
        out.fmt(format_args!(" {}", self.bytes));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" quota: {} bytes", self.bytes));
    }

    fn lower(&self, out: &mut Lowering) {
        let flags = if self.inverted { OVER } else { 0 };
        if out.native() && i64::try_from(self.bytes).is_ok() {
            out.push(Expr::Quota { bytes: self.bytes, flags, consumed: 0 });
        } else {
            out.xt_match("quota", 0, Info::new(SIZE).u32(0, flags).u64(8, self.bytes).finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let (flags, bytes) = match run.xt_match("quota", 0, SIZE) {
            Some(view) => (view.u32(0), view.u64(8)),
            None => run.plain(|expr| match expr {
                Expr::Quota { bytes, flags, .. } => Some((*flags & !USED_UP, *bytes)),
                _ => None,
            })?,
        };
        (flags & !OVER == 0).then_some(Self { inverted: flags & OVER != 0, bytes })
    }

    fn facts(&self) -> Facts<'_> {
        let side = if self.inverted { Side::Above } else { Side::Below };
        Facts::new(Effect::Limits).bound(Measure::Bytes, side, Per::Rule)
    }
}
