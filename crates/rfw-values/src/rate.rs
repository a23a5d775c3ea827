//! Rates of the `limit` match, with the rounding of iptables.
//!
//! iptables keeps a rate as the time between two packets in units of 1/10000 s. What it prints and what it gives to
//! the kernel is computed back from that, so `300/sec` becomes `303/sec` and `60/min` becomes `1/sec`.

use std::fmt;

use nom::Parser;
use nom::bytes::complete::take_while;
use nom::character::complete::{digit0, one_of};
use nom::combinator::opt;

use crate::ValueError;
use crate::number::is_space;

/// Time units per second of [`Rate::avg`].
pub const SCALE: u32 = 10_000;

/// Names and seconds, longest first: the order in which a printing unit is looked for.
const UNITS: [(&str, u32); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];

/// Why a word is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a number with a unit.
    #[error(transparent)]
    Bad(ValueError),
    /// More than 10000 per second.
    #[error("rate too fast: {0}")]
    TooFast(ValueError),
}

impl RateError {
    /// The place and what was expected there.
    #[must_use]
    pub fn value_error(&self) -> &ValueError {
        match self {
            Self::Bad(error) | Self::TooFast(error) => error,
        }
    }
}

/// A rate of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    avg: u32,
}

impl Rate {
    /// The rate of `-m limit` without `--limit`: 3 per hour.
    pub const DEFAULT: Self = Self { avg: 3_600 * SCALE / 3 };

    /// Reads `N[/unit]`; the unit is a beginning of second, minute, hour or day in any case, second if absent.
    ///
    /// # Errors
    /// [`RateError::Bad`] and [`RateError::TooFast`] as iptables tells them apart.
    pub fn parse(text: &[u8]) -> Result<Self, RateError> {
        let bad = |start, end| {
            RateError::Bad(ValueError::new(start, end, "a rate like 5/second, 5/minute, 5/hour or 5/day"))
        };
        let slash = text.iter().position(|&b| b == b'/');
        let unit = match slash {
            None => 1,
            Some(at) => unit_seconds(&text[at + 1..]).ok_or_else(|| bad(at + 1, text.len()))?,
        };
        let count = atoi(text);
        if count == 0 {
            return Err(bad(0, slash.unwrap_or(text.len())));
        }
        let avg = SCALE * unit / count;
        if avg == 0 {
            return Err(RateError::TooFast(ValueError::whole(text, "at most 10000 per second")));
        }
        Ok(Self { avg })
    }

    /// From the time between two packets, in 1/10000 s: the `avg` field of the xt `limit` match.
    #[must_use]
    pub const fn from_avg(avg: u32) -> Self {
        Self { avg }
    }

    /// The time between two packets in 1/10000 s.
    #[must_use]
    pub const fn avg(self) -> u32 {
        self.avg
    }

    /// From the kernel's `limit` expression: `rate` packets in `unit` seconds, with the truncation of iptables.
    /// `None` for a rate of zero.
    #[must_use]
    pub fn from_kernel(rate: u64, unit: u64) -> Option<Self> {
        let avg = u64::from(SCALE).wrapping_mul(unit).checked_div(rate)?;
        #[expect(clippy::cast_possible_truncation, reason = "iptables stores it in 32 bits")]
        let avg = avg as u32;
        Some(Self { avg })
    }

    /// As [`Rate::from_kernel`], but only where the printed rate, read again, gives the kernel the same two numbers.
    /// A rate that something else than iptables wrote (6000 per second, 5 per week) is `None`.
    #[must_use]
    pub fn from_kernel_exact(rate: u64, unit: u64) -> Option<Self> {
        let found = Self::from_kernel(rate, unit)?;
        let again = Self::parse(found.to_string().as_bytes()).ok()?;
        (again.kernel() == (rate, unit)).then_some(found)
    }

    /// What the kernel's `limit` expression gets: packets, and in how many seconds.
    #[must_use]
    pub fn kernel(self) -> (u64, u64) {
        let (count, (_, seconds)) = self.counted();
        (u64::from(count), u64::from(seconds))
    }

    /// Packets per unit and the unit, the walk of encoding 1.2. The count is zero below one per day.
    fn counted(self) -> (u32, (&'static str, u32)) {
        let Some(avg) = std::num::NonZeroU32::new(self.avg) else {
            return (u32::MAX, UNITS[3]);
        };
        let mut unit = UNITS[0];
        for next in &UNITS[1..] {
            let scale = next.1 * SCALE;
            if self.avg > scale || scale / avg < scale % avg {
                break;
            }
            unit = *next;
        }
        (unit.1 * SCALE / avg, unit)
    }
}

impl fmt::Display for Rate {
    /// `5/min`, `10/sec`, `3/hour`, `1/day`; `inf` for a rate beyond the resolution.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.avg == 0 {
            return f.write_str("inf");
        }
        let (count, (name, _)) = self.counted();
        write!(f, "{count}/{name}")
    }
}

