//! `-j NFQUEUE`: hands the packet to a program over netlink, which decides what becomes of it.
//!
//! xt `NFQUEUE` revision 3 in both encodings, `{ __u16 queuenum, queues_total, flags; }` (`xt_NFQUEUE.h`). nf_tables' `queue`
//! does the same but is a module of its own (`CONFIG_NFT_QUEUE`) that kernels with the xt target often lack.

use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::bounds::{Bounds, out_of_range};
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 6;
/// `NFQ_FLAG_BYPASS`.
const BYPASS: u16 = 1;
/// `NFQ_FLAG_CPU_FANOUT`.
const FANOUT: u16 = 2;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nfqueue {
    first: u16,
    /// How many queues there are; at least 1, and none above 65535.
    total: u16,
    bypass: bool,
    fanout: bool,
}

impl Extension for Nfqueue {
    const NAME: &'static str = "NFQUEUE";
    const SUMMARY: &'static str = "hands the packet to a program that decides";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("queue-num", "queue", "the queue, 0 to 65535, default 0").excludes(&["queue-balance"]),
        OptionSpec::value("queue-balance", "first:last", "spread connections over these queues")
            .excludes(&["queue-num"]),
        OptionSpec::flag("queue-bypass", "accept the packet if no program listens"),
        OptionSpec::flag("queue-cpu-fanout", "choose the queue by CPU").needs(&["queue-balance"]),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `queue` is a kernel option of its own, which kernels with the target often lack",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let (first, total) = match uses.word("queue-balance") {
            Some(word) => parse_queues(uses, word)?,
            None => {
                let queue = uses.number("queue-num", 0, u32::from(u16::MAX))?.unwrap_or(0);
                (u16::try_from(queue).unwrap_or(u16::MAX), 1)
            }
        };
        Ok(Self { first, total, bypass: uses.has("queue-bypass"), fanout: uses.has("queue-cpu-fanout") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        match self.last() {
            Some(last) => out.fmt(format_args!(" --queue-balance {}:{last}", self.first)),
            None => out.fmt(format_args!(" --queue-num {}", self.first)),
        }
        if self.bypass {
            out.text(" --queue-bypass");
        }
        if self.fanout {
            out.text(" --queue-cpu-fanout");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        match self.last() {
            Some(last) => out.fmt(format_args!(" NFQUEUE balance {}:{last}", self.first)),
            None => out.fmt(format_args!(" NFQUEUE num {}", self.first)),
        }
        if self.bypass {
            out.text(" bypass");
        }
        if self.fanout {
            out.text(" cpu-fanout");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let flags = if self.bypass { BYPASS } else { 0 } | if self.fanout { FANOUT } else { 0 };
        let info = Info::new(SIZE).u16(0, self.first).u16(2, self.total).u16(4, flags);
        out.xt_target("NFQUEUE", 3, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("NFQUEUE", 3, SIZE)?;
        let (first, total, flags) = (view.u16(0), view.u16(2), view.u16(4));
        // Of one queue, --queue-cpu-fanout can't be said.
        let sayable = total > 0
            && first.checked_add(total - 1).is_some()
            && flags & !(BYPASS | FANOUT) == 0
            && (total > 1 || flags & FANOUT == 0);
        let (bypass, fanout) = (flags & BYPASS != 0, flags & FANOUT != 0);
        sayable.then_some(Self { first, total, bypass, fanout })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends)
    }
}

impl Nfqueue {
    /// The last of several queues.
    fn last(&self) -> Option<u16> {
        (self.total > 1).then(|| self.first.saturating_add(self.total - 1))
    }
}

/// `FIRST:LAST`: the first queue and how many there are.
fn parse_queues(uses: &Uses<'_, '_>, word: &Word<'_>) -> Parsed<(u16, u16)> {
    let bounds = Bounds::parse(uses, "queue-balance", u16::MAX.into())?;
    let whole = |expected: &str| ValueError::whole(&word.text, expected);
    let range = || format!("Bad range \"{}\"", word.lossy());
    let Some(Bounds { min, max }) = bounds.filter(|_| word.text.contains(&b':')) else {
        return Err(bad_value(word, &whole("two queues, FIRST:LAST"), range()));
    };
    if min >= max {
        let classic = format!("{min} should be less than {max}");
        let bad = bad_value(word, &whole("a lower queue before the colon than behind it"), classic);
        let later = out_of_range("NFQUEUE", "queue-balance", &max.to_string(), min.into(), 65_534);
        // Of one queue 1.8.11 says nothing else.
        return Err(if min > max { bad.map_later(later) } else { bad });
    }
    // All 65536 don't fit the kernel's counter.
    match (u16::try_from(min), u16::try_from(max - min + 1)) {
        (Ok(first), Ok(total)) => Ok((first, total)),
        _ => {
            let later = out_of_range("NFQUEUE", "queue-balance", &max.to_string(), min.into(), 65_534);
            Err(bad_value(word, &whole("at most 65535 queues"), range()).map_later(later))
        }
    }
}
