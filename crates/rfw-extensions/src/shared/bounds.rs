//! One number or two, as the options read them whose type libxtables calls `UINT16RC` or `UINT32RC`: `a`, `a:b`, `:b`, `a:`.

use std::fmt;

use rfw_nft::expr::Base;
use rfw_nft::predicate::Field;
use rfw_nft::xt::{Info, View};
use rfw_syntax::Word;
use rfw_values::ValueError;
use rfw_values::number::prefix;

use crate::Parsed;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::header;
use crate::uses::{Uses, bad_value};

/// From one number to another, both included. The first may be the larger one, as in 1.8.9; nothing is then inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first number.
    pub min: u32,
    /// The last number.
    pub max: u32,
}

impl Bounds {
    /// Every number of 32 bits.
    pub const FULL: Self = Self { min: 0, max: u32::MAX };

    /// The value of an option, if it was given; a bound left out is 0 or `highest`.
    ///
    /// # Errors
    /// With libxtables' words.
    pub fn parse(uses: &Uses<'_, '_>, option: &str, highest: u32) -> Parsed<Option<Self>> {
        let Some(word) = uses.word(option) else { return Ok(None) };
        let reader = Reader { word, extension: uses.extension, option, highest };
        let (min, next) = reader.bound(0, 0, 0)?;
        let Some(next) = next else { return Ok(Some(Self { min, max: min })) };
        let (max, next) = reader.bound(next, highest, min)?;
        if next.is_some() {
            let error = ValueError::whole(&word.text, "one number or two");
            let classic =
                format!("{}: Too many components for option \"--{option}\" (max: 2)\n", uses.extension);
            return Err(bad_value(word, &error, classic));
        }
        Ok(Some(Self { min, max }))
    }

    /// Whether every number of 32 bits is inside.
    #[must_use]
    pub fn is_full(self) -> bool {
        self == Self::FULL
    }

    /// The words of a listing without a blank in front: `spi:5`, `spis:!1:2`.
    pub fn list(self, out: &mut Printer<'_>, inverted: bool, name: &str) {
        let plural = if self.min == self.max { "" } else { "s" };
        out.fmt(format_args!("{name}{plural}:{}{self}", if inverted { "!" } else { "" }));
    }
}

impl fmt::Display for Bounds {
    /// `5` or `5:7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { write!(f, "{}", self.min) } else { write!(f, "{}:{}", self.min, self.max) }
    }
}

/// A test of a security parameter index, as `ah`, `esp` and `ipcomp` have it. The default is no test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spis {
    /// Whether `!` stood before it.
    pub inverted: bool,
    /// The indices.
    pub bounds: Bounds,
}

impl Default for Spis {
    fn default() -> Self {
        Self { inverted: false, bounds: Bounds::FULL }
    }
}

impl Spis {
    /// The value of an option, if it was given.
    ///
    /// # Errors
    /// With libxtables' words.
    pub fn parse(uses: &Uses<'_, '_>, option: &str) -> Parsed<Option<Self>> {
        let bounds = Bounds::parse(uses, option, u32::MAX)?;
        Ok(bounds.map(|bounds| Self { inverted: uses.inverted(option), bounds }))
    }

    /// Whether every index passes.
    #[must_use]
    pub fn is_no_test(&self) -> bool {
        *self == Self::default()
    }

    /// The option, unless every index passes.
    pub fn print(&self, out: &mut Printer<'_>, option: &str) {
        if !self.is_no_test() {
            out.option(self.inverted, option);
            out.fmt(format_args!(" {}", self.bounds));
        }
    }

    /// `spi:5`, unless every index passes.
    pub fn list(&self, out: &mut Printer<'_>) {
        if !self.is_no_test() {
            self.bounds.list(out, self.inverted, "spi");
        }
    }

    /// Puts the indices into the front of a struct.
    #[must_use]
    pub fn put(&self, info: Info) -> Info {
        info.u32(0, self.bounds.min).u32(4, self.bounds.max)
    }

