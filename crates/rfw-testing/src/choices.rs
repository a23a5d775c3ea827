//! Choices for random rulesets: the same seed makes the same ones.

/// xorshift64*, which is plenty for choices.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// Those of a case of a seed.
    #[must_use]
    pub fn new(case: u64) -> Self {
        Self(case.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or(0) % n
    }

    /// One of some words.
    pub fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// Adds one of some words, once in so many times.
    pub fn maybe(&mut self, out: &mut Vec<String>, one_in: usize, words: &[&str]) {
        if self.below(one_in) == 0 {
            out.push(self.of(words).to_owned());
        }
    }
}
