//! Rates and bursts of `hashlimit`: what iptables reads, keeps and writes back.
//!
//! A rate of packets is kept as the time between two of them in units of 1/1000000 s, a rate of bytes as the share of 2^32 that
//! 16 bytes cost (`XT_HASHLIMIT_SCALE_v2` and `XT_HASHLIMIT_BYTE_SHIFT` of `xt_hashlimit.h`). Text comes back from these, so
//! `5000b/s` becomes `4992b/s`. Where the original's text would be read as another number, a finer unit is written here.

use rfw_values::ValueError;

/// Time units per second.
const SCALE: u64 = 1_000_000;
/// log2 of the bytes that are counted as one.
const BYTE_SHIFT: u32 = 4;
/// Units of a rate of packets with their seconds, in the order in which the original tries them.
const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];
/// Units of bytes, largest first.
const BYTE_UNITS: [(&str, u64); 3] = [("m", 1 << 20), ("k", 1 << 10), ("", 1)];

/// Why a word is no rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RateError {
    /// It is something else.
    Bad(ValueError),
    /// More than the unit of time can tell.
    TooFast(ValueError),
    /// More or fewer bytes than can be kept.
    Bytes(ValueError),
}

/// What was read, with the seconds of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Packets { avg: u64, seconds: u32 },
    Bytes { avg: u64 },
}

/// `N[/unit]`, `Nb/s`, `Nkb/s` or `Nmb/s`; as in the original, a unit may be cut short.
pub(super) fn parse(text: &[u8]) -> Result<Read, RateError> {
    if let Some(at) = text.windows(3).position(|w| w == b"b/s").filter(|at| *at > 0) {
        let count = leading_number(text);
        if count != 0 {
            return parse_bytes(text, count, text[at - 1]);
        }
    }
    let bad = |from: usize| {
        RateError::Bad(ValueError::new(from, text.len(), "a rate like 5/sec, 5/min, 5/hour, 5/day or 512kb/s"))
    };
    let slash = text.iter().position(|&b| b == b'/');
    let seconds = match slash {
        None => 1,
        Some(at) => unit_seconds(&text[at + 1..]).ok_or_else(|| bad(at + 1))?,
    };
    let count = leading_number(text);
    if count == 0 {
        return Err(bad(0));
    }
    match SCALE * u64::from(seconds) / count {
        0 => Err(RateError::TooFast(ValueError::whole(text, "at most 1000000 per second"))),
        avg => Ok(Read::Packets { avg, seconds }),
    }
}

fn parse_bytes(text: &[u8], count: u64, unit: u8) -> Result<Read, RateError> {
    let bytes = count.checked_mul(factor(unit)).filter(|bytes| bytes >> BYTE_SHIFT < u64::from(u32::MAX));
    match bytes {
        // Fewer than 16 are written back as 0, which the original then refuses.
        Some(bytes) if bytes >> BYTE_SHIFT > 0 => Ok(Read::Bytes { avg: cost(bytes) }),
        _ => Err(RateError::Bytes(ValueError::whole(text, "16b/s to 65535mb/s"))),
    }
}

/// `N`, `Nk` or `Nm`: a number of packets or bytes, at least 1 and at most 1000000 units.
pub(super) fn parse_burst(text: &[u8]) -> Option<u64> {
    let (number, used) = rfw_values::number::prefix(text)?;
    let unit = text.get(used).copied();
    if number == 0 || (unit.is_none() && number > super::MAX_BURST) {
        return None;
    }
    number.checked_mul(factor(unit.unwrap_or_default()))
}

fn factor(unit: u8) -> u64 {
    match unit {
        b'm' => 1 << 20,
        b'k' => 1 << 10,
        _ => 1,
    }
}

/// What 16 bytes cost at this rate.
fn cost(bytes: u64) -> u64 {
    u64::from(u32::MAX) / ((bytes >> BYTE_SHIFT) + 1)
}

/// The rate at which 16 bytes cost this; at least 16 for what [`parse`] gives.
pub(super) fn bytes_of(cost: u64) -> u64 {
    (u64::from(u32::MAX) / cost.max(1)).saturating_sub(1) << BYTE_SHIFT
}

/// A rate of packets, as the original lists it: count, unit and the unit's seconds.
pub(super) fn listed(avg: u64) -> (u64, &'static str, u64) {
    let avg = avg.max(1);
    let (name, seconds) = usual_unit(avg);
    (seconds * SCALE / avg, name, seconds)
}

/// The unit that the original chooses: going down from days, the last one before the rest gets larger than the count.
fn usual_unit(avg: u64) -> (&'static str, u64) {
    let mut found = UNITS[0];
    for next in &UNITS[1..] {
        let scale = next.1 * SCALE;
        if avg > scale || scale / avg < scale % avg {
            break;
        }
        found = *next;
    }
    found
}

