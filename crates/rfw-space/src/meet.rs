//! Whether sets have anything in common, without making the set of it: the first packet found is enough.

use std::collections::HashSet;

use crate::bdd::{Bdd, Ref};

/// Steps of a search that finds nothing; then the sets are intersected after all, which never looks at anything twice.
const TRIES: usize = 4_000;

/// A search for something that is in all of some sets.
struct Search<'b> {
    bdd: &'b mut Bdd,
    /// Variables that are decided.
    path: Vec<(u32, bool)>,
    /// Sets that have nothing in common.
    failed: HashSet<Vec<Ref>>,
    tries: usize,
}

impl Bdd {
    /// Whether some sets have anything in common.
    pub fn meet(&mut self, sets: &[Ref]) -> bool {
        self.common(sets).is_some()
    }

    /// A region that is in all of some sets: variables, in order, and their values; `None` if there is none.
    pub fn common(&mut self, sets: &[Ref]) -> Option<Vec<(u32, bool)>> {
        let mut search = Search { bdd: self, path: Vec::new(), failed: HashSet::new(), tries: 0 };
        search.find(sets.to_vec()).then_some(search.path)
    }

    /// The region that [`Bdd::common`] tells.
    pub fn region(&mut self, path: &[(u32, bool)]) -> Ref {
        path.iter().rev().fold(Ref::ALL, |all, &(level, value)| {
            if value { self.make(level, Ref::NONE, all) } else { self.make(level, all, Ref::NONE) }
        })
    }
}

impl Search<'_> {
    fn find(&mut self, mut sets: Vec<Ref>) -> bool {
        sets.retain(|&set| set != Ref::ALL);
        sets.sort_unstable();
        sets.dedup();
        match sets[..] {
            [] => return true,
            [one] => return self.pair(one, Ref::ALL),
            [one, other] => return self.pair(one, other),
            _ => {}
        }
        let excluded = sets.windows(2).any(|pair| pair[0] == Bdd::not(pair[1]));
        if excluded || sets.contains(&Ref::NONE) || self.failed.contains(&sets) {
            return false;
        }
        if !self.may_try() {
            // The oldest are the smallest, mostly.
            let both = sets.iter().fold(Ref::ALL, |all, &set| self.bdd.and(all, set));
            return self.pair(both, Ref::ALL);
        }
        let splits: Vec<_> = sets.iter().map(|&set| (set, self.bdd.split(set))).collect();
        let level = splits.iter().filter_map(|(_, split)| Some(split.as_ref()?.0)).min().unwrap_or(0);
        for value in [false, true] {
            let halves = splits.iter().map(|&(set, split)| match split {
                Some((own, low, high)) if own == level => {
                    if value {
                        high
                    } else {
                        low
                    }
                }
                _ => set,
            });
            let halves: Vec<Ref> = halves.collect();
            self.path.push((level, value));
            if !halves.contains(&Ref::NONE) && self.find(halves) {
                return true;
            }
            self.path.pop();
        }
        self.failed.insert(sets);
        false
    }

    /// The same of two.
    fn pair(&mut self, a: Ref, b: Ref) -> bool {
        if a == Ref::NONE || b == Ref::NONE || a == Bdd::not(b) {
            return false;
        }
        let known = if a == b || b == Ref::ALL { Some(a) } else { self.bdd.known_and(a, b) };
        let known = known.or_else(|| (a == Ref::ALL).then_some(b));
        if let Some(both) = known.or_else(|| (!self.may_try()).then(|| self.bdd.and(a, b))) {
            return both != Ref::NONE && self.any(both);
        }
        let (level, (a0, a1), (b0, b1)) = self.bdd.both(a, b);
        for (value, a, b) in [(false, a0, b0), (true, a1, b1)] {
            self.path.push((level, value));
            if self.pair(a, b) {
                return true;
            }
            self.path.pop();
        }
        self.bdd.exclude(a, b);
        false
    }

    /// The way to something that is in a set, which has some.
    fn any(&mut self, mut set: Ref) -> bool {
        while let Some((level, low, high)) = self.bdd.split(set) {
            let value = low == Ref::NONE;
            set = if value { high } else { low };
            self.path.push((level, value));
        }
        true
    }

    /// Counts a step; whether the search may go on.
    fn may_try(&mut self) -> bool {
        self.tries += 1;
        self.tries <= TRIES && self.bdd.step()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bdd::Budget;

    #[test]
    fn what_sets_have_in_common_is_in_all_of_them() {
        let mut bdd = Bdd::new(Budget::default());
        let (mut seed, mut empty) = (1u64, 0);
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..2000 {
            let mut sets = Vec::new();
            for _ in 0..2 + random(4) {
                let mut set = Ref::NONE;
                for _ in 0..1 + random(3) {
                    let mut path: Vec<(u32, bool)> = Vec::new();
                    for level in 0..8 {
                        match random(4) {
                            0 => path.push((level, false)),
                            1 => path.push((level, true)),
                            _ => {}
                        }
                    }
                    let one = bdd.region(&path);
                    set = bdd.or(set, one);
                }
                sets.push(if random(3) == 0 { Bdd::not(set) } else { set });
            }
            let found = bdd.common(&sets);
            let all = sets.iter().fold(Ref::ALL, |all, &set| bdd.and(all, set));
            empty += usize::from(all == Ref::NONE);
            assert_eq!(found.is_some(), all != Ref::NONE);
            if let Some(path) = found {
                let region = bdd.region(&path);
                assert!(region != Ref::NONE && bdd.is_within(region, all));
            }
        }
        assert!((200..1800).contains(&empty), "{empty} have nothing in common");
    }
}
