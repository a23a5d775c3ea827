//! One line per extension makes the enum, the table of entries and the delegating methods.

use rfw_syntax::{Dictionary, ExtId, OptionSpec, Use};

use crate::approximation::Approximation;
use crate::context::{Families, Family, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::matches::Match;
use crate::printer::Printer;
use crate::targets::Target;
use crate::uses::Uses;
use crate::{Parsed, matches, targets};

/// One match or target. Implementing it is all there is to adding one, besides its registry line.
pub trait Extension: Sized {
    /// The name after `-m` or `-j`.
    const NAME: &'static str;
    /// The name in the target column of `-L`: that of the kernel's target where the original shows that.
    const LISTED: &'static str = Self::NAME;
    /// Other names that mean the same.
    const ALIASES: &'static [&'static str] = &[];
    /// Words, in upper case, that are no name of it but mean it where a person wrote them after `-j`.
    const MEANT_BY: &'static [&'static str] = &[];
    /// The families that have it.
    const FAMILIES: Families = Families::Both;
    /// The words after `-p` that load it when one of its options appears.
    const IMPLIED_BY: &'static [&'static str] = &[];
    /// One line: what it does.
    const SUMMARY: &'static str;
    /// Its options.
    const OPTIONS: &'static [OptionSpec];
    /// Why the native encoding may keep it as xt: clauses without a full stop. Empty if it never does. Its page lists them.
    const WHY_XT: &'static [&'static str] = &[];

    /// The typed form of the options given.
    ///
    /// # Errors
    /// A diagnostic with libxtables' words in front.
    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self>;
    /// The options as iptables-save prints them, each with a leading blank.
    fn print(&self, out: &mut Printer<'_>);
    /// The words of `-L`, with a leading blank.
    fn list(&self, out: &mut Printer<'_>);
    /// Appends its expressions, in the encoding that `out` wants.
    fn lower(&self, out: &mut Lowering);
    /// Takes its own items, of either encoding, from the front of a run.
    fn lift(run: &mut Run<'_>) -> Option<Self>;
    /// What general lints may know.
    fn facts(&self) -> Facts<'_>;

    /// Which of [`Self::WHY_XT`] it is that keeps it xt, if it is.
    fn why_xt(&self) -> Option<&'static str> {
        Self::WHY_XT.first().copied()
    }

    /// What nft can write that does nearly the same where this stays xt.
    fn approximate(&self, _family: Family) -> Option<Approximation> {
        None
    }

    /// What iptables says on standard error of a value that it takes all the same, a line each, in the words of the options
    /// that were given.
    fn warnings(&self, _given: &[Use<'_>]) -> Vec<String> {
        Vec::new()
    }
}

/// A row of the table of extensions.
#[derive(Debug)]
pub struct Entry<E> {
    /// The name after `-m` or `-j`.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Words that mean it by mistake.
    pub meant_by: &'static [&'static str],
    /// The families that have it.
    pub families: Families,
    /// The words after `-p` that load it.
    pub implied_by: &'static [&'static str],
    /// One line: what it does.
    pub summary: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// See [`Extension::WHY_XT`].
    pub why_xt: &'static [&'static str],
    /// Options to typed form.
    pub parse: fn(&Uses<'_, '_>, &ParseCx<'_>) -> Parsed<E>,
    /// Items to typed form.
    pub lift: fn(&mut Run<'_>) -> Option<E>,
}

impl<E> Entry<E> {
    fn is_called(&self, name: &[u8], family: Family) -> bool {
        self.families.has(family)
            && (self.name.as_bytes() == name || self.aliases.iter().any(|a| a.as_bytes() == name))
    }
}

/// Makes the modules, the enum, the table and the delegation from `module::Type` lines.
macro_rules! extensions {
    ($(#[$doc:meta])* $name:ident, $table:ident: $($module:ident :: $kind:ident),+ $(,)?) => {
        $(pub mod $module;)+
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, clippy::large_enum_variant, reason = "a variant is documented by its module")]
        pub enum $name { $($kind(Box<$module::$kind>)),+ }

        /// All of them; the order decides which one claims items that several could lift.
        pub static $table: &[$crate::registry::Entry<$name>] = &[$($crate::registry::Entry {
            name: <$module::$kind as $crate::Extension>::NAME,
            aliases: <$module::$kind as $crate::Extension>::ALIASES,
            meant_by: <$module::$kind as $crate::Extension>::MEANT_BY,
            families: <$module::$kind as $crate::Extension>::FAMILIES,
            implied_by: <$module::$kind as $crate::Extension>::IMPLIED_BY,
            summary: <$module::$kind as $crate::Extension>::SUMMARY,
            options: <$module::$kind as $crate::Extension>::OPTIONS,
            why_xt: <$module::$kind as $crate::Extension>::WHY_XT,
            parse: |uses, cx| <$module::$kind as $crate::Extension>::parse(uses, cx).map(|e| $name::$kind(Box::new(e))),
            lift: |run| <$module::$kind as $crate::Extension>::lift(run).map(|e| $name::$kind(Box::new(e))),
        }),+];

        impl $name {
            /// The name after `-m` or `-j`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$module::$kind as $crate::Extension>::NAME),+ }
            }
            /// See [`Extension::LISTED`](crate::Extension::LISTED).
            #[must_use]
            pub fn listed(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$module::$kind as $crate::Extension>::LISTED),+ }
            }
            /// See [`Extension::print`](crate::Extension::print).
            pub fn print(&self, out: &mut $crate::Printer<'_>) {
                match self { $(Self::$kind(e) => $crate::Extension::print(&**e, out)),+ }
            }
            /// See [`Extension::list`](crate::Extension::list).
            pub fn list(&self, out: &mut $crate::Printer<'_>) {
                match self { $(Self::$kind(e) => $crate::Extension::list(&**e, out)),+ }
            }
            /// See [`Extension::lower`](crate::Extension::lower).
            pub fn lower(&self, out: &mut $crate::Lowering) {
                match self { $(Self::$kind(e) => $crate::Extension::lower(&**e, out)),+ }
            }
            /// See [`Extension::warnings`](crate::Extension::warnings).
            #[must_use]
            pub fn warnings(&self, given: &[rfw_syntax::Use<'_>]) -> Vec<String> {
                match self { $(Self::$kind(e) => $crate::Extension::warnings(&**e, given)),+ }
            }

            /// See [`Extension::approximate`](crate::Extension::approximate).
            #[must_use]
            pub fn approximate(&self, family: rfw_nft::Family) -> Option<$crate::Approximation> {
                match self { $(Self::$kind(e) => $crate::Extension::approximate(&**e, family)),+ }
            }
            /// See [`Extension::why_xt`](crate::Extension::why_xt).
            #[must_use]
            pub fn why_xt(&self) -> Option<&'static str> {
                match self { $(Self::$kind(e) => $crate::Extension::why_xt(&**e)),+ }
            }

            /// See [`Extension::facts`](crate::Extension::facts).
            #[must_use]
            pub fn facts(&self) -> $crate::Facts<'_> {
                match self { $(Self::$kind(e) => $crate::Extension::facts(&**e)),+ }
            }
        }
    };
}
pub(crate) use extensions;

