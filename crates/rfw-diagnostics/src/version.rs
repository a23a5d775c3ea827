//! The releases of iptables whose texts are reproduced.

use std::fmt;

/// A release. What differs between them is a branch on this type where the text is made, or [`crate::Diagnostic::later`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompatVersion {
    /// 1.8.9, of Debian 12.
    #[default]
    V1_8_9,
    /// 1.8.11, of Debian 13.
    V1_8_11,
}

impl CompatVersion {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::V1_8_9, Self::V1_8_11];

    /// `1.8.9`, as banners have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_8_9 => "1.8.9",
            Self::V1_8_11 => "1.8.11",
        }
    }

    /// The release of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }
}

impl fmt::Display for CompatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
