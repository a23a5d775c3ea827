//! Tables and chains: making, deleting, renaming, policies.

use std::collections::VecDeque;

use rfw_compiler::{BaseChain, TableSpec};
use rfw_diagnostics::{Classic, Diagnostic, Span, codes};
use rfw_extensions::{Encoding, Registry};
use rfw_kernel::{Chain, TableId};
use rfw_nft::message::{Counters, Hook, NewChain, userdata};
use rfw_syntax::{Word, check_new_name};

use super::ops::{Op, OpKind};
use super::state::ChainState;
use super::{Done, Halt, TABLE_MARK, Transaction};

/// `NF_DROP` and `NF_ACCEPT`.
pub const DROP: u32 = 0;
pub const ACCEPT: u32 = 1;

/// What a policy line asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyChange {
    /// `NF_*`.
    pub policy: u32,
    /// Policy counters to set.
    pub counters: (u64, u64),
}

fn other(
    code: rfw_diagnostics::Code,
    span: Span,
    message: String,
    classic: &str,
    help: &str,
) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(code, span, message).help(help).classic(Classic::Other(classic.to_owned())))
}

/// `No chain/target/match by that name.`
pub fn no_chain(name: &Word<'_>, table: &str) -> Box<Diagnostic> {
    other(
        codes::NO_SUCH_CHAIN,
        name.span,
        format!("there is no chain `{}` in table {table}", name.lossy()),
        "No chain/target/match by that name",
        &format!("`-t {table} -S` shows the chains; names are case-sensitive; each table has its own"),
    )
}

