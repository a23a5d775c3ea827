//! `-j NFLOG`: hands a copy of the packet to a logging program over netlink; the packet goes on.
//!
//! `log` with a group, in both encodings (encoding.md 1.1). The prefix is at most 127 bytes (`NF_LOG_PREFIXLEN` is 128 with
//! its NUL); the rest of a longer one is cut off, as in the original.

use rfw_nft::expr::Expr;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const PREFIX_MAX: usize = 127;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nflog {
    group: u16,
    prefix: Vec<u8>,
    size: Option<u32>,
    /// 0 leaves it to the program.
    threshold: u16,
}

impl Extension for Nflog {
    const NAME: &'static str = "NFLOG";
    const SUMMARY: &'static str = "hands a copy of the packet to a logging program";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("nflog-group", "group", "the netlink group, 0 to 65535, default 0"),
        OptionSpec::value("nflog-prefix", "text", "up to 127 bytes that go with the packet").free_text().kept(PREFIX_MAX),
        OptionSpec::value("nflog-range", "bytes", "without effect; --nflog-size is what it was meant to be")
            .excludes(&["nflog-size"])
            .warns(
                "warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead",
            ),
        OptionSpec::value("nflog-size", "bytes", "how much of the packet to copy").excludes(&["nflog-range"]),
        OptionSpec::value("nflog-threshold", "count", "packets to gather in the kernel before they are sent"),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let short = |name: &str| -> Parsed<u16> {
            let number = uses.number(name, 0, u32::from(u16::MAX))?.unwrap_or(0);
            Ok(u16::try_from(number).unwrap_or(u16::MAX))
        };
        // In the order given, so that the first mistake is the one that is told.
        for used in uses.list {
            match used.option.name {
                name @ ("nflog-group" | "nflog-threshold") => drop(short(name)?),
                name @ ("nflog-range" | "nflog-size") => drop(uses.number(name, 0, u32::MAX)?),
                _ => drop(used.value().map(parse_prefix).transpose()?),
            }
        }
        Ok(Self {
            group: short("nflog-group")?,
            prefix: uses.word("nflog-prefix").map(parse_prefix).transpose()?.unwrap_or_default(),
            size: uses.number("nflog-size", 0, u32::MAX)?,
            threshold: short("nflog-threshold")?,
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write(out, " --");
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.write(out, " ");
    }

    fn lower(&self, out: &mut Lowering) {
        out.push(Expr::Log {
            group: Some(self.group),
            prefix: (!self.prefix.is_empty()).then(|| self.prefix.clone()),
            snaplen: self.size,
            qthreshold: (self.threshold != 0).then_some(self.threshold),
            level: None,
            flags: None,
        });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        run.plain(|expr| match expr {
            Expr::Log { group: Some(group), prefix, snaplen, qthreshold, level: None, flags: None } => {
                let prefix = prefix.clone().unwrap_or_default();
                let sayable = prefix.len() <= PREFIX_MAX && !prefix.contains(&b'\n');
                let threshold = qthreshold.unwrap_or(0);
                sayable.then_some(Self { group: *group, prefix, size: *snaplen, threshold })
            }
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs).log_prefix(&self.prefix)
    }
}

impl Nflog {
    fn write(&self, out: &mut Printer<'_>, lead: &str) {
        if !self.prefix.is_empty() {
            out.fmt(format_args!("{lead}nflog-prefix"));
            out.quoted(&self.prefix);
        }
        if self.group != 0 {
            out.fmt(format_args!("{lead}nflog-group {}", self.group));
        }
        if let Some(size) = self.size {
            out.fmt(format_args!("{lead}nflog-size {size}"));
        }
        if self.threshold != 0 {
            out.fmt(format_args!("{lead}nflog-threshold {}", self.threshold));
        }
    }
}

fn parse_prefix(word: &Word<'_>) -> Parsed<Vec<u8>> {
    if word.text.is_empty() {
        let error = ValueError::whole(&word.text, "at least one byte");
        return Err(bad_value(word, &error, "Argument must have a minimum length of 1 characters\n"));
    }
    if word.text.contains(&b'\n') {
        let error = ValueError::whole(&word.text, "one line");
        return Err(bad_value(word, &error, "Newlines not allowed in --log-prefix"));
    }
    Ok(word.text.iter().copied().take(PREFIX_MAX).collect())
}
