//! Command scripts, once with the host's iptables and once with rfw under its name: status, output, errors and the ruleset
//! they leave must be the same.
//!
//! A script is a file of `fixtures/commands` or `fixtures/seeds`:
//!
//! - a line is the arguments of `iptables`, or of `ip6tables` in a file `*.v6.args`;
//! - `$ PROGRAM ARGUMENTS` runs that program: one of iptables' own by name, anything else (`nft`, `ipset`) the same on both
//!   sides; `<<END` at its end takes the following lines up to `END` as its input;
//! - `---` begins anew with empty namespaces;
//! - `===` does the same, and from there on each line finds an empty ruleset, but for what the lines after `===` make that begin
//!   with `+ `;
//! - `{TEXT*NUMBER}` is TEXT so many times, and `␀` in an input a byte that is zero;
//! - `# …` is a comment;
//! - `#! ID ASPECT…` before a command says that it differs on purpose in exactly these aspects (`status`, `stdout`,
//!   `stderr`, `state`), for the reason that docs/compatibility.md gives under ID;
//! - `#= TEXT` before a command is a line that rfw's output or errors must hold.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;

use crate::support::{World, links, possible, shell_words};

#[derive(Debug, Default)]
struct Step {
    number: usize,
    line: String,
    program: String,
    words: Vec<String>,
    input: String,
    /// ID and aspects.
    differs: Option<(String, Vec<String>)>,
    holds: Vec<String>,
    /// Begins in new namespaces.
    fresh: bool,
    /// Which of the script's beginnings makes the ruleset that the step is for, if no earlier step does.
    before: Option<usize>,
}

/// A script: its steps, and the steps behind each `===` that come before each one of the others.
#[derive(Default)]
struct Script {
    steps: Vec<Step>,
    beginnings: Vec<Vec<Step>>,
}

fn read(path: &Path) -> Script {
    let text = std::fs::read_to_string(path).expect("a script");
    let v6 = path.to_string_lossy().ends_with(".v6.args");
    let mut script = Script::default();
    let mut next = Step::default();
    let mut lines = text.lines().enumerate();
    let mut before = None;
    while let Some((index, line)) = lines.next() {
        if let Some(rest) = line.strip_prefix("#! ") {
            let mut words = rest.split_whitespace().map(str::to_owned);
            let id = words.next().expect("an ID");
            next.differs = Some((id, words.collect()));
            continue;
        }
        if let Some(rest) = line.strip_prefix("#= ") {
            next.holds.push(rest.to_owned());
            continue;
        }
        if line == "---" || line == "===" {
            next.fresh = true;
            before = (line == "===").then_some(script.beginnings.len());
            if before.is_some() {
                script.beginnings.push(Vec::new());
            }
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (made, line) = match line.strip_prefix("+ ") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let mut words = shell_words(&repeated(line));
        next.program = if words.first().is_some_and(|w| w == "$") {
            words.remove(0);
            words.remove(0)
        } else {
            if v6 { "ip6tables" } else { "iptables" }.to_owned()
        };
        if let Some(end) = words.last().and_then(|w| w.strip_prefix("<<").map(str::to_owned)) {
            words.pop();
            for (_, line) in lines.by_ref().take_while(|(_, line)| *line != end) {
                next.input.push_str(&repeated(line).replace('\u{2400}', "\0"));
                next.input.push('\n');
            }
            // `<<END-` leaves the last newline away.
            if end.ends_with('-') {
                next.input.pop();
            }
        }
        next.number = index + 1;
        next.line = line.to_owned();
        next.words = words;
        next.before = before;
        let fresh = made && next.fresh;
        let step = std::mem::take(&mut next);
        next.fresh = fresh;
        match script.beginnings.last_mut() {
            Some(beginning) if made => beginning.push(step),
            _ => script.steps.push(step),
        }
    }
    script
}

/// `{TEXT*NUMBER}` written out.
fn repeated(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((head, tail)) = rest.split_once('{') {
        let times = tail.split_once('}').and_then(|(inside, tail)| {
            let (text, number) = inside.rsplit_once('*')?;
            Some((text.repeat(number.parse().ok()?), tail))
        });
        out.push_str(head);
        match times {
            Some((text, tail)) => {
                out.push_str(&text);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = tail;
            }
        }
    }
    out + rest
}

/// What varies without meaning: dates, handles.
fn settled(text: &[u8]) -> String {
    let mut out = String::new();
    for line in String::from_utf8_lossy(text).split_inclusive('\n') {
        let dated = ["# Generated by", "# Completed on"].iter().any(|d| line.starts_with(d));
        match line.find(" on ").filter(|_| dated) {
            Some(at) => {
                out.push_str(&line[..at]);
                out.push_str(" on DATE\n");
            }
            None => out.push_str(line),
        }
    }
    out
}

fn state(world: &World) -> String {
    let listing = world.tool("nft --debug=netlink list ruleset");
    let mut out = String::new();
    for line in listing.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        // `ip filter INPUT 12 11`: handles depend on what else was made meanwhile.
        let head = matches!(words.as_slice(), ["ip" | "ip6", _, _, handles @ ..]
            if !handles.is_empty() && handles.iter().all(|h| h.bytes().all(|b| b.is_ascii_digit())));
        let _ = writeln!(out, "{}", if head { words[..3].join(" ") } else { line.to_owned() });
    }
    // nft shows no counters of policies.
    for program in ["iptables-save", "ip6tables-save"] {
        let save = settled(&world.run(program, &["-c"], "", &[]).stdout);
        out.extend(save.lines().filter(|l| l.starts_with([':', '*'])).flat_map(|l| [l, "\n"]));
    }
    out
}

