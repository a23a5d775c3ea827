//! The lines of a save file as the elements around rules.

use rfw_syntax::{Word, split_line};

use super::part::{self, encode, is_target};

/// Why a file ends early.
#[derive(Debug)]
pub enum Broken {
    /// Something stands where it can't.
    Frame(String),
    /// A line, by its number, can't be read.
    Line(usize, String),
}

/// A declared chain.
struct Chain {
    name: Vec<u8>,
    policy: Vec<u8>,
    counters: (u64, u64),
    written: bool,
}

/// The XML as far as it is written.
pub struct Document {
    out: Vec<u8>,
    combine: bool,
    verbose: bool,
    /// The chains of the open table.
    table: Option<Vec<Chain>>,
    /// The open chain.
    chain: Option<Vec<u8>>,
    /// The words of the open rule.
    rule: Option<Vec<Vec<u8>>>,
}

/// Targets behind which nothing of the rule happens.
const FINAL: &[&[u8]] = &[b"ACCEPT", b"DROP", b"QUEUE", b"RETURN"];

fn blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

impl Document {
    /// An empty one; `combine` for `-c`, `verbose` for `-v`.
    pub fn new(combine: bool, verbose: bool) -> Self {
        Self { out: Vec::new(), combine, verbose, table: None, chain: None, rule: None }
    }

