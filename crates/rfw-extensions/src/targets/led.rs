//! `-j LED`: switches a LED trigger on when a packet comes.
//!
//! xt `LED` revision 0 in both encodings: `{ char id[27]; __u8 always_blink; __u32 delay; void *internal_data; }` (`xt_LED.h`),
//! of which the last is the kernel's; nf_tables has nothing like it.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{ValueError, number};

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 40;
const PREFIX: &[u8] = b"netfilter-";
/// The field is 27 bytes with prefix and NUL.
const ID_MAX: usize = 16;
/// Until the LED is switched off by something else.
const FOREVER: u32 = u32::MAX;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// Name of the trigger without its prefix.
    id: Vec<u8>,
    /// Milliseconds, [`FOREVER`] for no end.
    delay: u32,
    always_blink: bool,
}

impl Extension for Led {
    const NAME: &'static str = "LED";
    const SUMMARY: &'static str = "blinks a LED";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("led-trigger-id", "name", "the LED trigger, netfilter-NAME, up to 16 bytes").required(),
        OptionSpec::value("led-delay", "ms", "how long the LED stays on; inf: for ever"),
        OptionSpec::flag("led-always-blink", "blink for each packet, even while the LED is on"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables has nothing like it",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let Some(word) = uses.word("led-trigger-id") else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "LED: option \"--led-trigger-id\" must be specified\n",
                "add `--led-trigger-id NAME`",
            ));
        };
        let delay = uses.word("led-delay").map(parse_delay).transpose()?.unwrap_or(0);
        Ok(Self { id: parse_id(word)?, delay, always_blink: uses.has("led-always-blink") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.text(" --led-trigger-id ");
        self.quoted(out);
        match self.delay {
            0 => {}
            FOREVER => out.text(" --led-delay inf"),
            delay => out.fmt(format_args!(" --led-delay {delay}")),
        }
        if self.always_blink {
            out.text(" --led-always-blink");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" led-trigger-id:");
        self.quoted(out);
        match self.delay {
            FOREVER => out.text(" led-delay:inf"),
            delay => out.fmt(format_args!(" led-delay:{delay}ms")),
        }
        if self.always_blink {
            out.text(" led-always-blink");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let id = [PREFIX, &self.id].concat();
        let info = Info::new(SIZE).bytes(0, &id).u8(27, self.always_blink.into()).u32(28, self.delay);
        out.xt_target("LED", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("LED", 0, SIZE)?;
        let id = view.string(0, PREFIX.len() + ID_MAX + 1).strip_prefix(PREFIX)?;
        let sayable = id.len() <= ID_MAX && !id.contains(&b'\n') && view.u8(27) <= 1;
        sayable.then(|| Self { id: id.to_vec(), delay: view.u32(28), always_blink: view.u8(27) == 1 })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs)
    }
}

impl Led {
    /// The name, in quotes always.
    fn quoted(&self, out: &mut Printer<'_>) {
        out.text("\"");
        for &byte in &self.id {
            if matches!(byte, b'"' | b'\\') {
                out.text("\\");
            }
            out.bytes(&[byte]);
        }
        out.text("\"");
    }
}

fn parse_id(word: &Word<'_>) -> Parsed<Vec<u8>> {
    let id: &[u8] = &word.text;
    if id.len() > ID_MAX {
        let error = ValueError::new(ID_MAX, id.len(), "at most 16 bytes");
        return Err(bad_value(word, &error, "Argument must have a maximum length of 16 characters\n"));
    }
    Ok(id.to_vec())
}

/// Milliseconds; anything that begins with `inf` is no end.
fn parse_delay(word: &Word<'_>) -> Parsed<u32> {
    if word.text.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(b"inf")) {
        return Ok(FOREVER);
    }
    number::parse_u32(&word.text, 0, u32::MAX)
        .map_err(|error| bad_value(word, &error, "Delay value must be within range 0..4294967295"))
}
