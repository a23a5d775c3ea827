//! `-j CLUSTERIP`: shares one address among several hosts without a load balancer. IPv4; gone from current kernels.
//!
//! xt `CLUSTERIP` revision 0 in both encodings: `{ __u32 flags; __u8 clustermac[6]; __u16 num_total_nodes, num_local_nodes,
//! local_nodes[16]; __u32 hash_mode, hash_initval; struct clusterip_config *config; }` (`ipt_CLUSTERIP.h`), of which the last
//! is the kernel's; nf_tables has nothing like it.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{MacAddr, ValueError};

use crate::context::{Families, ParseCx};
use crate::facts::{Effect, Facts, Gone};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 64;
/// `CLUSTERIP_FLAG_NEW`.
const NEW: u32 = 1;
/// `CLUSTERIP_MAX_NODES`.
const NODES_MAX: u16 = 16;
/// `enum clusterip_hashmode`: the word at its number.
const MODES: [&str; 3] = ["sourceip", "sourceip-sourceport", "sourceip-sourceport-destport"];
const COMBINATION: &str = "CLUSTERIP target: Invalid parameter combination";

/// A new cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cluster {
    /// Index in [`MODES`].
    mode: u32,
    mac: MacAddr,
    total_nodes: u16,
    local_node: u16,
    hash_init: u32,
}

/// The typed form: without a cluster it is one that another rule has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusterip {
    cluster: Option<Cluster>,
}

impl Extension for Clusterip {
    const NAME: &'static str = "CLUSTERIP";
    const FAMILIES: Families = Families::Ipv4;
    const SUMMARY: &'static str = "shares an address among several hosts";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("new", "make a new cluster"),
        OptionSpec::value("hashmode", "mode", "what chooses the host: sourceip, sourceip-sourceport, …"),
        OptionSpec::value("clustermac", "mac", "the Ethernet multicast address of the cluster"),
        OptionSpec::value("total-nodes", "count", "how many hosts there are, up to 16"),
        OptionSpec::value("local-node", "number", "which of them this is"),
        OptionSpec::value("hash-init", "seed", "the seed of the hash"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables has nothing like it",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mode = uses.word("hashmode").map(parse_mode).transpose()?;
        let mac = uses.word("clustermac").map(parse_mac).transpose()?;
        let nodes = |name: &str| -> Parsed<Option<u16>> {
            let number = uses.number(name, 0, NODES_MAX.into())?;
            Ok(number.map(|n| u16::try_from(n).unwrap_or(NODES_MAX)))
        };
        let (total, local) = (nodes("total-nodes")?, nodes("local-node")?);
        let hash_init = uses.number("hash-init", 0, u32::MAX)?.unwrap_or(0);
        match (mode, mac, total, local, uses.has("new")) {
            (Some(mode), Some(mac), Some(total_nodes), Some(local_node), true) => {
                let cluster = Cluster { mode, mac, total_nodes, local_node, hash_init };
                Ok(Self { cluster: Some(cluster) })
            }
            _ if uses.list.is_empty() => Ok(Self { cluster: None }),
            _ => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                COMBINATION,
                "--new, --hashmode, --clustermac, --total-nodes and --local-node go together",
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        if let Some(c) = &self.cluster {
            out.fmt(format_args!(" --new --hashmode {} --clustermac {}", c.word(), c.mac_text()));
            out.fmt(format_args!(
                " --total-nodes {} --local-node {} --hash-init {}",
                c.total_nodes, c.local_node, c.hash_init
            ));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" CLUSTERIP");
        if let Some(c) = &self.cluster {
            out.fmt(format_args!(" hashmode={} clustermac={}", c.word(), c.mac_text()));
            out.fmt(format_args!(
                " total_nodes={} local_node={} hash_init={}",
                c.total_nodes, c.local_node, c.hash_init
            ));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let mut info = Info::new(SIZE);
        if let Some(c) = &self.cluster {
            info = info.u32(0, NEW).bytes(4, &c.mac.0).u16(10, c.total_nodes);
            // One local node, this one.
            info = info.u16(12, 1).u16(14, c.local_node).u32(48, c.mode).u32(52, c.hash_init);
        }
        out.xt_target("CLUSTERIP", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("CLUSTERIP", 0, SIZE)?;
        if view.u32(0) == 0 {
            return view.slice(4, 52).iter().all(|&b| b == 0).then_some(Self { cluster: None });
        }
        let cluster = Cluster {
            mode: view.u32(48),
            mac: MacAddr(view.array(4)),
            total_nodes: view.u16(10),
            local_node: view.u16(14),
            hash_init: view.u32(52),
        };
        let rest = view.slice(16, 30);
        let sayable = view.u32(0) == NEW
            && (cluster.mode as usize) < MODES.len()
            && cluster.mac.0[0] & 1 == 1
            && cluster.total_nodes.max(cluster.local_node) <= NODES_MAX
            && view.u16(12) == 1
            && rest.iter().all(|&b| b == 0);
        sayable.then_some(Self { cluster: Some(cluster) })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Ends).reassembles().tables(&["filter"]).gone(Gone {
            since: (6, 3),
            instead: "use `-m cluster`, or an address that moves between the hosts",
            replaced: None,
        })
    }
}

impl Cluster {
    fn word(&self) -> &'static str {
        MODES.get(self.mode as usize).copied().unwrap_or(MODES[0])
    }

    fn mac_text(&self) -> String {
        self.mac.to_string().to_uppercase()
    }
}

fn parse_mode(word: &Word<'_>) -> Parsed<u32> {
    let found = MODES.iter().position(|mode| mode.as_bytes() == word.text.as_ref());
    found.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| {
        let classic = format!("Unknown hashmode \"{}\"", word.lossy());
        bad_choice(word, &word.text, word.span, &MODES, classic)
    })
}

fn parse_mac(word: &Word<'_>) -> Parsed<MacAddr> {
    let mac = MacAddr::parse(&word.text)
        .map_err(|error| bad_value(word, &error, "Invalid MAC address specified."))?;
    if mac.0[0] & 1 == 0 {
        let error = ValueError::whole(&word.text, "a multicast address: its first byte is odd");
        return Err(bad_value(word, &error, "MAC has to be a multicast ethernet address"));
    }
    Ok(mac)
}
