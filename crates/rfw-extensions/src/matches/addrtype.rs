//! `-m addrtype`: what the routing table takes an address for.
//!
//! ```c
//! struct xt_addrtype_info_v1 { __u16 source, dest; __u32 flags; };
//! /* xt_addrtype.h; bits are 1 << RTN_*; flags: not source 1, not dest 2, incoming device 4, outgoing device 8 */
//! ```
//! Native: `fib saddr type` and `fib daddr type` in IPv4: both ask the same function of the kernel. Several types are an
//! anonymous set. In IPv6 the xt match asks something else.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::expr::{Expr, REG_1};
use rfw_nft::predicate::Field;
use rfw_nft::set::{Set, key};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};

use crate::context::{Family, ParseCx};
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::selector::Inv;
use crate::uses::{Uses, bad_choice};
use crate::{Extension, Parsed};

const SIZE: usize = 8;
/// `RTN_*` (`linux/rtnetlink.h`), from 0.
const TYPES: [&str; 12] = [
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
];
const NOT_SOURCE: u32 = 1;
const NOT_DESTINATION: u32 = 2;
const INCOMING: u32 = 4;
const OUTGOING: u32 = 8;

/// Hint: both addresses stood in one `-m addrtype`, not in two.
const BOTH: u8 = 54;
/// `NFT_FIB_RESULT_ADDRTYPE`.
const FIB_TYPE: u32 = 3;
/// `NFTA_FIB_F_SADDR`, `_DADDR`, `_IIF`, `_OIF`.
const FIB_SOURCE: u32 = 1;
const FIB_DESTINATION: u32 = 2;
const FIB_INCOMING: u32 = 8;
const FIB_OUTGOING: u32 = 16;

/// Which device the address must belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// Any.
    Any,
    /// The one the packet came in by.
    Incoming,
    /// The one it goes out by.
    Outgoing,
}

/// The typed form: at least one address; types as bits `1 << RTN_*`, never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addrtype {
    /// `--src-type`.
    pub source: Option<Inv<u16>>,
    /// `--dst-type`.
    pub destination: Option<Inv<u16>>,
    /// `--limit-iface-in`, `--limit-iface-out`.
    pub device: Device,
}

impl Extension for Addrtype {
    const NAME: &'static str = "addrtype";
    const SUMMARY: &'static str = "what the routing table takes an address for";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("src-type", "type,…", "types of the source address").invertible(),
        OptionSpec::value("dst-type", "type,…", "types of the destination address").invertible(),
        OptionSpec::flag("limit-iface-in", "ask only for the incoming device").excludes(&["limit-iface-out"]),
        OptionSpec::flag("limit-iface-out", "ask only for the outgoing device").excludes(&["limit-iface-in"]),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "in IPv6 the match asks for the class of the address, which `fib` does not know",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let one = |name: &str| -> Parsed<Option<Inv<u16>>> {
            let Some(word) = uses.word(name) else { return Ok(None) };
            Ok(Some(Inv { inverted: uses.inverted(name), value: parse_types(word)? }))
        };
        let (source, destination) = (one("src-type")?, one("dst-type")?);
        if source.is_none() && destination.is_none() {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "addrtype: you must specify --src-type or --dst-type",
                "add `--src-type` or `--dst-type` with a type like LOCAL",
            ));
        }
        let device = match (uses.has("limit-iface-in"), uses.has("limit-iface-out")) {
            (true, _) => Device::Incoming,
            (_, true) => Device::Outgoing,
            _ => Device::Any,
        };
        Ok(Self { source, destination, device })
    }

    fn print(&self, out: &mut Printer<'_>) {
        for (name, types) in [("src-type", &self.source), ("dst-type", &self.destination)] {
            if let Some(types) = types {
                out.option(types.inverted, name);
                out.fmt(format_args!(" {}", names(types.value)));
            }
        }
        out.text(match self.device {
            Device::Any => "",
            Device::Incoming => " --limit-iface-in",
            Device::Outgoing => " --limit-iface-out",
        });
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" ADDRTYPE match");
        for (name, types) in [("src-type", &self.source), ("dst-type", &self.destination)] {
            if let Some(types) = types {
                let sign = if types.inverted { "!" } else { "" };
                out.fmt(format_args!(" {name} {sign}{}", names(types.value)));
            }
        }
        out.text(match self.device {
            Device::Any => "",
            Device::Incoming => " limit-in",
            Device::Outgoing => " limit-out",
        });
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || out.family != Family::Ipv4 {
            out.xt_match("addrtype", 1, self.xt());
            return;
        }
        if self.source.is_some() && self.destination.is_some() {
            out.hint(BOTH);
        }
        for (address, types) in [(FIB_SOURCE, &self.source), (FIB_DESTINATION, &self.destination)] {
            let Some(types) = types else { continue };
            out.push(Expr::Fib { dreg: REG_1, result: FIB_TYPE, flags: address | self.device.fib() });
            let kinds: Vec<[u8; 4]> = (0..16_u32)
                .filter(|kind| types.value & (1 << kind) != 0)
                .map(u32::to_ne_bytes)
                .collect();
            match kinds.as_slice() {
                [kind] => out.equals(types.inverted, kind),
                several => {
                    let keys = several.iter().map(<[u8; 4]>::as_slice);
                    out.in_set(types.inverted, Set::of_keys(key::FIB_ADDRTYPE, 4, keys));
                }
            }
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("addrtype", 1, SIZE) {
            return Self::from_xt(view.u16(0), view.u16(2), view.u32(4));
        }
        if run.family != Family::Ipv4 {
            return None;
        }
        let both = run.hinted(BOTH);
        [Device::Any, Device::Incoming, Device::Outgoing].into_iter().find_map(|device| {
            let source = lift_types(run, FIB_SOURCE | device.fib());
            let more = both || source.is_none();
            let destination = if more { lift_types(run, FIB_DESTINATION | device.fib()) } else { None };
            (source.is_some() || destination.is_some()).then_some(Self { source, destination, device })
        })
    }

    fn facts(&self) -> Facts<'_> {
        match self.device {
            Device::Incoming => Facts::PURE.hooks(hook::PREROUTING | hook::INPUT | hook::FORWARD),
            Device::Outgoing => Facts::PURE.hooks(hook::FORWARD | hook::OUTPUT | hook::POSTROUTING),
            Device::Any => Facts::PURE,
        }
    }
}

