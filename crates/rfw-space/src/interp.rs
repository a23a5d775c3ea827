//! One packet through one table, rule by rule: nothing of the diagrams is used, so that it can tell whether they are right.

use crate::packet::Packet;
use crate::program::{Action, Program, RuleId};

/// Where a traversal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It passes the table.
    Accept,
    /// It goes no further.
    Drop,
    /// It may be either, or the ruleset can't be loaded: a line that could not be read, a jump in a circle.
    Unknown,
}

/// What a packet met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The rules that it satisfied, in order.
    pub hits: Vec<RuleId>,
    /// What became of it.
    pub verdict: Verdict,
    /// The packet as it left.
    pub packet: Packet,
}

/// The kernel's bound is 16 (`NFT_JUMP_STACK_SIZE`); a ruleset that needs more can't be loaded.
const DEPTH: usize = 64;
/// Rules that one traversal may look at.
const RULES: usize = 10_000_000;

/// What a chain did.
enum End {
    Verdict(Verdict),
    Returned,
}

struct Run<'p> {
    program: &'p Program,
    table: usize,
    packet: Packet,
    hits: Vec<RuleId>,
    budget: usize,
    /// Whether a rule whose clauses hold matches although chance may decide otherwise, and whether an external chain accepts.
    chance: &'p mut dyn FnMut(Chance) -> bool,
}

/// What is left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// Whether a limited rule matches.
    Rule(RuleId),
    /// Whether a chain of another program accepts what enters it, before its rules.
    Accepts(usize),
    /// Whether it sends it back.
    Returns(usize),
}

/// Follows a packet that enters a chain. A user's chain that it leaves without a verdict accepts.
pub fn interpret(
    program: &Program,
    table: usize,
    chain: usize,
    packet: &Packet,
    chance: &mut dyn FnMut(Chance) -> bool,
) -> Trace {
    let hits = Vec::new();
    let mut run = Run { program, table, packet: packet.clone(), hits, budget: RULES, chance };
    let base = program.tables.get(table).and_then(|t| t.chains.get(chain)).and_then(|c| c.base);
    let verdict = match run.chain(chain, 0) {
        End::Verdict(verdict) => verdict,
        End::Returned if base.is_some_and(|b| !b.accepts) => Verdict::Drop,
        End::Returned => Verdict::Accept,
    };
    Trace { hits: run.hits, verdict, packet: run.packet }
}

impl Run<'_> {
    fn chain(&mut self, chain: usize, depth: usize) -> End {
        let program = self.program;
        let Some(found) = program.tables.get(self.table).and_then(|t| t.chains.get(chain)) else {
            return End::Verdict(Verdict::Unknown);
        };
        if depth > DEPTH {
            return End::Verdict(Verdict::Unknown);
        }
        if found.external {
            if (self.chance)(Chance::Accepts(chain)) {
                return End::Verdict(Verdict::Accept);
            }
            if (self.chance)(Chance::Returns(chain)) {
                return End::Returned;
            }
        }
        for (at, rule) in found.rules.iter().enumerate() {
            if self.budget == 0 {
                return End::Verdict(Verdict::Unknown);
            }
            self.budget -= 1;
            let id = RuleId { table: self.table, chain, rule: at };
            let chance = rule.condition.chance;
            if !self.packet.matches(&rule.condition) || chance && !(self.chance)(Chance::Rule(id)) {
                continue;
            }
            self.hits.push(id);
            for assign in &rule.assigns {
                self.packet.change(assign);
            }
            match rule.action {
                Action::Continue => {}
                Action::Accept => return End::Verdict(Verdict::Accept),
                Action::Drop | Action::Reject => return End::Verdict(Verdict::Drop),
                Action::Return => return End::Returned,
                Action::Either | Action::Unknown => return End::Verdict(Verdict::Unknown),
                Action::Jump(to) => {
                    if let End::Verdict(verdict) = self.chain(to, depth + 1) {
                        return End::Verdict(verdict);
                    }
                }
                Action::Goto(to) => return self.chain(to, depth + 1),
            }
        }
        End::Returned
    }
}
