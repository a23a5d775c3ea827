//! The values of conntrack's options.

use rfw_nft::expr::CtDir;
use rfw_syntax::Word;
use rfw_values::{PortError, PortRange, ValueError, number};

use super::STATUSES;
use crate::shared::bounds::out_of_range;
use crate::Parsed;
use crate::context::ParseCx;
use crate::shared::states::{DNAT, PLAIN, SNAT, States};
use crate::uses::{bad_choice, bad_item, bad_value};

/// Reads a list at its commas; the original names what is left of it from the wrong part on.
fn parse_list(word: &Word<'_>, option: &str, choices: &[&str], bit: impl Fn(&[u8]) -> Option<u16>) -> Parsed<u16> {
    let (mut mask, mut start) = (0, 0);
    for part in word.text.split(|&b| b == b',') {
        let Some(bit) = bit(part) else {
            let rest = String::from_utf8_lossy(&word.text[start..]);
            let upper = part.to_ascii_uppercase();
            let span = word.part(start, start + part.len());
            return Err(bad_item(word, &upper, span, choices, format!("Bad {option} \"{rest}\"")));
        };
        mask |= bit;
        start += part.len() + 1;
    }
    Ok(mask)
}

pub(super) fn parse_states(word: &Word<'_>) -> Parsed<u16> {
    let all = PLAIN | SNAT | DNAT;
    parse_list(word, "ctstate", &States::names(all), |part| States::bit(part, all))
}

pub(super) fn parse_statuses(word: &Word<'_>) -> Parsed<u16> {
    let choices = ["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"];
    parse_list(word, "ctstatus", &choices, |part| {
        let upper = part.to_ascii_uppercase();
        let name = choices.iter().find(|name| !part.is_empty() && name.as_bytes().starts_with(&upper))?;
        Some(STATUSES.iter().find(|(known, _)| known == name).map_or(0, |(_, bit)| *bit))
    })
}

pub(super) fn parse_direction(word: &Word<'_>) -> Parsed<CtDir> {
    let lower = word.text.to_ascii_lowercase();
    match lower.as_slice() {
        b"original" => Ok(CtDir::Original),
        b"reply" => Ok(CtDir::Reply),
        _ => {
            let classic = format!("conntrack: Bad value for \"--ctdir\" option: \"{}\"", word.lossy());
            Err(bad_choice(word, &word.text, word.span, &["ORIGINAL", "REPLY"], classic))
        }
    }
}

pub(super) fn parse_ports(word: &Word<'_>, option: &str, cx: &ParseCx<'_>) -> Parsed<(u16, u16)> {
    too_many(word, option)?;
    match PortRange::parse_decimal(&word.text, None, cx.names) {
        Ok(range) => Ok((range.lo(), range.hi())),
        Err(PortError::Inverted { lo, hi, .. }) => Ok((lo, hi)),
        Err(PortError::NotAPort(error)) => {
            let part = String::from_utf8_lossy(word.text.get(error.start..error.end).unwrap_or_default());
            Err(bad_value(word, &error, format!("Port \"{part}\" does not resolve to anything.\n")))
        }
    }
}

/// A third part of a range.
fn too_many(word: &Word<'_>, option: &str) -> Parsed<()> {
    let mut colons = word.text.iter().enumerate().filter(|(_, b)| **b == b':').map(|(at, _)| at);
    match colons.nth(1) {
        None => Ok(()),
        Some(second) => {
            let error = ValueError::new(second, word.text.len(), "FROM:TO");
            let classic = format!("conntrack: Too many components for option \"--{option}\" (max: 2)\n");
            Err(bad_value(word, &error, classic))
        }
    }
}

/// `a`, `a:b`, `a:`, `:b`; an empty word is 0, as in the original.
pub(super) fn parse_seconds(word: &Word<'_>) -> Parsed<(u32, u32)> {
    let text: &[u8] = &word.text;
    let number = |start: usize, end: usize, open: u32, lowest: u32| -> Parsed<u32> {
        if start == end {
            return Ok(open);
        }
        let read = number::prefix(&text[start..end]).and_then(|(n, used)| Some((u32::try_from(n).ok()?, used)));
        let Some((number, used)) = read else {
            let near = String::from_utf8_lossy(&text[start..]);
            let error = ValueError::new(start, end, format!("seconds, at most {}", u32::MAX));
            let classic = format!(
                "conntrack: bad value for option \"--ctexpire\" near \"{near}\", or out of range (0-4294967295).\n"
            );
            let later = out_of_range("conntrack", "ctexpire", &near, lowest.into(), u32::MAX.into());
            return Err(bad_value(word, &error, classic).map_later(later));
        };
        if start + used < end {
            let near = String::from_utf8_lossy(&text[start + used..]);
            let error = ValueError::new(start + used, end, "a number of seconds");
            let classic =
                format!("conntrack: Argument to \"--ctexpire\" has unexpected characters near \"{near}\".\n");
            return Err(bad_value(word, &error, classic));
        }
        Ok(number)
    };
    let colon = text.iter().position(|&b| b == b':');
    let from = number(0, colon.unwrap_or(text.len()), 0, 0)?;
    let Some(colon) = colon else { return Ok((from, from)) };
    let second = text[colon + 1..].iter().position(|&b| b == b':').map_or(text.len(), |at| colon + 1 + at);
    let to = number(colon + 1, second, u32::MAX, from)?;
    too_many(word, "ctexpire")?;
    Ok((from, to))
}
