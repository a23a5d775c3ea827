//! `-j NFQUEUE`: hands the packet to a program over netlink, which decides what becomes of it.
//!
//! xt `NFQUEUE` revision 3 in both encodings, `{ __u16 queuenum, queues_total, flags; }` (`xt_NFQUEUE.h`). nf_tables' `queue`
//! does the same but is a module of its own (`CONFIG_NFT_QUEUE`) that kernels with the xt target often lack.

use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;
use rfw_values::number::prefix;

use crate::context::{Effect, Facts, ParseCx};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
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

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let (first, total) = match uses.word("queue-balance") {
            Some(word) => parse_queues(word)?,
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

    fn facts(&self) -> Facts {
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
fn parse_queues(word: &Word<'_>) -> Parsed<(u16, u16)> {
    let (first, next) = bound(word, 0, 0)?;
    let whole = |expected: &str| ValueError::whole(&word.text, expected);
    let Some(next) = next else {
        let classic = format!("Bad range \"{}\"", word.lossy());
        return Err(bad_value(word, &whole("two queues, FIRST:LAST"), classic));
    };
    let (last, more) = bound(word, next, u16::MAX)?;
    if more.is_some() {
        let classic = "NFQUEUE: Too many components for option \"--queue-balance\" (max: 2)\n";
        return Err(bad_value(word, &whole("two queues, FIRST:LAST"), classic));
    }
    if first >= last {
        let classic = format!("{first} should be less than {last}");
        return Err(bad_value(word, &whole("a lower queue before the colon than behind it"), classic));
    }
    // All 65536 don't fit the kernel's counter.
    match (last - first).checked_add(1) {
        Some(total) => Ok((first, total)),
        None => Err(bad_value(word, &whole("at most 65535 queues"), format!("Bad range \"{}\"", word.lossy()))),
    }
}

/// The bound that begins at `at`, and where the next one begins; one that is left out is `open`.
fn bound(word: &Word<'_>, at: usize, open: u16) -> Parsed<(u16, Option<usize>)> {
    let rest = &word.text[at..];
    let near = |from: usize| String::from_utf8_lossy(&word.text[from..]).into_owned();
    let found = match rest.first() {
        None | Some(b':') => Some((open, 0)),
        Some(_) => prefix(rest).and_then(|(value, used)| Some((u16::try_from(value).ok()?, used))),
    };
    let Some((value, used)) = found else {
        let end = rest.iter().position(|&b| b == b':').unwrap_or(rest.len());
        let classic = format!(
            "NFQUEUE: bad value for option \"--queue-balance\" near \"{}\", or out of range (0-65535).\n",
            near(at)
        );
        return Err(bad_value(word, &ValueError::new(at, at + end, "a queue from 0 to 65535"), classic));
    };
    match rest.get(used) {
        None => Ok((value, None)),
        Some(b':') => Ok((value, Some(at + used + 1))),
        Some(_) => {
            let error = ValueError::new(at + used, word.text.len(), "two queues, FIRST:LAST");
            let classic = format!(
                "NFQUEUE: Argument to \"--queue-balance\" has unexpected characters near \"{}\".\n",
                near(at + used)
            );
            Err(bad_value(word, &error, classic))
        }
    }
}
