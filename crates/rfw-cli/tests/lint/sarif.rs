//! SARIF: valid by the schema of OASIS, and with what code scanning reads.

use std::process::Command;

use serde_json::{Value, json};

use crate::{DEAD_RULE, folder, rfw_in, skipped, stderr, write};

const RULES: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp –dport 22 -j ACCEPT\n\
                     # rfw: allow(RFW501) a test bench\n-A INPUT -p tcp -j LOG --log-prefix é\n\
                     -A INPUT -p udp -j ACCEPT\n-A INPUT -p udp -j ACCEPT\nCOMMIT\n";

/// A rule that another chain makes dead, and replies that the policy drops.
const STORY: &str = "*filter\n:INPUT DROP [0:0]\n:SSH - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -j SSH\n\
                     -A SSH -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 22 -s 192.0.2.1 -j DROP\nCOMMIT\n";

fn sarif(name: &str, arguments: &[&str]) -> Value {
    let folder = folder(name);
    write(&folder, "a b.rules", RULES);
    write(&folder, "dead.rules", DEAD_RULE);
    write(&folder, "story.rules", STORY);
    rfw_in(&folder, &["lint", "--write-baseline", "known.json", "dead.rules"], "");
    let mut words = vec!["lint", "--format", "sarif"];
    words.extend(arguments);
    let out = rfw_in(&folder, &words, "");
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", stderr(&out)))
}

/// The schema, which a package that the tests are built with brings along.
fn schema() -> Option<Value> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .ok()?;
    let about: Value = serde_json::from_slice(&out.stdout).ok()?;
    let package = about["packages"].as_array()?.iter().find(|p| p["name"] == "serde-sarif")?;
    let folder = std::path::Path::new(package["manifest_path"].as_str()?).parent()?;
    serde_json::from_slice(&std::fs::read(folder.join("src/schema.json")).ok()?).ok()
}

#[test]
fn it_is_valid() {
    let Some(schema) = schema() else {
        skipped("no schema of SARIF is here");
        return;
    };
    let id = "https://example.org/sarif.json";
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.enable_format_assertions();
    compiler.add_resource(id, schema).expect("a schema");
    let index = compiler.compile(id, &mut schemas).expect("a schema");
    let logs = [
        sarif("sarif-valid", &["a b.rules", "dead.rules", "--require-reason"]),
        sarif("sarif-empty", &["--select", "RFW607", "dead.rules"]),
        sarif("sarif-known", &["--baseline", "known.json", "."]),
        sarif("sarif-input", &["-"]),
        sarif("sarif-story", &["--select", "all", "story.rules"]),
    ];
    for log in logs {
        schemas.validate(&log, index).unwrap_or_else(|e| panic!("{e:#}\n{log:#}"));
        let typed: serde_sarif::sarif::Sarif = serde_json::from_value(log.clone()).expect("typed");
        assert_eq!(serde_json::to_value(typed).expect("a value")["version"], "2.1.0");
    }
    // The validator is one.
    assert!(schemas.validate(&json!({"version": "2.1.0", "runs": [{}]}), index).is_err());
}

#[test]
fn rules_have_all_that_code_scanning_shows() {
    let log = sarif("sarif-rules", &["dead.rules"]);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules").clone();
    let dead = rules.iter().find(|rule| rule["id"] == "RFW304").expect("a rule");
    assert_eq!(dead["name"], "rules-after-catch-all");
    assert_eq!(dead["defaultConfiguration"]["level"], "warning");
    assert!(dead["help"]["markdown"].as_str().is_some_and(|m| m.starts_with("# RFW304 ")));
    assert!(dead["helpUri"].as_str().is_some_and(|u| u.ends_with("/RFW304-rules-after-catch-all.md")));
    assert!(dead["shortDescription"]["text"].as_str().is_some_and(|t| t.ends_with('.')));
    assert!(rules.iter().all(|r| r["properties"]["security-severity"].as_str().is_some()));
}

