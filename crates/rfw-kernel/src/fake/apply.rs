//! Applies a batch to a copy of the state, message by message, and collects what the kernel would refuse.

use std::io;

use libc::{EBUSY, EEXIST, EINVAL, EMLINK, ENOENT, EOPNOTSUPP};
use rfw_nft::{
    Family,
    attr::{Attr, Reader},
    message::{self, Malformed, Message, flag, kind},
};

use super::state::{Base, Chain, Rule, State, Table};
use crate::{CommitError, Reject};

/// Why a message is refused: the error number and the offset of the attribute concerned.
struct Refusal(i32, Option<usize>);

impl From<i32> for Refusal {
    fn from(errno: i32) -> Self {
        Self(errno, None)
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self(EINVAL, None)
    }
}

type Done = Result<(), Refusal>;

/// The state after the batch; `None` if it has no message.
pub(super) fn batch(
    state: &State,
    generation: u32,
    messages: &[Message],
) -> Result<Option<State>, CommitError> {
    let [begin, body @ .., end] = messages else {
        return Err(io::Error::from_raw_os_error(EINVAL).into());
    };
    if begin.kind != kind::BATCH_BEGIN || end.kind != kind::BATCH_END {
        return Err(io::Error::from_raw_os_error(EINVAL).into());
    }
    // The attribute has the number of a NEWGEN's.
    if begin.generation().is_ok_and(|g| g != generation) {
        return Err(CommitError::Conflict);
    }
    if body.is_empty() {
        return Ok(None);
    }
    let (mut new, mut rejects) = run(state, body, false);
    if rejects.is_empty() && new.tables.iter().any(Table::too_deep) {
        // As the kernel does: once more, looking for the message that makes the loop.
        (new, rejects) = run(state, body, true);
    }
    if !rejects.is_empty() {
        return Err(CommitError::Rejected(rejects));
    }
    for rule in new.tables.iter_mut().flat_map(|t| &mut t.chains) {
        rule.rules.iter_mut().for_each(|r| r.id = None);
    }
    Ok(Some(new))
}

fn run(state: &State, messages: &[Message], validate: bool) -> (State, Vec<Reject>) {
    let mut state = state.clone();
    let mut rejects = Vec::new();
    for message in messages {
        if let Err(Refusal(errno, at)) = apply(&mut state, message, validate) {
            rejects.push(Reject {
                seq: message.seq,
                errno,
                attr_offset: at.and_then(|at| u32::try_from(at).ok()),
                message: None,
            });
        }
    }
    (state, rejects)
}

fn apply(state: &mut State, message: &Message, validate: bool) -> Done {
    let family = message.family().ok_or(EOPNOTSUPP)?;
    match message.kind {
        kind::NEWTABLE => new_table(state, family, message),
        kind::DELTABLE => {
            let at = table(state, family, message, 1)?;
            state.tables.remove(at);
            Ok(())
        }
        kind::NEWCHAIN => {
            let at = table(state, family, message, 1)?;
            new_chain(&mut state.tables[at], message)
        }
        kind::DELCHAIN => {
            let at = table(state, family, message, 1)?;
            del_chain(&mut state.tables[at], message)
        }
        kind::NEWRULE => {
            let at = table(state, family, message, 1)?;
            new_rule(&mut state.tables[at], message)?;
            if validate && state.tables[at].too_deep() {
                return Err(EMLINK.into());
            }
            Ok(())
        }
        kind::DELRULE => {
            let at = table(state, family, message, 1)?;
            del_rules(&mut state.tables[at], message)
        }
        _ => Err(EOPNOTSUPP.into()),
    }
}

/// An attribute of a message and its offset there.
fn attribute<'a>(message: &Message<'a>, kind: u16) -> Result<Option<(Attr<'a>, usize)>, Malformed> {
    for attr in message.attributes() {
        let attr = attr?;
        if attr.kind == kind {
            return Ok(Some((attr, offset(message, attr.payload))));
        }
    }
    Ok(None)
}

/// Offset of the attribute with this payload, which is a part of the message.
fn offset(message: &Message, payload: &[u8]) -> usize {
    payload.as_ptr().addr() - message.bytes.as_ptr().addr() - 4
}

fn table(state: &State, family: Family, message: &Message, kind: u16) -> Result<usize, Refusal> {
    let (name, at) = attribute(message, kind)?.ok_or(EINVAL)?;
    state.table_index(family, name.string()).ok_or(Refusal(ENOENT, Some(at)))
}

