//! One fixture file against the stock tools.

use std::collections::BTreeMap;

use rfw_compiler::{
    Body, ListOptions, Lowered, Stored, lift, list_heading, list_rule, lower, normal, print_stored,
};
use rfw_extensions::{Encoding, Printer};
use rfw_kernel::Live;
use rfw_nft::message::Rule as Dumped;
use rfw_nft::{Expr, Listing};
use rfw_testing::fixture::{RuleFile, RuleLine};
use rfw_testing::golden::hex;
use rfw_testing::names::SystemNames;
use rfw_testing::oracle::user_size;

use crate::netns::{make_sets, run, tool};
use crate::ruleset::{Key, Wanted, clear, dump, load, tables};

/// What came of all comparisons.
#[derive(Default)]
pub struct Report {
    /// Disagreements.
    pub complaints: Vec<String>,
    /// What could not be compared on this machine.
    pub skips: Vec<String>,
    /// Rules compared.
    pub rules: usize,
}

/// Compares one file in all its forms.
pub struct Case<'c> {
    file: &'c RuleFile,
    names: SystemNames,
    kernel: Live,
    wanted: Vec<Wanted>,
    report: &'c mut Report,
}

impl<'c> Case<'c> {
    /// Sets the namespace up for a file.
    pub fn new(file: &'c RuleFile, report: &'c mut Report) -> Self {
        let mut kernel = Live::open().unwrap();
        clear(&mut kernel);
        make_sets(file);
        Self { file, names: SystemNames::default(), kernel, wanted: Vec::new(), report }
    }

    /// All comparisons.
    pub fn compare(mut self) {
        let lines = self.load_by_stock();
        self.build(&lines);
        let saved = self.saved();
        let listing = debug_listing();
        let found = dump(&mut self.kernel, self.file);
        self.texts(&found, &saved);
        self.expressions(&found);
        self.our_compat(&saved, &listing);
        self.our_native();
        clear(&mut self.kernel);
        self.report.rules += self.wanted.len();
    }

    fn complain(&mut self, at: &str, what: impl std::fmt::Display) {
        self.report.complaints.push(format!("{}: {at}\n  {what}", self.file.name));
    }

