//! Variables and arrays get their values.

use rfw_diagnostics::Span;

use super::ast::{Assigned, Assignment};
use super::run::Shell;
use super::text::{Text, Value, Variable, Why};

impl<'a> Shell<'a> {
    /// Sets a variable.
    pub(super) fn set(&mut self, name: &[u8], value: Value, at: Span) {
        let variable = Variable { values: vec![value], array: false, at };
        self.variables.insert(name.to_vec(), variable);
    }

    pub(super) fn assign(&mut self, assignment: &'a Assignment) {
        let at = assignment.span;
        let index = match &assignment.index {
            Some(index) => {
                let known = super::arith::value(index, &mut |_| None).and_then(|n| usize::try_from(n).ok());
                match known.filter(|&n| n < 1000) {
                    Some(index) => Some(index),
                    None => {
                        let why = Why::new(at, "which element this is can't be told");
                        return self.set(&assignment.name, Value::Unknown(why), at);
                    }
                }
            }
            None => None,
        };
        match &assignment.value {
            Assigned::Array(words) => {
                let fields = self.fields(words);
                let mut values: Vec<Value> = fields
                    .into_iter()
                    .map(|f| match f.pattern && f.unknown.is_none() {
                        true => Value::Unknown(Why::new(f.span, "these are files of the host")),
                        false => f.value(),
                    })
                    .collect();
                if assignment.append
                    && let Some(have) = self.variables.get(&assignment.name)
                {
                    values = have.values.iter().cloned().chain(values).collect();
                }
                self.charge(values.len() * 64);
                self.variables.insert(assignment.name.clone(), Variable { values, array: true, at });
            }
            Assigned::One(word) => {
                let value = self.whole(word).value();
                let slot = index.unwrap_or(0);
                let have = self.variables.get(&assignment.name).and_then(|v| v.values.get(slot)).cloned();
                let value = match (assignment.append, have, value) {
                    (true, Some(Value::Known(mut have)), Value::Known(more)) => {
                        have.append(&more);
                        Value::Known(have)
                    }
                    (true, Some(unknown @ Value::Unknown(_)), _) => unknown,
                    (true, None, _) if index.is_none() => {
                        Value::Unknown(Why::new(at, "nothing in this script sets what this is added to"))
                    }
                    (_, _, value) => value,
                };
                match index {
                    None => self.set(&assignment.name, value, at),
                    Some(slot) => self.set_element(&assignment.name, slot, value, at),
                }
            }
        }
    }

    fn set_element(&mut self, name: &[u8], slot: usize, value: Value, at: Span) {
        let fresh = Variable { values: Vec::new(), array: true, at };
        let variable = self.variables.entry(name.to_vec()).or_insert(fresh);
        while variable.values.len() <= slot {
            variable.values.push(Value::Known(Text::default()));
        }
        variable.values[slot] = value;
    }
}
