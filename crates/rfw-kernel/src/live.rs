//! The running kernel of this network namespace.

use std::{collections::HashSet, io, ops::ControlFlow};

use rfw_nft::{
    Family,
    message::{
        Batch, Chain, ChainId, Message, Messages, NetlinkError, RawRule, Table, TableId, flag, kind, request,
    },
    set::{Heading, Members, Set},
};

use crate::{
    CommitError, Error, Kernel, Reject,
    ipset::{self, IpsetError},
    socket::Socket,
};

/// Requests count from here, so that no error of a batch, which counts from 1, can pass for an answer.
const FIRST_SEQ: u32 = 0x4000_0000;

/// What one queued error may cost of the receive limit: the kernel counts its own structures too.
const ERROR_COST: usize = 1536;

/// A netlink socket to the running kernel.
pub struct Live {
    socket: Socket,
    seq: u32,
    ipset: Option<ipset::Socket>,
    revisions: Vec<(Revision, bool)>,
}

#[derive(PartialEq, Eq)]
struct Revision {
    family: Family,
    name: Vec<u8>,
    number: u32,
    target: bool,
}

impl Live {
    /// Opens the socket.
    ///
    /// # Errors
    /// If the system refuses it.
    pub fn open() -> io::Result<Self> {
        Ok(Self { socket: Socket::open()?, seq: FIRST_SEQ, ipset: None, revisions: Vec::new() })
    }

    fn next_seq(&mut self) -> u32 {
        self.seq = self.seq.wrapping_add(1).max(FIRST_SEQ);
        self.seq
    }

    /// Sends a request for one object and reads the answer; `None` if the kernel says `ENOENT`.
    fn get<T>(
        &mut self,
        request: impl FnOnce(u32) -> Vec<u8>,
        read: impl Fn(&Message) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let seq = self.next_seq();
        self.socket.send(&request(seq))?;
        loop {
            for message in Messages::new(self.socket.receive()?) {
                let message = message?;
                if message.seq != seq {
                    continue;
                }
                if message.kind != kind::ERROR {
                    return read(&message).map(Some);
                }
                return match errno(&message)? {
                    libc::ENOENT => Ok(None),
                    errno => Err(io::Error::from_raw_os_error(errno).into()),
                };
            }
        }
    }

    /// Sends a dump request and visits the answers.
    fn dump(
        &mut self,
        request: impl FnOnce(u32) -> Vec<u8>,
        mut visit: impl FnMut(&Message) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let seq = self.next_seq();
        self.socket.send(&request(seq))?;
        let result = self.read_dump(seq, &mut visit);
        if !matches!(result, Ok(ControlFlow::Continue(()))) {
            // The kernel works on a dump only as far as it is read: a new socket forgets the rest of it.
            self.socket = Socket::open()?;
        }
        result.map(|_| ())
    }

    fn read_dump(
        &mut self,
        seq: u32,
        visit: &mut dyn FnMut(&Message) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        loop {
            for message in Messages::new(self.socket.receive()?) {
                let message = message?;
                if message.seq != seq {
                    continue;
                }
                if message.flags & flag::DUMP_INTR != 0 && message.kind != kind::ERROR {
                    return Err(Error::Interrupted);
                }
                match message.kind {
                    kind::DONE | kind::ERROR => {
                        return match errno(&message)? {
                            0 => Ok(ControlFlow::Continue(())),
                            libc::EINTR => Err(Error::Interrupted),
                            errno => Err(io::Error::from_raw_os_error(errno).into()),
                        };
                    }
                    _ => {
                        if visit(&message)?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                }
            }
        }
    }

    /// The errors that sending a batch left in the queue. nfnetlink works through a batch inside of `sendmsg`, so they are all
    /// there when it returns, and an empty queue means that the batch was applied.
    fn errors(&mut self) -> io::Result<Vec<NetlinkError>> {
        let mut errors = Vec::new();
        loop {
            match self.socket.receive_now() {
                Ok(Some(bytes)) => errors.extend(
                    Messages::new(bytes)
                        .flatten()
                        .filter(|m| m.seq < FIRST_SEQ)
                        .filter_map(|m| NetlinkError::decode(&m))
                        .filter(|e| e.errno != 0),
                ),
                Ok(None) => break,
                // More errors than the queue holds: those that fit come after this notice.
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) && errors.is_empty() => {
                    errors.push(NetlinkError { errno: libc::ENOBUFS, ..NetlinkError::default() });
                }
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(e) => return Err(e),
            }
        }
        if errors.len() > 1 {
            errors.retain(|e| e.seq != 0);
        }
        Ok(errors)
    }
}

/// The positive error number in a `DONE` or `ERROR` message.
fn errno(message: &Message) -> Result<i32, Error> {
    let code = message.body().first_chunk().ok_or(Error::Malformed)?;
    i32::from_ne_bytes(*code).checked_neg().ok_or(Error::Malformed)
}

/// Sorts out what the errors say of the batch; its opening message has number 1.
fn outcome(errors: Vec<NetlinkError>) -> Result<(), CommitError> {
    if errors.iter().any(|e| e.errno == libc::ERESTART) {
        return Err(CommitError::Conflict);
    }
    if let Some(whole) = errors.iter().find(|e| e.seq <= 1) {
        return Err(io::Error::from_raw_os_error(whole.errno).into());
    }
    let mut rejects: Vec<Reject> = errors.into_iter().map(Reject::from).collect();
    if rejects.is_empty() {
        return Ok(());
    }
    rejects.sort_by_key(|r| r.seq);
    Err(CommitError::Rejected(rejects))
}