struct Sides {
    stock: World,
    ours: World,
    links: PathBuf,
}

impl Sides {
    /// An empty ruleset on both sides, but for what some steps make.
    fn begin_again(&self, steps: &[Step]) {
        self.stock.tool("nft flush ruleset");
        self.ours.tool("nft flush ruleset");
        for step in steps {
            let (stock, ours) = self.run(step);
            assert!(stock.status.success() && ours.status.success(), "{}", step.line);
        }
    }

    fn run(&self, step: &Step) -> (Output, Output) {
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        let stock = self.stock.run(&step.program, &words, &step.input, &[]);
        let personality = crate::support::NAMES.contains(&step.program.as_str());
        let program = if personality { self.links.join(&step.program) } else { step.program.clone().into() };
        let ours = self.ours.run(program, &words, &step.input, &[("RFW_ENCODING", "compat")]);
        (stock, ours)
    }
}

/// Compares one step; gives the aspects that differ, with a description, and the state of iptables' side.
fn compare(sides: &Sides, step: &Step, differed: bool) -> (Vec<&'static str>, String, String) {
    let (stock, ours) = sides.run(step);
    let mut aspects = Vec::new();
    let mut report = String::new();
    if stock.status.code() != ours.status.code() {
        aspects.push("status");
        let _ = writeln!(report, "  status: stock {:?}, rfw {:?}", stock.status.code(), ours.status.code());
    }
    let (left, right) = (settled(&stock.stdout), settled(&ours.stdout));
    if left != right {
        aspects.push("stdout");
        let _ = writeln!(report, "  stdout:\n{}", unlike(&left, &right));
    }
    let (left, right) = (settled(&stock.stderr), settled(&ours.stderr));
    let same = if left.is_empty() { right.is_empty() } else { right.starts_with(&left) };
    if !same {
        aspects.push("stderr");
        let _ = writeln!(report, "  stderr:\n{}", unlike(&left, &right));
    }
    let (left, right) = (state(&sides.stock), state(&sides.ours));
    if left != right {
        aspects.push("state");
        if !differed {
            let _ = writeln!(report, "  state:\n{}", unlike(&left, &right));
        }
    }
    let after = left;
    let said = settled(&ours.stdout) + &settled(&ours.stderr);
    for text in &step.holds {
        if !said.lines().any(|line| line == text) {
            aspects.push("text");
            let _ = writeln!(report, "  rfw does not say: {text}\n{said}");
        }
    }
    (aspects, report, after)
}

/// The lines from the first difference on.
fn unlike(left: &str, right: &str) -> String {
    let (a, b): (Vec<_>, Vec<_>) = (left.split('\n').collect(), right.split('\n').collect());
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let show = |lines: &[&str], sign: char| -> String {
        lines.iter().skip(same).take(8).map(|l| format!("    {sign} {}\n", l.escape_debug())).collect()
    };
    format!("    (after {same} same lines)\n{}{}", show(&a, '-'), show(&b, '+'))
}

