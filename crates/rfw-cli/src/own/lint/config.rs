//! `rfw.toml`: what a project says about its rulesets, as text.
//!
//! Pure: text in, values out. A key that is not known, a value that cannot be held and a word that names no check are
//! mistakes with a place.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use rfw_diagnostics::{Code, Diagnostic, Severity, Source, Span, codes, render_text};
use rfw_lint::facts::{Interface, Service, Target, Zone};
use rfw_lint::{Facts, Options, Selection, Selector};
use rfw_values::AddrMask;
use serde::Deserialize;
use toml::Spanned;

/// A file of settings.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// For every file, but for the overrides.
    pub options: Options,
    /// The least severity that makes the exit status 1.
    pub fail_on: Option<Severity>,
    /// What differs for some files; a later one wins.
    pub overrides: Vec<Override>,
    /// Files that hold the rules of one host in two families, as written.
    pub pairs: Vec<[PathBuf; 2]>,
    /// Files of `sysctl -a` or `sysctl.conf`, as written.
    pub sysctl_files: Vec<PathBuf>,
    /// Files of `ipset save`, as written.
    pub ipset_files: Vec<PathBuf>,
    /// What the host loads at its start, for IPv4 and for IPv6, as written.
    pub boot_files: [Option<PathBuf>; 2],
    /// Known findings.
    pub baseline: Option<PathBuf>,
}

/// What differs for files whose path fits a pattern.
#[derive(Clone, Debug)]
pub struct Override {
    /// Patterns as a shell knows them, relative to the folder of the settings.
    pub patterns: Vec<glob::Pattern>,
    /// Words and whether they select.
    pub words: Vec<(Selector, bool)>,
    /// Severities that differ.
    pub severities: BTreeMap<Code, Severity>,
}

