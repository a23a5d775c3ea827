//! A time of day is given without saying whose.
//!
//! **Why.** The time match counts in UTC. `--kerneltz` makes it the kernel's time zone, which somebody must set and which
//! does not follow daylight saving time. Hours that run over midnight belong to two days unless `--contiguous` is given.
//!
//! **Packet.** tcp 192.0.2.10:40000 -> 203.0.113.7:443 at 23:30 in Berlin: 22:30 UTC in winter, 21:30 in summer.
//!
//! Bad:
//! ```text
//! -A FORWARD -m time --timestart 22:00 --timestop 06:00 -j DROP
//! ```
//! Good:
//! ```text
//! -A FORWARD -m time --timestart 22:00 --timestop 06:00 --kerneltz -j DROP
//! ```
//! **Suppress.** Where UTC is meant; a comment in the rule that says "UTC", or `--utc`, answers it too.

use rfw_diagnostics::{Diagnostic, Severity, codes};

pub(crate) use super::by_reading as run;
use crate::written::Written;

/// One finding per match.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    for loaded in written.loaded() {
        let Some((used, local)) = loaded.uses.iter().find_map(|u| Some((u, u.option.local_with?))) else { continue };
        let options = written.options(loaded);
        // Whatever the option excludes, or excludes it, says plainly which time is meant.
        let plain = |name: &str| {
            let excludes = |of: &str| options.iter().find(|o| o.name == of).map_or(&[][..], |o| o.excludes);
            name == local || excludes(name).contains(&local) || excludes(local).contains(&name)
        };
        let old = |name: &str| options.iter().any(|o| o.name == name && o.help.contains(local));
        let said = loaded.uses.iter().any(|u| plain(u.option.name) || old(u.option.name));
        if said || written.says("utc") {
            continue;
        }
        let time = used.value().map(|v| v.lossy().into_owned()).unwrap_or_default();
        out.push(
            Diagnostic::new(
                codes::TIME_MATCH_IS_UTC,
                Severity::Info,
                used.span(),
                format!("{time} is UTC here, not local time"),
            )
            .help(format!("add --{local} only if the kernel time zone is maintained (it does not follow DST)")),
        );
    }
}
