//! Sets of numbers as sorted, disjoint, closed intervals.

/// A set of numbers up to 128 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set(Vec<(u128, u128)>);

impl Set {
    /// The numbers from `low` to `high`; none if they are the wrong way round.
    #[must_use]
    pub fn range(low: u128, high: u128) -> Self {
        Self(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    /// One number.
    #[must_use]
    pub fn one(number: u128) -> Self {
        Self(vec![(number, number)])
    }

    /// The union of intervals in any order.
    #[must_use]
    pub fn union(intervals: impl IntoIterator<Item = (u128, u128)>) -> Self {
        let mut all: Vec<_> = intervals.into_iter().filter(|(low, high)| low <= high).collect();
        all.sort_unstable();
        let mut out: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (low, high) in all {
            match out.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => out.push((low, high)),
            }
        }
        Self(out)
    }

    /// Everything from 0 to `max` that is not in it.
    #[must_use]
    pub fn complement(&self, max: u128) -> Self {
        let mut out = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(0u128);
        for &(low, high) in &self.0 {
            let Some(from) = next else { break };
            if from < low {
                out.push((from, low - 1));
            }
            next = high.checked_add(1);
        }
        if let Some(from) = next
            && from <= max
        {
            out.push((from, max));
        }
        Self(out)
    }

    /// What is in both.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let (mut a, mut b) = (0, 0);
        let mut out = Vec::new();
        while let (Some(x), Some(y)) = (self.0.get(a), other.0.get(b)) {
            let (low, high) = (x.0.max(y.0), x.1.min(y.1));
            if low <= high {
                out.push((low, high));
            }
            if x.1 < y.1 { a += 1 } else { b += 1 }
        }
        Self(out)
    }

    /// Whether every number of it is in `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|x| {
            let at = other.0.partition_point(|y| y.1 < x.0);
            other.0.get(at).is_some_and(|y| y.0 <= x.0 && x.1 <= y.1)
        })
    }

    /// Whether anything is in both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let (few, many) = if self.0.len() < other.0.len() { (self, other) } else { (other, self) };
        few.0.iter().any(|x| {
            let at = many.0.partition_point(|y| y.1 < x.0);
            many.0.get(at).is_some_and(|y| y.0 <= x.1)
        })
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its only number.
    #[must_use]
    pub fn single(&self) -> Option<u128> {
        match self.0.as_slice() {
            [(low, high)] if low == high => Some(*low),
            _ => None,
        }
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, number: u128) -> bool {
        let at = self.0.partition_point(|y| y.1 < number);
        self.0.get(at).is_some_and(|y| y.0 <= number)
    }

    /// What is in either.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self::union(self.0.iter().chain(&other.0).copied())
    }

    /// Its intervals.
    #[must_use]
    pub fn intervals(&self) -> &[(u128, u128)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algebra() {
        let ports = Set::union([(80, 80), (443, 443), (22, 22), (23, 25)]);
        assert_eq!(ports.intervals(), [(22, 25), (80, 80), (443, 443)]);
        assert_eq!(ports.complement(65535).complement(65535), ports);
        assert_eq!(ports.meet(&Set::range(24, 80)).intervals(), [(24, 25), (80, 80)]);
        assert!(Set::one(24).is_within(&ports) && !Set::range(25, 26).is_within(&ports));
        assert!(Set::range(0, u128::MAX).complement(u128::MAX).is_empty());
        assert_eq!(Set::range(2, 1).complement(3).intervals(), [(0, 3)]);
        assert_eq!(Set::one(7).single(), Some(7));
        assert!(Set::range(2, 1).is_within(&ports));
    }
}
