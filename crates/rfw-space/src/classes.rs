//! Values of one field that no set of the analysis tells apart, numbered.
//!
//! The domain is cut at the borders of all sets. Pieces that are in the same sets are one class, however far apart they are;
//! a piece is known by the sum of random numbers of the sets it is in (128 bits, so that two sums are equal by accident for no
//! ruleset that fits into a machine).

use std::collections::HashMap;

use crate::set::Set;

/// The classes of a field.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    /// First value of each piece, ascending; the first is 0.
    starts: Vec<u128>,
    /// The class of each piece.
    class: Vec<u32>,
    /// Pieces of each class, ascending.
    pieces: Vec<Vec<u32>>,
    /// The largest value.
    max: u128,
}

/// How a set that need not be made of whole classes is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// To the smallest region that has all of it.
    Out,
    /// To the largest region within it.
    In,
}

/// Random numbers that are the same in every run (Steele, Lea, Flood: SplitMix64).
fn random(seed: &mut u64) -> u128 {
    let mut half = || {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    u128::from(half()) << 64 | u128::from(half())
}

impl Classes {
    /// Of the values from 0 to `max`.
    pub(crate) fn new<'s>(sets: impl IntoIterator<Item = &'s Set>, max: u128) -> Self {
        let mut seed = 1;
        let mut borders: Vec<(u128, u128)> = Vec::new();
        for set in sets {
            let mark = random(&mut seed);
            for &(low, high) in set.intervals() {
                borders.push((low, mark));
                if high < max {
                    borders.push((high + 1, mark));
                }
            }
        }
        borders.sort_unstable();
        let mut found = Self { starts: Vec::new(), class: Vec::new(), pieces: Vec::new(), max };
        let mut numbers: HashMap<u128, u32> = HashMap::new();
        let (mut start, mut within, mut at) = (0, 0u128, 0);
        loop {
            while let Some((_, mark)) = borders.get(at).filter(|b| b.0 == start) {
                within ^= mark;
                at += 1;
            }
            let next = numbers.len() as u32;
            let class = *numbers.entry(within).or_insert(next);
            if found.class.last() != Some(&class) {
                if class == next {
                    found.pieces.push(Vec::new());
                }
                found.pieces[class as usize].push(found.starts.len() as u32);
                found.starts.push(start);
                found.class.push(class);
            }
            match borders.get(at) {
                Some(border) if border.0 <= max => start = border.0,
                _ => return found,
            }
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.pieces.len() as u32
    }

    /// The class of a value.
    pub(crate) fn of(&self, value: u128) -> u32 {
        let at = self.starts.partition_point(|&start| start <= value);
        self.class.get(at.saturating_sub(1)).copied().unwrap_or(0)
    }

    fn piece(&self, at: u32) -> (u128, u128) {
        let at = at as usize;
        let end = self.starts.get(at + 1).map_or(self.max, |next| next - 1);
        (self.starts[at], end)
    }

    /// The values of a class.
    pub(crate) fn values(&self, class: u32) -> Set {
        let pieces = self.pieces.get(class as usize).map(Vec::as_slice).unwrap_or_default();
        Set::union(pieces.iter().map(|&p| self.piece(p)))
    }

    /// The classes of a set, ascending.
    pub(crate) fn within(&self, set: &Set, round: Round) -> Vec<u32> {
        let mut touched: HashMap<u32, u32> = HashMap::new();
        for &(low, high) in set.intervals() {
            let first = self.starts.partition_point(|&start| start <= low).saturating_sub(1);
            for at in first..self.starts.len() {
                let (from, to) = self.piece(at as u32);
                if from > high {
                    break;
                }
                let whole = low <= from && to <= high;
                let pieces = touched.entry(self.class[at]).or_default();
                *pieces += u32::from(whole);
            }
        }
        let all = |class: &u32| self.pieces[*class as usize].len() as u32;
        let mut found: Vec<u32> = match round {
            Round::Out => touched.into_keys().collect(),
            Round::In => {
                touched.into_iter().filter(|(class, n)| *n == all(class)).map(|(class, _)| class).collect()
            }
        };
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_the_same_sets_are_one_class() {
        let web = Set::union([(80, 80), (443, 443)]);
        let low = Set::range(0, 1023);
        let classes = Classes::new([&web, &low], 0xffff);
        assert_eq!(classes.count(), 3);
        assert_eq!(classes.of(80), classes.of(443));
        assert_eq!(classes.values(classes.of(80)), web);
        assert_eq!(classes.values(classes.of(22)), low.meet(&web.complement(0xffff)));
        assert_eq!(classes.values(classes.of(0xffff)), Set::range(1024, 0xffff));
        assert_eq!(classes.within(&web, Round::Out), classes.within(&web, Round::In));
        assert_eq!(classes.within(&Set::one(80), Round::In), []);
        assert_eq!(classes.within(&Set::one(80), Round::Out), [classes.of(443)]);
        let whole = Classes::new([&Set::range(5, u128::MAX)], u128::MAX);
        assert_eq!((whole.count(), whole.of(4), whole.of(u128::MAX)), (2, 0, 1));
    }
}
