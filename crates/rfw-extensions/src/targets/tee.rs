//! `-j TEE`: sends a copy of the packet to another host of the local network; the packet goes on.
//!
//! Compat: xt `TEE` revision 1, `{ union nf_inet_addr gw; char oif[16]; struct xt_tee_priv *priv; }` (`xt_TEE.h`). Native:
//! `dup`, and the same xt with `--oif`: `dup` knows the interface by the number it has when the rule is loaded.

use std::net::IpAddr;

use rfw_nft::Expr;
use rfw_nft::expr::REG_1;
use rfw_nft::predicate::Item;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::address::{AddrText, from_octets, octets};

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::inet::{host, union_address, union_bytes};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 40;
/// The interface's name is 15 bytes with a NUL behind.
const NAME_MAX: usize = 15;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tee {
    gateway: IpAddr,
    /// The interface; empty for any.
    interface: Vec<u8>,
}

impl Extension for Tee {
    const NAME: &'static str = "TEE";
    const SUMMARY: &'static str = "sends a copy of the packet to another host";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("gateway", "address", "the host that gets the copy").required(),
        OptionSpec::value("oif", "interface", "the interface that the copy leaves by"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "`dup` knows an interface by the number that it has when the rule is loaded, the target by its name",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let Some(word) = uses.word("gateway") else {
            return Err(uses.complaint(
                rfw_diagnostics::codes::OPTION_REQUIRED,
                "TEE: option \"--gateway\" must be specified\n",
                "add `--gateway ADDRESS`",
            ));
        };
        // Cut as the original cuts it.
        let interface = uses.word("oif").map(|w| w.text.iter().copied().take(NAME_MAX).collect());
        Ok(Self { gateway: host(word, 0..word.text.len(), cx)?, interface: interface.unwrap_or_default() })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --gateway {}", AddrText(self.gateway)));
        if !self.interface.is_empty() {
            out.text(" --oif");
            out.word(&self.interface);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let name = if out.numeric { None } else { out.names.host_name(self.gateway) };
        match name {
            Some(name) => out.fmt(format_args!(" TEE gw:{name}")),
            None => out.fmt(format_args!(" TEE gw:{}", AddrText(self.gateway))),
        }
        if !self.interface.is_empty() {
            out.text(" oif=");
            out.bytes(&self.interface);
        }
    }

    fn lower(&self, out: &mut Lowering) {
        // The kernel refuses an unspecified gateway in the xt target only.
        if out.native() && self.interface.is_empty() && !self.gateway.is_unspecified() {
            out.immediate(REG_1, &octets(self.gateway));
            out.push(Expr::Dup { addr: REG_1, dev: None });
            return;
        }
        let info = Info::new(SIZE).bytes(0, &union_bytes(self.gateway)).bytes(16, &self.interface);
        out.xt_target("TEE", 1, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("TEE", 1, SIZE) {
            let interface = view.string(16, NAME_MAX + 1);
            let sayable = interface.len() <= NAME_MAX && !interface.contains(&b'\n');
            let gateway = union_address(view.array(0), run.family);
            return sayable.then(|| Self { gateway, interface: interface.to_vec() });
        }
        let Item::Dup { addr, dev: None } = run.peek(0)? else { return None };
        let bytes = addr.constant().filter(|bytes| bytes.len() == run.family.address_len())?;
        let gateway = from_octets(bytes).filter(|gateway| !gateway.is_unspecified())?;
        run.take();
        Some(Self { gateway, interface: Vec::new() })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Logs)
    }
}
