//! `--write-baseline` and `--baseline`.

use crate::{DEAD_RULE, folder, rfw_in, stderr, stdout, write};

#[test]
fn only_new_findings_count() {
    let folder = folder("baseline");
    write(&folder, "a.rules", DEAD_RULE);
    let out = rfw_in(&folder, &["lint", "--write-baseline", ".rfw-baseline.json", "a.rules"], "");
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    let known = |arguments: &[&str]| {
        let mut words = vec!["lint", "--baseline", ".rfw-baseline.json"];
        words.extend(arguments);
        rfw_in(&folder, &words, "")
    };
    let out = known(&["a.rules"]);
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(stdout(&out), "a.rules: nothing found (1 more in the baseline)\n");
    // Lines above change nothing, nor does how the file is named.
    let above = DEAD_RULE
        .replace("-A FORWARD -j", "# more\n:NEW - [0:0]\n-A FORWARD -s 10.0.0.1 -j NEW\n-A FORWARD -j");
    write(&folder, "a.rules", &above);
    for name in ["a.rules", "./a.rules", folder.join("a.rules").to_str().expect("UTF-8")] {
        let out = known(&[name, "--select", "RFW304"]);
        assert_eq!(out.status.code(), Some(0), "{}", stdout(&out));
    }
    // Another finding is new, and so is one more of the same.
    write(&folder, "a.rules", &DEAD_RULE.replace("COMMIT", "-A INPUT -p tcp -j LOG\nCOMMIT"));
    let out = known(&["a.rules"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stdout(&out).contains("RFW501") && !stdout(&out).contains("RFW304"));
    write(&folder, "b.rules", DEAD_RULE);
    assert_eq!(known(&["b.rules"]).status.code(), Some(1));
    let json: serde_json::Value =
        serde_json::from_slice(&known(&["--format", "json", "a.rules"]).stdout).expect("JSON");
    let codes: Vec<_> = json.as_array().expect("an array").iter().map(|f| f["code"].clone()).collect();
    assert!(codes.contains(&"RFW501".into()) && !codes.contains(&"RFW304".into()), "{json}");
}

#[test]
fn a_file_that_is_none_is_refused() {
    let folder = folder("baseline-none");
    write(&folder, "a.rules", DEAD_RULE);
    for (text, words) in [
        ("", "no baseline"),
        ("{}", "version 1"),
        ("{\"version\": 2, \"findings\": []}", "version 1"),
        ("{\"version\": 1}", "no list"),
    ] {
        write(&folder, "known.json", text);
        let out = rfw_in(&folder, &["lint", "--baseline", "known.json", "a.rules"], "");
        assert_eq!(out.status.code(), Some(2), "{text}");
        assert!(stderr(&out).contains(words), "{text}: {}", stderr(&out));
    }
    assert_eq!(rfw_in(&folder, &["lint", "--baseline", "none.json", "a.rules"], "").status.code(), Some(2));
}

#[test]
fn a_ruleset_is_not_replaced_by_a_baseline() {
    let folder = folder("baseline-over");
    write(&folder, "a.rules", DEAD_RULE);
    for words in [&["--write-baseline", "a.rules"][..], &["--write-baseline", "a.rules", "--fix", "a.rules"]]
    {
        let words: Vec<&str> = ["lint"].iter().chain(words).copied().collect();
        let out = rfw_in(&folder, &words, DEAD_RULE);
        assert_eq!(out.status.code(), Some(2), "{words:?}");
        assert!(stderr(&out).contains("a.rules: this is no baseline"), "{}", stderr(&out));
        assert_eq!(std::fs::read_to_string(folder.join("a.rules")).expect("readable"), DEAD_RULE);
    }
    // An old one is, and so is an empty file.
    write(&folder, "known.json", "");
    for _ in 0..2 {
        let out = rfw_in(&folder, &["lint", "--write-baseline", "known.json", "a.rules"], "");
        assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    }
}
