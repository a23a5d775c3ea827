//! What a text allows, what is said of allowances, and what a finding is known by.

use rfw_diagnostics::{Severity, Source, SourceKind, codes};
use rfw_lint::{Input, Offline, Options, Report, Selection, Selector, Text, lint, lint_pair};
use rfw_nft::Family;

use crate::common::{FewNames, not_about_exposure, options};

fn report(lines: &str, options: &Options) -> Report {
    let text = format!("*filter\n{lines}\nCOMMIT\n");
    let source = Source::new("t.rules", SourceKind::File, text.into_bytes());
    let options = match options.selection == Selection::default() {
        true => &not_about_exposure(options.clone()),
        false => options,
    };
    lint(&source, Input::Save, Family::Ipv4, &Offline::new(&FewNames), options)
}

fn numbers(report: &Report) -> Vec<u16> {
    report.findings.iter().map(|f| f.diagnostic.code.number).collect()
}

const LOG: &str = "-A INPUT -p tcp -j LOG --log-prefix x:";

#[test]
fn three_places_to_allow() {
    for text in [
        format!("# rfw: allow(RFW501) why\n{LOG}"),
        format!("#rfw:allow( 501 , RFW502 ) why\n# another comment\n\n{LOG}\n{LOG}"),
        format!("{LOG}\n# rfw: allow-file(log-without-limit) why"),
        format!("{LOG} -m comment --comment \"rfw:allow=RFW501 why\""),
        format!("{LOG} -m comment --comment rfw:allow=RFW501"),
    ] {
        let found = report(&text, &Options::default());
        assert!(!numbers(&found).contains(&501) || text.matches("LOG").count() > 1, "{text}");
        let one =
            found.suppressed.iter().find(|s| s.finding.diagnostic.code.number == 501).expect("kept aside");
        let why = text.contains("why").then_some("why");
        assert_eq!(one.reason.as_deref(), why, "{text}");
    }
}

#[test]
fn an_allowance_is_for_the_next_rule_only() {
    let found = report(
        &format!("# rfw: allow(501) why\n{LOG}\n-A INPUT -p udp -j LOG --log-prefix x:"),
        &Options::default(),
    );
    assert_eq!(numbers(&found), [501]);
    let found =
        report(&format!("# rfw: allow(501) why\n-A INPUT -i lo -j ACCEPT\n{LOG}"), &Options::default());
    assert_eq!(numbers(&found), [128, 501]);
}

#[test]
fn mistakes_that_keep_a_text_from_loading_stay() {
    let found = report("# rfw: allow(RFW103) why\n-A INPUT -j ALLOW", &Options::default());
    let numbers = numbers(&found);
    assert!(numbers.contains(&103) && numbers.contains(&128), "{numbers:?}");
}

#[test]
fn what_is_not_selected_is_not_unused() {
    let mut selection = Selection::default();
    selection.add(Selector::parse("RFW501").expect("a code"), false);
    let quiet = not_about_exposure(Options { selection, ..options() });
    let text = "# rfw: allow(501) why\n-A INPUT -p tcp -m limit --limit 5/min -j LOG --log-prefix x:";
    assert_eq!(numbers(&report(text, &quiet)), [0_u16; 0]);
    assert_eq!(numbers(&report(text, &options())), [128]);
}

#[test]
fn reasons_are_asked_for_when_wanted() {
    let text = format!("# rfw: allow(501)\n{LOG}");
    assert_eq!(numbers(&report(&text, &Options::default())), [0_u16; 0]);
    assert_eq!(numbers(&report(&text, &options())), [129]);
}

#[test]
fn an_unused_line_can_be_taken_out() {
    let text = "# rfw: allow(501) why\n-A INPUT -i lo -j ACCEPT";
    let found = report(text, &Options::default());
    let fix = found.findings[0].diagnostic.fix.as_ref().expect("a fix");
    assert_eq!((fix.edits[0].span.start, fix.edits[0].span.end), (8, 30));
    // One of two codes is needed: the line stays.
    let found = report(&format!("# rfw: allow(501, 607) why\n{LOG}"), &Options::default());
    assert_eq!(numbers(&found), [128]);
    assert!(found.findings[0].diagnostic.fix.is_none());
}

#[test]
fn severities_can_be_set() {
    let severities = [(codes::LOG_WITHOUT_LIMIT, Severity::Error)].into();
    let found = report(LOG, &Options { severities, ..Options::default() });
    assert_eq!(found.findings[0].diagnostic.severity, Severity::Error);
}

