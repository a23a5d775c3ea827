//! A match or target that current kernels do not have.
//!
//! **Why.** Some extensions were removed from Linux, others never were in it and come with packages such as
//! xtables-addons. iptables may know the name and the kernel may not: then the file fails at boot, at the last moment.
//!
//! **Packet.** None: the rule is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! -A INPUT -j ULOG --ulog-nlgroup 1
//! ```
//! Good:
//! ```text
//! -A INPUT -j NFLOG --nflog-group 1
//! ```
//! **Suppress.** Where the module is built for the kernel that will load the file.

use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, codes};

pub(crate) use super::by_reading as run;
use crate::mend::{Broken, Mended};
use crate::written::Written;

/// Names that iptables does not know, where they come from, and what does the same.
const OUTSIDE: [(&str, &str, &str); 25] = [
    ("unclean", "was removed from Linux in 2.6", "drop what conntrack calls INVALID"),
    ("MIRROR", "was removed from Linux in 2.6", "use REJECT"),
    ("SAME", "was removed from Linux in 2.6.25", "use SNAT with `--persistent`"),
    ("BALANCE", "was removed from Linux in 2.6", "use DNAT with a range of addresses"),
    ("ROUTE", "never was in Linux", "mark the packet and route by the mark, or use TEE"),
    ("mport", "was replaced in 2.6", "use `-m multiport`"),
    ("random", "was replaced in 2.6", "use `-m statistic --mode random`"),
    ("nth", "was replaced in 2.6", "use `-m statistic --mode nth`"),
    ("dstlimit", "was replaced in 2.6", "use `-m hashlimit`"),
    ("iplimit", "was replaced in 2.6", "use `-m connlimit`"),
    ("layer7", "never was in Linux", "no match of Linux looks for applications; `-m string` comes nearest"),
    ("ipp2p", "is an extension of xtables-addons", "install that for this kernel, or drop the rule"),
    ("account", "is an extension of xtables-addons", "use `-m nfacct`"),
    ("ACCOUNT", "is an extension of xtables-addons", "use `-m nfacct`"),
    ("fuzzy", "is an extension of xtables-addons", "use `-m limit`"),
    ("geoip", "is an extension of xtables-addons", "install that for this kernel, or fill an ipset from the lists"),
    ("psd", "is an extension of xtables-addons", "use `-m recent` to find port scans"),
    ("quota2", "is an extension of xtables-addons", "use `-m quota`"),
    ("condition", "is an extension of xtables-addons", "switch a chain or an ipset instead"),
    ("TARPIT", "is an extension of xtables-addons", "use DROP"),
    ("DELUDE", "is an extension of xtables-addons", "use `REJECT --reject-with tcp-reset`"),
    ("CHAOS", "is an extension of xtables-addons", "use DROP or REJECT"),
    ("SYSRQ", "is an extension of xtables-addons", "install that for this kernel, or drop the rule"),
    ("IPMARK", "is an extension of xtables-addons", "use `-j HMARK`, or a MARK rule for each address"),
    ("IMQ", "never was in Linux", "use an ifb device"),
];

/// Names that no extension has.
pub(crate) fn mend<'a>(broken: &Broken<'_, 'a>) -> Option<Mended<'a>> {
    let codes = [codes::UNKNOWN_MATCH, codes::UNKNOWN_TARGET, codes::UNDEFINED_CHAIN];
    if !codes.contains(&broken.why.code) {
        return None;
    }
    let name = broken.word();
    let (shown, what, instead) = OUTSIDE.iter().find(|(known, ..)| known.as_bytes() == &*name.text)?;
    let diagnostic =
        Diagnostic::error(codes::EXTENSION_UNAVAILABLE, name.span, format!("{shown} {what}")).help(*instead);
    Some(Mended::explained(diagnostic))
}

/// Extensions that say of themselves that they are gone.
pub(crate) fn look(written: &Written<'_, '_>, out: &mut Vec<Diagnostic>) {
    let matches = written.matches().map(|(loaded, part)| (loaded, part.facts(), part.name()));
    let target = written.target().map(|(loaded, part)| (loaded, part.facts(), part.name()));
    for (loaded, facts, name) in matches.chain(target) {
        let Some(gone) = facts.gone else { continue };
        if written.facts.kernel.is_some_and(|kernel| kernel < gone.since) {
            continue;
        }
        let (major, minor) = gone.since;
        let message = format!("{name} was removed from Linux in {major}.{minor}");
        let mut diagnostic =
            Diagnostic::error(codes::EXTENSION_UNAVAILABLE, loaded.at, message).help(gone.instead);
        if let Some((new, options)) = gone.replaced {
            let mut edits = vec![Edit { span: loaded.at, replacement: new.to_owned() }];
            for used in &loaded.uses {
                let Some((_, new)) = options.iter().find(|(old, _)| *old == used.option.name) else { continue };
                edits.push(Edit { span: used.at, replacement: format!("--{new}") });
            }
            edits.sort_by_key(|edit| edit.span);
            diagnostic.fix = Some(Fix { edits, safety: FixSafety::Unsafe });
        }
        out.push(diagnostic);
    }
}
