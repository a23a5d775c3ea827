//! Abstract syntax to typed rules.

use rfw_diagnostics::{Classic, Diagnostic, FixSafety, codes};
use rfw_extensions::selector::parse_protocol;
use rfw_extensions::{Names, ParseCx, Registry, Selector, Uses};
use rfw_nft::Family;
use rfw_syntax::{Dictionary, Loaded, Negatable, RuleAst, Word};

use crate::ir::{Rule, RuleTarget};

type Built<T> = Result<T, Box<Diagnostic>>;

/// The surroundings of a rule.
#[derive(Clone, Copy)]
pub struct BuildCx<'c> {
    /// The family of the table.
    pub family: Family,
    /// `filter`, `nat`, …
    pub table: &'c str,
    /// The chain the rule is for, where a command names one.
    pub chain: &'c [u8],
    /// The system's names.
    pub names: &'c dyn Names,
}

/// The rules that a specification stands for: one per pair of source and destination address, sources outside.
///
/// Whether the chain it jumps to exists is not asked here.
///
/// # Errors
/// The first bad value, with iptables' words.
pub fn build(ast: &RuleAst<'_>, cx: &BuildCx<'_>) -> Built<Vec<Rule>> {
    let bare = ParseCx { family: cx.family, table: cx.table, protocol: None, names: cx.names };
    let protocol = ast.protocol.as_ref().map(|p| parse_protocol(p, &bare)).transpose()?.filter(|p| p.0 != 0);
    let parse = ParseCx { protocol, ..bare };
    // Several mistakes in one rule: iptables reads options first, then addresses, then looks at the chain.
    let mut matches = Vec::with_capacity(ast.matches.len());
    for loaded in &ast.matches {
        if let Some(entry) = Registry::match_entry(loaded.id) {
            let built = (entry.parse)(&uses(loaded, entry.name), &parse);
            let built = built.map_err(|found| in_chain(first_value(ast, &parse, found), cx.chain));
            matches.push(built?);
        }
    }
    let target = target(ast, &parse).map_err(|found| first_value(ast, &parse, found))?;
    let selectors = Selector::parse(ast, &parse)?;
    check_interfaces(ast, cx.chain)?;
    let mut rules: Vec<Rule> = Vec::with_capacity(selectors.len());
    let mut selectors = selectors.into_iter();
    let last = selectors.next_back();
    rules.extend(selectors.map(|selector| Rule {
        selector,
        matches: matches.clone(),
        target: target.clone(),
    }));
    rules.extend(last.map(|selector| Rule { selector, matches, target }));
    Ok(rules)
}

/// Of several bad values the one that stands first, as iptables reads them; it asks an extension whether all is well with its
/// options together when the line has been read.
fn first_value(ast: &RuleAst<'_>, cx: &ParseCx<'_>, found: Box<Diagnostic>) -> Box<Diagnostic> {
    let matches = ast.matches.iter().filter_map(|loaded| {
        let entry = Registry::match_entry(loaded.id)?;
        bad_value(loaded, entry.name, |uses| (entry.parse)(uses, cx).err())
    });
    let target = ast.target.as_ref().and_then(|target| target.extension.as_ref()).and_then(|loaded| {
        let entry = Registry::target_entry(loaded.id)?;
        bad_value(loaded, entry.name, |uses| (entry.parse)(uses, cx).err())
    });
    matches.chain(target).min_by_key(|diagnostic| diagnostic.span.start).unwrap_or(found)
}

/// The first bad value of an extension: what it says when it is given its options up to that one, of that one.
fn bad_value(
    loaded: &Loaded<'_>,
    extension: &'static str,
    refusal: impl Fn(&Uses<'_, '_>) -> Option<Box<Diagnostic>>,
) -> Option<Box<Diagnostic>> {
    (1..=loaded.uses.len()).find_map(|count| {
        let list = &loaded.uses[..count];
        let values = list.last()?.values.iter().flatten();
        let found = refusal(&Uses { extension, at: loaded.at, list })?;
        let together = [codes::OPTION_REQUIRED, codes::OPTIONS_EXCLUSIVE, codes::MATCH_NEEDS_PROTOCOL];
        let here = |word: &Word<'_>| word.span.start <= found.span.start && found.span.end <= word.span.end;
        let bad = !together.contains(&found.code) && values.into_iter().any(here);
        bad.then_some(found)
    })
}

fn uses<'u, 'a>(loaded: &'u Loaded<'a>, extension: &'static str) -> Uses<'u, 'a> {
    Uses { extension, at: loaded.at, list: &loaded.uses }
}

