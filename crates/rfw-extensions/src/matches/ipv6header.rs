//! `-m ipv6header`: which headers an IPv6 packet has.
//!
//! xt `ipv6header` revision 0 in both encodings: that no other header is there cannot be asked natively.
//!
//! ```c
//! struct ip6t_ipv6header_info { __u8 matchflags, invflags, modeflag; };  /* ip6t_ipv6header.h */
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};

use crate::context::{Families, Names, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice};
use crate::{Extension, Parsed};

const SIZE: usize = 3;
/// What the original writes for yes.
const YES: u8 = 0xff;

/// Protocol number, bit (`MASK_*`) and names that need no `/etc/protocols`; the first is printed where that has none.
const HEADERS: [(u8, u8, &[&str]); 8] = [
    (0, 0x80, &["hop-by-hop", "hop", "0"]),
    (60, 0x40, &["dst", "60"]),
    (43, 0x20, &["route", "43"]),
    (44, 0x10, &["frag", "44"]),
    (51, 0x08, &["auth", "51"]),
    (50, 0x04, &["esp", "50"]),
    (59, 0x02, &["none", "59"]),
    (255, 0x01, &["protocol", "prot", "255"]),
];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6header {
    inverted: bool,
    /// Bits of `HEADERS`, at least one.
    headers: u8,
    soft: bool,
}

impl Extension for Ipv6header {
    const NAME: &'static str = "ipv6header";
    const FAMILIES: Families = Families::Ipv6;
    const SUMMARY: &'static str = "which headers the packet has";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("header", "name[,name...]", "these headers and no others").invertible().required(),
        OptionSpec::flag("soft", "others may be there too"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't ask whether no other header is there",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let headers = uses.word("header").map(|word| parse_headers(word, cx.names)).transpose()?.unwrap_or(0);
        if headers == 0 {
            return Err(uses.complaint(
                codes::BAD_VALUE,
                "ip6t_ipv6header: cannot parse header names",
                "name a header, such as `frag`",
            ));
        }
        Ok(Self { inverted: uses.inverted("header"), headers, soft: uses.has("soft") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "header");
        let names = self.names(out);
        out.word(names.as_bytes());
        if self.soft {
            out.option(false, "soft");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" ipv6header flags:{}", if self.inverted { "!" } else { "" }));
        if out.numeric {
            out.fmt(format_args!("0x{:02X}", self.headers));
        } else {
            let names = self.names(out);
            out.text(&names);
        }
        if self.soft {
            out.text(" soft");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let yes = |on: bool| if on { YES } else { 0 };
        let info = Info::new(SIZE).u8(0, self.headers).u8(1, yes(self.inverted)).u8(2, yes(self.soft));
        out.xt_match("ipv6header", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("ipv6header", 0, SIZE)?;
        let yes = |byte: u8| match byte {
            0 => Some(false),
            YES => Some(true),
            _ => None,
        };
        let lifted = Self { headers: view.u8(0), inverted: yes(view.u8(1))?, soft: yes(view.u8(2))? };
        (lifted.headers != 0).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Ipv6header {
    fn names(&self, out: &Printer<'_>) -> String {
        let given = HEADERS.iter().filter(|(_, bit, _)| self.headers & bit != 0);
        let name = |(number, _, own): &(u8, u8, &[&str])| {
            let known = if *number == 0 { None } else { out.names.protocol_name(*number) };
            known.unwrap_or_else(|| own.first().map_or_else(|| number.to_string(), |name| (*name).to_owned()))
        };
        given.map(name).collect::<Vec<_>>().join(",")
    }
}

fn parse_headers(word: &Word<'_>, names: &dyn Names) -> Parsed<u8> {
    let mut bits = 0;
    let mut start = 0;
    for part in word.text.split(|&b| b == b',') {
        let end = start + part.len();
        if start < end {
            bits |= parse_header(word, start, end, names)?;
        }
        start = end + 1;
    }
    Ok(bits)
}

fn parse_header(word: &Word<'_>, start: usize, end: usize, names: &dyn Names) -> Parsed<u8> {
    let text = word.text.get(start..end).unwrap_or_default();
    let span = word.part(start, end);
    let own = || HEADERS.iter().find(|(_, _, own)| own.iter().any(|name| name.as_bytes() == text)).map(|h| h.0);
    let Some(number) = names.protocol_number(text).or_else(own) else {
        let choices: Vec<&str> = HEADERS.iter().filter_map(|(_, _, own)| own.first().copied()).collect();
        let classic = format!("unknown header `{}' specified", String::from_utf8_lossy(text));
        return Err(bad_choice(word, text, span, &choices, classic));
    };
    let found = HEADERS.iter().find(|(of, ..)| *of == number);
    found.map(|(_, bit, _)| *bit).ok_or_else(|| {
        let shown = String::from_utf8_lossy(text).into_owned();
        Box::new(
            Diagnostic::error(codes::BAD_VALUE, span, format!("`{shown}` is a protocol, but no header that this match knows"))
                .help("one of hop, dst, route, frag, auth, esp, none, prot")
                .parameter(format!("unknown header `{number}' specified")),
        )
    })
}
