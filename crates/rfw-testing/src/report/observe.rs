//! One half of a comparison: one program adds the lines, both list them, the other finds and deletes them.
//!
//! Runs in a network namespace of its own, which must be empty.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use rfw_kernel::{Kernel, Live, TableId};
use rfw_nft::{Expr, Listing};
use serde_json::{Value, json};

use super::seeds::Seeds;
use super::{Line, Subject};
use crate::golden::hex;
use crate::oracle::{run, user_size};

/// What became of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Exit status; -1 for a signal.
    pub status: i64,
    /// All of standard error.
    pub said: String,
    /// The rule as stock's `-S`, rfw's `-S`, stock's `-L -n -v` and rfw's show it.
    pub shown: Vec<String>,
    /// Its expressions by nft, and from the dump with payloads.
    pub blob: String,
    /// What the other program said to `-C`; empty if it found the rule.
    pub check: String,
    /// What it said to `-D`.
    pub delete: String,
}

/// What became of all.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// In the order of the lines.
    pub seen: Vec<Seen>,
    /// What belongs to no single line.
    pub errors: Vec<String>,
}

impl Observation {
    /// For the pipe.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let seen = self.seen.iter().map(|s| json!([s.status, s.said, s.shown, s.blob, s.check, s.delete]));
        json!({"seen": seen.collect::<Vec<_>>(), "errors": self.errors})
    }

    /// From the pipe.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let texts = |v: &Value| v.as_array()?.iter().map(text).collect::<Option<Vec<_>>>();
        let seen = value["seen"].as_array()?.iter().map(|s| {
            Some(Seen {
                status: s[0].as_i64()?,
                said: text(&s[1])?,
                shown: texts(&s[2])?,
                blob: text(&s[3])?,
                check: text(&s[4])?,
                delete: text(&s[5])?,
            })
        });
        Some(Self { seen: seen.collect::<Option<Vec<_>>>()?, errors: texts(&value["errors"])? })
    }
}

/// Which program adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adder {
    /// The host's.
    Stock,
    /// Ours.
    Rfw,
}

impl Adder {
    const fn other(self) -> Self {
        match self {
            Self::Stock => Self::Rfw,
            Self::Rfw => Self::Stock,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Rfw => "rfw",
        }
    }
}

/// One half of the comparison of one extension.
pub struct Half<'h> {
    /// The extension.
    pub subject: &'h Subject,
    /// Its lines.
    pub lines: &'h [Line],
    /// Who adds.
    pub adder: Adder,
    /// The directory with rfw under iptables' names.
    pub rfw: &'h Path,
}

type Key = (String, String);