/// What the kernel would have refused is told with the chain, as the kernel's own refusals are.
fn in_chain(mut diagnostic: Box<Diagnostic>, chain: &[u8]) -> Box<Diagnostic> {
    if let Some(Classic::Resource(words)) = &mut diagnostic.classic {
        words.push_str(&format!(": rule in chain {}", String::from_utf8_lossy(chain)));
    }
    diagnostic
}

fn target(ast: &RuleAst<'_>, cx: &ParseCx<'_>) -> Built<RuleTarget> {
    let Some(target) = &ast.target else { return Ok(RuleTarget::Nothing) };
    let name: &[u8] = &target.name.text;
    if target.goto {
        return Ok(RuleTarget::Goto(name.to_vec()));
    }
    if let Some(loaded) = &target.extension
        && let Some(entry) = Registry::target_entry(loaded.id)
    {
        return (entry.parse)(&uses(loaded, entry.name), cx).map(RuleTarget::Extension);
    }
    match name {
        b"ACCEPT" => Ok(RuleTarget::Accept),
        b"RETURN" => Ok(RuleTarget::Return),
        b"DROP" if cx.table == "nat" => Err(Box::new(
            Diagnostic::error(codes::TARGET_INVALID_HERE, target.name.span, "the nat table does not filter")
                .help("drop in filter or raw: NAT sees only the first packet of a connection")
                .parameter(
                    "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n",
                ),
        )),
        b"DROP" => Ok(RuleTarget::Drop),
        _ => Ok(RuleTarget::Jump(name.to_vec())),
    }
}

/// `-i` where there is no incoming interface, `-o` where there is no outgoing one; by chain name, as the original.
fn check_interfaces(ast: &RuleAst<'_>, chain: &[u8]) -> Built<()> {
    let refuse = |part: &Negatable<Word<'_>>, letter: char, side: &str| {
        let chain = String::from_utf8_lossy(chain);
        Err(Box::new(
            Diagnostic::error(
                codes::TARGET_INVALID_HERE,
                part.span,
                format!("{chain} has no {side} interface"),
            )
            .help(format!("drop `-{letter}`, or put the rule where packets have one"))
            .parameter(format!("Can't use -{letter} with {chain}\n"))
            .later_parameter(format!(
                "Can't use --{}-interface with {chain}",
                if letter == 'i' { "in" } else { "out" }
            )),
        ))
    };
    match (&ast.in_interface, &ast.out_interface, chain) {
        (Some(part), _, b"OUTPUT" | b"POSTROUTING") => refuse(part, 'i', "incoming"),
        (_, Some(part), b"INPUT" | b"PREROUTING") => refuse(part, 'o', "outgoing"),
        _ => Ok(()),
    }
}

/// The diagnostic for `-j NAME` where no target or chain has that name. `chains` are those of the table.
#[must_use]
pub fn unknown_target(
    name: &Word<'_>,
    table: &str,
    chains: &[&str],
    dictionary: &dyn Dictionary,
) -> Box<Diagnostic> {
    let shown = name.lossy();
    let classic = format!("Chain '{shown}' does not exist");
    let targets = dictionary.target_names();
    let meant = dictionary.target_meant_by(&name.text);
    let near = meant
        .or_else(|| rfw_values::suggest(&name.text, targets.iter().copied().chain(chains.iter().copied())));
    // A word all in capitals that resembles a target is a mistyped target; anything else is a chain nobody made.
    match near {
        Some(near) => {
            let mut diagnostic = Diagnostic::error(
                codes::UNKNOWN_TARGET,
                name.span,
                format!("no target or chain is called `{shown}`"),
            )
            .help(format!("did you mean `{near}`?"))
            .parameter(classic);
            let safety = if near.eq_ignore_ascii_case(&shown) {
                FixSafety::Safe
            } else if meant.is_some() {
                FixSafety::Unsafe
            } else {
                FixSafety::Suggestion
            };
            diagnostic = diagnostic.fix(name.span, near, safety);
            Box::new(diagnostic)
        }
        None => Box::new(
            Diagnostic::error(
                codes::UNDEFINED_CHAIN,
                name.span,
                format!("chain `{shown}` is not defined in table {table}"),
            )
            .help(format!(
                "make it first: `:{shown} - [0:0]` in a file, `-t {table} -N {shown}` as a command"
            ))
            .parameter(classic),
        ),
    }
}
