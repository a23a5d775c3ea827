//! iptables' own words on standard error, around the text of a mistake.

use crate::{Classic, CompatVersion};

/// A program that speaks as iptables does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    program: String,
    called: String,
    version: CompatVersion,
}

impl Voice {
    /// `program` is the name that messages begin with, `called` the one to call again for help.
    #[must_use]
    pub fn new(program: impl Into<String>, called: impl Into<String>) -> Self {
        Self { program: program.into(), called: called.into(), version: CompatVersion::default() }
    }

    /// The same program of another release.
    #[must_use]
    pub fn of(self, version: CompatVersion) -> Self {
        Self { version, ..self }
    }

    /// `iptables v1.8.9 (nf_tables)`, which programs parse.
    #[must_use]
    pub fn banner(&self) -> String {
        format!("{} v{} (nf_tables)", self.program, self.version)
    }

    /// What the program prints for a mistake (encoding.md 5.1); `line` is that of a restore file.
    #[must_use]
    pub fn say(&self, classic: &Classic, line: Option<usize>) -> String {
        let (banner, program, called) = (self.banner(), &self.program, &self.called);
        let at = line.map(|n| format!("Error occurred at line: {n}\n")).unwrap_or_default();
        let hint = format!("Try `{called} -h' or '{called} --help' for more information.\n");
        match classic {
            Classic::Parameter(text) => format!("{banner}: {text}\n{at}{hint}"),
            Classic::Announced { line, text } => format!("{line}\n{banner}: {text}\n{at}{hint}"),
            Classic::Bare(text) if text.is_empty() => format!("{at}{hint}"),
            Classic::Bare(text) => format!("{text}\n{at}{hint}"),
            Classic::Other(text) => match line {
                // A file's mistakes come without the advice to look at the kernel's log.
                Some(n) => {
                    let text = text.split_once(". Run ").map_or(text.as_str(), |(text, _)| text);
                    format!("{program}: line {n} failed: {text}.\n")
                }
                None => format!("{program}: {text}.\n"),
            },
            Classic::Framing(text) => format!("{program}: {text}\n"),
            Classic::Refused(text) | Classic::Fatal(text) => format!("{banner}: {text}\n"),
            Classic::Version(text) => {
                format!("{banner}: {text}\nPerhaps {program} or your kernel needs to be upgraded.\n")
            }
            Classic::Resource(text) => match line {
                Some(n) => format!("{banner}: \nline {n}: {text}\n"),
                None => format!("{banner}:  {text}\n"),
            },
        }
    }
}
