//! The ways of example packets: each is that of the packet that the message shows, and ends as the message says.

use std::fs;

use rfw_diagnostics::Source;
use rfw_lint::{Finding, Options, Selector, Walk};

use crate::common::{findings_with, options, top};

fn with_walks(name: &str, text: &[u8]) -> (Source, Vec<Finding>) {
    let mut options = Options { walks: true, ..options() };
    options.selection.add(Selector::All, true);
    findings_with(name, text, options)
}

/// All that a finding says.
fn words(finding: &Finding) -> String {
    let found = &finding.diagnostic;
    let parts = [Some(&found.message), found.label.as_ref(), found.help.as_ref()];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn last(walk: &Walk) -> &str {
    walk.stops.last().map_or("", |stop| &stop.text)
}

/// Rules above that take no packet are not on the way.
const RULES: &str = "*filter\n:INPUT DROP [0:0]\n:SSH - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -j SSH\n\
                     -A SSH -p tcp --dport 22 -j LOG\n-A SSH -p tcp --dport 22 -j ACCEPT\n\
                     -A INPUT -p tcp --dport 22 -s 192.0.2.1 -j DROP\nCOMMIT\n";

#[test]
fn a_dead_rule_shows_what_decides() {
    let (source, found) = with_walks("a.rules", RULES.as_bytes());
    let dead = found.iter().find(|f| f.diagnostic.code.number == 301).expect("a dead rule");
    let walk = dead.walk.as_ref().expect("a way");
    let way: Vec<_> = walk
        .stops
        .iter()
        .map(|stop| {
            let line = stop.span.map_or(0, |span| source.line_column(span.start).line);
            (line, stop.name.as_str(), stop.text.as_str())
        })
        .collect();
    assert!(walk.packet.starts_with("tcp 192.0.2.1:") && walk.packet.ends_with(", NEW"), "{}", walk.packet);
    let enters = format!("{} enters filter INPUT", walk.packet);
    assert_eq!(
        way,
        [
            (2, "filter/INPUT", enters.as_str()),
            (5, "filter/INPUT/2", "jumps to SSH"),
            (6, "filter/SSH/1", "matches, and goes on"),
            (7, "filter/SSH/2", "accepted"),
        ]
    );
}

#[test]
fn the_policy_is_the_last_stop() {
    let text = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp --dport 22 -j LOG\nCOMMIT\n";
    let (_, found) = with_walks("a.rules", text.as_bytes());
    let lost = found.iter().find(|f| f.diagnostic.code.number == 201).expect("replies are lost");
    assert_eq!(lost.walk.as_ref().map(last), Some("no rule decides: dropped by the policy DROP"));
}

#[test]
fn without_being_asked_there_are_none() {
    let (_, found) = findings_with("a.rules", RULES.as_bytes(), options());
    assert!(found.iter().all(|f| f.walk.is_none()));
}

#[test]
fn a_long_way_is_cut_in_the_middle() {
    let mut text = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\n".to_owned();
    let counts = "-A INPUT -p tcp\n".repeat(300);
    text.insert_str(text.find("-A").expect("a rule"), &counts);
    text.push_str("-A INPUT -p tcp -s 192.0.2.1 -j DROP\nCOMMIT\n");
    let (_, found) = with_walks("a.rules", text.as_bytes());
    let dead = found.iter().find(|f| f.diagnostic.code.number == 301).expect("a dead rule");
    let walk = dead.walk.as_ref().expect("a way");
    assert_eq!(walk.stops.len(), 102);
    assert!(walk.stops.iter().any(|stop| stop.text == "201 more rules match"), "{:?}", walk.stops);
    assert_eq!(last(walk), "accepted");
}

/// In all bad cases and real rulesets of the repository.
#[test]
fn what_a_message_shows_is_followed() {
    let mut texts = Vec::new();
    for folder in ["fixtures/lint/cases", "fixtures/rulesets"] {
        for entry in fs::read_dir(top().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let files: Vec<_> = if path.is_dir() {
                fs::read_dir(&path).expect("a folder").map(|e| e.expect("an entry").path()).collect()
            } else {
                vec![path]
            };
            texts.extend(files);
        }
    }
    texts.sort();
    let (mut shown, mut dead, mut wrong) = (0, 0, Vec::new());
    for path in texts {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (_, found) = with_walks(&name, &fs::read(&path).expect("readable"));
        for finding in &found {
            let words = words(finding);
            let packet = [": tcp ", ": udp ", ": icmp"].iter().any(|mark| words.contains(mark))
                && words.contains(" -> ");
            let Some(walk) = &finding.walk else {
                // RFW815 is about two rulesets.
                if packet && finding.diagnostic.code.number != 815 {
                    wrong.push(format!("{}: no way for {words}", path.display()));
                }
                continue;
            };
            let whole = format!("{}: {words}\n{walk:#?}", path.display());
            if !packet {
                dead += 1;
                continue;
            }
            shown += 1;
            let ends = |word: &str| {
                !words.contains(&format!("{word}: {}", walk.packet)) || last(walk).contains(word)
            };
            if !words.contains(&walk.packet) || !ends("dropped") || !ends("accepted") {
                wrong.push(whole);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(shown > 40 && dead > 40, "{shown} {dead}");
}
