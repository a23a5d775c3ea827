//! `-m state`: the old name of `-m conntrack --ctstate`.
//!
//! Compat: xt `conntrack` revision 3 (see `conntrack.rs`) with `match_flags` 0x2001, the bit 0x2000 being all that tells it from
//! conntrack. Native: `ct state`, and hint 1.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::states::{PLAIN, States};
use crate::uses::{Uses, bad_item};
use crate::{Extension, Parsed};

const SIZE: usize = 164;
const HINT: u8 = 1;
/// `XT_CONNTRACK_STATE` and `XT_CONNTRACK_STATE_ALIAS`.
const FLAGS: u16 = 0x2001;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    states: States,
}

impl Extension for State {
    const NAME: &'static str = "state";
    const SUMMARY: &'static str = "state of the packet's connection; conntrack does the same and more";
    const OPTIONS: &'static [OptionSpec] = &[OptionSpec::value(
        "state",
        "state[,state...]",
        "INVALID, NEW, RELATED, ESTABLISHED or UNTRACKED",
    )
    .invertible()
    .required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut mask = 0;
        if let Some(word) = uses.word("state") {
            let mut start = 0;
            for part in word.text.split(|&b| b == b',') {
                let Some(bit) = States::bit(part, PLAIN) else {
                    let rest = String::from_utf8_lossy(&word.text[start..]);
                    let classic = if rest.is_empty() {
                        "\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED".to_owned()
                    } else {
                        format!("Bad state \"{rest}\"")
                    };
                    let span = word.part(start, start + part.len());
                    let upper = part.to_ascii_uppercase();
                    return Err(bad_item(word, &upper, span, &States::names(PLAIN), classic));
                };
                mask |= bit;
                start += part.len() + 1;
            }
        }
        Ok(Self { states: States { inverted: uses.inverted("state"), mask } })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.states.inverted, "state");
        out.fmt(format_args!(" {}", self.states.text()));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!("{} state {}", if self.states.inverted { " !" } else { "" }, self.states.text()));
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() {
            out.hint(HINT);
            self.states.lower(out);
        } else {
            let inverted = u16::from(self.states.inverted);
            let info = Info::new(SIZE).u16(146, FLAGS).u16(148, inverted).u16(150, self.states.mask);
            out.xt_match("conntrack", 3, info.finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if run.hinted(HINT)
            && let Some(states) = States::lift_state(run)
        {
            return Some(Self { states });
        }
        let view = run.xt_match("conntrack", 3, SIZE)?;
        let states = States::from_bits(view.u16(148) & 1 != 0, view.u16(150), PLAIN)?;
        (view.u16(146) == FLAGS).then_some(Self { states })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.reassembles().superseded_by("-m conntrack --ctstate")
    }
}

impl State {
    /// The states of `--state`.
    #[must_use]
    pub fn states(&self) -> States {
        self.states
    }
}
