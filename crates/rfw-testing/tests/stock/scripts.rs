//! Shell scripts: what the linter's reader makes of them is what stock iptables leaves when a shell runs them.

use std::fs;
use std::path::Path;
use std::process::Command;

use rfw_compiler::{Body, print_rule};
use rfw_diagnostics::{Source, SourceKind};
use rfw_extensions::Printer;
use rfw_lint::{Facts, Input, Model, Offline, Policy, read};
use rfw_nft::Family;
use rfw_testing::names::{FixedNames, fixtures_dir};

/// Scripts that are followed to the end; the others say what they do not follow, or are refused by iptables.
const RUN: &[&str] =
    &["router.sh", "posix.sh", "init.sh", "seed-001-script.sh", "seed-001-steps.sh", "seed-002-inserts.sh"];

/// All of them.
pub fn compare() -> usize {
    for name in RUN {
        let path = fixtures_dir().join("lint/scripts").join(name);
        let text = fs::read(&path).unwrap();
        let saved = run(&path);
        for (family, saved) in [Family::Ipv4, Family::Ipv6].into_iter().zip(saved) {
            let followed = listing(name, &text, Input::Script, family);
            let left = listing("saved", &saved, Input::Save, family);
            assert!(followed == left, "{name} {family:?}\nfollowed:\n{followed}\nleft:\n{left}");
            assert!(!left.is_empty() || family == Family::Ipv6, "{name} leaves nothing");
        }
    }
    RUN.len()
}

/// What both saves print after a script in a network namespace of its own. `sudo` and whatever reaches beyond the namespace
/// are left out.
fn run(path: &Path) -> [Vec<u8>; 2] {
    const AROUND: &str = r#"
sudo() { "$@"; }
modprobe() { :; }
sysctl() { :; }
tee() { cat >/dev/null; }
which() { command -v "$1"; }
set -- start
(. "$SCRIPT") >"$OUT" 2>&1
status=$?
case "$FAMILY" in
    4) iptables-save ;;
    6) ip6tables-save ;;
esac
exit $status
"#;
    [("4", Family::Ipv4), ("6", Family::Ipv6)].map(|(number, _)| {
        let out = std::env::temp_dir().join(format!("rfw-script-{}-{number}", std::process::id()));
        let shown = Command::new("unshare")
            .args(["-n", "bash", "-c", AROUND])
            .env("SCRIPT", path)
            .env("OUT", &out)
            .env("FAMILY", number)
            .env_remove("TMPDIR")
            .output()
            .unwrap();
        let said = fs::read_to_string(&out).unwrap_or_default();
        let _ = fs::remove_file(&out);
        let refused = said.lines().any(|line| line.contains("Bad argument") || line.contains("syntax error"));
        assert!(!refused, "{}: {said}", path.display());
        shown.stdout
    })
}

/// A ruleset in one form: chains by name, rules as rfw prints them.
fn listing(name: &str, text: &[u8], input: Input, family: Family) -> String {
    let source = Source::new(name, SourceKind::File, text.to_vec());
    let names = FixedNames::new(&[]);
    let offline = Offline::new(&names);
    let model = read(&source, input, family, &offline, &Facts::default());
    let mut chains = Vec::new();
    for table in &model.tables {
        for chain in &table.chains {
            let policy = match chain.policy {
                Some(Policy::Accept) if chain.rules.is_empty() => continue,
                Some(policy) => format!("{policy:?}"),
                None => "-".to_owned(),
            };
            let rules: Vec<String> =
                chain.rules.iter().map(|r| printed(r.body.as_ref(), &model, &offline)).collect();
            let chain_name = String::from_utf8_lossy(&chain.name);
            chains.push(format!("{} {chain_name} {policy}\n  {}\n", table.name, rules.join("\n  ")));
        }
    }
    chains.sort();
    chains.concat()
}

fn printed(body: Option<&Body>, model: &Model, names: &Offline<'_>) -> String {
    let Some(Body::Rule(rule)) = body else { return "not known".to_owned() };
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, model.family, names);
    print_rule(rule, None, &mut printer);
    String::from_utf8_lossy(&out).into_owned()
}
