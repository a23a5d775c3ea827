//! Words to what the commands get: parameters, substitutions, splitting.

use rfw_diagnostics::Span;

use super::arith;
use super::ast::{Change, Parameter, Part, PartKind, Word};
use super::run::Shell;
use super::text::{Field, Text, Value, Why, fits};

/// Why an argument of the script is not known.
pub(super) const CALLED: &str = "it is what the script is called with";

/// What a parameter is.
enum Looked {
    /// One value.
    One(Value),
    /// Those of `$@` or of an array.
    List(Vec<Value>),
    /// Nothing in the script has set it.
    Unset,
}

/// A word that is being put together.
#[derive(Default)]
struct Growing {
    done: Vec<Field>,
    now: Field,
    /// Whether there is a word at all: quotes make one out of nothing.
    begun: bool,
}

impl Growing {
    fn end_word(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.done.push(std::mem::take(&mut self.now));
        } else {
            self.now = Field::default();
        }
    }

    fn unknown(&mut self, why: Why, many: bool) {
        self.begun = true;
        self.now.many |= many;
        self.now.unknown.get_or_insert(why);
    }
}

impl<'a> Shell<'a> {
    /// The fields of some words.
    pub(super) fn fields(&mut self, words: &'a [Word]) -> Vec<Field> {
        words.iter().flat_map(|word| self.split(word)).collect()
    }

    /// The fields of a word.
    fn split(&mut self, word: &'a Word) -> Vec<Field> {
        if let Some(words) = self.braces(word) {
            return words
                .into_iter()
                .map(|text| Field { text, span: word.span, ..Field::default() })
                .collect();
        }
        let mut growing = Growing::default();
        for part in &word.parts {
            self.part(part, &mut growing);
        }
        growing.end_word();
        for field in &mut growing.done {
            field.span = word.span;
        }
        growing.done
    }

    /// A word as it is: nothing is split.
    pub(super) fn whole(&mut self, word: &'a Word) -> Field {
        let mut field = Field { span: word.span, ..Field::default() };
        for part in &word.parts {
            match self.part_value(part) {
                Value::Known(text) => {
                    field.quoted |= part.quoted;
                    if matches!(part.kind, PartKind::Literal(_)) {
                        field.pattern |= !part.quoted && is_pattern(text.bytes());
                    }
                    field.text.append(&text);
                }
                Value::Unknown(why) => {
                    field.unknown.get_or_insert(why);
                }
            }
        }
        self.charge(field.text.bytes().len());
        if field.text.is_too_long() {
            field.unknown.get_or_insert(Why::new(word.span, "it is too long to be followed"));
            field.text = Text::default();
        }
        field
    }

