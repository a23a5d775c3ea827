//! Diagrams against tables of truth.
use super::*;

fn var(b: &mut Bdd, level: u32) -> Ref {
    b.make(level, Ref::NONE, Ref::ALL)
}

/// Every function of four variables that a small program makes, compared with its table of truth.
#[test]
fn agrees_with_truth_tables() {
    let mut b = Bdd::new(Budget::default());
    let table =
        |r: Ref, b: &Bdd| (0..16u32).fold(0u16, |t, v| t | u16::from(b.holds(r, |l| v >> l & 1 == 1)) << v);
    let mut known: Vec<Ref> = (0..4).map(|l| var(&mut b, l)).collect();
    let mut seed = 7u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize
    };
    for _ in 0..3000 {
        let (x, y) = (known[next() % known.len()], known[next() % known.len()]);
        let (tx, ty) = (table(x, &b), table(y, &b));
        let level = (next() % 4) as u32;
        let at = |t: u16, v: u32| t >> v & 1;
        let (result, wanted) = match next() % 6 {
            0 => (b.and(x, y), tx & ty),
            1 => (b.or(x, y), tx | ty),
            2 => (b.xor(x, y), tx ^ ty),
            3 => (Bdd::not(x), !tx),
            4 => (
                b.exists(x, &[(level, level + 1)]),
                (0..16).fold(0, |t, v| t | (at(tx, v) | at(tx, v ^ 1 << level)) << v),
            ),
            _ => (b.fix(x, &[(level, true)]), (0..16).fold(0, |t, v| t | at(tx, v | 1 << level) << v)),
        };
        assert_eq!(table(result, &b), wanted);
        assert!((b.share(result) * 16.0 - f64::from(wanted.count_ones())).abs() < 1e-9);
        // Canonical: the same table is the same number.
        for &other in &known {
            assert_eq!(table(other, &b) == wanted, other == result);
        }
        if known.len() < 60 {
            known.push(result);
        }
    }
}

#[test]
fn renames() {
    let mut b = Bdd::new(Budget::default());
    let (x, y, z) = (var(&mut b, 0), var(&mut b, 1), var(&mut b, 2));
    let f = b.minus(x, y);
    let f = b.or(f, z);
    let g = b.minus(y, x);
    let g = b.or(g, z);
    assert_eq!(b.rename(f, &[(0, 1)]), g);
}

#[test]
fn stops_when_the_budget_ends() {
    let mut b = Bdd::new(Budget { nodes: 1000, steps: 10 });
    let mut all = Ref::ALL;
    for level in (0..100).rev() {
        let v = var(&mut b, level);
        let w = var(&mut b, 100 + level);
        let both = b.xor(v, w);
        all = b.and(all, both);
    }
    assert!(b.is_over());
}
