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
//! `may_accept` says what some behaviour of limits, of other programs' chains and of matches of unknown meaning makes possible;
//! `must_accept` what all of them do. An error needs the second kind of knowledge: "nothing may be accepted" is sure.
//!
//! Values that no rule names are told apart only if they are of interest beforehand: what [`interest`] lists is, such as
//! private networks, known ports, the management ports and interfaces of the configuration. [`Space::tells_apart`] says so.

mod convert;
mod interest;

pub use rfw_space::{
    ChainId, Covers, DNAT, Dead, ESTABLISHED, Hook, INVALID, Incomplete, Kind, NEW, Packet, RELATED, Region,
    SNAT, Set, Space, UNTRACKED,
};

pub use convert::program;
pub(crate) use interest::{addresses, interest, interface_names};

use crate::facts::Facts;
use crate::model::Model;

/// Steps of diagrams in a millisecond, roughly; a budget of time is counted so, for the same result everywhere.
const STEPS: u64 = 8_000;
/// Where nobody said how long it may take: half a minute.
const MILLISECONDS: u64 = 30_000;

/// Analyses a ruleset.
#[must_use]
pub fn space(model: &Model, facts: &Facts) -> Space {
    Space::new(program(model), &interest(model, facts), budget(facts))
}

/// What an analysis may cost.
pub(crate) fn budget(facts: &Facts) -> rfw_space::Budget {
    let milliseconds = facts.budget.milliseconds.unwrap_or(MILLISECONDS);
    rfw_space::Budget { nodes: facts.budget.nodes, steps: milliseconds.saturating_mul(STEPS) }
}
