//! Which option a word means: the base options, and those of the extensions loaded so far.

use crate::command::Loaded;
use crate::dictionary::{ExtId, OptionSpec};
use crate::words::Word;

use super::Parser;

/// A base option: its letter and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) letter: u8,
    pub(super) long: &'static str,
    pub(super) value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    None,
    Required,
    Optional,
}

pub(super) const fn base(letter: u8, long: &'static str, value: Value) -> Base {
    Base { letter, long, value }
}

/// The base options of iptables(8), with both names of each.
pub(super) const BASE: &[Base] = &[
    base(b'A', "append", Value::Required),
    base(b'C', "check", Value::Required),
    base(b'D', "delete", Value::Required),
    base(b'I', "insert", Value::Required),
    base(b'R', "replace", Value::Required),
    base(b'L', "list", Value::Optional),
    base(b'S', "list-rules", Value::Optional),
    base(b'F', "flush", Value::Optional),
    base(b'Z', "zero", Value::Optional),
    base(b'N', "new-chain", Value::Required),
    base(b'X', "delete-chain", Value::Optional),
    base(b'E', "rename-chain", Value::Required),
    base(b'P', "policy", Value::Required),
    base(b's', "source", Value::Required),
    base(b's', "src", Value::Required),
    base(b'd', "destination", Value::Required),
    base(b'd', "dst", Value::Required),
    base(b'p', "protocol", Value::Required),
    base(b'i', "in-interface", Value::Required),
    base(b'o', "out-interface", Value::Required),
    base(b'j', "jump", Value::Required),
    base(b'g', "goto", Value::Required),
    base(b'm', "match", Value::Required),
    base(b't', "table", Value::Required),
    base(b'M', "modprobe", Value::Required),
    base(b'c', "set-counters", Value::Required),
    base(b'f', "fragments", Value::None),
    base(b'n', "numeric", Value::None),
    base(b'v', "verbose", Value::None),
    base(b'x', "exact", Value::None),
    base(b'0', "line-numbers", Value::None),
    base(b'w', "wait", Value::Optional),
    base(b'W', "wait-interval", Value::Optional),
    base(b'h', "help", Value::None),
    base(b'V', "version", Value::None),
    base(b'4', "ipv4", Value::None),
    base(b'6', "ipv6", Value::None),
];

/// The option of a letter; `0` stands for none.
pub(super) fn base_of(letter: u8) -> Option<Base> {
    /// One more than the place in [`BASE`] of a letter's first option.
    const PLACES: [u8; 128] = {
        let mut places = [0; 128];
        let mut at = BASE.len();
        while at > 0 {
            places[BASE[at - 1].letter as usize] = at as u8;
            at -= 1;
        }
        places[b'0' as usize] = 0;
        places
    };
    let place = PLACES.get(usize::from(letter))?.checked_sub(1)?;
    BASE.get(usize::from(place)).copied()
}

/// The long name of a base option, with its dashes, as 1.8.11 names it where 1.8.9 has the letter.
pub(crate) fn long_of(letter: u8) -> String {
    let base = BASE.iter().find(|base| base.letter == letter);
    base.map_or_else(|| format!("-{}", char::from(letter)), |base| format!("--{}", base.long))
}

/// Which loaded extension an option belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Match(usize),
    Target,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Base(Base),
    Extension(Owner, &'static OptionSpec),
    Ambiguous,
    Nothing,
}

impl<'a> Parser<'_, 'a> {
    pub(super) fn find_or_load(&mut self, name: &[u8], word: &Word<'a>) -> Found {
        let found = self.find(name);
        if !matches!(found, Found::Nothing) || self.implicit_tried {
            return found;
        }
        let Some(protocol) = &self.command.rule.protocol else { return found };
        let Some(id) = self.dictionary.implicit_match(&protocol.value.text) else { return found };
        if self.command.rule.matches.iter().any(|m| m.id == id) {
            return found;
        }
        self.implicit_tried = true;
        self.command.rule.matches.push(Loaded::new(id, word.span, true));
        let found = self.find(name);
        if matches!(found, Found::Nothing) {
            self.command.rule.matches.pop();
            self.implicit_tried = false;
        }
        found
    }

    /// The loaded extensions, the newest first.
    pub(super) fn loaded(&self) -> impl Iterator<Item = (Owner, ExtId)> + '_ {
        let target = self.command.rule.target.iter().filter_map(|t| t.extension.as_ref());
        let matches = self.command.rule.matches.iter().enumerate().rev();
        target.map(|t| (Owner::Target, t.id)).chain(matches.map(|(index, m)| (Owner::Match(index), m.id)))
    }

    /// Exact names first, then prefixes that only one option has, as getopt_long does.
    pub(super) fn find(&self, name: &[u8]) -> Found {
        // Most names of a length already differ in their first letter.
        let is = |long: &str| {
            let long = long.as_bytes();
            long.len() == name.len() && long.first() == name.first() && long == name
        };
        if let Some(&base) = BASE.iter().find(|b| is(b.long)) {
            return Found::Base(base);
        }
        for (owner, id) in self.loaded() {
            if let Some(spec) = self.dictionary.options(id).iter().find(|o| is(o.name)) {
                return Found::Extension(owner, spec);
            }
        }
        let mut candidate = Found::Nothing;
        let mut candidate_key: Option<(bool, &str)> = None;
        let mut consider = |found: Found, key: (bool, &'static str)| {
            if candidate_key.is_none() {
                candidate_key = Some(key);
                candidate = found;
            } else if candidate_key != Some(key) {
                candidate = Found::Ambiguous;
            }
        };
        for base in BASE.iter().filter(|b| b.long.as_bytes().starts_with(name)) {
            let first = BASE.iter().find(|b| b.letter == base.letter).map_or(base.long, |b| b.long);
            consider(Found::Base(*base), (true, first));
        }
        for (owner, id) in self.loaded() {
            for spec in self.dictionary.options(id).iter().filter(|o| o.name.as_bytes().starts_with(name)) {
                consider(Found::Extension(owner, spec), (false, spec.key()));
            }
        }
        candidate
    }
}
