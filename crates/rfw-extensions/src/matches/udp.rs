//! `-m udp`: ports of a UDP header.
//!
//! Native in both encodings; without a condition it is xt `udp` revision 0 (encoding.md 1.1):
//!
//! ```c
//! struct xt_udp { __u16 spts[2], dpts[2]; __u8 invflags; };  /* xt_tcpudp.h, host order */
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::PortRange;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::header;
use crate::shared::ports::{PortPair, Ports};
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// `IPPROTO_UDP`.
const PROTOCOL: u8 = 17;
const SIZE: usize = 10;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// The port tests.
    pub ports: PortPair,
}

impl Extension for Udp {
    const NAME: &'static str = "udp";
    const IMPLIED_BY: &'static [&'static str] = &["udp", "17"];
    const SUMMARY: &'static str = "ports of UDP";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("source-port", "port[:port]", "source port or range").invertible(),
        OptionSpec::value("sport", "port[:port]", "source port or range").invertible().alias_of("source-port"),
        OptionSpec::value("destination-port", "port[:port]", "destination port or range").invertible(),
        OptionSpec::value("dport", "port[:port]", "destination port or range").invertible().alias_of("destination-port"),
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        if cx.protocol.is_none_or(|p| p.0 != PROTOCOL) {
            return Err(Box::new(
                Diagnostic::error(codes::MATCH_NEEDS_PROTOCOL, uses.at, "`udp` looks into a UDP header, and the rule does not say `-p udp`")
                    .help("add `-p udp`")
                    .parameter("UDP match requires '-p udp'"),
            ));
        }
        Ok(Self { ports: PortPair::parse(uses, cx, "udp")? })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.ports.print(out);
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" udp");
        self.ports.list(out, "udp");
    }

    fn lower(&self, out: &mut Lowering) {
        let nothing = self.ports == PortPair::default();
        if nothing && out.native() && out.protocol == Some((PROTOCOL, false)) {
            header::lower_alone(out);
        } else if nothing {
            let full = PortRange::FULL;
            let info = Info::new(SIZE).u16(0, full.lo()).u16(2, full.hi()).u16(4, full.lo()).u16(6, full.hi());
            out.xt_match("udp", 0, info.finish());
        } else {
            self.ports.lower(out);
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if run.protocol.is_none_or(|p| p.0 != PROTOCOL) {
            return None;
        }
        if let Some(view) = run.xt_match("udp", 0, SIZE) {
            let ports = |at: usize, bit: u8| -> Option<Option<Ports>> {
                let range = PortRange::new(view.u16(at), view.u16(at + 2))?;
                let ports = Ports { inverted: view.u8(8) & bit != 0, range };
                Some((ports.inverted || !range.is_full()).then_some(ports))
            };
            return Some(Self { ports: PortPair { source: ports(0, 1)?, destination: ports(4, 2)? } });
        }
        let mut ports = PortPair::default();
        if header::lift_alone(run) {
            return Some(Self { ports });
        }
        while ports.lift_one(run) {}
        (ports != PortPair::default()).then_some(Self { ports })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
