//! Kernel errors back to the words that caused them: the sequence number leads to the command, the offset in the message
//! to the expression, the expression to the match or target that it was lowered from.

use rfw_compiler::{BuildCx, Part, build, part_of};
use rfw_diagnostics::{Classic, Diagnostic, Source, Span, codes};
use rfw_extensions::Registry;
use rfw_kernel::Reject;
use rfw_nft::Expr;
use rfw_nft::message::{RawRule, expr_at_offset};
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
        rejects.iter().map(|reject| self.blame_one(reject)).collect()
    }

    /// iptables' words for each xt extension of a refused rule that the kernel does not have.
    pub(super) fn missing_extensions(&mut self, rejects: &[Reject]) -> Vec<String> {
        let mut missing = Vec::new();
        for reject in rejects.iter().filter(|reject| reject.errno == ENOENT) {
            for expr in self.sent_exprs(reject.seq) {
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

    /// The expressions of the rule that a message of the batch makes.
    fn sent_exprs(&self, seq: u32) -> Vec<Expr> {
        let message = self.batch.messages().flatten().find(|m| m.seq == seq);
        let rule = message.and_then(|m| RawRule::decode(&m).ok()?.to_rule().ok());
        rule.map(|rule| rule.exprs).unwrap_or_default()
    }

    fn blame_one(&self, reject: &Reject) -> Diagnostic {
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
        let span = self.guilty_words(reject, op).unwrap_or(op.span);
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
    fn guilty_words(&self, reject: &Reject, op: &Op) -> Option<Span> {
        let table = self.tables.get(op.table as usize)?;
        let message = self.message(reject.seq)?;
        let expr = expr_at_offset(message, reject.attr_offset?)?;
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
        span_of(&command, part_of(rules.first()?, table.encoding, self.family, expr)?)
    }

    /// The bytes of one message of the batch.
    fn message(&self, seq: u32) -> Option<&[u8]> {
        self.batch.messages().flatten().find(|m| m.seq == seq).map(|m| m.bytes)
    }
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
