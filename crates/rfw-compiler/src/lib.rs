//! The intermediate form of rules and what is done with it: build, lower, lift, print, list.
//!
//! Pure functions. `Ast -build-> Rule -lower-> [Expr]` on the way down, `[Expr] -lift-> Rule -print-> text` on the way up.
//! The laws: `build(parse(print(rule))) == rule`; `lift(lower(rule)) == normal(rule)` in both encodings; nothing that was
//! decoded is dropped: what has no iptables form is [`Body::Foreign`].

pub mod build;
pub mod builtin;
pub mod foreign;
pub mod ir;
pub mod kept;
pub mod lift;
pub mod list;
pub mod lower;
pub mod nft_json;
pub mod nft_syntax;
pub mod print;

pub use build::{BuildCx, build, unknown_target};
pub use builtin::{BaseChain, TableSpec};
pub use ir::{Body, Rule, RuleTarget, Stored};
pub use kept::{Kept, kept};
pub use lift::{lift, normal};
pub use list::{ListOptions, list_heading, list_rule, list_verbose_line};
pub use lower::{ListForm, Lowered, Part, lower, lower_in_buffer, lower_lists, part_of};
pub use print::{print_rule, print_stored};
