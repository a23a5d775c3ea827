//! `-j RATEEST`: counts packets and bytes into an estimator, which `-m rateest` compares.
//!
//! xt `RATEEST` revision 0 in both encodings: `{ char name[16]; __s8 interval; __u8 ewma_log; struct xt_rateest *est; }`
//! (`xt_RATEEST.h`), of which the last is the kernel's; nf_tables has nothing like it. The interval is kept as the power of
//! two of 250 ms above the one given, the time constant as the power of two of intervals below.

use std::fmt;

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 32;
/// The name's field is 16 bytes with its NUL.
const NAME_MAX: usize = 15;
/// Microseconds; the shortest interval.
const QUARTER: u32 = 250_000;
/// The longest interval is 2^5 quarters of a second.
const INTERVAL_MAX: u8 = 5;
const EWMA_MAX: u8 = 30;
const OUT_OF_RANGE: &str = "RATEEST: ewmalog value is out of range";

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rateest {
    name: Vec<u8>,
    /// Power of two of 250 ms, 0 to 5.
    interval: u8,
    /// Power of two of intervals, from 1; the product has 32 bits of microseconds.
    ewma_log: u8,
}

impl Extension for Rateest {
    const NAME: &'static str = "RATEEST";
    const SUMMARY: &'static str = "estimates a rate for -m rateest";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("rateest-name", "name", "the estimator, up to 15 bytes"),
        OptionSpec::value("rateest-interval", "time", "how often to measure, 250ms to 8s"),
        OptionSpec::value("rateest-ewmalog", "time", "time constant of the average"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables has no estimators",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let time = |name: &str, what: &str| -> Parsed<u32> {
            Ok(uses.word(name).map(|word| parse_time(word, what)).transpose()?.unwrap_or(0))
        };
        let (given, ewma) = (time("rateest-interval", "interval")?, time("rateest-ewmalog", "ewmalog")?);
        let Some(interval) = (0..=INTERVAL_MAX).find(|log| given <= QUARTER << log) else {
            let help = "intervals end at 8s";
            let text = "RATEEST: interval value is too large";
            return Err(wrong(uses, "rateest-interval", text, help));
        };
        let ewma_log = ewma_log(given, ewma).filter(|log| Self::constant_of(interval, *log).is_some());
        let Some(ewma_log) = ewma_log else {
            let help = "give an interval of at least 250ms, and a time constant of twice as much or more";
            return Err(wrong(uses, "rateest-ewmalog", OUT_OF_RANGE, help));
        };
        let Some(name) = uses.word("rateest-name") else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "RATEEST: option \"--rateest-name\" must be specified\n",
                "add `--rateest-name NAME`",
            ));
        };
        // Cut as the original cuts it.
        Ok(Self { name: name.text.iter().copied().take(NAME_MAX).collect(), interval, ewma_log })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.text(" --rateest-name");
        out.word(&self.name);
        let (interval, constant) = self.times();
        out.fmt(format_args!(" --rateest-interval {interval} --rateest-ewmalog {constant}"));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" name ");
        out.bytes(&self.name);
        let (interval, constant) = self.times();
        out.fmt(format_args!(" interval {interval} ewmalog {constant}"));
    }

    fn lower(&self, out: &mut Lowering) {
        // The kernel counts from a second.
        let interval = self.interval.wrapping_sub(2);
        let info = Info::new(SIZE).bytes(0, &self.name).u8(16, interval).u8(17, self.ewma_log);
        out.xt_target("RATEEST", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("RATEEST", 0, SIZE)?;
        let (name, interval, ewma_log) = (view.string(0, NAME_MAX + 1), view.u8(16).wrapping_add(2), view.u8(17));
        let sayable = name.len() <= NAME_MAX
            && !name.contains(&b'\n')
            && interval <= INTERVAL_MAX
            && (1..=EWMA_MAX).contains(&ewma_log)
            && Self::constant_of(interval, ewma_log).is_some();
        sayable.then(|| Self { name: name.to_vec(), interval, ewma_log })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs)
    }
}

impl Rateest {
    /// Microseconds of the time constant, if they fit.
    fn constant_of(interval: u8, ewma_log: u8) -> Option<u32> {
        u32::try_from(u64::from(QUARTER) << interval << ewma_log).ok()
    }

    fn times(&self) -> (Time, Time) {
        let constant = Self::constant_of(self.interval, self.ewma_log).unwrap_or(u32::MAX);
        (Time(QUARTER << self.interval), Time(constant))
    }
}

/// Microseconds, as iptables-save writes them.
struct Time(u32);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1_000_000 => write!(f, "{:.1}s", f64::from(n) / 1e6),
            n if n >= 1000 => write!(f, "{:.1}ms", f64::from(n) / 1e3),
            n => write!(f, "{n}us"),
        }
    }
}

/// The largest power of two of intervals whose average follows within the time constant.
fn ewma_log(interval: u32, constant: u32) -> Option<u8> {
    let slower = |log: &u8| f64::from(interval) / decay(*log) > f64::from(constant);
    (1..=EWMA_MAX).find(slower).map(|log| log - 1).filter(|log| *log > 0)
}

/// `-ln(1 - 2^-log)` by its series, the small terms first: this is all that would need the library of mathematics, which
/// takes longer to load than most commands take to run.
fn decay(log: u8) -> f64 {
    const TERMS: u32 = 64;
    let share = 1.0 / f64::from(1_u32 << log);
    let mut sum = 0.0;
    for term in (1..=TERMS).rev() {
        sum = share * (1.0 / f64::from(term) + sum);
    }
    sum
}

fn wrong(uses: &Uses<'_, '_>, option: &str, text: &str, help: &str) -> Box<rfw_diagnostics::Diagnostic> {
    let mut diagnostic = uses.complaint(codes::BAD_VALUE, text, help);
    diagnostic.span = uses.span(option);
    diagnostic
}

/// A number with `s`, `ms`, `us` or one of their longer names; without one it is microseconds.
fn parse_time(word: &Word<'_>, what: &str) -> Parsed<u32> {
    let text: &[u8] = &word.text;
    let end = text.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = match unit.to_ascii_lowercase().as_slice() {
        b"s" | b"sec" | b"secs" => Some(1e6),
        b"ms" | b"msec" | b"msecs" => Some(1e3),
        b"" | b"us" | b"usec" | b"usecs" => Some(1.0),
        _ => None,
    };
    let number = std::str::from_utf8(number).ok().and_then(|n| n.parse::<f64>().ok());
    let micros = number.zip(scale).map(|(n, scale)| n * scale).filter(|n| *n <= f64::from(u32::MAX));
    match micros {
        // Not negative: there is no sign.
        Some(micros) => Ok(micros as u32),
        None => {
            let error = ValueError::whole(text, "a time like 250ms, 1.5s or 8s");
            Err(bad_value(word, &error, format!("RATEEST: bad {what} value \"{}\"", word.lossy())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decay_is_the_logarithm() {
        for log in 1..=EWMA_MAX {
            let weight = 1.0 - 1.0 / f64::from(1_u32 << log);
            let (ours, exact) = (decay(log), -weight.ln());
            assert!((ours - exact).abs() <= exact * 4.0 * f64::EPSILON, "{log}: {ours} instead of {exact}");
            // What it is for: whole microseconds on either side of the border.
            for interval in (0..=INTERVAL_MAX).map(|log| f64::from(QUARTER << log)) {
                assert_eq!((interval / ours).floor(), (interval / exact).floor(), "{log}");
            }
        }
    }
}