impl Half<'_> {
    fn program(&self, who: Adder, end: &str) -> std::path::PathBuf {
        let name = format!("{}{end}", self.subject.program());
        match who {
            Adder::Stock => name.into(),
            Adder::Rfw => self.rfw.join(name),
        }
    }

    /// Adds, lists, finds, deletes.
    ///
    /// # Errors
    /// If a program can't be run or the kernel can't be asked.
    pub fn observe(&self, seeds: &Seeds) -> io::Result<Observation> {
        let mut all = Observation::default();
        self.prepare(seeds, &mut all)?;
        for line in self.lines {
            let words = [&["-t".to_owned(), line.table.clone()][..], &line.words].concat();
            let out = run(self.program(self.adder, ""), &words, b"")?;
            let status = out.status.code().map_or(-1, i64::from);
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            all.seen.push(Seen { status, said, ..Seen::default() });
        }
        let kernel = self.list(&mut all)?;
        self.find(&kernel, &mut all)?;
        Ok(all)
    }

    fn prepare(&self, seeds: &Seeds, all: &mut Observation) -> io::Result<()> {
        for command in &seeds.ipset_commands {
            let out = run("ipset", command, b"")?;
            let text = String::from_utf8_lossy(&out.stderr);
            if !out.status.success() && !text.contains("already exists") {
                all.errors.push(format!("ipset {}: {text}", command.join(" ")));
            }
        }
        let mut chains = seeds.chains.clone();
        chains.sort();
        chains.dedup();
        for (table, chain) in chains {
            let chain = String::from_utf8_lossy(&chain);
            let words = ["-t", &table, "-N", &chain];
            let out = run(self.program(self.adder, ""), &words, b"")?;
            if !out.status.success() {
                all.errors.push(format!("-N {chain}: {}", String::from_utf8_lossy(&out.stderr)));
            }
        }
        Ok(())
    }

    /// Which lines are in a chain, in order.
    fn places(&self, all: &Observation) -> BTreeMap<Key, Vec<usize>> {
        let mut places: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (at, line) in self.lines.iter().enumerate().filter(|(at, _)| all.seen[*at].status == 0) {
            places.entry((line.table.clone(), line.chain().to_owned())).or_default().push(at);
        }
        places
    }

    /// All listings; gives what the kernel holds of each line.
    fn list(&self, all: &mut Observation) -> io::Result<Vec<String>> {
        let mut kernel = vec![String::new(); self.lines.len()];
        let blobs = self.blobs()?;
        let debug = debug_listing(self.subject)?;
        for (key, places) in self.places(all) {
            for (what, listing) in [("netlink", &blobs), ("nft --debug", &debug)] {
                let rules = listing.get(&key).map_or(&[][..], Vec::as_slice);
                if rules.len() != places.len() {
                    let count = (rules.len(), places.len());
                    all.errors.push(format!("{what} of {key:?}: {} rules, {} were added", count.0, count.1));
                }
                for (at, rule) in places.iter().zip(rules) {
                    all.seen[*at].blob.push_str(rule);
                    if what == "netlink" {
                        kernel[*at].clone_from(rule);
                    }
                }
            }
            let forms: [(&[&str], usize); 2] = [(&["-S", &key.1], 1), (&["-L", &key.1, "-n", "-v"], 2)];
            for (arguments, heading) in forms {
                for who in [Adder::Stock, Adder::Rfw] {
                    let words = [&["-t", key.0.as_str()][..], arguments].concat();
                    let out = run(self.program(who, ""), &words, b"")?;
                    let text = String::from_utf8_lossy(&out.stdout);
                    let rules: Vec<&str> = text.lines().skip(heading).collect();
                    if rules.len() != places.len() || !out.status.success() {
                        let said = String::from_utf8_lossy(&out.stderr);
                        let said = said.lines().next().unwrap_or_default();
                        all.errors.push(format!(
                            "{}'s {} of {}'s rules: {} of {} lines, {said}",
                            who.name(),
                            words.join(" "),
                            self.adder.name(),
                            rules.len(),
                            places.len()
                        ));
                    }
                    for (index, at) in places.iter().enumerate() {
                        let rule = rules.get(index).copied().unwrap_or("(nothing)");
                        all.seen[*at].shown.push(rule.to_owned());
                    }
                }
            }
        }
        Ok(kernel)
    }

    /// The rules in the kernel, payloads as far as they are userspace's.
    fn blobs(&self) -> io::Result<BTreeMap<Key, Vec<String>>> {
        let mut kernel = Live::open().map_err(io::Error::other)?;
        let mut found: BTreeMap<Key, Vec<String>> = BTreeMap::new();
        let mut tables: Vec<&str> = self.lines.iter().map(|l| l.table.as_str()).collect();
        tables.sort_unstable();
        tables.dedup();
        let present = kernel.tables(self.subject.family).map_err(io::Error::other)?;
        for table in tables {
            if !present.iter().any(|t| t.name == table.as_bytes()) {
                continue;
            }
            let mut visit = |raw: &rfw_kernel::RawRule<'_>| {
                if let Ok(rule) = raw.to_rule() {
                    let chain = String::from_utf8_lossy(&rule.chain).into_owned();
                    let text: String = rule.exprs.iter().map(blob).collect();
                    let text = format!("{text}userdata {}\n", hex(&rule.userdata));
                    found.entry((table.to_owned(), chain)).or_default().push(text);
                }
                ControlFlow::Continue(())
            };
            let id = TableId::new(self.subject.family, table.as_bytes());
            kernel.rules(id, None, &mut visit).map_err(io::Error::other)?;
        }
        Ok(found)
    }

    /// The other program looks for every rule, deletes every second one, and then the rest. It is no matter which one is deleted
    /// of rules that print the same, or of rules that the kernel has the same: what is left has to be right in either way.
    fn find(&self, kernel: &[String], all: &mut Observation) -> io::Result<()> {
        let added: Vec<usize> = (0..self.lines.len()).filter(|at| all.seen[*at].status == 0).collect();
        for (at, error) in self.each("-C", &added)? {
            all.seen[at].check = error;
        }
        let (first, rest): (Vec<usize>, Vec<usize>) = added.iter().partition(|at| *at % 2 == 0);
        let mut failed = self.each("-D", &first)?;
        let kept = || added.iter().filter(|at| rest.contains(at) || failed.contains_key(at));
        let blobs: Vec<String> = kept().map(|at| kernel[*at].clone()).collect();
        let texts: Vec<String> =
            kept().filter_map(|at| all.seen[*at].shown.get(self.adder as usize).cloned()).collect();
        let who = self.adder.other().name();
        let left = self.left(all)?;
        if sorted(self.blobs()?.into_values().flatten().collect()) != sorted(blobs)
            && sorted(left.clone()) != sorted(texts.clone())
        {
            let odd = |rules: &[String], others: &[String]| -> Vec<String> {
                rules.iter().filter(|rule| !others.contains(rule)).cloned().collect()
            };
            let (gone, more) = (odd(&texts, &left), odd(&left, &texts));
            all.errors.push(format!("{who}'s -D deletes {gone:?} and leaves {more:?}"));
        }
        failed.extend(self.each("-D", &rest)?);
        let left = self.left(all)?.len();
        if left != failed.len() {
            all.errors.push(format!("{who}'s -D leaves {left} rules"));
        }
        for (at, error) in failed {
            all.seen[at].delete = error;
        }
        Ok(())
    }

    /// The rules that are still there.
    fn left(&self, all: &Observation) -> io::Result<Vec<String>> {
        let mut left = Vec::new();
        for (table, chain) in self.places(all).into_keys() {
            let out = run(self.program(self.adder, ""), &["-t", &table, "-S", &chain], b"")?;
            left.extend(String::from_utf8_lossy(&out.stdout).lines().skip(1).map(str::to_owned));
        }
        Ok(left)
    }

    /// The other program does a command for each of these lines, all in one file where that works; which fail, and why.
    fn each(&self, command: &str, wanted: &[usize]) -> io::Result<BTreeMap<usize, String>> {
        let mut tables: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &at in wanted {
            tables.entry(&self.lines[at].table).or_default().push(at);
        }
        let mut failed = BTreeMap::new();
        for (table, places) in tables {
            let mut file = format!("*{table}\n");
            for &at in &places {
                file.push_str(&self.lines[at].text(command));
                file.push('\n');
            }
            file.push_str("COMMIT\n");
            let out = run(self.program(self.adder.other(), "-restore"), &["--noflush"], file.as_bytes())?;
            if out.status.success() {
                continue;
            }
            for at in places {
                let line = &self.lines[at];
                let words =
                    [&["-t".to_owned(), table.to_owned(), command.to_owned()][..], &line.words[1..]].concat();
                let out = run(self.program(self.adder.other(), ""), &words, b"")?;
                if !out.status.success() {
                    let said = String::from_utf8_lossy(&out.stderr);
                    let said = said.lines().next().unwrap_or_default();
                    failed.insert(at, format!("{:?} {said}", out.status.code()));
                }
            }
        }
        Ok(failed)
    }
}