fn new_table(state: &mut State, family: Family, message: &Message) -> Done {
    let (name, at) = attribute(message, 1)?.ok_or(EINVAL)?;
    if state.table_index(family, name.string()).is_some() {
        return match message.flags {
            f if f & flag::EXCL != 0 => Err(Refusal(EEXIST, Some(at))),
            f if f & flag::REPLACE != 0 => Err(EOPNOTSUPP.into()),
            _ => Ok(()),
        };
    }
    let seen = message::Table::decode(message)?;
    state.last_table += 1;
    state.tables.push(Table {
        family,
        name: seen.name,
        handle: state.last_table,
        userdata: seen.userdata,
        chains: Vec::new(),
        last_handle: 0,
    });
    Ok(())
}

const CHAIN_HANDLE: u16 = 2;
const CHAIN_NAME: u16 = 3;
const CHAIN_POLICY: u16 = 5;
const CHAIN_COUNTERS: u16 = 8;

fn new_chain(table: &mut Table, message: &Message) -> Done {
    let (_, name_at) = attribute(message, CHAIN_NAME)?.ok_or(EINVAL)?;
    let new = message::Chain::decode(message)?;
    if let Some((handle, at)) = attribute(message, CHAIN_HANDLE)? {
        let handle = handle.u64()?;
        let taken = table.chains.iter().any(|c| c.name == new.name);
        let chain = table.chains.iter_mut().find(|c| c.handle == handle);
        let chain = chain.ok_or(Refusal(ENOENT, Some(at)))?;
        if taken {
            return Err(Refusal(EEXIST, Some(name_at)));
        }
        chain.name = new.name;
        return Ok(());
    }
    if let Some(chain) = table.chains.iter_mut().find(|c| c.name == new.name) {
        if message.flags & flag::EXCL != 0 {
            return Err(Refusal(EEXIST, Some(name_at)));
        }
        return update_chain(chain, new, message);
    }
    if new.hook.is_none()
        && let Some((_, at)) = attribute(message, CHAIN_POLICY)?
    {
        return Err(Refusal(EOPNOTSUPP, Some(at)));
    }
    let base = new.hook.map(|hook| Base {
        hook,
        kind: new.kind,
        policy: new.policy.unwrap_or(1),
        counters: new.counters,
    });
    let handle = table.next_handle();
    table.chains.push(Chain { name: new.name, handle, base, userdata: new.userdata, rules: Vec::new() });
    Ok(())
}

fn update_chain(chain: &mut Chain, new: message::Chain, message: &Message) -> Done {
    let at = |kind| attribute(message, kind).map(|found| found.map(|(_, at)| at));
    let Some(base) = &mut chain.base else {
        if new.policy.is_some() {
            return Err(Refusal(EOPNOTSUPP, at(CHAIN_POLICY)?));
        }
        if new.hook.is_some() {
            return Err(Refusal(EEXIST, at(CHAIN_NAME)?));
        }
        return match new.counters {
            Some(_) => Err(Refusal(EOPNOTSUPP, at(CHAIN_COUNTERS)?)),
            None => Ok(()),
        };
    };
    if new.hook.is_some_and(|h| h != base.hook) {
        return Err(EOPNOTSUPP.into());
    }
    if new.hook.is_some() && new.kind != base.kind {
        return Err(Refusal(EEXIST, at(CHAIN_NAME)?));
    }
    if let Some(policy) = new.policy {
        base.policy = policy;
    }
    if new.counters.is_some() {
        base.counters = new.counters;
    }
    Ok(())
}

fn del_chain(table: &mut Table, message: &Message) -> Done {
    let (name, at) = attribute(message, CHAIN_NAME)?.ok_or(EINVAL)?;
    let index = table.chains.iter().position(|c| c.name == name.string());
    let index = index.ok_or(Refusal(ENOENT, Some(at)))?;
    if message.flags & flag::NONREC == 0 {
        table.chains[index].rules.clear();
    }
    if table.uses(&table.chains[index]) > 0 {
        return Err(EBUSY.into());
    }
    table.chains.remove(index);
    Ok(())
}

const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_POSITION: u16 = 6;
const RULE_ID: u16 = 9;
const RULE_POSITION_ID: u16 = 10;

fn chain(table: &Table, name: &Attr, at: usize) -> Result<usize, Refusal> {
    let found = table.chains.iter().position(|c| c.name == name.string());
    found.ok_or(Refusal(ENOENT, Some(at)))
}

fn by_handle(chain: &Chain, attr: &Attr, at: usize) -> Result<usize, Refusal> {
    let handle = attr.u64()?;
    let found = chain.rules.iter().position(|r| r.handle == handle);
    found.ok_or(Refusal(ENOENT, Some(at)))
}

fn by_id(chain: &Chain, attr: &Attr, at: usize) -> Result<usize, Refusal> {
    let id = attr.u32()?;
    let found = chain.rules.iter().position(|r| r.id == Some(id));
    found.ok_or(Refusal(ENOENT, Some(at)))
}

