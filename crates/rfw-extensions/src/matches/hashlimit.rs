//! `-m hashlimit`: a rate for each address, port or network.
//!
//! xt `hashlimit` revision 3 in both encodings (`xt_hashlimit.h`); what follows `dstmask` is the kernel's:
//!
//! ```c
//! struct xt_hashlimit_mtinfo3 {
//!     char name[NAME_MAX];
//!     struct hashlimit_cfg3 {
//!         __u64 avg, burst;
//!         __u32 mode, size, max, gc_interval, expire, interval;
//!         __u8 srcmask, dstmask;
//!     } cfg;
//!     struct xt_hashlimit_htable *hinfo;
//! };
//! ```
//!
//! A dynamic set of nf_tables differs in its arithmetic, drops nothing when it is full, is not shared by rules of other tables
//! and has no file under `/proc/net/ipt_hashlimit` (encoding.md 4.4).

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::approximation::{self, Approximation};
use crate::shared::inet::Mask;
use crate::context::{Family, ParseCx};
use crate::facts::{Effect, Facts, Measure, Per, Side};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

mod rates;

use rates::{RateError, Read};

const SIZE: usize = 312;
/// `NAME_MAX`; the name ends in a NUL.
const NAME_LEN: usize = 255;
/// Mode bits, `XT_HASHLIMIT_*`; the names in the order in which they are written.
const KEYS: [(&str, u32); 4] = [("srcip", 4), ("srcport", 8), ("dstip", 1), ("dstport", 2)];
const SOURCE_ADDRESS: u32 = 4;
const ANY_KEY: u32 = 15;
const ABOVE: u32 = 0x10;
const BYTES: u32 = 0x20;
const RATE_MATCH: u32 = 0x40;
/// Packets at once when none are given (iptables-extensions(8)).
const DEFAULT_BURST: u64 = 5;
/// `XT_HASHLIMIT_BURST_MAX`.
const MAX_BURST: u64 = 1_000_000;
/// Milliseconds.
const DEFAULT_GC: u32 = 1_000;
/// Milliseconds after which an idle entry of a rate of bytes is forgotten, without and with a burst.
const BYTES_EXPIRE: [u32; 2] = [15_000, 60_000];

/// The typed form.
#[derive(Clone, Debug)]
pub struct Hashlimit {
    name: Vec<u8>,
    /// See `rates.rs`.
    avg: u64,
    /// Packets, or how many times the rate; 0 for a rate of bytes without one.
    burst: u64,
    /// The bits above.
    mode: u32,
    size: u32,
    max: u32,
    gc_interval: u32,
    expire: u32,
    /// Seconds; means something only with `--hashlimit-rate-match`, and is written only then.
    interval: u32,
    masks: (u8, u8),
}

impl PartialEq for Hashlimit {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |h: &Self| {
            let interval = if h.has(RATE_MATCH) { h.interval } else { 0 };
            (h.avg, h.burst, h.mode, h.size, h.max, h.gc_interval, h.expire, interval, h.masks)
        };
        self.name == other.name && numbers(self) == numbers(other)
    }
}

impl Eq for Hashlimit {}