    /// Tests 4 bytes of the transport header for them. One whose first index is the larger has to stay xt.
    pub fn lower(&self, out: &mut Lowering, offset: u32) {
        header::lower(out);
        out.payload(Base::Transport, offset, 4);
        let (min, max) = (self.bounds.min.to_be_bytes(), self.bounds.max.to_be_bytes());
        if min == max { out.equals(self.inverted, &min) } else { out.in_range(self.inverted, &min, &max) }
    }

    /// Takes such a test.
    pub fn lift(run: &mut Run<'_>, offset: u32) -> Option<Self> {
        let (start, field) = (run.position(), Field::Payload { base: Base::Transport, offset, len: 4 });
        let number = |data: &[u8]| Some(u32::from_be_bytes(data.try_into().ok()?));
        if !header::lift(run) {
            return None;
        }
        let found = match run.equality(&field) {
            Some((inverted, data)) => number(data).map(|n| (inverted, n, n)),
            None => run
                .range(&field, &[])
                .and_then(|(inverted, min, max)| Some((inverted, number(min)?, number(max)?))),
        };
        let found = found.filter(|(_, min, max)| min <= max);
        if found.is_none() {
            run.rewind(start);
        }
        found.map(|(inverted, min, max)| Self { inverted, bounds: Bounds { min, max } })
    }

    /// Whether the first index is not the larger one.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.bounds.min <= self.bounds.max
    }

    /// The indices in the front of a struct.
    #[must_use]
    pub fn get(view: &View<'_>, inverted: bool) -> Self {
        Self { inverted, bounds: Bounds { min: view.u32(0), max: view.u32(4) } }
    }
}

/// What 1.8.11 says of a bound: unlike 1.8.9 it knows the one before it.
#[must_use]
pub fn out_of_range(extension: &str, option: &str, near: &str, lowest: u64, highest: u64) -> String {
    format!(
        "{extension}: bad value for option \"--{option}\" near \"{near}\", or out of range ({lowest}-{highest}).\n"
    )
}

struct Reader<'w, 'a> {
    word: &'w Word<'a>,
    extension: &'static str,
    option: &'w str,
    highest: u32,
}

impl Reader<'_, '_> {
    /// The highest number that 1.8.11 takes.
    fn highest_later(&self) -> u32 {
        if self.extension == "NFQUEUE" { 65_534 } else { self.highest }
    }

    /// The bound that begins at `at`, and where the next one begins; 1.8.11 says that it must be `lowest` at least.
    fn bound(&self, at: usize, open: u32, lowest: u32) -> Parsed<(u32, Option<usize>)> {
        let text = &self.word.text;
        let rest = &text[at..];
        let near = |from: usize| String::from_utf8_lossy(&text[from..]).into_owned();
        let found = match rest.first() {
            None | Some(b':') => Some((open, 0)),
            Some(_) => prefix(rest)
                .and_then(|(value, used)| Some((u32::try_from(value).ok()?, used)))
                .filter(|(value, _)| *value <= self.highest),
        };
        let (extension, option, highest) = (self.extension, self.option, self.highest);
        let Some((value, used)) = found else {
            let end = rest.iter().position(|&b| b == b':').unwrap_or(rest.len());
            let error = ValueError::new(at, at + end, format!("a number from 0 to {highest}"));
            let near = near(at);
            let classic = format!(
                "{extension}: bad value for option \"--{option}\" near \"{near}\", or out of range (0-{highest}).\n"
            );
            let later = out_of_range(extension, option, &near, lowest.into(), self.highest_later().into());
            return Err(bad_value(self.word, &error, classic).map_later(later));
        };
        match rest.get(used) {
            None => Ok((value, None)),
            Some(b':') => Ok((value, Some(at + used + 1))),
            Some(_) => {
                let error = ValueError::new(at + used, text.len(), "a number or a range FROM:TO");
                let near = near(at + used);
                let classic = format!(
                    "{extension}: Argument to \"--{option}\" has unexpected characters near \"{near}\".\n"
                );
                Err(bad_value(self.word, &error, classic))
            }
        }
    }
}
