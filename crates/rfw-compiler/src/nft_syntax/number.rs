//! Constants as nft writes them.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::words;
use super::{Untranslatable, Written};

/// How the constants of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `22`.
    Decimal,
    /// `0xff`.
    Hex,
    /// `10.0.0.1`, `2001:db8::1`.
    Address,
    /// `00:11:22:33:44:55`.
    Ethernet,
    /// `exists`, `missing`; between others in a set, `1` and `0`.
    Presence,
    /// `"eth0"`.
    Interface,
    /// `"ftp"`, padded with zeroes.
    Text,
    /// `tcp`.
    Protocol,
    /// `5s`, `5s999ms`.
    Milliseconds,
    /// `1700000000`, seconds that the field holds as nanoseconds.
    Nanoseconds,
    /// `1:2`, a class of traffic control.
    Class,
    /// Names of some numbers; others are decimal.
    Named(&'static [(u64, &'static str)]),
    /// Names of bits.
    Flags(&'static [(u64, &'static str)]),
}

/// The number in a constant, if it is one of at most 8 bytes; `big` says that its first byte counts most, else it is in
/// the machine's order.
pub(super) fn integer(bytes: &[u8], big: bool) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    let first_most = big || cfg!(target_endian = "big");
    Some(if first_most { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
}

/// All bytes as one hexadecimal number.
fn hexadecimal(bytes: &[u8], big: bool) -> String {
    match integer(bytes, big) {
        Some(number) => format!("{number:#x}"),
        None => bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

fn named(names: &[(u64, &'static str)], number: u64) -> Option<&'static str> {
    names.iter().find(|(value, _)| *value == number).map(|(_, name)| *name)
}

/// The names of the bits, lowest first; `None` if one has none, or there are none.
pub(super) fn flags(names: &[(u64, &'static str)], bits: u64) -> Option<Vec<&'static str>> {
    let known = names.iter().fold(0, |sum, (bit, _)| sum | bit);
    let list = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    (bits != 0 && bits & !known == 0).then_some(list)
}

/// One address of either family.
pub(super) fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).to_string())
}

/// The length of the prefix that a mask leaves, if it is one.
pub(super) fn prefix(mask: &[u8]) -> Option<u32> {
    let total: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let whole = mask.iter().take_while(|byte| **byte == 0xff).count();
    let rest = mask.get(whole).map_or(0, |byte| byte.leading_ones());
    (u32::try_from(whole).ok()? * 8 + rest == total).then_some(total)
}

/// A constant.
pub(super) fn constant(form: Form, bytes: &[u8], big: bool) -> Written<String> {
    let strange = || Untranslatable::new(format!("a constant of {} bytes has no nft form here", bytes.len()));
    let number = || integer(bytes, big).ok_or_else(strange);
    match form {
        Form::Decimal => Ok(number()?.to_string()),
        Form::Hex | Form::Flags(_) => Ok(hexadecimal(bytes, big)),
        Form::Address => address(bytes).ok_or_else(strange),
        Form::Ethernet => {
            let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            if bytes.len() == 6 { Ok(pairs.join(":")) } else { Err(strange()) }
        }
        Form::Presence => match bytes {
            [0] => Ok("missing".to_owned()),
            [1] => Ok("exists".to_owned()),
            _ => Err(strange()),
        },
        Form::Interface => {
            let end = bytes.iter().position(|b| *b == 0);
            let whole = end.is_some() || bytes.len() == 16;
            words::interface(&bytes[..end.unwrap_or(bytes.len())], whole)
        }
        Form::Text => {
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            Ok(format!("\"{}\"", words::quotable(&bytes[..end], "a name")?))
        }
        Form::Protocol => match bytes {
            [number] => Ok(words::protocol(*number)),
            _ => Err(strange()),
        },
        // A number of milliseconds as large as the field holds is too large for nft.
        Form::Milliseconds => Ok(match (number()? / 1000, number()? % 1000) {
            (0, part) => format!("{part}ms"),
            (seconds, 0) => format!("{seconds}s"),
            (seconds, part) => format!("{seconds}s{part}ms"),
        }),
        Form::Nanoseconds => match number()? {
            time if time % 1_000_000_000 == 0 => Ok((time / 1_000_000_000).to_string()),
            _ => Err(Untranslatable::new("a time with parts of a second has no nft form")),
        },
        Form::Class => Ok(match number()? {
            0 => "none".to_owned(),
            0xffff_ffff => "root".to_owned(),
            class => format!("{:x}:{:x}", class >> 16, class & 0xffff),
        }),
        Form::Named(names) => {
            let number = number()?;
            Ok(named(names, number).map_or_else(|| number.to_string(), str::to_owned))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        assert_eq!(prefix(&[255, 255, 254, 0]), Some(23));
        assert_eq!(prefix(&[0, 0, 0, 0]), Some(0));
        assert_eq!(prefix(&[255; 16]), Some(128));
        assert_eq!(prefix(&[255, 0, 0, 255]), None);
        assert_eq!(prefix(&[254, 128, 0, 0]), None);
        assert_eq!(prefix(&[0, 255]), None);
    }

    #[test]
    fn constants() {
        assert_eq!(constant(Form::Decimal, &[0, 22], true).as_deref(), Ok("22"));
        assert_eq!(constant(Form::Hex, &5_u32.to_ne_bytes(), false).as_deref(), Ok("0x5"));
        assert_eq!(constant(Form::Hex, &[1; 9], true).as_deref(), Ok("0x010101010101010101"));
        assert_eq!(constant(Form::Class, &0x1_0002_u32.to_ne_bytes(), false).as_deref(), Ok("1:2"));
        assert!(constant(Form::Address, &[1, 2, 3], true).is_err());
        assert!(constant(Form::Decimal, &[], true).is_err());
    }
}