fn unit_seconds(word: &[u8]) -> Option<u32> {
    const WORDS: [(&[u8], u32); 4] = [(b"second", 1), (b"minute", 60), (b"hour", 3_600), (b"day", 86_400)];
    let begins = |full: &[u8]| {
        full.get(..word.len()).is_some_and(|head| !word.is_empty() && head.eq_ignore_ascii_case(word))
    };
    WORDS.iter().find(|(full, _)| begins(full)).map(|&(_, seconds)| seconds)
}

/// C's `atoi` put into 32 unsigned bits: `-1` is 4294967295, and whatever follows the digits is ignored.
fn atoi(text: &[u8]) -> u32 {
    type E<'a> = nom::error::Error<&'a [u8]>;
    let mut parser = (take_while::<_, _, E<'_>>(is_space), opt(one_of("+-")), digit0);
    let Ok((_, (_, sign, digits))) = parser.parse(text) else {
        return 0;
    };
    let value = digits
        .iter()
        .fold(0i64, |sum, &digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    let value = if sign == Some('-') { -value } else { value };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion from long to unsigned int is meant"
    )]
    let value = value as u32;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        match Rate::parse(text.as_bytes()) {
            Ok(rate) => rate.to_string(),
            Err(RateError::Bad(_)) => "bad".into(),
            Err(RateError::TooFast(_)) => "fast".into(),
        }
    }

    #[test]
    fn examples() {
        for (text, expected) in [
            ("300/s", "303/sec"),
            ("3334/s", "5000/sec"),
            ("5001/s", "10000/sec"),
            ("10000/s", "10000/sec"),
            ("10001/s", "fast"),
            ("60/min", "1/sec"),
            ("120/min", "2/sec"),
            ("59/min", "59/min"),
            ("61/min", "61/min"),
            ("90/min", "90/min"),
            ("86400/day", "1/sec"),
            ("5", "5/sec"),
            ("5/second", "5/sec"),
            ("5/seconds", "bad"),
            ("5/Minu", "5/min"),
            ("5/h", "5/hour"),
            ("5/D", "5/day"),
            ("5/", "bad"),
            ("", "bad"),
            ("0", "bad"),
            ("x", "bad"),
            ("-1", "fast"),
            ("1.5", "1/sec"),
            ("5 /s", "5/sec"),
            ("5s", "5/sec"),
            ("5/w", "bad"),
            ("4294967296", "bad"),
            ("4294967295/day", "fast"),
            ("864000000/day", "10000/sec"),
            ("864000001/day", "fast"),
            ("0x5/s", "bad"),
            ("010/s", "10/sec"),
            ("5/s ", "bad"),
            (" 5/s", "5/sec"),
            ("5//s", "bad"),
        ] {
            assert_eq!(printed(text), expected, "{text}");
        }
        assert_eq!(Rate::DEFAULT.to_string(), "3/hour");
    }

    #[test]
    fn from_nft() {
        let back = |rate, unit| Rate::from_kernel(rate, unit).map(|r| r.to_string());
        // `nft add rule` wrote these and iptables 1.8.9 printed them.
        const WEEK: u64 = 604_800;
        for (rate, unit, printed) in [
            (6_000, 1, "10000/sec"),
            (1_000_000, 1, "inf"),
            (10_001, 1, "inf"),
            (3, 60, "3/min"),
            (864_000_000, 86_400, "10000/sec"),
            (1, WEEK, "0/day"),
            (5, WEEK, "0/day"),
            (7, WEEK, "1/day"),
            (15, WEEK, "2/day"),
        ] {
            assert_eq!(back(rate, unit).as_deref(), Some(printed), "{rate}/{unit}");
        }
        assert_eq!(back(0, 1), None);
        assert_eq!(Rate::from_kernel_exact(6_000, 1), None);
        assert_eq!(Rate::from_kernel_exact(5, WEEK), None);
        assert_eq!(back(u64::MAX, u64::MAX).as_deref(), Some("inf"));
    }

    #[test]
    fn printed_rates_stay() {
        for count in 1..2_000u32 {
            for unit in ["s", "m", "h", "d"] {
                let Ok(rate) = Rate::parse(format!("{count}/{unit}").as_bytes()) else {
                    continue;
                };
                let (packets, seconds) = rate.kernel();
                let back = Rate::from_kernel(packets, seconds).map(|r| r.to_string());
                assert_eq!(back, Some(rate.to_string()), "{count}/{unit}");
                let exact = Rate::from_kernel_exact(packets, seconds).map(Rate::kernel);
                assert_eq!(exact, Some((packets, seconds)), "{count}/{unit}");
            }
        }
    }
}