/// A rate of packets that is read as `avg`, if there is one: count, unit, seconds. A rate that is only matched was divided by
/// its unit's seconds.
pub(super) fn exact(avg: u64, divided: bool) -> Option<(u64, &'static str, u64)> {
    let first = usual_unit(avg.max(1)).0;
    let usual = UNITS.iter().filter(|u| u.0 == first);
    let others = UNITS.iter().rev().filter(|u| u.0 != first);
    usual.chain(others).find_map(|&(name, seconds)| {
        let count = (seconds * SCALE).checked_div(avg).filter(|count| *count > 0)?;
        let again = seconds * SCALE / count / if divided { seconds } else { 1 };
        (again == avg).then_some((count, name, seconds))
    })
}

/// A rate of bytes that is read as this cost, if there is one: number and unit.
pub(super) fn exact_bytes(avg: u64) -> Option<(u64, &'static str)> {
    let bytes = bytes_of(avg);
    let fits = |size: u64| bytes >= size && cost(bytes & !(size - 1)) == avg;
    let (name, size) = BYTE_UNITS.iter().find(|(_, size)| bytes >= 16 && fits(*size))?;
    Some((bytes / size, name))
}

/// A burst of so many times a rate, as the original lists it.
pub(super) fn listed_burst(avg: u64, times: u64) -> (u64, &'static str) {
    let bytes = bytes_of(avg).saturating_mul(times);
    let (name, size) = BYTE_UNITS.iter().find(|(_, size)| bytes >= *size).unwrap_or(&BYTE_UNITS[2]);
    (bytes / size, name)
}

/// A burst that is read as so many times the rate, if there is one.
pub(super) fn exact_burst(avg: u64, times: u64) -> Option<(u64, &'static str)> {
    let (rate, bytes) = (bytes_of(avg), bytes_of(avg).checked_mul(times)?);
    BYTE_UNITS.iter().find_map(|(name, size)| {
        let number = bytes / size;
        (number > 0 && burst_times(rate, number * size) == Some(times)).then_some((number, *name))
    })
}

/// How many times the rate a burst of bytes is, rounded up; `None` if it is less than once or too much.
pub(super) fn burst_times(rate: u64, bytes: u64) -> Option<u64> {
    (rate > 0 && bytes >= rate && u32::try_from(bytes).is_ok()).then(|| bytes.div_ceil(rate))
}

/// C's `atoll`: the digits at the front. What is negative there counts as beyond all bounds, which it becomes in the original.
fn leading_number(text: &[u8]) -> u64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let number = digits.iter().take_while(|b| b.is_ascii_digit()).fold(0u64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    if negative && number != 0 { u64::MAX } else { number }
}

fn unit_seconds(word: &[u8]) -> Option<u32> {
    const WORDS: [(&[u8], u32); 4] = [(b"second", 1), (b"minute", 60), (b"hour", 3_600), (b"day", 86_400)];
    let begins = |full: &[u8]| full.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if word.is_empty() {
        return None;
    }
    WORDS.iter().find(|(full, _)| begins(full)).map(|&(_, seconds)| seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(text: &str) -> u64 {
        match parse(text.as_bytes()) {
            Ok(Read::Packets { avg, .. }) => avg,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_rate_of_packets_reads_back() {
        for unit in ["sec", "min", "hour", "day"] {
            for count in (1..5000).chain([9_999, 77_777, 999_999]) {
                let avg = packets(&format!("{count}/{unit}"));
                let (count, unit, _) = exact(avg, false).unwrap();
                assert_eq!(packets(&format!("{count}/{unit}")), avg);
            }
        }
    }

    #[test]
    fn every_rate_of_bytes_and_its_burst_read_back() {
        for bytes in (16..4000).step_by(7).chain([5_000, 99_999, 1 << 20, 77_777_777]) {
            let Ok(Read::Bytes { avg }) = parse(format!("{bytes}b/s").as_bytes()) else { panic!("{bytes}") };
            let (count, unit) = exact_bytes(avg).unwrap();
            assert_eq!(parse(format!("{count}{unit}b/s").as_bytes()), Ok(Read::Bytes { avg }));
            for times in [1, 2, 3, 50] {
                // Beyond 32 bits there is none.
                if bytes_of(avg) * times <= u64::from(u32::MAX) {
                    let (count, unit) = exact_burst(avg, times).unwrap();
                    let burst = parse_burst(format!("{count}{unit}b").as_bytes()).unwrap();
                    assert_eq!(burst_times(bytes_of(avg), burst), Some(times));
                }
            }
        }
    }

    #[test]
    fn no_rates() {
        for text in ["", "/s", "0/s", "5/", "5/x", "5/secondss", "b/s", "kb/s"] {
            assert!(matches!(parse(text.as_bytes()), Err(RateError::Bad(_))), "{text}");
        }
        assert!(matches!(parse(b"1000001/s"), Err(RateError::TooFast(_))));
        assert!(matches!(parse(b"-1"), Err(RateError::TooFast(_))));
        for text in ["15b/s", "65536mb/s", "-5b/s"] {
            assert!(matches!(parse(text.as_bytes()), Err(RateError::Bytes(_))), "{text}");
        }
        for text in ["0", "x", "1000001", "-1", ""] {
            assert_eq!(parse_burst(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_burst(b"3kb"), Some(3072));
    }
}
