//! `-j TCPMSS`: sets or clamps the maximum segment size of a SYN.
//!
//! xt `TCPMSS` revision 0, `{ __u16 mss; }` (`xt_TCPMSS.h`), in both encodings: nf_tables can change the option but not
//! add it where it is missing, which this target does. The kernel wants `-p tcp`, and for `--clamp-mss-to-pmtu` a chain
//! that packets leave by.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::approximation::Approximation;
use crate::context::{Family, ParseCx};
use crate::facts::{Effect, Facts};
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 2;
/// `XT_TCPMSS_CLAMP_PMTU`.
const CLAMP: u16 = 0xffff;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcpmss {
    /// The size; `None` to clamp it to the path's MTU.
    mss: Option<u16>,
}

impl Extension for Tcpmss {
    const NAME: &'static str = "TCPMSS";
    const SUMMARY: &'static str = "sets the maximum segment size of TCP";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("set-mss", "bytes", "set it to this value"),
        OptionSpec::flag("clamp-mss-to-pmtu", "set it to the path MTU less the headers"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "`tcp option maxseg size set` does not add the option to a SYN that has none",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mss = uses.number("set-mss", 0, max(cx.family).into())?;
        // Of both, the original takes the last.
        match uses.list.last() {
            Some(last) if last.option.name == "set-mss" => {
                Ok(Self { mss: mss.and_then(|mss| u16::try_from(mss).ok()) })
            }
            Some(_) => Ok(Self { mss: None }),
            None => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "TCPMSS target: At least one parameter is required",
                "add `--clamp-mss-to-pmtu` or `--set-mss BYTES`",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        match self.mss {
            Some(mss) => out.fmt(format_args!(" --set-mss {mss}")),
            None => out.text(" --clamp-mss-to-pmtu"),
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        match self.mss {
            Some(mss) => out.fmt(format_args!(" TCPMSS set {mss}")),
            None => out.text(" TCPMSS clamp to PMTU"),
        }
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_target("TCPMSS", 0, Info::new(SIZE).u16(0, self.mss.unwrap_or(CLAMP)).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let max = max(run.family);
        let mss = Some(run.xt_target("TCPMSS", 0, SIZE)?.u16(0)).filter(|mss| *mss != CLAMP);
        mss.is_none_or(|mss| mss <= max).then_some(Self { mss })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        let size = self.mss.map_or_else(|| "rt mtu".to_owned(), |mss| mss.to_string());
        Some(Approximation::plain(
            format!("tcp option maxseg size set {size}"),
            &["a SYN without the option gets none", "malformed packets pass"],
        ))
    }

    fn facts(&self) -> Facts<'_> {
        let facts = Facts::new(Effect::Rewrites).protocol(6);
        match self.mss {
            Some(_) => facts,
            None => facts.hooks(hook::FORWARD | hook::OUTPUT | hook::POSTROUTING),
        }
    }
}

/// What iptables takes: the largest packet less the IP header without options.
fn max(family: Family) -> u16 {
    match family {
        Family::Ipv4 => u16::MAX - 20,
        Family::Ipv6 => u16::MAX - 40,
    }
}
