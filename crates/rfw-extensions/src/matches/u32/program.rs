//! The little language of `--u32`:
//!
//! ```text
//! tests    := location "=" values | tests "&&" location "=" values
//! location := number | location ("&" | "<<" | ">>" | "@") number
//! values   := range | values "," range
//! range    := number | number ":" number
//! ```
//! Blanks may stand anywhere between. There are at most ten numbers in a location, ten ranges and ten tests.

use std::fmt;

use rfw_values::number;

/// Of numbers, ranges, tests (`XT_U32_MAXSIZE`).
pub(super) const MAX: usize = 10;

/// What is done with a number; the values are those of `XT_U32_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Op {
    And = 0,
    Left = 1,
    Right = 2,
    At = 3,
}

impl Op {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::And, Self::Left, Self::Right, Self::At].into_iter().find(|op| *op as u8 == byte)
    }

    fn text(self) -> &'static str {
        match self {
            Self::And => "&",
            Self::Left => "<<",
            Self::Right => ">>",
            Self::At => "@",
        }
    }
}

/// One test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Test {
    /// The first offset.
    pub(super) start: u32,
    /// What is done then.
    pub(super) steps: Vec<(Op, u32)>,
    /// Bounds, of which one pair has to fit. The lower one may be the larger: that never fits.
    pub(super) values: Vec<(u32, u32)>,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.start)?;
        for (op, number) in &self.steps {
            write!(f, "{}{number:#x}", op.text())?;
        }
        for (index, (min, max)) in self.values.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "=" })?;
            write!(f, "{min:#x}")?;
            if min != max {
                write!(f, ":{max:#x}")?;
            }
        }
        Ok(())
    }
}

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The guilty byte.
    pub(super) at: usize,
    /// The byte that iptables names, if it names one.
    pub(super) shown: Option<usize>,
    /// iptables' words.
    pub(super) classic: &'static str,
    /// What should stand there.
    pub(super) expected: &'static str,
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.text.get(self.at).copied()
    }

    fn wrong(&self, classic: &'static str, expected: &'static str) -> Wrong {
        Wrong { at: self.at, shown: Some(self.at), classic, expected }
    }

    /// The end came too early.
    fn ended(&self, classic: &'static str, expected: &'static str) -> Wrong {
        Wrong { shown: None, ..self.wrong(classic, expected) }
    }

    /// The second of two equal bytes.
    fn second(&mut self, byte: u8, classic: &'static str, expected: &'static str) -> Result<(), Wrong> {
        self.at += 1;
        if self.text.get(self.at) != Some(&byte) {
            return Err(self.wrong(classic, expected));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<u32, Wrong> {
        let wrong = self.wrong("not a number or out of range", "a number of 32 bits");
        let (value, used) = number::prefix(&self.text[self.at..]).ok_or_else(|| wrong.clone())?;
        let value = u32::try_from(value).map_err(|_| wrong)?;
        self.at += used;
        Ok(value)
    }

    fn op(&mut self) -> Result<Op, Wrong> {
        let op = match self.text.get(self.at) {
            Some(b'&') => Op::And,
            Some(b'<') => {
                self.second(b'<', "a second '<' was expected", "`<<`")?;
                Op::Left
            }
            Some(b'>') => {
                self.second(b'>', "a second '>' was expected", "`>>`")?;
                Op::Right
            }
            Some(b'@') => Op::At,
            _ => return Err(self.wrong("operator expected", "`&`, `<<`, `>>`, `@` or `=`")),
        };
        self.at += 1;
        Ok(op)
    }

    /// Up to and with the equals sign.
    fn location(&mut self) -> Result<(u32, Vec<(Op, u32)>), Wrong> {
        const ENDED: &str = "abrupt end of input after location specifier";
        match self.peek() {
            None => return Err(self.ended(ENDED, "a location and `=`")),
            Some(b'=') => return Err(self.wrong("location spec missing", "a location before `=`")),
            Some(_) => {}
        }
        let start = self.number()?;
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.ended(ENDED, "`=` and a value")),
                Some(b'=') => {
                    self.at += 1;
                    return Ok((start, steps));
                }
                Some(_) => {}
            }
            let op = self.op()?;
            steps.push((op, self.number()?));
            if steps.len() >= MAX {
                return Err(self.wrong("too many operators", "at most nine operators"));
            }
        }
    }

    /// Up to the end or, with it, `&&`; whether there is another test.
    fn values(&mut self) -> Result<(Vec<(u32, u32)>, bool), Wrong> {
        let mut values = Vec::new();
        loop {
            match self.peek() {
                None if values.is_empty() => {
                    return Err(self.ended("test ended with no value specified", "a value behind `=`"));
                }
                None => return Ok((values, false)),
                Some(b'&') => {
                    self.second(b'&', "a second '&' was expected", "`&&`")?;
                    if values.is_empty() {
                        return Err(self.wrong("value spec missing", "a value before `&&`"));
                    }
                    return Ok((values, true));
                }
                Some(b',') if !values.is_empty() => self.at += 1,
                Some(_) if !values.is_empty() => {
                    return Err(self.wrong("expected \",\" or \"&&\"", "`,` or `&&`"));
                }
                Some(_) => {}
            }
            let min = self.number()?;
            let max = if self.peek() == Some(b':') {
                self.at += 1;
                self.number()?
            } else {
                min
            };
            values.push((min, max));
            if values.len() > MAX {
                return Err(self.wrong("too many \",\"s", "at most ten values"));
            }
        }
    }
}

/// The tests of a program.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Test>, Wrong> {
    let mut reader = Reader { text, at: 0 };
    let mut tests = Vec::new();
    loop {
        let (start, steps) = reader.location()?;
        let (values, more) = reader.values()?;
        tests.push(Test { start, steps, values });
        // The original has room for eleven, and complains when the eleventh is complete.
        if tests.len() > MAX {
            return Err(reader.wrong("too many \"&&\"s", "at most ten tests"));
        }
        if !more {
            return Ok(tests);
        }
        reader.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        match parse(text.as_bytes()) {
            Ok(tests) => Ok(tests.iter().map(ToString::to_string).collect::<Vec<_>>().join("&&")),
            Err(wrong) => Err(match wrong.shown {
                Some(at) => format!("{at} {}", wrong.classic),
                None => wrong.classic.to_owned(),
            }),
        }
    }

    #[test]
    fn programs_and_mistakes() {
        assert_eq!(shown(" 0 & 0xff = 5 : 7 , 9 && 4>>2<<1@3=0x10"), Ok("0x0&0xff=0x5:0x7,0x9&&0x4>>0x2<<0x1@0x3=0x10".into()));
        assert_eq!(shown("0=5:4"), Ok("0x0=0x5:0x4".into()));
        for (text, words) in [
            ("", "abrupt end of input after location specifier"),
            ("0=", "test ended with no value specified"),
            ("0<5=1", "2 a second '<' was expected"),
            ("0=5&6", "4 a second '&' was expected"),
            ("0=&&6", "3 value spec missing"),
            ("0=5:", "4 not a number or out of range"),
        ] {
            assert_eq!(shown(text), Err(words.into()), "{text}");
        }
        let many = |n: usize| vec!["0=1"; n].join("&&");
        assert!(shown(&many(10)).is_ok());
        assert_eq!(shown(&many(11)), Err("53 too many \"&&\"s".into()));
        assert_eq!(shown(&many(12)), Err("54 too many \"&&\"s".into()));
    }
}