/// Target ids begin here; match ids at 0.
const TARGETS_FROM: u16 = 0x8000;

/// Verdicts, which are words after `-j` without being extensions.
pub const VERDICTS: &[&str] = &["ACCEPT", "DROP", "RETURN", "QUEUE"];

/// Whether a word after `-j` is a verdict, and no chain.
#[must_use]
pub fn is_verdict(word: &[u8]) -> bool {
    VERDICTS.iter().any(|verdict| verdict.as_bytes() == word)
}

/// Whether the value of an option, whatever extension it is of, is free text, in which a leading dash means nothing. The name
/// may be cut short.
#[must_use]
pub fn takes_free_text(option: &[u8]) -> bool {
    let free = |options: &[OptionSpec]| {
        !option.is_empty() && options.iter().any(|o| o.free_text && o.name.as_bytes().starts_with(option))
    };
    matches::MATCHES.iter().any(|e| free(e.options)) || targets::TARGETS.iter().any(|e| free(e.options))
}

/// What people write for a verdict.
const VERDICTS_MEANT_BY: &[(&str, &[&str])] = &[
    ("ACCEPT", &["ALLOW", "PERMIT", "PASS", "OK", "ACEPT"]),
    ("DROP", &["DENY", "BLOCK", "REFUSE", "DISCARD"]),
];

