//! Lines with one extension: the fixtures' own, options and values put together anew, and mistakes.
//!
//! A mistake is put into a line that rfw takes, so that it is the only one: of two, rfw may name the other one first.

use std::collections::BTreeSet;

use rfw_syntax::{Arity, Mode, OptionSpec};

use super::numbers::Numbers;
use super::seeds::{Frame, Seeds, Use};
use super::values::{edge, wrong};
use super::{Line, Subject};
use crate::fixture::{Place, build_line};
use crate::names::FixedNames;

/// How often a line may come out again before the extension counts as exhausted.
const TRIES: usize = 40;
/// How often to look for a line that rfw takes.
const BASES: usize = 8;

/// What kind of line to make.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// Options and values of accepted lines.
    Usual,
    /// One value at a border.
    Edge,
    /// One value wrong.
    Wrong,
    /// Options that do not go together, twice, missing, without a value, or inverted where they can't be.
    Shape,
}

/// At most `count` lines; the fixtures' own first, of which at most `whole`.
#[must_use]
pub fn lines(subject: &Subject, seeds: &Seeds, seed: u64, count: usize, whole: usize) -> Vec<Line> {
    let mut numbers = Numbers::new(seed, &subject.label());
    let names = FixedNames::new(&seeds.sets());
    let mut seen = BTreeSet::new();
    let mut lines: Vec<Line> = Vec::new();
    let mut own: Vec<&(String, Vec<String>)> = seeds.lines.iter().collect();
    if own.len() > whole {
        numbers.shuffle(&mut own);
        own.truncate(whole);
    }
    for (table, words) in own {
        let line = Line { table: table.clone(), words: words.clone(), one_mistake: true };
        if seen.insert(line.clone()) {
            lines.push(line);
        }
    }
    let mut misses = 0;
    while lines.len() < count && misses < TRIES {
        let aim = match numbers.below(100) {
            0..=39 => Aim::Usual,
            40..=74 => Aim::Edge,
            75..=84 => Aim::Wrong,
            _ => Aim::Shape,
        };
        let line = Maker { subject, seeds, names: &names, numbers: &mut numbers }.line(aim);
        match line.filter(|line| seen.insert(line.clone())) {
            Some(line) => {
                misses = 0;
                lines.push(line);
            }
            None => misses += 1,
        }
    }
    lines
}

struct Maker<'m> {
    subject: &'m Subject,
    seeds: &'m Seeds,
    names: &'m FixedNames,
    numbers: &'m mut Numbers,
}

