//! The texts to look at: files, folders, standard input, the running ruleset; and which of them are one host's two families.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rfw_diagnostics::{Source, SourceKind};
use rfw_lint::{Input, guess_family};
use rfw_nft::Family;

use super::settings::{Finder, Settings};

/// A text with all that is known of it.
pub struct Member {
    /// The text.
    pub source: Source,
    /// What kind of text it is.
    pub input: Input,
    /// The family of its rules.
    pub family: Family,
    /// Where it is, if it is a file.
    pub path: Option<PathBuf>,
    /// The settings in force.
    pub settings: Rc<Settings>,
    /// Whether it was asked for; the other family's file of a pair is read for the comparison only.
    pub wanted: bool,
    /// What the next start of the host will load, for its running ruleset.
    pub boot: Option<Source>,
}

/// What is looked at together.
pub enum Unit {
    /// One text.
    One(Box<Member>),
    /// The two families of one host.
    Pair(Box<[Member; 2]>),
}

/// What there is to look at, and what could not be read.
#[derive(Default)]
pub struct Inputs {
    /// In the order asked for.
    pub units: Vec<Unit>,
    /// Files with the reason.
    pub unread: Vec<String>,
}

/// What was asked for.
pub struct Wanted<'a> {
    /// Files and folders; `-` is standard input.
    pub files: &'a [PathBuf],
    /// Pairs of files.
    pub pairs: Vec<[PathBuf; 2]>,
    /// The family, where it was said.
    pub family: Option<Family>,
    /// Texts that are not to be read again.
    pub texts: &'a Texts,
}

/// Texts by their paths; `-` is standard input.
pub type Texts = HashMap<PathBuf, Vec<u8>>;

/// Reads the running ruleset.
///
/// # Errors
/// If the kernel or the settings cannot be read.
pub fn live(family: Option<Family>, finder: &mut Finder) -> Result<Inputs, String> {
    let mut unread = Vec::new();
    let mut member = |family| {
        let name = match family {
            Family::Ipv4 => "<running IPv4 ruleset>",
            Family::Ipv6 => "<running IPv6 ruleset>",
        };
        let text = crate::save::live_text(family, false)?;
        let source = Source::new(name, SourceKind::Live, text);
        let settings = finder.of(None)?;
        let boot = boot_file(family, &settings).unwrap_or_else(|text| {
            unread.push(text);
            None
        });
        let wanted = true;
        Ok::<_, String>(Member { source, input: Input::Save, family, path: None, settings, wanted, boot })
    };
    let unit = match family {
        Some(family) => Unit::One(Box::new(member(family)?)),
        None => Unit::Pair(Box::new([member(Family::Ipv4)?, member(Family::Ipv6)?])),
    };
    Ok(Inputs { units: vec![unit], unread })
}

