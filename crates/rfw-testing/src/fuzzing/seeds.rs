//! Inputs to begin with: all fixtures, in the forms that the targets take.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rfw_compiler::lower;
use rfw_extensions::Encoding;
use rfw_nft::attr::Writer;
use rfw_nft::message::{Batch, ChainId, NewRule, TableId};
use rfw_nft::{Family, encode_list};
use rfw_syntax::{LineKind, Mode, SaveLines};

use super::NoNames;
use crate::fixture::{Place, build_line};
use crate::names::fixtures_dir;

/// An input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The target it is for.
    pub target: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Inputs from every rule file and argument file of the fixtures.
///
/// # Errors
/// If one cannot be read.
pub fn seeds() -> io::Result<Vec<Seed>> {
    let mut files = Vec::new();
    walk(&fixtures_dir(), &mut files)?;
    let mut seeds = Vec::new();
    for path in files {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !matches!(extension, "rules" | "args" | "sh") {
            continue;
        }
        let text = fs::read(&path)?;
        if extension == "sh" {
            seeds.push(Seed { target: "script", bytes: text });
            continue;
        }
        let v6 = path.to_string_lossy().ends_with(".v6.rules");
        of_file(&text, if v6 { Family::Ipv6 } else { Family::Ipv4 }, &mut seeds);
    }
    Ok(seeds)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        // The inputs that once broke something are given as they are, not as text.
        if entry.file_type()?.is_dir() && entry.file_name() != "bogons" {
            walk(&entry.path(), found)?;
        } else if entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn of_file(text: &[u8], family: Family, seeds: &mut Vec<Seed>) {
    if text.len() <= 4096 {
        seeds.push(Seed { target: "save_file", bytes: text.to_vec() });
        seeds.push(Seed { target: "diagnostics", bytes: text.to_vec() });
        seeds.push(Seed { target: "script", bytes: [b"iptables-restore <<END\n", text, b"END\n"].concat() });
    }
    let mut table = "filter".to_owned();
    for line in SaveLines::new(text) {
        match line.kind {
            LineKind::Table(name) => table = name.lossy().into_owned(),
            LineKind::Command { text, .. } => of_line(text, &table, family, seeds),
            _ => {}
        }
    }
}

fn of_line(text: &[u8], table: &str, family: Family, seeds: &mut Vec<Seed>) {
    for bytes in [[b"c", text].concat(), [b"P", join_nul(text).as_slice()].concat()] {
        seeds.push(Seed { target: "words", bytes });
    }
    let target = text.rsplit(|&b| b == b' ').next().unwrap_or_default();
    let chains = [(table.to_owned(), target.to_vec())];
    let place = Place { family, table, chains: &chains, names: &NoNames, mode: Mode::Restore };
    let Ok(built) = build_line(text, &place) else {
        let lines = join_nul(text).iter().map(|&b| if b == 0 { b'\n' } else { b }).collect();
        seeds.push(Seed { target: "diagnostics", bytes: lines });
        return;
    };
    for rule in &built.rules {
        for encoding in [Encoding::Compat, Encoding::Native] {
            let lowered = lower(rule, encoding, family, (3, 4));
            let mut batch = Batch::new(None);
            let chain: ChainId<'_> = TableId::new(family, table.as_bytes()).chain(b"X");
            let new = NewRule {
                compat: Some(lowered.compat),
                userdata: &lowered.userdata,
                ..NewRule::append(chain)
            };
            batch.add_rule(&new, &lowered.exprs);
            seeds.push(Seed { target: "decode", bytes: [&b"\x01"[..], &batch.to_bytes()].concat() });
            let mut list = Vec::new();
            encode_list(&lowered.exprs, &mut Writer::new(&mut list));
            let len = [0, u8::try_from(lowered.userdata.len()).unwrap_or(0)];
            let tlvs = if len[1] > 0 { lowered.userdata.as_slice() } else { &[] };
            seeds.push(Seed { target: "decode", bytes: [&len, tlvs, &list].concat() });
            if !lowered.userdata.is_empty() {
                seeds.push(Seed { target: "decode", bytes: [&b"\x02"[..], &lowered.userdata].concat() });
            }
        }
    }
}

fn join_nul(line: &[u8]) -> Vec<u8> {
    let mut words = Vec::new();
    rfw_syntax::split_line(line, 0, &mut words);
    let texts: Vec<&[u8]> = words.iter().map(|w| w.text.as_ref()).collect();
    texts.join(&0)
}