impl Maker<'_> {
    fn line(&mut self, aim: Aim) -> Option<Line> {
        if aim == Aim::Usual {
            return Some(written(self.base()?, false));
        }
        for _ in 0..BASES {
            let mut frame = self.base()?;
            if !self.builds(&written(frame.clone(), false)) {
                continue;
            }
            match aim {
                Aim::Usual => {}
                Aim::Edge => self.change_value(&mut frame.uses, edge),
                Aim::Wrong => self.wrong_value(&mut frame.uses),
                Aim::Shape => self.misshape(&mut frame),
            }
            return Some(written(frame, true));
        }
        None
    }

    fn base(&mut self) -> Option<Frame> {
        let mut frame = self.numbers.pick(&self.seeds.frames)?.clone();
        frame.uses = if self.numbers.percent(50) { self.varied(frame.uses.clone()) } else { self.chosen() };
        Some(frame)
    }

    fn builds(&self, line: &Line) -> bool {
        let place = Place {
            family: self.subject.family,
            table: &line.table,
            chains: &self.seeds.chains,
            names: self.names,
            mode: Mode::Restore,
        };
        build_line(line.text("-A").as_bytes(), &place).is_ok()
    }

    fn used(&mut self, spec: &'static OptionSpec) -> Option<Use> {
        let values = match spec.arity {
            Arity::Flag => Vec::new(),
            _ => self.numbers.pick(self.seeds.good(spec))?.clone(),
        };
        let inverted = spec.invertible && self.numbers.percent(30);
        Some(Use { name: spec.name, inverted, values })
    }

    /// The options of a line, one or two of them with other values, one more or one less.
    fn varied(&mut self, mut uses: Vec<Use>) -> Vec<Use> {
        for used in &mut uses {
            let spec = self.subject.options.iter().find(|o| o.name == used.name);
            if let Some(new) = spec.filter(|_| self.numbers.percent(60)).and_then(|spec| self.used(spec)) {
                *used = new;
            }
        }
        match self.numbers.below(4) {
            0 if uses.len() > 1 => {
                uses.remove(self.numbers.below(uses.len()));
            }
            1 | 2 => self.add(&mut uses),
            _ => {}
        }
        uses
    }

    /// Those that must be, and some others that go with them, in any order.
    fn chosen(&mut self) -> Vec<Use> {
        let mut uses = Vec::new();
        for spec in self.subject.options.iter().filter(|o| o.required) {
            uses.extend(self.used(spec));
        }
        let more = self.numbers.below(4) + usize::from(uses.is_empty());
        for _ in 0..more {
            self.add(&mut uses);
        }
        self.numbers.shuffle(&mut uses);
        uses
    }

    /// One more option that goes with those that are there, and what it needs.
    fn add(&mut self, uses: &mut Vec<Use>) {
        let options = self.subject.options;
        let Some(spec) = self.numbers.pick(options) else { return };
        let mut wanted = vec![spec];
        wanted.extend(options.iter().filter(|o| spec.needs.contains(&o.name)));
        for spec in wanted {
            let clashes = uses.iter().any(|used| {
                let other = options.iter().find(|o| o.name == used.name);
                other.is_some_and(|other| {
                    (other.key() == spec.key() && !spec.repeatable)
                        || other.excludes.contains(&spec.name)
                        || spec.excludes.contains(&other.name)
                })
            });
            if !clashes {
                uses.extend(self.used(spec));
            }
        }
    }

    fn change_value(&mut self, uses: &mut [Use], change: fn(&str, &mut Numbers) -> String) {
        let mut places: Vec<&mut String> = uses.iter_mut().flat_map(|u| &mut u.values).collect();
        let at = self.numbers.below(places.len());
        if let Some(value) = places.get_mut(at) {
            **value = change(value, self.numbers);
        }
    }

    fn wrong_value(&mut self, uses: &mut [Use]) {
        let at = self.numbers.below(uses.len());
        let Some(used) = uses.get_mut(at) else { return };
        let spec = self.subject.options.iter().find(|o| o.name == used.name);
        let bad = spec.map_or(&[][..], |spec| self.seeds.bad(spec));
        match self.numbers.pick(bad).filter(|b| b.len() == used.values.len()).cloned() {
            Some(bad) if self.numbers.percent(40) => used.values = bad,
            _ => self.change_value(std::slice::from_mut(used), wrong),
        }
    }

    fn misshape(&mut self, frame: &mut Frame) {
        let uses = &mut frame.uses;
        let at = self.numbers.below(uses.len());
        let Some(used) = uses.get(at).cloned() else { return };
        match self.numbers.below(5) {
            0 => {
                uses.remove(at);
            }
            1 => {
                let spec = self.subject.options.iter().find(|o| o.name == used.name);
                let again = spec.and_then(|spec| self.used(spec)).unwrap_or(used);
                uses.push(again);
            }
            2 => {
                let any = self.numbers.pick(self.subject.options).and_then(|spec| self.used(spec));
                uses.extend(any);
            }
            3 => uses[at].inverted = !used.inverted,
            _ => {
                // At the end, where no other word can be taken for the value.
                let mut last = uses.remove(at);
                last.values.pop();
                uses.push(last);
                let after = std::mem::take(&mut frame.after);
                let targets = after.first().is_some_and(|w| w == "-j");
                if targets && !self.subject.target {
                    frame.before.splice(2..2, after);
                }
            }
        }
    }
}

fn written(frame: Frame, one_mistake: bool) -> Line {
    let mut words = frame.before;
    for used in frame.uses {
        if used.inverted {
            words.push("!".into());
        }
        words.push(format!("--{}", used.name));
        words.extend(used.values);
    }
    words.extend(frame.after);
    Line { table: frame.table, words, one_mistake }
}
