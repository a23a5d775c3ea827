//! `-m connlabel`: a label of the connection.
//!
//! ```c
//! struct xt_connlabel_mtinfo { __u16 bit, options; };  /* xt_connlabel.h; options: 1 invert, 2 set */
//! ```
//! xt in both encodings: loading it makes the kernel keep labels for new connections, which reading `ct label` in nf_tables does
//! not, and a label that cannot be set fails the match.

use rfw_diagnostics::{Classic, Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{ValueError, number};

use crate::context::{Labels, Names, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 4;
/// `XT_CONNLABEL_OP_*`.
const INVERT: u16 = 1;
const SET: u16 = 2;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connlabel {
    inverted: bool,
    bit: u16,
    /// Whether it is set first.
    set: bool,
}

impl Extension for Connlabel {
    const NAME: &'static str = "connlabel";
    const SUMMARY: &'static str = "a label of the connection";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("label", "name", "a name of /etc/xtables/connlabel.conf or a number from 0 to 127")
            .invertible()
            .required(),
        OptionSpec::flag("set", "set the label; it does not match if that fails"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "only the match makes the kernel keep labels for new connections, and it fails where a label can't be set",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let bit = uses.word("label").map_or(Ok(0), |word| parse_label(word, cx.names))?;
        Ok(Self { inverted: uses.inverted("label"), bit, set: uses.has("set") })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "label");
        match self.name(out.names) {
            Some(name) => out.fmt(format_args!(" \"{name}\"")),
            None => out.fmt(format_args!(" \"{}\"", self.bit)),
        }
        out.text(if self.set { " --set" } else { "" });
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " connlabel !" } else { " connlabel" });
        match self.name(out.names) {
            Some(name) if !out.numeric => out.fmt(format_args!(" '{name}'")),
            _ => out.fmt(format_args!(" {}", self.bit)),
        }
        out.text(if self.set { " set" } else { "" });
    }

    fn lower(&self, out: &mut Lowering) {
        let options = if self.inverted { INVERT } else { 0 } | if self.set { SET } else { 0 };
        out.xt_match("connlabel", 0, Info::new(SIZE).u16(0, self.bit).u16(2, options).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("connlabel", 0, SIZE)?;
        let options = view.u16(2);
        let found = Self { inverted: options & INVERT != 0, bit: view.u16(0), set: options & SET != 0 };
        (options & !(INVERT | SET) == 0).then_some(found)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(if self.set { Effect::Rewrites } else { Effect::Pure }).reassembles()
    }
}

impl Connlabel {
    /// The name of the bit, if it leads back to it.
    fn name(&self, names: &dyn Names) -> Option<String> {
        let labels = names.labels(Labels::Conntrack);
        let (_, name) = labels.iter().find(|(bit, _)| *bit == u32::from(self.bit))?;
        let plain = !name.contains(['"', '\\', '\'']) && find(name.as_bytes(), names) == Some(self.bit);
        plain.then(|| name.clone())
    }
}

/// A number, or what the name stands for.
fn find(text: &[u8], names: &dyn Names) -> Option<u16> {
    if let Ok(bit) = number::parse_u16(text, 0, u16::MAX) {
        return Some(bit);
    }
    let named = names.labels(Labels::Conntrack).iter().find(|(_, name)| name.as_bytes() == text);
    named.and_then(|(bit, _)| u16::try_from(*bit).ok())
}

/// iptables' words; it says first that it has no names, if there are none.
fn unknown_label(shown: &str, nameless: bool) -> Classic {
    let text = format!("label '{shown}' not found or invalid value");
    if !nameless {
        return Classic::Parameter(text);
    }
    let line = format!("Warning: cannot open {}: No such file or directory", Labels::Conntrack.file());
    Classic::Announced { line, text }
}

fn parse_label(word: &Word<'_>, names: &dyn Names) -> Parsed<u16> {
    if word.text.is_empty() {
        let error = ValueError::whole(&word.text, "the name of a label");
        return Err(bad_value(word, &error, "Argument must have a minimum length of 1 characters\n"));
    }
    find(&word.text, names).ok_or_else(|| {
        let shown = word.lossy();
        let file = Labels::Conntrack.file();
        let known: Vec<&str> = names.labels(Labels::Conntrack).iter().map(|(_, name)| name.as_str()).collect();
        let help = match rfw_values::suggest(&word.text, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a name of {file} or a number from 0 to 127"),
        };
        Box::new(
            Diagnostic::error(codes::BAD_VALUE, word.span, format!("there is no label `{shown}`"))
                .help(help)
                .classic(unknown_label(&shown, known.is_empty())),
        )
    })
}
