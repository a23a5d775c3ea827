//! `-j TCPOPTSTRIP`: overwrites TCP options with no-operations.
//!
//! xt `TCPOPTSTRIP` revision 0 in both encodings, `{ __u32 strip_bmap[8]; }` (`xt_TCPOPTSTRIP.h`), one bit per kind of option.
//! nf_tables' `reset tcp option` overwrites the first option of its kind only: whoever sends one twice would get it through
//! (`battery.rules` has such a packet), so a rule that has it is none of these either.

use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{ValueError, number};

use crate::approximation::Approximation;
use crate::context::Family;
use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 32;
/// `TCPOPT_*` (`net/tcp.h`), as iptables names them.
const NAMES: &[(&str, u8)] =
    &[("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcpoptstrip {
    /// Kinds of options, ascending, each once; none below 2.
    kinds: Vec<u8>,
}

impl Extension for Tcpoptstrip {
    const NAME: &'static str = "TCPOPTSTRIP";
    const SUMMARY: &'static str = "removes TCP options";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("strip-options", "option,…", "kinds by number or name: wscale, mss, sack, …")];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables strips the first option of a kind, the target all of them",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut kinds = Vec::new();
        if let Some(word) = uses.word("strip-options") {
            let mut at = 0;
            for part in word.text.split(|&b| b == b',') {
                kinds.push(parse_kind(word, part, at, &kinds)?);
                at += part.len() + 1;
            }
        }
        kinds.sort_unstable();
        Ok(Self { kinds })
    }

    fn print(&self, out: &mut Printer<'_>) {
        if !self.kinds.is_empty() {
            out.text(" --strip-options ");
            self.write(out, true);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        if !self.kinds.is_empty() {
            out.text(" TCPOPTSTRIP options ");
            self.write(out, out.numeric);
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let info = (0..SIZE / 4).fold(Info::new(SIZE), |info, word| {
            let bits = self.kinds.iter().filter(|&&kind| usize::from(kind) / 32 == word);
            info.u32(word * 4, bits.fold(0, |bits, kind| bits | 1 << (kind % 32)))
        });
        out.xt_target("TCPOPTSTRIP", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("TCPOPTSTRIP", 0, SIZE)?;
        let set = |kind: &u8| view.u32(usize::from(*kind) / 32 * 4) >> (kind % 32) & 1 == 1;
        let kinds: Vec<u8> = (0..=u8::MAX).filter(set).collect();
        kinds.iter().all(|&kind| kind >= 2).then_some(Self { kinds })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        if self.kinds.is_empty() {
            return None;
        }
        let parts: Vec<String> = self.kinds.iter().map(|kind| format!("reset tcp option {kind}")).collect();
        Some(Approximation::plain(parts.join(" "), &["of an option that stands in a header twice the second stays"]))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}

impl Tcpoptstrip {
    fn write(&self, out: &mut Printer<'_>, numeric: bool) {
        for (index, kind) in self.kinds.iter().enumerate() {
            if index > 0 {
                out.text(",");
            }
            match NAMES.iter().find(|(_, k)| k == kind) {
                Some((name, _)) if !numeric => out.text(name),
                _ => out.fmt(format_args!("{kind}")),
            }
        }
    }
}

/// One member of the list, which begins at `at`.
fn parse_kind(word: &Word<'_>, part: &[u8], at: usize, before: &[u8]) -> Parsed<u8> {
    let shown = String::from_utf8_lossy(part);
    let bad = |expected: &str, classic: String| {
        bad_value(word, &ValueError::new(at, at + part.len(), expected), classic)
    };
    let named = NAMES.iter().find(|(name, _)| name.as_bytes() == part).map(|(_, kind)| *kind);
    let kind = named.or_else(|| number::parse_u8(part, 0, u8::MAX).ok()).ok_or_else(|| {
        bad("a number from 2 to 255 or the name of an option", format!("Bad TCP option value \"{shown}\""))
    })?;
    if kind < 2 {
        let classic = "Option value may not be 0 or 1".to_owned();
        return Err(bad("a kind above 1: 0 and 1 are padding", classic));
    }
    if before.contains(&kind) {
        return Err(bad("each option once", format!("Option \"{shown}\" already specified")));
    }
    Ok(kind)
}
