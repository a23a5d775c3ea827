//! Netlink transport: batches, acknowledgements, dumps; a live kernel and a fake one. Names that the system gives to numbers.
//!
//! Contract: [`Kernel`] is all that the rest of the program knows of nf_tables in a running kernel. [`Live`] is the kernel
//! itself, [`Fake`] one in memory that takes the same bytes. A batch is applied whole or not at all. All unsafe code of the
//! project is in this crate.

mod error;
mod fake;
mod ipset;
mod live;
mod monitor;
pub mod names;
mod signal;
mod socket;
mod terminal;
pub mod time;

use std::collections::HashMap;
use std::ops::ControlFlow;

pub use error::{CommitError, Error, Reject};
pub use fake::Fake;
pub use ipset::IpsetError;
pub use live::Live;
pub use monitor::{Monitor, interface_name};
pub use rfw_nft::message::{Batch, Chain, ChainId, RawRule, Table, TableId};
pub use signal::{ignore_hangup, ignore_interruptions, terminate};
pub use terminal::Keys;

use rfw_nft::set::Set;
use rfw_nft::{Expr, Family};

/// nf_tables in a kernel. Object-safe: the program works on `&mut dyn Kernel`.
pub trait Kernel {
    /// The ruleset's generation: another number after every change.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn generation(&mut self) -> Result<u32, Error>;

    /// The tables of a family.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn tables(&mut self, family: Family) -> Result<Vec<Table>, Error>;

    /// One table, if it exists.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn table(&mut self, table: TableId) -> Result<Option<Table>, Error>;

    /// The chains of a table; none if the table does not exist.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn chains(&mut self, table: TableId) -> Result<Vec<Chain>, Error>;

    /// One chain, if it exists.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn chain(&mut self, chain: ChainId) -> Result<Option<Chain>, Error>;

    /// Shows `visit` the rules of a table, or of one chain of it, in order, until it breaks; none if there is no such chain.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the ruleset changed under way: what was visited is then worthless, see [`consistent`].
    /// Others if the kernel cannot be asked.
    fn rules(
        &mut self,
        table: TableId,
        chain: Option<&[u8]>,
        visit: &mut dyn FnMut(&RawRule) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// The anonymous sets of these names; one that is no plain list of keys is left out.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the ruleset changed under way or one of them is gone. Others if the kernel cannot be asked.
    fn sets(&mut self, table: TableId, names: &[&[u8]]) -> Result<Vec<(Vec<u8>, Set)>, Error>;

    /// Closes the batch and applies it, whole or not at all.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing has changed then.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), CommitError>;

    /// Whether the kernel has a revision of an xt match (or target) for a family. May load the module.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    fn revision_supported(
        &mut self,
        family: Family,
        name: &[u8],
        revision: u32,
        target: bool,
    ) -> Result<bool, Error>;

    /// The index of an ipset that holds addresses of the family, or sets.
    ///
    /// # Errors
    /// See [`IpsetError`].
    fn ipset_index(&mut self, name: &[u8], family: Family) -> Result<u16, IpsetError>;

    /// The name of an ipset.
    ///
    /// # Errors
    /// See [`IpsetError`].
    fn ipset_name(&mut self, index: u16) -> Result<Vec<u8>, IpsetError>;
}

/// Repeats `attempt` for as long as it is [`Error::Interrupted`].
///
/// # Errors
/// Any other error of `attempt`.
pub fn consistent<T>(mut attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match attempt() {
            Err(Error::Interrupted) => {}
            done => return done,
        }
    }
}

/// Reads the anonymous sets that some rules of a table look into, and puts their members into the expressions.
///
/// # Errors
/// Those of [`Kernel::sets`].
pub fn read_sets(kernel: &mut dyn Kernel, table: TableId, rules: &mut [&mut [Expr]]) -> Result<(), Error> {
    let names: Vec<&[u8]> =
        rules.iter().flat_map(|exprs| exprs.iter()).filter_map(Expr::unread_set).collect();
    if names.is_empty() {
        return Ok(());
    }
    let sets: HashMap<Vec<u8>, Set> = kernel.sets(table, &names)?.into_iter().collect();
    for expr in rules.iter_mut().flat_map(|exprs| exprs.iter_mut()) {
        let Some(found) = expr.unread_set().and_then(|name| sets.get(name)) else { continue };
        let found = Box::new(found.clone());
        if let Expr::Lookup { members, .. } = expr {
            *members = Some(found);
        }
    }
    Ok(())
}
