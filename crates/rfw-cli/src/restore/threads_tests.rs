//! Several threads make what one makes.

use rfw_diagnostics::{Source, SourceKind};
use rfw_kernel::{Fake, Kernel, TableId};
use rfw_nft::Family;

use super::*;

/// What comes of a file: the batch, what its messages were for, or the mistakes; and how many pieces the batch was in.
fn outcome(text: &str, options: &Options, kernel: &mut Fake, threads: usize) -> (String, Vec<u8>, usize) {
    let personality = Personality::from_path(b"iptables-restore");
    let source = Source::new("rules", SourceKind::File, text.as_bytes().to_vec());
    let names = SystemNames::default();
    let settings = Settings { encoding: Some(rfw_extensions::Encoding::Compat), no_xt: false };
    let history = needs_history(&source.text);
    let (mut told, mut bytes, mut pieces) = (String::new(), Vec::new(), 0);
    let mut from = 0;
    loop {
        let transaction = Transaction::begin_file(kernel, &names, Family::Ipv4, settings, history, 0)
            .expect("a generation");
        let mut file = File::new(&personality, options, &source, &names, transaction);
        file.threads = threads::Limits { most: Some(threads), worth: 1024 };
        let end = file.read(from);
        let next = file.next;
        told += &format!("{:?}{:?}{:?}{next:?}", file.said, file.transaction.ops, file.found);
        bytes.extend(file.transaction.batch.to_bytes());
        pieces += file.transaction.batch.pieces().count();
        match end {
            Ok(()) => file.transaction.commit().expect("a batch that the fake kernel takes"),
            Err(Halt::Diagnostics(found)) => told += &format!("{found:?}"),
            Err(other) => panic!("{other:?}"),
        }
        match next {
            Some(next) => from = next,
            None => return (told, bytes, pieces),
        }
    }
}

fn rules(count: usize, chain: &str) -> Vec<String> {
    let rule = |n: usize| match n % 7 {
        0 => {
            format!("-A {chain} -s 10.0.{}.{}/32 -p tcp -m tcp --dport {} -j ACCEPT", n / 256, n % 256, n + 1)
        }
        1 => format!("-A {chain} -m comment --comment \"rule {n}\" -j svc"),
        2 => format!("[{n}:{}] -A svc -m mark --mark 0x{n:x} -j RETURN", n * 60),
        3 => format!("-A {chain} -s 10.0.0.1,10.0.0.2 -d 10.1.0.1,10.1.0.{} -j DROP", n % 256),
        4 => format!("-A {chain} -p udp -m multiport --dports 53,{n} -j LOG --log-prefix \"{n} \""),
        5 => format!("-A svc -i eth{n} -g other"),
        _ => format!("-A {chain} -p tcp -m conntrack --ctstate NEW -m tcp --syn -m limit --limit {n}/min"),
    };
    (1..=count).map(rule).collect()
}

fn table(name: &str, chain: &str, rules: &[String]) -> String {
    format!("*{name}\n:{chain} ACCEPT [0:0]\n:svc - [0:0]\n:other - [0:0]\n{}\nCOMMIT\n", rules.join("\n"))
}

/// Whether the threads had a part in it, and nobody can tell from the outcome.
fn same(what: &str, text: &str, options: &Options) -> bool {
    let mut kernel = Fake::new();
    let alone = outcome(text, options, &mut kernel, 1);
    let rules = |kernel: &mut Fake| {
        let mut rules = Vec::new();
        for name in [&b"filter"[..], b"mangle"] {
            let each = &mut |raw: &rfw_kernel::RawRule<'_>| {
                rules.push(raw.exprs.to_vec());
                std::ops::ControlFlow::Continue(())
            };
            kernel.rules(TableId::new(Family::Ipv4, name), None, each).expect("the fake kernel's rules");
        }
        rules
    };
    let left = rules(&mut kernel);
    let mut shared = false;
    for threads in [2, 3] {
        let mut kernel = Fake::new();
        let several = outcome(text, options, &mut kernel, threads);
        assert!(several.0 == alone.0, "{what}: {threads} threads tell otherwise");
        assert!(several.1 == alone.1, "{what}: {threads} threads send otherwise");
        assert!(rules(&mut kernel) == left, "{what}: {threads} threads leave other rules");
        shared |= several.2 > alone.2;
    }
    shared
}

const MANY: usize = 70;

#[test]
fn ordinary_files_are_shared() {
    let plain = Options::default();
    let text = table("filter", "INPUT", &rules(MANY, "INPUT"));
    assert!(same("one table", &text, &plain));
    assert!(same("counters", &text, &Options { counters: true, ..Options::default() }));
    assert!(same("no flush", &text, &Options { noflush: true, ..Options::default() }));
    let two = table("mangle", "FORWARD", &rules(MANY, "FORWARD"));
    assert!(same("two tables", &format!("{text}{two}"), &plain));
    assert!(same("one table twice", &format!("{text}{two}{text}"), &plain));
    assert!(same("no COMMIT", text.trim_end_matches("COMMIT\n"), &plain));
    let again = text.replace("COMMIT\n", ":svc - [0:0]\n:third - [0:0]\n-A third -j svc\nCOMMIT\n");
    assert!(same("chains behind the rules", &again, &plain));
    assert!(same("no newline at the end", text.trim_end_matches("\nCOMMIT\n"), &plain));
}

#[test]
fn small_files_and_talkative_ones_are_not() {
    assert!(!same("small", &table("filter", "INPUT", &rules(20, "INPUT")), &Options::default()));
    let text = table("filter", "INPUT", &rules(MANY, "INPUT"));
    assert!(!same("-v", &text, &Options { verbose: true, ..Options::default() }));
    let mut with_deletion = rules(MANY, "INPUT");
    with_deletion.push("-D INPUT 1".to_owned());
    assert!(!same("-D", &table("filter", "INPUT", &with_deletion), &Options::default()));
}

#[test]
fn odd_lines_come_out_the_same_wherever_they_stand() {
    let odd = [
        "-A INPUT -p tcp --dport x -j ACCEPT",
        "-A missing -j ACCEPT",
        "-A INPUT -j missing",
        "-A INPUT -j FORWARD",
        "-A OUTPUT -j ACCEPT",
        "-A INPUT -6 -j ACCEPT",
        "-N late",
        ":late - [0:0]",
        "# a comment",
        "",
        "[x:y] -A INPUT",
        "[1:2] -A INPUT -c 3 4",
        "-F INPUT",
        "COMMIT now",
        "*nat",
        "-A INPUT -s 10.0.0.1,10.0.0.2,10.0.0.3 -j svc",
        "-A INPUT -m state --state NEW -j ACCEPT",
        "#rfw:foreign INPUT - - nothing",
    ];
    for line in odd {
        for at in [0, 1, MANY / 3, MANY / 2, MANY - 1] {
            let mut rules = rules(MANY, "INPUT");
            rules.insert(at, line.to_owned());
            rules.insert(MANY, "-A INPUT -p tcp --dport y".to_owned());
            let text = table("filter", "INPUT", &rules);
            same(&format!("{line} at {at}"), &text, &Options { counters: at % 2 == 0, ..Options::default() });
        }
    }
}
