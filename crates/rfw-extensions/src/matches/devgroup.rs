//! `-m devgroup`: the groups of the interfaces.
//!
//! Compat: xt `devgroup` revision 0. Native: `meta iifgroup` and `meta oifgroup`, unless the value has bits outside the mask:
//! xt ignores them, a comparison would not.
//!
//! ```c
//! struct xt_devgroup_info { __u32 flags, src_group, src_mask, dst_group, dst_mask; };  /* xt_devgroup.h */
//! ```

use rfw_diagnostics::codes;
use rfw_nft::expr::meta;
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::Masked;

use crate::context::{Labels, ParseCx};
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::labels;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 20;

/// One of the two directions.
struct Side {
    option: &'static str,
    /// `XT_DEVGROUP_MATCH_*`; the bit above it inverts.
    bit: u32,
    /// Offset of the group in the struct; the mask follows.
    offset: usize,
    key: u32,
}

const SIDES: [Side; 2] = [
    Side { option: "src-group", bit: 1, offset: 4, key: meta::IIFGROUP },
    Side { option: "dst-group", bit: 4, offset: 12, key: meta::OIFGROUP },
];

/// A test of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Group {
    inverted: bool,
    value: Masked,
}

/// The typed form; at least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Devgroup {
    /// Of the incoming and of the outgoing interface.
    groups: [Option<Group>; 2],
}

impl Extension for Devgroup {
    const NAME: &'static str = "devgroup";
    const SUMMARY: &'static str = "the groups of the interfaces";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("src-group", "value[/mask]|name", "group of the incoming interface").invertible(),
        OptionSpec::value("dst-group", "value[/mask]|name", "group of the outgoing interface").invertible(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the value has bits outside the mask, which the match ignores and a comparison would not",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut groups = [None, None];
        for (slot, side) in groups.iter_mut().zip(&SIDES) {
            let value = labels::parse(uses, side.option, cx, Labels::Groups)?;
            *slot = value.map(|value| Group { inverted: uses.inverted(side.option), value });
        }
        if groups == [None, None] {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "devgroup match: You must specify either '--src-group' or '--dst-group'",
                "add `--src-group GROUP` or `--dst-group GROUP`",
            ));
        }
        Ok(Self { groups })
    }

    fn print(&self, out: &mut Printer<'_>) {
        for (side, group) in self.given() {
            out.option(group.inverted, side.option);
            labels::print(out, group.value, Labels::Groups, true);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        for (side, group) in self.given() {
            out.fmt(format_args!("{} {}", if group.inverted { " !" } else { "" }, side.option));
            labels::print(out, group.value, Labels::Groups, !out.numeric);
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || self.given().any(|(_, group)| group.value.value & !group.value.mask != 0) {
            out.xt_match("devgroup", 0, self.xt());
            return;
        }
        for (side, Group { inverted, value }) in self.given() {
            out.meta(side.key);
            out.masked_equals(inverted, &value.value.to_ne_bytes(), &value.mask.to_ne_bytes());
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("devgroup", 0, SIZE) {
            let flags = view.u32(0);
            let groups = SIDES.map(|side| {
                let value = Masked { value: view.u32(side.offset), mask: view.u32(side.offset + 4) };
                (flags & side.bit != 0).then_some(Group { inverted: flags & (side.bit << 1) != 0, value })
            });
            let lifted = Self { groups };
            return (groups != [None, None] && lifted.flags() == flags).then_some(lifted);
        }
        let mut groups = [None, None];
        for (slot, side) in groups.iter_mut().zip(&SIDES) {
            let start = run.position();
            let test = run.masked_number(&Field::Meta(side.key));
            *slot = test
                .map(|(inverted, value)| Group { inverted, value })
                .filter(|group| group.value.value & !group.value.mask == 0);
            if slot.is_none() {
                run.rewind(start);
            }
        }
        (groups != [None, None]).then_some(Self { groups })
    }

    fn facts(&self) -> Facts<'_> {
        match &self.groups {
            [Some(_), Some(_)] => Facts::PURE.hooks(hook::FORWARD),
            [Some(_), None] => Facts::PURE.hooks(hook::PREROUTING | hook::INPUT | hook::FORWARD),
            [None, Some(_)] => Facts::PURE.hooks(hook::FORWARD | hook::OUTPUT | hook::POSTROUTING),
            [None, None] => Facts::PURE,
        }
    }
}

impl Devgroup {
    fn given(&self) -> impl Iterator<Item = (&'static Side, Group)> {
        SIDES.iter().zip(self.groups).filter_map(|(side, group)| Some((side, group?)))
    }

    fn flags(&self) -> u32 {
        self.given().map(|(side, group)| side.bit | if group.inverted { side.bit << 1 } else { 0 }).sum()
    }

    fn xt(&self) -> Vec<u8> {
        let info = Info::new(SIZE).u32(0, self.flags());
        let put = |info: Info, (side, group): (&Side, Group)| {
            info.u32(side.offset, group.value.value).u32(side.offset + 4, group.value.mask)
        };
        self.given().fold(info, put).finish()
    }
}
