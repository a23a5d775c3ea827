//! Text out: one growing buffer, with what listings need to know.

use rfw_diagnostics::CompatVersion;

use crate::context::{Family, Names};

/// Collects the text of a rule.
pub struct Printer<'p> {
    /// The text so far.
    pub out: &'p mut Vec<u8>,
    /// The family of the table.
    pub family: Family,
    /// Names of services, hosts, sets.
    pub names: &'p dyn Names,
    /// `-n`: no look-ups in listings.
    pub numeric: bool,
    /// Whose listings and save files these are.
    pub version: CompatVersion,
    /// The rule's protocol, if it names exactly one; chooses the service names of ports.
    pub protocol: Option<u8>,
}

impl<'p> Printer<'p> {
    /// One that writes numbers, as the default release does.
    #[must_use]
    pub fn new(out: &'p mut Vec<u8>, family: Family, names: &'p dyn Names) -> Self {
        Self { out, family, names, numeric: true, version: CompatVersion::default(), protocol: None }
    }

    /// Appends text.
    pub fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Appends bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends formatted text: what `write!` and `format_args!` make.
    pub fn fmt(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a Vec can't fail.
        let _ = std::io::Write::write_fmt(self.out, arguments);
    }

    /// ` --name`, after ` !` if inverted.
    pub fn option(&mut self, inverted: bool, name: &str) {
        if inverted {
            self.text(" !");
        }
        self.text(" --");
        self.text(name);
    }

    /// A name, which iptables-save writes bare; quoted only where it could not be read back bare.
    pub fn name(&mut self, name: &[u8]) {
        let split = name.iter().any(|b| matches!(b, b' ' | b'\t' | b'\n' | b'"'));
        if split {
            rfw_values::Quoted(name).write_to(self.out);
            return;
        }
        let mark = if name.starts_with(b"--") { "\"" } else { "" };
        self.text(mark);
        self.bytes(name);
        self.text(mark);
    }

    /// A blank and a string, quoted as iptables-save quotes.
    pub fn quoted(&mut self, value: &[u8]) {
        self.text(" ");
        rfw_values::Quoted(value).write_to(self.out);
    }

    /// A blank and a word that iptables-save never quotes; in quotes here where a restore line would split it.
    pub fn word(&mut self, value: &[u8]) {
        let splits = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'"');
        if value.is_empty() || value.iter().any(splits) {
            self.quoted(value);
        } else {
            self.text(" ");
            self.bytes(value);
        }
    }
}
