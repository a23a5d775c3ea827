//! Rulesets as text: `-L`, `-S`, save.

use std::collections::HashMap;

use rfw_compiler::builtin::TABLES;
use rfw_compiler::{ListOptions, Stored, TableSpec, list_heading, list_rule, print_stored};
use rfw_diagnostics::{Classic, CompatVersion, Diagnostic, codes};
use rfw_extensions::{Names, Printer};
use rfw_kernel::{Chain, Error, Kernel, TableId, consistent};
use rfw_nft::Family;
use rfw_syntax::{Action, Command, OptionSpec};

use crate::engine::{Done, is_base, is_ours, read_chains};
use crate::personality::Personality;
use crate::report;

/// A chain with its rules.
pub struct ChainView {
    /// Its name.
    pub name: Vec<u8>,
    /// Policy and counters of a base chain.
    pub policy: Option<(u32, (u64, u64))>,
    /// Jumps to it.
    pub references: usize,
    /// Its rules, in order.
    pub rules: Vec<Stored>,
}

/// A table as it is in the kernel.
pub struct TableView {
    /// Which one.
    pub spec: &'static TableSpec,
    /// Whether it exists.
    pub exists: bool,
    /// Base chains by hook, then user chains by name.
    pub chains: Vec<ChainView>,
    /// Base chains that iptables would not know as its own.
    pub foreign_base: Vec<String>,
}

/// Reads a table; with `only`, the rules of that chain alone.
pub fn read(
    kernel: &mut dyn Kernel,
    names: &dyn Names,
    family: Family,
    spec: &'static TableSpec,
    only: Option<&[u8]>,
) -> Result<TableView, Error> {
    let id = TableId::new(family, spec.name.as_bytes());
    consistent(|| {
        let exists = kernel.table(id)?.is_some();
        let mut chains = if exists { kernel.chains(id)? } else { Vec::new() };
        let mut foreign_base = Vec::new();
        chains.retain(|chain| {
            let known = is_ours(chain, spec);
            if !known {
                foreign_base.push(String::from_utf8_lossy(&chain.name).into_owned());
            }
            known
        });
        let mut views = views(spec, &chains);
        let uses: HashMap<&[u8], u32> = chains.iter().map(|c| (c.name.as_slice(), c.use_count)).collect();
        // One dump per chain: the kernel skips from the start of what it dumps in every message, so that a dump of the
        // whole table costs the square of all its rules.
        let wanted = |view: &ChainView| {
            uses.contains_key(view.name.as_slice()) && only.is_none_or(|name| name == view.name)
        };
        let (places, wanted): (Vec<usize>, Vec<&[u8]>) = views
            .iter()
            .enumerate()
            .filter(|(_, v)| wanted(v))
            .map(|(at, v)| (at, v.name.as_slice()))
            .unzip();
        let rules = read_chains(kernel, id, &wanted, family, names)?;
        for (at, rules) in places.into_iter().zip(rules) {
            views[at].rules = rules;
        }
        for view in &mut views {
            let uses = uses.get(view.name.as_slice()).copied().unwrap_or(0);
            view.references = (uses as usize).saturating_sub(view.rules.len());
        }
        Ok(TableView { spec, exists, chains: views, foreign_base })
    })
}

fn views(spec: &'static TableSpec, chains: &[Chain]) -> Vec<ChainView> {
    let empty =
        |name: &[u8], policy| ChainView { name: name.to_vec(), policy, references: 0, rules: Vec::new() };
    let mut views: Vec<ChainView> = spec
        .chains
        .iter()
        .map(|base| {
            let found = chains.iter().find(|c| is_base(c, base));
            let policy = found.and_then(|c| c.policy).unwrap_or(1);
            let counters = found.and_then(|c| c.counters).map_or((0, 0), |c| (c.packets, c.bytes));
            empty(base.name.as_bytes(), Some((policy, counters)))
        })
        .collect();
    let mut users: Vec<&Chain> = chains.iter().filter(|c| c.hook.is_none()).collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    views.extend(users.into_iter().map(|c| empty(&c.name, None)));
    views
}

fn policy_name(policy: u32) -> &'static str {
    if policy == 0 { "DROP" } else { "ACCEPT" }
}

/// `-L` and `-S`.
pub fn show(
    kernel: &mut dyn Kernel,
    names: &dyn Names,
    personality: &Personality,
    spec: &'static TableSpec,
    command: &Command<'_>,
) -> Done<Vec<u8>> {
    let only = command.chain.as_ref().map(|w| w.text.as_ref());
    let view = read(kernel, names, personality.family, spec, only)?;
    if let Some(word) = &command.chain
        && !view.chains.iter().any(|c| c.name == word.text.as_ref())
    {
        let shown = word.lossy();
        if personality.version > CompatVersion::V1_8_9 && !view.foreign_base.is_empty() {
            report::output(foreign_note(spec).as_bytes());
        }
        return Err(Box::new(
            Diagnostic::error(
                codes::NO_SUCH_CHAIN,
                word.span,
                format!("there is no chain `{shown}` in table {}", spec.name),
            )
            .help(format!("`-t {} -S` shows the chains", spec.name))
            .classic(Classic::Refused(format!(
                "chain `{shown}' in table `{}' is incompatible, use 'nft' tool.",
                spec.name
            )))
            .later(Classic::Other("No chain/target/match by that name".to_owned())),
        )
        .into());
    }
    let mut out = Vec::new();
    let mut printer = Printer {
        out: &mut out,
        family: personality.family,
        names,
        numeric: command.numeric,
        version: personality.version,
        protocol: None,
    };
    if !view.foreign_base.is_empty() && only.is_none() {
        printer.text(&foreign_note(spec));
    }
    let chains: Vec<&ChainView> =
        view.chains.iter().filter(|c| only.is_none_or(|name| c.name == name)).collect();
    if command.action == Action::List {
        list(&chains, command, &mut printer);
    } else {
        list_rules(&chains, command, only.is_some(), &mut printer);
    }
    Ok(out)
}

