//! Reading the value of `--to-source`, `--to-destination` and `--to-ports`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Family;
use rfw_syntax::Word;
use rfw_values::{AddrRange, PortRange, number};

use super::{Base, NatRange, Spec, takes_ports};
use crate::Parsed;
use crate::context::ParseCx;
use crate::uses::Uses;

/// What is being read, and what it is part of.
struct Reader<'r, 'a> {
    word: &'r Word<'a>,
    spec: &'r Spec,
    cx: &'r ParseCx<'r>,
}

impl NatRange {
    /// Reads an option and the flags beside it: `[ADDR[-ADDR]][:PORT[-PORT[/BASE]]]`, with brackets around IPv6 addresses that
    /// have ports, or `PORT[-PORT]` where the target takes no addresses.
    ///
    /// # Errors
    /// With the original's words.
    pub fn parse(uses: &Uses<'_, '_>, option: &str, spec: &Spec, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut range = Self::default();
        // Where there has to be one, the grammar has asked for it already.
        if let Some(word) = uses.word(option) {
            let reader = Reader { word, spec, cx };
            match spec.addresses {
                true => range = reader.range()?,
                false => reader.ports(0, &mut range)?,
            }
        }
        Ok(range.with_options(uses))
    }
}

impl Reader<'_, '_> {
    fn range(&self) -> Parsed<NatRange> {
        let text: &[u8] = &self.word.text;
        let find = |from: usize, byte: u8| {
            text.get(from..).and_then(|rest| rest.iter().position(|&b| b == byte)).map(|at| from + at)
        };
        // What stands before `[`, or between `]` and the colon, the original passes over.
        let (start, end, colon) = match find(0, b'[') {
            Some(open) => {
                let close = find(open, b']').filter(|_| self.cx.family == Family::Ipv6);
                let Some(close) = close else {
                    return Err(self.wrong(
                        open..text.len(),
                        "Invalid address format".into(),
                        match self.cx.family {
                            Family::Ipv4 => "brackets are for IPv6 addresses",
                            Family::Ipv6 => "close the bracket: `[ADDRESS]:PORT`",
                        },
                    ));
                };
                (open + 1, close, find(close, b':'))
            }
            // Two colons are an IPv6 address.
            None => {
                let colon = find(0, b':').filter(|&at| find(at + 1, b':').is_none());
                (0, colon.unwrap_or(text.len()), colon)
            }
        };
        let mut range = NatRange::default();
        if let Some(colon) = colon {
            self.ports(colon + 1, &mut range)?;
            // `:80` and `[]:80` have no address. The original tells them by the place of the colon alone, and so takes any
            // two characters before it for the brackets.
            if colon == 0 || colon == 2 {
                return Ok(range);
            }
        }
        let dash = find(start, b'-').filter(|&dash| dash < end);
        let from = self.address(start, dash.unwrap_or(end))?;
        let to = match dash {
            Some(dash) => self.address(dash + 1, end)?,
            None => from,
        };
        range.addresses = AddrRange::new(from, to);
        Ok(range)
    }

    fn address(&self, start: usize, end: usize) -> Parsed<IpAddr> {
        let part = self.word.text.get(start..end).unwrap_or_default();
        let text = std::str::from_utf8(part).unwrap_or_default();
        let read = match self.cx.family {
            Family::Ipv4 => text.parse::<Ipv4Addr>().map(IpAddr::V4),
            Family::Ipv6 => text.parse::<Ipv6Addr>().map(IpAddr::V6),
        };
        read.map_err(|_| {
            let help = match self.cx.family {
                Family::Ipv4 => {
                    "a whole IPv4 address or a range A-B; host names and prefixes don't go here"
                }
                Family::Ipv6 => {
                    "a whole IPv6 address or a range A-B, in brackets if a port follows; host names and prefixes don't go here"
                }
            };
            self.wrong(start..end, format!("Bad IP address \"{}\"", String::from_utf8_lossy(part)), help)
        })
    }

