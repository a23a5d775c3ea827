//! The range of addresses and ports that NAT targets share: text, xt payload, native operands.
//!
//! ```c
//! struct nf_nat_ipv4_multi_range_compat { unsigned int rangesize; struct nf_nat_ipv4_range range[1]; };
//! struct nf_nat_ipv4_range { unsigned int flags; __be32 min_ip, max_ip; __be16 min, max; };
//! struct nf_nat_range  { unsigned int flags; union nf_inet_addr min_addr, max_addr; __be16 min_proto, max_proto; };
//! struct nf_nat_range2 { … as nf_nat_range …; __be16 base_proto; };        /* linux/netfilter/nf_nat.h */
//! ```

use std::fmt::Write as _;

use rfw_nft::Family;
use rfw_nft::expr::{Expr, REG_1, Reg, nat};
use rfw_nft::predicate::{Item, Value};
use rfw_nft::xt::{Info, View};
use rfw_values::address::{AddrText, from_octets, octets};
use rfw_values::{AddrRange, PortRange};

use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;

mod ports;
mod text;

/// The flags that options set, with the name of the option.
const OPTIONS: &[(&str, u32)] = &[
    ("random", nat::PROTO_RANDOM),
    ("random-fully", nat::PROTO_RANDOM_FULLY),
    ("persistent", nat::PERSISTENT),
];

/// The C struct of an xt payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `nf_nat_ipv4_multi_range_compat` with one range, 20 bytes.
    Ipv4,
    /// `nf_nat_range`, 40 bytes.
    Range,
    /// `nf_nat_range2`, 42 bytes.
    Range2,
}

impl Layout {
    const fn size(self) -> usize {
        match self {
            Self::Ipv4 => 20,
            Self::Range => 40,
            Self::Range2 => 42,
        }
    }

    /// Offsets of the flags, the two addresses and the two ports.
    const fn offsets(self) -> [usize; 5] {
        match self {
            Self::Ipv4 => [4, 8, 12, 16, 18],
            Self::Range | Self::Range2 => [0, 4, 20, 36, 38],
        }
    }
}

/// What a target does with the base of a shifted range of ports (`a-b/base`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// It has a field for it.
    Kept,
    /// It sets the flag and has no field: the kernel sees base 0, whatever was written.
    Lost,
    /// iptables says no.
    Refused,
}

/// What tells the NAT targets apart.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Name of the xt target.
    pub name: &'static str,
    /// Revision and layout for IPv4.
    pub v4: (u32, Layout),
    /// Revision and layout for IPv6.
    pub v6: (u32, Layout),
    /// `NF_NAT_RANGE_*` bits that its options can set.
    pub flags: u32,
    /// Whether it takes addresses.
    pub addresses: bool,
    /// What it does with a base port.
    pub base: Base,
}

impl Spec {
    const fn payload(&self, family: Family) -> (u32, Layout) {
        match family {
            Family::Ipv4 => self.v4,
            Family::Ipv6 => self.v6,
        }
    }
}

/// What a packet's address and port may become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatRange {
    /// The addresses; `None` leaves the address alone (or, for MASQUERADE and REDIRECT, takes the interface's). A range may
    /// run backwards, as in the original.
    pub addresses: Option<AddrRange>,
    /// The ports, or ICMP ids.
    pub ports: Option<PortRange>,
    /// The port that maps to the first of `ports`.
    pub base: Option<u16>,
    /// `NF_NAT_RANGE_*` bits for random ports and persistence.
    flags: u32,
}

/// Registers and flags for a native expression.
#[derive(Clone, Copy, Debug, Default)]
struct Operands {
    /// First and last address.
    addresses: Option<(Reg, Reg)>,
    /// First and last port.
    ports: Option<(Reg, Reg)>,
    /// All flags, as the kernel dumps them; `None` if there are none.
    flags: Option<u32>,
}

