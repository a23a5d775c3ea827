//! Large batches and long dumps.

use std::ops::ControlFlow;

use rfw_kernel::{Batch, CommitError, Error, Kernel, RawRule};
use rfw_nft::Verdict;

use crate::namespace::{privileged, unprivileged};
use crate::{FILTER, FOO, INPUT, counted, handles, jump, open, rejects, rule, started};

const MANY: usize = 100_000;

fn many(batch: &mut Batch, count: usize) {
    let exprs = counted(Verdict::Accept);
    for _ in 0..count {
        batch.add_rule(&rule(INPUT), &exprs);
    }
}

#[test]
fn a_large_batch_is_all_or_nothing() {
    privileged("scale::a_large_batch_is_all_or_nothing", || {
        let mut kernel = open();
        let mut batch = started(&mut kernel);
        many(&mut batch, MANY);
        let bad = batch.add_rule(&rule(INPUT), &jump("missing"));
        let told = rejects(kernel.commit(&mut batch));
        assert_eq!(told.iter().map(|r| r.seq).collect::<Vec<_>>(), [bad]);
        assert_eq!(kernel.tables(FILTER.family).unwrap(), []);

        let mut batch = started(&mut kernel);
        many(&mut batch, MANY);
        kernel.commit(&mut batch).unwrap();
        let chain = kernel.chain(INPUT).unwrap().unwrap();
        assert_eq!(usize::try_from(chain.use_count).unwrap(), MANY);
        early_stop(&mut kernel);
    });
}

fn early_stop(kernel: &mut dyn Kernel) {
    let mut seen = 0;
    let started = std::time::Instant::now();
    kernel
        .rules(FILTER, Some(b"INPUT"), &mut |_| {
            seen += 1;
            if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, 10);
    // All of it takes seconds.
    assert!(started.elapsed().as_millis() < 500);
    assert!(kernel.chain(INPUT).unwrap().is_some());
}

#[test]
fn thousands_of_errors_are_all_told() {
    privileged("scale::thousands_of_errors_are_all_told", || {
        let mut kernel = open();
        let mut batch = started(&mut kernel);
        let exprs = jump("missing");
        let expected: Vec<_> = (0..20_000).map(|_| batch.add_rule(&rule(INPUT), &exprs)).collect();
        let told = rejects(kernel.commit(&mut batch));
        let told: Vec<_> = told.iter().map(|r| r.seq).collect();
        assert_eq!(told, expected);
    });
}

#[test]
fn a_change_interrupts_a_dump() {
    privileged("scale::a_change_interrupts_a_dump", || {
        let (mut kernel, mut other) = (open(), open());
        let mut batch = started(&mut kernel);
        many(&mut batch, 3000);
        kernel.commit(&mut batch).unwrap();
        let mut changed = false;
        let mut change = |_: &RawRule| {
            if !changed {
                changed = true;
                let mut batch = Batch::new(None);
                batch.add_user_chain(FOO, &[]);
                other.commit(&mut batch).unwrap();
            }
            ControlFlow::Continue(())
        };
        let result = kernel.rules(FILTER, None, &mut change);
        assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
        assert_eq!(handles(&mut kernel, None).len(), 3000);
        assert_eq!(handles(&mut kernel, Some(b"foo")), []);
    });
}

#[test]
fn without_privilege_the_limit_is_told() {
    unprivileged("scale::without_privilege_the_limit_is_told", || {
        let mut kernel = open();
        kernel.commit(&mut started(&mut open())).unwrap();
        let mut batch = Batch::new(None);
        many(&mut batch, MANY);
        match kernel.commit(&mut batch) {
            Err(CommitError::TooBig { len, limit }) => {
                assert_eq!(len, batch.byte_len());
                assert!(limit < len);
                // Just below the limit it goes through.
                let mut batch = Batch::new(None);
                let before = batch.byte_len();
                many(&mut batch, 1);
                let each = batch.byte_len() - before;
                let fitting = (limit - 20 - batch.byte_len()) / each;
                many(&mut batch, fitting);
                kernel.commit(&mut batch).unwrap();
            }
            other => panic!("{other:?}"),
        }
        let mut batch = Batch::new(None);
        batch.add_rule(&rule(INPUT), &jump("missing"));
        assert_eq!(rejects(kernel.commit(&mut batch)).len(), 1);
    });
}