impl Extension for Hashlimit {
    const NAME: &'static str = "hashlimit";
    const SUMMARY: &'static str = "a rate for each address, port or network";
    // That the name is required is said in `parse`: the original asks for the rate first.
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("hashlimit-upto", "rate", "at most N/sec, N/min, N/hour, N/day or N[k|m]b/s")
            .invertible()
            .excludes(&["hashlimit-above"]),
        OptionSpec::value("hashlimit-above", "rate", "more than that").invertible().excludes(&["hashlimit-upto"]),
        OptionSpec::value("hashlimit", "rate", "old name of --hashlimit-upto")
            .invertible()
            .excludes(&["hashlimit-above"])
            .alias_of("hashlimit-upto"),
        OptionSpec::value("hashlimit-srcmask", "length", "sources whose first bits are equal count as one"),
        OptionSpec::value("hashlimit-dstmask", "length", "destinations whose first bits are equal count as one"),
        OptionSpec::value("hashlimit-burst", "number[k|m]", "packets or bytes that pass before the rate counts, default 5"),
        OptionSpec::value("hashlimit-htable-size", "number", "buckets of the table"),
        OptionSpec::value("hashlimit-htable-max", "number", "entries of the table at most"),
        OptionSpec::value("hashlimit-htable-gcinterval", "milliseconds", "time between clean-ups, default 1000"),
        OptionSpec::value("hashlimit-htable-expire", "milliseconds", "idle time after which an entry is forgotten"),
        OptionSpec::value("hashlimit-mode", "srcip,srcport,dstip,dstport", "what has a rate of its own; default: all together"),
        OptionSpec::value("hashlimit-name", "name", "the table, a file under /proc/net/ipt_hashlimit; must be given"),
        OptionSpec::flag("hashlimit-rate-match", "only compare the rate, with no credit to use up"),
        OptionSpec::value("hashlimit-rate-interval", "seconds", "over which the rate is compared"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "a dynamic set of nf_tables reckons otherwise, passes by instead of dropping when it is full, and is not shared with rules of other tables",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let full = full_mask(cx.family);
        let mask = |option| parse_mask(uses, option, cx.family);
        let masks = (mask("hashlimit-srcmask")?, mask("hashlimit-dstmask")?);
        let burst = uses.word("hashlimit-burst").map(parse_burst).transpose()?;
        let number = |option| uses.number(option, 0, u32::MAX);
        let (size, max) = (number("hashlimit-htable-size")?, number("hashlimit-htable-max")?);
        let (gc_interval, expire) = (number("hashlimit-htable-gcinterval")?, number("hashlimit-htable-expire")?);
        let mut mode = uses.word("hashlimit-mode").map_or(Ok(0), parse_mode)?;
        let name = uses.word("hashlimit-name").map(parse_name).transpose()?;
        let interval = uses.word("hashlimit-rate-interval").map(parse_interval).transpose()?;
        let (read, above) = parse_rate(uses)?;
        let Some(name) = name else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "hashlimit: option \"--hashlimit-name\" must be specified\n",
                "add `--hashlimit-name NAME`",
            ));
        };
        let rate_match = uses.has("hashlimit-rate-match");
        mode |= if above { ABOVE } else { 0 } | if rate_match { RATE_MATCH } else { 0 };
        let (avg, burst, seconds, idle) = match read {
            Read::Packets { avg, seconds } => {
                let burst = burst.unwrap_or(DEFAULT_BURST);
                if burst > MAX_BURST {
                    return Err(bad_burst(uses, "a number of packets from 1 to 1000000"));
                }
                (if rate_match { avg / u64::from(seconds) } else { avg }, burst, seconds, seconds * 1000)
            }
            Read::Bytes { avg } => {
                mode |= BYTES;
                (avg, parse_byte_burst(uses, avg, burst)?, 1, BYTES_EXPIRE[usize::from(burst.is_some())])
            }
        };
        Ok(Self {
            name,
            avg,
            burst,
            mode,
            size: size.unwrap_or(0),
            max: max.unwrap_or(0),
            gc_interval: gc_interval.unwrap_or(DEFAULT_GC),
            expire: expire.unwrap_or(idle),
            interval: interval.unwrap_or(if rate_match { seconds } else { 0 }),
            masks: (masks.0.unwrap_or(full), masks.1.unwrap_or(full)),
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.text(if self.has(ABOVE) { " --hashlimit-above" } else { " --hashlimit-upto" });
        let expire = if self.has(BYTES) {
            let (number, unit) = rates::exact_bytes(self.avg).unwrap_or((rates::bytes_of(self.avg), ""));
            out.fmt(format_args!(" {number}{unit}b/s"));
            if self.burst > 0 {
                let usual = rates::exact_burst(self.avg, self.burst);
                let (number, unit) = usual.unwrap_or_else(|| rates::listed_burst(self.avg, self.burst));
                out.fmt(format_args!(" --hashlimit-burst {number}{unit}b"));
            }
            u64::from(BYTES_EXPIRE[usize::from(self.burst > 0)])
        } else {
            let (number, unit, seconds) = rates::exact(self.avg, self.has(RATE_MATCH)).unwrap_or_default();
            out.fmt(format_args!(" {number}/{unit} --hashlimit-burst {}", self.burst));
            seconds * 1000
        };
        if self.keys().next().is_some() {
            out.text(" --hashlimit-mode ");
            self.write_keys(out, ",");
        }
        out.text(" --hashlimit-name");
        out.word(&self.name);
        self.write_rest(out, "--hashlimit-", expire);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.has(ABOVE) { " limit: above" } else { " limit: up to" });
        let expire = if self.has(BYTES) {
            let (number, unit) = rates::exact_bytes(self.avg).unwrap_or((rates::bytes_of(self.avg), ""));
            out.fmt(format_args!(" {number}{unit}b/s"));
            if self.burst > 0 {
                let (number, unit) = rates::listed_burst(self.avg, self.burst);
                out.fmt(format_args!(" burst {number}{unit}b"));
            }
            u64::from(BYTES_EXPIRE[usize::from(self.burst > 0)])
        } else {
            let period = self.avg.saturating_mul(u64::from(self.interval.max(1)));
            let (number, unit, seconds) = rates::listed(period);
            out.fmt(format_args!(" {number}/{unit} burst {}", self.burst));
            seconds * 1000
        };
        if self.keys().next().is_some() {
            out.text(" mode ");
            self.write_keys(out, "-");
        }
        self.write_rest(out, "", expire);
    }

    fn lower(&self, out: &mut Lowering) {
        let info = Info::new(SIZE)
            .bytes(0, &self.name)
            .u64(256, self.avg)
            .u64(264, self.burst)
            .u32(272, self.mode)
            .u32(276, self.size)
            .u32(280, self.max)
            .u32(284, self.gc_interval)
            .u32(288, self.expire)
            .u32(292, self.interval)
            .u8(296, self.masks.0)
            .u8(297, self.masks.1);
        out.xt_match("hashlimit", 3, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let full = full_mask(run.family);
        let view = run.xt_match("hashlimit", 3, SIZE)?;
        let found = Self {
            name: view.string(0, NAME_LEN).to_vec(),
            avg: view.u64(256),
            burst: view.u64(264),
            mode: view.u32(272),
            size: view.u32(276),
            max: view.u32(280),
            gc_interval: view.u32(284),
            expire: view.u32(288),
            interval: view.u32(292),
            masks: (view.u8(296), view.u8(297)),
        };
        let named = !found.name.is_empty() && found.name.len() < NAME_LEN;
        (named && found.masks.0 <= full && found.masks.1 <= full && found.has_words()).then_some(found)
    }

    fn approximate(&self, family: Family) -> Option<Approximation> {
        let over = if self.has(ABOVE) { "over " } else { "" };
        let limit = if self.has(BYTES) {
            let rate = rates::bytes_of(self.avg);
            let burst = rate.saturating_mul(self.burst.max(1));
            format!("limit rate {over}{rate} bytes/second burst {burst} bytes")
        } else {
            let (count, unit, _) = rates::exact(self.avg, self.has(RATE_MATCH))?;
            let unit = match unit {
                "sec" => "second",
                "min" => "minute",
                other => other,
            };
            format!("limit rate {over}{count}/{unit} burst {} packets", self.burst)
        };
        let mut differs = vec![
            "credit grows in other steps, so single packets at the border differ",
            "when the set is full the rule does not match, where the match drops the packet",
        ];
        if self.has(RATE_MATCH) {
            differs.push("there is credit to use up, not a rate alone");
        }
        let address = |destination: bool, length: u8| {
            approximation::address(destination, &Mask::prefix(length, family))
        };
        let (mut keys, mut types) = (Vec::new(), Vec::new());
        for (name, _) in KEYS.iter().filter(|(_, bit)| self.has(*bit)) {
            let key = match *name {
                "srcip" => address(false, self.masks.0),
                "dstip" => address(true, self.masks.1),
                "srcport" => Some("th sport".to_owned()),
                _ => Some("th dport".to_owned()),
            };
            let kind = if name.ends_with("ip") { approximation::address_type(family) } else { "inet_service" };
            keys.extend(key.map(|key| (key, types.push(kind)).0));
        }
        if keys.is_empty() {
            return Some(Approximation::plain(limit, &differs));
        }
        let name = approximation::set_name("hashlimit", &self.name);
        let set = approximation::dynamic(&types.join(" . "), self.max, self.expire.into());
        let statement = format!("update @{name} {{ {} {limit} }}", keys.join(" . "));
        Some(Approximation { statement, sets: vec![(name, set)], differs })
    }

    fn facts(&self) -> Facts<'_> {
        let side = if self.has(ABOVE) { Side::Above } else { Side::Below };
        let measure = if self.has(BYTES) { Measure::Bytes } else { Measure::Packets };
        let per = match self.mode {
            mode if mode & SOURCE_ADDRESS != 0 => Per::Source,
            mode if mode & ANY_KEY == 0 => Per::Rule,
            _ => Per::Destination,
        };
        Facts::new(Effect::Limits).bound(measure, side, per)
    }
}

