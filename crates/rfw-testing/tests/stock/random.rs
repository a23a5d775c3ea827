//! A restore file of rules put together at random; the same ones in every run.

use std::path::PathBuf;

use rfw_compiler::Rule;
use rfw_nft::Family;
use rfw_syntax::Mode;
use rfw_testing::fixture::{RuleFile, RuleLine, build_line};
use rfw_testing::pool::{CHAIN, Choice, Pool};

/// What stock prints and does not read.
const UNSAYABLE: [&str; 1] = ["80-90/0"];

/// Rules in a file.
const RULES: usize = 300;

/// George Marsaglia's xorshift64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap()
    }
}

/// Whether a match occurs twice: rfw may join two neighbours, and stock puts all of `-m tcp` into the first, so that of two
/// ports only the last remains.
fn repeats(rule: &Rule) -> bool {
    let names: Vec<_> = rule.matches.iter().map(rfw_extensions::Match::name).collect();
    (1..names.len()).any(|at| names[..at].contains(&names[at]))
}

/// The rules, sorted by table.
fn rules(pool: &Pool, seed: u64) -> Vec<(String, Vec<u8>)> {
    let mut numbers = Numbers(seed);
    let mut rules = Vec::new();
    while rules.len() < RULES {
        let choice = Choice {
            goal: numbers.next(),
            selectors: [numbers.next(), numbers.next()],
            matches: (0..numbers.next() % 5).map(|_| numbers.next()).collect(),
        };
        let Some((text, table)) = pool.assemble(&choice) else {
            // The fixtures that were asked for may all be of the other family.
            assert!(std::env::var_os("RFW_FIXTURES").is_some(), "no fixtures");
            break;
        };
        let built = build_line(&text, &pool.place(table));
        let unsayable = UNSAYABLE.iter().any(|part| text.windows(part.len()).any(|w| w == part.as_bytes()));
        if !unsayable && built.is_ok_and(|b| !b.rules.iter().any(repeats)) {
            rules.push((table.to_owned(), text));
        }
    }
    rules.sort_by(|a, b| a.0.cmp(&b.0));
    rules
}

/// Writes the file; it is removed by whoever uses it.
pub fn file(family: Family, seed: u64) -> RuleFile {
    let pool = Pool::new(family).unwrap();
    let rules = rules(&pool, seed);
    let mut file = RuleFile {
        name: format!("random/{}", family.nft_name()),
        path: PathBuf::new(),
        family,
        mode: Mode::Restore,
        ipset_commands: pool.ipset_commands.clone(),
        chains: Vec::new(),
        lines: Vec::new(),
    };
    let mut tables: Vec<&str> = rules.iter().map(|(table, _)| table.as_str()).collect();
    tables.dedup();
    let mut text = Vec::new();
    for table in tables {
        text.extend_from_slice(format!("*{table}\n").as_bytes());
        let spec = rfw_compiler::TableSpec::named(table.as_bytes()).unwrap();
        for chain in pool.chains_of(table).into_iter().chain([CHAIN]) {
            file.chains.push((table.to_owned(), chain.to_vec()));
            let policy = if spec.chain(chain).is_some() { "ACCEPT" } else { "-" };
            let line = format!(":{} {policy} [0:0]\n", String::from_utf8_lossy(chain));
            text.extend_from_slice(line.as_bytes());
        }
        for (_, rule) in rules.iter().filter(|(t, _)| t == table) {
            text.extend_from_slice(rule);
            text.push(b'\n');
            file.lines.push(RuleLine {
                number: file.lines.len() + 1,
                table: table.to_owned(),
                text: rule.clone(),
                differs: false,
            });
        }
        text.extend_from_slice(b"COMMIT\n");
    }
    file.path = std::env::temp_dir().join(format!("rfw-random-{}-{}", family.nft_name(), std::process::id()));
    std::fs::write(&file.path, text).unwrap();
    file
}
