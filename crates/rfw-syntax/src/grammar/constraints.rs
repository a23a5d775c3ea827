//! The options of extensions, and what may stand together (the order of the checks is libxtables').

use rfw_diagnostics::{Diagnostic, Span, codes};

use crate::command::{Loaded, Use};
use crate::dictionary::{Arity, Dictionary, OptionSpec};
use crate::words::Word;

use super::options::Owner;
use super::{Parser, Result, parameter};

impl<'a> Parser<'_, 'a> {
    pub(super) fn extension(
        &mut self,
        owner: Owner,
        spec: &'static OptionSpec,
        word: &Word<'a>,
        attached: Option<Word<'a>>,
    ) -> Result<()> {
        let inverted = self.invert.take();
        let mut values = [None, None];
        match spec.arity {
            Arity::Flag if attached.is_some() => return Err(self.unknown(word, &word.text)),
            Arity::Flag => {}
            Arity::Optional => {
                values[0] = attached;
                if values[0].is_none() && self.peek_is_value() {
                    values[0] = self.words.get(self.next).cloned();
                    self.next += 1;
                }
            }
            Arity::One => values[0] = Some(self.required(word, attached, spec.free_text)?),
            Arity::Two => {
                values[0] = Some(self.required(word, attached, false)?);
                values[1] = Some(self.second_value(word, spec)?);
            }
        }
        let id = match owner {
            Owner::Match(index) => self.command.rule.matches[index].id,
            Owner::Target => match self.command.rule.target.as_ref().and_then(|t| t.extension.as_ref()) {
                Some(loaded) => loaded.id,
                None => return Ok(()),
            },
        };
        let name = self.dictionary.name(id);
        let used = Use { option: spec, inverted: inverted.is_some(), at: word.span, values };
        let loaded = match owner {
            Owner::Match(index) => &mut self.command.rule.matches[index],
            Owner::Target => match self.command.rule.target.as_mut().and_then(|t| t.extension.as_mut()) {
                Some(loaded) => loaded,
                None => return Ok(()),
            },
        };
        check_use(name, &loaded.uses, &used, inverted)?;
        loaded.uses.push(used);
        Ok(())
    }
}

/// The constraints of one more use of an option (the order of the checks is libxtables').
pub(super) fn check_use(
    extension: &str,
    earlier: &[Use<'_>],
    used: &Use<'_>,
    inverted: Option<Span>,
) -> Result<()> {
    // An alias is called by its first name, as in the original.
    let name = used.option.key();
    if !used.option.repeatable
        && let Some(other) = earlier.iter().find(|u| u.option.key() == used.option.key())
    {
        return Err(parameter(
            codes::OPTION_REPEATED,
            used.at,
            conflict(used.option, || format!("{extension}: option \"--{name}\" can only be used once.\n")),
            "keep one of them",
        )
        .map_also(other.at, "given here already"));
    }
    if let Some(bang) = inverted
        && !used.option.invertible
    {
        return Err(parameter(
            codes::OPTION_NOT_INVERTIBLE,
            bang.to(used.at),
            format!("{extension}: option \"--{name}\" cannot be inverted.\n"),
            "this option has no opposite",
        ));
    }
    Ok(())
}

/// The option's own words, or the usual ones.
pub(super) fn conflict(option: &OptionSpec, usual: impl FnOnce() -> String) -> String {
    option.conflict.map_or_else(usual, str::to_owned)
}

pub(super) trait MapAlso {
    fn map_also(self, span: Span, text: &str) -> Self;
}

impl MapAlso for Box<Diagnostic> {
    fn map_also(self, span: Span, text: &str) -> Self {
        Self::new((*self).also(span, text))
    }
}

/// What an extension still needs when all its options are known.
pub(super) fn check_complete(dictionary: &dyn Dictionary, loaded: &Loaded<'_>) -> Result<()> {
    let extension = dictionary.name(loaded.id);
    let has = |name: &str| loaded.uses.iter().any(|u| u.option.key() == name);
    // The original goes through its table, not through the command line.
    for spec in dictionary.options(loaded.id).iter().filter(|s| s.alias_of.is_none()) {
        let Some(used) = loaded.uses.iter().find(|u| u.option.key() == spec.name) else {
            if !spec.required {
                continue;
            }
            return Err(parameter(
                codes::OPTION_REQUIRED,
                loaded.at,
                format!("{extension}: option \"--{}\" must be specified\n", spec.name),
                format!("add `--{} {}`", spec.name, spec.value),
            ));
        };
        let excluded = |u: &&Use<'_>| u.option.key() != spec.name && spec.excludes.contains(&u.option.key());
        if let Some(other) = loaded.uses.iter().find(excluded) {
            return Err(parameter(
                codes::OPTIONS_EXCLUSIVE,
                used.at,
                conflict(spec, || {
                    format!(
                        "{extension}: option \"--{}\" cannot be used together with \"--{}\".\n",
                        spec.name,
                        other.option.key()
                    )
                }),
                "keep one of them",
            )
            .map_also(other.at, "the other one"));
        }
        if let Some(missing) = spec.needs.iter().find(|n| !has(n)) {
            return Err(parameter(
                codes::OPTION_REQUIRED,
                used.at,
                format!("{extension}: option \"--{}\" also requires \"--{missing}\".\n", spec.name),
                format!("add `--{missing}`"),
            ));
        }
    }
    Ok(())
}