fn run_script(path: &Path, links: &Path, reasons: &str) -> String {
    let new = || Sides { stock: World::new(), ours: World::new(), links: links.to_owned() };
    let mut sides = new();
    let mut report = String::new();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut state_known = false;
    // Where something was meant to differ, or somebody else's rules are, the listings are compared line by line only.
    let mut plain = !name.starts_with("foreign");
    let script = read(path);
    // What the last `===` made, and whether the step before has left it as it was.
    let (mut begun, mut unchanged) = (String::new(), false);
    for step in &script.steps {
        if step.fresh {
            if plain {
                compare_saves(&sides, &name, step.number, &mut report);
            }
            sides = new();
            unchanged = false;
            (state_known, plain) = (false, !name.starts_with("foreign"));
        }
        if let Some(beginning) = step.before.and_then(|index| script.beginnings.get(index)) {
            if !unchanged {
                sides.begin_again(beginning);
            }
            if step.fresh {
                begun = state(&sides.stock);
            }
            (state_known, plain) = (false, false);
        }
        let (mut aspects, text, after) = compare(&sides, step, state_known);
        unchanged = after == begun && !aspects.contains(&"state");
        // Once the states differ, for a reason told or reported, they stay so.
        let differed = state_known;
        state_known = aspects.contains(&"state");
        if differed {
            aspects.retain(|a| *a != "state");
        }
        let (mut expected, mut id) = (Vec::new(), String::new());
        if let Some((reason, list)) = &step.differs {
            assert!(
                reasons.contains(&format!("`{reason}`")),
                "{name}: {reason} is not in docs/compatibility.md"
            );
            expected = list.iter().map(String::as_str).collect();
            id = format!(" ({reason})");
            plain = false;
        }
        if aspects != expected {
            let _ = writeln!(report, "{name}:{}: {}", step.number, step.line);
            let _ = writeln!(report, "  differs in {aspects:?}, expected {expected:?}{id}\n{text}");
        }
    }
    if plain {
        compare_saves(&sides, &name, 0, &mut report);
    }
    report
}

/// What stock and rfw save of rfw's own namespace.
fn compare_saves(sides: &Sides, name: &str, number: usize, report: &mut String) {
    for program in ["iptables-save", "ip6tables-save"] {
        let stock = sides.ours.run(program, &["-c"], "", &[]);
        let ours = sides.ours.run(sides.links.join(program), &["-c"], "", &[]);
        if settled(&stock.stdout) != settled(&ours.stdout) {
            let text = unlike(&settled(&stock.stdout), &settled(&ours.stdout));
            let _ = writeln!(
                report,
                "{name}:{number}: {program} of rfw's own namespace before this line:\n{text}"
            );
        }
    }
}

#[test]
fn scripts_do_the_same() {
    if !possible(&["iptables", "nft", "nsenter"]) {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let reasons = std::fs::read_to_string(root.join("docs/compatibility.md")).expect("the reasons");
    let wanted = std::env::var("RFW_SCRIPT").unwrap_or_default();
    let mut scripts: Vec<PathBuf> = ["commands", "seeds"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join("fixtures").join(folder)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "args"))
        .filter(|path| path.to_string_lossy().contains(&wanted))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let links = links("drop-in");
    let reports = Mutex::new(Vec::new());
    let queue = Mutex::new(scripts.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(path) = queue.lock().expect("no panic").next() else { break };
                    let report = run_script(&path, &links, &reasons);
                    reports.lock().expect("no panic").push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().expect("no panic");
    reports.sort();
    let text = reports.concat();
    assert!(text.is_empty(), "\n{text}");
}

/// Extensions are no files here: what names their folder means nothing (`extension-folder`).
#[test]
fn the_folder_of_extensions_means_nothing() {
    if !possible(&["iptables", "nsenter"]) {
        return;
    }
    let (stock, ours, links) = (World::new(), World::new(), links("extension-folder"));
    let words = ["-A", "INPUT", "-p", "tcp", "--dport", "22"];
    for name in ["XTABLES_LIBDIR", "IPTABLES_LIB_DIR", "IP6TABLES_LIB_DIR"] {
        let there = stock.run("iptables", &words, "", &[(name, "/nonexistent")]);
        assert_eq!(there.status.code(), Some(2), "{name}: {there:?}");
        let here = ours.run(links.join("iptables"), &words, "", &[(name, "/nonexistent")]);
        assert!(here.status.success() && here.stderr.is_empty(), "{name}: {here:?}");
    }
}
