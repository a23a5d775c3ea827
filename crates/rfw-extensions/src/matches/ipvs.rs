//! `-m ipvs`: packets of connections of the IP virtual server.
//!
//! ```c
//! struct xt_ipvs_mtinfo {  /* xt_ipvs.h; ports in network order */
//!     union nf_inet_addr vaddr, vmask;
//!     __be16 vport; __u8 l4proto, fwd_method; __be16 vportctl;
//!     __u8 invert, bitmask;  /* ipvs 1, proto 2, vaddr 4, vport 8, dir 0x10, method 0x20, vportctl 0x40 */
//! };
//! ```
//! xt in both encodings: nf_tables knows nothing of the virtual server.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::ports::parse_port_decimal;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::selector::Inv;
use crate::shared::net::Net;
use crate::shared::protocol::parse_protocol;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 40;
/// `XT_IPVS_*`.
const IPVS: u8 = 1;
const PROTO: u8 = 2;
const ADDRESS: u8 = 4;
const PORT: u8 = 8;
const DIRECTION: u8 = 0x10;
const METHOD: u8 = 0x20;
const CONTROL: u8 = 0x40;
/// `IP_VS_CONN_F_*` (`ip_vs.h`).
const METHODS: [(&str, u8); 3] = [("GATE", 3), ("IPIP", 2), ("MASQ", 0)];
/// The second one is the first turned round.
const DIRECTIONS: [&str; 2] = ["ORIGINAL", "REPLY"];

/// The typed form; without any of the options, whether it belongs to a connection of the server at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ipvs {
    /// `! --ipvs`, which stands alone.
    not: bool,
    proto: Option<Inv<u8>>,
    address: Option<Inv<Net>>,
    port: Option<Inv<u16>>,
    reply: Option<bool>,
    /// `IP_VS_CONN_F_*`.
    method: Option<Inv<u8>>,
    control: Option<Inv<u16>>,
}

