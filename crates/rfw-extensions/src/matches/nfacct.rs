//! `-m nfacct`: counts packets in an object of nfnetlink_acct, which must exist; matches all, or none when its quota is used up.
//!
//! ```c
//! struct xt_nfacct_match_info_v1 { char name[NFACCT_NAME_MAX]; struct nf_acct *nfacct; };  /* xt_nfacct.h; 32 bytes of name */
//! ```
//! xt in both encodings: nf_tables' counters are objects of another kind.

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 40;
/// `NFACCT_NAME_MAX`, with the NUL.
const NAME_LEN: usize = 32;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nfacct {
    name: Vec<u8>,
}

impl Extension for Nfacct {
    const NAME: &'static str = "nfacct";
    const SUMMARY: &'static str = "counts packets in an accounting object";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("nfacct-name", "name", "the object, made with nfacct(8)").required()];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' counters are objects of another kind",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let Some(word) = uses.word("nfacct-name") else { return Ok(Self { name: Vec::new() }) };
        let text: &[u8] = &word.text;
        if text.is_empty() {
            let error = ValueError::whole(text, "the name of an object");
            return Err(bad_value(word, &error, "Argument must have a minimum length of 1 characters\n"));
        }
        if let Some(at) = text.iter().position(|&b| b == b'\n') {
            let error = ValueError::new(at, at + 1, "a name in one line");
            return Err(bad_value(word, &error, "Newlines not allowed in --nfacct-name"));
        }
        if text.len() >= NAME_LEN {
            let error = ValueError::new(NAME_LEN - 1, text.len(), "a name of at most 31 bytes");
            return Err(bad_value(word, &error, "Argument must have a maximum length of 31 characters\n"));
        }
        Ok(Self { name: text.to_vec() })
    }

    fn print(&self, out: &mut Printer<'_>) {
        // Two blanks, as in the original.
        out.text(" --nfacct-name ");
        out.quoted(&self.name);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" nfacct-name ");
        out.quoted(&self.name);
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_match("nfacct", 1, Info::new(SIZE).bytes(0, &self.name).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("nfacct", 1, SIZE)?;
        let name = view.string(0, NAME_LEN);
        let said = !name.is_empty() && name.len() < NAME_LEN && !name.contains(&b'\n');
        said.then(|| Self { name: name.to_vec() })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Limits)
    }
}
