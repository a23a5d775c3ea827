//! Which program argv\[0\] says this is.

use rfw_nft::Family;

use rfw_diagnostics::{CompatVersion, Voice};

/// What kind of program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `iptables`.
    Command,
    /// `iptables-restore`.
    Restore,
    /// `iptables-save`.
    Save,
    /// `iptables-translate`.
    Translate,
    /// `iptables-restore-translate`.
    RestoreTranslate,
    /// `iptables-apply`.
    Apply,
    /// `iptables-xml`.
    Xml,
    /// `xtables-monitor`.
    Monitor,
}

/// A program name and what it means.
#[derive(Clone, Debug)]
pub struct Personality {
    /// What kind of program.
    pub role: Role,
    /// For which family.
    pub family: Family,
    /// Whether it was called by a name of ours, so that own commands exist.
    pub ours: bool,
    /// The release of iptables that it speaks as.
    pub version: CompatVersion,
    /// The subcommand word that chose the role, if one did (`rfw restore`).
    pub word: String,
    /// The program's base name as called.
    called: String,
}

/// Base names, without `-nft`, with their meaning.
const NAMES: &[(&str, Role, Family, bool)] = &[
    ("rfw", Role::Command, Family::Ipv4, true),
    ("rfw6", Role::Command, Family::Ipv6, true),
    ("rfw-restore", Role::Restore, Family::Ipv4, true),
    ("rfw6-restore", Role::Restore, Family::Ipv6, true),
    ("rfw-save", Role::Save, Family::Ipv4, true),
    ("rfw6-save", Role::Save, Family::Ipv6, true),
    ("iptables", Role::Command, Family::Ipv4, false),
    ("ip6tables", Role::Command, Family::Ipv6, false),
    ("iptables-restore", Role::Restore, Family::Ipv4, false),
    ("ip6tables-restore", Role::Restore, Family::Ipv6, false),
    ("iptables-save", Role::Save, Family::Ipv4, false),
    ("ip6tables-save", Role::Save, Family::Ipv6, false),
    ("iptables-translate", Role::Translate, Family::Ipv4, false),
    ("ip6tables-translate", Role::Translate, Family::Ipv6, false),
    ("iptables-restore-translate", Role::RestoreTranslate, Family::Ipv4, false),
    ("ip6tables-restore-translate", Role::RestoreTranslate, Family::Ipv6, false),
    ("iptables-apply", Role::Apply, Family::Ipv4, false),
    ("ip6tables-apply", Role::Apply, Family::Ipv6, false),
    ("iptables-xml", Role::Xml, Family::Ipv4, false),
    ("xtables-monitor", Role::Monitor, Family::Ipv4, false),
];

/// The role that the first word after `rfw` chooses: `rfw restore` is `rfw-restore`.
pub fn subcommand(word: &[u8]) -> Option<Role> {
    match word {
        b"restore" => Some(Role::Restore),
        b"save" => Some(Role::Save),
        b"translate" => Some(Role::Translate),
        _ => None,
    }
}

impl Personality {
    /// From argv\[0\]; an unknown name is `rfw`. It speaks as 1.8.9.
    pub fn from_path(path: &[u8]) -> Self {
        let base = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let called = String::from_utf8_lossy(base).into_owned();
        let plain = called.replace("-nft", "");
        let row = NAMES.iter().find(|(name, ..)| *name == plain).unwrap_or(&NAMES[0]);
        Self {
            role: row.1,
            family: row.2,
            ours: row.3,
            version: CompatVersion::default(),
            word: String::new(),
            called,
        }
    }

    /// The name that messages begin with: iptables' own, also when called as `iptables-nft`.
    pub fn program(&self) -> String {
        // iptables-nft calls itself iptables, but iptables-nft-restore calls itself that.
        if !self.ours && self.role != Role::Command {
            return self.called.clone();
        }
        let base = match self.family {
            Family::Ipv4 if self.ours => "rfw",
            Family::Ipv6 if self.ours => "rfw6",
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        };
        match self.role {
            Role::Command => base.to_owned(),
            Role::Restore => format!("{base}-restore"),
            Role::Save => format!("{base}-save"),
            Role::Translate => format!("{base}-translate"),
            Role::RestoreTranslate => format!("{base}-restore-translate"),
            // Programs that have no name of ours.
            Role::Apply | Role::Xml | Role::Monitor => self.called.clone(),
        }
    }

    /// The name to call again for help, as it was called.
    pub fn called(&self) -> &str {
        if self.called.is_empty() { "rfw" } else { &self.called }
    }

    /// `iptables v1.8.9 (nf_tables)`, which programs parse.
    pub fn banner(&self) -> String {
        self.voice().banner()
    }

    /// How it speaks.
    pub fn voice(&self) -> Voice {
        Voice::new(self.program(), self.called()).of(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose() {
        let p = Personality::from_path(b"/usr/sbin/ip6tables-nft-restore");
        assert_eq!((p.role, p.family, p.ours), (Role::Restore, Family::Ipv6, false));
        assert_eq!(p.program(), "ip6tables-nft-restore");
        let p = Personality::from_path(b"rfw6");
        assert_eq!((p.role, p.family, p.ours), (Role::Command, Family::Ipv6, true));
        assert_eq!(Personality::from_path(b"").program(), "rfw");
        assert_eq!(Personality::from_path(b"iptables-nft").banner(), "iptables v1.8.9 (nf_tables)");
    }
}
