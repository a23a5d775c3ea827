//! `-j LOG`: a line in the kernel log; the packet goes on.
//!
//! Compat: xt `LOG` revision 0, `{ __u8 level, logflags; char prefix[30]; }` (`xt_LOG.h`). Native: `log` without a group.

use rfw_nft::expr::Expr;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 32;
/// The prefix field is 30 bytes with its NUL.
const PREFIX_MAX: usize = 29;
/// `LOG_WARNING`.
const DEFAULT_LEVEL: u8 = 4;
/// syslog(3) levels.
const LEVELS: &[(&str, u8)] = &[
    ("alert", 1),
    ("crit", 2),
    ("debug", 7),
    ("emerg", 0),
    ("error", 3),
    ("info", 6),
    ("notice", 5),
    ("panic", 0),
    ("warning", 4),
];
/// `NF_LOG_*` (`linux/netfilter/nf_log.h`): option and word of the listing.
const FLAGS: &[(&str, u8, &str)] = &[
    ("log-tcp-sequence", 0x01, "tcp-sequence"),
    ("log-tcp-options", 0x02, "tcp-options"),
    ("log-ip-options", 0x04, "ip-options"),
    ("log-uid", 0x08, "uid"),
    ("log-macdecode", 0x20, "macdecode"),
];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    level: u8,
    flags: u8,
    prefix: Vec<u8>,
}

impl Extension for Log {
    const NAME: &'static str = "LOG";
    const SUMMARY: &'static str = "writes a line to the kernel log";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("log-level", "level", "syslog level by name or number, default warning"),
        OptionSpec::value("log-prefix", "text", "up to 29 bytes before the line").free_text().kept(PREFIX_MAX),
        OptionSpec::flag("log-tcp-sequence", "log TCP sequence numbers"),
        OptionSpec::flag("log-tcp-options", "log TCP options"),
        OptionSpec::flag("log-ip-options", "log IP options"),
        OptionSpec::flag("log-uid", "log the user of a local packet"),
        OptionSpec::flag("log-macdecode", "decode MAC addresses and protocol"),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let level = match uses.word("log-level") {
            None => DEFAULT_LEVEL,
            Some(word) => parse_level(word)?,
        };
        let prefix = match uses.word("log-prefix") {
            None => Vec::new(),
            Some(word) => parse_prefix(word)?,
        };
        let flags = FLAGS.iter().filter(|(name, ..)| uses.has(name)).fold(0, |bits, (_, bit, _)| bits | bit);
        Ok(Self { level, flags, prefix })
    }

    fn print(&self, out: &mut Printer<'_>) {
        if !self.prefix.is_empty() {
            out.text(" --log-prefix");
            out.quoted(&self.prefix);
        }
        if self.level != DEFAULT_LEVEL {
            out.fmt(format_args!(" --log-level {}", self.level));
        }
        for (name, _, _) in FLAGS.iter().filter(|(_, bit, _)| self.flags & bit != 0) {
            out.fmt(format_args!(" --{name}"));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let name = LEVELS.iter().find(|(_, level)| *level == self.level).map(|(name, _)| *name);
        match name {
            Some(name) if !out.numeric => {
                // The original reads the long names and lists the short ones.
                let name = match name {
                    "warning" => "warn",
                    "error" => "err",
                    other => other,
                };
                out.fmt(format_args!(" LOG level {name}"));
                for (_, _, word) in FLAGS.iter().filter(|(_, bit, _)| self.flags & bit != 0) {
                    out.fmt(format_args!(" {word}"));
                }
            }
            _ => out.fmt(format_args!(" LOG flags {} level {}", self.flags, self.level)),
        }
        if !self.prefix.is_empty() {
            out.text(" prefix \"");
            out.bytes(&self.prefix);
            out.text("\"");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() {
            let info = Info::new(SIZE).u8(0, self.level).u8(1, self.flags).bytes(2, &self.prefix);
            out.xt_target("LOG", 0, info.finish());
            return;
        }
        out.push(Expr::Log {
            group: None,
            prefix: (!self.prefix.is_empty()).then(|| self.prefix.clone()),
            snaplen: None,
            qthreshold: None,
            level: (self.level != DEFAULT_LEVEL).then_some(u32::from(self.level)),
            flags: (self.flags != 0).then_some(u32::from(self.flags)),
        });
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("LOG", 0, SIZE) {
            let lifted = Self { level: view.u8(0), flags: view.u8(1), prefix: view.string(2, 30).to_vec() };
            let sayable = lifted.level <= 7 && known_flags(lifted.flags) && lifted.prefix.len() <= PREFIX_MAX;
            return sayable.then_some(lifted);
        }
        run.plain(|expr| match expr {
            Expr::Log { group: None, prefix, snaplen: None, qthreshold: None, level, flags } => {
                let prefix = prefix.clone().unwrap_or_default();
                let level = u8::try_from(level.unwrap_or(u32::from(DEFAULT_LEVEL))).ok()?;
                let flags = u8::try_from(flags.unwrap_or(0)).ok()?;
                let sayable = level <= 7 && known_flags(flags) && prefix.len() <= PREFIX_MAX;
                sayable.then_some(Self { level, flags, prefix })
            }
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs).log_prefix(&self.prefix)
    }
}

fn known_flags(flags: u8) -> bool {
    FLAGS.iter().fold(flags, |left, (_, bit, _)| left & !bit) == 0
}

fn parse_level(word: &rfw_syntax::Word<'_>) -> Parsed<u8> {
    if let Ok(number) = rfw_values::number::parse_u8(&word.text, 0, 7) {
        return Ok(number);
    }
    let found = LEVELS.iter().find(|(name, _)| name.as_bytes() == word.text.as_ref());
    found.map(|(_, level)| *level).ok_or_else(|| {
        let names: Vec<&str> = LEVELS.iter().map(|(name, _)| *name).collect();
        let classic = format!("log level \"{}\" unknown\n", word.lossy());
        crate::uses::bad_choice(word, &word.text, word.span, &names, classic)
    })
}

fn parse_prefix(word: &rfw_syntax::Word<'_>) -> Parsed<Vec<u8>> {
    let bad = |expected: &str, classic: &str| {
        let error = rfw_values::ValueError::whole(&word.text, expected);
        Err(bad_value(word, &error, classic))
    };
    if word.text.is_empty() {
        return bad("at least one byte", "Argument must have a minimum length of 1 characters\n");
    }
    if word.text.contains(&b'\n') {
        return bad("one line", "Newlines not allowed in --log-prefix");
    }
    // Cut as the original cuts it.
    Ok(word.text[..word.text.len().min(PREFIX_MAX)].to_vec())
}
