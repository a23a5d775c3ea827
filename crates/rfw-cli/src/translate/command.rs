//! One iptables command in nft's words.

use rfw_compiler::nft_syntax::{Nearly, Untranslatable, chain_name, family_word, nearly, rule_text};
use rfw_compiler::{BaseChain, TableSpec, lower};
use rfw_diagnostics::{Classic, Diagnostic, codes};
use rfw_extensions::Encoding;
use rfw_nft::{Expr, Family};
use rfw_syntax::{Action, Command, Word};

use super::{Form, Text};
use crate::engine::Done;
use crate::iptables;
use crate::names::SystemNames;

/// `enum nf_inet_hooks`.
const HOOKS: [&str; 5] = ["prerouting", "input", "forward", "output", "postrouting"];

/// The lines for a command. `shown`, in the form that is wanted, stands in the comment for what nft cannot write; `unwritable` is how the original says
/// that it does not translate a command.
pub fn lines(
    family: Family,
    spec: &'static TableSpec,
    command: &Command<'_>,
    (shown, form): (&str, Form),
    names: &SystemNames,
    unwritable: &dyn Fn() -> Classic,
) -> Done<Vec<Text>> {
    let (table, chain) = (table(family, spec), command.chain.as_ref());
    let refuse = |reason: &str| {
        Err(Box::new(
            Diagnostic::error(codes::OPTION_NOT_WITH_COMMAND, command.at, "this command has no nft form")
                .help(reason.to_owned())
                .classic(unwritable()),
        )
        .into())
    };
    let made = match (command.action, chain) {
        (Action::Append | Action::Insert, Some(chain)) => {
            return rules(family, spec, command, chain, (shown, form), names);
        }
        (Action::NewChain, Some(chain)) => named(chain).map(|chain| format!("add chain {table} {chain}")),
        (Action::DeleteChain, Some(chain)) => {
            named(chain).map(|chain| format!("delete chain {table} {chain}"))
        }
        (Action::Flush, Some(chain)) => named(chain).map(|chain| format!("flush chain {table} {chain}")),
        (Action::Flush, None) => Ok(format!("flush table {table}")),
        (Action::List, Some(chain)) => named(chain).map(|chain| format!("list chain {table} {chain}")),
        (Action::List, None) => Ok(format!("list table {table}")),
        (Action::RenameChain, Some(chain)) => match &command.argument {
            Some(new) => named(chain)
                .and_then(|chain| named(new).map(|new| format!("rename chain {table} {chain} {new}"))),
            None => return refuse("it lacks the new name"),
        },
        (Action::Policy, Some(chain)) => {
            let policy = command.argument.as_ref().map_or(&b""[..], |word| &word.text);
            match (spec.chain(&chain.text), policy) {
                (Some(base), b"ACCEPT" | b"DROP") => Ok(base_chain(&table, base, Some(policy))),
                (Some(_), _) => return refuse("a policy is ACCEPT or DROP"),
                (None, _) => return refuse("only built-in chains have a policy"),
            }
        }
        (Action::DeleteChain, _) => return refuse("name the chain: nft cannot delete all that are empty"),
        (Action::Delete | Action::DeleteNumber | Action::Replace, _) => {
            return refuse("nft knows rules by handle only: `nft -a list ruleset` shows them");
        }
        (Action::Check | Action::ListRules, _) => return refuse("`nft list ruleset` shows the rules"),
        _ => return refuse("nft 1.0.6 has no command that does this"),
    };
    Ok(vec![made.map_or_else(|error| Text::Note(format!("{shown}: {error}")), Text::Command)])
}

fn named<'w>(word: &'w Word<'_>) -> Result<&'w str, Untranslatable> {
    chain_name(&word.text)
}

/// `ip filter`.
pub fn table(family: Family, spec: &TableSpec) -> String {
    format!("{} {}", family_word(family), spec.name)
}

/// `add chain ip filter INPUT { type filter hook input priority 0; policy accept; }`. It also changes one that is there.
pub fn base_chain(table: &str, base: &BaseChain, policy: Option<&[u8]>) -> String {
    let hook = HOOKS.get(base.hook as usize).copied().unwrap_or_default();
    let policy = policy.map_or_else(String::new, |policy| {
        format!("policy {}; ", String::from_utf8_lossy(policy).to_lowercase())
    });
    format!(
        "add chain {table} {} {{ type {} hook {hook} priority {}; {policy}}}",
        base.name, base.kind, base.priority
    )
}

/// The lines for a rule that is there already as expressions.
pub fn expressions(
    table: &str,
    chain: &[u8],
    (exprs, userdata): (&[Expr], &[u8]),
    family: Family,
) -> Result<Vec<Text>, Untranslatable> {
    let chain = chain_name(chain)?;
    let written = rule_text(exprs, userdata, family)?;
    let mut lines: Vec<Text> = written.notes.into_iter().map(Text::Note).collect();
    lines.push(Text::Rule(format!("add rule {table} {chain} {}", written.text)));
    Ok(lines)
}

fn rules(
    family: Family,
    spec: &'static TableSpec,
    command: &Command<'_>,
    chain: &Word<'_>,
    (shown, form): (&str, Form),
    names: &SystemNames,
) -> Done<Vec<Text>> {
    let table = table(family, spec);
    let counters = command.rule.counters.unwrap_or_default();
    let mut lines = Vec::new();
    for rule in &iptables::built(family, spec, command, names, &mut crate::report::error_text)? {
        let lowered = lower(rule, Encoding::Native, family, counters);
        match expressions(&table, &chain.text, (&lowered.exprs, &lowered.userdata), family) {
            Ok(texts) => lines.extend(texts.into_iter().map(|text| placed(text, command, &table))),
            Err(error) => {
                lines.push(Text::Note(format!("{shown}: {}", error.explained(rule, family))));
                if let (true, Ok(chain)) = (form.nearly, chain_name(&chain.text)) {
                    let near = nearly(rule, family, counters).map(|near| block(near, command, &table, chain));
                    lines.extend(near);
                }
            }
        }
    }
    // One comment speaks for all the rules that a line with several addresses stands for.
    lines.dedup_by(|next, line| matches!((next, line), (Text::Note(next), Text::Note(line)) if next == line));
    Ok(lines)
}

/// What does nearly the same.
fn block(near: Nearly, command: &Command<'_>, table: &str, chain: &str) -> Text {
    let sets = near.sets.into_iter().map(|(name, body)| format!("add set {table} {name} {{ {body} }}"));
    let mut commands: Vec<String> = sets.collect();
    let rule = Text::Rule(format!("add rule {table} {chain} {}", near.text));
    if let Text::Rule(words) = placed(rule, command, table) {
        commands.push(words);
    }
    Text::Nearly { commands, differs: near.differs }
}

/// The same rule where `-I` wants it. nft counts from 0.
fn placed(text: Text, command: &Command<'_>, table: &str) -> Text {
    let Text::Rule(words) = &text else { return text };
    let prefix = format!("add rule {table} ");
    let Some((chain, rest)) = words.strip_prefix(&prefix).and_then(|rest| rest.split_once(' ')) else {
        return text;
    };
    match (command.action, command.number.unwrap_or(1)) {
        (Action::Insert, 0 | 1) => Text::Rule(format!("insert rule {table} {chain} {rest}")),
        (Action::Insert, number) => {
            Text::Rule(format!("insert rule {table} {chain} index {} {rest}", number - 1))
        }
        _ => text,
    }
}
