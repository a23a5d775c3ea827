//! Requests for objects and dumps, each one message of its own.

use super::{ChainId, TableId, close, flag, kind, nfta, open};
use crate::{Family, attr::Writer};

fn message(kind: u16, flags: u16, seq: u32, family: u8, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut buf = Vec::with_capacity(128);
    let at = open(&mut buf, kind, flags, seq, family);
    body(&mut Writer::new(&mut buf));
    close(&mut buf, at);
    buf
}

/// Asks for the generation id; the answer is one `NEWGEN`.
#[must_use]
pub fn generation(seq: u32) -> Vec<u8> {
    message(kind::GETGEN, 0, seq, 0, |_| {})
}

/// Dumps the tables of a family.
#[must_use]
pub fn tables(seq: u32, family: Family) -> Vec<u8> {
    message(kind::GETTABLE, flag::DUMP, seq, family.number(), |_| {})
}

/// Asks for one table; the answer is a `NEWTABLE` or an error, `ENOENT` if there is none.
#[must_use]
pub fn table(seq: u32, table: TableId) -> Vec<u8> {
    message(kind::GETTABLE, 0, seq, table.family.number(), |out| {
        out.string(nfta::table::NAME, table.name);
    })
}

/// Dumps the chains of all tables of a family. The kernel does not filter this dump by table.
#[must_use]
pub fn chains(seq: u32, family: Family) -> Vec<u8> {
    message(kind::GETCHAIN, flag::DUMP, seq, family.number(), |_| {})
}

/// Asks for one chain; the answer is a `NEWCHAIN` or an error, `ENOENT` if there is none.
#[must_use]
pub fn chain(seq: u32, chain: ChainId) -> Vec<u8> {
    message(kind::GETCHAIN, 0, seq, chain.table.family.number(), |out| {
        out.string(nfta::chain::TABLE, chain.table.name);
        out.string(nfta::chain::NAME, chain.name);
    })
}

/// Dumps the rules of a table, or of one of its chains.
#[must_use]
pub fn rules(seq: u32, table: TableId, chain: Option<&[u8]>) -> Vec<u8> {
    message(kind::GETRULE, flag::DUMP, seq, table.family.number(), |out| {
        out.string(nfta::rule::TABLE, table.name);
        if let Some(chain) = chain {
            out.string(nfta::rule::CHAIN, chain);
        }
    })
}

/// Dumps the sets of a table.
#[must_use]
pub fn sets(seq: u32, table: TableId) -> Vec<u8> {
    message(kind::GETSET, flag::DUMP, seq, table.family.number(), |out| {
        out.string(nfta::set::TABLE, table.name)
    })
}

/// Dumps the elements of a set.
#[must_use]
pub fn elements(seq: u32, table: TableId, set: &[u8]) -> Vec<u8> {
    message(kind::GETSETELEM, flag::DUMP, seq, table.family.number(), |out| {
        out.string(nfta::element::TABLE, table.name);
        out.string(nfta::element::SET, set);
    })
}

/// Dumps the stateful objects of a table.
#[must_use]
pub fn objects(seq: u32, table: TableId) -> Vec<u8> {
    message(kind::GETOBJ, flag::DUMP, seq, table.family.number(), |out| {
        out.string(nfta::object::TABLE, table.name)
    })
}

/// Asks nft_compat for a revision of an xt match or target; the answer is a repetition or an error, `ENOENT` if there is none.
#[must_use]
pub fn revision(seq: u32, family: Family, name: &[u8], revision: u32, target: bool) -> Vec<u8> {
    message(kind::COMPAT_GET, flag::ACK, seq, family.number(), |out| {
        out.string(nfta::compat::NAME, name);
        out.u32(nfta::compat::REV, revision);
        out.u32(nfta::compat::TYPE, u32::from(target));
    })
}
