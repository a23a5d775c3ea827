//! Lists of connection states: `--ctstate` of conntrack and `--state` of state.
//!
//! The bits are those of `XT_CONNTRACK_STATE_*` (`xt_conntrack.h`); `ct state` has the same low four, but 0x40 for UNTRACKED
//! (encoding.md 4.2).

use rfw_nft::expr::{CmpOp, ct};
use rfw_nft::predicate::Field;

use crate::lifting::Run;
use crate::lowering::Lowering;

/// The packet belongs to no connection and can belong to none.
pub const INVALID: u16 = 0x01;
/// Packets were seen in both directions.
pub const ESTABLISHED: u16 = 0x02;
/// A new connection that another one announced, or an ICMP error.
pub const RELATED: u16 = 0x04;
/// The first packet of a connection, or one of which no answer was seen.
pub const NEW: u16 = 0x08;
/// The source address was rewritten.
pub const SNAT: u16 = 0x40;
/// The destination address was rewritten.
pub const DNAT: u16 = 0x80;
/// Tracking was switched off for the packet.
pub const UNTRACKED: u16 = 0x100;

/// States that `-m state` knows.
pub const PLAIN: u16 = INVALID | ESTABLISHED | RELATED | NEW | UNTRACKED;

/// `IPS_SRC_NAT` is 0x10 and `IPS_DST_NAT` 0x20: two places to the right of the xt bits.
const NAT_SHIFT: u32 = 2;
/// `NF_CT_STATE_UNTRACKED_BIT`.
const NATIVE_UNTRACKED: u32 = 0x40;

/// In the order in which they are printed.
const NAMES: [(&str, u16); 7] = [
    ("INVALID", INVALID),
    ("NEW", NEW),
    ("RELATED", RELATED),
    ("ESTABLISHED", ESTABLISHED),
    ("UNTRACKED", UNTRACKED),
    ("SNAT", SNAT),
    ("DNAT", DNAT),
];

/// States of which the packet has one or, inverted, none. Never an empty list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States {
    /// Whether `!` stood before the list.
    pub inverted: bool,
    /// The states, as the constants of this module.
    pub mask: u16,
}

impl States {
    /// Reads one name of `allowed`: in any case, and any first part of one will do, as in the original.
    #[must_use]
    pub fn bit(name: &[u8], allowed: u16) -> Option<u16> {
        let lower = name.to_ascii_uppercase();
        let is = |(full, bit): &&(&str, u16)| bit & allowed != 0 && full.as_bytes().starts_with(&lower);
        NAMES.iter().find(is).map(|(_, bit)| *bit).filter(|_| !name.is_empty())
    }

