//! `-j TPROXY`: gives the packet to a local proxy's socket without changing its addresses.
//!
//! xt `TPROXY` revision 1 in both encodings: `{ __u32 mark_mask, mark_value; union nf_inet_addr laddr; __be16 lport; }`
//! (`xt_TPROXY.h`); the new mark is `(old & ~mask) ^ value`. nf_tables' `tproxy` lets a packet without a listener pass, which
//! this target drops.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Family;
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::Masked;
use rfw_values::address::AddrText;
use rfw_values::ports::parse_port_decimal;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::inet::{host, union_address, union_bytes};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 28;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tproxy {
    /// 0 is the packet's own destination port.
    port: u16,
    /// All zeroes is the address of the interface that the packet came in by.
    address: IpAddr,
    mark: Masked,
}

impl Extension for Tproxy {
    const NAME: &'static str = "TPROXY";
    const SUMMARY: &'static str = "gives the packet to a local proxy unchanged";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("on-port", "port", "the proxy's port; 0 is the one the packet goes to").required(),
        OptionSpec::value("on-ip", "address", "the proxy's address, default that of the incoming interface"),
        OptionSpec::value("tproxy-mark", "value[/mask]", "clear the mark's bits of mask, xor value"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `tproxy` lets a packet without a listener pass, which the target drops",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let port = uses.word("on-port").map(|word| parse_port(word, cx)).transpose()?.unwrap_or(0);
        let unset = match cx.family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let address = uses.word("on-ip").map(|word| host(word, 0..word.text.len(), cx)).transpose()?;
        let mark = uses.masked("tproxy-mark")?.unwrap_or(Masked { value: 0, mask: 0 });
        Ok(Self { port, address: address.unwrap_or(unset), mark })
    }

    fn print(&self, out: &mut Printer<'_>) {
        let (Masked { value, mask }, address) = (self.mark, AddrText(self.address));
        out.fmt(format_args!(
            " --on-port {} --on-ip {address} --tproxy-mark {value:#x}/{mask:#x}",
            self.port
        ));
    }

    fn list(&self, out: &mut Printer<'_>) {
        let (Masked { value, mask }, address) = (self.mark, AddrText(self.address));
        out.fmt(format_args!(" TPROXY redirect {address}:{} mark {value:#x}/{mask:#x}", self.port));
    }

    fn lower(&self, out: &mut Lowering) {
        let info = Info::new(SIZE)
            .u32(0, self.mark.mask)
            .u32(4, self.mark.value)
            .bytes(8, &union_bytes(self.address))
            .bytes(24, &self.port.to_be_bytes());
        out.xt_target("TPROXY", 1, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("TPROXY", 1, SIZE)?;
        Some(Self {
            port: u16::from_be_bytes(view.array(24)),
            address: union_address(view.array(8), run.family),
            mark: Masked { value: view.u32(4), mask: view.u32(0) },
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends).reassembles().tables(&["mangle"]).hooks(hook::PREROUTING)
    }
}

fn parse_port(word: &Word<'_>, cx: &ParseCx<'_>) -> Parsed<u16> {
    parse_port_decimal(&word.text, None, cx.names).map_err(|error| {
        let shown = word.lossy();
        Box::new(
            Diagnostic::error(codes::BAD_VALUE, word.span, format!("`{shown}` is no port"))
                .help(format!("expected {}", error.expected))
                .parameter(format!("Port \"{shown}\" does not resolve to anything.\n")),
        )
    })
}