    /// A pattern with what was quoted taken literally.
    pub(super) fn pattern(&mut self, word: &'a Word) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for part in &word.parts {
            let Value::Known(text) = self.part_value(part) else { return None };
            for &byte in text.bytes() {
                if part.quoted && matches!(byte, b'*' | b'?' | b'[' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
        }
        Some(out)
    }

    fn part_value(&mut self, part: &'a Part) -> Value {
        match &part.kind {
            PartKind::Literal(text) => Value::Known(Text::new(text, part.span)),
            PartKind::Parameter(parameter) => {
                let values = match self.parameter(parameter, part) {
                    Looked::One(value) => vec![value],
                    Looked::List(values) => values,
                    Looked::Unset => return Value::Unknown(unset(parameter, part.span)),
                };
                let mut joined = Text::default();
                for (i, value) in values.iter().enumerate() {
                    match value {
                        Value::Known(text) => {
                            if i > 0 {
                                joined.push(b" ", part.span);
                            }
                            push_as(&mut joined, text, &parameter.name, part.span);
                        }
                        Value::Unknown(why) => return Value::Unknown(why.clone()),
                    }
                }
                Value::Known(joined)
            }
            PartKind::Command(list) => match self.substitution(list, part.span) {
                Value::Known(text) => Value::Known(text.moved(part.span)),
                unknown => unknown,
            },
            PartKind::Arithmetic(span) => match self.number(*span) {
                Some(number) => Value::Known(Text::new(number.to_string().as_bytes(), part.span)),
                None => Value::Unknown(Why::new(part.span, "this number can't be worked out")),
            },
            PartKind::Other => Value::Unknown(Why::new(part.span, "this form of expansion is not followed")),
        }
    }

    fn part(&mut self, part: &'a Part, growing: &mut Growing) {
        match &part.kind {
            PartKind::Literal(text) => {
                growing.begun = true;
                growing.now.quoted |= part.quoted;
                growing.now.pattern |= !part.quoted && is_pattern(text);
                growing.now.text.push(text, part.span);
            }
            PartKind::Parameter(parameter) => {
                let looked = self.parameter(parameter, part);
                let list = match looked {
                    Looked::One(value) => return self.value(&value, &parameter.name, part, growing),
                    Looked::Unset => return growing.unknown(unset(parameter, part.span), !part.quoted),
                    Looked::List(list) => list,
                };
                for (i, value) in list.iter().enumerate() {
                    if i > 0 {
                        growing.end_word();
                    }
                    self.value(value, &parameter.name, part, growing);
                }
            }
            _ => {
                let value = self.part_value(part);
                self.value(&value, b"", part, growing);
            }
        }
    }

    /// Adds a value to the word that grows.
    fn value(&mut self, value: &Value, name: &[u8], part: &'a Part, growing: &mut Growing) {
        let text = match value {
            Value::Known(text) => text,
            Value::Unknown(why) => return growing.unknown(why.clone(), !part.quoted || name == b"@"),
        };
        self.charge(text.bytes().len());
        let push = |into: &mut Text, text: &Text| push_as(into, text, name, part.span);
        if part.quoted {
            growing.begun = true;
            growing.now.quoted = true;
            push(&mut growing.now.text, text);
            return;
        }
        let separators = self.separators();
        let bytes = text.bytes();
        let mut at = 0;
        while at < bytes.len() {
            if separators.contains(&bytes[at]) {
                growing.end_word();
                at += 1;
                continue;
            }
            let rest = &bytes[at..];
            let length = rest.iter().position(|b| separators.contains(b)).unwrap_or(rest.len());
            growing.begun = true;
            growing.now.pattern |= is_pattern(&rest[..length]);
            push(&mut growing.now.text, &text.slice(at, at + length));
            at += length;
        }
    }

    fn separators(&self) -> Vec<u8> {
        match self.variables.get(&b"IFS"[..]).and_then(|v| v.values.first()) {
            Some(Value::Known(text)) => text.bytes().to_vec(),
            _ => b" \t\n".to_vec(),
        }
    }

    /// What a parameter holds, after what `${…}` does with it.
    fn parameter(&mut self, parameter: &'a Parameter, part: &'a Part) -> Looked {
        let looked = self.look_up(parameter, part.span);
        if parameter.length {
            let length = match (&looked, parameter.index.as_deref()) {
                (Looked::List(list), _) => Some(list.len()),
                (Looked::One(Value::Known(text)), _) => Some(text.bytes().len()),
                _ => None,
            };
            return Looked::One(match length {
                Some(length) => Value::Known(Text::new(length.to_string().as_bytes(), part.span)),
                None => Value::Unknown(unset(parameter, part.span)),
            });
        }
        match &parameter.change {
            Change::Nothing => looked,
            Change::Default { operator, colon, word } => {
                self.default(looked, *operator, *colon, word, parameter, part)
            }
            Change::Strip { suffix, longest, pattern } => {
                let pattern = self.pattern(pattern);
                match (looked, pattern) {
                    (Looked::One(Value::Known(text)), Some(pattern)) => {
                        Looked::One(Value::Known(stripped(&text, &pattern, *suffix, *longest)))
                    }
                    (other @ (Looked::Unset | Looked::One(_)), _) => other,
                    _ => Looked::One(Value::Unknown(Why::new(
                        part.span,
                        "this form of expansion is not followed",
                    ))),
                }
            }
            Change::Other => {
                Looked::One(Value::Unknown(Why::new(part.span, "this form of expansion is not followed")))
            }
        }
    }

    fn default(
        &mut self,
        looked: Looked,
        operator: u8,
        colon: bool,
        word: &'a Word,
        parameter: &'a Parameter,
        part: &'a Part,
    ) -> Looked {
        let absent = match &looked {
            Looked::Unset if self.sourced => {
                return Looked::One(Value::Unknown(unset(parameter, part.span)));
            }
            Looked::Unset => true,
            Looked::One(Value::Known(text)) => colon && text.bytes().is_empty(),
            Looked::One(Value::Unknown(_)) => return looked,
            Looked::List(list) => list.is_empty(),
        };
        match (operator, absent) {
            (b'+', true) => Looked::One(Value::Known(Text::new(b"", part.span))),
            (b'+', false) => Looked::One(self.whole(word).value()),
            (_, false) => looked,
            (b'?', true) => Looked::Unset,
            (operator, true) => {
                let value = self.whole(word).value();
                if operator == b'=' {
                    self.set(&parameter.name, value.clone(), word.span);
                }
                Looked::One(value)
            }
        }
    }

    fn look_up(&mut self, parameter: &'a Parameter, at: Span) -> Looked {
        let unknown = |text: &str| Looked::One(Value::Unknown(Why::new(at, text)));
        let name = parameter.name.as_slice();
        if let Ok(number) = std::str::from_utf8(name).unwrap_or_default().parse::<usize>() {
            return match &self.arguments {
                _ if number == 0 => unknown("the name of the script is not known"),
                Some(list) => match list.get(number - 1) {
                    Some(value) => Looked::One(value.clone()),
                    None => Looked::One(Value::Known(Text::new(b"", at))),
                },
                None if matches!(parameter.change, Change::Default { .. }) => Looked::Unset,
                None => unknown(CALLED),
            };
        }
        match name {
            b"@" | b"*" => match &self.arguments {
                Some(list) if name == b"@" => Looked::List(list.clone()),
                Some(list) => Looked::One(joined(list, at)),
                None => unknown(CALLED),
            },
            b"#" => match &self.arguments {
                Some(list) => Looked::One(Value::Known(Text::new(list.len().to_string().as_bytes(), at))),
                None => unknown(CALLED),
            },
            b"?" => match self.status {
                Some(good) => Looked::One(Value::Known(Text::new(if good { b"0" } else { b"1" }, at))),
                None => unknown("the status of that command is not known"),
            },
            b"$" | b"!" | b"-" => unknown("this changes from run to run"),
            _ => self.variable(name, parameter.index.as_deref(), at),
        }
    }

    fn variable(&mut self, name: &[u8], index: Option<&[u8]>, at: Span) -> Looked {
        let Some(variable) = self.variables.get(name) else {
            return match name {
                b"EUID" | b"UID" => Looked::One(Value::Known(Text::new(b"0", at))),
                b"HOSTNAME" | b"RANDOM" | b"PPID" | b"SECONDS" => {
                    Looked::One(Value::Unknown(Why::new(at, "this changes from run to run")))
                }
                _ => Looked::Unset,
            };
        };
        let first = || variable.values.first().cloned().map_or(Looked::Unset, Looked::One);
        match index {
            None => first(),
            Some(b"@") => Looked::List(variable.values.clone()),
            Some(b"*") => Looked::One(joined(&variable.values, at)),
            Some(index) => {
                let index = index.to_vec();
                let number = arith::value(&index, &mut |name| self.integer(name));
                let Some(number) = number.and_then(|n| usize::try_from(n).ok()) else {
                    return Looked::One(Value::Unknown(Why::new(at, "which element this is can't be told")));
                };
                match self.variables.get(name).and_then(|v| v.values.get(number)) {
                    Some(value) => Looked::One(value.clone()),
                    None => Looked::One(Value::Known(Text::new(b"", at))),
                }
            }
        }
    }

    /// The value of an arithmetic expression.
    pub(super) fn number(&mut self, span: Span) -> Option<i64> {
        let text = self.text.get(span.start as usize..span.end as usize)?;
        arith::value(text, &mut |name| self.integer(name))
    }

    fn integer(&self, name: &[u8]) -> Option<i64> {
        if let Ok(number) = std::str::from_utf8(name).unwrap_or_default().parse::<usize>() {
            let Value::Known(text) = self.arguments.as_ref()?.get(number.checked_sub(1)?)? else {
                return None;
            };
            return std::str::from_utf8(text.bytes()).ok()?.trim().parse().ok();
        }
        if name == b"#" {
            return i64::try_from(self.arguments.as_ref()?.len()).ok();
        }
        match self.variables.get(name)?.values.first()? {
            Value::Known(text) if text.bytes().is_empty() => Some(0),
            Value::Known(text) => std::str::from_utf8(text.bytes()).ok()?.trim().parse().ok(),
            Value::Unknown(_) => None,
        }
    }

    /// `a{b,c}d` and `{1..3}`, one pair of braces in a word of plain letters.
    fn braces(&self, word: &Word) -> Option<Vec<Text>> {
        let text = word.bare().filter(|_| self.bash)?;
        let open = memchr::memchr(b'{', text)?;
        let close = open + memchr::memchr(b'}', &text[open..])?;
        let (head, inside, tail) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
        if inside.contains(&b'{') || tail.contains(&b'{') {
            return None;
        }
        let middles: Vec<Vec<u8>> = if inside.contains(&b',') {
            inside.split(|&b| b == b',').map(<[u8]>::to_vec).collect()
        } else {
            let (from, to) = std::str::from_utf8(inside).ok()?.split_once("..")?;
            let (from, to): (i64, i64) = (from.parse().ok()?, to.parse().ok()?);
            if from > to || to.checked_sub(from)? > 1000 {
                return None;
            }
            (from..=to).map(|n| n.to_string().into_bytes()).collect()
        };
        Some(
            middles.into_iter().map(|middle| Text::new(&[head, &middle, tail].concat(), word.span)).collect(),
        )
    }
}

/// Adds a value: of a variable with the place where it is used, of `$@` and substitutions with its own.
fn push_as(into: &mut Text, text: &Text, name: &[u8], at: Span) {
    match name {
        b"" | b"@" | b"*" => into.append(text),
        name => into.push_value(text, name, at),
    }
}

fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|b| matches!(b, b'*' | b'?')) || (text.contains(&b'[') && text.contains(&b']'))
}