impl Transaction<'_> {
    pub(super) fn table_id(&self, table: usize) -> TableId<'static> {
        TableId::new(self.family, self.tables[table].spec.name.as_bytes())
    }

    pub(super) fn op(&mut self, seq: u32, kind: OpKind, span: Span, table: usize, chain: Option<u32>) {
        let table = u32::try_from(table).unwrap_or(u32::MAX);
        self.note(seq, Op { kind, span, table, chain });
    }

    /// Whether the kernel has the table.
    pub fn exists(&self, table: usize) -> bool {
        self.tables[table].exists
    }

    /// Makes sure that the table exists after this batch.
    pub(super) fn make_table(&mut self, table: usize, span: Span) {
        if self.tables[table].made {
            return;
        }
        self.tables[table].made = true;
        let mut tlvs = Vec::new();
        if self.tables[table].encoding == Encoding::Native {
            // 33 bytes of 256.
            let _ = userdata::push_comment(&mut tlvs, TABLE_MARK);
        }
        let seq = self.batch.add_table(self.table_id(table), &tlvs);
        self.op(seq, OpKind::TableAdd, span, table, None);
    }

    /// Deletes the table with all that is in it, if it exists; what comes next makes it anew.
    pub fn start_over(&mut self, table: usize, span: Span) {
        if self.tables[table].exists || self.tables[table].made {
            let seq = self.batch.del_table(self.table_id(table));
            self.op(seq, OpKind::TableFlush, span, table, None);
        }
        self.tables[table].reset();
        self.sets.in_table(0);
    }

    /// What comes next is for the table as it is: reads all of its chains.
    pub fn go_on(&mut self, table: usize) -> Done<()> {
        self.load_chains(table)?;
        self.sets.in_table(self.tables[table].sets());
        Ok(())
    }

    /// Reads all chains of a table at once.
    pub fn load_chains(&mut self, table: usize) -> Done<()> {
        if self.tables[table].complete {
            return Ok(());
        }
        for chain in self.kernel.chains(self.table_id(table))? {
            let name = chain.name.clone();
            if self.tables[table].find(&name).is_none() {
                let state = self.seen(table, Some(chain));
                self.tables[table].put(&name, state);
            }
        }
        self.tables[table].complete = true;
        Ok(())
    }

    /// A chain by name, read from the kernel at the first question; `None` if there is none.
    pub fn find_chain(&mut self, table: usize, name: &[u8]) -> Done<Option<u32>> {
        if let Some(index) = self.tables[table].find(name) {
            return Ok(self.tables[table].chain(index).present.then_some(index));
        }
        if self.tables[table].complete {
            return Ok(None);
        }
        let found = self.kernel.chain(self.table_id(table).chain(name))?;
        let state = self.seen(table, found);
        let present = state.present;
        let index = self.tables[table].put(name, state);
        Ok(present.then_some(index))
    }

    /// The chain that a rule is for: one that exists, or a base chain, which is made if need be.
    pub fn chain_for_rules(&mut self, table: usize, name: &Word<'_>) -> Done<u32> {
        let spec = self.tables[table].spec;
        if let Some(index) = self.find_chain(table, &name.text)? {
            self.make_table(table, name.span);
            return Ok(index);
        }
        match spec.chain(&name.text) {
            Some(base) => Ok(self.make_base(table, base, None, name.span)),
            None => Err(no_chain(name, spec.name).into()),
        }
    }

    /// What is known of a chain of the kernel. Somebody else's base chain, or one that only has the name of a built-in chain, is
    /// not there for iptables' commands; making one of its name gets the kernel's refusal.
    fn seen(&self, table: usize, chain: Option<Chain>) -> ChainState {
        let spec = self.tables[table].spec;
        match chain.filter(|chain| is_ours(chain, spec)) {
            Some(chain) => ChainState { present: true, kernel: Some(chain), rules: None },
            None => ChainState { present: false, kernel: None, rules: Some(VecDeque::new()) },
        }
    }

    /// A `:CHAIN -` line for a built-in chain: it is there afterwards, its policy left alone, its counters set.
    pub fn keep_base(&mut self, table: usize, name: &Word<'_>, counters: (u64, u64)) -> Done<()> {
        let found = self.find_chain(table, &name.text)?;
        let kernel = found.and_then(|index| self.tables[table].chain(index).kernel.as_ref());
        let policy = kernel.and_then(|chain| chain.policy).unwrap_or(ACCEPT);
        if let Some(base) = self.tables[table].spec.chain(&name.text) {
            self.make_base(table, base, Some(PolicyChange { policy, counters }), name.span);
        }
        Ok(())
    }

    /// Makes a base chain if nobody has a chain of its name.
    pub(super) fn make_missing(&mut self, table: usize, base: &BaseChain, span: Span) -> Done<()> {
        let name = base.name.as_bytes();
        let known = self.find_chain(table, name)?.is_some();
        if !known && self.kernel.chain(self.table_id(table).chain(name))?.is_none() {
            self.make_base(table, base, None, span);
        }
        Ok(())
    }

    /// Makes a base chain, or updates its policy.
    fn make_base(&mut self, table: usize, base: &BaseChain, change: Option<PolicyChange>, span: Span) -> u32 {
        self.make_table(table, span);
        let chain = self.table_id(table).chain(base.name.as_bytes());
        // 1.8.9 gives a chain that it makes on the way no policy counters; in our own tables they always count.
        let native = self.tables[table].encoding == Encoding::Native;
        let counters = match change {
            Some(change) => Some(Counters { packets: change.counters.0, bytes: change.counters.1 }),
            None => native.then(Counters::default),
        };
        let new = NewChain {
            kind: base.kind.as_bytes(),
            hook: Hook { num: base.hook, priority: base.priority },
            policy: Some(change.map_or(ACCEPT, |c| c.policy)),
            counters,
            userdata: &[],
        };
        let known = self.tables[table].find(base.name.as_bytes());
        let known = known.filter(|&i| self.tables[table].chain(i).present);
        if let Some(index) = known {
            let seq = self.batch.update_base_chain(chain, &new);
            self.op(seq, OpKind::ChainUpdate, span, table, Some(index));
            return index;
        }
        let seq = self.batch.add_base_chain(chain, &new);
        let fresh = ChainState { present: true, kernel: None, rules: Some(VecDeque::new()) };
        let index = self.tables[table].put(base.name.as_bytes(), fresh);
        self.op(seq, OpKind::ChainAdd, span, table, Some(index));
        index
    }

    /// `-P`, and a `:CHAIN POLICY` line.
    pub fn set_policy(
        &mut self,
        table: usize,
        name: &Word<'_>,
        policy: &Word<'_>,
        counters: (u64, u64),
        from_file: bool,
    ) -> Done<()> {
        let spec = self.tables[table].spec;
        // A file may say what a command may not, as in the original: it is what save printed.
        if policy.text.as_ref() == b"DROP" && spec.name == "nat" && !from_file {
            let text = "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n";
            return Err(Box::new(
                Diagnostic::error(codes::BAD_POLICY, policy.span, "the nat table does not filter")
                    .help("drop in the filter table")
                    .parameter(text),
            )
            .into());
        }
        let value = match policy.text.as_ref() {
            b"ACCEPT" => ACCEPT,
            b"DROP" => DROP,
            _ => {
                return Err(other(
                    codes::BAD_POLICY,
                    policy.span,
                    format!("`{}` is no policy", policy.lossy()),
                    "Bad policy name. Run `dmesg' for more information",
                    "a policy is ACCEPT or DROP",
                )
                .into());
            }
        };
        let Some(base) = spec.chain(&name.text) else {
            return Err(other(
                codes::USER_CHAIN_POLICY,
                name.span,
                format!("`{}` is no built-in chain of {}", name.lossy(), spec.name),
                "Bad built-in chain name",
                "only built-in chains have a policy; end a user chain with a rule that has no conditions",
            )
            .into());
        };
        self.find_chain(table, &name.text)?;
        self.make_base(table, base, Some(PolicyChange { policy: value, counters }), policy.span);
        Ok(())
    }

    /// `-N`.
    pub fn new_chain(&mut self, table: usize, name: &Word<'_>) -> Done<()> {
        let spec = self.tables[table].spec;
        if self.find_chain(table, &name.text)?.is_some() || spec.chain(&name.text).is_some() {
            return Err(other(
                codes::CHAIN_EXISTS,
                name.span,
                format!("there is a chain `{}` already", name.lossy()),
                "Chain already exists",
                "use it as it is, or flush it with -F",
            )
            .into());
        }
        self.add_user_chain(table, name);
        Ok(())
    }

    fn add_user_chain(&mut self, table: usize, name: &Word<'_>) -> u32 {
        self.make_table(table, name.span);
        let seq = self.batch.add_user_chain(self.table_id(table).chain(&name.text), &[]);
        let fresh = ChainState { present: true, kernel: None, rules: Some(VecDeque::new()) };
        let index = self.tables[table].put(&name.text, fresh);
        self.op(seq, OpKind::ChainUserAdd, name.span, table, Some(index));
        index
    }

    /// A `:CHAIN -` line: the chain is there and empty afterwards.
    pub fn declare_chain(&mut self, table: usize, name: &Word<'_>) -> Done<()> {
        match self.find_chain(table, &name.text)? {
            Some(index) => {
                let fresh = self.tables[table].chain(index).kernel.is_none()
                    && self.tables[table].chain(index).rules.as_ref().is_some_and(VecDeque::is_empty);
                if !fresh {
                    self.flush_one(table, index, name.span);
                }
            }
            None => {
                self.add_user_chain(table, name);
            }
        }
        Ok(())
    }

    fn flush_one(&mut self, table: usize, index: u32, span: Span) {
        let name = self.tables[table].chain_name(index).unwrap_or_default().to_vec();
        let seq = self.batch.flush_chain(self.table_id(table).chain(&name));
        self.tables[table].chain_mut(index).rules = Some(VecDeque::new());
        self.op(seq, OpKind::RuleFlush, span, table, Some(index));
    }

    /// The names of all chains that exist, in the order of listings.
    pub(super) fn listed(&self, table: usize) -> Vec<Vec<u8>> {
        let state = &self.tables[table];
        let hook = |name: &[u8]| state.spec.chains.iter().position(|c| c.name.as_bytes() == name);
        let mut names: Vec<Vec<u8>> = state.present().map(|(_, name, _)| name.to_vec()).collect();
        names.sort_by_key(|name| (hook(name).unwrap_or(usize::MAX), name.clone()));
        names
    }

    /// The names in `-F -v`: all built-in chains, also those that are not there, then the user chains.
    fn flushed(&self, table: usize) -> Vec<Vec<u8>> {
        let spec = self.tables[table].spec;
        let mut names: Vec<Vec<u8>> = spec.chains.iter().map(|c| c.name.as_bytes().to_vec()).collect();
        names.extend(self.listed(table).into_iter().filter(|name| spec.chain(name).is_none()));
        names
    }

    /// The chains that `-v` names where a file begins a table anew.
    pub fn said_on_start(&mut self, table: usize) -> Done<Vec<Vec<u8>>> {
        self.load_chains(table)?;
        Ok(self.flushed(table))
    }

    /// `-F`; gives the chains that were flushed, for `-v`.
    pub fn flush(&mut self, table: usize, name: Option<&Word<'_>>, span: Span) -> Done<Vec<Vec<u8>>> {
        let Some(name) = name else {
            self.load_chains(table)?;
            let names = self.flushed(table);
            if !self.tables[table].exists && !self.tables[table].made {
                return Ok(names);
            }
            let indices: Vec<u32> = self.tables[table].present().map(|(i, ..)| i).collect();
            let seq = self.batch.flush_table(self.table_id(table));
            self.op(seq, OpKind::RuleFlush, span, table, None);
            for index in indices {
                self.tables[table].chain_mut(index).rules = Some(VecDeque::new());
            }
            return Ok(names);
        };
        let index = self.chain_for_rules(table, name)?;
        self.flush_one(table, index, name.span);
        Ok(vec![name.text.to_vec()])
    }

    /// `-X`; gives the chains that were deleted, for `-v`. With `by_name` they go in that order, else as they were made: of
    /// several that are busy the kernel's first refusal is told.
    pub fn delete_chains(
        &mut self,
        table: usize,
        name: Option<&Word<'_>>,
        span: Span,
        by_name: bool,
    ) -> Done<Vec<Vec<u8>>> {
        let spec = self.tables[table].spec;
        if let Some(name) = name {
            let Some(index) = self.find_chain(table, &name.text)? else {
                return Err(no_chain(name, spec.name).into());
            };
            let kernel = self.tables[table].chain(index).kernel.as_ref();
            if kernel.is_some_and(|c| c.hook.is_some() && c.policy == Some(DROP)) {
                return Err(other(
                    codes::CHAIN_IN_USE,
                    name.span,
                    format!(
                        "`{}` drops what its rules let pass; deleting it would accept everything",
                        name.lossy()
                    ),
                    "Directory not empty",
                    "set the policy to ACCEPT first, if that is what you want",
                )
                .into());
            }
            self.delete_one(table, index, name.span);
            return Ok(vec![name.text.to_vec()]);
        }
        self.load_chains(table)?;
        let mut doomed: Vec<(u32, Vec<u8>)> = self.tables[table]
            .present()
            .filter(|(_, _, state)| state.kernel.as_ref().is_none_or(|c| c.hook.is_none()))
            .map(|(index, name, _)| (index, name.to_vec()))
            .collect();
        let idle = self.idle_base_chains(table)?;
        if by_name {
            doomed.sort_by(|a, b| a.1.cmp(&b.1));
        } else {
            doomed.sort_by_key(|(index, _)| *index);
        }
        for (index, _) in doomed.iter().chain(&idle) {
            self.delete_one(table, *index, span);
        }
        doomed.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(doomed.into_iter().map(|(_, name)| name).collect())
    }

    /// Base chains that do nothing: no rules, policy ACCEPT. `-X` takes them too, as the original does.
    fn idle_base_chains(&mut self, table: usize) -> Done<Vec<(u32, Vec<u8>)>> {
        let spec = self.tables[table].spec;
        let candidates: Vec<(u32, Vec<u8>)> = self.tables[table]
            .present()
            .filter(|(_, name, state)| {
                let chain = state.kernel.as_ref();
                spec.chain(name).is_some_and(|base| chain.is_some_and(|c| is_base(c, base)))
                    && chain.is_some_and(|c| c.policy == Some(ACCEPT))
            })
            .map(|(index, name, _)| (index, name.to_vec()))
            .collect();
        let mut idle = Vec::new();
        for (index, name) in candidates {
            let empty = match &self.tables[table].chain(index).rules {
                Some(rules) => rules.is_empty(),
                None => self.tables[table].chain(index).kernel.as_ref().is_some_and(|c| c.use_count == 0),
            };
            if empty {
                idle.push((index, name));
            }
        }
        Ok(idle)
    }

    fn delete_one(&mut self, table: usize, index: u32, span: Span) {
        let name = self.tables[table].chain_name(index).unwrap_or_default().to_vec();
        let seq = self.batch.del_chain(self.table_id(table).chain(&name));
        self.op(seq, OpKind::ChainDelete, span, table, Some(index));
        *self.tables[table].chain_mut(index) =
            ChainState { present: false, kernel: None, rules: Some(VecDeque::new()) };
    }

    /// `-E`.
    pub fn rename(&mut self, table: usize, old: &Word<'_>, new: &Word<'_>) -> Done<()> {
        let spec = self.tables[table].spec;
        if self.find_chain(table, &new.text)?.is_some() || spec.chain(&new.text).is_some() {
            return Err(other(
                codes::CHAIN_EXISTS,
                new.span,
                format!("there is a chain `{}` already", new.lossy()),
                "File exists",
                "choose another name, or delete that chain",
            )
            .into());
        }
        let Some(index) = self.find_chain(table, &old.text)? else {
            return Err(no_chain(old, spec.name).into());
        };
        if self.tables[table].chain(index).kernel.as_ref().is_some_and(|c| c.hook.is_some()) {
            return Err(other(
                codes::BAD_CHAIN_NAME,
                old.span,
                format!(
                    "`{}` is a built-in chain: under another name iptables would not know it",
                    old.lossy()
                ),
                "Bad built-in chain name",
                "rename user chains only",
            )
            .into());
        }
        // A name that no file can hold would stand between what is saved and what can be restored.
        check_new_name(new, &Registry::new(self.family))?;
        let handle = self.tables[table].chain(index).kernel.as_ref().map(|c| c.handle);
        let Some(handle) = handle else {
            // The kernel renames by handle, and the chain has none yet. These are its words for that.
            let reason = format!("CHAIN_RENAME failed (No such file or directory): chain {}", new.lossy());
            return Err(Halt::from(Box::new(
                Diagnostic::error(
                    codes::KERNEL_REFUSED,
                    old.span,
                    "a chain that this file makes can't be renamed in it",
                )
                .help("give it the new name where it is made")
                .classic(Classic::Resource(reason)),
            )));
        };
        // The kernel renames when the batch is done: for the rest of it the chain keeps its old name.
        let seq = self.batch.rename_chain(self.table_id(table).chain(&new.text), handle);
        self.op(seq, OpKind::ChainRename, old.span, table, Some(index));
        Ok(())
    }
}

/// Whether iptables' commands see a chain: a built-in one at its hook, or one without a hook by another name.
pub fn is_ours(chain: &Chain, spec: &TableSpec) -> bool {
    match spec.chain(&chain.name) {
        Some(base) => is_base(chain, base),
        None => chain.hook.is_none(),
    }
}

/// Whether a chain is exactly the base chain that iptables knows by its name.
pub fn is_base(chain: &Chain, base: &BaseChain) -> bool {
    chain.name == base.name.as_bytes()
        && chain.kind == base.kind.as_bytes()
        && chain.hook == Some(Hook { num: base.hook, priority: base.priority })
}
