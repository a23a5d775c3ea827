//! `-m cluster`: whether a connection is this node's share of a cluster.
//!
//! ```c
//! struct xt_cluster_match_info { __u32 total_nodes, node_mask, hash_seed, flags; };  /* xt_cluster.h; flags: 1 invert */
//! ```
//! xt in both encodings: it also makes multicast packets that it lets through look unicast, and takes expected connections for
//! their master; nf_tables' `jhash` does neither.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 16;
/// `XT_CLUSTER_NODES_MAX`.
const MAX_NODES: u32 = 32;
/// `XT_CLUSTER_F_INV`.
const INVERT: u32 = 1;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    inverted: bool,
    total: u32,
    /// A bit for each node that is this one.
    mask: u32,
    seed: u32,
}

impl Extension for Cluster {
    const NAME: &'static str = "cluster";
    const SUMMARY: &'static str = "whether a connection is this node's share of a cluster";
    // What is required is said in `parse`: the original asks for the node first.
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("cluster-total-nodes", "number", "nodes of the cluster, 1 to 32"),
        OptionSpec::value("cluster-local-node", "number", "this node, from 1").invertible().excludes(&["cluster-local-nodemask"]),
        OptionSpec::value("cluster-local-nodemask", "mask", "a bit for each node that is this one")
            .invertible()
            .excludes(&["cluster-local-node"]),
        OptionSpec::value("cluster-hash-seed", "number", "the same on all nodes"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "the match makes multicast packets look unicast and takes expected connections for their master, which `jhash` does not",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let total = uses.number("cluster-total-nodes", 1, MAX_NODES)?;
        let node = uses.number("cluster-local-node", 1, MAX_NODES)?;
        // The original takes no mask above 32, though it writes them.
        let mask = uses.number("cluster-local-nodemask", 1, u32::MAX)?;
        let seed = uses.number("cluster-hash-seed", 0, u32::MAX)?;
        let (option, mask, classic) = match (node, mask) {
            (Some(node), _) => (
                "cluster-local-node",
                1 << (node - 1),
                "cluster match: `--cluster-local-node' must be <= `--cluster-total-nodes'",
            ),
            (None, Some(mask)) => (
                "cluster-local-nodemask",
                mask,
                "cluster match: `--cluster-local-nodemask' too big for `--cluster-total-nodes'",
            ),
            (None, None) => {
                return Err(uses.complaint(
                    codes::OPTION_REQUIRED,
                    "cluster match: `--cluster-local-node' or`--cluster-local-nodemask' is missing",
                    "add `--cluster-local-node NUMBER`",
                ));
            }
        };
        let missing = |option: &str| {
            let classic = format!("cluster: option \"--{option}\" must be specified\n");
            uses.complaint(codes::OPTION_REQUIRED, classic, format!("add `--{option} NUMBER`"))
        };
        let total = total.ok_or_else(|| missing("cluster-total-nodes"))?;
        let seed = seed.ok_or_else(|| missing("cluster-hash-seed"))?;
        if !within(mask, total) {
            return Err(Box::new(
                Diagnostic::error(codes::BAD_VALUE, uses.span(option), format!("there are {total} nodes"))
                    .help("nodes are counted from 1")
                    .parameter(classic),
            ));
        }
        Ok(Self { inverted: uses.inverted(option), total, mask, seed })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, "cluster-local-nodemask");
        let Self { total, mask, seed, .. } = self;
        out.fmt(format_args!(" {mask:#010x} --cluster-total-nodes {total} --cluster-hash-seed {seed:#010x}"));
    }

    fn list(&self, out: &mut Printer<'_>) {
        let (sign, Self { total, mask, seed, .. }) = (if self.inverted { "!" } else { "" }, self);
        out.fmt(format_args!(" cluster {sign}node_mask={mask:#010x} total_nodes={total} hash_seed={seed:#010x}"));
    }

    fn lower(&self, out: &mut Lowering) {
        let flags = if self.inverted { INVERT } else { 0 };
        let info = Info::new(SIZE).u32(0, self.total).u32(4, self.mask).u32(8, self.seed).u32(12, flags);
        out.xt_match("cluster", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("cluster", 0, SIZE)?;
        let (total, mask, flags) = (view.u32(0), view.u32(4), view.u32(12));
        let said = (1..=MAX_NODES).contains(&total) && mask != 0 && within(mask, total) && flags & !INVERT == 0;
        said.then(|| Self { inverted: flags & INVERT != 0, total, mask, seed: view.u32(8) })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.reassembles()
    }
}

/// Whether all bits of the mask are nodes.
fn within(mask: u32, total: u32) -> bool {
    u64::from(mask) < 1u64 << total.min(MAX_NODES)
}