/// The file as serde reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    select: Vec<Spanned<String>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
    #[serde(default)]
    severity: BTreeMap<Spanned<String>, Level>,
    fail_on: Option<Level>,
    require_reason: Option<bool>,
    baseline: Option<PathBuf>,
    target: Option<Backend>,
    target_kernel: Option<Spanned<String>>,
    analysis_budget: Option<Spanned<Amount>>,
    #[serde(default)]
    management: ManagementTable,
    #[serde(default)]
    interfaces: BTreeMap<String, Spanned<InterfaceValue>>,
    #[serde(default)]
    external_chains: Vec<String>,
    #[serde(default)]
    public_services: Vec<Spanned<PortValue>>,
    #[serde(default)]
    single_family: bool,
    #[serde(default)]
    facts: FactFiles,
    #[serde(default)]
    boot_file: BootFiles,
    #[serde(default)]
    pairs: Vec<[PathBuf; 2]>,
    #[serde(default, rename = "override")]
    overrides: Vec<OverrideTable>,
    /// The encoding of new tables, which is for the programs that load.
    #[serde(rename = "encoding")]
    _encoding: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OverrideTable {
    paths: Vec<Spanned<String>>,
    #[serde(default)]
    select: Vec<Spanned<String>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
    #[serde(default)]
    severity: BTreeMap<Spanned<String>, Level>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManagementTable {
    #[serde(default)]
    ports: Vec<Spanned<PortValue>>,
    #[serde(default)]
    from: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BootFiles {
    ipv4: Option<PathBuf>,
    ipv6: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactFiles {
    #[serde(default)]
    sysctl: OneOrMany,
    #[serde(default)]
    ipset: OneOrMany,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    #[default]
    None,
    One(PathBuf),
    Many(Vec<PathBuf>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<PathBuf> {
        match self {
            Self::None => Vec::new(),
            Self::One(path) => vec![path],
            Self::Many(paths) => paths,
        }
    }
}

enum InterfaceValue {
    Zone(String),
    Table(InterfaceTable),
}

impl<'de> Deserialize<'de> for InterfaceValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InterfaceVisitor)
    }
}

/// Unlike serde's own way with such a choice it says which key of the table is wrong.
struct InterfaceVisitor;

impl<'de> serde::de::Visitor<'de> for InterfaceVisitor {
    type Value = InterfaceValue;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a zone (\"wan\", \"lan\", …) or { zone = \"…\", addresses = [\"…\"] }")
    }

    fn visit_str<E: serde::de::Error>(self, zone: &str) -> Result<InterfaceValue, E> {
        Ok(InterfaceValue::Zone(zone.to_owned()))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<InterfaceValue, A::Error> {
        let table = serde::de::value::MapAccessDeserializer::new(map);
        InterfaceTable::deserialize(table).map(InterfaceValue::Table)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InterfaceTable {
    zone: Option<String>,
    #[serde(default)]
    addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a port (22) or a port of a protocol (\"tcp/22\")")]
enum PortValue {
    Number(u16),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of nodes, or a time (\"30s\", \"500ms\")")]
enum Amount {
    Nodes(usize),
    Time(String),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Backend {
    Nft,
    Legacy,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

/// A mistake in the file, drawn.
fn mistake(source: &Source, span: std::ops::Range<usize>, message: impl Into<String>) -> String {
    let span = Span::new(span.start, span.end);
    let diagnostic = Diagnostic::error(codes::UNREADABLE_INPUT, span, message);
    render_text(&[diagnostic], source, false)
}

/// Reads a file of settings.
///
/// # Errors
/// The mistake with its place, as text for people.
pub fn parse(source: &Source) -> Result<Config, String> {
    let text = std::str::from_utf8(&source.text).map_err(|e| {
        let at = e.valid_up_to();
        mistake(source, at..at + 1, "this is no UTF-8")
    })?;
    let file: File = toml::from_str(text).map_err(|e| {
        let text = e.message().trim_end().replace('\n', "; ");
        mistake(source, e.span().unwrap_or(0..0), with_suggestion(&text))
    })?;
    Reader { source }.config(file)
}

/// A message like ``unknown field `ignroe`, expected one of `select`, `ignore` `` with the word that was meant before the rest.
fn with_suggestion(text: &str) -> String {
    let meant = || {
        let (head, rest) = text.split_once(", expected ")?;
        let wrong = head.strip_prefix("unknown field `").or(head.strip_prefix("unknown variant `"))?;
        let wrong = wrong.strip_suffix('`')?.replace('_', "-");
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        // A longer word for the same, such as `warning`.
        let longer = || known.iter().copied().find(|k| k.len() > 2 && wrong.starts_with(k));
        let exact = known.iter().copied().find(|k| *k == wrong);
        let near = exact.or_else(|| rfw_values::suggest(wrong.as_bytes(), known.iter().copied()));
        Some(format!("{head}; did you mean `{}`? (expected {rest})", near.or_else(longer)?))
    };
    meant().unwrap_or_else(|| text.to_owned())
}

struct Reader<'a> {
    source: &'a Source,
}

impl Reader<'_> {
    fn config(&self, file: File) -> Result<Config, String> {
        let mut selection = Selection::default();
        for (selector, wanted) in self.words(&file.select, &file.ignore)? {
            selection.add(selector, wanted);
        }
        let overrides = file.overrides.into_iter().map(|table| self.overrides(table));
        let overrides = overrides.collect::<Result<_, _>>()?;
        let severities = self.severities(file.severity)?;
        let facts = Facts {
            target: file.target.map(|t| match t {
                Backend::Nft => Target::Nft,
                Backend::Legacy => Target::Legacy,
            }),
            kernel: file.target_kernel.map(|v| self.each(v, kernel)).transpose()?,
            single_family: file.single_family,
            ..Facts::default()
        };
        let mut options = Options { facts, selection, severities, ..Options::default() };
        options.require_reason = file.require_reason.unwrap_or_default();
        let facts = &mut options.facts;
        facts.external_chains.extend(file.external_chains);
        for port in file.public_services {
            facts.public_services.extend(self.each(port, services)?);
        }
        for port in file.management.ports {
            facts.management.services.extend(self.each(port, services)?);
        }
        for from in file.management.from {
            facts.management.from.push(self.each(from, |text| address(&text))?);
        }
        for (name, value) in file.interfaces {
            facts.interfaces.insert(name, self.each(value, interface)?);
        }
        if let Some(amount) = file.analysis_budget {
            self.each(amount, |amount| match amount {
                Amount::Nodes(nodes) => {
                    facts.budget.nodes = nodes;
                    Ok(())
                }
                Amount::Time(text) => budget(&text, &mut facts.budget),
            })?;
        }
        Ok(Config {
            options,
            fail_on: file.fail_on.map(Severity::from),
            overrides,
            pairs: file.pairs,
            sysctl_files: file.facts.sysctl.into_vec(),
            ipset_files: file.facts.ipset.into_vec(),
            boot_files: [file.boot_file.ipv4, file.boot_file.ipv6],
            baseline: file.baseline,
        })
    }

    /// A value made by a function, whose mistakes get a place.
    fn each<T, U, E: Display>(
        &self,
        value: Spanned<T>,
        make: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<U, String> {
        let span = value.span();
        make(value.into_inner()).map_err(|e| mistake(self.source, span, e.to_string()))
    }

    fn words(
        &self,
        select: &[Spanned<String>],
        ignore: &[Spanned<String>],
    ) -> Result<Vec<(Selector, bool)>, String> {
        let select = select.iter().map(|word| (word, true));
        let ignore = ignore.iter().map(|word| (word, false));
        let all = select.chain(ignore).map(|(word, wanted)| {
            let made = selector(word.get_ref());
            made.map(|s| (s, wanted)).map_err(|e| mistake(self.source, word.span(), e))
        });
        all.collect()
    }

    fn severities(
        &self,
        table: BTreeMap<Spanned<String>, Level>,
    ) -> Result<BTreeMap<Code, Severity>, String> {
        let mut found = BTreeMap::new();
        for (word, level) in table {
            let selector = self.each(word, |word| selector(&word))?;
            let named = codes::ALL.iter().filter(|&&code| selector.names(code));
            found.extend(named.map(|&code| (code, level.into())));
        }
        Ok(found)
    }

    fn overrides(&self, table: OverrideTable) -> Result<Override, String> {
        let patterns = table.paths.into_iter().map(|p| self.each(p, |p| pattern(&p)));
        Ok(Override {
            patterns: patterns.collect::<Result<_, _>>()?,
            words: self.words(&table.select, &table.ignore)?,
            severities: self.severities(table.severity)?,
        })
    }
}

fn interface(value: InterfaceValue) -> Result<Interface, String> {
    match value {
        InterfaceValue::Zone(zone) => {
            Ok(Interface { zone: Some(Zone::named(&zone)), ..Interface::default() })
        }
        InterfaceValue::Table(table) => {
            let zone = table.zone.as_deref().map(Zone::named);
            let mut made = Interface { zone, ..Interface::default() };
            for text in &table.addresses {
                made.add(text).map_err(|_| no_address(text))?;
            }
            Ok(made)
        }
    }
}

/// What a word names.
///
/// # Errors
/// If that is nothing, with a near name.
pub fn selector(word: &str) -> Result<Selector, String> {
    Selector::parse(word).ok_or_else(|| {
        let near = rfw_values::suggest(word.as_bytes(), codes::ALL.iter().map(|code| code.name));
        let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        format!("no check is called `{word}`{hint}")
    })
}

/// A pattern of paths; one that ends in a slash is for all that is in the folder.
fn pattern(text: &str) -> Result<glob::Pattern, glob::PatternError> {
    let text = text.strip_prefix("./").unwrap_or(text);
    glob::Pattern::new(&if text.ends_with('/') { format!("{text}**") } else { text.to_owned() })
}

/// A budget: nodes (`1000000`) or a time (`30s`, `500ms`).
///
/// # Errors
/// If it is neither.
pub fn budget(text: &str, budget: &mut rfw_lint::facts::Budget) -> Result<(), String> {
    let number = |digits: &str| digits.parse::<u64>().ok();
    let wrong = || format!("`{text}` is neither a number of nodes nor a time such as 30s or 500ms");
    if let Some(n) = text.strip_suffix("ms").and_then(number) {
        budget.milliseconds = Some(n);
    } else if let Some(n) = text.strip_suffix('s').and_then(number) {
        budget.milliseconds = Some(n.saturating_mul(1000));
    } else {
        budget.nodes = number(text).and_then(|n| usize::try_from(n).ok()).ok_or_else(wrong)?;
    }
    Ok(())
}

fn kernel(text: String) -> Result<(u32, u32), String> {
    let mut parts = text.split(['.', '-']).map(|part| part.parse().ok());
    match (parts.next().flatten(), parts.next()) {
        (Some(major), None) => Ok((major, 0)),
        (Some(major), Some(Some(minor))) => Ok((major, minor)),
        _ => Err(format!("`{text}` is no version of a kernel; `6.1` is one")),
    }
}

fn address(text: &str) -> Result<AddrMask, String> {
    let parsed = match text.contains(':') {
        true => AddrMask::parse_v6(text.as_bytes()),
        false => AddrMask::parse_v4(text.as_bytes()),
    };
    parsed.map_err(|_| no_address(text))
}

fn no_address(text: &str) -> String {
    format!("`{text}` is no address; `192.0.2.0/24` is one")
}

/// `22` is TCP and UDP, `tcp/22` what it says.
fn services(value: PortValue) -> Result<Vec<Service>, String> {
    let both = |port| [6, 17].map(|protocol| Service { protocol, port }).to_vec();
    let text = match value {
        PortValue::Number(port) => return Ok(both(port)),
        PortValue::Text(text) => text,
    };
    let (protocol, port) = text.split_once('/').unwrap_or(("", &text));
    let wrong = || format!("`{text}` is no service; `tcp/22` is one");
    let port: u16 = port.parse().map_err(|_| wrong())?;
    match protocol {
        "" => Ok(both(port)),
        "tcp" => Ok(vec![Service { protocol: 6, port }]),
        "udp" => Ok(vec![Service { protocol: 17, port }]),
        "sctp" => Ok(vec![Service { protocol: 132, port }]),
        "dccp" => Ok(vec![Service { protocol: 33, port }]),
        _ => Err(wrong()),
    }
}
