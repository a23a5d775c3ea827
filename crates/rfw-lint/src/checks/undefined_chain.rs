//! A rule is put into a chain, or jumps to one, that nothing has made before.
//!
//! **Why.** Chains belong to one table and must exist when they are named: in a save file they are declared at the top of
//! their table's block, in a script made with `-N`. A declaration further down is too late.
//!
//! **Packet.** None: the line is refused, and with iptables-restore the whole file.
//!
//! Bad:
//! ```text
//! *filter
//! -A INPUT -p tcp -j WEB_IN
//! COMMIT
//! ```
//! Good:
//! ```text
//! *filter
//! :WEB_IN - [0:0]
//! -A INPUT -p tcp -j WEB_IN
//! -A WEB_IN -p tcp --dport 80 -j ACCEPT
//! COMMIT
//! ```
//! **Suppress.** In files for `iptables-restore --noflush` that count on a chain in the kernel. In lists of commands the
//! chains of Docker, fail2ban, ufw, Kubernetes and libvirt are taken to exist.

use rfw_diagnostics::{Diagnostic, Edit, Fix, FixSafety, Span, codes};
use rfw_syntax::Word;

pub(crate) use super::by_reading as run;
use crate::model::Table;
use crate::read::Input;

/// The finding for `-A NAME` where no chain has that name; and the chain that was meant, if only the case is wrong.
pub(crate) fn missing(table: &Table, name: &Word<'_>, input: Input) -> (Diagnostic, Option<usize>) {
    let shown = name.lossy();
    let message = format!("chain `{shown}` is not defined in table {}", table.name);
    let diagnostic = Diagnostic::error(codes::UNDEFINED_CHAIN, name.span, message);
    let same = table.chains.iter().position(|c| c.name.eq_ignore_ascii_case(&name.text));
    if let Some(at) = same {
        let meant = table.chains[at].shown();
        let diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
        return (diagnostic.fix(name.span, meant, FixSafety::Safe), Some(at));
    }
    let near = table.chains.iter().filter_map(|c| std::str::from_utf8(&c.name).ok());
    let mut diagnostic = match rfw_values::suggest(&name.text, near) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(name.span, near, FixSafety::Suggestion),
        None => diagnostic.help(format!(
            "declare it with `:{shown} - [0:0]` (or `-N {shown}`) before the first use; chains are per table"
        )),
    };
    if diagnostic.fix.is_none() {
        diagnostic.fix = declaration(table, name, input);
    }
    (diagnostic, None)
}

/// Declares a chain at the top of its table.
pub(crate) fn declaration(table: &Table, name: &Word<'_>, input: Input) -> Option<Fix> {
    let line = table.span.filter(|_| input == Input::Save)?;
    let span = Span { start: line.end, end: line.end };
    let edits = vec![Edit { span, replacement: format!("\n:{} - [0:0]", name.lossy()) }];
    Some(Fix { edits, safety: FixSafety::Unsafe })
}