#[test]
fn results_have_places_fixes_and_suppressions() {
    let log = sarif("sarif-results", &["a b.rules"]);
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("results");
    let of = |code: &str| {
        results.iter().find(|r| r["ruleId"] == code).unwrap_or_else(|| panic!("{code}: {log:#}"))
    };
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"]["rfwRule/v1"].as_str().map(str::len), Some(32));
    }
    let dash = of("RFW101");
    let place = &dash["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"], json!({"uri": "a%20b.rules", "uriBaseId": "SRCROOT"}));
    assert_eq!(place["region"], json!({"startLine": 3, "startColumn": 17, "endLine": 3, "endColumn": 18}));
    let replacement = &dash["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(replacement["insertedContent"]["text"], "--dport");
    assert_eq!(replacement["deletedRegion"]["endColumn"], 23);
    let twice = of("RFW305");
    assert_eq!(twice["level"], "warning");
    assert_eq!(twice["relatedLocations"][0]["physicalLocation"]["region"]["startLine"], 6);
    assert_eq!(twice["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "filter/INPUT/4");
    let allowed = of("RFW501");
    assert_eq!(allowed["suppressions"][0]["kind"], "inSource");
    assert_eq!(allowed["suppressions"][0]["justification"], "a test bench");
    // Columns are those of characters.
    assert_eq!(allowed["locations"][0]["physicalLocation"]["region"]["endColumn"], 38);
}

#[test]
fn known_findings_are_marked() {
    let log = sarif("sarif-baseline", &["--baseline", "known.json", "dead.rules", "a b.rules"]);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let known: Vec<_> = results.iter().filter(|r| r["baselineState"] == "unchanged").collect();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0]["ruleId"], "RFW304");
    assert_eq!(known[0]["suppressions"][0]["kind"], "external");
}

#[test]
fn findings_with_a_packet_tell_its_way() {
    let folder = folder("sarif-story");
    write(&folder, "a.rules", STORY);
    let out = rfw_in(&folder, &["lint", "--format", "sarif", "--select", "301,201", "a.rules"], "");
    let log: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let results = log["runs"][0]["results"].as_array().expect("results");
    let dead = results.iter().find(|r| r["ruleId"] == "RFW301").expect("a dead rule");
    assert_eq!(dead["relatedLocations"][0]["physicalLocation"]["region"]["startLine"], 5);
    let flow = &dead["codeFlows"][0];
    assert!(flow["message"]["text"].as_str().is_some_and(|t| t.starts_with("tcp 192.0.2.1:")), "{flow}");
    let stops = flow["threadFlows"][0]["locations"].as_array().expect("stops");
    let way: Vec<_> = stops
        .iter()
        .map(|stop| {
            let line = stop["location"]["physicalLocation"]["region"]["startLine"].as_u64().expect("a line");
            let name = &stop["location"]["logicalLocations"][0]["fullyQualifiedName"];
            (line, name.as_str().expect("a name"), stop["executionOrder"].as_u64().expect("a number"))
        })
        .collect();
    assert_eq!(way, [(2, "filter/INPUT", 1), (5, "filter/INPUT/2", 2), (6, "filter/SSH/1", 3)]);
    // A finding without a rule: the policy ends it.
    let lost = results.iter().find(|r| r["ruleId"] == "RFW201").expect("replies are lost");
    let stops = lost["codeFlows"][0]["threadFlows"][0]["locations"].as_array().expect("stops");
    let end = &stops.last().expect("a stop")["location"]["message"]["text"];
    assert_eq!(end, "no rule decides: dropped by the policy DROP");
    // The same for programs that read JSON.
    let out = rfw_in(&folder, &["lint", "--format", "json", "--select", "301", "a.rules"], "");
    let json: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(json[0]["example"]["packet"], flow["message"]["text"]);
    assert_eq!(json[0]["example"]["path"][2]["rule"], "filter/SSH/1");
    assert_eq!(
        (&json[0]["example"]["path"][2]["line"], &json[0]["example"]["path"][2]["text"]),
        (&json!(6), &json!("accepted"))
    );
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let folder = folder("sarif-stable");
    let prints = |text: &str| {
        write(&folder, "a.rules", text);
        let out = rfw_in(&folder, &["lint", "--format", "sarif", "--select", "304,305,501", "a.rules"], "");
        let log: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        let print = |r: &Value| (r["ruleId"].clone(), r["partialFingerprints"]["rfwRule/v1"].clone());
        results.iter().map(print).collect::<Vec<_>>()
    };
    let text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j LOG\n-A INPUT -p udp -j ACCEPT\n-A INPUT -p udp -j ACCEPT\nCOMMIT\n";
    let before = prints(text);
    assert_eq!(before.len(), 2, "{before:?}");
    // Counters, comments, blanks, the long form of options and a rule above change nothing.
    let moved = text.replace("*filter\n", "# by hand\n*filter\n\n").replace(
        "-A INPUT -p tcp",
        "[7:700] -A INPUT -i lo -j ACCEPT\n[1:60] --append INPUT  --protocol tcp",
    );
    assert_eq!(prints(&moved), before);
    assert_ne!(prints(&text.replace("udp", "sctp")), before);
}