/// What the host loads at its start: the file that the settings name, else the first there is of Debian's iptables-persistent,
/// of Red Hat's and of Arch's services.
fn boot_file(family: Family, settings: &Settings) -> Result<Option<Source>, String> {
    let said = match family {
        Family::Ipv4 => &settings.config.boot_files[0],
        Family::Ipv6 => &settings.config.boot_files[1],
    };
    let read = |path: &Path| match std::fs::read(path) {
        Ok(text) => Ok(Some(Source::new(path.display().to_string(), SourceKind::File, text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && said.is_none() => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    if let Some(path) = said {
        return read(&settings.folder.join(path));
    }
    let paths = match family {
        Family::Ipv4 => ["/etc/iptables/rules.v4", "/etc/sysconfig/iptables", "/etc/iptables/iptables.rules"],
        Family::Ipv6 => {
            ["/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables", "/etc/iptables/ip6tables.rules"]
        }
    };
    paths.into_iter().find_map(|path| read(Path::new(path)).transpose()).transpose()
}

/// Reads files.
///
/// # Errors
/// If a file of settings cannot be read.
pub fn files(wanted: &Wanted<'_>, finder: &mut Finder) -> Result<Inputs, String> {
    let mut inputs = Inputs::default();
    let mut members = Vec::new();
    let mut seen = BTreeSet::new();
    let paths = wanted.files.iter().chain(wanted.pairs.iter().flatten());
    // Of a pair that was said the first is for IPv4.
    let said: HashMap<&Path, Family> = wanted
        .pairs
        .iter()
        .flat_map(|[four, six]| [(four.as_path(), Family::Ipv4), (six.as_path(), Family::Ipv6)])
        .collect();
    let family = |path: &Path| said.get(path).copied().or(wanted.family);
    for path in paths {
        let mut any = false;
        for (path, walked) in expand(path, &mut inputs.unread) {
            if !seen.insert(std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone())) {
                any = true;
                continue;
            }
            match read(&path, walked, family(&path), wanted.texts) {
                Ok(Some((source, input, family))) => {
                    any = true;
                    let path = (path != Path::new("-")).then_some(path);
                    let settings = finder.of(path.as_deref())?;
                    let (wanted, boot) = (true, None);
                    members.push(Member { source, input, family, path, settings, wanted, boot });
                }
                Ok(None) => {}
                Err(text) => {
                    any = true;
                    inputs.unread.push(text);
                }
            }
        }
        // A name that is spelt wrong must not look like a firewall without faults.
        if !any && path.is_dir() {
            inputs.unread.push(format!("{}: there is no ruleset in it", path.display()));
        }
    }
    pair_up(members, &wanted.pairs, &mut inputs, finder)?;
    Ok(inputs)
}

/// A file, or the rulesets in a folder; true for what only the walk has found.
fn expand(path: &Path, unread: &mut Vec<String>) -> Vec<(PathBuf, bool)> {
    if !path.is_dir() {
        return vec![(path.to_owned(), false)];
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                unread.push(format!("{}: {error}", folder.display()));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type() {
                // Links to folders are not followed: they may lead back.
                Ok(kind) if kind.is_dir() && !name.starts_with('.') => folders.push(entry.path()),
                Ok(kind) if !kind.is_dir() && looks_like_rules(&name) => found.push((entry.path(), true)),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Whether a file in a folder may be a ruleset, by its name.
fn looks_like_rules(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let ends = [".rules", ".v4", ".v6", ".iptables", ".ip6tables", ".sh"];
    let starts = ["iptables", "ip6tables"];
    let texts = ["", ".save", ".txt", ".conf", ".dump"];
    let stem = texts.iter().filter_map(|end| lower.strip_suffix(end)).any(|stem| {
        (starts.iter().any(|s| stem.starts_with(s)) && !stem.contains('.'))
            || stem.ends_with("iptables-save")
            || stem.ends_with("ip6tables-save")
    });
    ends.iter().any(|end| lower.ends_with(end)) || stem
}

/// Whether a text is a ruleset: udev and auditd have `*.rules` as well.
fn is_rules(text: &[u8]) -> bool {
    let tables = ["*filter", "*nat", "*mangle", "*raw", "*security"];
    text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).any(|line| {
        tables.iter().any(|table| line == table.as_bytes())
            || line.starts_with(b"-A ")
            || first_program(line).is_some_and(|p| p.starts_with(b"iptables") || p.starts_with(b"ip6tables"))
    })
}

/// The program that a line of a script calls, without its path.
fn first_program(line: &[u8]) -> Option<&[u8]> {
    let words = line.split(u8::is_ascii_whitespace);
    let word = words.into_iter().find(|word| *word != b"sudo" && !word.starts_with(b"-"))?;
    word.rsplit(|&b| b == b'/').next()
}

type Text = (Source, Input, Family);

/// The text of a file, if it is a ruleset or was asked for by its name.
fn read(path: &Path, walked: bool, family: Option<Family>, texts: &Texts) -> Result<Option<Text>, String> {
    let text = match texts.get(path) {
        Some(text) => named(path, text.clone(), family),
        None => text_of(path, family)?,
    };
    Ok((!walked || is_rules(&text.0.text)).then_some(text))
}

fn text_of(path: &Path, family: Option<Family>) -> Result<Text, String> {
    let mut text = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut text).map_err(|e| format!("standard input: {e}"))?;
    } else {
        text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(named(path, text, family))
}

fn named(path: &Path, text: Vec<u8>, family: Option<Family>) -> Text {
    let name = if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() };
    let family = family.unwrap_or_else(|| guess_family(&name, &text));
    let input = Input::guess(&name, &text);
    (Source::new(name, SourceKind::File, text), input, family)
}

/// Puts the two families of a host together: pairs that were said, then files whose names differ in the family only.
fn pair_up(
    members: Vec<Member>,
    pairs: &[[PathBuf; 2]],
    inputs: &mut Inputs,
    finder: &mut Finder,
) -> Result<(), String> {
    let mut said: HashMap<PathBuf, (PathBuf, Family)> = HashMap::new();
    let mut say = |[four, six]: [PathBuf; 2]| {
        said.insert(four.clone(), (six.clone(), Family::Ipv4));
        said.insert(six, (four, Family::Ipv6));
    };
    for member in &members {
        let folder = &member.settings.folder;
        for pair in &member.settings.config.pairs {
            say(pair.each_ref().map(|path| whole(&folder.join(path))));
        }
    }
    for pair in pairs {
        say(pair.each_ref().map(|path| whole(path)));
    }
    let mut waiting: Vec<Option<Member>> = members.into_iter().map(Some).collect();
    for at in 0..waiting.len() {
        let Some(mut member) = waiting[at].take() else { continue };
        // A script makes the rules of both families by itself.
        let own = member.path.as_deref().filter(|_| member.input != Input::Script).map(whole);
        let partner = own.as_ref().and_then(|own| said.get(own));
        let fits = |other: &Member| match (partner, &other.path) {
            (Some((partner, _)), Some(path)) => whole(path) == *partner,
            (None, Some(path)) => {
                other.family != member.family && member.path.as_ref().is_some_and(|own| same_host(own, path))
            }
            _ => false,
        };
        let found = waiting.iter().position(|other| {
            other.as_ref().is_some_and(|other| other.input != Input::Script && fits(other))
        });
        let mut other = match (found, partner) {
            (Some(found), _) => waiting[found].take(),
            (None, Some((path, _))) => match text_of(path, None) {
                Ok((source, input, family)) if input != Input::Script => {
                    let settings = finder.of(Some(path))?;
                    let (path, wanted, boot) = (Some(path.clone()), false, None);
                    Some(Member { source, input, family, path, settings, wanted, boot })
                }
                Ok(_) => None,
                Err(text) => {
                    inputs.unread.push(text);
                    None
                }
            },
            _ => None,
        };
        // Texts that show no family have that of their place in the pair.
        if let (Some(other), Some((_, family))) = (&mut other, partner)
            && other.family == member.family
        {
            (member.family, other.family) = (*family, opposite(*family));
        }
        inputs.units.push(match other {
            Some(other) => Unit::Pair(Box::new([member, other])),
            None => Unit::One(Box::new(member)),
        });
    }
    Ok(())
}

fn opposite(family: Family) -> Family {
    match family {
        Family::Ipv4 => Family::Ipv6,
        Family::Ipv6 => Family::Ipv4,
    }
}

/// The other family's rules of the same host, for one text that is looked at.
pub struct Beside {
    /// The family of the text itself: what it shows, or its place in a pair.
    pub own: Family,
    /// Where they are; also if they could not be read there.
    pub path: Option<PathBuf>,
    /// With their path.
    pub text: Option<(PathBuf, Source, Input, Family)>,
    /// Why the file that the settings name could not be read.
    pub trouble: Option<String>,
}

impl Default for Beside {
    fn default() -> Self {
        Self { own: Family::Ipv4, path: None, text: None, trouble: None }
    }
}

/// Finds them: in the pair that the settings name, else beside the file by its name. Texts of `open` come before files.
pub fn beside(path: &Path, family: Family, settings: &Settings, open: &[(&Path, &Source)]) -> Beside {
    let get = |other: &Path| match open.iter().find(|(path, _)| whole(path) == *other) {
        Some((_, source)) => {
            let family = guess_family(&source.name, &source.text);
            Ok(((*source).clone(), Input::guess(&source.name, &source.text), family))
        }
        None => text_of(other, None),
    };
    let own = whole(path);
    if let Some((said, own_family)) = said_partner(&own, settings) {
        let mut found = Beside { path: Some(said.clone()), own: family, ..Beside::default() };
        match get(&said) {
            Ok((source, input, other)) if input != Input::Script => {
                let places = (own_family, opposite(own_family));
                let families = if other == family { places } else { (family, other) };
                found.own = families.0;
                found.text = Some((said, source, input, families.1));
            }
            Ok(_) => {}
            Err(text) => found.trouble = Some(text),
        }
        return found;
    }
    let fits = |(_, input, other): &Text| *input != Input::Script && *other != family;
    let folder = own.parent().map(Path::to_owned).unwrap_or_default();
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut near: Vec<PathBuf> = open.iter().map(|(path, _)| whole(path)).chain(files).collect();
    near.retain(|other| *other != own && same_host(&own, other));
    near.sort();
    near.dedup();
    let found = near.into_iter().find_map(|other| Some((get(&other).ok().filter(fits)?, other)));
    match found {
        Some((text, other)) => {
            let path = Some(other.clone());
            Beside { path, own: family, text: Some((other, text.0, text.1, text.2)), trouble: None }
        }
        None => Beside { own: family, ..Beside::default() },
    }
}

/// The other file of the pair in which the settings name a file, and the file's family by its place there.
fn said_partner(own: &Path, settings: &Settings) -> Option<(PathBuf, Family)> {
    let pairs =
        settings.config.pairs.iter().map(|pair| pair.each_ref().map(|p| whole(&settings.folder.join(p))));
    pairs.into_iter().find_map(|[four, six]| match (four == own, six == own) {
        (true, _) => Some((six, Family::Ipv4)),
        (_, true) => Some((four, Family::Ipv6)),
        _ => None,
    })
}

/// A path without links, also of a file that is not there yet.
pub fn whole(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
        folder.zip(path.file_name()).map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name))
    })
}