    /// The names of `allowed`, for help.
    #[must_use]
    pub fn names(allowed: u16) -> Vec<&'static str> {
        NAMES.iter().filter(|(_, bit)| bit & allowed != 0).map(|(name, _)| *name).collect()
    }

    /// `NEW,ESTABLISHED`.
    #[must_use]
    pub fn text(&self) -> String {
        Self::names(self.mask).join(",")
    }

    /// From the bits of a payload, unless they are none or not all of `allowed`.
    #[must_use]
    pub fn from_bits(inverted: bool, mask: u16, allowed: u16) -> Option<Self> {
        (mask != 0 && mask & !allowed == 0).then_some(Self { inverted, mask })
    }

    /// The `ct` key and its bits that ask the same, where one key does: states, or translations uninverted.
    ///
    /// Inverted translations are true of packets without a connection, for which `ct status` is no value at all.
    fn native(self) -> Option<(u32, u32)> {
        let nat = u32::from(self.mask & (SNAT | DNAT));
        let mut state = u32::from(self.mask & (INVALID | ESTABLISHED | RELATED | NEW));
        if self.mask & UNTRACKED != 0 {
            state |= NATIVE_UNTRACKED;
        }
        match (nat, state) {
            (0, state) => Some((ct::STATE, state)),
            (nat, 0) if !self.inverted => Some((ct::STATUS, nat >> NAT_SHIFT)),
            _ => None,
        }
    }

    /// Whether nf_tables can ask this exactly.
    #[must_use]
    pub fn is_native(self) -> bool {
        self.native().is_some()
    }

    /// Whether only packets that belong to a connection pass.
    #[must_use]
    pub fn needs_connection(self) -> bool {
        let without = INVALID | UNTRACKED;
        if self.inverted { self.mask & without == without } else { self.mask & without == 0 }
    }

    /// Appends the test; nothing if there is no exact one.
    pub fn lower(self, out: &mut Lowering) {
        if let Some((key, bits)) = self.native() {
            out.ct(key, None);
            any_of(out, self.inverted, bits);
        }
    }

    /// Takes a test of `ct state`, or of the translations of `ct status`.
    pub fn lift(run: &mut Run<'_>) -> Option<Self> {
        Self::lift_state(run).or_else(|| {
            let start = run.position();
            let found = bits(run, ct::STATUS).and_then(|(inverted, bits)| {
                let nat = u16::try_from(bits.checked_mul(1 << NAT_SHIFT)?).ok()?;
                Self::from_bits(inverted, nat, SNAT | DNAT).filter(|_| !inverted)
            });
            if found.is_none() {
                run.rewind(start);
            }
            found
        })
    }

    /// Takes a test of `ct state`.
    pub fn lift_state(run: &mut Run<'_>) -> Option<Self> {
        let start = run.position();
        let found = lift_state(run).and_then(|(inverted, bits)| {
            let untracked = if bits & NATIVE_UNTRACKED != 0 { UNTRACKED } else { 0 };
            let known = u16::try_from(bits & !NATIVE_UNTRACKED).ok()?;
            let known = if known == 0 { 0 } else { Self::from_bits(false, known, PLAIN & !UNTRACKED)?.mask };
            Self::from_bits(inverted, known | untracked, PLAIN)
        });
        if found.is_none() {
            run.rewind(start);
        }
        found
    }
}

/// A packet has exactly one state, so a comparison with one bit asks the same as a test of that bit.
fn lift_state(run: &mut Run<'_>) -> Option<(bool, u32)> {
    let field = Field::Ct { key: ct::STATE, dir: None };
    if let Some((inverted, value)) = run.equality(&field) {
        let value = u32::from_ne_bytes(value.try_into().ok()?);
        return value.is_power_of_two().then_some((inverted, value));
    }
    bits(run, ct::STATE)
}

/// Tests that register 1 has one of some bits or, inverted, none.
pub fn any_of(out: &mut Lowering, inverted: bool, bits: u32) {
    out.mask(&bits.to_ne_bytes());
    out.cmp(if inverted { CmpOp::Eq } else { CmpOp::Neq }, &[0; 4]);
}

/// Takes the same test of a `ct` key: whether it is inverted, and the bits.
pub fn bits(run: &mut Run<'_>, key: u32) -> Option<(bool, u32)> {
    let test = run.masked(&Field::Ct { key, dir: None })?;
    let inverted = match test.op {
        CmpOp::Eq => true,
        CmpOp::Neq => false,
        _ => return None,
    };
    let mask = u32::from_ne_bytes(test.mask?.try_into().ok()?);
    (test.value == [0; 4]).then_some((inverted, mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_cut_short() {
        for (name, bit) in [("n", NEW), ("e", ESTABLISHED), ("Inv", INVALID), ("u", UNTRACKED), ("S", SNAT)] {
            assert_eq!(States::bit(name.as_bytes(), u16::MAX), Some(bit), "{name}");
        }
        for name in ["", "NEWER", "x"] {
            assert_eq!(States::bit(name.as_bytes(), u16::MAX), None, "{name}");
        }
        assert_eq!(States::bit(b"SNAT", PLAIN), None);
    }

    #[test]
    fn who_belongs_to_no_connection() {
        let ask = |inverted, mask| States { inverted, mask }.needs_connection();
        assert!(ask(false, NEW | ESTABLISHED));
        assert!(ask(true, INVALID | UNTRACKED));
        assert!(!ask(false, INVALID));
        assert!(!ask(true, INVALID));
        assert!(!ask(true, NEW));
    }
}
