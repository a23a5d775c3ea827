//! Commands applied to a [`Model`].
//!
//! What the text does not say is not guessed: a list of commands starts from an unknown system, so a deletion that finds
//! nothing is no finding.

use rfw_compiler::foreign::ForeignRule;
use rfw_compiler::{Body, BuildCx, Rule, TableSpec, build, unknown_target};
use rfw_diagnostics::{Diagnostic, Span, codes};
use rfw_extensions::{Names, Registry, is_verdict};
use rfw_nft::Family;
use rfw_syntax::{Action, Command, Word};

use crate::Finding;
use crate::checks::{WRITTEN, chain_still_referenced, undefined_chain};
use crate::commands::Watch;
use crate::conditions::Conditions;
use crate::facts::Facts;
use crate::model::{Chain, Model, Placed, Policy, Table};
use crate::read::Input;
use crate::written::Written;

/// The state of reading.
pub(crate) struct Reader<'n> {
    pub(crate) model: Model,
    pub(crate) family: Family,
    pub(crate) names: &'n dyn Names,
    pub(crate) facts: &'n Facts,
    pub(crate) registry: Registry,
    /// The block that is open in a save file, and its first line.
    pub(crate) table: Option<(&'static TableSpec, Span)>,
    /// Open sessions, while commands are applied one by one.
    pub(crate) watch: Watch,
    /// Policies of which it is not known whether they were set: table, chain, where.
    pub(crate) unsure_policies: Vec<(&'static str, Vec<u8>, Span)>,
    /// All of the text.
    pub(crate) text: &'n [u8],
    /// Chains that were found to be missing: table and name, each reported once.
    pub(crate) unknown_chains: Vec<(&'static str, Vec<u8>)>,
}

impl<'n> Reader<'n> {
    /// Before the first line.
    pub(crate) fn new(
        model: Model,
        registry: Registry,
        names: &'n dyn Names,
        facts: &'n Facts,
        text: &'n [u8],
    ) -> Self {
        Self {
            family: model.family,
            model,
            names,
            facts,
            registry,
            table: None,
            watch: Watch::default(),
            unsure_policies: Vec::new(),
            text,
            unknown_chains: Vec::new(),
        }
    }
}

/// Why a command can't be applied; nothing where no finding is to be made of it.
pub(crate) struct Refused(pub(crate) Option<Box<Diagnostic>>);

impl Reader<'_> {
    /// Applies one command.
    ///
    /// # Errors
    /// What is wrong with the rule it makes; nothing has changed then.
    pub(crate) fn apply(
        &mut self,
        spec: &'static TableSpec,
        command: &Command<'_>,
        words: &[Word<'_>],
        span: Span,
    ) -> Result<(), Refused> {
        let table = self.model.enter(spec);
        match command.action {
            Action::Append | Action::Insert | Action::Replace | Action::Delete => {
                self.rule_command(spec, table, command, words, span)?;
            }
            Action::DeleteNumber => {
                if let (Some(chain), Some(number)) = (self.chain_of(table, command), command.number) {
                    remove(&mut self.model.tables[table].chains[chain].rules, number);
                }
            }
            Action::Flush => match (&command.chain, self.chain_of(table, command)) {
                (Some(_), Some(chain)) => self.model.tables[table].chains[chain].rules.clear(),
                (Some(_), None) => {}
                (None, _) => self.model.tables[table].chains.iter_mut().for_each(|c| c.rules.clear()),
            },
            Action::NewChain => {
                if let Some(name) = &command.chain {
                    self.model.tables[table].add(&name.text, span, self.facts);
                }
            }
            Action::DeleteChain => self.delete_chains(table, command, span),
            Action::RenameChain => self.rename(table, command, span),
            Action::Policy => self.policy(table, command, span),
            Action::Check
            | Action::List
            | Action::ListRules
            | Action::Zero
            | Action::ZeroNumber
            | Action::Help
            | Action::Version => {}
        }
        Ok(())
    }

    /// A line that does not parse: what can be told of it is that some rule may stand at the end of its chain.
    pub(crate) fn broken(
        &mut self,
        spec: &'static TableSpec,
        words: &[Word<'_>],
        span: Span,
        why: Option<Diagnostic>,
    ) {
        let table = self.model.enter(spec);
        let after = |names: [&[u8]; 4]| {
            let at = words.iter().position(|w| names.contains(&&*w.text))?;
            words.get(at + 1)
        };
        let chain = after([b"-A", b"--append", b"-I", b"--insert"]);
        let target = after([b"-j", b"--jump", b"-g", b"--goto"]);
        if let Some(diagnostic) = why {
            self.fault(spec, words, diagnostic);
        }
        let known = &self.model.tables[table];
        let Some(chain) = chain.and_then(|w| known.position(&w.text)) else { return };
        // Who says the old name of a chain means the chain.
        let means = |name: &[u8]| {
            let renamed = known.renamed.iter().rev().find(|(old, ..)| old == name);
            renamed.map_or_else(|| name.to_vec(), |(_, new, _)| new.clone())
        };
        let placed = Placed {
            body: None,
            conditions: Conditions::unknown(),
            span,
            step: None,
            match_spans: Vec::new(),
            target_span: target.map(|w| w.span),
            mentions: target.map(|w| means(&w.text)),
        };
        let inserted = words.iter().any(|w| matches!(&*w.text, b"-I" | b"--insert"));
        let rules = &mut self.model.tables[table].chains[chain].rules;
        rules.insert(if inserted { 0 } else { rules.len() }, placed);
    }

    /// A rule of a live listing that has no iptables form.
    pub(crate) fn foreign(&mut self, spec: &'static TableSpec, rule: &ForeignRule, span: Span) {
        let table = self.model.enter(spec);
        let conditions = Conditions::of_expressions(&rule.exprs, self.family);
        let mentions = match &conditions.outcome {
            crate::conditions::Outcome::Jump(chain) | crate::conditions::Outcome::Goto(chain) => {
                Some(chain.clone())
            }
            _ => None,
        };
        let Some(chain) = self.model.tables[table].position(&rule.chain) else { return };
        self.model.tables[table].chains[chain].rules.push(Placed {
            body: Some(Body::Foreign(rule.exprs.clone())),
            conditions,
            span,
            step: None,
            match_spans: Vec::new(),
            target_span: None,
            mentions,
        });
    }

    fn chain_of(&self, table: usize, command: &Command<'_>) -> Option<usize> {
        self.model.tables[table].position(&command.chain.as_ref()?.text)
    }

    fn rule_command(
        &mut self,
        spec: &'static TableSpec,
        table: usize,
        command: &Command<'_>,
        words: &[Word<'_>],
        span: Span,
    ) -> Result<(), Refused> {
        let Some(name) = &command.chain else { return Ok(()) };
        let cx = BuildCx { family: self.family, table: spec.name, chain: &name.text, names: self.names };
        let rules = build(&command.rule, &cx).map_err(|diagnostic| Refused(Some(diagnostic)))?;
        let Some(chain) = self.chain_for(table, name, command.action, span)? else { return Ok(()) };
        if command.action == Action::Delete {
            for rule in &rules {
                let kept = &mut self.model.tables[table].chains[chain].rules;
                if let Some(at) =
                    kept.iter().position(|r| matches!(&r.body, Some(Body::Rule(r)) if r == rule))
                {
                    kept.remove(at);
                }
            }
            return Ok(());
        }
        if let Some(target) = &command.rule.target
            && let Some(chain) = rules.first().and_then(|r| r.target.chain())
            && !is_verdict(chain)
            && self.model.tables[table].position(chain).is_none()
        {
            return Err(Refused(self.missing_target(table, &target.name)));
        }
        let placed: Vec<Placed> = rules.into_iter().map(|rule| self.place(rule, command, span)).collect();
        if let Some(first) = placed.first() {
            self.look(spec, command, first, words);
        }
        let kept = &mut self.model.tables[table].chains[chain].rules;
        let number = command.number.map_or(1, |n| usize::try_from(n).unwrap_or(usize::MAX)).max(1);
        match command.action {
            Action::Append => kept.extend(placed),
            Action::Replace if number <= kept.len() => drop(kept.splice(number - 1..number, placed)),
            Action::Replace => {}
            _ => {
                // Rules of one -I are inserted one after another at the same number.
                let at = (number - 1).min(kept.len());
                drop(kept.splice(at..at, placed.into_iter().rev()));
            }
        }
        Ok(())
    }

    /// Runs the checks of what was written.
    fn look(&mut self, spec: &'static TableSpec, command: &Command<'_>, placed: &Placed, words: &[Word<'_>]) {
        let Some(Body::Rule(rule)) = &placed.body else { return };
        let written = Written {
            command,
            rule,
            conditions: &placed.conditions,
            table: spec,
            family: self.family,
            facts: self.facts,
            registry: &self.registry,
            text: self.text,
        };
        let mut found = Vec::new();
        for check in WRITTEN {
            check(&written, &mut found);
        }
        for diagnostic in found {
            self.fault(spec, words, diagnostic);
        }
    }

    /// The chain that a rule is for; none where the rule is to be left out.
    fn chain_for(
        &mut self,
        table: usize,
        name: &Word<'_>,
        action: Action,
        span: Span,
    ) -> Result<Option<usize>, Refused> {
        if let Some(at) = self.model.tables[table].position(&name.text) {
            return Ok(Some(at));
        }
        if action == Action::Delete || self.made_elsewhere(name) {
            return Ok(None);
        }
        let known = &self.model.tables[table];
        if let Some(diagnostic) = chain_still_referenced::renamed(known, name) {
            return Err(Refused(Some(Box::new(diagnostic))));
        }
        let input = self.model.input;
        let (diagnostic, meant) = undefined_chain::missing(known, name, input);
        if let Some(meant) = meant {
            self.report(diagnostic);
            return Ok(Some(meant));
        }
        // The declaration was lost: the rules are still meant for a chain of that name.
        let (table_name, shown) = (known.name, name.lossy().into_owned());
        if !self.unknown_chains.contains(&(table_name, name.text.to_vec())) {
            let (table, chain) = (Some(table_name.to_owned()), Some(shown));
            self.model.findings.push(Finding { table, chain, ..Finding::new(diagnostic) });
        }
        let known = &mut self.model.tables[table];
        known.add(&name.text, span, self.facts);
        Ok(known.position(&name.text))
    }

    fn place(&self, rule: Rule, command: &Command<'_>, span: Span) -> Placed {
        Placed {
            conditions: Conditions::of_rule(&rule, self.family),
            span,
            step: None,
            match_spans: command.rule.matches.iter().map(|m| m.at).collect(),
            target_span: command.rule.target.as_ref().map(|t| t.name.span),
            mentions: rule.target.chain().map(<[u8]>::to_vec),
            body: Some(Body::Rule(rule)),
        }
    }

    /// What to say of `-j NAME` where nothing has that name; nothing where another program makes the chain, or it was said.
    fn missing_target(&mut self, table: usize, name: &Word<'_>) -> Option<Box<Diagnostic>> {
        let known = &self.model.tables[table];
        if let Some(diagnostic) = chain_still_referenced::renamed(known, name) {
            return Some(Box::new(diagnostic));
        }
        if self.made_elsewhere(name) {
            return None;
        }
        let chains: Vec<String> = known.chains.iter().map(Chain::shown).collect();
        let chains: Vec<&str> = chains.iter().map(String::as_str).collect();
        let mut found = unknown_target(name, known.name, &chains, &self.registry);
        if found.code == codes::UNDEFINED_CHAIN {
            let key = (known.name, name.text.to_vec());
            if self.unknown_chains.contains(&key) {
                return None;
            }
            found.fix = undefined_chain::declaration(known, name, self.model.input);
            self.unknown_chains.push(key);
        }
        Some(found)
    }

    /// A list of commands may count on the chains of programs that run already.
    fn made_elsewhere(&self, name: &Word<'_>) -> bool {
        self.model.input != Input::Save && self.facts.is_external(&name.text)
    }

    fn delete_chains(&mut self, table: usize, command: &Command<'_>, span: Span) {
        let known = &mut self.model.tables[table];
        match &command.chain {
            Some(name) => {
                let user = known.position(&name.text).filter(|&at| known.chains[at].policy.is_none());
                if user.is_none() {
                    return;
                }
                match chain_still_referenced::in_use(known, &name.text, span) {
                    Some(finding) => self.model.findings.push(finding),
                    None => known.retain(|c| c.name != *name.text),
                }
            }
            None => {
                let user = known.chains.iter().filter(|c| c.policy.is_none());
                let found = user
                    .map(|c| c.name.clone())
                    .find_map(|name| chain_still_referenced::in_use(known, &name, span));
                match found {
                    Some(finding) => self.model.findings.push(finding),
                    None => known.retain(|c| c.policy.is_some()),
                }
            }
        }
    }

    fn rename(&mut self, table: usize, command: &Command<'_>, span: Span) {
        let (Some(old), Some(new)) = (&command.chain, &command.argument) else { return };
        let known = &mut self.model.tables[table];
        let Some(at) = known.position(&old.text) else { return };
        if known.position(&new.text).is_some() || known.chains[at].policy.is_some() {
            return;
        }
        known.rename(at, &new.text, self.facts);
        known.renamed.push((old.text.to_vec(), new.text.to_vec(), span));
        follow_rename(known, &old.text, &new.text);
    }

    fn policy(&mut self, table: usize, command: &Command<'_>, span: Span) {
        let (Some(chain), Some(word)) = (self.chain_of(table, command), &command.argument) else { return };
        let policy = match &*word.text {
            b"ACCEPT" => Policy::Accept,
            b"DROP" => Policy::Drop,
            _ => {
                let found = Diagnostic::error(
                    codes::BAD_POLICY,
                    word.span,
                    format!("`{}` is no policy", word.lossy()),
                );
                return self.report(found.help("a policy is `ACCEPT` or `DROP`"));
            }
        };
        let chain = &mut self.model.tables[table].chains[chain];
        if chain.policy.is_some() {
            (chain.policy, chain.span) = (Some(policy), Some(span));
        }
    }
}

/// Rules that jump to a renamed chain jump to its new name: the kernel holds a pointer.
fn follow_rename(table: &mut Table, old: &[u8], new: &[u8]) {
    use crate::conditions::Outcome;
    for placed in table.chains.iter_mut().flat_map(|c| &mut c.rules) {
        if placed.mentions.as_deref() != Some(old) {
            continue;
        }
        placed.mentions = Some(new.to_vec());
        if let Outcome::Jump(chain) | Outcome::Goto(chain) = &mut placed.conditions.outcome {
            *chain = new.to_vec();
        }
        if let Some(Body::Rule(rule)) = &mut placed.body
            && let rfw_compiler::RuleTarget::Jump(chain) | rfw_compiler::RuleTarget::Goto(chain) =
                &mut rule.target
        {
            *chain = new.to_vec();
        }
    }
}

fn remove(rules: &mut Vec<Placed>, number: u32) {
    let at = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
    if at < rules.len() {
        rules.remove(at);
    }
}
