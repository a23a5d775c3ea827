//! `-m string`: bytes somewhere in the packet. xt `string` revision 1 in both encodings.
//!
//! ```c
//! struct xt_string_info {  /* xt_string.h; flags: invert 1, ignore case 2 */
//!     __u16 from_offset, to_offset; char algo[16], pattern[128]; __u8 patlen, flags;
//!     struct ts_config *config;  /* the kernel's own */
//! };
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{Pattern, ValueError};

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 160;
const INVERTED: u8 = 1;
const IGNORE_CASE: u8 = 2;
/// The text searches that the kernel lets the match use.
const ALGORITHMS: [&str; 2] = ["bm", "kmp"];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringMatch {
    inverted: bool,
    pattern: Pattern,
    /// Index into `ALGORITHMS`.
    algorithm: usize,
    /// First and last offset, in bytes from the network header, at which it may begin.
    from: u16,
    to: u16,
    ignore_case: bool,
}

impl Extension for StringMatch {
    const NAME: &'static str = "string";
    const SUMMARY: &'static str = "bytes somewhere in the packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("from", "offset", "search from this byte on, default 0"),
        OptionSpec::value("to", "offset", "search up to this byte, default 65535"),
        OptionSpec::value("algo", "bm|kmp", "Boyer-Moore or Knuth-Pratt-Morris; must be given"),
        OptionSpec::value("string", "text", "what is searched for").invertible().excludes(&["hex-string"]).free_text(),
        OptionSpec::value("hex-string", "text|hex|text", "the same, with hexadecimal digits between bars")
            .invertible()
            .free_text(),
        OptionSpec::flag("icase", "upper and lower case are the same"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables can't search in a packet",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let (name, pattern) = match (uses.word("string"), uses.word("hex-string")) {
            (Some(word), _) => ("string", Pattern::parse(&word.text).map_err(|e| bad_pattern(word, &e))?),
            (_, Some(word)) => ("hex-string", Pattern::parse_hex(&word.text).map_err(|e| bad_hex(word, &e))?),
            _ => {
                return Err(uses.complaint(
                    codes::OPTION_REQUIRED,
                    "STRING match: You must specify `--string' or `--hex-string'",
                    "add `--string TEXT`",
                ));
            }
        };
        let offset = |name: &str, default: u16| -> Parsed<u16> {
            let number = uses.number(name, 0, u16::MAX.into())?;
            Ok(number.and_then(|n| u16::try_from(n).ok()).unwrap_or(default))
        };
        let (from, to) = (offset("from", 0)?, offset("to", u16::MAX)?);
        if from > to {
            return Err(Box::new(
                Diagnostic::error(codes::INVERTED_RANGE, uses.span("from"), format!("the search would begin at {from} and end at {to}"))
                    .help("`--from` takes the smaller number")
                    .parameter("string: \"--from\" must not be greater than \"--to\""),
            ));
        }
        // Asked after the pattern, as the original does.
        let Some(word) = uses.word("algo") else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "string: option \"--algo\" must be specified\n",
                "add `--algo bm`",
            ));
        };
        let algorithm = ALGORITHMS.iter().position(|a| a.as_bytes() == word.text.as_ref()).ok_or_else(|| {
            let classic = format!("string: unknown algorithm \"{}\"", word.lossy());
            bad_choice(word, &word.text, word.span, &ALGORITHMS, classic)
        })?;
        let inverted = uses.inverted(name);
        Ok(Self { inverted, pattern, algorithm, from, to, ignore_case: uses.has("icase") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, self.pattern.option().trim_start_matches('-'));
        out.fmt(format_args!(" {} --algo {}", self.pattern, self.algorithm()));
        if self.from != 0 {
            out.fmt(format_args!(" --from {}", self.from));
        }
        if self.to != u16::MAX {
            out.fmt(format_args!(" --to {}", self.to));
        }
        if self.ignore_case {
            out.text(" --icase");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let sign = if self.inverted { "!" } else { "" };
        out.fmt(format_args!(" STRING match {sign} {} ALGO name {}", self.pattern, self.algorithm()));
        if self.from != 0 {
            out.fmt(format_args!(" FROM {}", self.from));
        }
        if self.to != u16::MAX {
            out.fmt(format_args!(" TO {}", self.to));
        }
        if self.ignore_case {
            out.text(" ICASE");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let bytes = self.pattern.as_bytes();
        let flags =
            if self.inverted { INVERTED } else { 0 } | if self.ignore_case { IGNORE_CASE } else { 0 };
        let info = Info::new(SIZE)
            .u16(0, self.from)
            .u16(2, self.to)
            .bytes(4, self.algorithm().as_bytes())
            .bytes(20, bytes)
            .u8(148, u8::try_from(bytes.len()).unwrap_or(u8::MAX))
            .u8(149, flags);
        out.xt_match("string", 1, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("string", 1, SIZE)?;
        let (from, to, flags) = (view.u16(0), view.u16(2), view.u8(149));
        let algorithm = ALGORITHMS.iter().position(|a| a.as_bytes() == view.string(4, 16))?;
        let len = usize::from(view.u8(148));
        if from > to || flags & !(INVERTED | IGNORE_CASE) != 0 || len > rfw_values::hex::MAX_PATTERN {
            return None;
        }
        Some(Self {
            inverted: flags & INVERTED != 0,
            pattern: Pattern::new(view.slice(20, len)).ok()?,
            algorithm,
            from,
            to,
            ignore_case: flags & IGNORE_CASE != 0,
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl StringMatch {
    fn algorithm(&self) -> &'static str {
        ALGORITHMS[self.algorithm % ALGORITHMS.len()]
    }
}

fn bad_pattern(word: &Word<'_>, error: &ValueError) -> Box<Diagnostic> {
    let classic = if word.text.is_empty() {
        "STRING must contain at least one char".to_owned()
    } else {
        format!("STRING too long \"{}\"", word.lossy())
    };
    bad_value(word, error, classic)
}

/// Which of iptables' complaints it is, told from the guilty bytes.
fn bad_hex(word: &Word<'_>, error: &ValueError) -> Box<Diagnostic> {
    let text: &[u8] = &word.text;
    let guilty = text.get(error.start..error.end).unwrap_or_default();
    let bar = |at: usize| text[..at].iter().rposition(|&b| b == b'|');
    let classic = match guilty {
        _ if (error.start, error.end) == (0, text.len()) && !text.starts_with(b"\\") => {
            return bad_pattern(word, error);
        }
        b"|" if error.end == text.len() => "Odd number of hex digits".to_owned(),
        b"\\" if error.end == text.len() => "Bad literal placement at end of string".to_owned(),
        // Directly behind the bar it is taken for a digit; later it is known for what it is.
        b"\\" if bar(error.start).is_some_and(|at| (error.start - at) % 2 == 1 && error.start - at > 1) => {
            "Cannot include literals in hex data".to_owned()
        }
        [one] => format!("Invalid hex char '{}'", char::from(*one)),
        _ => "Invalid hex block".to_owned(),
    };
    bad_value(word, error, classic)
}
