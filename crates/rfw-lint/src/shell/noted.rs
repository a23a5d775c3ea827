//! What a script does to the host besides its rules: kernel settings, modules, ipsets.

use std::collections::{BTreeMap, BTreeSet};

use super::programs::base;
use super::text::Field;
use crate::facts::{Facts, IpSet};
use rfw_nft::Family;

/// What was noted. Only what surely happens is.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    settings: BTreeMap<String, Option<String>>,
    modules: BTreeSet<String>,
    sets: BTreeMap<String, IpSet>,
}

impl Noted {
    /// `sysctl -w NAME=VALUE`.
    pub(super) fn sysctl(&mut self, fields: &[Field], sure: bool) {
        for field in fields.iter().filter_map(Field::known) {
            if let Some(at) = memchr::memchr(b'=', field) {
                self.setting(&field[..at], &field[at + 1..], sure);
            }
        }
    }

    /// A kernel setting, by its path below `/proc/sys` or its dotted name.
    pub(super) fn setting(&mut self, name: &[u8], value: &[u8], sure: bool) {
        let name = String::from_utf8_lossy(name.trim_ascii()).replace('/', ".");
        let value = sure.then(|| String::from_utf8_lossy(value.trim_ascii()).into_owned());
        self.settings.insert(name, value);
    }

    /// `modprobe NAME …`.
    pub(super) fn modprobe(&mut self, fields: &[Field], sure: bool) {
        let removes = fields.iter().any(|f| matches!(f.known(), Some(b"-r" | b"--remove")));
        let several = fields.iter().any(|f| matches!(f.known(), Some(b"-a" | b"--all")));
        let names = fields.iter().filter_map(Field::known).filter(|k| !k.starts_with(b"-"));
        for name in names.take(if several { usize::MAX } else { 1 }) {
            let name = base(name);
            let name = name.strip_suffix(b".ko").unwrap_or(name);
            let name = String::from_utf8_lossy(name).replace('-', "_");
            if removes {
                self.modules.remove(&name);
            } else if sure {
                self.modules.insert(name);
            }
        }
    }

    /// `ipset create NAME KIND …`, `add NAME ENTRY`, `flush`, `destroy`.
    pub(super) fn ipset(&mut self, fields: &[Field], sure: bool) {
        let known: Vec<Option<&[u8]>> = fields.iter().map(Field::known).collect();
        let words: Vec<Option<&[u8]>> = known
            .iter()
            .copied()
            .filter(|w| !matches!(w, Some(b"-!" | b"-exist" | b"--exist" | b"-q")))
            .collect();
        let name =
            |at: usize| words.get(at).copied().flatten().map(|n| String::from_utf8_lossy(n).into_owned());
        let rest = |from: usize| -> Option<Vec<String>> { (from..words.len()).map(name).collect() };
        match (words.first().copied().flatten(), name(1)) {
            (Some(b"create" | b"-N" | b"n" | b"--create"), Some(set)) => {
                let six = words.windows(2).any(|w| w[0] == Some(b"family") && w[1] == Some(b"inet6"));
                let family = if six { Family::Ipv6 } else { Family::Ipv4 };
                let fresh = IpSet {
                    kind: name(2).unwrap_or_default(),
                    family: Some(family),
                    complete: sure && rest(3).is_some(),
                    options: rest(3).unwrap_or_default(),
                    entries: Vec::new(),
                };
                self.sets.entry(set).or_insert(fresh);
            }
            (Some(b"add" | b"-A" | b"--add"), Some(set)) => {
                let set = self.sets.entry(set).or_default();
                match rest(2).filter(|_| sure) {
                    Some(entry) => set.entries.push(entry.join(" ")),
                    None => set.complete = false,
                }
            }
            (Some(b"flush" | b"-F" | b"--flush"), Some(set)) => {
                if let Some(set) = self.sets.get_mut(&set) {
                    set.entries.clear();
                }
            }
            (Some(b"destroy" | b"-X" | b"x" | b"--destroy"), Some(set)) if sure => {
                drop(self.sets.remove(&set))
            }
            (Some(b"del" | b"-D" | b"swap" | b"-W" | b"rename" | b"-E" | b"restore" | b"-R"), _) => {
                self.sets.values_mut().for_each(|set| set.complete = false);
            }
            _ => {}
        }
    }

    /// The facts with these added: what the script does itself counts more.
    pub(super) fn join(self, facts: &Facts) -> Facts {
        let mut facts = facts.clone();
        for (name, value) in self.settings {
            match value {
                Some(value) => drop(facts.sysctls.insert(name, value)),
                None => drop(facts.sysctls.remove(&name)),
            }
        }
        facts.modules.extend(self.modules);
        if !self.sets.is_empty() {
            facts.ipsets.get_or_insert_default().extend(self.sets);
        }
        facts
    }
}
