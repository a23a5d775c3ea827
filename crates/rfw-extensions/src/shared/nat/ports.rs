//! Translations to new ports alone: the address is that of an interface.

use rfw_nft::expr::{Expr, PortNat};
use rfw_nft::predicate::{Item, Value};

use super::{NatRange, Spec, Values};
use crate::lifting::Run;
use crate::lowering::Lowering;

/// First and last port, and flags, of an item.
pub type Ports<'r> = ([&'r Option<Value>; 2], Option<u32>);

impl NatRange {
    /// Appends the translation: xt, or the native expression, which has no base port.
    pub fn lower_ports(&self, out: &mut Lowering, spec: &Spec, native: fn(PortNat) -> Expr) {
        if !out.native() || self.base.is_some() {
            self.lower_xt(out, spec);
            return;
        }
        let operands = self.operands(out);
        out.push(native(PortNat {
            proto_min: operands.ports.map(|(min, _)| min),
            proto_max: operands.ports.map(|(_, max)| max),
            flags: operands.flags,
        }));
    }

    /// Takes what [`NatRange::lower_ports`] makes; `native` looks into the item that is its expression.
    pub fn lift_ports(
        run: &mut Run<'_>,
        spec: &Spec,
        native: fn(&Item) -> Option<Ports<'_>>,
    ) -> Option<Self> {
        if let Some(range) = Self::lift_xt(run, spec) {
            return Some(range);
        }
        let (ports, flags) = native(run.peek(0)?)?;
        let range = Self::from_values(Values { addresses: [&None, &None], ports, flags }, spec, run)?;
        run.take();
        Some(range)
    }
}