impl From<NetlinkError> for Reject {
    fn from(e: NetlinkError) -> Self {
        Self { seq: e.seq, errno: e.errno, attr_offset: e.attr_offset, message: e.message }
    }
}

impl Reject {
    fn too_long(seq: u32) -> Self {
        Self { seq, errno: libc::EMSGSIZE, attr_offset: None, message: None }
    }
}

/// Refuses a batch some of whose messages could not be written.
pub(crate) fn check_written(batch: &Batch) -> Result<(), CommitError> {
    if batch.too_long().is_empty() {
        return Ok(());
    }
    let rejects = batch.too_long().iter().map(|&seq| Reject::too_long(seq));
    Err(CommitError::Rejected(rejects.collect()))
}

impl Kernel for Live {
    fn generation(&mut self) -> Result<u32, Error> {
        self.get(request::generation, |m| Ok(m.generation()?))?.ok_or(Error::Malformed)
    }

    fn tables(&mut self, family: Family) -> Result<Vec<Table>, Error> {
        crate::consistent(|| {
            let mut tables = Vec::new();
            self.dump(
                |seq| request::tables(seq, family),
                |message| {
                    tables.push(Table::decode(message)?);
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            Ok(tables)
        })
    }

    fn table(&mut self, table: TableId) -> Result<Option<Table>, Error> {
        self.get(|seq| request::table(seq, table), |m| Ok(Table::decode(m)?))
    }

    fn chains(&mut self, table: TableId) -> Result<Vec<Chain>, Error> {
        crate::consistent(|| {
            let mut chains = Vec::new();
            self.dump(
                |seq| request::chains(seq, table.family),
                |message| {
                    let chain = Chain::decode(message)?;
                    if chain.table == table.name {
                        chains.push(chain);
                    }
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            Ok(chains)
        })
    }

    fn chain(&mut self, chain: ChainId) -> Result<Option<Chain>, Error> {
        self.get(|seq| request::chain(seq, chain), |m| Ok(Chain::decode(m)?))
    }

    fn rules(
        &mut self,
        table: TableId,
        chain: Option<&[u8]>,
        visit: &mut dyn FnMut(&RawRule) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut visited = false;
        loop {
            let result = self.dump(
                |seq| request::rules(seq, table, chain),
                |message| {
                    visited = true;
                    Ok(visit(&RawRule::decode(message)?))
                },
            );
            match result {
                Err(Error::Interrupted) if !visited => {}
                done => return done,
            }
        }
    }

    fn sets(&mut self, table: TableId, names: &[&[u8]]) -> Result<Vec<(Vec<u8>, Set)>, Error> {
        let names: HashSet<&[u8]> = names.iter().copied().collect();
        let mut found = Vec::new();
        self.dump(
            |seq| request::sets(seq, table),
            |message| {
                let heading = Heading::decode(message)?;
                if names.contains(heading.name.as_slice()) {
                    found.push(heading);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let mut sets = Vec::with_capacity(found.len());
        for heading in found {
            let mut members = Members::default();
            let dumped = self.dump(
                |seq| request::elements(seq, table, &heading.name),
                |message| {
                    members.add(message)?;
                    Ok(ControlFlow::Continue(()))
                },
            );
            match dumped {
                Err(error) if error.errno() == Some(libc::ENOENT) => return Err(Error::Interrupted),
                other => other?,
            }
            let name = heading.name.clone();
            sets.extend(heading.with(members).map(|set| (name, set)));
        }
        Ok(sets)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), CommitError> {
        check_written(batch)?;
        batch.finish();
        let messages = usize::try_from(batch.next_seq()).unwrap_or(usize::MAX);
        let len = batch.byte_len();
        let limit = self.socket.reserve_send(len)?;
        if limit < len {
            return Err(CommitError::TooBig { len, limit });
        }
        self.socket.reserve_receive(messages.saturating_mul(ERROR_COST))?;
        self.socket.send_pieces(batch.pieces())?;
        outcome(self.errors()?)
    }

    fn revision_supported(
        &mut self,
        family: Family,
        name: &[u8],
        revision: u32,
        target: bool,
    ) -> Result<bool, Error> {
        let wanted = Revision { family, name: name.to_vec(), number: revision, target };
        if let Some((_, known)) = self.revisions.iter().find(|(r, _)| *r == wanted) {
            return Ok(*known);
        }
        let answer = self.get(|seq| request::revision(seq, family, name, revision, target), |_| Ok(()));
        let supported = match answer {
            Ok(answer) => answer.is_some(),
            // The extension without this revision, or a kernel without nft_compat.
            Err(e) if matches!(e.errno(), Some(libc::EPROTONOSUPPORT | libc::EOPNOTSUPP | libc::EINVAL)) => {
                false
            }
            Err(e) => return Err(e),
        };
        self.revisions.push((wanted, supported));
        Ok(supported)
    }

    fn ipset_index(&mut self, name: &[u8], family: Family) -> Result<u16, IpsetError> {
        self.ipset()?.index(name, family)
    }

    fn ipset_name(&mut self, index: u16) -> Result<Vec<u8>, IpsetError> {
        self.ipset()?.name(index)
    }
}

impl Live {
    fn ipset(&mut self) -> Result<&ipset::Socket, IpsetError> {
        match &mut self.ipset {
            Some(socket) => Ok(socket),
            empty => Ok(empty.insert(ipset::Socket::open()?)),
        }
    }
}
