//! A transaction: messages between `BATCH_BEGIN` and `BATCH_END`, in one buffer, or in several that go out in one call.
//!
//! Every method that adds a message returns its sequence number, by which the kernel names it in errors. Flags and attributes
//! are those of iptables-nft.

use super::{Counters, Hook, Malformed, Message, Messages, close, flag, kind, nfta, open};
use crate::{Expr, Family, attr::Writer, expr, set::Set};

/// Names a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableId<'a> {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: &'a [u8],
}

/// Names a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainId<'a> {
    /// Its table.
    pub table: TableId<'a>,
    /// Its name.
    pub name: &'a [u8],
}

impl<'a> TableId<'a> {
    /// A table by family and name.
    #[must_use]
    pub const fn new(family: Family, name: &'a [u8]) -> Self {
        Self { family, name }
    }

    /// A chain of this table.
    #[must_use]
    pub const fn chain(self, name: &'a [u8]) -> ChainId<'a> {
        ChainId { table: self, name }
    }
}

/// What makes a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewChain<'a> {
    /// `filter`, `nat` or `route`.
    pub kind: &'a [u8],
    /// Hook and priority.
    pub hook: Hook,
    /// `NF_DROP` 0 or `NF_ACCEPT` 1; `None` leaves the attribute out.
    pub policy: Option<u32>,
    /// Policy counters to set; without them a new chain keeps none.
    pub counters: Option<Counters>,
    /// TLVs, see [`super::userdata`]; the kernel takes them on creation only.
    pub userdata: &'a [u8],
}

/// Where a new rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind the last rule.
    Append,
    /// Before the first rule.
    First,
    /// Before the rule with this handle.
    Before(u64),
    /// Before the rule of the same batch with this id.
    BeforeId(u32),
    /// Behind the rule with this handle.
    After(u64),
    /// Behind the rule of the same batch with this id.
    AfterId(u32),
    /// In place of the rule with this handle.
    Replace(u64),
}

/// `NFTA_RULE_COMPAT`: what xt extensions may check while the rule is made. The kernel never returns it, and a rule without xt
/// expressions does not need it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Compat {
    /// The protocol of `-p`, 0 without.
    pub proto: u32,
    /// 2 (`NFT_RULE_COMPAT_F_INV`) for `! -p`.
    pub flags: u32,
}

/// All of a new rule but its expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRule<'a> {
    /// Its chain.
    pub chain: ChainId<'a>,
    /// Its place there.
    pub place: Place,
    /// See [`Compat`]; `None` leaves the attribute out, which is right for rules without xt expressions.
    pub compat: Option<Compat>,
    /// TLVs, see [`super::userdata`]; empty leaves the attribute out.
    pub userdata: &'a [u8],
    /// A number by which later messages of the same batch can name this rule; unique in the batch.
    pub id: Option<u32>,
}

impl<'a> NewRule<'a> {
    /// A rule at the end of a chain, without compat data, userdata or id.
    #[must_use]
    pub const fn append(chain: ChainId<'a>) -> Self {
        Self { chain, place: Place::Append, compat: None, userdata: &[], id: None }
    }
}

/// Longest message: all its attributes then fit their 16-bit lengths.
const MESSAGE_MAX: usize = 0xffff;

/// The batch. See the module head.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What stands before `buf`.
    before: Vec<Vec<u8>>,
    buf: Vec<u8>,
    /// The number of the first message.
    first: u32,
    next: u32,
    with_genid: bool,
    finished: bool,
    too_long: Vec<u32>,
}

impl Batch {
    /// Opens a batch. With a generation id, the kernel refuses it (`ERESTART`) once the ruleset is of another generation.
    #[must_use]
    pub fn new(genid: Option<u32>) -> Self {
        Self::in_buffer(genid, Vec::new())
    }

    /// The same in a buffer of the caller's, whose contents go.
    #[must_use]
    pub fn in_buffer(genid: Option<u32>, buf: Vec<u8>) -> Self {
        let mut batch = Self { with_genid: genid.is_some(), ..Self::part(1, buf) };
        batch.add(kind::BATCH_BEGIN, 0, 0, |out| {
            if let Some(genid) = genid {
                out.u32(nfta::BATCH_GENID, genid);
            }
        });
        batch
    }

    /// Messages without an opening one, numbered from `first`, in a buffer of the caller's, whose contents go: a batch takes
    /// them over with [`Batch::absorb`].
    #[must_use]
    pub fn part(first: u32, mut buf: Vec<u8>) -> Self {
        buf.clear();
        let (before, too_long) = (Vec::new(), Vec::new());
        Self { before, buf, first, next: first, with_genid: false, finished: false, too_long }
    }