/// The values of a native expression.
#[derive(Clone, Copy, Debug)]
pub struct Values<'r> {
    /// First and last address.
    pub addresses: [&'r Option<Value>; 2],
    /// First and last port.
    pub ports: [&'r Option<Value>; 2],
    /// The flags.
    pub flags: Option<u32>,
}

/// Whether the original takes ports in a rule of this protocol. It looks at the number alone, so `! -p tcp` will do, and
/// 1 is ICMP under IPv6 too.
#[must_use]
pub fn takes_ports(protocol: Option<(u8, bool)>) -> bool {
    matches!(protocol, Some((1 | 6 | 17 | 33 | 132, _)))
}

impl NatRange {
    /// Addresses without ports.
    #[must_use]
    pub fn of_addresses(addresses: AddrRange) -> Self {
        Self { addresses: Some(addresses), ..Self::default() }
    }

    /// With the flags that `--random`, `--random-fully` and `--persistent` set.
    fn with_options(mut self, uses: &Uses<'_, '_>) -> Self {
        for (_, bit) in OPTIONS.iter().filter(|(name, _)| uses.has(name)) {
            self.flags |= bit;
        }
        self
    }

    /// Whether nothing is said of address or port.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.addresses.is_none() && self.ports.is_none()
    }

    fn all_flags(&self) -> u32 {
        let bit = |set: bool, bit: u32| if set { bit } else { 0 };
        self.flags
            | bit(self.addresses.is_some(), nat::MAP_IPS)
            | bit(self.ports.is_some(), nat::PROTO_SPECIFIED)
            | bit(self.base.is_some(), nat::PROTO_OFFSET)
    }

    /// `lead` and the range, if there is one, and the flags, each after `flag_lead`. Without addresses the range begins
    /// with a colon, which `ports_only` leaves out.
    pub fn write(&self, out: &mut Printer<'_>, lead: &str, flag_lead: &str, ports_only: bool) {
        if !self.is_open() {
            out.text(lead);
            let range = self.text();
            out.text(if ports_only { range.trim_start_matches(':') } else { &range });
        }
        for (name, _) in OPTIONS.iter().filter(|(_, bit)| self.flags & bit != 0) {
            out.text(flag_lead);
            out.text(name);
        }
    }

    /// `1.2.3.4-1.2.3.9:80-90/5`, `[::1]:80`, `:80`.
    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        if let Some(addresses) = self.addresses {
            let brackets = self.ports.is_some() && addresses.from().is_ipv6();
            text.push_str(if brackets { "[" } else { "" });
            let _ = write!(text, "{}", AddrText(addresses.from()));
            if !addresses.is_single() {
                let _ = write!(text, "-{}", AddrText(addresses.to()));
            }
            text.push_str(if brackets { "]" } else { "" });
        }
        if let Some(ports) = self.ports {
            let _ = write!(text, ":{}", ports.lo());
            // iptables-save leaves the end out before a base too, and then can't read `:80/5`.
            if !ports.is_single() || self.base.is_some() {
                let _ = write!(text, "-{}", ports.hi());
            }
            if let Some(base) = self.base {
                let _ = write!(text, "/{base}");
            }
        }
        text
    }

    /// Appends the xt target.
    pub fn lower_xt(&self, out: &mut Lowering, spec: &Spec) {
        let (revision, layout) = spec.payload(out.family);
        out.xt_target(spec.name, revision, self.payload(layout));
    }

    fn payload(&self, layout: Layout) -> Vec<u8> {
        let [flags, min_address, max_address, min_port, max_port] = layout.offsets();
        let mut info = Info::new(layout.size()).u32(flags, self.all_flags());
        if layout == Layout::Ipv4 {
            info = info.u32(0, 1);
        }
        if let Some(range) = self.addresses {
            info = info.bytes(min_address, &octets(range.from())).bytes(max_address, &octets(range.to()));
        }
        if let Some(range) = self.ports {
            let (lo, hi) = (range.lo().to_be_bytes(), range.hi().to_be_bytes());
            info = info.bytes(min_port, &lo).bytes(max_port, &hi);
        }
        match self.base {
            Some(base) if layout == Layout::Range2 => info.bytes(40, &base.to_be_bytes()),
            _ => info,
        }
        .finish()
    }

    /// Appends a source (`kind` 0) or destination (1) translation: xt, or native `nat`, which has no base port.
    pub fn lower(&self, out: &mut Lowering, spec: &Spec, kind: u32) {
        if !out.native() || self.base.is_some() {
            self.lower_xt(out, spec);
            return;
        }
        let operands = self.operands(out);
        out.push(Expr::Nat {
            kind,
            family: u32::from(out.family.number()),
            addr_min: operands.addresses.map(|(min, _)| min),
            addr_max: operands.addresses.map(|(_, max)| max),
            proto_min: operands.ports.map(|(min, _)| min),
            proto_max: operands.ports.map(|(_, max)| max),
            flags: operands.flags,
        });
    }

    /// Takes what [`NatRange::lower`] makes.
    pub fn lift(run: &mut Run<'_>, spec: &Spec, wanted: u32) -> Option<Self> {
        if let Some(range) = Self::lift_xt(run, spec) {
            return (!range.is_open()).then_some(range);
        }
        let Item::Nat { kind, family, addr_min, addr_max, proto_min, proto_max, flags } = run.peek(0)? else {
            return None;
        };
        if *kind != wanted || *family != u32::from(run.family.number()) {
            return None;
        }
        let values = Values { addresses: [addr_min, addr_max], ports: [proto_min, proto_max], flags: *flags };
        let range = Self::from_values(values, spec, run).filter(|range| !range.is_open())?;
        run.take();
        Some(range)
    }

    /// Takes the xt target; only a payload that the text form gives back byte for byte.
    pub fn lift_xt(run: &mut Run<'_>, spec: &Spec) -> Option<Self> {
        let start = run.position();
        let (revision, layout) = spec.payload(run.family);
        let view = run.xt_target(spec.name, revision, layout.size())?;
        let range = Self::from_view(&view, layout, run.family.address_len()).filter(|range| {
            range.payload(layout) == view.slice(0, layout.size().next_multiple_of(8))
                && range.sayable(spec, run)
        });
        if range.is_none() {
            run.rewind(start);
        }
        range
    }

    fn from_view(view: &View<'_>, layout: Layout, address_len: usize) -> Option<Self> {
        let [flags, min_address, max_address, min_port, max_port] = layout.offsets();
        let port = |offset: usize| u16::from_be_bytes(view.array(offset));
        let flags = view.u32(flags);
        let mut range = Self { flags: flags & option_flags(), ..Self::default() };
        if flags & nat::MAP_IPS != 0 {
            let from = from_octets(view.slice(min_address, address_len))?;
            range.addresses = AddrRange::new(from, from_octets(view.slice(max_address, address_len))?);
        }
        if flags & nat::PROTO_SPECIFIED != 0 {
            range.ports = Some(PortRange::new(port(min_port), port(max_port))?);
        }
        if flags & nat::PROTO_OFFSET != 0 {
            range.base = Some(if layout == Layout::Range2 { port(40) } else { 0 });
        }
        Some(range)
    }

    /// Whether the options of a target can say it in a rule of the run's protocol.
    fn sayable(&self, spec: &Spec, run: &Run<'_>) -> bool {
        let base = match (self.base, spec.base) {
            (None, _) => true,
            (Some(base), Base::Kept) => base != 0 && self.ports.is_some(),
            (Some(base), Base::Lost) => base == 0 && self.ports.is_some(),
            (Some(_), Base::Refused) => false,
        };
        base && self.flags & !spec.flags == 0
            && (spec.addresses || self.addresses.is_none())
            && (self.ports.is_none() || takes_ports(run.protocol))
    }

    /// Puts addresses and ports into registers from 1 on. The kernel has no native form of a base port; such a range must
    /// stay xt.
    fn operands(&self, out: &mut Lowering) -> Operands {
        let mut next = REG_1;
        let mut put = |data: &[u8]| {
            let reg = next;
            out.immediate(reg, data);
            next += 1;
            reg
        };
        let addresses = self.addresses.map(|range| {
            let min = put(&octets(range.from()));
            (min, if range.is_single() { min } else { put(&octets(range.to())) })
        });
        let ports = self.ports.map(|range| {
            let min = put(&range.lo().to_be_bytes());
            (min, if range.is_single() { min } else { put(&range.hi().to_be_bytes()) })
        });
        let flags = self.all_flags();
        Operands { addresses, ports, flags: (flags != 0).then_some(flags) }
    }

    /// The range of a native expression, as rfw, nft or the kernel writes it: a missing end equals the other one, and the
    /// flags that repeat what the operands say may be missing too.
    #[must_use]
    pub fn from_values(values: Values<'_>, spec: &Spec, run: &Run<'_>) -> Option<Self> {
        let addresses = match pair(values.addresses)? {
            None => None,
            Some((from, to)) if from.len() == run.family.address_len() => {
                Some(AddrRange::new(from_octets(from)?, from_octets(to)?)?)
            }
            Some(_) => return None,
        };
        let ports = match pair(values.ports)? {
            None => None,
            Some((lo, hi)) => {
                let port = |bytes: &[u8]| Some(u16::from_be_bytes(bytes.try_into().ok()?));
                Some(PortRange::new(port(lo)?, port(hi)?)?)
            }
        };
        let flags = values.flags.unwrap_or(0);
        let range = Self { addresses, ports, base: None, flags: flags & option_flags() };
        let plain = flags & !range.all_flags() == 0;
        (plain && range.sayable(spec, run)).then_some(range)
    }
}

