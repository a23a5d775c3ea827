//! What `hbh` and `dst` have in common: length and options of an IPv6 extension header.
//!
//! xt `hbh` or `dst` revision 0 in both encodings: nf_tables cannot walk the options of a header.
//!
//! ```c
//! struct ip6t_opts { __u32 hdrlen; __u8 flags, invflags; __u16 opts[16]; __u8 optsnr; };  /* ip6t_opts.h, host order */
//! ```

use rfw_nft::xt::Info;
use rfw_syntax::Word;
use rfw_values::ValueError;
use rfw_values::number::prefix;

use crate::Parsed;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};

const SIZE: usize = 40;
/// `IP6T_OPTS_OPTSNR`.
const MOST: usize = 16;
const LENGTH: u8 = 1;
const OPTIONS: u8 = 2;
/// The length that means any.
const ANY: u8 = 0xff;

/// What differs between the two.
#[derive(Debug)]
pub struct Dialect {
    /// The xt match, which begins the options' names too.
    pub name: &'static str,
    /// The option with the length.
    pub length: &'static str,
    /// The option with the options.
    pub options: &'static str,
    /// The original's words for a length of the one option that has none.
    pub pad_has_no_length: &'static str,
}

/// The tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderOptions {
    length: Option<(bool, u32)>,
    /// Types and lengths (`ANY` for any); empty for no test.
    options: Vec<(u8, u8)>,
}

impl HeaderOptions {
    /// Reads the options.
    ///
    /// # Errors
    /// With iptables' words.
    pub fn parse(uses: &Uses<'_, '_>, dialect: &Dialect) -> Parsed<Self> {
        let length = uses.number(dialect.length, 0, u32::MAX)?;
        let options = match uses.word(dialect.options) {
            Some(word) => parse_options(word, dialect)?,
            None => Vec::new(),
        };
        Ok(Self { length: length.map(|length| (uses.inverted(dialect.length), length)), options })
    }

    /// ` --hbh-len 8 --hbh-opts 5:2,6`.
    pub fn print(&self, out: &mut Printer<'_>, dialect: &Dialect) {
        if let Some((inverted, length)) = self.length {
            out.option(inverted, dialect.length);
            out.fmt(format_args!(" {length}"));
        }
        if !self.options.is_empty() {
            out.option(false, dialect.options);
            self.list_options(out);
        }
    }

    /// ` hbh length:8 opts 5:2,6`.
    pub fn list(&self, out: &mut Printer<'_>, dialect: &Dialect) {
        out.fmt(format_args!(" {}", dialect.name));
        if let Some((inverted, length)) = self.length {
            out.fmt(format_args!(" length:{}{length}", if inverted { "!" } else { "" }));
        }
        if !self.options.is_empty() {
            out.text(" opts");
            self.list_options(out);
        }
    }

    /// Appends the xt match.
    pub fn lower(&self, out: &mut Lowering, dialect: &Dialect) {
        let inverted = self.length.is_some_and(|(inverted, _)| inverted);
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = flag(self.length.is_some(), LENGTH) | flag(!self.options.is_empty(), OPTIONS);
        let mut info = Info::new(SIZE)
            .u32(0, self.length.map_or(0, |(_, length)| length))
            .u8(4, flags)
            .u8(5, inverted.into())
            .u8(38, u8::try_from(self.options.len()).unwrap_or(0));
        for (index, (kind, length)) in self.options.iter().enumerate() {
            info = info.u16(6 + 2 * index, u16::from(*kind) << 8 | u16::from(*length));
        }
        out.xt_match(dialect.name, 0, info.finish());
    }

    /// Takes the xt match.
    pub fn lift(run: &mut Run<'_>, dialect: &Dialect) -> Option<Self> {
        let view = run.xt_match(dialect.name, 0, SIZE)?;
        let (flags, inverted, count) = (view.u8(4), view.u8(5), usize::from(view.u8(38)));
        let option = |index: usize| {
            let [kind, length] = view.u16(6 + 2 * index).to_be_bytes();
            (kind, length)
        };
        let lifted = Self {
            length: (flags & LENGTH != 0).then_some((inverted == 1, view.u32(0))),
            options: (0..count.min(MOST)).map(option).collect(),
        };
        let known = flags & !(LENGTH | OPTIONS) == 0
            && inverted <= flags & LENGTH
            && count <= MOST
            && (flags & OPTIONS != 0) == (count > 0)
            && lifted.options.iter().enumerate().all(|(index, option)| can_be_said(index, *option));
        known.then_some(lifted)
    }

    fn list_options(&self, out: &mut Printer<'_>) {
        for (index, (kind, length)) in self.options.iter().enumerate() {
            let sign = if index == 0 { " " } else { "," };
            out.fmt(format_args!("{sign}{kind}"));
            if *length != ANY {
                out.fmt(format_args!(":{length}"));
            }
        }
    }
}

/// The last place and option 0 take no length.
fn can_be_said(index: usize, (kind, length): (u8, u8)) -> bool {
    length == ANY || (kind != 0 && index + 1 < MOST)
}

/// `TYPE[:LENGTH],…`
fn parse_options(word: &Word<'_>, dialect: &Dialect) -> Parsed<Vec<(u8, u8)>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in word.text.split(|&b| b == b',') {
        let end = start + part.len();
        let wrong = |from: usize, to: usize, expected: &str, classic: &str| {
            bad_value(word, &ValueError::new(from, to, expected), classic)
        };
        if found.len() == MOST {
            return Err(wrong(start, word.text.len(), "16 options at most", "too many addresses specified"));
        }
        let colon = part.iter().position(|&b| b == b':').map(|at| start + at);
        if let Some(colon) = colon
            && found.len() + 1 == MOST
        {
            return Err(wrong(colon, end, "no length at the sixteenth option", "too many ports specified"));
        }
        let kind = number(word, start, colon.unwrap_or(end), "opt", dialect)?;
        let length = match colon {
            Some(colon) if kind == 0 => {
                return Err(wrong(colon, end, "no length: option 0 has none", dialect.pad_has_no_length));
            }
            Some(colon) => number(word, colon + 1, end, "length", dialect)?,
            None => ANY,
        };
        found.push((kind, length));
        start = end + 1;
    }
    Ok(found)
}

/// One byte. 1.8.9 takes larger numbers and drops the upper bits.
fn number(word: &Word<'_>, start: usize, end: usize, what: &str, dialect: &Dialect) -> Parsed<u8> {
    let text = word.text.get(start..end).unwrap_or_default();
    let shown = String::from_utf8_lossy(text);
    let name = dialect.name;
    let wrong =
        |classic: String| bad_value(word, &ValueError::new(start, end, "a number from 0 to 255"), classic);
    match prefix(text) {
        None if text.iter().any(u8::is_ascii_digit) => {
            Err(wrong(format!("{what} `{shown}' specified too big: would overflow")))
        }
        None => Err(wrong(format!("{name}: no valid digits in {what} `{shown}'"))),
        Some((_, used)) if used < text.len() => Err(wrong(format!("{name}: error parsing {what} `{shown}'"))),
        Some((value, _)) => u8::try_from(value)
            .map_err(|_| wrong(format!("{what} `{shown}' specified too big: would overflow"))),
    }
}
