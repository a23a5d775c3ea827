//! What anonymous sets cost the kernel, and when a transaction does without.
//!
//! A list in a native rule is an anonymous set (`docs/architecture.md`). Of its sets the kernel keeps plain lists: where a rule
//! takes its set it walks through all that the transaction has done so far, and where a set gets its name, its members and its rule
//! it walks through the table's sets, with those that were there before. So the cost of a file grows with its sets times its length: 100,000 rules with 8,333 sets
//! among them take the kernel 54 s, and 1.4 s where the lists stay xt. No order of the messages avoids that, for a set has to be
//! made in the transaction of its rule, and belongs to one rule.
//!
//! Contract: a file whose sets would take more than [`MOST_STEPS`] keeps all of its lists xt, which is as exact and lifts to the
//! same rules; all or none, so that a file's rules look alike. Whether it does depends on its messages alone, not on who wrote
//! them. With `--no-xt` there are sets, however long they take.

use rfw_compiler::ListForm;

/// How many steps the kernel may walk for the sets of one transaction. A step takes 15 to 30 ns, and up to 100 ns where the
/// transaction is larger than the processor's cache: these are 0.15 to 0.8 s. 1,400 rules reach it if each has a list, 12,000
/// if each twelfth has one, 100,000 with 100 lists at their end.
pub const MOST_STEPS: u64 = 10_000_000;

/// What a set that is there already costs, in messages: its name is compared four times, and read for its number.
const STEPS_PER_SET: u64 = 7;

/// How a transaction writes the lists of native rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// As sets, if those take the kernel at most so many steps; else the transaction ends in [`Halt::Lists`](super::Halt::Lists).
    Weighed {
        /// The number of steps.
        most: u64,
    },
    /// As xt. If the kernel has no such match, the transaction ends in [`Halt::Lists`](super::Halt::Lists).
    Xt,
    /// As sets.
    Sets,
}

impl Lists {
    /// What lowering makes of a list.
    pub fn form(self) -> ListForm {
        if self == Self::Xt { ListForm::Xt } else { ListForm::Set }
    }

    /// How to go on if these sets were too many.
    pub fn instead_of(self, sets: &Tally) -> Option<Self> {
        matches!(self, Self::Weighed { most } if sets.steps > most).then_some(Self::Xt)
    }
}

/// The sets of a transaction, or of a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those of the table that is being written, with what it held before.
    sets: u64,
    /// What they cost the kernel.
    steps: u64,
}

impl Tally {
    /// What comes next is for a table that holds so many sets.
    pub fn in_table(&mut self, sets: u64) {
        self.sets = sets;
    }

    /// Counts so many sets, which are made by messages from number `seq` on.
    pub fn count(&mut self, sets: u64, seq: u32) {
        for _ in 0..sets {
            self.steps += u64::from(seq) + STEPS_PER_SET * self.sets;
            self.sets += 1;
        }
    }

    /// Counts the sets of a part that comes behind this; its messages have numbers that are higher by `shift` than it knew,
    /// in 32 bits that wrap.
    pub fn join(&mut self, part: Self, shift: u32) {
        let moved = i64::from(shift.cast_signed()).saturating_mul(part.sets.cast_signed());
        self.steps += part.steps.saturating_add_signed(moved) + part.sets * STEPS_PER_SET * self.sets;
        self.sets += part.sets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_in_parts_is_that_of_the_whole() {
        let sets = [(2, 1), (5, 3), (20, 1), (23, 2), (40, 1)];
        let mut whole = Tally::default();
        sets.iter().for_each(|&(seq, sets)| whole.count(sets, seq));
        for cut in 0..=sets.len() {
            for shift in [0, 4, 3_u32.wrapping_neg()] {
                let (mut front, mut back) = (Tally::default(), Tally::default());
                sets[..cut].iter().for_each(|&(seq, sets)| front.count(sets, seq));
                // No message is numbered below 0.
                if cut > 1 || shift != 4 {
                    sets[cut..].iter().for_each(|&(seq, sets)| back.count(sets, seq.wrapping_sub(shift)));
                    front.join(back, shift);
                    assert_eq!(front, whole, "cut at {cut}, shifted by {shift}");
                }
            }
        }
    }

    #[test]
    fn sets_that_are_there_weigh_in_their_table_only() {
        let (mut empty, mut full) = (Tally::default(), Tally::default());
        full.in_table(1000);
        empty.count(2, 10);
        full.count(2, 10);
        assert_eq!(full.steps, empty.steps + 2 * STEPS_PER_SET * 1000);
        full.in_table(0);
        let before = full.steps;
        full.count(1, 10);
        assert_eq!(full.steps, before + 10);
    }

    #[test]
    fn what_is_weighed_ends_where_it_is_too_much() {
        let mut sets = Tally::default();
        sets.count(1, 10);
        assert_eq!(Lists::Weighed { most: 10 }.instead_of(&sets), None);
        assert_eq!(Lists::Weighed { most: 9 }.instead_of(&sets), Some(Lists::Xt));
        assert_eq!(Lists::Sets.instead_of(&sets), None);
        assert_eq!(Lists::Xt.instead_of(&sets), None);
    }
}
