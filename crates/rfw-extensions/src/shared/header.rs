//! A test that there is a transport header: what the xt matches ask before they look into one.
//!
//! The kernel loads 1, 2 or 4 bytes of a transport header from any fragment, though only the first one begins with it (seen
//! with Linux 6.18: `udp sport 26471` matches a later fragment that begins `gg`). Longer loads it refuses for later fragments.
//! So whatever stands for such an xt match begins with a load of 8 bytes, the shortest header there is, and a comparison that
//! every number passes. nft lists it as `@th,0,64 >= 0x0`.

use rfw_nft::expr::{Base, CmpOp};
use rfw_nft::predicate::{Field, Item, Value};

use crate::lifting::Run;
use crate::lowering::Lowering;

const HEADER: Field = Field::Payload { base: Base::Transport, offset: 0, len: 8 };
/// Hint: the test is a match of its own, `-m tcp` or `-m udp` without an option.
const ALONE: u8 = 56;

/// Appends the test.
pub fn lower(out: &mut Lowering) {
    out.payload(Base::Transport, 0, 8);
    out.cmp(CmpOp::Gte, &[0; 8]);
}

/// Appends the test as a match of its own.
pub fn lower_alone(out: &mut Lowering) {
    out.hint(ALONE);
    lower(out);
}

/// Takes the test; whether it was there.
pub fn lift(run: &mut Run<'_>) -> bool {
    !run.hinted(ALONE) && take(run)
}

/// Takes the test if it is a match of its own: nothing looks into the header behind it, or the hint says so.
pub fn lift_alone(run: &mut Run<'_>) -> bool {
    let alone = run.hinted(ALONE) || !run.peek(1).is_some_and(looks_into_header);
    alone && take(run)
}

fn take(run: &mut Run<'_>) -> bool {
    let start = run.position();
    let found = run
        .masked(&HEADER)
        .is_some_and(|test| test.mask.is_none() && test.op == CmpOp::Gte && test.value == [0; 8]);
    if !found {
        run.rewind(start);
    }
    found
}

fn looks_into_header(item: &Item) -> bool {
    let transport = |value: &Value| matches!(value.field, Field::Payload { base: Base::Transport, .. });
    match item {
        Item::Test { value, .. } => transport(value),
        Item::In { values, .. } => values.iter().any(transport),
        _ => false,
    }
}