impl Hashlimit {
    fn has(&self, bit: u32) -> bool {
        self.mode & bit != 0
    }

    fn keys(&self) -> impl Iterator<Item = &'static str> {
        let mode = self.mode;
        KEYS.iter().filter(move |(_, bit)| mode & bit != 0).map(|(name, _)| *name)
    }

    fn write_keys(&self, out: &mut Printer<'_>, separator: &str) {
        for (index, key) in self.keys().enumerate() {
            out.text(if index > 0 { separator } else { "" });
            out.text(key);
        }
    }

    /// What stands behind the name; `expire` is the idle time that the rate brings with it.
    fn write_rest(&self, out: &mut Printer<'_>, prefix: &str, expire: u64) {
        // A length that is not given is that of the family.
        let full = full_mask(out.family);
        let words: [(&str, u32, bool); 6] = [
            ("htable-size", self.size, self.size != 0),
            ("htable-max", self.max, self.max != 0),
            ("htable-gcinterval", self.gc_interval, self.gc_interval != DEFAULT_GC),
            ("htable-expire", self.expire, u64::from(self.expire) != expire),
            ("srcmask", self.masks.0.into(), self.masks.0 != full),
            ("dstmask", self.masks.1.into(), self.masks.1 != full),
        ];
        for (word, value, _) in words.iter().filter(|(_, _, said)| *said) {
            out.fmt(format_args!(" {prefix}{word} {value}"));
        }
        if self.has(RATE_MATCH) {
            out.fmt(format_args!(" {prefix}rate-match"));
            if self.interval != 1 {
                out.fmt(format_args!(" {prefix}rate-interval {}", self.interval));
            }
        }
    }

    /// Whether options can say it: other programs may write anything.
    fn has_words(&self) -> bool {
        let known = KEYS.iter().fold(ABOVE | BYTES | RATE_MATCH, |bits, (_, bit)| bits | bit);
        let interval = !self.has(RATE_MATCH) || (1..=i32::MAX.unsigned_abs()).contains(&self.interval);
        let rate = if self.has(BYTES) {
            let burst = self.burst == 0 || rates::exact_burst(self.avg, self.burst).is_some();
            burst && rates::exact_bytes(self.avg).is_some()
        } else {
            let burst = (1..=MAX_BURST).contains(&self.burst);
            burst && rates::exact(self.avg, self.has(RATE_MATCH)).is_some()
        };
        self.mode & !known == 0 && interval && rate
    }
}