    /// Reads the ports that begin at `start` and end with the word.
    fn ports(&self, start: usize, range: &mut NatRange) -> Parsed<()> {
        if !takes_ports(self.cx.protocol) {
            let message = "ports need a protocol that has them";
            return Err(Box::new(
                Diagnostic::error(codes::PORT_WITHOUT_PROTOCOL, self.part(start..self.len()), message)
                    .help("add `-p tcp`, `-p udp`, `-p sctp` or `-p dccp`")
                    .parameter("Need TCP, UDP, SCTP or DCCP with port specification"),
            ));
        }
        let (lo, next) = match number::prefix(self.rest(start)) {
            Some((value, len)) if value <= u64::from(u16::MAX) => (self.narrow(value, start)?, start + len),
            // A name takes all that is left.
            _ => (self.service(start)?, self.len()),
        };
        if next == self.len() {
            range.ports = Some(PortRange::single(lo));
            return Ok(());
        }
        let tail = || String::from_utf8_lossy(self.rest(next));
        match self.rest(next).first() {
            Some(b'-') => {}
            Some(b':') => {
                let help = "a range of ports is FROM-TO here";
                return Err(self.wrong(next..next + 1, "Invalid port:port syntax - use dash".into(), help));
            }
            _ => {
                let classic = format!("Garbage after port value: `{}'", tail());
                return Err(self.wrong(next..self.len(), classic, "one port, or a range FROM-TO"));
            }
        }
        let (hi, next) = self.upper(next + 1, lo)?;
        range.ports = PortRange::new(lo, hi);
        match self.rest(next).first() {
            None => Ok(()),
            Some(b'/') => {
                range.base = Some(self.base(next + 1)?);
                Ok(())
            }
            Some(_) => {
                let classic =
                    format!("Garbage after port range: `{}'", String::from_utf8_lossy(self.rest(next)));
                Err(self.wrong(next..self.len(), classic, "a range of ports is FROM-TO"))
            }
        }
    }

    /// The end of a range, which must be a number.
    fn upper(&self, start: usize, lo: u16) -> Parsed<(u16, usize)> {
        let (value, len) = number::prefix(self.rest(start))
            .filter(|(value, _)| *value <= u64::from(u16::MAX))
            .ok_or_else(|| self.no_port(start))?;
        let hi = self.narrow(value, start)?;
        if hi < lo {
            let classic = format!("Port range `{}' funky", String::from_utf8_lossy(self.rest(start)));
            let mut diagnostic = self.wrong(start..start + len, classic, "write the smaller port first");
            diagnostic.code = codes::INVERTED_RANGE;
            diagnostic.message = format!("the range {lo}-{hi} runs backwards");
            return Err(diagnostic);
        }
        Ok((hi, start + len))
    }

    fn base(&self, start: usize) -> Parsed<u16> {
        // 0 is what the targets that lose the base print; refusing it would make their own output unreadable.
        let least = if self.spec.base == Base::Lost { 0 } else { 1 };
        let number = number::prefix(self.rest(start))
            .map(|(value, _)| value)
            .filter(|value| (least..=u64::from(u16::MAX)).contains(value));
        let base = match number {
            Some(value) => self.narrow(value, start)?,
            None => self.service(start)?,
        };
        match self.spec.base {
            Base::Kept => Ok(base),
            Base::Lost => Ok(0),
            Base::Refused => Err(self.wrong(
                start.saturating_sub(1)..self.len(),
                "Shifted portmap ranges not supported with this kernel".into(),
                "only DNAT shifts ranges of ports",
            )),
        }
    }

    fn service(&self, start: usize) -> Parsed<u16> {
        self.cx.names.port(self.rest(start), None).ok_or_else(|| self.no_port(start))
    }

    fn narrow(&self, value: u64, start: usize) -> Parsed<u16> {
        u16::try_from(value).map_err(|_| self.no_port(start))
    }

    fn no_port(&self, start: usize) -> Box<Diagnostic> {
        let classic = format!("Port `{}' not valid", String::from_utf8_lossy(self.rest(start)));
        self.wrong(
            start..self.len(),
            classic,
            "a port is a number from 0 to 65535 or a name of /etc/services; a range is FROM-TO, in numbers",
        )
    }

    fn rest(&self, start: usize) -> &[u8] {
        self.word.text.get(start..).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.word.text.len()
    }

    fn part(&self, at: std::ops::Range<usize>) -> rfw_diagnostics::Span {
        self.word.part(at.start, at.end)
    }

    fn wrong(&self, at: std::ops::Range<usize>, classic: String, help: &str) -> Box<Diagnostic> {
        let message = format!("`{}` is not valid here", self.word.lossy());
        Box::new(Diagnostic::error(codes::BAD_VALUE, self.part(at), message).help(help).parameter(classic))
    }
}