impl Extension for Ipvs {
    const NAME: &'static str = "ipvs";
    const SUMMARY: &'static str = "packets of the IP virtual server";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("ipvs", "it belongs to a connection of the server; the other options imply it").invertible(),
        OptionSpec::value("vproto", "protocol", "protocol of the service").invertible(),
        OptionSpec::value("vaddr", "address[/mask]", "address of the service").invertible(),
        OptionSpec::value("vport", "port", "port of the service").invertible(),
        OptionSpec::value("vdir", "ORIGINAL|REPLY", "direction of the packet"),
        OptionSpec::value("vmethod", "GATE|IPIP|MASQ", "how packets are forwarded").invertible(),
        OptionSpec::value("vportctl", "port", "port of the connection that controls this one").invertible(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables knows nothing of the virtual server",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let inv = |option: &str| uses.inverted(option);
        let proto = uses.word("vproto").map(|word| parse_protocol(word, cx)).transpose()?;
        let address = uses.word("vaddr").map(|word| Net::parse(word, Self::NAME, "vaddr", cx)).transpose()?;
        let found = Self {
            not: uses.inverted("ipvs"),
            proto: proto.map(|value| Inv { inverted: inv("vproto"), value }),
            address: address.map(|value| Inv { inverted: inv("vaddr"), value }),
            port: parse_port(uses, "vport", cx)?,
            reply: parse_name(uses, "vdir", &DIRECTIONS)?.map(|index| index == 1),
            method: parse_name(uses, "vmethod", &METHODS.map(|(name, _)| name))?
                .map(|index| Inv { inverted: inv("vmethod"), value: METHODS[index].1 }),
            control: parse_port(uses, "vportctl", cx)?,
        };
        if uses.list.is_empty() {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "IPVS: At least one option is required",
                "add `--ipvs` or one of the other options",
            ));
        }
        if found.not && found.bits().next().is_some() {
            return Err(Box::new(
                Diagnostic::error(codes::BAD_VALUE, uses.span("ipvs"), "what is asked of no connection cannot be so")
                    .help("leave `! --ipvs` or the other options out")
                    .parameter("! --ipvs cannot be together with other options"),
            ));
        }
        Ok(found)
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write(out, "--", true);
    }

    fn list(&self, out: &mut Printer<'_>) {
        let numeric = out.numeric;
        self.write(out, "", numeric);
    }

    fn lower(&self, out: &mut Lowering) {
        let (mut bits, mut invert) = (IPVS, if self.not { IPVS } else { 0 });
        for (bit, inverted) in self.bits() {
            bits |= bit;
            invert |= if inverted { bit } else { 0 };
        }
        let port = |port: &Option<Inv<u16>>| port.as_ref().map_or(0, |p| p.value).to_be_bytes();
        let mut info = Info::new(SIZE);
        if let Some(net) = &self.address {
            info = net.value.store(info, 0);
        }
        let info = info
            .bytes(32, &port(&self.port))
            .u8(34, self.proto.as_ref().map_or(0, |p| p.value))
            .u8(35, self.method.as_ref().map_or(0, |m| m.value))
            .bytes(36, &port(&self.control))
            .u8(38, invert)
            .u8(39, bits);
        out.xt_match("ipvs", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let family = run.family;
        let view = run.xt_match("ipvs", 0, SIZE)?;
        let (invert, bits) = (view.u8(38), view.u8(39));
        let known = IPVS | PROTO | ADDRESS | PORT | DIRECTION | METHOD | CONTROL;
        if bits & IPVS == 0 || bits & !known != 0 || invert & !bits != 0 {
            return None;
        }
        let port = |at: usize| u16::from_be_bytes(view.array(at));
        let found = Self {
            not: invert & IPVS != 0,
            proto: asked(bits, invert, PROTO, view.u8(34)),
            address: asked(bits, invert, ADDRESS, Net::load(&view, 0, family)),
            port: asked(bits, invert, PORT, port(32)),
            reply: asked(bits, invert, DIRECTION, ()).map(|direction| direction.inverted),
            method: asked(bits, invert, METHOD, view.u8(35)),
            control: asked(bits, invert, CONTROL, port(36)),
        };
        let method = found.method.as_ref().is_none_or(|m| METHODS.iter().any(|(_, value)| *value == m.value));
        let alone = !found.not || found.bits().next().is_none();
        let prefix = found.address.as_ref().is_none_or(|net| net.value.mask.prefix_len().is_some());
        (method && alone && prefix).then_some(found)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Ipvs {
    /// The bits of the options that imply `--ipvs`, and whether they are turned round.
    fn bits(&self) -> impl Iterator<Item = (u8, bool)> {
        let all = [
            (PROTO, self.proto.as_ref().map(|p| p.inverted)),
            (ADDRESS, self.address.as_ref().map(|p| p.inverted)),
            (PORT, self.port.as_ref().map(|p| p.inverted)),
            (DIRECTION, self.reply),
            (METHOD, self.method.as_ref().map(|p| p.inverted)),
            (CONTROL, self.control.as_ref().map(|p| p.inverted)),
        ];
        all.into_iter().filter_map(|(bit, inverted)| Some((bit, inverted?)))
    }

    fn write(&self, out: &mut Printer<'_>, prefix: &str, numeric: bool) {
        let head = |out: &mut Printer<'_>, inverted: bool, name: &str| {
            let sign = if inverted { " !" } else { "" };
            out.fmt(format_args!("{sign} {prefix}{name}"));
        };
        if self.bits().next().is_none() {
            head(out, self.not, "ipvs");
        }
        if let Some(proto) = &self.proto {
            head(out, proto.inverted, "vproto");
            out.fmt(format_args!(" {}", proto.value));
        }
        if let Some(net) = &self.address {
            head(out, net.inverted, "vaddr");
            out.text(" ");
            net.value.write(out, numeric);
        }
        if let Some(port) = &self.port {
            head(out, port.inverted, "vport");
            out.fmt(format_args!(" {}", port.value));
        }
        if let Some(reply) = self.reply {
            head(out, false, "vdir");
            out.fmt(format_args!(" {}", DIRECTIONS[usize::from(reply)]));
        }
        if let Some(method) = &self.method {
            head(out, method.inverted, "vmethod");
            let name = METHODS.iter().find(|(_, value)| *value == method.value).map_or("UNKNOWN", |(name, _)| name);
            out.fmt(format_args!(" {name}"));
        }
        if let Some(port) = &self.control {
            head(out, port.inverted, "vportctl");
            out.fmt(format_args!(" {}", port.value));
        }
    }
}

fn asked<T>(bits: u8, invert: u8, bit: u8, value: T) -> Option<Inv<T>> {
    (bits & bit != 0).then_some(Inv { inverted: invert & bit != 0, value })
}

fn parse_port(uses: &Uses<'_, '_>, option: &str, cx: &ParseCx<'_>) -> Parsed<Option<Inv<u16>>> {
    let Some(word) = uses.word(option) else { return Ok(None) };
    let value = parse_port_decimal(&word.text, None, cx.names).map_err(|error| {
        bad_value(word, &error, format!("Port \"{}\" does not resolve to anything.\n", word.lossy()))
    })?;
    Ok(Some(Inv { inverted: uses.inverted(option), value }))
}

/// The index of a name, in any case.
fn parse_name(uses: &Uses<'_, '_>, option: &str, names: &[&str]) -> Parsed<Option<usize>> {
    let Some(word) = uses.word(option) else { return Ok(None) };
    let found = names.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(&word.text));
    found.map(Some).ok_or_else(|| {
        let classic = format!("ipvs: Bad value for \"--{option}\" option: \"{}\"", word.lossy());
        bad_choice(word, &word.text.to_ascii_uppercase(), word.span, names, classic)
    })
}
