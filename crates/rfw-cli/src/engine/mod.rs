//! Commands to transactions.
//!
//! A [`Transaction`] reads what its commands need (chains for `-A`, one chain's rules for `-D`, …), keeps the state as it
//! will be after the commands so far, and collects messages for one batch bound to the generation it read. If the ruleset
//! changed meanwhile the caller builds it anew: nothing is ever applied to a state that nobody looked at.

mod blame;
mod chains;
mod lists;
mod ops;
mod rules;
mod shares;
mod state;
mod stored;
#[cfg(test)]
mod tests;
mod zero;

use rfw_diagnostics::{Classic, Diagnostic};
use rfw_extensions::{Encoding, Names};
use rfw_kernel::{Batch, CommitError, Error, Kernel};
use rfw_nft::Family;
use rfw_nft::message::userdata;

use lists::Tally;
use ops::Op;
use state::TableState;

pub use blame::Origin;
pub use chains::{is_base, is_ours};
pub use lists::{Lists, MOST_STEPS};
pub use rules::Wanted;
pub use shares::{Share, Size, Written};
pub use stored::{Dumped, read_chains};

use crate::report;
use crate::settings::{Settings, host_has_stock};

/// The table comment that says that rfw's native encoding is used in it; `nft` shows it.
pub const TABLE_MARK: &[u8] = b"managed by rfw (native encoding)";

/// Why a command did not work.
#[derive(Debug)]
pub enum Halt {
    /// The user's text or the ruleset.
    Diagnostics(Vec<Diagnostic>),
    /// The system.
    Fatal(Classic),
    /// The ruleset changed meanwhile: build again.
    Conflict,
    /// What comes of lists does not do: build again, with lists written so.
    Lists(Lists),
}

impl From<Box<Diagnostic>> for Halt {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::Diagnostics(vec![*diagnostic])
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Interrupted) { Self::Conflict } else { Self::Fatal(fatal(&error)) }
    }
}

/// The words for a kernel that can't be asked.
pub fn fatal(error: &Error) -> Classic {
    const EPERM: i32 = 1;
    let text = match error.errno() {
        Some(EPERM) => {
            "Could not fetch rule set generation id: Permission denied (you must be root)".to_owned()
        }
        _ => format!("Could not fetch rule set: {error}"),
    };
    Classic::Fatal(text)
}

/// Room for the messages of so much text: a rule's message is about six times as long as its text.
fn buffer_for(text: usize) -> Vec<u8> {
    Vec::with_capacity(text.saturating_mul(7))
}

pub type Done<T> = Result<T, Halt>;

/// One atomic change in the making.
pub struct Transaction<'t> {
    pub(crate) kernel: &'t mut dyn Kernel,
    pub(crate) names: &'t dyn Names,
    pub(crate) family: Family,
    settings: Settings,
    generation: u32,
    pub(crate) batch: Batch,
    pub(crate) ops: Vec<Op>,
    tables: Vec<TableState>,
    origin: Option<Origin<'t>>,
    /// Whether later commands may refer to rules that earlier ones of this transaction made.
    pub(crate) history: bool,
    /// The number that a rule or a set got last.
    next_id: u32,
    lists: Lists,
    sets: Tally,
}

impl<'t> Transaction<'t> {
    /// Begins at the kernel's present generation, with room for a file of `text` bytes, its lists written so.
    pub fn begin_file(
        kernel: &'t mut dyn Kernel,
        names: &'t dyn Names,
        family: Family,
        settings: Settings,
        history: bool,
        text: usize,
        lists: Lists,
    ) -> Done<Self> {
        let mut transaction = Self::begin(kernel, names, family, settings, history)?;
        transaction.lists = if settings.no_xt { Lists::Sets } else { lists };
        transaction.batch = Batch::in_buffer(Some(transaction.generation), buffer_for(text));
        Ok(transaction)
    }

    /// Begins at the kernel's present generation.
    pub fn begin(
        kernel: &'t mut dyn Kernel,
        names: &'t dyn Names,
        family: Family,
        settings: Settings,
        history: bool,
    ) -> Done<Self> {
        let generation = kernel.generation()?;
        Ok(Self {
            kernel,
            names,
            family,
            settings,
            generation,
            batch: Batch::new(Some(generation)),
            ops: Vec::new(),
            tables: Vec::new(),
            origin: None,
            history,
            next_id: 1,
            lists: Lists::Sets,
            sets: Tally::default(),
        })
    }

    /// The state of a table, read at the first question.
    pub fn table(&mut self, spec: &'static rfw_compiler::TableSpec) -> Done<usize> {
        if let Some(index) = self.tables.iter().position(|t| std::ptr::eq(t.spec, spec)) {
            return Ok(index);
        }
        let id = rfw_kernel::TableId::new(self.family, spec.name.as_bytes());
        let found = self.kernel.table(id)?;
        let exists = found.is_some();
        let uses = found.as_ref().map(|table| table.use_count);
        let ours = found.is_some_and(|t| userdata::comment(&t.userdata) == Some(TABLE_MARK));
        let encoding = match (self.settings.encoding, exists) {
            (Some(chosen), _) => chosen,
            (None, true) if ours => Encoding::Native,
            (None, true) => Encoding::Compat,
            (None, false) if host_has_stock() => Encoding::Compat,
            (None, false) => Encoding::Native,
        };
        self.tables.push(TableState::new(spec, uses, encoding));
        Ok(self.tables.len() - 1)
    }

    /// Where its rules were written, so that a kernel error can underline the guilty words.
    pub fn written_in(&mut self, origin: Origin<'t>) {
        self.origin = Some(origin);
    }

    /// The family of its tables.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The system's names.
    pub fn names(&self) -> &'t dyn Names {
        self.names
    }

    /// Applies what was collected; nothing to apply is success.
    pub fn commit(mut self) -> Done<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        match self.kernel.commit(&mut self.batch) {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => Err(Halt::Conflict),
            Err(CommitError::Rejected(rejects)) => {
                let missing = self.missing_extensions(&rejects);
                if self.lists == Lists::Xt && !missing.is_empty() {
                    return Err(Halt::Lists(Lists::Sets));
                }
                for text in missing {
                    report::error_text(&format!("Warning: {text}\n"));
                }
                Err(Halt::Diagnostics(self.blame(&rejects)))
            }
            Err(CommitError::Os(error)) => Err(Halt::Fatal(fatal(&Error::Os(error)))),
            Err(error @ CommitError::TooBig { .. }) => Err(Halt::Fatal(Classic::Fatal(error.to_string()))),
        }
    }

    /// Whether the lists of this transaction can stay as they are written.
    pub fn check_lists(&self) -> Done<()> {
        self.lists.instead_of(&self.sets).map_or(Ok(()), |other| Err(Halt::Lists(other)))
    }

    fn note(&mut self, seq: u32, op: Op) {
        // Sequence numbers rise by one from 2, so the position says which message it was.
        debug_assert_eq!(seq as usize, self.ops.len() + 2);
        self.ops.push(op);
    }
}