/// Takes the test of one address.
fn lift_types(run: &mut Run<'_>, flags: u32) -> Option<Inv<u16>> {
    let (start, field) = (run.position(), Field::Fib { result: FIB_TYPE, flags });
    let kinds = match run.equality(&field) {
        Some((inverted, kind)) => Some((inverted, vec![kind])),
        None => run.in_set(std::slice::from_ref(&field)).and_then(|(inverted, set)| Some((inverted, set.keys()?))),
    };
    let types = kinds.and_then(|(inverted, kinds)| {
        let bits = kinds.into_iter().map(|kind| {
            let kind = u32::from_ne_bytes(kind.try_into().ok()?);
            1u16.checked_shl(kind).filter(|bit| known(*bit))
        });
        let value = bits.collect::<Option<Vec<u16>>>()?.into_iter().fold(0, |sum, bit| sum | bit);
        (value != 0).then_some(Inv { inverted, value })
    });
    if types.is_none() {
        run.rewind(start);
    }
    types
}

impl Device {
    const fn fib(self) -> u32 {
        match self {
            Self::Any => 0,
            Self::Incoming => FIB_INCOMING,
            Self::Outgoing => FIB_OUTGOING,
        }
    }
}

impl Addrtype {
    fn xt(&self) -> Vec<u8> {
        let bit = |types: &Option<Inv<u16>>, bit: u32| {
            if types.as_ref().is_some_and(|t| t.inverted) { bit } else { 0 }
        };
        let device = match self.device {
            Device::Any => 0,
            Device::Incoming => INCOMING,
            Device::Outgoing => OUTGOING,
        };
        let flags = bit(&self.source, NOT_SOURCE) | bit(&self.destination, NOT_DESTINATION) | device;
        Info::new(SIZE)
            .u16(0, self.source.as_ref().map_or(0, |t| t.value))
            .u16(2, self.destination.as_ref().map_or(0, |t| t.value))
            .u32(4, flags)
            .finish()
    }

    fn from_xt(source: u16, destination: u16, flags: u32) -> Option<Self> {
        let one = |value: u16, not: u32| {
            let inverted = flags & not != 0;
            match value {
                0 if inverted => None,
                0 => Some(None),
                value => known(value).then_some(Some(Inv { inverted, value })),
            }
        };
        let device = match flags & !(NOT_SOURCE | NOT_DESTINATION) {
            0 => Device::Any,
            INCOMING => Device::Incoming,
            OUTGOING => Device::Outgoing,
            _ => return None,
        };
        let found =
            Self { source: one(source, NOT_SOURCE)?, destination: one(destination, NOT_DESTINATION)?, device };
        (found.source.is_some() || found.destination.is_some()).then_some(found)
    }
}

/// Whether all bits have names.
fn known(types: u16) -> bool {
    u32::from(types) < 1 << TYPES.len()
}

fn names(types: u16) -> String {
    let given = TYPES.iter().enumerate().filter(|(index, _)| types & (1 << index) != 0);
    given.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

/// Names or beginnings of names; the first that begins so counts.
fn parse_types(word: &Word<'_>) -> Parsed<u16> {
    let text: &[u8] = &word.text;
    let (mut types, mut at) = (0, 0);
    for item in text.split(|&b| b == b',') {
        let begins = |name: &&str| {
            name.as_bytes().get(..item.len()).is_some_and(|start| start.eq_ignore_ascii_case(item))
        };
        let Some(index) = TYPES.iter().position(begins).filter(|_| !item.is_empty()) else {
            return Err(bad_type(word, at, item));
        };
        types |= 1 << index;
        at += item.len() + 1;
    }
    Ok(types)
}

fn bad_type(word: &Word<'_>, at: usize, item: &[u8]) -> Box<Diagnostic> {
    let rest = String::from_utf8_lossy(&word.text[at..]).into_owned();
    // The last type is quoted otherwise than the ones before it.
    let classic = if at + item.len() == word.text.len() {
        format!("addrtype: bad type \"{rest}\"")
    } else {
        format!("addrtype: bad type `{rest}'")
    };
    bad_choice(word, &item.to_ascii_uppercase(), word.part(at, at + item.len()), &TYPES, classic)
}
