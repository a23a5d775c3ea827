//! `-j NETMAP`: maps a whole network to another one, host part kept.
//!
//! xt `NETMAP` revision 0 in both encodings, IPv4 with `nf_nat_ipv4_multi_range_compat`, IPv6 with `nf_nat_range`
//! (`shared/nat.rs`); the range is the network's first and last address. It rewrites the destination in PREROUTING and
//! OUTPUT and the source in the other two chains, while `nat` has to say which one; a rule does not know what chains lead
//! to it. What nft writes for `dnat prefix to` and `snat prefix to` is read all the same: each is valid in those chains
//! only in which NETMAP does the same.

use std::net::IpAddr;

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Family;
use rfw_nft::expr::nat;
use rfw_nft::predicate::Item;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::address::{mask_len, numeric_v4, numeric_v6, wide_v4};
use rfw_values::{AddrMask, AddrRange, number};

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::nat::{Base, Layout, NatRange, Spec, Values};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SPEC: Spec = Spec {
    name: "NETMAP",
    v4: (0, Layout::Ipv4),
    v6: (0, Layout::Range),
    flags: 0,
    addresses: true,
    base: Base::Refused,
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netmap {
    /// The network to map to; its mask is a prefix.
    pub network: AddrMask,
}

impl Extension for Netmap {
    const NAME: &'static str = "NETMAP";
    const SUMMARY: &'static str = "maps a network to another one, address by address";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("to", "address[/mask]", "the network to map to").required()];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables has to say whether source or destination is mapped, and a rule does not know which chains lead to it",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        match uses.word("to") {
            Some(word) => network(word, cx).map(|network| Self { network }),
            None => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "NETMAP: option \"--to\" must be specified\n",
                "add `--to ADDRESS/LENGTH`",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --to {}", self.network));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" to:{}", self.network));
    }

    fn lower(&self, out: &mut Lowering) {
        if let Some(range) = span(self.network) {
            NatRange::of_addresses(range).lower_xt(out, &SPEC);
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(range) = NatRange::lift_xt(run, &SPEC) {
            return whole_network(range).map(|network| Self { network });
        }
        let Item::Nat { family, addr_min, addr_max, proto_min, proto_max, flags, .. } = run.peek(0)? else {
            return None;
        };
        if *family != u32::from(run.family.number()) {
            return None;
        }
        let flags = flags.filter(|flags| flags & nat::NETMAP != 0)? & !nat::NETMAP;
        let values =
            Values { addresses: [addr_min, addr_max], ports: [proto_min, proto_max], flags: Some(flags) };
        let range = NatRange::from_values(values, &SPEC, run).filter(|range| range.ports.is_none())?;
        let network = whole_network(range)?;
        run.take();
        Some(Self { network })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends).reassembles().tables(&["nat"])
    }
}

/// First and last address.
fn span(network: AddrMask) -> Option<AddrRange> {
    let last = match (network.addr(), network.mask()) {
        (IpAddr::V4(addr), IpAddr::V4(mask)) => IpAddr::V4(addr | !mask),
        (IpAddr::V6(addr), IpAddr::V6(mask)) => IpAddr::V6(addr | !mask),
        _ => return None,
    };
    AddrRange::new(network.addr(), last)
}

/// The network that a range of addresses is, if it is one.
fn whole_network(range: NatRange) -> Option<AddrMask> {
    let range = range.addresses?;
    let mask = match (range.from(), range.to()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => IpAddr::V4((!(from.to_bits() ^ to.to_bits())).into()),
        (IpAddr::V6(from), IpAddr::V6(to)) => IpAddr::V6((!(from.to_bits() ^ to.to_bits())).into()),
        _ => return None,
    };
    let network = AddrMask::prefix(range.from(), mask_len(mask)?)?;
    (span(network) == Some(range)).then_some(network)
}

/// `ADDR`, `ADDR/LENGTH` or `ADDR/MASK`; a mask that is no prefix counts as the longest one, as in the original.
fn network(word: &Word<'_>, cx: &ParseCx<'_>) -> Parsed<AddrMask> {
    let text: &[u8] = &word.text;
    let slash = text.iter().position(|&b| b == b'/');
    let end = slash.unwrap_or(text.len());
    let addr = address(word, end, cx)?;
    let full = if cx.family == Family::Ipv4 { 32 } else { 128 };
    let len = match slash {
        None => full,
        Some(at) => {
            let mask = &text[at + 1..];
            let named = || match cx.family {
                Family::Ipv4 => wide_v4(mask).map(IpAddr::V4),
                Family::Ipv6 => numeric_v6(mask).map(IpAddr::V6),
            };
            let len = number::parse_u8(mask, 0, full)
                .ok()
                .or_else(|| named().map(|mask| mask_len(mask).unwrap_or(full)));
            len.ok_or_else(|| bad_mask(word, at + 1, full))?
        }
    };
    AddrMask::prefix(addr, len).ok_or_else(|| bad_mask(word, end, full))
}

fn bad_mask(word: &Word<'_>, start: usize, full: u8) -> Box<Diagnostic> {
    let classic = format!(
        "NETMAP: bad value for option \"--to\", neither a valid network mask nor valid CIDR (0-{full}).\n"
    );
    let message = format!("`{}` has no valid mask", word.lossy());
    Box::new(
        Diagnostic::error(codes::BAD_VALUE, word.part(start, word.text.len()), message)
            .help(format!("a prefix length from 0 to {full} or a mask goes after the slash"))
            .parameter(classic),
    )
}

fn address(word: &Word<'_>, end: usize, cx: &ParseCx<'_>) -> Parsed<IpAddr> {
    let name = &word.text[..end];
    let (own, other) = match cx.family {
        Family::Ipv4 => (wide_v4(name).map(IpAddr::V4), numeric_v6(name).is_some()),
        Family::Ipv6 => (numeric_v6(name).map(IpAddr::V6), numeric_v4(name).is_some()),
    };
    let resolvable = || !name.is_empty() && !name.iter().any(|b| b.is_ascii_whitespace() || *b == b':');
    own.or_else(|| {
        let asked = !other && resolvable();
        if asked { cx.names.host(name, cx.family).first().copied() } else { None }
    })
    .ok_or_else(|| {
        // What the resolver answers for a name that does not exist; without a network it says that it failed.
        let reason =
            if other { "Address family for hostname not supported" } else { "Name or service not known" };
        let family = if cx.family == Family::Ipv4 { "IPv4" } else { "IPv6" };
        let shown = String::from_utf8_lossy(name);
        Box::new(
            Diagnostic::error(
                codes::BAD_VALUE,
                word.part(0, end),
                format!("`{shown}` is no {family} address"),
            )
            .help("one network, ADDRESS/LENGTH")
            .parameter(format!("getaddrinfo: {reason}\n")),
        )
    })
}