fn new_rule(table: &mut Table, message: &Message) -> Done {
    let (name, at) = attribute(message, RULE_CHAIN)?.ok_or(EINVAL)?;
    let chain_at = chain(table, &name, at)?;
    let raw = message::RawRule::decode(message)?;
    let place = rule_place(&table.chains[chain_at], message)?;
    let targets = targets(table, message)?;
    let handle = table.next_handle();
    let rule = Rule {
        handle,
        exprs: raw.exprs.to_vec(),
        userdata: raw.userdata.to_vec(),
        targets,
        id: match attribute(message, RULE_ID)? {
            Some((id, _)) => Some(id.u32()?),
            None => None,
        },
    };
    let rules = &mut table.chains[chain_at].rules;
    match place {
        Spot::Insert(index) => rules.insert(index, rule),
        // Since some version the kernel keeps the old rule's handle.
        Spot::Replace(index) => {
            let handle = rules[index].handle;
            rules[index] = Rule { handle, ..rule };
        }
    }
    Ok(())
}

enum Spot {
    Insert(usize),
    Replace(usize),
}

fn rule_place(chain: &Chain, message: &Message) -> Result<Spot, Refusal> {
    if let Some((handle, at)) = attribute(message, RULE_HANDLE)? {
        let index = by_handle(chain, &handle, at)?;
        return match message.flags {
            f if f & flag::EXCL != 0 => Err(Refusal(EEXIST, Some(at))),
            f if f & flag::REPLACE != 0 => Ok(Spot::Replace(index)),
            _ => Err(EOPNOTSUPP.into()),
        };
    }
    if message.flags & flag::CREATE == 0 || message.flags & flag::REPLACE != 0 {
        return Err(EINVAL.into());
    }
    let append = message.flags & flag::APPEND != 0;
    let near = if let Some((handle, at)) = attribute(message, RULE_POSITION)? {
        Some(by_handle(chain, &handle, at)?)
    } else if let Some((id, at)) = attribute(message, RULE_POSITION_ID)? {
        Some(by_id(chain, &id, at)?)
    } else {
        None
    };
    Ok(Spot::Insert(match near {
        Some(index) => index + usize::from(append),
        None if append => chain.rules.len(),
        None => 0,
    }))
}

/// Handles of the chains that a rule's expressions jump or go to.
fn targets(table: &Table, message: &Message) -> Result<Vec<u64>, Refusal> {
    let mut targets = Vec::new();
    let Some((list, _)) = attribute(message, RULE_EXPRESSIONS)? else {
        return Ok(targets);
    };
    for element in list.nested() {
        let element = element?;
        let Some(name) = jump(&element)? else {
            continue;
        };
        let at = Some(offset(message, element.payload));
        let chain = table.chains.iter().find(|c| c.name == name);
        let chain = chain.ok_or(Refusal(ENOENT, at))?;
        if chain.base.is_some() {
            return Err(Refusal(EOPNOTSUPP, at));
        }
        targets.push(chain.handle);
    }
    Ok(targets)
}

/// The chain in an `immediate` with a jump or goto: `NFTA_EXPR_DATA` > `NFTA_IMMEDIATE_DATA` > `NFTA_DATA_VERDICT` >
/// `NFTA_VERDICT_CHAIN`, all of them number 2.
fn jump<'a>(element: &Attr<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let name = find(element.nested(), 1)?;
    if name.is_none_or(|n| n.string() != b"immediate") {
        return Ok(None);
    }
    let mut at = *element;
    for _ in 0..4 {
        match find(at.nested(), 2)? {
            Some(inner) => at = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(at.string()))
}

fn find<'a>(attributes: Reader<'a>, kind: u16) -> Result<Option<Attr<'a>>, Malformed> {
    for attr in attributes {
        let attr = attr?;
        if attr.kind == kind {
            return Ok(Some(attr));
        }
    }
    Ok(None)
}

fn del_rules(table: &mut Table, message: &Message) -> Done {
    let Some((name, at)) = attribute(message, RULE_CHAIN)? else {
        table.chains.iter_mut().for_each(|c| c.rules.clear());
        return Ok(());
    };
    let index = chain(table, &name, at)?;
    let chain = &mut table.chains[index];
    if let Some((handle, at)) = attribute(message, RULE_HANDLE)? {
        let index = by_handle(chain, &handle, at)?;
        chain.rules.remove(index);
    } else if let Some((id, at)) = attribute(message, RULE_ID)? {
        let index = by_id(chain, &id, at)?;
        chain.rules.remove(index);
    } else {
        chain.rules.clear();
    }
    Ok(())
}