fn unset(parameter: &Parameter, at: Span) -> Why {
    let name = String::from_utf8_lossy(&parameter.name);
    Why::new(at, format!("nothing in this script sets `{name}`"))
}

fn joined(list: &[Value], at: Span) -> Value {
    let mut out = Text::default();
    for (i, value) in list.iter().enumerate() {
        match value {
            Value::Known(text) => {
                if i > 0 {
                    out.push(b" ", at);
                }
                out.append(text);
            }
            Value::Unknown(why) => return Value::Unknown(why.clone()),
        }
    }
    Value::Known(out)
}

/// A text without the start or end that fits a pattern.
fn stripped(text: &Text, pattern: &[u8], suffix: bool, longest: bool) -> Text {
    let bytes = text.bytes();
    // What is longer was made by a program.
    if bytes.len() > 4096 {
        return text.clone();
    }
    let mut cuts: Vec<usize> = (0..=bytes.len()).collect();
    // From the shortest piece that may go to the longest.
    if suffix != longest {
        cuts.reverse();
    }
    let fit = cuts.into_iter().find(|&cut| fits(pattern, if suffix { &bytes[cut..] } else { &bytes[..cut] }));
    match fit {
        Some(cut) if suffix => text.slice(0, cut),
        Some(cut) => text.slice(cut, bytes.len()),
        None => text.clone(),
    }
}
