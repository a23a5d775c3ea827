//! `-m realm`: the routing realm of the packet.
//!
//! Compat: xt `realm` revision 0. Native: `rt classid`, unless the value has bits outside the mask, which nft cannot show.
//!
//! ```c
//! struct xt_realm_info { __u32 id, mask; __u8 invert; };  /* xt_realm.h */
//! ```

use rfw_nft::Expr;
use rfw_nft::expr::REG_1;
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::Masked;

use crate::context::{Families, Labels, ParseCx};
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::labels;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 12;
/// `NFT_RT_CLASSID` (`enum nft_rt_keys`).
const CLASSID: u32 = 0;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    inverted: bool,
    realm: Masked,
}

impl Extension for Realm {
    const NAME: &'static str = "realm";
    const FAMILIES: Families = Families::Ipv4;
    const SUMMARY: &'static str = "the routing realm of the packet";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("realm", "value[/mask]|name", "(realm & mask) equals value").invertible().required()];
    const WHY_XT: &'static [&'static str] = &[
        "the value has bits outside the mask, which no realm has",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let realm = labels::parse(uses, "realm", cx, Labels::Realms)?.unwrap_or(Masked::exact(0));
        Ok(Self { inverted: uses.inverted("realm"), realm })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "realm");
        labels::print(out, self.realm, Labels::Realms, true);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " ! realm" } else { " realm" });
        labels::print(out, self.realm, Labels::Realms, !out.numeric);
    }

    fn lower(&self, out: &mut Lowering) {
        let Masked { value, mask } = self.realm;
        if out.native() && value & !mask == 0 {
            out.push(Expr::Rt { dreg: REG_1, key: CLASSID });
            out.masked_equals(self.inverted, &value.to_ne_bytes(), &mask.to_ne_bytes());
        } else {
            let info = Info::new(SIZE).u32(0, value).u32(4, mask).u8(8, self.inverted.into());
            out.xt_match("realm", 0, info.finish());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("realm", 0, SIZE) {
            let inverted = match view.u8(8) {
                0 => false,
                1 => true,
                _ => return None,
            };
            return Some(Self { inverted, realm: Masked { value: view.u32(0), mask: view.u32(4) } });
        }
        let (inverted, realm) = run.masked_number(&Field::Rt(CLASSID))?;
        (realm.value & !realm.mask == 0).then_some(Self { inverted, realm })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.hooks(hook::INPUT | hook::FORWARD | hook::OUTPUT | hook::POSTROUTING)
    }
}
