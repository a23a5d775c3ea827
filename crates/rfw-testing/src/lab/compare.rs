//! Two loaders, the same rules, the same packets: do the same rules count the same packets?
//!
//! Contract: each side gets a fresh [`Lab`], so nothing learnt by one (connections, recent lists, limits) reaches the
//! other. What is compared is every rule's counter and what every sender saw.

use std::path::Path;

use super::battery::{Action, Probe};
use super::counters::{self, RuleCounter};
use super::{Host, Lab, LabError, Outcome};

/// Which of the two protocols a ruleset is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// iptables.
    V4,
    /// ip6tables.
    V6,
}

/// Puts rules (iptables-restore text) into the router's namespace.
pub type Loader<'a> = dyn Fn(&Lab, &str) -> Result<(), LabError> + 'a;

/// A loader that feeds the rules to a command's standard input.
pub fn command_loader(argv: &[&str]) -> impl Fn(&Lab, &str) -> Result<(), LabError> + use<> {
    let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
    move |lab, rules| lab.check(Host::Router, &argv, rules.as_bytes()).map(drop)
}

/// The stock loader of a family.
pub fn stock_loader(family: Family) -> impl Fn(&Lab, &str) -> Result<(), LabError> + use<> {
    command_loader(match family {
        Family::V4 => &["iptables-restore"],
        Family::V6 => &["ip6tables-restore"],
    })
}

/// What a run of the battery showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Every rule's counter.
    pub counters: Vec<RuleCounter>,
    /// The name of each probe with real traffic, and what its sender saw.
    pub outcomes: Vec<(String, Outcome)>,
}

/// Loads `rules` into a fresh lab, runs `probes`, reads the counters. Commands of ipset in `# ipset:` lines come first.
///
/// # Errors
/// When the lab cannot be made, the rules do not load, or a packet cannot be sent.
pub fn observe(
    agent: &Path,
    load: &Loader<'_>,
    rules: &str,
    probes: &[Probe],
) -> Result<Observation, LabError> {
    let lab = Lab::new(agent)?;
    for command in rules.lines().filter_map(|line| line.strip_prefix("# ipset: ")) {
        let argv: Vec<&str> = ["ipset"].into_iter().chain(command.split(' ')).collect();
        lab.check(Host::Router, &argv, b"")?;
    }
    load(&lab, rules)?;
    let mut outcomes = Vec::new();
    for probe in probes {
        run(&lab, probe, &mut outcomes)?;
    }
    lab.settle()?;
    Ok(Observation { counters: counters::read(&lab)?, outcomes })
}

fn run(lab: &Lab, probe: &Probe, outcomes: &mut Vec<(String, Outcome)>) -> Result<(), LabError> {
    // The connection last opened by this probe.
    let mut open = String::new();
    for action in &probe.actions {
        let outcome = match action {
            Action::Send(host, packet) => {
                lab.send(*host, packet)?;
                continue;
            }
            Action::ListenTcp(host, at) => {
                lab.listen_tcp(*host, *at)?;
                continue;
            }
            Action::ListenUdp(host, at) => {
                lab.listen_udp(*host, *at)?;
                continue;
            }
            Action::Run(host, argv) => {
                lab.check(*host, argv, b"")?;
                lab.settle()?;
                continue;
            }
            Action::Connect(host, from, to) => match lab.connect(*host, *from, *to)? {
                Outcome::Answer(number) => {
                    open = number;
                    Outcome::Answer("open".to_owned())
                }
                other => other,
            },
            Action::Talk(..) | Action::Reset(_) if open.is_empty() => {
                Outcome::Failed("no connection".to_owned())
            }
            Action::Talk(host, text) => lab.talk(*host, &open, text)?,
            Action::Reset(host) => lab.reset(*host, &open)?,
            Action::AskUdp(host, from, to, text) => lab.ask_udp(*host, *from, *to, text)?,
            Action::Ping(host, to, sequence) => lab.ping(*host, *to, *sequence)?,
        };
        outcomes.push((probe.name.to_owned(), outcome));
    }
    Ok(())
}

/// Where two observations disagree, one line each; empty if nowhere. Rules are shown by their line in `rules` if it can
/// be found.
#[must_use]
pub fn differences(rules: &str, left: &Observation, right: &Observation) -> Vec<String> {
    let mut lines = Vec::new();
    let count = |count: &Option<(u64, u64)>| match count {
        Some((packets, bytes)) => format!("{packets} packets {bytes} bytes"),
        None => "no counter".to_owned(),
    };
    for a in &left.counters {
        match right.counters.iter().find(|b| b.place() == a.place()) {
            None => lines.push(format!("{}: only on the left", a.place())),
            Some(b) if a.count != b.count => lines.push(format!(
                "{}: {} | {}   {}",
                a.place(),
                count(&a.count),
                count(&b.count),
                rule_text(rules, a).unwrap_or("")
            )),
            Some(_) => {}
        }
    }
    for b in &right.counters {
        if !left.counters.iter().any(|a| a.place() == b.place()) {
            lines.push(format!("{}: only on the right", b.place()));
        }
    }
    for (index, (name, a)) in left.outcomes.iter().enumerate() {
        match right.outcomes.get(index) {
            Some((_, b)) if a == b => {}
            Some((_, b)) => lines.push(format!("{name}: {a} | {b}")),
            None => lines.push(format!("{name}: {a} | not reached")),
        }
    }
    lines
}

/// The line of a rule in a restore file: the n-th `-A CHAIN` of its table.
#[must_use]
pub fn rule_text<'a>(rules: &'a str, rule: &RuleCounter) -> Option<&'a str> {
    let mut table = "";
    let start = format!("-A {} ", rule.chain);
    rules
        .lines()
        .filter(|line| {
            if let Some(name) = line.strip_prefix('*') {
                table = name.trim();
            }
            table == rule.table && line.starts_with(&start)
        })
        .nth(rule.number - 1)
}

/// Runs the battery with both loaders and gives the [`differences`].
///
/// # Errors
/// As [`observe`].
pub fn compare(
    agent: &Path,
    left: &Loader<'_>,
    right: &Loader<'_>,
    rules: &str,
    probes: &[Probe],
) -> Result<Vec<String>, LabError> {
    let left = observe(agent, left, rules, probes)?;
    let right = observe(agent, right, rules, probes)?;
    Ok(differences(rules, &left, &right))
}
