//! What the grammar asks about extensions.

/// How many words follow an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// None.
    Flag,
    /// One, or none: what begins with a dash or `!` is the next option.
    Optional,
    /// One.
    One,
    /// Two (`--match-set NAME FLAGS`).
    Two,
}

/// One option of an extension, as data: arity, constraints, the words of help.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Long name without dashes.
    pub name: &'static str,
    /// Words that follow.
    pub arity: Arity,
    /// Whether `!` may stand before it.
    pub invertible: bool,
    /// Whether it may be given more than once.
    pub repeatable: bool,
    /// Whether the extension needs it.
    pub required: bool,
    /// Whether the value is free text, in which a leading dash means nothing.
    pub free_text: bool,
    /// Names of options of the same extension that exclude it.
    pub excludes: &'static [&'static str],
    /// iptables' words when it is given twice, or with an option that it excludes, if they are not libxtables'.
    pub conflict: Option<&'static str>,
    /// iptables' words when only the first of two values is given, if they are not the usual ones.
    pub second_missing: Option<&'static str>,
    /// Names of options of the same extension that it needs.
    pub needs: &'static [&'static str],
    /// The option this is another name of.
    pub alias_of: Option<&'static str>,
    /// What iptables says on standard error when it is given; it is taken all the same.
    pub warning: Option<&'static str>,
    /// How many bytes of the value the kernel keeps; 0 is all of them.
    pub kept: usize,
    /// What holds without the option, where that surprises.
    pub otherwise: Option<&'static str>,
    /// The option that makes its time of day local; without that it is UTC.
    pub local_with: Option<&'static str>,
    /// What the value is, for help: `port[:port]`.
    pub value: &'static str,
    /// One line of help.
    pub help: &'static str,
}

impl OptionSpec {
    /// An option without a value.
    #[must_use]
    pub const fn flag(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            arity: Arity::Flag,
            invertible: false,
            repeatable: false,
            required: false,
            free_text: false,
            excludes: &[],
            conflict: None,
            second_missing: None,
            needs: &[],
            alias_of: None,
            warning: None,
            kept: 0,
            otherwise: None,
            local_with: None,
            value: "",
            help,
        }
    }

    /// An option with one value.
    #[must_use]
    pub const fn value(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { arity: Arity::One, value, ..Self::flag(name, help) }
    }

    /// An option with one value, or none.
    #[must_use]
    pub const fn optional(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { arity: Arity::Optional, value, ..Self::flag(name, help) }
    }

    /// An option with two values.
    #[must_use]
    pub const fn two(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { arity: Arity::Two, value, ..Self::flag(name, help) }
    }

    /// `!` may stand before it.
    #[must_use]
    pub const fn invertible(self) -> Self {
        Self { invertible: true, ..self }
    }

    /// It may be given more than once.
    #[must_use]
    pub const fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// The extension needs it.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Its value is free text.
    #[must_use]
    pub const fn free_text(self) -> Self {
        Self { free_text: true, ..self }
    }

    /// It can't stand together with these.
    #[must_use]
    pub const fn excludes(self, excludes: &'static [&'static str]) -> Self {
        Self { excludes, ..self }
    }

    /// It has its own words for being given twice or with what it excludes.
    #[must_use]
    pub const fn conflict(self, words: &'static str) -> Self {
        Self { conflict: Some(words), ..self }
    }

    /// It has its own words for a second value that is missing.
    #[must_use]
    pub const fn second_missing(self, words: &'static str) -> Self {
        Self { second_missing: Some(words), ..self }
    }

    /// It needs these.
    #[must_use]
    pub const fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    /// It is another name of that option.
    #[must_use]
    pub const fn alias_of(self, name: &'static str) -> Self {
        Self { alias_of: Some(name), ..self }
    }

    /// It is taken with a warning.
    #[must_use]
    pub const fn warns(self, text: &'static str) -> Self {
        Self { warning: Some(text), ..self }
    }

    /// The kernel keeps so many bytes of its value.
    #[must_use]
    pub const fn kept(self, bytes: usize) -> Self {
        Self { kept: bytes, ..self }
    }

    /// What holds without it surprises.
    #[must_use]
    pub const fn otherwise(self, text: &'static str) -> Self {
        Self { otherwise: Some(text), ..self }
    }

    /// Its time of day is UTC unless that option stands beside it.
    #[must_use]
    pub const fn local_with(self, option: &'static str) -> Self {
        Self { local_with: Some(option), ..self }
    }

    /// The name that tells what it means: that of the option it is an alias of, else its own.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self.alias_of {
            Some(name) => name,
            None => self.name,
        }
    }
}

/// An extension, as its dictionary numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtId(pub u16);

/// Knows the extensions of one address family.
pub trait Dictionary {
    /// The match called `name` (as after `-m`).
    fn find_match(&self, name: &[u8]) -> Option<ExtId>;
    /// The target called `name` (as after `-j`), chains and verdicts excepted.
    fn find_target(&self, name: &[u8]) -> Option<ExtId>;
    /// The match that an option may load unasked after `-p PROTOCOL`.
    fn implicit_match(&self, protocol: &[u8]) -> Option<ExtId>;
    /// The name of an extension.
    fn name(&self, id: ExtId) -> &'static str;
    /// The options of an extension.
    fn options(&self, id: ExtId) -> &'static [OptionSpec];
    /// Names of all matches.
    fn match_names(&self) -> Vec<&'static str>;
    /// Names of all targets, verdicts included.
    fn target_names(&self) -> Vec<&'static str>;
    /// The target or verdict that a word means which is the name of none, such as `DENY` for DROP.
    fn target_meant_by(&self, word: &[u8]) -> Option<&'static str>;
    /// The option that asks for the other family: `6`, or `4` where the rules are IPv6.
    fn other_family(&self) -> u8 {
        b'6'
    }
    /// What loads an option that is not loaded: `-p tcp`, `-m multiport`, `-j LOG`.
    fn owners(&self, option: &[u8]) -> Vec<String>;
}
