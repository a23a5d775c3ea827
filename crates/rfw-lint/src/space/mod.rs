//! The exact analysis for checks: [`Cx::space`](crate::checks::Cx::space).
//!
//! It is made when the first check asks for it. Rules have the [`RuleId`](crate::RuleId)s of the model. Questions answer
//! `Result<_, Incomplete>`: a check writes a function that gives such a result and drops the error; that the budget ran out is
//! reported once, for all of them.
//!
//! A rule that is dead, and why:
//! ```text
//! if let Some(dead) = cx.space().dead(id) { … cx.space().covers(id)?.rules … }
//! ```
//! Whether new SSH connections from outside can come in:
//! ```text
//! let space = cx.space();
//! let Some(input) = space.base(Kind::Filter, Hook::Input) else { return Ok(()) };
//! let ssh = space.all_of(&[space.service(6, &Set::one(22)), space.state(&[NEW])]);
//! let ssh = space.minus(ssh, space.incoming("lo"));
//! let lost = space.surely_dropped(input, ssh);
//! if !space.may_accept(input, ssh)? { … `space.witness(lost)?` is the packet to show … }
//! ```
//! What answers to what this host may send, and whether it comes back in:
//! ```text
//! let first = space.all_of(&[space.state(&[NEW]), space.entry(output), space.accepted(output)]);
//! let replies = space.moved(space.reply(first), Hook::Input);
//! if !space.may_accept(input, replies)? { … }
//! ```
//! What FORWARD sees of what a rule of `nat` translates (`id` in `PREROUTING`):
//! ```text
//! let first = space.and(space.judged(id), space.at(Kind::Nat, Hook::Prerouting));
//! let image = space.moved(space.image(id, first), Hook::Forward);
//! ```
//! `entry` of a base chain has what arrives there: what tables and hooks before it drop is gone, what `nat` may rewrite is there
//! rewritten, and only what the host's addresses route there comes, as far as they are known. `after_nat(nat_chain, region)` is the image under a whole base chain of `nat`. `trace` follows one packet.
//!
//! Which regions: `matched(id)` is what a rule asks, `comes_to(id)` what is left for it of what enters its chain, `judged(id)`
//! both. `accepted(chain)` and `dropped(chain)` are "may" sets over the packets as they enter the base chain, and say nothing
//! of what can enter: meet them with `entry(chain)`, as `may_accept`, `surely_dropped` and the like do.
//! Rules that are dead for one of the causes below have it once, for all checks, in `cx.deaths()`.
//!
//! `may_accept` says what some behaviour of limits, of other programs' chains and of matches of unknown meaning makes possible;
//! `must_accept` what all of them do. An error needs the second kind of knowledge: "nothing may be accepted" is sure.
//!
//! Values that no rule names are told apart only if they are of interest beforehand: what [`interest`] lists is, such as
//! private networks, known ports, the management ports and interfaces of the configuration. [`Space::tells_apart`] says so.

mod convert;
mod interest;
mod ipset;
pub(crate) mod members;
mod routing;

pub use rfw_space::{
    ChainId, Covers, DNAT, Dead, ESTABLISHED, Hook, INVALID, Incomplete, Kind, NEW, Packet, RELATED, Region,
    SNAT, Set, Space, UNTRACKED,
};

pub use convert::program;
pub(crate) use convert::translation;
pub(crate) use interest::{addresses, interest, interface_names};

use crate::facts::Facts;
use crate::model::Model;

/// Steps of diagrams in a millisecond, roughly; a budget of time is counted so, for the same result everywhere.
const STEPS: u64 = 4_000;
/// Where nobody said how long it may take: half a minute.
const MILLISECONDS: u64 = 30_000;

/// Analyses a ruleset.
#[must_use]
pub fn space(model: &Model, facts: &Facts) -> Space {
    Space::new(program(model, facts), &interest(model, facts), budget(facts))
}

/// What an analysis may cost.
pub(crate) fn budget(facts: &Facts) -> rfw_space::Budget {
    let milliseconds = facts.budget.milliseconds.unwrap_or(MILLISECONDS);
    rfw_space::Budget { nodes: facts.budget.nodes, steps: milliseconds.saturating_mul(STEPS) }
}
