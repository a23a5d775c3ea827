//! Words that mean nothing where they stand: what they are likely to be.

use rfw_diagnostics::{Classic, Diagnostic, FixSafety, codes};

use crate::words::{Word, dash_repaired};

use super::Parser;
use super::options::BASE;

impl<'a> Parser<'_, 'a> {
    pub(super) fn swallowed(&self, word: &Word<'a>, value: &Word<'a>) -> Box<Diagnostic> {
        // iptables takes the option as the value and stumbles over what follows.
        let classic = match self.words.get(self.next + 1) {
            Some(after) if !after.text.starts_with(b"-") => {
                Classic::Bare(format!("Bad argument `{}'", after.lossy()))
            }
            _ => Classic::Parameter(format!("option \"{}\" requires an argument", word.lossy())),
        };
        Box::new(
            Diagnostic::error(
                codes::MISSING_OPTION_VALUE,
                word.span,
                format!("`{}` needs a value but is followed by `{}`", word.lossy(), value.lossy()),
            )
            .also(value.span, "this is an option, not a value")
            .help(format!("give the value of `{0}`, or delete `{0}`", word.lossy()))
            .classic(classic),
        )
    }

    pub(super) fn stray(&self, word: &Word<'a>) -> Box<Diagnostic> {
        let classic = Classic::Bare(format!("Bad argument `{}'", word.lossy()));
        if let Some((dashes, wrong, repaired)) = dash_repaired(&word.text) {
            let shown = word.lossy();
            let expected = if repaired.starts_with("--") { "--" } else { "-" };
            let name = match u32::from(wrong) {
                0x2013 => "an en dash",
                0x2014 => "an em dash",
                0x2212 => "a minus sign",
                _ => "a typographic dash",
            };
            return Box::new(
                Diagnostic::error(
                    codes::UNICODE_DASH,
                    word.part(0, dashes),
                    format!(
                        "`{shown}` begins with {name} (U+{:04X}), not with `{expected}`",
                        u32::from(wrong)
                    ),
                )
                .help(format!("web pages turn `--` into a typographic dash: retype it as `{repaired}`"))
                .fix(word.span, repaired, FixSafety::Safe)
                .classic(classic),
            );
        }
        let mut diagnostic = Diagnostic::error(
            codes::STRAY_WORD,
            word.span,
            format!("`{}` is neither an option nor the value of one", word.lossy()),
        )
        .classic(classic);
        let previous = self.next.checked_sub(2).and_then(|i| self.words.get(i));
        if previous.is_some_and(|w| w.text.as_ref() == b"!") || self.invert.is_some() {
            diagnostic =
                diagnostic.help("`!` stands before the option: `! -s 192.0.2.1`, not `-s ! 192.0.2.1`");
        } else if word.text.contains(&b',') || word.text.contains(&b'/') {
            diagnostic = diagnostic.help("is there a blank too many before it?");
        } else {
            diagnostic =
                diagnostic.help("options begin with `-` or `--`; a value with blanks needs double quotes");
        }
        Box::new(diagnostic)
    }

    pub(super) fn unknown(&self, word: &Word<'a>, name: &[u8]) -> Box<Diagnostic> {
        let shown = word.lossy();
        let classic = format!("unknown option \"{shown}\"");
        let mut names: Vec<&str> = BASE.iter().map(|b| b.long).collect();
        for (_, id) in self.loaded() {
            names.extend(self.dictionary.options(id).iter().map(|o| o.name));
        }
        // Options that this name would have loaded, had it been spelt right.
        let protocol = self.command.rule.protocol.as_ref();
        if let Some(id) = protocol.and_then(|p| self.dictionary.implicit_match(&p.value.text)) {
            names.extend(self.dictionary.options(id).iter().map(|o| o.name));
        }
        let owners = self.dictionary.owners(name);
        let diagnostic =
            Diagnostic::error(codes::UNKNOWN_OPTION, word.span, format!("there is no option `{shown}` here"));
        let misspelt =
            protocol.filter(|p| self.dictionary.implicit_match(&p.value.text).is_none()).and_then(|p| {
                const KNOWN: [&str; 9] =
                    ["tcp", "udp", "udplite", "icmp", "icmpv6", "sctp", "dccp", "esp", "ah"];
                let text = p.value.text.as_ref();
                let known = KNOWN.iter().any(|k| k.as_bytes() == text) || text.iter().all(u8::is_ascii_digit);
                rfw_values::suggest(text, KNOWN).filter(|_| !known).map(|near| (p.value.lossy(), near))
            });
        let help = if let Some((given, near)) = misspelt {
            Some(format!("`-p {given}` is no protocol; did you mean `-p {near}`?"))
        } else if !owners.is_empty() {
            Some(format!("`{shown}` belongs to {}: put that before it", owners.join(" or ")))
        } else {
            let starting: Vec<_> = names.iter().filter(|n| n.as_bytes().starts_with(name)).collect();
            if starting.len() > 1 {
                Some(format!(
                    "it could be {}",
                    starting.iter().map(|n| format!("`--{n}`")).collect::<Vec<_>>().join(" or ")
                ))
            } else {
                rfw_values::suggest(name, names.iter().copied())
                    .map(|near| format!("did you mean `--{near}`?"))
            }
        };
        Box::new(diagnostic.help(help.unwrap_or_else(|| "see `--help`".into())).parameter(classic))
    }
}