fn full_mask(family: Family) -> u8 {
    if family == Family::Ipv4 { 32 } else { 128 }
}

/// The rate, and whether what is above it matches.
fn parse_rate(uses: &Uses<'_, '_>) -> Parsed<(Read, bool)> {
    let (option, above) = if uses.has("hashlimit-above") { ("hashlimit-above", true) } else { ("hashlimit-upto", false) };
    let Some(word) = uses.word(option) else {
        return Err(uses.complaint(
            codes::OPTION_REQUIRED,
            "You have to specify --hashlimit",
            "add `--hashlimit-upto RATE` or `--hashlimit-above RATE`",
        ));
    };
    let shown = word.lossy();
    let read = rates::parse(&word.text).map_err(|error| match error {
        RateError::Bad(error) => {
            bad_value(word, &error, format!("hashlimit: Bad value for \"--{option}\" option: \"{shown}\""))
        }
        RateError::TooFast(error) => bad_value(word, &error, format!("Rate too fast \"{shown}\"")),
        RateError::Bytes(error) => bad_value(word, &error, format!("Rate out of range \"{shown}\"")),
    })?;
    Ok((read, above != uses.inverted(option)))
}

fn parse_mask(uses: &Uses<'_, '_>, option: &str, family: Family) -> Parsed<Option<u8>> {
    let Some(word) = uses.word(option) else { return Ok(None) };
    let max = full_mask(family);
    rfw_values::number::parse_u8(&word.text, 0, max).map(Some).map_err(|error| {
        let classic = format!(
            "hashlimit: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-{max}).\n"
        );
        bad_value(word, &error, classic)
    })
}

