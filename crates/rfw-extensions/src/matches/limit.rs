//! `-m limit`: a token bucket in the rule. Native in both encodings, with iptables' quantisation (encoding.md 1.2).

use rfw_nft::expr::Expr;
use rfw_syntax::OptionSpec;
use rfw_values::{Rate, RateError};

use crate::context::ParseCx;
use crate::facts::{Effect, Facts, Measure, Per, Side};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

/// Packets that pass at once when none is given (iptables-extensions(8)).
const DEFAULT_BURST: u32 = 5;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    rate: Rate,
    burst: u32,
}

impl Extension for Limit {
    const NAME: &'static str = "limit";
    const SUMMARY: &'static str = "at most so many packets in a time";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("limit", "rate[/unit]", "average rate; unit is second, minute, hour or day")
            .otherwise("3 packets per hour"),
        OptionSpec::value("limit-burst", "number", "packets that pass before the rate counts, default 5"),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let rate = match uses.word("limit") {
            None => Rate::DEFAULT,
            Some(word) => Rate::parse(&word.text).map_err(|error| {
                let classic = match &error {
                    RateError::TooFast(_) => format!("Rate too fast \"{}\"", word.lossy()),
                    RateError::Bad(_) => format!("bad rate \"{}\"'", word.lossy()),
                };
                bad_value(word, error.value_error(), classic)
            })?,
        };
        // The kernel gets whole packets per unit: 86401/day is 1/sec.
        let (count, unit) = rate.kernel();
        let rate = Rate::from_kernel(count, unit).unwrap_or(rate);
        // The kernel takes a burst of 0 as the default (`nft_limit.c`).
        let burst = uses.number("limit-burst", 0, 10_000)?.filter(|&b| b != 0).unwrap_or(DEFAULT_BURST);
        Ok(Self { rate, burst })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --limit {}", self.rate));
        if self.burst != DEFAULT_BURST {
            out.fmt(format_args!(" --limit-burst {}", self.burst));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" limit: avg {} burst {}", self.rate, self.burst));
    }

    fn lower(&self, out: &mut Lowering) {
        let (rate, unit) = self.rate.kernel();
        out.push(Expr::Limit { rate, unit, burst: self.burst, kind: 0, flags: 0 });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        run.plain(|expr| match expr {
            Expr::Limit { rate, unit, burst, kind: 0, flags: 0 } => {
                let lifted = Rate::from_kernel(*rate, *unit)?;
                // What iptables can't say again is not lifted: it would print a rate that is refused.
                let again = Rate::parse(lifted.to_string().as_bytes()).ok()?;
                let same = again.kernel() == (*rate, *unit) && (1..=10_000).contains(burst);
                same.then_some(Self { rate: lifted, burst: *burst })
            }
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Limits).bound(Measure::Packets, Side::Below, Per::Rule)
    }
}
