//! Several threads make what one makes.

use std::collections::HashMap;

use rfw_diagnostics::{Source, SourceKind};
use rfw_extensions::Encoding;
use rfw_kernel::{Batch, Fake, Kernel, TableId};
use rfw_nft::Family;
use rfw_nft::message::kind;

use super::*;

/// What comes of a file: the batch, what its messages were for, or the mistakes; and how many pieces the batch was in.
struct Outcome {
    told: String,
    bytes: Vec<u8>,
    pieces: usize,
    /// How lists were written in the end.
    lists: Vec<Lists>,
}

/// How a file is read.
#[derive(Clone, Copy, Debug)]
struct Way {
    encoding: Encoding,
    lists: Lists,
    threads: usize,
}

fn outcome(text: &str, options: &Options, kernel: &mut Fake, way: Way) -> Outcome {
    let personality = Personality::from_path(b"iptables-restore");
    let source = Source::new("rules", SourceKind::File, text.as_bytes().to_vec());
    let names = SystemNames::default();
    let settings = Settings { encoding: Some(way.encoding), no_xt: false };
    let history = needs_history(&source.text);
    let mut out = Outcome { told: String::new(), bytes: Vec::new(), pieces: 0, lists: Vec::new() };
    let (mut from, mut lists) = (0, way.lists);
    loop {
        let transaction = Transaction::begin_file(kernel, &names, Family::Ipv4, settings, history, 0, lists)
            .expect("a generation");
        let mut file = File::new(&personality, options, &source, &names, transaction);
        file.threads = threads::Limits { most: Some(way.threads), worth: 1024 };
        let end = file.read(from);
        if let Err(Halt::Lists(other)) = end {
            lists = other;
            continue;
        }
        let next = file.next;
        out.told += &format!("{:?}{:?}{:?}{next:?}", file.said, file.transaction.ops, file.found);
        let batch = &file.transaction.batch;
        // With a history rules have numbers, too, and one thread does it all.
        out.bytes.extend(if history { batch.to_bytes() } else { with_ids_in_order(batch) });
        out.pieces += file.transaction.batch.pieces().count();
        out.lists.push(lists);
        match end {
            // The fake kernel knows no sets.
            Ok(()) if way.encoding == Encoding::Native => {}
            Ok(()) => file.transaction.commit().expect("a batch that the fake kernel takes"),
            Err(Halt::Diagnostics(found)) => out.told += &format!("{found:?}"),
            Err(other) => panic!("{other:?}"),
        }
        match next {
            Some(next) => (from, lists) = (next, way.lists),
            None => return out,
        }
    }
}

/// `NFTA_SET_ID`.
const SET_ID: u16 = 10;

/// The batch, its sets numbered in order: each thread numbers in a range of its own. A number stands in three messages, those
/// that make a set, fill it, and make its rule.
fn with_ids_in_order(batch: &Batch) -> Vec<u8> {
    let mut bytes = batch.to_bytes();
    let mut ids = Vec::new();
    for message in batch.messages().flatten().filter(|message| message.kind == kind::NEWSET) {
        let id = message.attributes().flatten().find(|attr| attr.kind == SET_ID);
        ids.push(id.expect("a number").u32().expect("32 bits"));
    }
    // Those of the first thread are in order.
    let ours = ids.iter().zip(2..).take_while(|(id, order)| *id == order).count();
    let mut places: HashMap<[u8; 4], (u32, usize)> =
        ids.iter().zip(2_u32..).skip(ours).map(|(id, order)| (id.to_be_bytes(), (order, 0))).collect();
    for word in bytes.as_chunks_mut::<4>().0 {
        if let Some((order, found)) = places.get_mut(word) {
            *word = order.to_be_bytes();
            *found += 1;
        }
    }
    assert!(places.len() == ids.len() - ours, "a number twice");
    assert!(places.values().all(|(_, found)| *found == 3), "{places:?}");
    bytes
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

/// Whether the threads had a part in it, and nobody can tell from the outcome; in each encoding, with lists that are sets,
/// and with too many of them.
fn same(what: &str, text: &str, options: &Options) -> bool {
    let ways = [
        (Encoding::Compat, Lists::Sets),
        (Encoding::Native, Lists::Sets),
        (Encoding::Native, Lists::Weighed { most: 400 }),
    ];
    let shared = ways.map(|(encoding, lists)| same_way(what, text, options, encoding, lists));
    assert!(shared.iter().all(|found| *found == shared[0]), "{what}: {shared:?}");
    shared[0]
}

fn same_way(what: &str, text: &str, options: &Options, encoding: Encoding, lists: Lists) -> bool {
    let mut kernel = Fake::new();
    let alone = outcome(text, options, &mut kernel, Way { encoding, lists, threads: 1 });
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
        let several = outcome(text, options, &mut kernel, Way { encoding, lists, threads });
        let what = format!("{what}, {encoding:?}, {lists:?}, {threads} threads");
        assert!(several.told == alone.told, "{what}: they tell otherwise");
        assert!(several.bytes == alone.bytes, "{what}: they send otherwise");
        assert!(several.lists == alone.lists, "{what}: they write lists otherwise");
        assert!(rules(&mut kernel) == left, "{what}: they leave other rules");
        shared |= several.pieces > alone.pieces;
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

#[test]
fn lists_that_are_too_many_stay_xt_all_of_them() {
    let text = table("filter", "INPUT", &rules(MANY, "INPUT"));
    let plain = Options::default();
    let sets = |most: u64, threads: usize| {
        let way = Way { encoding: Encoding::Native, lists: Lists::Weighed { most }, threads };
        let out = outcome(&text, &plain, &mut Fake::new(), way);
        let xt = out.bytes.windows(10).filter(|at| *at == b"multiport\0").count();
        let sets = out.bytes.windows(7).filter(|at| *at == b"__set%d").count();
        (sets, xt)
    };
    // One in seven rules has a list, but that of 53 and 53 is one port; each set is named three times.
    let all = 3 * (MANY / 7 - 1);
    for threads in 1..=3 {
        assert_eq!(sets(u64::MAX, threads), (all, 0));
        assert_eq!(sets(0, threads), (0, MANY / 7 - 1));
    }
    let steps: Vec<u64> = (0..4000).collect();
    let border = steps.partition_point(|most| sets(*most, 1).0 == 0) as u64;
    for threads in 2..=3 {
        assert_eq!(sets(border, threads), (all, 0));
        assert_eq!(sets(border - 1, threads), (0, MANY / 7 - 1));
    }
}
