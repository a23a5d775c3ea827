//! `-j IDLETIMER`: tells user space when no packet has come for a while.
//!
//! xt `IDLETIMER` revision 1 in both encodings: `{ __u32 timeout; char label[28]; __u8 send_nl_msg, timer_type; struct
//! idletimer_tg *timer; }` (`xt_IDLETIMER.h`), of which the last is the kernel's; nf_tables has nothing like it.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 48;
/// The label's field is 28 bytes with its NUL.
const LABEL_MAX: usize = 27;
/// `XT_IDLETIMER_ALARM`.
const ALARM: u8 = 1;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idletimer {
    /// Seconds.
    timeout: u32,
    label: Vec<u8>,
    /// Whether the timer wakes a sleeping machine.
    alarm: bool,
}

impl Extension for Idletimer {
    const NAME: &'static str = "IDLETIMER";
    const SUMMARY: &'static str = "tells user space when no packet came for a while";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("timeout", "seconds", "how long no packet has to come").required(),
        OptionSpec::value("label", "name", "the timer's name in /sys/class/xt_idletimer, up to 27 bytes")
            .required(),
        OptionSpec::flag("alarm", "a timer that goes on while the machine sleeps"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables has nothing like it",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let timeout = uses.number("timeout", 0, u32::MAX)?.unwrap_or(0);
        // Cut as the original cuts it.
        let label = uses.word("label").map(|w| w.text.iter().copied().take(LABEL_MAX).collect());
        Ok(Self { timeout, label: label.unwrap_or_default(), alarm: uses.has("alarm") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --timeout {} --label", self.timeout));
        out.word(&self.label);
        if self.alarm {
            out.text(" --alarm");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" timeout:{} label:", self.timeout));
        out.bytes(&self.label);
        if self.alarm {
            out.text(" alarm");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let kind = if self.alarm { ALARM } else { 0 };
        let info = Info::new(SIZE).u32(0, self.timeout).bytes(4, &self.label).u8(33, kind);
        out.xt_target("IDLETIMER", 1, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("IDLETIMER", 1, SIZE)?;
        let (label, kind) = (view.string(4, LABEL_MAX + 1), view.u8(33));
        let sayable = label.len() <= LABEL_MAX && !label.contains(&b'\n') && view.u8(32) == 0 && kind <= ALARM;
        sayable.then(|| Self { timeout: view.u32(0), label: label.to_vec(), alarm: kind == ALARM })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs)
    }
}
