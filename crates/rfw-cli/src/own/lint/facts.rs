//! What tools of the host print, as facts: `sysctl -a` or a `sysctl.conf`, and `ipset save`.

use std::collections::BTreeMap;

use rfw_lint::facts::IpSet;
use rfw_nft::Family;

/// Lines `net.ipv4.ip_forward = 1`; comments, and names with slashes or a dash before them, as sysctl.conf allows.
pub fn sysctls(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let pairs = lines.filter_map(|line| line.trim_start_matches('-').split_once('='));
    pairs.map(|(name, value)| (sysctl_name(name.trim()), value.trim().to_owned())).collect()
}

/// With a slash as the first separator, dots and slashes change their places.
fn sysctl_name(name: &str) -> String {
    match name.find(['.', '/']).and_then(|at| name.get(at..=at)) {
        Some("/") => name
            .chars()
            .map(|c| {
                if c == '/' {
                    '.'
                } else if c == '.' {
                    '/'
                } else {
                    c
                }
            })
            .collect(),
        _ => name.to_owned(),
    }
}

/// Lines `create NAME TYPE family inet …` and `add NAME ELEMENT …`.
pub fn ipsets(text: &str) -> BTreeMap<String, IpSet> {
    let mut found: BTreeMap<String, IpSet> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["create" | "-N", name, kind, options @ ..] => {
                let family = options.windows(2).find(|pair| pair[0] == "family").map(|pair| pair[1]);
                let family = family.map(|f| if f == "inet6" { Family::Ipv6 } else { Family::Ipv4 });
                // Elements that end by themselves are put there by something that goes on.
                let complete = !options.contains(&"timeout");
                let options = options.iter().map(|&word| word.to_owned()).collect();
                let kind = (*kind).to_owned();
                let set = IpSet { kind, family, options, entries: Vec::new(), complete };
                found.insert((*name).to_owned(), set);
            }
            ["add" | "-A", name, element @ ..] if !element.is_empty() => {
                found.entry((*name).to_owned()).or_default().entries.push(element.join(" "));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysctl_lines() {
        let text = "# a comment\nnet.ipv4.ip_forward = 1\n-net/ipv4/conf/eth0.7/rp_filter=2\n; no\nodd\n";
        let found = sysctls(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found["net.ipv4.ip_forward"], "1");
        assert_eq!(found["net.ipv4.conf.eth0/7.rp_filter"], "2");
    }

    #[test]
    fn ipset_lines() {
        let text = "create bad hash:net family inet hashsize 1024 maxelem 65536\nadd bad 192.0.2.0/24\n\
                    add bad 198.51.100.7 comment x\ncreate six hash:ip family inet6 timeout 60\n";
        let found = ipsets(text);
        assert_eq!(found["bad"].kind, "hash:net");
        assert_eq!(found["bad"].entries, ["192.0.2.0/24", "198.51.100.7 comment x"]);
        assert_eq!(found["six"].options, ["family", "inet6", "timeout", "60"]);
        assert!(found["bad"].complete && !found["six"].complete);
        assert_eq!(found["six"].family, Some(Family::Ipv6));
    }
}