    fn restore(&self, arguments: &[&str], text: &str) -> Result<(), String> {
        let program = format!("{}-restore", self.file.program());
        let out = run(&program, arguments, text.as_bytes());
        if out.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&out.stderr).into_owned())
    }

    /// Loads the file by stock iptables; gives the lines that the kernel took.
    fn load_by_stock(&mut self) -> Vec<RuleLine> {
        let text = std::fs::read_to_string(&self.file.path).unwrap();
        let Err(error) = self.restore(&[], &text) else { return self.file.lines.clone() };
        let chains: Vec<&str> = text.lines().filter(|l| !l.starts_with("-A")).collect();
        if let Err(again) = self.restore(&[], &(chains.join("\n") + "\n")) {
            self.complain("stock refuses the file", format!("{error}{again}"));
            return Vec::new();
        }
        let mut taken = Vec::new();
        for line in &self.file.lines {
            let shown = String::from_utf8_lossy(&line.text).into_owned();
            let text = format!("*{}\n{shown}\nCOMMIT\n", line.table);
            match self.restore(&["--noflush"], &text) {
                Ok(()) => taken.push(line.clone()),
                // What the kernel does not have here; of a pinned program iptables finds that out itself.
                Err(error)
                    if error.contains("RULE_APPEND failed") || error.contains("failed to get bpf object") =>
                {
                    let error = error.lines().next().unwrap_or_default();
                    self.report.skips.push(format!("{}: {shown}: {error}", self.file.name));
                }
                Err(error) => self.complain(&shown, format!("stock refuses it: {error}")),
            }
        }
        taken
    }

    fn build(&mut self, lines: &[RuleLine]) {
        for line in lines {
            let text = String::from_utf8_lossy(&line.text).into_owned();
            match self.file.build(line, &self.names) {
                Ok(built) => self.wanted.extend(built.rules.into_iter().map(|rule| Wanted {
                    key: (line.table.clone(), built.chain.clone()),
                    line: line.number,
                    text: text.clone(),
                    differs: line.differs,
                    counters: built.counters.unwrap_or_default(),
                    rule,
                })),
                Err(diagnostic) => self.complain(&text, format!("rfw refuses it: {}", diagnostic.message)),
            }
        }
    }

    /// The `-A` lines of iptables-save, chain by chain.
    fn saved(&self) -> BTreeMap<Key, Vec<String>> {
        let out = run(&format!("{}-save", self.file.program()), &[], b"");
        let mut saved: BTreeMap<Key, Vec<String>> = BTreeMap::new();
        let mut table = String::new();
        for line in String::from_utf8_lossy(&out.stdout).lines() {
            if let Some(name) = line.strip_prefix('*') {
                name.clone_into(&mut table);
            } else if let Some(rule) = line.strip_prefix("-A ") {
                let chain = rule.split(' ').next().unwrap_or_default();
                saved.entry((table.clone(), chain.into())).or_default().push(line.to_owned());
            }
        }
        saved
    }

    fn wanted_in(&self, key: &Key) -> Vec<&Wanted> {
        self.wanted.iter().filter(|w| w.key == *key).collect()
    }

    fn lifted(&self, dumped: &Dumped) -> Stored {
        let (body, counters) = lift(&dumped.exprs, &dumped.userdata, self.file.family, &self.names);
        Stored { body, counters, handle: dumped.handle, userdata: dumped.userdata.clone() }
    }

    fn text(&self, numeric: bool, write: impl FnOnce(&mut Printer<'_>)) -> String {
        let mut text = Vec::new();
        let family = self.file.family;
        write(&mut Printer { numeric, ..Printer::new(&mut text, family, &self.names) });
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Which rules of a chain stock prints otherwise.
    fn exempt(&self, key: &Key) -> Vec<bool> {
        self.wanted_in(key).iter().map(|w| w.differs).collect()
    }

    /// What was lifted prints as stock prints it: save, `-S -v`, and the forms of `-L`.
    fn texts(&mut self, found: &BTreeMap<Key, Vec<Dumped>>, saved: &BTreeMap<Key, Vec<String>>) {
        let long = ListOptions { verbose: true, numeric: true, exact: true, line_numbers: true };
        let short = ListOptions { verbose: true, ..ListOptions::default() };
        let forms: [(&[&str], ListOptions); 3] =
            [(&["-n", "-v", "-x", "--line-numbers"], long), (&["-v"], short), (&[], ListOptions::default())];
        for (key, rules) in found {
            let stored: Vec<Stored> = rules.iter().map(|r| self.lifted(r)).collect();
            let ours: Vec<String> =
                stored.iter().map(|s| self.text(true, |out| print_stored(&key.1, s, None, out))).collect();
            let exempt = self.exempt(key);
            self.same_lines("save", key, &exempt, &ours, saved.get(key).map_or(&[], Vec::as_slice));
            let counted: Vec<String> = stored
                .iter()
                .map(|s| self.text(true, |out| print_stored(&key.1, s, Some(s.counters), out)))
                .collect();
            self.same_lines("-S -v", key, &exempt, &counted, &self.stock_rules(key));
            for (arguments, options) in forms {
                let ours: Vec<String> = stored
                    .iter()
                    .enumerate()
                    .map(|(at, s)| self.text(options.numeric, |out| list_rule(s, at + 1, options, out)))
                    .map(|row| row.trim_end_matches('\n').to_owned())
                    .collect();
                let stock = self.stock_rows(key, arguments, options);
                self.same_lines(&format!("list {}", arguments.join(" ")), key, &exempt, &ours, &stock);
            }
        }
    }

    /// The `-A` lines of `-S -v`.
    fn stock_rules(&self, key: &Key) -> Vec<String> {
        let chain = String::from_utf8_lossy(&key.1);
        let text = tool(self.file.program(), &["-t", &key.0, "-S", &chain, "-v"]);
        text.lines().filter(|l| l.starts_with("-A ")).map(str::to_owned).collect()
    }

    fn stock_rows(&mut self, key: &Key, arguments: &[&str], options: ListOptions) -> Vec<String> {
        let chain = String::from_utf8_lossy(&key.1).into_owned();
        let mut words = vec!["-t", key.0.as_str(), "-L", chain.as_str()];
        words.extend(arguments);
        let text = tool(self.file.program(), &words);
        let mut lines = text.lines().skip(1);
        let heading = lines.next().map(|l| format!("{l}\n")).unwrap_or_default();
        if heading != list_heading(options) {
            self.complain(
                &words.join(" "),
                format!("ours  {:?}\n  stock {heading:?}", list_heading(options)),
            );
        }
        lines.map(str::to_owned).collect()
    }

    fn same_lines(&mut self, what: &str, key: &Key, exempt: &[bool], ours: &[String], stock: &[String]) {
        let at = format!("{what} of {} {}", key.0, String::from_utf8_lossy(&key.1));
        if ours.len() != stock.len() {
            self.complain(&at, format!("{} lines, stock has {}", ours.len(), stock.len()));
        }
        for (index, (ours, stock)) in ours.iter().zip(stock).enumerate() {
            if ours != stock && exempt.get(index) != Some(&true) {
                self.complain(&at, format!("ours  `{ours}`\n  stock `{stock}`"));
            }
        }
    }

    /// Our compat expressions are those that stock put into the kernel.
    fn expressions(&mut self, found: &BTreeMap<Key, Vec<Dumped>>) {
        let mut complaints = Vec::new();
        for (key, rules) in found {
            let wanted = self.wanted_in(key);
            if wanted.len() != rules.len() {
                complaints.push((
                    format!("{} {}", key.0, String::from_utf8_lossy(&key.1)),
                    format!("{} rules, the kernel has {}", wanted.len(), rules.len()),
                ));
            }
            for (wanted, dumped) in wanted.iter().zip(rules) {
                let ours = lower(&wanted.rule, Encoding::Compat, self.file.family, wanted.counters);
                if let Some(difference) = difference(&ours.exprs, &dumped.exprs) {
                    complaints.push((wanted.text.clone(), difference));
                }
                let usual = normal(&wanted.rule, self.file.family, &self.names);
                let lifted = self.lifted(dumped).body;
                if lifted != Body::Rule(usual.clone()) {
                    complaints
                        .push((wanted.text.clone(), format!("lifts to {lifted:?}\n  not to   {usual:?}")));
                }
            }
        }
        for (at, what) in complaints {
            self.complain(&at, what);
        }
    }

    fn lowered(&self, encoding: Encoding) -> Vec<Lowered> {
        self.wanted.iter().map(|w| lower(&w.rule, encoding, self.file.family, w.counters)).collect()
    }

    /// Loads our expressions; drops, with a complaint or a note, what the kernel refuses.
    fn load_ours(&mut self, encoding: Encoding) -> Vec<usize> {
        clear(&mut self.kernel);
        let lowered = self.lowered(encoding);
        let mut kept: Vec<usize> = (0..self.wanted.len()).collect();
        loop {
            let rules: Vec<_> = kept.iter().map(|&at| (&self.wanted[at].key, &lowered[at])).collect();
            let Err((at, errno)) = load(&mut self.kernel, self.file, &rules) else { return kept };
            let at = kept.remove(at);
            let shown = Listing(&lowered[at].exprs).to_string();
            let text = self.wanted[at].text.clone();
            // ENOENT and EOPNOTSUPP: a module that this kernel does not have.
            if encoding == Encoding::Native && matches!(errno, 2 | 95) {
                self.report.skips.push(format!("{}: {text}: native: error {errno}", self.file.name));
            } else {
                self.complain(&text, format!("{encoding:?}: the kernel refuses it, error {errno}\n{shown}"));
            }
        }
    }

    /// Stock cannot tell our compat rules from its own: it prints, shows and deletes them.
    fn our_compat(&mut self, saved: &BTreeMap<Key, Vec<String>>, listing: &BTreeMap<String, Vec<String>>) {
        let kept = self.load_ours(Encoding::Compat);
        if kept.len() != self.wanted.len() {
            return;
        }
        let ours = self.saved();
        for key in saved.keys().chain(ours.keys()).collect::<std::collections::BTreeSet<_>>() {
            let none = Vec::new();
            let (a, b) = (ours.get(key).unwrap_or(&none).clone(), saved.get(key).unwrap_or(&none).clone());
            self.same_lines("stock's save of our rules,", key, &[], &a, &b);
        }
        let shown = debug_listing();
        for chain in listing.keys().chain(shown.keys()).collect::<std::collections::BTreeSet<_>>() {
            let (ours, stock) = (shown.get(chain), listing.get(chain));
            if ours != stock {
                let (ours, stock) = (ours.into_iter().flatten(), stock.into_iter().flatten());
                let pair = ours.zip(stock).find(|(a, b)| a != b);
                self.complain(&format!("nft --debug=netlink of {chain}"), format!("ours, stock: {pair:?}"));
            }
        }
        self.stock_deletes();
    }

    /// What rfw prints for a rule.
    fn usual_text(&self, wanted: &Wanted) -> String {
        let usual = normal(&wanted.rule, self.file.family, &self.names);
        let body = Body::Rule(usual);
        let stored = Stored { body, counters: (0, 0), handle: 0, userdata: Vec::new() };
        self.text(true, |out| print_stored(&wanted.key.1, &stored, None, out))
    }

    fn stock_deletes(&mut self) {
        let mut lines: Vec<(usize, &str, String)> = Vec::new();
        for wanted in &self.wanted {
            let text = if wanted.differs { self.usual_text(wanted) } else { wanted.text.clone() };
            lines.push((wanted.line, wanted.key.0.as_str(), text));
        }
        lines.dedup();
        let mut text = String::new();
        for table in tables(self.file) {
            text.push_str(&format!("*{table}\n"));
            for (_, _, line) in lines.iter().filter(|(_, t, _)| *t == table) {
                text.push_str(&format!("{}\n", deletion(line)));
            }
            text.push_str("COMMIT\n");
        }
        if let Err(error) = self.restore(&["--noflush"], &text) {
            let each: Vec<String> = lines
                .iter()
                .filter_map(|(_, table, line)| {
                    let text = format!("*{table}\n{}\nCOMMIT\n", deletion(line));
                    self.restore(&["--noflush"], &text).err().map(|e| format!("{line}: {}", e.trim_end()))
                })
                .collect();
            self.complain("stock's -D does not find our rules", format!("{error}{}", each.join("\n  ")));
            return;
        }
        let left = self.saved();
        if !left.is_empty() {
            self.complain("stock's -D leaves our rules", format!("{left:?}"));
        }
    }

    /// Native rules load, and come back as the same rules.
    fn our_native(&mut self) {
        let kept = self.load_ours(Encoding::Native);
        let found = dump(&mut self.kernel, self.file);
        let mut at: BTreeMap<Key, usize> = BTreeMap::new();
        let mut complaints = Vec::new();
        for wanted in kept.iter().map(|&at| &self.wanted[at]) {
            let next = at.entry(wanted.key.clone()).or_default();
            let dumped = found.get(&wanted.key).and_then(|rules| rules.get(*next));
            *next += 1;
            let Some(dumped) = dumped else {
                complaints.push((wanted.text.clone(), "native: not in the dump".to_owned()));
                continue;
            };
            let usual = normal(&wanted.rule, self.file.family, &self.names);
            match self.lifted(dumped).body {
                Body::Rule(rule) if rule == usual => {}
                other => complaints.push((
                    wanted.text.clone(),
                    format!("native: lifts to {other:?}\n  not to {usual:?}\n{}", Listing(&dumped.exprs)),
                )),
            }
        }
        for (at, what) in complaints {
            self.complain(&at, what);
        }
    }
}

/// `-D` for an `-A` line; it takes no counters.
fn deletion(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if let Some(at) = words.iter().position(|w| *w == "-c") {
        let values = if words[at + 1].contains(',') { 1 } else { 2 };
        words.drain(at..=at + values);
    }
    words.join(" ").replacen("-A", "-D", 1)
}

/// The expressions as `nft --debug=netlink` shows them, by family, table and chain.
fn debug_listing() -> BTreeMap<String, Vec<String>> {
    let text = tool("nft", &["--debug=netlink", "list", "ruleset"]);
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut chain = String::new();
    for line in text.lines() {
        if line.starts_with("  [ ") {
            shown.entry(chain.clone()).or_default().push(line.to_owned());
        } else if !line.starts_with(['\t', '}']) && !line.is_empty() {
            // `ip filter INPUT 4 3`: the handles behind it differ.
            chain = line.split(' ').take(3).collect::<Vec<_>>().join(" ");
        }
    }
    shown
}

fn difference(ours: &[Expr], theirs: &[Expr]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("ours\n{}kernel\n{}", Listing(ours), Listing(theirs)));
    }
    ours.iter().zip(theirs).find_map(|(a, b)| pair_difference(a, b))
}

fn pair_difference(ours: &Expr, theirs: &Expr) -> Option<String> {
    let shown = |e: &Expr| Listing(std::slice::from_ref(e)).to_string();
    let (a, b) = (shown(ours), shown(theirs));
    if a != b {
        return Some(format!("ours   {a}  kernel {b}"));
    }
    match (ours, theirs) {
        (Expr::Match { name, info: a, .. }, Expr::Match { info: b, .. })
        | (Expr::Target { name, info: a, .. }, Expr::Target { info: b, .. }) => {
            let size = user_size(name, matches!(ours, Expr::Target { .. }), a.len());
            let same = a.len() == b.len() && a[..size] == b[..size];
            let name = String::from_utf8_lossy(name);
            (!same).then(|| format!("{name}: ours   {}\n  {name}: kernel {}", hex(a), hex(b)))
        }
        (Expr::Cmp { data: a, .. }, Expr::Cmp { data: b, .. }) => {
            (a != b).then(|| format!("cmp: ours {}, kernel {}", hex(a), hex(b)))
        }
        _ => None,
    }
}