fn option_flags() -> u32 {
    OPTIONS.iter().fold(0, |bits, (_, bit)| bits | bit)
}

/// The constants of a first and a last value; the inner `None` if there are none, the outer one if they are no constants.
fn pair(values: [&Option<Value>; 2]) -> Option<Option<(&[u8], &[u8])>> {
    match values {
        [None, None] => Some(None),
        [Some(min), None] => Some(Some((min.constant()?, min.constant()?))),
        [Some(min), Some(max)] => Some(Some((min.constant()?, max.constant()?))),
        [None, Some(_)] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_single_port_keeps_its_end() {
        let range = NatRange { ports: Some(PortRange::single(80)), base: Some(5), ..NatRange::default() };
        assert_eq!(range.text(), ":80-80/5");
    }

    #[test]
    fn payloads_are_those_of_stock() {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let addresses = AddrRange::parse_v4(b"1.2.3.4-1.2.3.9").ok();
        let range = NatRange {
            addresses,
            ports: PortRange::new(1024, 65535),
            base: None,
            flags: nat::PERSISTENT | nat::PROTO_RANDOM_FULLY,
        };
        assert_eq!(hex(&range.payload(Layout::Ipv4)), "010000001b00000001020304010203090400ffff00000000");
        let shifted = NatRange {
            addresses: AddrRange::parse_v4(b"1.2.3.4").ok(),
            ports: PortRange::new(3000, 4000),
            base: Some(1000),
            flags: 0,
        };
        assert_eq!(
            hex(&shifted.payload(Layout::Range2)),
            "2300000001020304000000000000000000000000010203040000000000000000000000000bb80fa003e8000000000000"
        );
    }
}