#[test]
fn a_fingerprint_stays_when_rules_come_before_it() {
    let one = report(LOG, &Options::default());
    let above = report(&format!(":X - [0:0]\n-A INPUT -i lo -j ACCEPT\n[5:6]  {LOG}"), &Options::default());
    let of = |report: &Report| -> Vec<String> {
        let own = report.findings.iter().filter(|f| f.diagnostic.code.number == 501);
        own.map(|f| f.fingerprint.clone()).collect()
    };
    assert_eq!(of(&one), of(&above));
    assert_eq!(of(&one)[0].len(), 32);
    let other = report("-A INPUT -p udp -j LOG --log-prefix x:", &Options::default());
    assert_ne!(of(&one), of(&other));
    let twice = report(
        "-A INPUT -p tcp -j LOG --log-prefix x:\n-A INPUT -p tcp -j LOG --log-prefix x:",
        &Options::default(),
    );
    let of_twice: Vec<_> = twice.findings.iter().map(|f| &f.fingerprint).collect();
    let once: std::collections::HashSet<_> = of_twice.iter().collect();
    assert_eq!(once.len(), of_twice.len());
}

#[test]
fn a_pair_is_looked_at_together() {
    let text =
        |name: &str| Source::new(name, SourceKind::File, format!("*filter\n{LOG}\nCOMMIT\n").into_bytes());
    let (v4, v6) = (text("rules.v4"), text("rules.v6"));
    let half = |source, family| Text { source, input: Input::Save, family };
    let pair = [half(&v4, Family::Ipv4), half(&v6, Family::Ipv6)];
    let [first, second] = lint_pair(pair, &Offline::new(&FewNames), [&Options::default(); 2]);
    assert!(numbers(&first).contains(&501) && numbers(&second).contains(&501));
}

#[test]
fn what_is_no_allowance_is_said() {
    let told = |lines: &str| {
        let found = report(lines, &Options::default());
        let own =
            found.findings.iter().map(|f| &f.diagnostic).filter(|d| d.code == codes::UNUSED_SUPPRESSION);
        own.map(|d| d.message.clone()).collect::<Vec<_>>()
    };
    let none = "this allows nothing: it is not in the form of an allowance";
    for line in [
        "# rfw: alow(RFW501) why",
        "# rfw: allow RFW501",
        "# rfw: allow",
        "#rfw:ignore(RFW501)",
        "# RFW: Allow(RFW501)",
        "# rfw: allow-flie(RFW501)",
        "# rfw: allow(RFW501 why",
    ] {
        assert_eq!(told(&format!("{line}\n{LOG}")), [none], "{line}");
    }
    for comment in ["rfw:allow(RFW501)", "rfw: allow=RFW501", "rfw:allow RFW501"] {
        assert_eq!(told(&format!("{LOG} -m comment --comment \"{comment}\"")), [none], "{comment}");
    }
    // A comment that speaks of rfw is one.
    for line in
        ["# rfw: loaded by hand", "# see rfw: allow(RFW501)", "# rfw allow(RFW501)", "# rfwx: allow()"]
    {
        assert_eq!(told(&format!("{line}\n{LOG}")), [""; 0], "{line}");
    }
}

#[test]
fn an_allowance_with_nothing_below_is_said() {
    let alone = ["no rule follows for which `RFW501` could be allowed"];
    let told = |text: &str| {
        let source = Source::new("t.rules", SourceKind::File, text.as_bytes().to_vec());
        let found = lint(&source, Input::Save, Family::Ipv4, &Offline::new(&FewNames), &Options::default());
        let own =
            found.findings.iter().map(|f| &f.diagnostic).filter(|d| d.code == codes::UNUSED_SUPPRESSION);
        own.map(|d| d.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told("*security\n-A INPUT -i lo\n# rfw: allow(RFW501) x\nCOMMIT\n"), alone);
    assert_eq!(told("*security\n-A INPUT -i lo\n# rfw: allow(RFW501) x\n\n# x\n COMMIT \n"), alone);
    assert_eq!(told("*security\n-A INPUT -i lo\nCOMMIT\n# rfw: allow(RFW501) x\n"), alone);
    assert_eq!(
        told("*security\n# rfw: allow(RFW501) x\n-A INPUT -i lo\nCOMMIT\n"),
        ["nothing reports `RFW501` here, so there is nothing to allow"]
    );
}
