//! Fields of a packet, and tests of them as sets of numbers.

pub use rfw_space::field::{ESTABLISHED, INVALID, Key, NEW, RELATED, interface};
pub(crate) use rfw_space::field::{Masked, Tested, number, test};

use crate::sets::Set;

/// xt `multiport` revision 1: flags, count, 15 ports, 15 marks of range starts, invert (encoding.md appendix A).
pub(crate) fn port_list(info: &[u8]) -> Option<(Key, Set)> {
    let key = match info.first()? {
        0 => Key::SourcePort,
        1 => Key::DestinationPort,
        _ => return None,
    };
    let count = usize::from(*info.get(1)?).min(15);
    let port = |at: usize| {
        let bytes = info.get(2 + 2 * at..4 + 2 * at)?;
        Some(u128::from(u16::from_ne_bytes(bytes.try_into().ok()?)))
    };
    let mut intervals = Vec::with_capacity(count);
    let mut at = 0;
    while at < count {
        let low = port(at)?;
        if *info.get(32 + at)? != 0 {
            at += 1;
        }
        intervals.push((low, port(at)?));
        at += 1;
    }
    let set = Set::union(intervals);
    Some((key, if *info.get(47)? != 0 { set.complement(0xffff) } else { set }))
}
