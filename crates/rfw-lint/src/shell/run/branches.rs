//! Conditions, loops and `case`: which commands run, and how often.

use rfw_diagnostics::Span;

use super::{Flow, Shell, span_of};
use crate::shell::ast::{Arm, List, PartKind, Word};
use crate::shell::expand::CALLED;
use crate::shell::text::{Field, Value, Why, fits};

impl<'a> Shell<'a> {
    pub(super) fn conditional(
        &mut self,
        branches: &'a [(List, List)],
        otherwise: Option<&'a List>,
        at: Span,
    ) -> Flow {
        for (i, (condition, body)) in branches.iter().enumerate() {
            let flow = self.list(condition);
            if flow != Flow::Next {
                return flow;
            }
            match self.status {
                Some(true) => return self.list(body),
                Some(false) => {}
                None => {
                    let at = condition.0.last().map_or(at, |c| span_of(&c.first));
                    let why = || Why::new(at, "whether this holds can't be told");
                    self.maybe(why(), |shell| {
                        shell.list(body);
                    });
                    self.maybe(why(), |shell| {
                        shell.conditional(&branches[i + 1..], otherwise, at);
                    });
                    return Flow::Next;
                }
            }
        }
        self.status = Some(true);
        otherwise.map_or(Flow::Next, |list| self.list(list))
    }

    /// One more round of a loop; `Some` where the loop ends.
    fn round(&mut self, body: &'a List) -> Option<Flow> {
        match self.list(body) {
            Flow::Next => None,
            Flow::Continue(0 | 1) => None,
            Flow::Continue(n) => Some(Flow::Continue(n - 1)),
            Flow::Break(0 | 1) => Some(Flow::Next),
            Flow::Break(n) => Some(Flow::Break(n - 1)),
            other => Some(other),
        }
    }

    pub(super) fn repeat(&mut self, until: bool, condition: &'a List, body: &'a List, at: Span) -> Flow {
        loop {
            self.steps += 1;
            if self.steps > self.limit {
                self.firewall.gave_up(at);
                return Flow::Exit;
            }
            let flow = self.list(condition);
            if flow != Flow::Next {
                return flow;
            }
            match self.status {
                Some(held) if held != until => {}
                Some(_) => {
                    self.status = Some(true);
                    return Flow::Next;
                }
                None => {
                    let at = condition.0.last().map_or(at, |c| span_of(&c.first));
                    self.maybe(Why::new(at, "how often this loop runs can't be told"), |shell| {
                        shell.list(body);
                    });
                    return Flow::Next;
                }
            }
            if let Some(flow) = self.round(body) {
                return flow;
            }
        }
    }

    pub(super) fn each(
        &mut self,
        name: &'a [u8],
        words: Option<&'a [Word]>,
        body: &'a List,
        at: Span,
    ) -> Flow {
        let fields = match words {
            Some(words) => self.fields(words),
            None => match &self.arguments {
                Some(list) => list.iter().map(|value| Field::of(value, at)).collect(),
                None => {
                    vec![Field::of(&Value::Unknown(Why::new(at, CALLED)), at)]
                }
            },
        };
        for field in fields {
            let why = match (&field.unknown, field.pattern) {
                (Some(why), _) => Some(why.clone()),
                (None, true) => Some(Why::new(field.span, "these are files of the host")),
                (None, false) => None,
            };
            match why {
                None => {
                    self.set(name, field.value(), field.span);
                    if let Some(flow) = self.round(body) {
                        return flow;
                    }
                }
                Some(why) => {
                    let value = Value::Unknown(Why::new(field.span, why.text.clone()));
                    let why =
                        Why::new(field.span, format!("what this loop runs over can't be told: {}", why.text));
                    self.maybe(why, |shell| {
                        shell.set(name, value, field.span);
                        shell.list(body);
                    });
                }
            }
        }
        Flow::Next
    }

    pub(super) fn case(&mut self, word: &'a Word, arms: &'a [Arm]) -> Flow {
        let field = self.whole(word);
        if let Some(text) = field.known() {
            let text = text.to_vec();
            for arm in arms {
                for pattern in &arm.patterns {
                    match self.pattern(pattern) {
                        Some(pattern) if fits(&pattern, &text) => return self.list(&arm.body),
                        Some(_) => {}
                        None => {
                            return self.each_arm(arms, Why::new(pattern.span, "this pattern can't be told"));
                        }
                    }
                }
            }
            self.status = Some(true);
            return Flow::Next;
        }
        // What a person calls the script with: it is read as it is run to put the rules up.
        let called = self.arguments.is_none() && word.parts.iter().any(|p| is_first_argument(&p.kind));
        let starts = |arm: &&Arm| arm.patterns.iter().any(|p| p.bare().is_some_and(|t| t == b"start"));
        if called && let Some(arm) = arms.iter().find(starts) {
            self.firewall.assumed_start(word.span);
            return self.list(&arm.body);
        }
        let text = field.unknown.map_or_else(String::new, |why| why.text);
        self.each_arm(arms, Why::new(word.span, format!("which of the cases this is can't be told: {text}")));
        Flow::Next
    }

    fn each_arm(&mut self, arms: &'a [Arm], why: Why) -> Flow {
        for arm in arms {
            self.maybe(why.clone(), |shell| {
                shell.list(&arm.body);
            });
        }
        Flow::Next
    }
}

fn is_first_argument(kind: &PartKind) -> bool {
    matches!(kind, PartKind::Parameter(p) if p.name == b"1")
}
