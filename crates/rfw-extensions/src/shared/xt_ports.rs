//! Ports as the xt matches `sctp` and `dccp` hold them: each test has a bit, and without one the field is zero.
//!
//! Both structs begin `__u16 dpts[2], spts[2]` in host order; both flag bytes have bit 1 for sources, 2 for destinations.

use rfw_nft::expr::Base;
use rfw_nft::predicate::Field;
use rfw_nft::xt::{Info, View};
use rfw_values::PortRange;

use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::ports::{DESTINATION_PORT, SOURCE_PORT, port_name};

/// `XT_SCTP_SRC_PORTS`, `XT_DCCP_SRC_PORTS`.
const SOURCE: u8 = 1;
/// `XT_SCTP_DEST_PORTS`, `XT_DCCP_DEST_PORTS`.
const DESTINATION: u8 = 2;

/// Both port tests: whether inverted, and the ports. Unlike tcp's and udp's, a test that every port passes is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XtPorts {
    /// `--sport`.
    pub source: Option<(bool, PortRange)>,
    /// `--dport`.
    pub destination: Option<(bool, PortRange)>,
}

impl XtPorts {
    /// ` --sport 1:2 --dport 3`.
    pub fn print(&self, out: &mut Printer<'_>) {
        for (name, ports) in [("sport", self.source), ("dport", self.destination)] {
            if let Some((inverted, range)) = ports {
                out.option(inverted, name);
                out.fmt(format_args!(" {range}"));
            }
        }
    }

    /// ` spt:1 dpts:!2:3`.
    pub fn list(&self, out: &mut Printer<'_>, protocol: &str) {
        for (name, ports) in [("spt", self.source), ("dpt", self.destination)] {
            let Some((inverted, range)) = ports.filter(|(inverted, range)| *inverted || !range.is_full())
            else {
                continue;
            };
            let sign = if inverted { "!" } else { "" };
            let lo = port_name(out, range.lo(), protocol);
            if range.is_single() {
                out.fmt(format_args!(" {name}:{sign}{lo}"));
            } else {
                let hi = port_name(out, range.hi(), protocol);
                out.fmt(format_args!(" {name}s:{sign}{lo}:{hi}"));
            }
        }
    }

    /// Tests the ports of the transport header.
    pub fn lower(&self, out: &mut Lowering) {
        for (offset, ports) in [(0, self.source), (2, self.destination)] {
            let Some((inverted, range)) = ports else { continue };
            out.payload(Base::Transport, offset, 2);
            let (lo, hi) = (range.lo().to_be_bytes(), range.hi().to_be_bytes());
            if lo == hi { out.equals(inverted, &lo) } else { out.in_range(inverted, &lo, &hi) }
        }
    }

    /// Takes such tests, in that order.
    pub fn lift(run: &mut Run<'_>) -> Self {
        let mut one = |field: &Field| {
            let start = run.position();
            let number = |data: &[u8]| Some(u16::from_be_bytes(data.try_into().ok()?));
            let found = match run.equality(field) {
                Some((inverted, data)) => number(data).map(|n| (inverted, n, n)),
                None => run
                    .range(field, &[])
                    .and_then(|(inverted, lo, hi)| Some((inverted, number(lo)?, number(hi)?))),
            };
            let found = found.and_then(|(inverted, lo, hi)| Some((inverted, PortRange::new(lo, hi)?)));
            if found.is_none() {
                run.rewind(start);
            }
            found
        };
        Self { source: one(&SOURCE_PORT), destination: one(&DESTINATION_PORT) }
    }

    /// Puts the ports into the front of a struct.
    #[must_use]
    pub fn put(&self, info: Info) -> Info {
        let bounds =
            |ports: Option<(bool, PortRange)>| ports.map_or((0, 0), |(_, range)| (range.lo(), range.hi()));
        let (destination, source) = (bounds(self.destination), bounds(self.source));
        info.u16(0, destination.0).u16(2, destination.1).u16(4, source.0).u16(6, source.1)
    }

    /// The bits for the flags and for the inverted flags.
    #[must_use]
    pub fn bits(&self) -> (u8, u8) {
        let mut bits = (0, 0);
        for (bit, ports) in [(SOURCE, self.source), (DESTINATION, self.destination)] {
            if let Some((inverted, _)) = ports {
                bits.0 |= bit;
                bits.1 |= if inverted { bit } else { 0 };
            }
        }
        bits
    }

    /// The ports in the front of a struct; `None` if a range runs backwards.
    #[must_use]
    pub fn get(view: &View<'_>, flags: u8, inverted: u8) -> Option<Self> {
        let ports = |bit: u8, at: usize| -> Option<Option<(bool, PortRange)>> {
            if flags & bit == 0 {
                return Some(None);
            }
            Some(Some((inverted & bit != 0, PortRange::new(view.u16(at), view.u16(at + 2))?)))
        };
        Some(Self { source: ports(SOURCE, 4)?, destination: ports(DESTINATION, 0)? })
    }
}