/// The extensions of one family, as the grammar's dictionary.
#[derive(Clone, Copy, Debug)]
pub struct Registry {
    family: Family,
}

impl Registry {
    /// Of one family.
    #[must_use]
    pub const fn new(family: Family) -> Self {
        Self { family }
    }

    /// Whether it is that of ip6tables.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        self.family == Family::Ipv6
    }

    /// The row of a match.
    #[must_use]
    pub fn match_entry(id: ExtId) -> Option<&'static Entry<Match>> {
        matches::MATCHES.get(usize::from(id.0))
    }

    /// The row of a target.
    #[must_use]
    pub fn target_entry(id: ExtId) -> Option<&'static Entry<Target>> {
        targets::TARGETS.get(usize::from(id.0.checked_sub(TARGETS_FROM)?))
    }
}

fn id(index: usize, from: u16) -> ExtId {
    ExtId(from + u16::try_from(index).unwrap_or(0))
}

impl Dictionary for Registry {
    fn other_family(&self) -> u8 {
        if self.family == Family::Ipv4 { b'6' } else { b'4' }
    }

    fn find_match(&self, name: &[u8]) -> Option<ExtId> {
        matches::MATCHES.iter().position(|e| e.is_called(name, self.family)).map(|index| id(index, 0))
    }

    fn find_target(&self, name: &[u8]) -> Option<ExtId> {
        if is_verdict(name) {
            return None;
        }
        targets::TARGETS
            .iter()
            .position(|e| e.is_called(name, self.family))
            .map(|index| id(index, TARGETS_FROM))
    }

    fn implicit_match(&self, protocol: &[u8]) -> Option<ExtId> {
        // `-p 0x6` is `-p 6`.
        let number = rfw_values::number::parse_u32(protocol, 0, 255).ok().map(|number| number.to_string());
        let protocol = number.as_deref().map_or(protocol, str::as_bytes);
        let named = |e: &Entry<Match>| {
            e.families.has(self.family)
                && e.implied_by.iter().any(|p| p.as_bytes().eq_ignore_ascii_case(protocol))
        };
        matches::MATCHES.iter().position(named).map(|index| id(index, 0))
    }

    fn name(&self, id: ExtId) -> &'static str {
        Self::match_entry(id)
            .map(|e| e.name)
            .or_else(|| Self::target_entry(id).map(|e| e.name))
            .unwrap_or("?")
    }

    fn options(&self, id: ExtId) -> &'static [OptionSpec] {
        Self::match_entry(id)
            .map(|e| e.options)
            .or_else(|| Self::target_entry(id).map(|e| e.options))
            .unwrap_or(&[])
    }

    fn match_names(&self) -> Vec<&'static str> {
        matches::MATCHES.iter().filter(|e| e.families.has(self.family)).map(|e| e.name).collect()
    }

    fn target_names(&self) -> Vec<&'static str> {
        let extensions = targets::TARGETS.iter().filter(|e| e.families.has(self.family)).map(|e| e.name);
        VERDICTS.iter().copied().chain(extensions).collect()
    }

    fn target_meant_by(&self, word: &[u8]) -> Option<&'static str> {
        let meant = |words: &[&str]| words.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes()));
        let verdict = VERDICTS_MEANT_BY.iter().find(|(_, words)| meant(words)).map(|(verdict, _)| *verdict);
        let mut targets = targets::TARGETS.iter().filter(|e| e.families.has(self.family));
        verdict.or_else(|| targets.find(|e| meant(e.meant_by)).map(|e| e.name))
    }

    fn owners(&self, option: &[u8]) -> Vec<String> {
        let has = |options: &[OptionSpec]| options.iter().any(|o| o.name.as_bytes() == option);
        let matches = matches::MATCHES.iter().filter(|e| e.families.has(self.family) && has(e.options)).map(
            |e| match e.implied_by.first() {
                Some(protocol) => format!("`-p {protocol}`"),
                None => format!("`-m {}`", e.name),
            },
        );
        let targets = targets::TARGETS.iter().filter(|e| e.families.has(self.family) && has(e.options));
        matches.chain(targets.map(|e| format!("`-j {}`", e.name))).collect()
    }
}
