//! The live kernel, in network namespaces of the tests' own, beside the system's own tools.
//!
//! Each test starts itself again under `unshare`. Where that is not allowed the test is skipped and says so.

mod agree;
mod namespace;
mod rules;
mod scale;

use rfw_kernel::{Batch, ChainId, CommitError, Kernel, Live, Reject, TableId};
use rfw_nft::{
    Expr, Family, Verdict,
    message::{Compat, Hook, NewChain, NewRule, Place},
};

const FILTER: TableId = TableId::new(Family::Ipv4, b"filter");
const INPUT: ChainId = FILTER.chain(b"INPUT");
const FOO: ChainId = FILTER.chain(b"foo");

fn base(policy: u32) -> NewChain<'static> {
    NewChain {
        kind: b"filter",
        hook: Hook { num: 1, priority: 0 },
        policy: Some(policy),
        counters: None,
        userdata: &[],
    }
}

fn rule(chain: ChainId<'static>) -> NewRule<'static> {
    NewRule { compat: Some(Compat::default()), ..NewRule::append(chain) }
}

fn place(chain: ChainId<'static>, place: Place) -> NewRule<'static> {
    NewRule { place, ..rule(chain) }
}

fn counted(verdict: Verdict) -> [Expr; 2] {
    let counter = Expr::Counter { packets: 0, bytes: 0 };
    [counter, Expr::Verdict(verdict)]
}

fn jump(to: &str) -> [Expr; 2] {
    counted(Verdict::Jump(to.into()))
}

fn rejects(result: Result<(), CommitError>) -> Vec<Reject> {
    match result {
        Err(CommitError::Rejected(rejects)) => rejects,
        other => panic!("not rejected: {other:?}"),
    }
}

/// A batch that makes the table and its input chain.
fn started(kernel: &mut dyn Kernel) -> Batch {
    let mut batch = Batch::new(Some(kernel.generation().unwrap()));
    batch.add_table(FILTER, &[]);
    batch.add_base_chain(INPUT, &base(1));
    batch
}

fn handles(kernel: &mut dyn Kernel, chain: Option<&[u8]>) -> Vec<u64> {
    let mut handles = Vec::new();
    kernel
        .rules(FILTER, chain, &mut |rule| {
            handles.push(rule.handle);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    handles
}

fn open() -> Live {
    Live::open().unwrap()
}
