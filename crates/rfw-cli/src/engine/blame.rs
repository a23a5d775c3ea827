//! Kernel errors back to the words that caused them: the sequence number leads to the command, the offset in the message
//! to the expression, the expression to the match or target that it was lowered from.

use std::collections::{HashMap, HashSet};

use rfw_compiler::{BuildCx, Part, build, part_of};
use rfw_diagnostics::{Classic, Diagnostic, Source, Span, codes};
use rfw_extensions::Registry;
use rfw_kernel::{Batch, Reject};
use rfw_nft::Expr;
use rfw_nft::message::{Message, RawRule, expr_at_offset};
use rfw_syntax::{Command, Loaded, Mode, Word, parse_command, split_line};

use super::Transaction;
use super::ops::{ENOENT, Op};

/// Where the rules of a transaction were written.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'o> {
    /// On the command line.
    Words(&'o [Word<'o>]),
    /// In a save file; a rule's span is its line.
    File(&'o Source),
}

impl Transaction<'_> {
    /// A diagnostic for each refusal.
    pub(super) fn blame(&self, rejects: &[Reject]) -> Vec<Diagnostic> {
        let refused = refused(&self.batch, rejects);
        rejects.iter().map(|reject| self.blame_one(reject, refused.get(&reject.seq))).collect()
    }

    /// iptables' words for each xt extension of a refused rule that the kernel does not have.
    pub(super) fn missing_extensions(&mut self, rejects: &[Reject]) -> Vec<String> {
        let mut missing = Vec::new();
        let refused = refused(&self.batch, rejects);
        for reject in rejects.iter().filter(|reject| reject.errno == ENOENT) {
            let rule = refused.get(&reject.seq).and_then(|m| RawRule::decode(m).ok()?.to_rule().ok());
            for expr in rule.map(|rule| rule.exprs).unwrap_or_default() {
                let (name, rev, target) = match &expr {
                    Expr::Match { name, rev, .. } => (name, *rev, false),
                    Expr::Target { name, rev, .. } => (name, *rev, true),
                    _ => continue,
                };
                if let Ok(false) = self.kernel.revision_supported(self.family, name, rev, target) {
                    let name = String::from_utf8_lossy(name);
                    let text =
                        format!("Extension {name} revision {rev} not supported, missing kernel module?");
                    if !missing.contains(&text) {
                        missing.push(text);
                    }
                }
            }
        }
        missing
    }

    fn blame_one(&self, reject: &Reject, message: Option<&Message<'_>>) -> Diagnostic {
        let reason = std::io::Error::from_raw_os_error(reject.errno).to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default().to_owned();
        // The first message of a batch is its opening one, number 1.
        let op = reject.seq.checked_sub(2).and_then(|index| self.ops.get(index as usize));
        let Some(op) = op else {
            let text = format!("the kernel refused: {reason}");
            return Diagnostic::error(codes::KERNEL_REFUSED, Span::default(), text)
                .classic(Classic::Resource(format!("batch failed ({reason})")));
        };
        let classic = format!("{} failed ({reason}): {}", op.kind.name(), op.object(&self.tables));
        let span = message.and_then(|message| self.guilty_words(reject, message, op)).unwrap_or(op.span);
        let mut diagnostic =
            Diagnostic::error(op.code(reject.errno), span, format!("the kernel refused this: {reason}"))
                .classic(Classic::Resource(classic));
        if let Some(words) = &reject.message {
            diagnostic = diagnostic.label(words.clone());
        }
        match op.hint(reject.errno) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// The words of the match or target that the kernel points at, if it points at one.
    fn guilty_words(&self, reject: &Reject, message: &Message<'_>, op: &Op) -> Option<Span> {
        let table = self.tables.get(op.table as usize)?;
        let expr = expr_at_offset(message.bytes, reject.attr_offset?)?;
        let mut lexed = Vec::new();
        let (words, mode): (&[Word<'_>], Mode) = match self.origin? {
            Origin::Words(words) => (words, Mode::CommandLine),
            Origin::File(source) => {
                let line = source.slice(op.span);
                let command =
                    line.windows(2).position(|pair| pair[0] == b'-' && pair[1].is_ascii_uppercase())?;
                split_line(&line[command..], op.span.start as usize + command, &mut lexed);
                (&lexed, Mode::Restore)
            }
        };
        let command = parse_command(words, op.span, mode, &Registry::new(self.family)).ok()?;
        let chain = table.chain_name(op.chain?)?;
        let cx = BuildCx { family: self.family, table: table.spec.name, chain, names: self.names };
        let rules = build(&command.rule, &cx).ok()?;
        let lists = self.lists.form();
        span_of(&command, part_of(rules.first()?, table.encoding, lists, self.family, expr)?)
    }
}

/// The messages that were refused, by number.
fn refused<'b>(batch: &'b Batch, rejects: &[Reject]) -> HashMap<u32, Message<'b>> {
    let numbers: HashSet<u32> = rejects.iter().map(|reject| reject.seq).collect();
    let messages = batch.messages().flatten();
    messages.filter(|message| numbers.contains(&message.seq)).map(|message| (message.seq, message)).collect()
}

fn span_of(command: &Command<'_>, part: Part) -> Option<Span> {
    let loaded = |loaded: &Loaded<'_>| loaded.uses.iter().fold(loaded.at, |span, used| span.to(used.span()));
    match part {
        Part::Selector => None,
        Part::Match(index) => command.rule.matches.get(index).map(loaded),
        Part::Target => {
            let target = command.rule.target.as_ref()?;
            Some(target.extension.as_ref().map_or(target.name.span, loaded))
        }
    }
}