    /// What is written.
    pub fn text(&self) -> &[u8] {
        &self.out
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes a whole file, or as much as can be read.
    pub fn convert(&mut self, text: &[u8]) -> Result<(), Broken> {
        if self.verbose {
            self.put("xptables-xml\n");
        }
        self.put("<iptables-rules version=\"1.0\">\n");
        let mut number = 0;
        for line in text.split_inclusive(|&b| b == b'\n') {
            number += 1;
            self.line(line.strip_suffix(b"\n").unwrap_or(line), number)?;
        }
        if self.table.is_some() {
            return Err(Broken::Frame(format!("COMMIT expected at line {}", number + 1)));
        }
        self.put("</iptables-rules>\n");
        Ok(())
    }

    fn line(&mut self, line: &[u8], number: usize) -> Result<(), Broken> {
        match line.first() {
            None => return Ok(()),
            Some(b'#') => {
                self.comment("", line);
                return Ok(());
            }
            Some(_) if self.verbose => self.comment(&format!("line {number} "), line),
            Some(_) => {}
        }
        match line.first() {
            Some(b'*') => return self.open_table(line, number),
            Some(b':') if self.table.is_some() => return self.declare(line, number),
            _ => {}
        }
        if self.table.is_none() {
            return Err(Broken::Frame(format!("line {number} failed")));
        }
        if line == b"COMMIT" {
            self.close_table();
            return Ok(());
        }
        self.rule(line, number)
    }

    /// Two dashes would end a comment.
    fn comment(&mut self, lead: &str, text: &[u8]) {
        self.put(&format!("<!-- {lead}"));
        let mut even = true;
        for &byte in text {
            if byte == b'-' {
                even = !even;
                self.put(if even { " *" } else { "*" });
            }
            self.out.push(byte);
        }
        self.put(" -->\n");
    }

    fn open_table(&mut self, line: &[u8], number: usize) -> Result<(), Broken> {
        self.close_table();
        let Some(name) = line[1..].split(blank).find(|word| !word.is_empty()) else {
            return Err(Broken::Line(number, format!("iptables-xml: line {number} table name invalid")));
        };
        self.table = Some(Vec::new());
        self.put("  <table name=\"");
        encode(name, &mut self.out);
        self.put("\" >\n");
        Ok(())
    }

    fn close_table(&mut self) {
        self.close_chain();
        let Some(chains) = self.table.take() else { return };
        for chain in chains.iter().filter(|chain| !chain.written) {
            self.chain_tag(chain, "/>\n");
        }
        self.put("  </table>\n");
    }

    fn declare(&mut self, line: &[u8], number: usize) -> Result<(), Broken> {
        let invalid = |what| Broken::Line(number, format!("iptables-xml: line {number} {what} invalid"));
        let mut words = line[1..].split(blank).filter(|word| !word.is_empty());
        let name = words.next().ok_or_else(|| invalid("chain name"))?.to_vec();
        let policy = words.next().ok_or_else(|| invalid("policy"))?.to_vec();
        let counters = words.next().and_then(counters).unwrap_or((0, 0));
        if let Some(chains) = &mut self.table {
            chains.push(Chain { name, policy, counters, written: false });
        }
        Ok(())
    }

    fn chain_tag(&mut self, chain: &Chain, end: &str) {
        self.put("    <chain name=\"");
        encode(&chain.name, &mut self.out);
        if chain.policy != b"-" {
            self.put("\" policy=\"");
            encode(&chain.policy, &mut self.out);
        }
        let (packets, bytes) = chain.counters;
        self.put(&format!("\" packet-count=\"{packets}\" byte-count=\"{bytes}\" {end}"));
    }

    fn rule(&mut self, line: &[u8], number: usize) -> Result<(), Broken> {
        let (counters, rest) =
            rule_counters(line).ok_or_else(|| Broken::Line(number, format!("Bad line {number}: need ]")))?;
        let mut words: Vec<Word<'_>> = Vec::new();
        split_line(rest, 0, &mut words);
        let named = words.iter().position(|word| word.text.as_ref() == b"-A");
        let Some(name) = named.and_then(|at| words.get(at + 1)).map(|word| word.text.to_vec()) else {
            return Err(Broken::Frame(format!("line {number} failed - no chain found")));
        };
        let texts: Vec<Vec<u8>> = words.iter().map(|word| word.text.to_vec()).collect();
        let target = words.iter().skip(2).position(is_target).map_or(words.len(), |at| at + 2);
        if self.combine && self.rule.as_ref().is_some_and(|open| combines(open, &texts, target)) {
            self.put("<!-- Combine action from next rule -->\n");
        } else {
            self.close_rule();
            self.enter(&name);
            self.put("      <rule ");
            if let Some((packets, bytes)) = counters {
                self.put("packet-count=\"");
                encode(packets, &mut self.out);
                self.put("\" byte-count=\"");
                encode(bytes, &mut self.out);
                self.put("\" ");
            }
            self.put(">\n");
            if let Some(conditions) = words.get(2..target).filter(|part| !part.is_empty()) {
                self.put("       <conditions>\n");
                part::write(conditions, None, &mut self.out);
                self.put("       </conditions>\n");
            }
            self.put("       <actions>\n");
        }
        let declared = |name: &[u8]| self.table.iter().flatten().any(|chain| chain.name == name);
        let mut actions = Vec::new();
        part::write(words.get(target..).unwrap_or_default(), Some(&declared), &mut actions);
        self.out.append(&mut actions);
        self.rule = Some(texts);
        Ok(())
    }

    /// Opens a chain that is declared; rules of others go on where they are.
    fn enter(&mut self, name: &[u8]) {
        if self.chain.as_deref() == Some(name) {
            return;
        }
        let Some(mut chains) = self.table.take() else { return };
        if let Some(chain) = chains.iter_mut().find(|chain| chain.name == name) {
            self.close_chain();
            chain.written = true;
            self.chain_tag(chain, ">\n");
            self.chain = Some(name.to_vec());
        }
        self.table = Some(chains);
    }

    fn close_rule(&mut self) {
        if self.rule.take().is_some() {
            self.put("       </actions>\n\n      </rule>\n\n");
        }
    }

    fn close_chain(&mut self) {
        self.close_rule();
        if self.chain.take().is_some() {
            self.put("    </chain>\n");
        }
    }
}

/// `[1:2]`.
fn counters(word: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(word).ok()?;
    let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some((packets.parse().ok()?, bytes.parse().ok()?))
}

/// The texts of a rule's counters, if it has any, and the line behind them.
type Counted<'l> = (Option<(&'l [u8], &'l [u8])>, &'l [u8]);

/// Takes `[1:2]` off a rule; `None` if there is something else in brackets.
fn rule_counters(line: &[u8]) -> Option<Counted<'_>> {
    if line.first() != Some(&b'[') {
        return Some((None, line));
    }
    let close = line.iter().position(|&b| b == b']')?;
    let colon = line[..close].iter().position(|&b| b == b':')?;
    let (packets, bytes) = (&line[1..colon], &line[colon + 1..close]);
    (!packets.is_empty() && !bytes.is_empty()).then_some((Some((packets, bytes)), &line[close + 1..]))
}

/// Whether a rule whose target stands at `target` adds its action to those of the open one: both have conditions, the same
/// ones, and the open one's target does not end the matter.
fn combines(open: &[Vec<u8>], new: &[Vec<u8>], target: usize) -> bool {
    if target <= 2 || target >= new.len() || open.get(..target) != new.get(..target) {
        return false;
    }
    match open.get(target).map(Vec::as_slice) {
        Some(b"-j" | b"--jump") => open.get(target + 1).is_none_or(|name| !FINAL.contains(&name.as_slice())),
        _ => false,
    }
}