/// Says that there are chains which are not shown.
pub fn foreign_note(spec: &TableSpec) -> String {
    format!("# Table `{}' contains incompatible base-chains, use 'nft' tool to list them.\n", spec.name)
}

fn list(chains: &[&ChainView], command: &Command<'_>, out: &mut Printer<'_>) {
    let options = ListOptions {
        verbose: command.verbose > 0,
        numeric: command.numeric,
        exact: command.exact,
        line_numbers: command.line_numbers,
    };
    for (index, chain) in chains.iter().enumerate() {
        if command.number.is_none() {
            if index > 0 {
                out.text("\n");
            }
            chain_heading(chain, options, out);
            out.text(&list_heading(options));
        }
        for (at, stored) in chain.rules.iter().enumerate() {
            if command.number.is_none_or(|n| n as usize == at + 1) {
                list_rule(stored, at + 1, options, out);
            }
        }
    }
}

fn chain_heading(chain: &ChainView, options: ListOptions, out: &mut Printer<'_>) {
    let name = String::from_utf8_lossy(&chain.name);
    match chain.policy {
        Some((policy, _)) if !options.verbose => {
            out.fmt(format_args!("Chain {name} (policy {})\n", policy_name(policy)));
        }
        Some((policy, (packets, bytes))) => out.fmt(format_args!(
            "Chain {name} (policy {} {} packets, {} bytes)\n",
            policy_name(policy),
            rfw_compiler::list::counter(packets, options.exact).trim(),
            rfw_compiler::list::counter(bytes, options.exact).trim(),
        )),
        None => out.fmt(format_args!("Chain {name} ({} references)\n", chain.references)),
    }
}

fn list_rules(chains: &[&ChainView], command: &Command<'_>, one: bool, out: &mut Printer<'_>) {
    let verbose = command.verbose > 0;
    if command.number.is_none() {
        for chain in chains {
            match chain.policy {
                Some((policy, (packets, bytes))) => {
                    out.text("-P ");
                    out.bytes(&chain.name);
                    out.fmt(format_args!(" {}", policy_name(policy)));
                    if verbose {
                        out.fmt(format_args!(" -c {packets} {bytes}"));
                    }
                    out.text("\n");
                }
                None => {
                    out.text("-N ");
                    out.bytes(&chain.name);
                    out.text("\n");
                }
            }
        }
    }
    for chain in chains {
        for (at, stored) in chain.rules.iter().enumerate() {
            if command.number.is_none_or(|n| n as usize == at + 1) {
                print_stored(&chain.name, stored, verbose.then_some(stored.counters), out);
                out.text("\n");
            }
        }
    }
    debug_assert!(!one || chains.len() == 1);
}

/// One table as a save file's block, from `*table` to `COMMIT`.
pub fn save_table(view: &TableView, counters: bool, out: &mut Printer<'_>) {
    out.fmt(format_args!("*{}\n", view.spec.name));
    for chain in &view.chains {
        out.text(":");
        out.bytes(&chain.name);
        match chain.policy {
            Some((policy, (packets, bytes))) => {
                out.fmt(format_args!(" {} [{packets}:{bytes}]\n", policy_name(policy)));
            }
            None => out.text(" - [0:0]\n"),
        }
    }
    for chain in &view.chains {
        for stored in &chain.rules {
            if counters && matches!(stored.body, rfw_compiler::Body::Rule(_)) {
                out.fmt(format_args!("[{}:{}] ", stored.counters.0, stored.counters.1));
            }
            print_stored(&chain.name, stored, None, out);
            out.text("\n");
        }
    }
    out.text("COMMIT\n");
}

/// All tables, in the order in which iptables-save prints them.
pub fn all_tables() -> impl Iterator<Item = &'static TableSpec> {
    TABLES.iter()
}

/// The help of one extension.
pub fn describe(text: &mut String, heading: &str, summary: &str, options: &[OptionSpec]) {
    text.push_str(&format!("\n{heading}: {summary}\n"));
    for option in options.iter().filter(|o| o.alias_of.is_none()) {
        let sign = if option.invertible { "[!] " } else { "    " };
        let form = format!("{sign}--{} {}", option.name, option.value);
        text.push_str(&format!("{:<40}{}\n", form.trim_end(), option.help));
    }
}
