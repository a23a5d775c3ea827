//! Laws of dead rules and copies, over random rulesets.

use rfw_lint::{Comparison, Facts, Finding, compare};

use crate::common::{findings_with, listing, not_about_exposure, options};
use crate::compare::{Dice, fate, model, packets, whole};

/// Lines before the first rule of [`whole`].
const HEAD: usize = 6;
const CHAINS: [&str; 12] =
    ["INPUT", "INPUT", "INPUT", "INPUT", "INPUT", "INPUT", "INPUT", "INPUT", "A", "A", "A", "B"];
/// Findings that say of a rule that it never matches.
const DEAD: [u16; 6] = [210, 301, 303, 305, 309, 502];

fn rules(dice: &mut Dice, marks: bool) -> Vec<String> {
    let rule = |chain: &&str| match dice.roll(if marks { 8 } else { 1 }) {
        1 => format!("-A {chain} -m mark --mark {} -j ACCEPT", dice.roll(2)),
        2 => format!("-A {chain} -p tcp -m mark --mark 1 -j DROP"),
        3 => format!("-A {chain} -s 10.0.0.0/8 -j MARK --set-mark {}", dice.roll(2)),
        _ => dice.rule(chain),
    };
    CHAINS.iter().map(rule).collect()
}

fn chain_of(rule: &str) -> &str {
    rule.split(' ').nth(1).expect("a chain")
}

/// What is said of rules: its index, the finding, and whether it holds for all rules of the chain from there on.
fn said(lines: &[String]) -> (String, Vec<(usize, Finding, bool)>) {
    let (source, found) = findings_with("t.rules", whole(lines).as_bytes(), not_about_exposure(options()));
    let shown = format!("{}\n{}", lines.join("\n"), listing(&source, &found));
    let all = found.into_iter().filter_map(|finding| {
        let code = finding.diagnostic.code.number;
        let line = source.line_column(finding.diagnostic.span.start).line;
        let at = line.checked_sub(HEAD + 1)?;
        let rest = code == 304 || finding.diagnostic.message.contains("nor to the");
        (rest || DEAD.contains(&code)).then_some((at, finding, rest))
    });
    (shown, all.collect())
}

fn is_told(lines: &[String], at: usize, said: &[(usize, Finding, bool)]) -> bool {
    said.iter().any(|(place, _, rest)| {
        *place == at || *rest && *place < at && chain_of(&lines[*place]) == chain_of(&lines[at])
    })
}

#[test]
fn a_copy_is_always_found() {
    let mut dice = Dice(305);
    let (mut copies, mut other) = (0, 0);
    for round in 0..240 {
        let mut lines = rules(&mut dice, false);
        let at = dice.roll(lines.len());
        let last = lines.iter().rposition(|l| chain_of(l) == chain_of(&lines[at])).expect("itself");
        let to = at + 1 + dice.roll(last + 1 - at);
        lines.insert(to, lines[at].clone());
        let (shown, said) = said(&lines);
        assert!(is_told(&lines, to, &said), "{round}: rule {} is a copy of rule {}\n{shown}", to + 1, at + 1);
        let own: Vec<u16> = said
            .iter()
            .filter(|s| s.0 == to)
            .map(|s| s.1.diagnostic.code.number)
            .filter(|c| *c != 304)
            .collect();
        assert!(own.len() < 2, "{round}: rule {} is told twice: {own:?}\n{shown}", to + 1);
        if own == [305] { copies += 1 } else { other += 1 }
    }
    assert!(copies > 120 && other > 12, "{copies} {other}");
}

#[test]
fn a_rule_before_its_shadow_is_not_reported() {
    let mut dice = Dice(301);
    let mut moved = 0;
    for round in 0..150 {
        let mut lines = rules(&mut dice, false);
        let (mut shown, mut found) = said(&lines);
        let Some(mut at) = found.iter().map(|f| f.0).find(|&at| chain_of(&lines[at]) == "INPUT") else {
            continue;
        };
        let is_shadowed = |at: usize, found: &[(usize, Finding, bool)]| {
            found
                .iter()
                .find(|f| f.0 == at && [210, 301, 305, 502].contains(&f.1.diagnostic.code.number))
                .cloned()
        };
        while let Some((_, finding, _)) = is_shadowed(at, &found) {
            // A second limit counts again; where it stands is all the same to it.
            if finding.diagnostic.message.contains("its effect") || lines[at].contains("limit") {
                break;
            }
            let spans = finding.diagnostic.labels.iter().map(|label| label.span.start);
            let first = spans.min().unwrap_or_else(|| panic!("{round}: no shadow is named\n{shown}"));
            let text = whole(&lines);
            let line = text.as_bytes()[..first as usize].iter().filter(|&&b| b == b'\n').count();
            let to = line - HEAD;
            assert!(to < at, "{round}\n{shown}");
            let rule = lines.remove(at);
            lines.insert(to, rule);
            (at, moved) = (to, moved + 1);
            (shown, found) = said(&lines);
        }
    }
    assert!(moved > 60, "{moved}");
}

#[test]
fn without_its_dead_rules_a_ruleset_is_the_same() {
    let mut dice = Dice(302);
    let packets = packets();
    let (mut deleted, mut compared) = (0, 0);
    for round in 0..160 {
        let marks = round % 2 == 0;
        let lines = rules(&mut dice, marks);
        let (shown, said) = said(&lines);
        let said: Vec<_> = said
            .into_iter()
            .filter(|(_, f, _)| {
                let message = &f.diagnostic.message;
                let safe =
                    f.diagnostic.fix.as_ref().is_some_and(|f| f.safety == rfw_diagnostics::FixSafety::Safe);
                f.diagnostic.code.number != 305 || safe && !message.contains("its effect")
            })
            .collect();
        let after: Vec<String> = lines
            .iter()
            .enumerate()
            .filter(|&(at, _)| {
                let catch_all = |s: &(usize, Finding, bool)| s.0 == at && s.1.diagnostic.code.number == 304;
                let others: Vec<_> = said.iter().filter(|s| !catch_all(s)).cloned().collect();
                !is_told(&lines, at, &others)
            })
            .map(|(_, line)| line.clone())
            .collect();
        if after.len() == lines.len() {
            continue;
        }
        deleted += lines.len() - after.len();
        let texts = [whole(&lines), whole(&after)];
        let models = [model(&texts[0]), model(&texts[1])];
        match compare(&models[0], &models[1], &Facts::default()) {
            Comparison::Same => compared += 1,
            Comparison::Unknown(_) => {}
            // Who has which mark where nobody asks is not followed: packets have to do.
            Comparison::Different { .. } if marks => {}
            other => panic!("{round}: {other:?}\n{shown}\n{}", after.join("\n")),
        }
        for packet in &packets {
            let (was, is) = (fate(&texts[0], &models[0], packet), fate(&texts[1], &models[1], packet));
            assert_eq!(was, is, "{round}: {packet}\n{shown}\n{}", after.join("\n"));
        }
    }
    assert!(deleted > 200 && compared > 50, "{deleted} {compared}");
}
