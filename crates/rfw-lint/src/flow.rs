//! Where packets may go: through chains, to a verdict.
//!
//! Everything here over-approximates what passes: a condition that is not understood may hold and may fail, a line that
//! could not be read may accept. So "nothing passes" is sure, and "something passes" is not.

use crate::conditions::{Conditions, Outcome};
use crate::model::{Policy, Table};

/// Deepest nesting that is followed; the kernel's own bound is 16 (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;
/// Rules that one question may look at; where the budget ends, everything may pass.
const BUDGET: usize = 200_000;

/// Walks one table with a set of packets.
struct Walk<'a, 'v> {
    table: &'a Table,
    budget: usize,
    /// Is shown what may be accepted; true ends the walk.
    visit: &'v mut dyn FnMut(&Conditions) -> bool,
}

/// What a chain leaves of the packets that entered it.
#[derive(PartialEq, Eq)]
enum Left {
    /// The visitor has seen enough.
    Stopped,
    /// Every packet was judged.
    Nothing,
    /// Some may come back to the caller.
    Some,
}

/// Shows the visitor every set of packets of `class` that a base chain may let through, until it answers true; whether it did.
pub(crate) fn accepted(
    table: &Table,
    chain: usize,
    class: &Conditions,
    visit: &mut dyn FnMut(&Conditions) -> bool,
) -> bool {
    let mut walk = Walk { table, budget: BUDGET, visit };
    match walk.chain(chain, class, 0) {
        Left::Stopped => true,
        Left::Nothing => false,
        Left::Some => {
            let policy = table.chains.get(chain).and_then(|c| c.policy);
            policy != Some(Policy::Drop) && (walk.visit)(class)
        }
    }
}

/// Whether a base chain may let anything of `class` through.
#[must_use]
pub(crate) fn may_accept(table: &Table, chain: usize, class: &Conditions) -> bool {
    accepted(table, chain, class, &mut |_| true)
}

impl Walk<'_, '_> {
    fn chain(&mut self, chain: usize, class: &Conditions, depth: usize) -> Left {
        let Some(found) = self.table.chains.get(chain).filter(|_| depth < DEPTH) else {
            return self.give_up(class);
        };
        // Rules come and go there while the text that is read here stays.
        let mut returns = found.is_external() && found.policy.is_none();
        if returns && (self.visit)(class) {
            return Left::Stopped;
        }
        for placed in &found.rules {
            if self.budget == 0 {
                return self.give_up(class);
            }
            self.budget -= 1;
            let rule = &placed.conditions;
            let Some(inside) = class.narrow(rule) else { continue };
            let whole = class.is_within(rule);
            let left = match &rule.outcome {
                Outcome::Continue => continue,
                Outcome::Drop => Left::Nothing,
                Outcome::Accept | Outcome::Ends => match (self.visit)(&inside) {
                    true => Left::Stopped,
                    false => Left::Nothing,
                },
                Outcome::Unknown => return self.give_up(class),
                Outcome::Return => {
                    returns = true;
                    Left::Nothing
                }
                Outcome::Jump(to) => self.enter(to, &inside, depth),
                Outcome::Goto(to) => match self.enter(to, &inside, depth) {
                    Left::Some => {
                        returns = true;
                        Left::Nothing
                    }
                    left => left,
                },
            };
            match left {
                Left::Stopped => return Left::Stopped,
                Left::Nothing if whole => return if returns { Left::Some } else { Left::Nothing },
                Left::Nothing | Left::Some => {}
            }
        }
        Left::Some
    }

    fn enter(&mut self, name: &[u8], class: &Conditions, depth: usize) -> Left {
        match self.table.position(name) {
            Some(chain) => self.chain(chain, class, depth + 1),
            None => self.give_up(class),
        }
    }

    /// Anything may happen.
    fn give_up(&mut self, class: &Conditions) -> Left {
        if (self.visit)(class) { Left::Stopped } else { Left::Some }
    }
}