fn parse_burst(word: &Word<'_>) -> Parsed<u64> {
    rates::parse_burst(&word.text).ok_or_else(|| burst_error(word, "packets, or bytes like 16kb"))
}

fn bad_burst(uses: &Uses<'_, '_>, expected: &str) -> Box<Diagnostic> {
    match uses.word("hashlimit-burst") {
        Some(word) => burst_error(word, expected),
        None => uses.complaint(codes::BAD_VALUE, "the burst is out of range", expected),
    }
}

fn burst_error(word: &Word<'_>, expected: &str) -> Box<Diagnostic> {
    let classic = "bad value for option \"--hashlimit-burst\", or out of range (1-1000000).";
    bad_value(word, &ValueError::whole(&word.text, expected), classic)
}

/// How many times the rate a burst of bytes is; 0 for none.
fn parse_byte_burst(uses: &Uses<'_, '_>, avg: u64, burst: Option<u64>) -> Parsed<u64> {
    let (Some(bytes), Some(word)) = (burst, uses.word("hashlimit-burst")) else { return Ok(0) };
    let rate = rates::bytes_of(avg);
    if bytes < rate {
        let error = ValueError::whole(&word.text, format!("at least the rate, {rate} bytes"));
        return Err(bad_value(word, &error, format!("burst cannot be smaller than {rate}b")));
    }
    // A burst that cannot be written down again would be another one after save and restore.
    rates::burst_times(rate, bytes)
        .filter(|times| rates::exact_burst(avg, *times).is_some())
        .ok_or_else(|| burst_error(word, "less than 4096mb"))
}

/// Names at commas or bars; empty ones are passed over.
fn parse_mode(word: &Word<'_>) -> Parsed<u32> {
    let (mut mode, mut start) = (0, 0);
    for part in word.text.split(|b| matches!(b, b',' | b'|')) {
        if !part.is_empty() {
            let Some((_, bit)) = KEYS.iter().find(|(name, _)| name.as_bytes() == part) else {
                let names = KEYS.map(|(name, _)| name);
                let span = word.part(start, start + part.len());
                let classic = format!("hashlimit: Bad value for \"--hashlimit-mode\" option: \"{}\"", word.lossy());
                return Err(bad_choice(word, part, span, &names, classic));
            };
            mode |= bit;
        }
        start += part.len() + 1;
    }
    Ok(mode)
}

fn parse_name(word: &Word<'_>) -> Parsed<Vec<u8>> {
    if word.text.is_empty() {
        let error = ValueError::whole(&word.text, "the name of a table");
        return Err(bad_value(word, &error, "Argument must have a minimum length of 1 characters\n"));
    }
    if word.text.len() >= NAME_LEN {
        let error = ValueError::new(NAME_LEN - 1, word.text.len(), "a name of at most 254 bytes");
        return Err(bad_value(word, &error, "Argument must have a maximum length of 254 characters\n"));
    }
    Ok(word.text.to_vec())
}

fn parse_interval(word: &Word<'_>) -> Parsed<u32> {
    let text: &[u8] = &word.text;
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..digits]).ok().and_then(|digits| digits.parse().ok());
    number.filter(|n| (1..=i32::MAX.unsigned_abs()).contains(n)).ok_or_else(|| {
        let error = ValueError::whole(text, "a number of seconds, at least 1");
        let classic = format!("hashlimit: Bad value for \"--hashlimit-rate-interval\" option: \"{}\"", word.lossy());
        bad_value(word, &error, classic)
    })
}