    /// Adds the messages of a part behind those that are here, as if they had been written here: they are numbered anew if
    /// their numbers do not follow on ours. Gives by how much their numbers rose.
    pub fn absorb(&mut self, mut part: Self) -> u32 {
        let shift = self.next.wrapping_sub(part.first);
        if shift != 0 {
            for bytes in part.before.iter_mut().chain([&mut part.buf]) {
                super::renumber(bytes, shift);
            }
            part.too_long.iter_mut().for_each(|seq| *seq = seq.wrapping_add(shift));
        }
        self.next = part.next.wrapping_add(shift);
        self.too_long.append(&mut part.too_long);
        self.before.push(std::mem::replace(&mut self.buf, part.buf));
        // The part's own earlier pieces stand between.
        self.before.append(&mut part.before);
        shift
    }

    /// Puts another generation id in a batch that has one, to send it again after a conflict.
    pub fn set_generation(&mut self, genid: u32) {
        let at = super::ATTRIBUTES_AT + 4;
        let opening = self.before.first_mut().unwrap_or(&mut self.buf);
        if self.with_genid
            && let Some(field) = opening.get_mut(at..at + 4)
        {
            field.copy_from_slice(&genid.to_be_bytes());
        }
    }

    /// True while only the opening message is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next <= 2
    }

    /// The sequence number that the next message will get.
    #[must_use]
    pub fn next_seq(&self) -> u32 {
        self.next
    }

    /// Writes the closing message; only the first call does anything. Messages added later would not be part of the batch.
    pub fn finish(&mut self) {
        if !self.finished {
            self.add(kind::BATCH_END, 0, 0, |_| {});
            self.finished = true;
        }
    }

    /// What has been written so far, piece by piece; no message is in two pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.before.iter().chain([&self.buf]).map(Vec::as_slice)
    }

    /// What has been written so far, in one piece.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces().collect::<Vec<_>>().concat()
    }

    /// How many bytes have been written so far.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.pieces().map(<[u8]>::len).sum()
    }

    /// The messages so far.
    pub fn messages(&self) -> impl Iterator<Item = Result<Message<'_>, Malformed>> {
        self.pieces().flat_map(Messages::new)
    }

    /// The sequence numbers of messages that are longer than netlink can carry and that were left out. A batch with any must
    /// not be sent.
    #[must_use]
    pub fn too_long(&self) -> &[u32] {
        &self.too_long
    }

    /// Any message, for objects without a method here; `kind` and `flags` as in [`super::kind`] and [`super::flag`].
    pub fn add(&mut self, kind: u16, flags: u16, family: u8, body: impl FnOnce(&mut Writer)) -> u32 {
        let seq = self.next;
        self.next = self.next.wrapping_add(1);
        let at = open(&mut self.buf, kind, flags, seq, family);
        body(&mut Writer::new(&mut self.buf));
        if self.buf.len() - at > MESSAGE_MAX {
            self.buf.truncate(at);
            self.too_long.push(seq);
        } else {
            close(&mut self.buf, at);
        }
        seq
    }

    /// Makes a table, or nothing if it exists. The kernel takes the userdata (empty for none) only when it makes the table.
    pub fn add_table(&mut self, table: TableId, userdata: &[u8]) -> u32 {
        self.add(kind::NEWTABLE, flag::CREATE, table.family.number(), |out| {
            out.string(nfta::table::NAME, table.name);
            if !userdata.is_empty() {
                out.bytes(nfta::table::USERDATA, userdata);
            }
        })
    }

    /// Deletes a table and all that is in it.
    pub fn del_table(&mut self, table: TableId) -> u32 {
        self.add(kind::DELTABLE, 0, table.family.number(), |out| {
            out.string(nfta::table::NAME, table.name);
        })
    }

    /// Makes a base chain, or updates it if it exists.
    pub fn add_base_chain(&mut self, chain: ChainId, new: &NewChain) -> u32 {
        self.base_chain(chain, flag::CREATE, new)
    }

    /// Sets policy and counters of a base chain that exists.
    pub fn update_base_chain(&mut self, chain: ChainId, new: &NewChain) -> u32 {
        self.base_chain(chain, 0, new)
    }

    /// Zeroes the policy counters of a base chain, whose policy must be given as it is.
    pub fn zero_chain(&mut self, chain: ChainId, new: &NewChain) -> u32 {
        let zeroed = NewChain { counters: Some(Counters::default()), ..*new };
        self.base_chain(chain, flag::CREATE, &zeroed)
    }

    fn base_chain(&mut self, chain: ChainId, flags: u16, new: &NewChain) -> u32 {
        self.chain(kind::NEWCHAIN, flags, chain, |out| {
            new.hook.encode(out);
            if let Some(policy) = new.policy {
                out.u32(nfta::chain::POLICY, policy);
            }
            if let Some(counters) = new.counters {
                counters.encode(out);
            }
            out.string(nfta::chain::TYPE, new.kind);
            if !new.userdata.is_empty() {
                out.bytes(nfta::chain::USERDATA, new.userdata);
            }
        })
    }

    /// Makes a user chain; `EEXIST` if there is one of that name.
    pub fn add_user_chain(&mut self, chain: ChainId, userdata: &[u8]) -> u32 {
        self.chain(kind::NEWCHAIN, flag::EXCL, chain, |out| {
            if !userdata.is_empty() {
                out.bytes(nfta::chain::USERDATA, userdata);
            }
        })
    }

    /// Gives the chain with this handle the name in `renamed`.
    pub fn rename_chain(&mut self, renamed: ChainId, handle: u64) -> u32 {
        self.chain(kind::NEWCHAIN, 0, renamed, |out| {
            out.u64(nfta::chain::HANDLE, handle);
        })
    }

    /// Deletes a chain; `EBUSY` if it has rules or is jumped to.
    pub fn del_chain(&mut self, chain: ChainId) -> u32 {
        self.chain(kind::DELCHAIN, flag::NONREC, chain, |_| {})
    }

    fn chain(&mut self, kind: u16, flags: u16, chain: ChainId, body: impl FnOnce(&mut Writer)) -> u32 {
        self.add(kind, flags, chain.table.family.number(), |out| {
            out.string(nfta::chain::TABLE, chain.table.name);
            out.string(nfta::chain::NAME, chain.name);
            body(out);
        })
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, chain: ChainId) -> u32 {
        self.del_rules(chain.table, Some(chain.name), |_| {})
    }

    /// Deletes all rules of a table, those of foreign chains too.
    pub fn flush_table(&mut self, table: TableId) -> u32 {
        self.del_rules(table, None, |_| {})
    }

    /// Deletes the rule with this handle.
    pub fn del_rule(&mut self, chain: ChainId, handle: u64) -> u32 {
        self.del_rules(chain.table, Some(chain.name), |out| {
            out.u64(nfta::rule::HANDLE, handle);
        })
    }

    /// Deletes the rule that this batch added with this id.
    pub fn del_rule_by_id(&mut self, chain: ChainId, id: u32) -> u32 {
        self.del_rules(chain.table, Some(chain.name), |out| {
            out.u32(nfta::rule::ID, id);
        })
    }

    fn del_rules(&mut self, table: TableId, chain: Option<&[u8]>, body: impl FnOnce(&mut Writer)) -> u32 {
        self.add(kind::DELRULE, 0, table.family.number(), |out| {
            out.string(nfta::rule::TABLE, table.name);
            if let Some(chain) = chain {
                out.string(nfta::rule::CHAIN, chain);
            }
            body(out);
        })
    }

    /// Makes an anonymous set and fills it, for a rule of this batch that names it by `id`, a number that no other set of
    /// the batch has.
    fn add_set(&mut self, table: TableId, id: u32, set: &Set) {
        let family = table.family.number();
        self.add(kind::NEWSET, flag::CREATE, family, |out| set.encode(table, id, out));
        set.encode_members(table, id, |body| {
            self.add(kind::NEWSETELEM, flag::CREATE, family, |out| body(out));
        });
    }

    /// Makes the anonymous sets that a rule looks into, which is to be added next. `next` is the number of the last one.
    pub fn add_sets(&mut self, table: TableId, exprs: &mut [Expr], next: &mut u32) {
        for expr in exprs {
            let Expr::Lookup { set, set_id, members: Some(members), .. } = expr else { continue };
            *next += 1;
            *set_id = Some(*next);
            *set = crate::set::ANONYMOUS.to_vec();
            self.add_set(table, *next, members);
        }
    }

    /// Adds a rule.
    pub fn add_rule(&mut self, rule: &NewRule, exprs: &[Expr]) -> u32 {
        self.add_rule_with(rule, |out| expr::encode_list(exprs, out))
    }

    /// Adds a rule whose expressions `exprs` writes, each as one `NFTA_LIST_ELEM`.
    pub fn add_rule_with(&mut self, rule: &NewRule, exprs: impl FnOnce(&mut Writer)) -> u32 {
        let flags = match rule.place {
            Place::Append | Place::After(_) | Place::AfterId(_) => flag::CREATE | flag::APPEND,
            Place::First | Place::Before(_) | Place::BeforeId(_) => flag::CREATE,
            Place::Replace(_) => flag::CREATE | flag::REPLACE,
        };
        let family = rule.chain.table.family.number();
        self.add(kind::NEWRULE, flags, family, |out| {
            out.string(nfta::rule::TABLE, rule.chain.table.name);
            out.string(nfta::rule::CHAIN, rule.chain.name);
            match rule.place {
                Place::Append | Place::First => {}
                Place::Before(handle) | Place::After(handle) => {
                    out.u64(nfta::rule::POSITION, handle);
                }
                Place::BeforeId(id) | Place::AfterId(id) => out.u32(nfta::rule::POSITION_ID, id),
                Place::Replace(handle) => out.u64(nfta::rule::HANDLE, handle),
            }
            if !rule.userdata.is_empty() {
                out.bytes(nfta::rule::USERDATA, rule.userdata);
            }
            let nest = out.begin(nfta::rule::EXPRESSIONS);
            exprs(out);
            out.end(nest);
            if let Some(compat) = rule.compat {
                let nest = out.begin(nfta::rule::COMPAT);
                out.u32(nfta::compat_rule::PROTO, compat.proto);
                out.u32(nfta::compat_rule::FLAGS, compat.flags);
                out.end(nest);
            }
            if let Some(id) = rule.id {
                out.u32(nfta::rule::ID, id);
            }
        })
    }
}
