//! Dates from 1970 to 2038 and times of day, in UTC: text to seconds and back.
//!
//! The arithmetic is the usual one on days since a 1 March, in the proleptic Gregorian calendar.

use rfw_values::ValueError;

/// How a date is written.
pub const DATE_FORM: &str = "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]";
/// How a time of day is written.
pub const TIME_FORM: &str = "hh:mm[:ss]";
/// 2038-12-31T23:59:59: the last second of the last year that iptables reads.
pub const LAST: u32 = 2_177_452_799;
const DAY: u32 = 86_400;

/// A decimal number as C's `strtoul` reads it, without a minus: blanks and one `+` may come first.
#[must_use]
pub fn number(text: &[u8]) -> Option<u32> {
    let text = text.trim_ascii_start();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Cuts the text at the first `separator`: the part before it, where it begins, and what is left with its own place.
fn cut(text: &[u8], at: usize, separator: u8) -> (&[u8], Option<usize>) {
    let rest = &text[at..];
    match rest.iter().position(|&b| b == separator) {
        Some(end) => (&rest[..end], Some(at + end + 1)),
        None => (rest, None),
    }
}

/// A part up to `max`; one that is left empty is 0.
fn part(text: &[u8], max: u32) -> Option<u32> {
    if text.is_empty() { Some(0) } else { number(text).filter(|&n| n <= max) }
}

/// Seconds since midnight of `hh:mm` or `hh:mm:ss`.
///
/// # Errors
/// The range begins at the part that is wrong and takes the rest.
pub fn parse_time(text: &[u8]) -> Result<u32, ValueError> {
    let wrong = |at: usize, what: &str| ValueError::new(at, text.len(), format!("{what} of {TIME_FORM}"));
    let (hours, next) = cut(text, 0, b':');
    let minutes_at = next.ok_or_else(|| wrong(0, "a time"))?;
    let hours = part(hours, 23).ok_or_else(|| wrong(0, "hours from 0 to 23"))?;
    let (minutes, next) = cut(text, minutes_at, b':');
    let minutes = part(minutes, 59).ok_or_else(|| wrong(minutes_at, "minutes from 0 to 59"))?;
    let seconds = match next {
        Some(at) => part(&text[at..], 59).ok_or_else(|| wrong(at, "seconds from 0 to 59"))?,
        None => 0,
    };
    Ok(hours * 3600 + minutes * 60 + seconds)
}

/// Seconds since 1970 of `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`. Days that a month does not have are those of the next one, as in
/// mktime(3).
///
/// # Errors
/// The range is the part that is wrong.
pub fn parse_date(text: &[u8]) -> Result<u32, ValueError> {
    let wrong = |at: usize, part: &[u8], what: &str| {
        ValueError::new(at, at + part.len(), format!("{what} of {DATE_FORM}"))
    };
    let (year_text, month_at) = cut(text, 0, b'-');
    let year = number(year_text)
        .filter(|y| (1970..=2038).contains(y))
        .ok_or_else(|| wrong(0, year_text, "a year from 1970 to 2038"))?;
    let (mut month, mut day, mut clock) = (1, 1, 0);
    if let Some(at) = month_at {
        let (month_text, day_at) = cut(text, at, b'-');
        month = number(month_text)
            .filter(|m| (1..=12).contains(m))
            .ok_or_else(|| wrong(at, month_text, "a month from 1 to 12"))?;
        if let Some(at) = day_at {
            let (day_text, clock_at) = cut(text, at, b'T');
            day = number(day_text)
                .filter(|d| (1..=31).contains(d))
                .ok_or_else(|| wrong(at, day_text, "a day from 1 to 31"))?;
            clock = clock_at.map_or(Ok(0), |at| parse_clock(text, at))?;
        }
    }
    Ok((days_before(year, month) + day - 1) * DAY + clock)
}

/// `hh[:mm[:ss]]` behind the `T`.
fn parse_clock(text: &[u8], start: usize) -> Result<u32, ValueError> {
    let (mut seconds, mut at) = (0, Some(start));
    for (max, unit) in [(23, 3600), (59, 60), (59, 1)] {
        let Some(from) = at else { break };
        let (digits, next) = if unit == 1 { (&text[from..], None) } else { cut(text, from, b':') };
        let value = part(digits, max).ok_or_else(|| {
            ValueError::new(from, from + digits.len(), format!("a number up to {max}, of {DATE_FORM}"))
        })?;
        seconds += value * unit;
        at = next;
    }
    Ok(seconds)
}

/// Days from 1970-01-01 to the first of a month, from 1970 on.
fn days_before(year: u32, month: u32) -> u32 {
    // Years begin in March, so that the leap day is the last one.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (month * 153 + 2) / 5 - 719_468
}

/// `hh:mm:ss`.
#[must_use]
pub fn time_text(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `YYYY-MM-DDThh:mm:ss`, with any separator for the `T`.
#[must_use]
pub fn date_text(seconds: u32, separator: char) -> String {
    let days = seconds / DAY;
    let mut year = 1970;
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    let day = days - days_before(year, month) + 1;
    format!("{year:04}-{month:02}-{day:02}{separator}{}", time_text(seconds % DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        for (text, seconds) in [
            ("1970", 0),
            ("1972-02-29", 68_169_600),
            ("2000-03-01T00:00:01", 951_868_801),
            ("2024-02-29T10:11:12", 1_709_201_472),
            ("2038-01-19T03:14:07", 2_147_483_647),
            ("2038-12-31T23:59:59", LAST),
        ] {
            let parsed = parse_date(text.as_bytes()).expect(text);
            assert_eq!(parsed, seconds, "{text}");
            assert!(date_text(seconds, 'T').starts_with(text), "{text}: {}", date_text(seconds, 'T'));
        }
        for day in (0..=LAST).step_by(DAY as usize) {
            assert_eq!(parse_date(date_text(day, 'T').as_bytes()), Ok(day));
        }
        assert_eq!(date_text(parse_date(b"2023-02-29").unwrap_or(0), ' '), "2023-03-01 00:00:00");
    }

    #[test]
    fn guilty_parts() {
        let place = |text: &str| parse_date(text.as_bytes()).map_err(|e| (e.start, e.end));
        assert_eq!(place("1969"), Err((0, 4)));
        assert_eq!(place("2024-13-01"), Err((5, 7)));
        assert_eq!(place("2024-02-32"), Err((8, 10)));
        assert_eq!(place("2024-02-29T10:60"), Err((14, 16)));
        assert_eq!(place("2024-02-29T10:11:12Z"), Err((17, 20)));
        let place = |text: &str| parse_time(text.as_bytes()).map_err(|e| e.start);
        assert_eq!(place("24:00"), Err(0));
        assert_eq!(place("10"), Err(0));
        assert_eq!(place("23:60"), Err(3));
        assert_eq!(place("10:00:00:00"), Err(6));
        assert_eq!(place("9:5"), Ok(9 * 3600 + 300));
    }
}
