//! The rules before, for the case that the new ones lock somebody out.

use rfw_diagnostics::{Source, SourceKind};
use rfw_kernel::{Batch, Kernel, Live, TableId};
use rfw_nft::Family;

use crate::personality::Personality;
use crate::settings::Settings;
use crate::{restore, save, show};

/// What it takes to bring the present rules back.
pub struct Rollback {
    family: Family,
    settings: Settings,
    /// As which the files are read.
    restorer: Personality,
    old: Source,
    /// The tables that there are now.
    tables: Vec<&'static str>,
}

impl Rollback {
    /// Remembers the present rules; fails if they could not be put back.
    pub fn new(restorer: Personality, settings: Settings) -> Result<Self, String> {
        let family = restorer.family;
        let old = Source::new("<the rules before>", SourceKind::Live, save::live_text(family, true)?);
        // What could not be put back must not be taken away.
        if restore::load(&restorer, &old, settings, true, true) != 0 {
            return Err("the present rules could not be put back, so they stay".into());
        }
        Ok(Self { tables: tables(family)?, family, settings, restorer, old })
    }

    /// Loads a file over them; gives the exit status of rfw-restore.
    pub fn load(&self, new: &Source) -> u8 {
        restore::load(&self.restorer, new, self.settings, false, false)
    }

    /// Puts the rules back, and deletes the tables that came with the new ones.
    pub fn back(&self) -> Result<(), String> {
        if restore::load(&self.restorer, &self.old, self.settings, true, false) != 0 {
            return Err("the rules before could NOT be put back; the new ones are loaded".into());
        }
        let mut batch = Batch::new(None);
        for name in tables(self.family)?.into_iter().filter(|name| !self.tables.contains(name)) {
            batch.del_table(TableId::new(self.family, name.as_bytes()));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let mut live = Live::open().map_err(|e| e.to_string())?;
        live.commit(&mut batch).map_err(|e| e.to_string())
    }
}

/// The tables of iptables that exist.
fn tables(family: Family) -> Result<Vec<&'static str>, String> {
    let mut live = Live::open().map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    for spec in show::all_tables() {
        let id = TableId::new(family, spec.name.as_bytes());
        if live.table(id).map_err(|e| e.to_string())?.is_some() {
            found.push(spec.name);
        }
    }
    Ok(found)
}