/// Whether two files are one host's by their names, which differ in the family only.
pub fn same_host(one: &Path, other: &Path) -> bool {
    other_family(one) == other_family(other)
}

/// A name in which nothing tells the family: the same for `rules.v4` and `rules.v6`, for `a.rules` and `a.v6.rules`.
fn other_family(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.replace("ip6tables", "iptables").replace("rules6", "rules");
    let plain = plain.replace(".v6.", ".").replace(".v4.", ".");
    let plain = plain.strip_suffix(".v6").or_else(|| plain.strip_suffix(".v4")).unwrap_or(&plain).to_owned();
    path.with_file_name(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rulesets() {
        for name in [
            "a.rules",
            "rules.v4",
            "rules.v6",
            "iptables",
            "iptables.save",
            "host-iptables-save",
            "iptables-save.txt",
        ] {
            assert!(looks_like_rules(name), "{name}");
        }
        for name in ["README.md", "v4", "rules", "notes.txt", "iptables.rs", "a.rules.bak"] {
            assert!(!looks_like_rules(name), "{name}");
        }
    }

    #[test]
    fn a_ruleset_by_its_text() {
        assert!(is_rules(b"#!/bin/sh\n  sudo /sbin/iptables -F\n") && !is_rules(b"#!/bin/sh\nnft flush\n"));
        assert!(is_rules(b"# x\n*filter\nCOMMIT\n") && is_rules(b"-A INPUT -j DROP\n"));
        assert!(!is_rules(b"SUBSYSTEM==\"usb\", MODE=\"0660\"\n") && !is_rules(b"-a always,exit\n"));
    }

    #[test]
    fn names_of_pairs() {
        let same = |one: &str, other: &str| other_family(Path::new(one)) == other_family(Path::new(other));
        for (one, other) in [
            ("rules.v4", "rules.v6"),
            ("d/a.rules", "d/a.v6.rules"),
            ("iptables-save", "ip6tables-save"),
            ("host.v4.rules", "host.v6.rules"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        assert!(!same("a/rules.v4", "b/rules.v6") && !same("a.rules", "b.v6.rules"));
    }
}
