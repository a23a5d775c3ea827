//! `-j ULOG`: the forerunner of NFLOG. IPv4; gone from current kernels.
//!
//! xt `ULOG` revision 0 in both encodings: `{ unsigned int nl_group; size_t copy_range, qthreshold; char prefix[32]; }`
//! (`ipt_ULOG.h`); nf_tables has its successor.

use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{ValueError, number};

use crate::context::{Families, ParseCx};
use crate::facts::{Effect, Facts, Gone};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 56;
/// The prefix field is 32 bytes with its NUL.
const PREFIX_MAX: usize = 31;
const GROUP_MAX: u8 = 32;
/// `ULOG_MAX_QLEN`.
const THRESHOLD_MAX: u8 = 50;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulog {
    /// 1 to 32.
    group: u8,
    /// Bytes of each packet; 0 is all.
    copy_range: u64,
    /// 1 to 50.
    threshold: u8,
    prefix: Vec<u8>,
}

impl Extension for Ulog {
    const NAME: &'static str = "ULOG";
    const FAMILIES: Families = Families::Ipv4;
    const SUMMARY: &'static str = "hands a copy of the packet to an old logging program";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("ulog-nlgroup", "group", "the netlink group, 1 to 32, default 1"),
        OptionSpec::value("ulog-prefix", "text", "up to 31 bytes that go with the packet").free_text(),
        OptionSpec::value("ulog-cprange", "bytes", "how much of the packet to copy, default all"),
        OptionSpec::value("ulog-qthreshold", "count", "packets to gather, 1 to 50, default 1"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "gone from kernels; nf_tables has its successor only",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let small = |name: &str, max: u8| -> Parsed<u8> {
            let number = uses.number(name, 1, max.into())?.unwrap_or(1);
            Ok(u8::try_from(number).unwrap_or(max))
        };
        Ok(Self {
            group: small("ulog-nlgroup", GROUP_MAX)?,
            copy_range: uses.word("ulog-cprange").map(parse_range).transpose()?.unwrap_or(0),
            threshold: small("ulog-qthreshold", THRESHOLD_MAX)?,
            prefix: uses.word("ulog-prefix").map(parse_prefix).transpose()?.unwrap_or_default(),
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        if !self.prefix.is_empty() {
            out.text(" --ulog-prefix");
            out.quoted(&self.prefix);
        }
        if self.group != 1 {
            out.fmt(format_args!(" --ulog-nlgroup {}", self.group));
        }
        if self.copy_range != 0 {
            out.fmt(format_args!(" --ulog-cprange {}", self.copy_range));
        }
        if self.threshold != 1 {
            out.fmt(format_args!(" --ulog-qthreshold {}", self.threshold));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" ULOG copy_range {} nlgroup {}", self.copy_range, self.group));
        if !self.prefix.is_empty() {
            out.text(" prefix \"");
            out.bytes(&self.prefix);
            out.text("\"");
        }
        out.fmt(format_args!(" queue_threshold {}", self.threshold));
    }

    fn lower(&self, out: &mut Lowering) {
        let info = Info::new(SIZE)
            .u32(0, 1 << self.group.saturating_sub(1).min(GROUP_MAX - 1))
            .u64(8, self.copy_range)
            .u64(16, self.threshold.into())
            .bytes(24, &self.prefix);
        out.xt_target("ULOG", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("ULOG", 0, SIZE)?;
        let (groups, prefix) = (view.u32(0), view.string(24, PREFIX_MAX + 1));
        let threshold = u8::try_from(view.u64(16)).ok().filter(|n| (1..=THRESHOLD_MAX).contains(n))?;
        let sayable = groups.is_power_of_two() && prefix.len() <= PREFIX_MAX && !prefix.contains(&b'\n');
        let group = u8::try_from(groups.trailing_zeros()).ok()? + 1;
        sayable.then(|| Self { group, copy_range: view.u64(8), threshold, prefix: prefix.to_vec() })
    }

    fn facts(&self) -> Facts<'_> {
        let facts = Facts::new(Effect::Logs).superseded_by("-j NFLOG").log_prefix(&self.prefix);
        facts.gone(Gone {
            since: (3, 17),
            instead: "use NFLOG with ulogd2",
            replaced: Some((
                "NFLOG",
                &[
                    ("ulog-nlgroup", "nflog-group"),
                    ("ulog-prefix", "nflog-prefix"),
                    ("ulog-cprange", "nflog-size"),
                    ("ulog-qthreshold", "nflog-threshold"),
                ],
            )),
        })
    }
}

fn parse_range(word: &Word<'_>) -> Parsed<u64> {
    number::parse_u64(&word.text, 0, u64::MAX).map_err(|error| {
        let classic = format!("ULOG: bad value for option \"--ulog-cprange\", or out of range (0-{}).\n", u64::MAX);
        bad_value(word, &error, classic)
    })
}

fn parse_prefix(word: &Word<'_>) -> Parsed<Vec<u8>> {
    let bad = |expected: &str, classic: &str| {
        Err(bad_value(word, &ValueError::whole(&word.text, expected), classic))
    };
    if word.text.is_empty() {
        return bad("at least one byte", "Argument must have a minimum length of 1 characters\n");
    }
    if word.text.contains(&b'\n') {
        return bad("one line", "Newlines not allowed in --ulog-prefix");
    }
    // Cut as the original cuts it.
    Ok(word.text.iter().copied().take(PREFIX_MAX).collect())
}
