//! Exact sets of packets, and what a ruleset does with them.
//!
//! A [`Program`] is a ruleset of one family: chains of rules that ask, change and judge. [`Space`] analyses it: which rules can
//! never match and why, what each base chain may and must accept, and one natural packet of any set. [`interpret`] follows a
//! single packet without any of that, and is what the sets are tested against.
//!
//! Pure: no I/O, no clock. Work is bounded by a [`Budget`] counted in steps, so that it ends at the same place on every machine.
//! Sets are diagrams over classes of values ([`bdd`]); nothing is approximated but what chance, other programs' chains and
//! matches of unknown meaning decide, and that is kept apart as "may" and "must".

mod backward;
pub mod bdd;
mod behind;
mod blocks;
mod classes;
pub mod condition;
mod cover;
mod domain;
mod effects;
mod engine;
pub mod field;
mod flow;
mod interp;
mod meet;
pub mod packet;
mod pipeline;
mod program;
mod redundant;
mod runs;
pub mod set;
mod space;
mod witness;

pub use bdd::Budget;
pub use condition::{Atom, Condition, Literal, literal};
pub use cover::Covers;
pub use domain::Interest;
pub use engine::Dead;
pub use field::{DNAT, ESTABLISHED, INVALID, Key, Masked, NEW, RELATED, SNAT, Tested, UNTRACKED, interface};
pub use interp::{Chance, Trace, Verdict, interpret};
pub use packet::Packet;
pub use program::{Action, Assign, Base, Chain, Hook, Kind, Program, Rule, RuleId, Table, Translation};
pub use set::Set;
pub use space::{ChainId, Incomplete, Region, Space};