fn sorted(mut rules: Vec<String>) -> Vec<String> {
    rules.sort();
    rules
}

fn blob(expr: &Expr) -> String {
    let mut text = Listing(std::slice::from_ref(expr)).to_string();
    match expr {
        Expr::Match { name, info, .. } => {
            let _ =
                writeln!(text, "    {} of {}", hex(&info[..user_size(name, false, info.len())]), info.len());
        }
        Expr::Target { name, info, .. } => {
            let _ =
                writeln!(text, "    {} of {}", hex(&info[..user_size(name, true, info.len())]), info.len());
        }
        Expr::Cmp { data, .. } => {
            let _ = writeln!(text, "    {}", hex(data));
        }
        _ => {}
    }
    text
}

/// The rules as `nft --debug=netlink` shows them, by table and chain.
fn debug_listing(subject: &Subject) -> io::Result<BTreeMap<Key, Vec<String>>> {
    let family = super::seeds::digit(subject.family).to_string().replace('4', "ip").replace('6', "ip6");
    let out = run("nft", &["--debug=netlink", "list", "ruleset", &family], b"")?;
    let mut shown: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    let mut current: Option<Key> = None;
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        if line.starts_with("  [ ") {
            if let Some(rule) = current.as_ref().and_then(|key| shown.get_mut(key)?.last_mut()) {
                rule.push_str(line);
                rule.push('\n');
            }
        } else if !line.starts_with(['\t', '}', ' ']) && !line.is_empty() {
            // `ip filter INPUT 4 3`: family, table, chain, handles.
            let words: Vec<&str> = line.split(' ').collect();
            current = None;
            if words.len() >= 4 && words[0] == family && words[3].parse::<u64>().is_ok() {
                let key = (words[1].to_owned(), words[2].to_owned());
                shown.entry(key.clone()).or_default().push(String::new());
                current = Some(key);
            }
        }
    }
    Ok(shown)
}
