//! `--hitcount` asks for more packets than the kernel remembers.
//!
//! **Why.** Kernels before 3.19 remember 20 packets per address (the module's option ip_pkt_list_tot), those before 6.11 at
//! most 255, newer ones 65535. What is above is refused with `Invalid argument`.
//!
//! **Packet.** None: the rule is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -p tcp --dport 22 -m recent --rcheck --seconds 60 --hitcount 65536 --name ssh -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT -p tcp --dport 22 -m recent --rcheck --seconds 60 --hitcount 20 --name ssh -j DROP
//! ```
//! **Suppress.** Where an old kernel loads its module with a larger limit; or set the kernel in `rfw.toml`.

use rfw_diagnostics::{Diagnostic, Severity, codes};

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// The first kernels with a higher limit, the newest first.
const LIMITS: [((u32, u32), u32); 3] = [((6, 11), 65_535), ((3, 19), 255), ((0, 0), 20)];

/// One finding per rule.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (loaded, part) in written.matches() {
        let facts = part.facts();
        let Some(hits) = facts.list.map(|list| list.hits) else { continue };
        let text = hits.to_string();
        let used = loaded.uses.iter().find(|u| u.value().is_some_and(|v| *v.text == *text.as_bytes()));
        let span = used.map_or(loaded.at, |used| used.span());
        let newest = LIMITS[0].1;
        let limit = |kernel: (u32, u32)| LIMITS.iter().find(|(from, _)| *from <= kernel).map_or(newest, |l| l.1);
        let own = written.facts.kernel.map_or(newest, limit);
        if hits > own {
            let message = format!("`--hitcount {hits}` is rejected by the kernel");
            out.push(
                Diagnostic::error(codes::RECENT_HITCOUNT_TOO_LARGE, span, message)
                    .help(format!("it remembers at most {own} packets per address")),
            );
            continue;
        }
        // Nobody runs what is older than the second of them.
        let ((major, minor), _) = LIMITS[0];
        let (_, limit) = LIMITS[1];
        if hits > limit && written.facts.kernel.is_none() {
            let message = format!("kernels before {major}.{minor} reject `--hitcount {hits}`");
            out.push(
                Diagnostic::new(codes::RECENT_HITCOUNT_TOO_LARGE, Severity::Warn, span, message).help(format!(
                    "they remember at most {limit} packets per address; name the kernel in rfw.toml"
                )),
            );
        }
    }
}
