//! What stays xt in the native encoding says why: in `--no-xt`, in translations, and on its page.
//!
//! `UPDATE_PAGES=1 cargo test -p rfw-testing --test kept` writes the reasons into the pages of `docs/extensions`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rfw_compiler::{Part, kept};
use rfw_extensions::matches::MATCHES;
use rfw_extensions::targets::TARGETS;
use rfw_extensions::{Encoding, Registry};
use rfw_nft::Family;
use rfw_syntax::{Dictionary, ExtId};
use rfw_testing::fixture::load;
use rfw_testing::names::repository;

const HEADING: &str = "## Why it may stay xt natively\n";

/// The reasons that fixtures have, by extension; complaints of those without any.
fn told() -> (BTreeMap<u16, BTreeSet<&'static str>>, Vec<String>) {
    let (mut told, mut complaints) = (BTreeMap::<u16, BTreeSet<_>>::new(), Vec::new());
    for file in load().expect("fixtures").iter().flat_map(|f| &f.accept) {
        let names = file.fixed_names();
        let registry = Registry::new(file.family);
        for line in &file.lines {
            let built = file.build(line, &names).expect("a fixture builds");
            for part in built.rules.iter().flat_map(|rule| kept(rule, Encoding::Native, file.family)) {
                let id = match part.part {
                    Part::Target => registry.find_target(part.name.as_bytes()),
                    _ => registry.find_match(part.name.as_bytes()),
                };
                let set = told.entry(id.expect("a registered extension").0).or_default();
                match part.reason {
                    Some(reason) => drop(set.insert(reason)),
                    None => complaints.push(format!(
                        "{}:{}: {} stays xt, no reason told",
                        file.name, line.number, part.name
                    )),
                }
            }
        }
    }
    (told, complaints)
}

#[test]
fn every_reason_is_some_rules_reason() {
    if std::env::var_os("RFW_FIXTURES").is_some() {
        return;
    }
    let (told, mut complaints) = told();
    let none = BTreeSet::new();
    let mut compare = |id: Option<ExtId>, name: &str, reasons: &[&'static str]| {
        let found = id.and_then(|id| told.get(&id.0)).unwrap_or(&none);
        for reason in reasons.iter().filter(|reason| !found.contains(*reason)) {
            complaints.push(format!("{name}: no fixture stays xt because {reason}"));
        }
        for reason in found.iter().filter(|reason| !reasons.contains(*reason)) {
            complaints.push(format!("{name}: not among its reasons: {reason}"));
        }
    };
    for entry in MATCHES {
        let family = if entry.families.has(Family::Ipv4) { Family::Ipv4 } else { Family::Ipv6 };
        compare(Registry::new(family).find_match(entry.name.as_bytes()), entry.name, entry.why_xt);
    }
    for entry in TARGETS {
        let family = if entry.families.has(Family::Ipv4) { Family::Ipv4 } else { Family::Ipv6 };
        compare(Registry::new(family).find_target(entry.name.as_bytes()), entry.name, entry.why_xt);
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn pages_give_the_reasons() {
    let mut wanted: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for entry in MATCHES {
        wanted.entry(("matches", entry.name)).or_default().extend(entry.why_xt);
    }
    for entry in TARGETS {
        wanted.entry(("targets", entry.name)).or_default().extend(entry.why_xt);
    }
    let mut stale = Vec::new();
    for ((kind, name), reasons) in wanted {
        let path = repository().join(format!("docs/extensions/{kind}/{name}.md"));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let (before, section) = text.split_once(HEADING).unwrap_or((&text, ""));
        let rest = section.find("\n## ").map_or("", |at| &section[at + 1..]);
        let mut made = before.trim_end().to_owned() + "\n";
        if !reasons.is_empty() {
            made += &format!("\n{HEADING}\n");
            made.extend(reasons.iter().map(|reason| format!("- {reason}\n")));
        }
        if !rest.is_empty() {
            made += &format!("\n{rest}");
        }
        if made != text {
            stale.push(format!("{kind}/{name}"));
            if std::env::var_os("UPDATE_PAGES").is_some() {
                fs::write(&path, made).expect("page");
            }
        }
    }
    let updated = std::env::var_os("UPDATE_PAGES").is_some();
    assert!(updated || stale.is_empty(), "UPDATE_PAGES=1 writes anew: {}", stale.join(", "));
}
