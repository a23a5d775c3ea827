//! `-m helper`: packets of connections that a conntrack helper expected.
//!
//! ```c
//! struct xt_helper_info { int invert; char name[30]; };  /* xt_helper.h */
//! ```
//! xt in both encodings: it asks whether the name given *begins* with the helper's (`ftp-2121` means `ftp` too), an empty one is
//! any helper, and `!` matches packets without one. nf_tables' `ct helper` does none of these.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::ValueError;

use crate::approximation::Approximation;
use crate::context::{Family, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 36;
/// With the NUL.
const NAME_LEN: usize = 30;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    inverted: bool,
    /// Empty for any.
    name: Vec<u8>,
}

impl Extension for Helper {
    const NAME: &'static str = "helper";
    const SUMMARY: &'static str = "packets of connections that a conntrack helper expected";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("helper", "name", "name of the helper, perhaps with a port: ftp, ftp-2121; empty for any")
            .invertible()
            .required()];
    const WHY_XT: &'static [&'static str] = &[
        "the match takes a name that begins with the helper's, and the empty name for any; `ct helper` compares all of it",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let name = match uses.word("helper") {
            None => Vec::new(),
            Some(word) if word.text.len() >= NAME_LEN => {
                let error = ValueError::new(NAME_LEN - 1, word.text.len(), "a name of at most 29 bytes");
                return Err(bad_value(word, &error, "Argument must have a maximum length of 29 characters\n"));
            }
            Some(word) => word.text.to_vec(),
        };
        Ok(Self { inverted: uses.inverted("helper"), name })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "helper");
        out.quoted(&self.name);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " helper match ! \"" } else { " helper match \"" });
        out.bytes(&self.name);
        out.text("\"");
    }

    fn lower(&self, out: &mut Lowering) {
        let info = Info::new(SIZE).u32(0, self.inverted.into()).bytes(4, &self.name);
        out.xt_match("helper", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("helper", 0, SIZE)?;
        let name = view.string(4, NAME_LEN);
        let inverted = match view.u32(0) {
            0 => false,
            1 => true,
            _ => return None,
        };
        (name.len() < NAME_LEN).then(|| Self { inverted, name: name.to_vec() })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        let name = std::str::from_utf8(&self.name).ok()?;
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        // `NF_CT_HELPER_NAME_LEN` is 16 with its NUL.
        if name.is_empty() || name.len() > 15 || !plain {
            return None;
        }
        let mut differs = vec!["the whole name is compared, not its beginning"];
        if self.inverted {
            differs.push("connections without a helper do not match");
        }
        let sign = if self.inverted { "!= " } else { "" };
        Some(Approximation::plain(format!("ct helper {sign}\"{name}\""), &differs))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.reassembles()
    }
}
