//! `-Z`: counters to zero. A rule's counter is inside the rule, so the rule is sent again with its own expressions.

use std::collections::HashMap;
use std::ops::ControlFlow;

use rfw_diagnostics::{Classic, Span};
use rfw_nft::Expr;
use rfw_nft::message::{Hook, NewChain, NewRule, Place};
use rfw_syntax::Word;

use super::chains::{is_base, no_chain};
use super::ops::OpKind;
use super::rules::compat_of;
use super::state::RuleRef;
use super::stored::{Dumped, resolve};
use super::{Done, Transaction};

impl Transaction<'_> {
    /// `-Z [CHAIN [NUMBER]]`; gives the chains that were zeroed, for `-v`.
    pub fn zero(
        &mut self,
        table: usize,
        name: Option<&Word<'_>>,
        number: Option<u32>,
        span: Span,
    ) -> Done<Vec<Vec<u8>>> {
        let spec = self.tables[table].spec;
        let mut names = Vec::new();
        if let Some(name) = name {
            if self.find_chain(table, &name.text)?.is_none() {
                let mut diagnostic = no_chain(name, spec.name);
                if number.is_some() {
                    let text = "Bad rule (does a matching rule exist in that chain?)";
                    *diagnostic = diagnostic.classic(Classic::Other(text.into()));
                }
                return Err(diagnostic.into());
            }
            names.push(name.text.to_vec());
        } else {
            self.load_chains(table)?;
            names = self.listed(table);
        }
        for name in &names {
            if number.is_none() {
                self.zero_policy(table, name, span)?;
            }
            self.zero_rules(table, name, number, span)?;
        }
        Ok(names)
    }

    /// `-L [CHAIN] -Z`: what was listed is zeroed, so built-in chains that are missing are made, as iptables does; without the table
    /// nothing counts yet.
    pub fn zero_listed(&mut self, table: usize, name: Option<&Word<'_>>, span: Span) -> Done<Vec<Vec<u8>>> {
        let spec = self.tables[table].spec;
        let mut listed =
            spec.chains.iter().filter(|base| name.is_none_or(|n| *n.text == *base.name.as_bytes()));
        if !self.exists(table) && (name.is_none() || listed.clone().next().is_some()) {
            return Ok(listed.map(|base| base.name.as_bytes().to_vec()).collect());
        }
        listed.try_for_each(|base| self.make_missing(table, base, span))?;
        self.zero(table, name, None, span)
    }

    fn zero_policy(&mut self, table: usize, name: &[u8], span: Span) -> Done<()> {
        let Some(index) = self.find_chain(table, name)? else { return Ok(()) };
        let base = self.tables[table].spec.chain(name);
        let kernel = self.tables[table].chain(index).kernel.as_ref();
        let (Some(base), Some(chain)) = (base, kernel) else { return Ok(()) };
        if !is_base(chain, base) {
            return Ok(());
        }
        let new = NewChain {
            kind: base.kind.as_bytes(),
            hook: Hook { num: base.hook, priority: base.priority },
            policy: chain.policy,
            counters: None,
            userdata: &[],
        };
        let id = self.table_id(table).chain(name);
        let seq = self.batch.zero_chain(id, &new);
        self.op(seq, OpKind::ChainZero, span, table, Some(index));
        Ok(())
    }

    fn zero_rules(&mut self, table: usize, name: &[u8], number: Option<u32>, span: Span) -> Done<()> {
        let Some(index) = self.find_chain(table, name)? else { return Ok(()) };
        let table_id = self.table_id(table);
        // What this transaction has deleted or replaced is not there any more; what it has made begins with its own counters.
        let handle = |rule: &RuleRef| match rule {
            RuleRef::Kernel(stored) => stored.handle,
            RuleRef::Batch { .. } => 0,
        };
        let rules = self.tables[table].chain(index).rules.as_ref();
        let live: Option<HashMap<u64, u32>> = rules.map(|rules| rules.iter().map(handle).zip(1..).collect());
        let mut found = Vec::new();
        let mut at = 0;
        self.kernel.rules(table_id, Some(name), &mut |raw| {
            at = match &live {
                None => at + 1,
                Some(live) => match live.get(&raw.handle) {
                    Some(number) => *number,
                    None => return ControlFlow::Continue(()),
                },
            };
            if number.is_some_and(|n| n != at) {
                return ControlFlow::Continue(());
            }
            let dumped = Dumped::new(raw);
            if dumped
                .exprs
                .iter()
                .any(|e| matches!(e, Expr::Counter { packets, bytes } if *packets != 0 || *bytes != 0))
            {
                found.push(dumped);
            }
            if number.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        // A rule that is replaced takes its sets with it.
        resolve(self.kernel, table_id, &mut found)?;
        for mut rule in found {
            for expr in &mut rule.exprs {
                if let Expr::Counter { packets, bytes } = expr {
                    (*packets, *bytes) = (0, 0);
                }
            }
            self.send_sets(table, index, &mut rule.exprs, OpKind::RuleReplace, span);
            let new = NewRule {
                chain: table_id.chain(name),
                place: Place::Replace(rule.handle),
                compat: compat_of(&rule.exprs),
                userdata: &rule.userdata,
                id: None,
            };
            let seq = self.batch.add_rule(&new, &rule.exprs);
            self.op(seq, OpKind::RuleReplace, span, table, Some(index));
        }
        Ok(())
    }
}
