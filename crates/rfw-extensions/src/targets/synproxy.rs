//! `-j SYNPROXY`: answers TCP handshakes itself, and opens the connection to the server only when the client has finished
//! its own.
//!
//! xt `SYNPROXY` revision 0 in both encodings, `{ __u8 options, wscale; __u16 mss; }` (`xt_SYNPROXY.h`). nf_tables'
//! `synproxy` differs for malformed packets and lacks `--ecn`.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::approximation::Approximation;
use crate::context::Family;
use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 4;
/// `XT_SYNPROXY_OPT_MSS`.
const MSS: u8 = 0x01;
/// `XT_SYNPROXY_OPT_WSCALE`.
const WSCALE: u8 = 0x02;
/// `XT_SYNPROXY_OPT_*` of the options without a value.
const FLAGS: &[(&str, u8)] = &[("sack-perm", 0x04), ("timestamp", 0x08), ("ecn", 0x10)];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synproxy {
    /// Bits of [`FLAGS`].
    flags: u8,
    wscale: Option<u8>,
    mss: Option<u16>,
}

impl Extension for Synproxy {
    const NAME: &'static str = "SYNPROXY";
    const SUMMARY: &'static str = "finishes TCP handshakes before the server sees them";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("sack-perm", "the server takes selective acknowledgements"),
        OptionSpec::flag("timestamp", "the server takes timestamps"),
        OptionSpec::value("wscale", "shift", "the server's window scale"),
        OptionSpec::value("mss", "bytes", "the server's maximum segment size"),
        OptionSpec::flag("ecn", "the server takes explicit congestion notification"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `synproxy` lacks `--ecn` and treats malformed packets otherwise",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let wscale = bounded(uses, "wscale", u8::MAX.into())?;
        let mss = bounded(uses, "mss", u16::MAX.into())?;
        Ok(Self {
            flags: FLAGS.iter().filter(|(name, _)| uses.has(name)).fold(0, |bits, (_, bit)| bits | bit),
            wscale: wscale.and_then(|n| u8::try_from(n).ok()),
            mss: mss.and_then(|n| u16::try_from(n).ok()),
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        for (name, words) in self.words() {
            out.fmt(format_args!(" --{name}{words}"));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" SYNPROXY ");
        for (name, words) in self.words() {
            out.fmt(format_args!("{name}{words} "));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let options = self.flags
            | if self.wscale.is_some() { WSCALE } else { 0 }
            | if self.mss.is_some() { MSS } else { 0 };
        let info = Info::new(SIZE).u8(0, options).u8(1, self.wscale.unwrap_or(0));
        out.xt_target("SYNPROXY", 0, info.u16(2, self.mss.unwrap_or(0)).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("SYNPROXY", 0, SIZE)?;
        let (options, wscale, mss) = (view.u8(0), view.u8(1), view.u16(2));
        let flags = options & !(MSS | WSCALE);
        let known = FLAGS.iter().fold(flags, |left, (_, bit)| left & !bit) == 0;
        let wscale = (options & WSCALE != 0).then_some(wscale);
        let mss = (options & MSS != 0).then_some(mss);
        known.then_some(Self { flags, wscale, mss })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        let mut words = vec!["synproxy".to_owned()];
        words.extend(self.mss.map(|mss| format!("mss {mss}")));
        words.extend(self.wscale.map(|shift| format!("wscale {shift}")));
        let mut differs = vec!["malformed packets are treated otherwise"];
        for (name, bit) in FLAGS.iter().filter(|(_, bit)| self.flags & bit != 0) {
            match (*name, bit) {
                ("ecn", _) => differs.push("explicit congestion notification is not announced"),
                (name, _) => words.push(name.to_owned()),
            }
        }
        Some(Approximation::plain(words.join(" "), &differs))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends).reassembles().tables(&["filter", "mangle"]).hooks(hook::INPUT | hook::FORWARD).protocol(6)
    }
}

impl Synproxy {
    /// Options and values, in the order in which they are printed.
    fn words(&self) -> Vec<(&'static str, String)> {
        let flag = |name: &str| FLAGS.iter().find(|(n, bit)| *n == name && self.flags & bit != 0);
        let mut words = Vec::new();
        words.extend(["sack-perm", "timestamp"].into_iter().filter_map(flag).map(|f| (f.0, String::new())));
        words.extend(self.wscale.map(|n| ("wscale", format!(" {n}"))));
        words.extend(self.mss.map(|n| ("mss", format!(" {n}"))));
        words.extend(flag("ecn").map(|f| (f.0, String::new())));
        words
    }
}

/// A number that the kernel's field can hold. The original cuts a larger one to the field.
fn bounded(uses: &Uses<'_, '_>, name: &str, max: u32) -> Parsed<Option<u32>> {
    let number = uses.number(name, 0, u32::MAX)?;
    match (number.filter(|n| *n > max), uses.word(name)) {
        (Some(_), Some(word)) => {
            let error = rfw_values::ValueError::whole(&word.text, format!("a number from 0 to {max}"));
            let classic =
                format!("SYNPROXY: bad value for option \"--{name}\", or out of range (0-{max}).\n");
            Err(bad_value(word, &error, classic))
        }
        _ => Ok(number),
    }
}
