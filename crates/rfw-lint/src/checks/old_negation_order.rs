//! `!` stands behind the option that it turns round.
//!
//! **Why.** iptables before 1.4.3 printed `-d ! 192.0.2.0/24`. Tools of today take `!` for the value of the option and
//! stumble over the next word, so that old dumps and old guides no longer load.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -d ! 192.168.122.0/24 -p tcp -j DROP
//! ```
//! Good:
//! ```text
//! -A INPUT ! -d 192.168.122.0/24 -p tcp -j DROP
//! ```
//! **Suppress.** Never needed.

use rfw_diagnostics::{Diagnostic, FixSafety, codes};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended, is_option};

/// Moves the `!` before its option.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    if broken.why.code != codes::STRAY_WORD {
        return None;
    }
    // An option with two values has taken one more word.
    let is_bang = |at: &usize| broken.words.get(*at).is_some_and(|w| &*w.text == b"!" && !w.quoted);
    let bang = [1, 2].into_iter().filter_map(|back| broken.at.checked_sub(back)).find(is_bang)?;
    let option = broken.before(bang).filter(|w| is_option(w))?;
    if broken.before(bang - 1).is_some_and(|w| &*w.text == b"!") {
        return None;
    }
    let place = option.span.to(broken.words[bang].span);
    let diagnostic = Diagnostic::error(codes::OLD_NEGATION_ORDER, place, "`!` must stand before the option")
        .help("iptables before 1.4.3 printed the old order; current tools reject it")
        .fix(place, format!("! {}", option.lossy()), FixSafety::Safe);
    let turned = [broken.words[bang].clone(), option.clone()];
    Some(Mended::line(diagnostic, broken.with(bang - 1..bang + 1, turned)))
}
