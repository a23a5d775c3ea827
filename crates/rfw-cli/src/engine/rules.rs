//! Rules: append, insert, delete, replace, check.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use rfw_compiler::foreign::{self, ForeignRule};
use rfw_compiler::{Body, Kept, Part, Rule, Stored, kept, lower_lists, normal};
use rfw_diagnostics::{Classic, Code, Diagnostic, Span, codes};
use rfw_nft::Expr;
use rfw_nft::message::{Compat, NewRule, Place};
use rfw_syntax::{Dictionary, Word};

use super::ops::OpKind;
use super::shares::write_rule;
use super::state::RuleRef;
use super::stored::{Dumped, read_rules, resolve};
use super::{Done, Halt, Transaction};

/// A rule and the words it came from.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'r> {
    /// What it says.
    pub rule: &'r Rule,
    /// Its initial counters.
    pub counters: (u64, u64),
    /// The words.
    pub span: Span,
}

fn other(code: Code, span: Span, message: String, classic: &str, help: &str) -> Halt {
    Box::new(Diagnostic::error(code, span, message).help(help).classic(Classic::Other(classic.to_owned())))
        .into()
}

impl Transaction<'_> {
    fn chain_id_name(&self, table: usize, chain: u32) -> Vec<u8> {
        self.tables[table].chain_name(chain).unwrap_or_default().to_vec()
    }

    /// The chain after `-j` or `-g` exists, or the diagnostic that it does not.
    pub fn check_target(&mut self, table: usize, name: &Word<'_>, dictionary: &dyn Dictionary) -> Done<()> {
        if self.find_chain(table, &name.text)?.is_some() {
            return Ok(());
        }
        let spec = self.tables[table].spec;
        if spec.chain(&name.text).is_some() {
            // A base chain that is not there yet; the kernel refuses the jump in its own words.
            return Ok(());
        }
        self.load_chains(table)?;
        let chains: Vec<String> =
            self.tables[table].present().map(|(_, n, _)| String::from_utf8_lossy(n).into_owned()).collect();
        let chains: Vec<&str> = chains.iter().map(String::as_str).collect();
        Err(rfw_compiler::unknown_target(name, spec.name, &chains, dictionary).into())
    }

    /// The refusal for a chain that is not there.
    pub fn no_chain(&self, table: usize, name: &Word<'_>) -> Halt {
        super::chains::no_chain(name, self.tables[table].spec.name).into()
    }

    /// The rules of a chain, read at the first question.
    pub fn load_rules(&mut self, table: usize, chain: u32) -> Done<()> {
        if self.tables[table].chain(chain).rules.is_some() {
            return Ok(());
        }
        let name = self.chain_id_name(table, chain);
        let id = self.table_id(table);
        let (family, names) = (self.family, self.names);
        let rules = read_rules(self.kernel, id, &name, family, names)?;
        let rules = rules.into_iter().map(|stored| RuleRef::Kernel(Box::new(stored))).collect();
        self.tables[table].chain_mut(chain).rules = Some(rules);
        Ok(())
    }

    fn rule_ids(&mut self, table: usize, chain: u32) -> Done<&mut VecDeque<RuleRef>> {
        self.load_rules(table, chain)?;
        Ok(self.tables[table].chain_mut(chain).rules.get_or_insert_default())
    }

    /// The handle of a rule by its index, from 0, or how many there are; the chain is read no further than that. `None` if this
    /// transaction keeps its own count of the rules.
    fn handle_at(&mut self, table: usize, chain: u32, index: usize) -> Done<Option<Result<u64, usize>>> {
        if self.history || self.tables[table].chain(chain).rules.is_some() {
            return Ok(None);
        }
        let name = self.chain_id_name(table, chain);
        let id = self.table_id(table);
        let (mut count, mut found) = (0, None);
        self.kernel.rules(id, Some(&name), &mut |raw| {
            if count == index {
                found = Some(raw.handle);
                return ControlFlow::Break(());
            }
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(Some(found.ok_or(count)))
    }

    fn place_of(rule: &RuleRef) -> Place {
        match rule {
            RuleRef::Kernel(stored) => Place::Before(stored.handle),
            RuleRef::Batch { id, .. } => Place::BeforeId(*id),
        }
    }

    /// A number for a rule in the batch, if later commands may need it.
    fn fresh_id(&mut self) -> Option<u32> {
        self.history.then(|| {
            self.next_id += 1;
            self.next_id
        })
    }

    /// Sends one rule; gives its number in the batch if later commands may need it.
    fn send(
        &mut self,
        table: usize,
        chain: u32,
        place: Place,
        wanted: Wanted<'_>,
        kind: OpKind,
    ) -> Done<Option<u32>> {
        let encoding = self.tables[table].encoding;
        let lists = self.lists.form();
        let mut lowered = lower_lists(wanted.rule, encoding, lists, self.family, wanted.counters);
        if self.settings.no_xt
            && let Some(kept) = kept(wanted.rule, encoding, self.family).first()
        {
            return Err(Box::new(needs_xt(kept, wanted.span)).into());
        }
        let id = self.fresh_id();
        self.send_sets(table, chain, &mut lowered.exprs, kind, wanted.span);
        self.check_lists()?;
        let state = &self.tables[table];
        let seq = write_rule(&mut self.batch, self.family, state, chain, place, &lowered, id);
        self.op(seq, kind, wanted.span, table, Some(chain));
        Ok(id)
    }

    /// Makes the anonymous sets of a rule that is sent next.
    pub(super) fn send_sets(
        &mut self,
        table: usize,
        chain: u32,
        exprs: &mut [Expr],
        kind: OpKind,
        span: Span,
    ) {
        let (first, id) = (self.batch.next_seq(), self.next_id);
        self.batch.add_sets(self.table_id(table), exprs, &mut self.next_id);
        self.sets.count(u64::from(self.next_id - id), first);
        for seq in first..self.batch.next_seq() {
            self.op(seq, kind, span, table, Some(chain));
        }
    }

    fn remembered(&self, id: Option<u32>, rule: &Rule) -> Option<RuleRef> {
        id.map(|id| RuleRef::Batch { id, rule: Some(Box::new(normal(rule, self.family, self.names))) })
    }

    /// `-A`.
    pub fn append(&mut self, table: usize, chain: u32, wanted: Wanted<'_>) -> Done<()> {
        if self.history {
            self.load_rules(table, chain)?;
        } else if self.tables[table].chain(chain).rules.is_some() {
            // Nobody keeps count: the chain is no longer known to be empty.
            self.tables[table].chain_mut(chain).rules = None;
        }
        let id = self.send(table, chain, Place::Append, wanted, OpKind::RuleAppend)?;
        if let Some(made) = self.remembered(id, wanted.rule) {
            self.rule_ids(table, chain)?.push_back(made);
        }
        Ok(())
    }

    /// A foreign rule of a save file goes back to the end of its chain. What it refers to must be there: sets are no part of
    /// a save file, and only those that have a name outlive the rules that use them, if the table is `kept`.
    pub fn append_foreign(
        &mut self,
        table: usize,
        chain: u32,
        rule: &ForeignRule,
        span: Span,
        kept: bool,
    ) -> Done<()> {
        if let Some(need) = foreign::need(&rule.exprs).filter(|need| !(kept && need.outlives)) {
            let name = String::from_utf8_lossy(&rule.chain).into_owned();
            return Err(Box::new(
                Diagnostic::error(
                    codes::FOREIGN_RULE,
                    span,
                    format!("this rule needs {}, which a save file does not hold", need.what),
                )
                .help("keep such rules in a file of their own for `nft -f`, and delete this line")
                .classic(Classic::Resource(format!(
                    "RULE_APPEND failed (No such file or directory): rule in chain {name}"
                ))),
            )
            .into());
        }
        let id = self.fresh_id();
        let name = self.chain_id_name(table, chain);
        let table_id = self.table_id(table);
        let new = NewRule {
            chain: table_id.chain(&name),
            place: Place::Append,
            compat: compat_of(&rule.exprs),
            userdata: &rule.userdata,
            id,
        };
        let seq = self.batch.add_rule(&new, &rule.exprs);
        self.op(seq, OpKind::RuleAppend, span, table, Some(chain));
        if let Some(id) = id {
            self.rule_ids(table, chain)?.push_back(RuleRef::Batch { id, rule: None });
        }
        Ok(())
    }

    /// `-I`; numbers count from 1.
    pub fn insert(
        &mut self,
        table: usize,
        chain: u32,
        number: u32,
        wanted: Wanted<'_>,
        at: Span,
    ) -> Done<()> {
        let index = number as usize - 1;
        let place = if index == 0 && !self.history {
            Place::First
        } else if let Some(found) = self.handle_at(table, chain, index)? {
            match found {
                Ok(handle) => Place::Before(handle),
                Err(count) if index == count => Place::Append,
                Err(count) => return Err(too_big(at, "insertion", count)),
            }
        } else {
            let rules = self.rule_ids(table, chain)?;
            match rules.get(index) {
                Some(_) if index == 0 => Place::First,
                Some(rule) => Self::place_of(rule),
                None if index == rules.len() => Place::Append,
                None => return Err(too_big(at, "insertion", rules.len())),
            }
        };
        let id = self.send(table, chain, place, wanted, OpKind::RuleInsert)?;
        if let Some(made) = self.remembered(id, wanted.rule) {
            self.rule_ids(table, chain)?.insert(index, made);
        }
        Ok(())
    }

    /// `-R`.
    pub fn replace(
        &mut self,
        table: usize,
        chain: u32,
        number: u32,
        wanted: Wanted<'_>,
        at: Span,
    ) -> Done<()> {
        if let Some(index) = (number as usize).checked_sub(1)
            && let Some(found) = self.handle_at(table, chain, index)?
        {
            let handle = found.map_err(|count| too_big(at, "replacement", count))?;
            return self.send(table, chain, Place::Replace(handle), wanted, OpKind::RuleReplace).map(drop);
        }
        let rules = self.rule_ids(table, chain)?;
        let count = rules.len();
        let Some(old) = (number as usize).checked_sub(1).and_then(|index| rules.get(index)) else {
            return Err(too_big(at, "replacement", count));
        };
        match old {
            RuleRef::Kernel(stored) => {
                let place = Place::Replace(stored.handle);
                let id = self.send(table, chain, place, wanted, OpKind::RuleReplace)?;
                if let Some(made) = self.remembered(id, wanted.rule) {
                    self.rule_ids(table, chain)?[number as usize - 1] = made;
                }
            }
            // The kernel replaces by handle only: put the new one before, take the old one out.
            RuleRef::Batch { .. } => {
                self.insert(table, chain, number, wanted, at)?;
                self.drop_rule(table, chain, number as usize, wanted.span)?;
            }
        }
        Ok(())
    }

    /// Deletes the rule at an index (from 0).
    fn drop_rule(&mut self, table: usize, chain: u32, index: usize, span: Span) -> Done<()> {
        let rules = self.rule_ids(table, chain)?;
        let count = rules.len();
        let Some(rule) = rules.remove(index) else { return Err(too_big(span, "deletion", count)) };
        let name = self.chain_id_name(table, chain);
        let id = self.table_id(table).chain(&name);
        let seq = match rule {
            RuleRef::Kernel(stored) => self.batch.del_rule(id, stored.handle),
            RuleRef::Batch { id: made, .. } => self.batch.del_rule_by_id(id, made),
        };
        self.op(seq, OpKind::RuleDelete, span, table, Some(chain));
        Ok(())
    }

    /// `-D CHAIN NUMBER`.
    pub fn delete_number(&mut self, table: usize, chain: &Word<'_>, number: u32, span: Span) -> Done<()> {
        let spec = self.tables[table].spec;
        let Some(index) = self.find_chain(table, &chain.text)? else {
            return Err(super::chains::no_chain(chain, spec.name).into());
        };
        if let Some(at) = (number as usize).checked_sub(1)
            && let Some(found) = self.handle_at(table, index, at)?
        {
            let handle = found.map_err(|count| too_big(span, "deletion", count))?;
            let seq = self.batch.del_rule(self.table_id(table).chain(&chain.text), handle);
            self.op(seq, OpKind::RuleDelete, span, table, Some(index));
            return Ok(());
        }
        let count = self.rule_ids(table, index)?.len();
        if number as usize > count {
            return Err(too_big(span, "deletion", count));
        }
        self.drop_rule(table, index, number as usize - 1, span)
    }

    /// The place of a rule that equals `rule`, from 0.
    fn find_rule(&mut self, table: usize, chain: u32, rule: &Rule) -> Done<Option<usize>> {
        let wanted = normal(rule, self.family, self.names);
        let rules = self.rule_ids(table, chain)?;
        Ok(rules.iter().position(|r| match r {
            RuleRef::Kernel(stored) => matches!(&stored.body, Body::Rule(rule) if *rule == wanted),
            RuleRef::Batch { rule, .. } => rule.as_deref() == Some(&wanted),
        }))
    }

    /// `-D CHAIN RULE`: the first rule that equals it.
    pub fn delete_rule(&mut self, table: usize, chain: &Word<'_>, rule: &Rule, span: Span) -> Done<()> {
        if let Some(index) = self.find_chain(table, &chain.text)? {
            if !self.history
                && self.tables[table].chain(index).rules.is_none()
                && let Some(handle) = self.find_handle(table, index, rule)?
            {
                let id = self.table_id(table).chain(&chain.text);
                let seq = self.batch.del_rule(id, handle);
                self.op(seq, OpKind::RuleDelete, span, table, Some(index));
                return Ok(());
            }
            if let Some(at) = self.find_rule(table, index, rule)? {
                return self.drop_rule(table, index, at, span);
            }
        }
        Err(bad_rule(span, &chain.lossy()))
    }

    /// `-C`.
    pub fn check_rule(&mut self, table: usize, chain: &Word<'_>, rule: &Rule, span: Span) -> Done<()> {
        if let Some(index) = self.find_chain(table, &chain.text)? {
            let found = if self.history || self.tables[table].chain(index).rules.is_some() {
                self.find_rule(table, index, rule)?.is_some()
            } else {
                self.find_handle(table, index, rule)?.is_some()
            };
            if found {
                return Ok(());
            }
        }
        Err(bad_rule(span, &chain.lossy()))
    }

    /// Reads a chain only as far as the first rule that equals `rule`; its handle.
    fn find_handle(&mut self, table: usize, chain: u32, rule: &Rule) -> Done<Option<u64>> {
        let wanted = normal(rule, self.family, self.names);
        let name = self.chain_id_name(table, chain);
        let id = self.table_id(table);
        let (family, names) = (self.family, self.names);
        let is_wanted = |stored: &Stored| matches!(&stored.body, Body::Rule(rule) if *rule == wanted);
        let mut found = None;
        // Rules whose sets have to be read before it is known what they are.
        let mut unread = Vec::new();
        self.kernel.rules(id, Some(&name), &mut |raw| {
            let dumped = Dumped::new(raw);
            if dumped.needs_sets() {
                unread.push(dumped);
                return ControlFlow::Continue(());
            }
            let stored = dumped.lift(family, names);
            if is_wanted(&stored) {
                found = Some(stored.handle);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        // They stand before the one that was found.
        resolve(self.kernel, id, &mut unread)?;
        let first = unread.into_iter().map(|d| d.lift(family, names)).find(is_wanted);
        Ok(first.map(|stored| stored.handle).or(found))
    }
}

/// What `--no-xt` says of a rule that needs xt.
fn needs_xt(kept: &Kept, span: Span) -> Diagnostic {
    let option = if kept.part == Part::Target { "-j" } else { "-m" };
    let (name, reason) = (kept.name, kept.reason);
    let why = reason.unwrap_or("the table is written as iptables writes it, with xt");
    let help = match reason {
        Some(_) => format!("leave --no-xt away, or write the rule without `{option} {name}`"),
        None => "a table made with `--encoding native` takes this rule without xt".to_owned(),
    };
    Diagnostic::error(
        codes::NOT_NATIVE,
        span,
        format!("`{option} {name}` needs nft_compat, which --no-xt refuses: {why}"),
    )
    .help(help)
    .parameter(format!("{option} {name}: no native form: {why}"))
}

fn too_big(span: Span, what: &str, count: usize) -> Halt {
    let rules = if count == 1 { "rule" } else { "rules" };
    other(
        codes::RULE_NUMBER_TOO_BIG,
        span,
        format!("the chain has {count} {rules}"),
        &format!("Index of {what} too big"),
        "`-L --line-numbers` shows the numbers",
    )
}

fn bad_rule(span: Span, chain: &str) -> Halt {
    other(
        codes::NO_SUCH_RULE,
        span,
        format!("{chain} has no rule that says this"),
        "Bad rule (does a matching rule exist in that chain?)",
        &format!("`-S {chain}` prints the rules as -D and -C want them"),
    )
}

/// The compat attribute of a rule that is sent again, if it needs one: dumps do not show it, so it is read off the protocol
/// test.
pub fn compat_of(exprs: &[rfw_nft::Expr]) -> Option<Compat> {
    use rfw_nft::expr::{Base, CmpOp, Expr, meta};
    use rfw_nft::predicate::{Field, Item, Relation, raise};
    let protocol = |field: &Field| {
        matches!(
            field,
            Field::Meta(meta::L4PROTO) | Field::Payload { base: Base::Network, offset: 9, len: 1 }
        )
    };
    if !exprs.iter().any(|expr| matches!(expr, Expr::Match { .. } | Expr::Target { .. })) {
        return None;
    }
    let tested = raise(exprs).iter().find_map(|raised| match &raised.item {
        Item::Test { value, relation: Relation::Cmp(op @ (CmpOp::Eq | CmpOp::Neq), data) }
            if protocol(&value.field) && value.ops.is_empty() && data.len() == 1 =>
        {
            Some(Compat { proto: u32::from(data[0]), flags: if *op == CmpOp::Neq { 2 } else { 0 } })
        }
        _ => None,
    });
    Some(tested.unwrap_or_default())
}
