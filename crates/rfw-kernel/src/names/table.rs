//! Parses the line-based files: blanks between words, `#` starts a comment.

use std::net::Ipv4Addr;

/// A line of `/etc/services`.
#[derive(Debug)]
pub(super) struct Service {
    /// Name, then aliases.
    pub(super) names: Vec<String>,
    pub(super) port: u16,
    pub(super) protocol: String,
}

/// A line of `/etc/protocols` or `/etc/networks`.
#[derive(Debug)]
pub(super) struct Entry {
    /// Name, then aliases.
    pub(super) names: Vec<String>,
    pub(super) value: String,
}

/// The words of every line that has any.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or(""))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
}

pub(super) fn entries(text: &str) -> Vec<Entry> {
    lines(text)
        .filter_map(|words| {
            let [name, value, aliases @ ..] = words.as_slice() else {
                return None;
            };
            let names = std::iter::once(name).chain(aliases);
            Some(Entry { names: names.map(ToString::to_string).collect(), value: (*value).to_owned() })
        })
        .collect()
}

pub(super) fn services(text: &str) -> Vec<Service> {
    entries(text)
        .into_iter()
        .filter_map(|entry| {
            let (port, protocol) = entry.value.split_once('/')?;
            Some(Service { port: port.parse().ok()?, protocol: protocol.to_owned(), names: entry.names })
        })
        .collect()
}

/// Lines of a number, decimal or hexadecimal, and a name.
pub(super) fn numbered(text: &str) -> Vec<(u32, String)> {
    lines(text)
        .filter_map(|words| {
            let [number, name, ..] = words.as_slice() else {
                return None;
            };
            let number = match number.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            Some((number.ok()?, (*name).to_owned()))
        })
        .collect()
}

pub(super) fn by_name<'a>(entries: &'a [Entry], name: &str) -> Option<&'a str> {
    // Asked of every rule with a protocol; most names already differ in their first letter.
    let is = |other: &String| other.as_bytes().first() == name.as_bytes().first() && other == name;
    let mut entries = entries.iter();
    entries.find(|e| e.names.iter().any(is)).map(|e| e.value.as_str())
}

/// An address whose last bytes may be left out.
pub(super) fn network(value: &str) -> Option<Ipv4Addr> {
    let mut bytes = [0; 4];
    let mut parts = value.split('.');
    for (byte, part) in bytes.iter_mut().zip(&mut parts) {
        *byte = part.parse().ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(bytes))
}
