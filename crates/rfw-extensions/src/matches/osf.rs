//! `-m osf`: the operating system that sent a SYN, guessed from what is peculiar to it.
//!
//! ```c
//! struct xt_osf_info {  /* xt_osf.h; flags: ttl 2, log 4, invert 8 */
//!     char genre[MAXGENRELEN];  /* 32 */
//!     __u32 len, flags, loglevel, ttl;
//! };
//! ```
//! xt in both encodings: nf_tables' `osf` writes no log, and `!` means another thing for what it does not know.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::ValueError;

use crate::context::{Families, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 48;
/// `MAXGENRELEN`, with the NUL.
const NAME_LEN: usize = 32;
/// `XT_OSF_*`.
const TTL: u32 = 2;
const LOG: u32 = 4;
const INVERT: u32 = 8;
/// The largest value of `--ttl` and `--log`.
const MAX_LEVEL: u32 = 2;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Osf {
    inverted: bool,
    genre: Vec<u8>,
    ttl: Option<u32>,
    log: Option<u32>,
}

impl Extension for Osf {
    const NAME: &'static str = "osf";
    const FAMILIES: Families = Families::Ipv4;
    const SUMMARY: &'static str = "the operating system of the sender";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("genre", "name", "a system of the loaded fingerprints, or unknown").invertible().required(),
        OptionSpec::value("ttl", "0|1|2", "0: the TTL is equal, 1: it is not larger, 2: it does not count"),
        OptionSpec::value("log", "0|1|2", "0: log all, 1: the first fingerprint that fits, 2: all known"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `osf` writes no log, and its inequality means another thing for systems that it does not know",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let genre = match uses.word("genre") {
            None => Vec::new(),
            Some(word) if word.text.len() >= NAME_LEN => {
                let error = ValueError::new(NAME_LEN - 1, word.text.len(), "a name of at most 31 bytes");
                return Err(bad_value(word, &error, "Argument must have a maximum length of 31 characters\n"));
            }
            Some(word) => word.text.to_vec(),
        };
        let (ttl, log) = (uses.number("ttl", 0, MAX_LEVEL)?, uses.number("log", 0, MAX_LEVEL)?);
        Ok(Self { inverted: uses.inverted("genre"), genre, ttl, log })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "genre");
        out.word(&self.genre);
        for (option, value) in [("ttl", self.ttl), ("log", self.log)] {
            if let Some(value) = value {
                out.fmt(format_args!(" --{option} {value}"));
            }
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " OS fingerprint match ! " } else { " OS fingerprint match " });
        out.bytes(&self.genre);
    }

    fn lower(&self, out: &mut Lowering) {
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        let flags = bit(self.ttl.is_some(), TTL) | bit(self.log.is_some(), LOG) | bit(self.inverted, INVERT);
        let info = Info::new(SIZE)
            .bytes(0, &self.genre)
            .u32(32, u32::try_from(self.genre.len()).unwrap_or(0))
            .u32(36, flags)
            .u32(40, self.log.unwrap_or(0))
            .u32(44, self.ttl.unwrap_or(0));
        out.xt_match("osf", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("osf", 0, SIZE)?;
        let (genre, flags) = (view.string(0, NAME_LEN), view.u32(36));
        let level = |bit: u32, value: u32| if flags & bit != 0 { Some(value) } else { None };
        let (ttl, log) = (level(TTL, view.u32(44)), level(LOG, view.u32(40)));
        let levels = ttl.unwrap_or(0) <= MAX_LEVEL && log.unwrap_or(0) <= MAX_LEVEL;
        // The kernel compares as many bytes as the length says.
        let named = genre.len() < NAME_LEN && u32::try_from(genre.len()) == Ok(view.u32(32));
        let said = levels && named && flags & !(TTL | LOG | INVERT) == 0;
        said.then(|| Self { inverted: flags & INVERT != 0, genre: genre.to_vec(), ttl, log })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(if self.log.is_some() { Effect::Logs } else { Effect::Pure })
    }
}
