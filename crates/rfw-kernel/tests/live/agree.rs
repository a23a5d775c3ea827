//! The fake kernel does what the live one does with the same bytes.

use std::ops::ControlFlow;

use rfw_kernel::{Batch, CommitError, Fake, Kernel};
use rfw_nft::{
    Verdict,
    message::{Counters, Hook, NewChain, NewRule, Place, kind},
};

use crate::namespace::privileged;
use crate::{FILTER, FOO, INPUT, base, counted, jump, open, place, rule};

type Step = (&'static str, fn(&mut Batch));

const BAR: rfw_kernel::ChainId = FILTER.chain(b"bar");
const GONE: rfw_kernel::ChainId = FILTER.chain(b"gone");

/// Numbers are handles.
const STEPS: &[Step] = &[
    ("no table", |b| {
        b.add_base_chain(INPUT, &base(1));
        b.flush_table(FILTER);
        b.del_table(FILTER);
    }),
    ("nothing", |_| {}),
    ("chains 1 to 3", |b| {
        b.add_table(FILTER, b"\x80\x01x");
        b.add_base_chain(INPUT, &base(1));
        b.add_user_chain(FOO, &[]);
        b.add_user_chain(BAR, &[]);
        b.add_table(FILTER, b"\x80\x01y");
    }),
    ("chain errors", |b| {
        b.add_user_chain(FOO, &[]);
        b.add_base_chain(FOO, &base(1));
        b.update_base_chain(INPUT, &other_hook());
        b.update_base_chain(INPUT, &nat());
        b.update_base_chain(FOO, &silent());
        b.del_chain(GONE);
        b.rename_chain(GONE, 99);
        b.rename_chain(BAR, 2);
        b.add(kind::NEWTABLE, 0x200, 2, |w| w.string(1, b"filter"));
    }),
    ("rules 4 to 7", |b| {
        b.add_rule(&rule(INPUT), &jump("foo"));
        b.add_rule(&rule(FOO), &counted(Verdict::Drop));
        b.add_rule(&place(FOO, Place::First), &counted(Verdict::Accept));
        let noted = NewRule { userdata: b"\0\x02x\0", ..place(FOO, Place::Before(5)) };
        b.add_rule(&noted, &counted(Verdict::Return));
    }),
    ("rule errors", |b| {
        b.add_rule(&rule(GONE), &counted(Verdict::Drop));
        b.add_rule(&rule(FOO), &jump("gone"));
        b.add_rule(&rule(FOO), &jump("INPUT"));
        b.add_rule(&place(FOO, Place::Before(4)), &counted(Verdict::Drop));
        b.add_rule(&place(FOO, Place::Replace(99)), &counted(Verdict::Drop));
        b.add_rule(&place(FOO, Place::BeforeId(1)), &counted(Verdict::Drop));
        b.del_rule(FOO, 99);
        b.del_rule_by_id(FOO, 1);
        b.flush_chain(GONE);
    }),
    ("busy chains", |b| {
        b.del_chain(FOO);
        b.del_chain(INPUT);
    }),
    ("ids, replacing, policy", |b| {
        let named = NewRule { id: Some(1), ..rule(BAR) };
        b.add_rule(&named, &counted(Verdict::Accept));
        b.add_rule(&place(BAR, Place::BeforeId(1)), &counted(Verdict::Drop));
        b.add_rule(&place(BAR, Place::AfterId(1)), &counted(Verdict::Return));
        b.del_rule_by_id(BAR, 1);
        b.add_rule(&place(FOO, Place::Replace(5)), &counted(Verdict::Accept));
        b.add_rule(&place(FOO, Place::After(6)), &counted(Verdict::Drop));
        b.del_rule(FOO, 7);
        let zero = NewChain { counters: Some(Counters::default()), ..base(0) };
        b.update_base_chain(INPUT, &zero);
        b.rename_chain(FILTER.chain(b"renamed"), 3);
    }),
    ("flush and delete", |b| {
        b.flush_chain(INPUT);
        b.flush_chain(FOO);
        b.del_chain(FOO);
    }),
    ("flush all", |b| {
        b.flush_table(FILTER);
        b.del_chain(INPUT);
    }),
    ("a new table", |b| {
        b.del_table(FILTER);
        b.add_table(FILTER, &[]);
        b.add_user_chain(FOO, &[]);
    }),
    ("a loop out of reach, by goto", |b| {
        b.add_base_chain(INPUT, &base(1));
        b.add_user_chain(BAR, &[]);
        b.add_user_chain(GONE, &[]);
        b.add_rule(&rule(INPUT), &jump("foo"));
        b.add_rule(&rule(GONE), &counted(Verdict::Goto(b"gone".to_vec())));
    }),
    ("loop", |b| {
        b.add_rule(&rule(FOO), &jump("bar"));
        b.add_rule(&rule(BAR), &counted(Verdict::Drop));
        b.add_rule(&rule(BAR), &jump("foo"));
    }),
    ("in reach", |b| {
        b.add_rule(&rule(FOO), &jump("gone"));
    }),
];

fn nat() -> NewChain<'static> {
    NewChain { kind: b"nat", ..base(1) }
}

fn silent() -> NewChain<'static> {
    NewChain { policy: None, ..base(1) }
}

fn other_hook() -> NewChain<'static> {
    NewChain { hook: Hook { num: 3, priority: 0 }, ..base(1) }
}

#[test]
fn fake_and_live_agree() {
    privileged("agree::fake_and_live_agree", || {
        let (mut live, mut fake) = (open(), Fake::new());
        let mut handles = true;
        for (name, fill) in STEPS {
            // A refused batch uses up handles of the live kernel, how many depends on how often it tried.
            handles &= *name != "rule errors";
            let seen = step(&mut live, *fill, handles);
            let faked = step(&mut fake, *fill, handles);
            assert_eq!(faked, seen, "fake against live in step: {name}");
        }
    });
}

/// Everything that can be seen of a step.
fn step(kernel: &mut dyn Kernel, fill: fn(&mut Batch), handles: bool) -> (String, Vec<String>) {
    let before = kernel.generation().unwrap();
    let mut batch = Batch::new(Some(before));
    fill(&mut batch);
    let mut result = kernel.commit(&mut batch);
    if let Err(CommitError::Rejected(rejects)) = &mut result {
        rejects.iter_mut().for_each(|r| r.message = None);
    }
    let moved = kernel.generation().unwrap() != before;
    let result = format!("{result:?}, generation moved: {moved}");
    let mut state = Vec::new();
    state.extend(kernel.table(FILTER).unwrap().map(|t| {
        let handle = 0;
        format!("{:?}", rfw_kernel::Table { handle, ..t })
    }));
    let shown = |handle: u64| if handles { handle } else { 0 };
    for mut chain in kernel.chains(FILTER).unwrap() {
        chain.handle = shown(chain.handle);
        state.push(format!("{chain:?}"));
        kernel
            .rules(FILTER, Some(&chain.name), &mut |raw| {
                let mut rule = raw.to_rule().unwrap();
                rule.handle = shown(rule.handle);
                rule.position = rule.position.map(shown);
                state.push(format!("{rule:?}"));
                ControlFlow::Continue(())
            })
            .unwrap();
    }
    (result, state)
}
