//! Native expressions to the syntax of nft.
//!
//! Contract: [`rule_text`] is pure. `nft -f` (1.0.6) reads its text and sends expressions that raise to the same items, up
//! to what the kernel cannot tell apart: registers; a range as two comparisons; neighbouring loads joined or narrowed to the
//! bytes that are compared. Nothing is left out: what nft cannot write is [`Untranslatable`], by name.
//! No extension is named here; an xt match or target has no nft syntax.

mod field;
mod nearly;
mod number;
mod statement;
mod test;
mod words;

use rfw_extensions::Encoding;
use rfw_nft::message::userdata;
use rfw_nft::predicate::{Field, Item, Place, Raised, raise};
use rfw_nft::{Expr, Family};

pub(crate) use field::{CHUNKS, FIB_FLAGS};
pub use nearly::{Nearly, nearly};
pub(crate) use statement::{LOG_LEVELS, NAT_FLAGS, TCP_OPTIONS};
pub use words::chain_name;

use crate::ir::Rule;

/// What has no nft form, in words that fit behind a rule and a colon: ``-m recent has no nft form``.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Untranslatable {
    /// The words.
    pub what: String,
    /// Whether it is an xt match or target.
    pub xt: bool,
}

impl Untranslatable {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), xt: false }
    }

    fn xt(option: &str, name: &[u8]) -> Self {
        Self { what: format!("{option} {} has no nft form", String::from_utf8_lossy(name)), xt: true }
    }

    /// With the reason of the first match or target that stays xt natively, if that is what has no form.
    #[must_use]
    pub fn explained(mut self, rule: &Rule, family: Family) -> Self {
        let kept = crate::kept(rule, Encoding::Native, family);
        if let Some(reason) = kept.first().and_then(|kept| kept.reason).filter(|_| self.xt) {
            self.what = format!("{}: {reason}", self.what);
        }
        self
    }
}

type Written<T> = Result<T, Untranslatable>;

/// A rule in nft's syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// What stands behind `add rule FAMILY TABLE CHAIN`.
    pub text: String,
    /// What could not be written though the rule does the same without it: about its comment.
    pub notes: Vec<String>,
}

/// `ip` or `ip6`.
#[must_use]
pub fn family_word(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}

/// The syntax of a rule: its expressions, and the comment of its user data.
///
/// # Errors
/// The first thing that nft cannot write.
pub fn rule_text(exprs: &[Expr], tlvs: &[u8], family: Family) -> Written<RuleText> {
    let mut writer = Writer { family, words: Vec::new(), protocol: None, pending: None };
    for raised in raise(exprs) {
        writer.item(&raised)?;
    }
    writer.flush();
    let mut notes = Vec::new();
    if let Some(comment) = userdata::comment(tlvs) {
        match words::comment(comment) {
            Ok((text, note)) => {
                writer.words.push(format!("comment \"{text}\""));
                notes.extend(note);
            }
            Err(note) => notes.push(note),
        }
    }
    Ok(RuleText { text: writer.words.join(" "), notes })
}

/// The statements of a rule so far.
struct Writer {
    family: Family,
    words: Vec<String>,
    /// The transport protocol that the rule has tested for.
    protocol: Option<u8>,
    /// Such a test, not written yet: `tcp dport` brings its own.
    pending: Option<u8>,
}

impl Writer {
    /// Writes the pending protocol test.
    fn flush(&mut self) {
        if let Some(protocol) = self.pending.take() {
            self.words.push(format!("meta l4proto {}", words::protocol(protocol)));
        }
    }

    fn push(&mut self, words: String) {
        self.flush();
        self.words.push(words);
    }

    fn item(&mut self, raised: &Raised) -> Written<()> {
        match &raised.item {
            Item::Test { value, relation } => self.test(value, relation),
            Item::In { values, invert, set } => self.in_set(values, *invert, set),
            // Every interface has a name, so the load decides nothing; nft has no form for "any name".
            Item::Load(value)
                if matches!(value.field, Field::Meta(key) if words::is_interface(key))
                    && value.ops.is_empty() =>
            {
                Ok(())
            }
            Item::Load(_) => Err(Untranslatable::new("a load whose value nothing looks at has no nft form")),
            Item::Set { place: Place::Payload { .. }, .. } => self.payload_write(&raised.item),
            Item::Set { place, value } => self.assign(place, value),
            Item::Nat { .. } | Item::Masq { .. } | Item::Redir { .. } => self.nat(&raised.item),
            Item::Dup { addr, dev } => self.dup(addr, dev.as_ref()),
            Item::Plain(expr) => self.plain(expr),
            Item::Opaque(expr) => Err(Untranslatable::new(format!(
                "{} has no nft form here",
                crate::foreign::one_line(std::slice::from_ref(expr))
            ))),
        }
    }
}
