//! The `iptables` personality: one command.

use rfw_compiler::{BuildCx, Rule, RuleTarget, TableSpec, build, list_verbose_line};
use rfw_diagnostics::{Classic, CompatVersion, Diagnostic, Source, Span, codes};
use rfw_extensions::{Printer, Registry};
use rfw_kernel::Live;
use rfw_nft::Family;
use rfw_syntax::{Action, Command, Dictionary, Mode, RuleAst, Word, join_argv, parse_command};

use crate::engine::{Done, Halt, Origin, Transaction};
use crate::names::SystemNames;
use crate::personality::Personality;
use crate::report;
use crate::settings::Settings;
use crate::show;

/// Runs one command line; gives the exit status.
pub fn run(personality: &Personality, mut arguments: Vec<Vec<u8>>) -> u8 {
    let settings = match Settings::extract(&mut arguments) {
        Ok(settings) => settings,
        Err(text) => return report::plain(personality, &Classic::Parameter(text)),
    };
    let joined = join_argv(&arguments);
    let end = Span::new(joined.source.text.len().saturating_sub(1), joined.source.text.len());
    let registry = Registry::new(personality.family);
    let command = match parse_command(&joined.words, end, Mode::CommandLine, &registry) {
        Ok(command) => command,
        Err(stray) => {
            let names = SystemNames::default();
            let told = told_of_bang(personality, stray, &joined.words, Mode::CommandLine, &names);
            return report::diagnostics(personality, &[*told], 0, &joined.source, |_| None);
        }
    };
    for notice in &command.notices {
        report::error_text(&format!("{notice}\n"));
    }
    match command.action {
        Action::Help => return help(personality, &command),
        Action::Version => {
            report::output(format!("{}\n", personality.banner()).as_bytes());
            return 0;
        }
        _ => {}
    }
    let outcome = execute(personality, &command, &joined.words, settings);
    match outcome {
        Ok(()) => 0,
        Err(halt) => report_halt(personality, halt, &joined.source),
    }
}

/// Reports why a command did not work; gives the exit status.
pub fn report_halt(personality: &Personality, halt: Halt, source: &Source) -> u8 {
    match halt {
        // On the command line only the first kernel error is shown.
        Halt::Diagnostics(mut found) => {
            found.truncate(1);
            report::diagnostics(personality, &found, 0, source, |_| None)
        }
        Halt::Fatal(classic) => report::plain(personality, &classic),
        Halt::Conflict | Halt::Lists(_) => report::plain(
            personality,
            &Classic::Fatal("the ruleset keeps changing while it is being read".to_owned()),
        ),
    }
}

fn execute(
    personality: &Personality,
    command: &Command<'_>,
    words: &[Word<'_>],
    settings: Settings,
) -> Done<()> {
    let spec = table_spec(command)?;
    let names = SystemNames::default();
    let mut live = Live::open().map_err(|e| Halt::from(rfw_kernel::Error::Os(e)))?;
    match command.action {
        Action::List | Action::ListRules => {
            let text = show::show(&mut live, &names, personality, spec, command)?;
            report::output(&text);
            if command.also_zero {
                let zeroed = zero_shown(&mut live, &names, personality, spec, command, settings)?;
                if command.verbose > 0 {
                    report::output(&said_of_zeroed(spec, command, personality.version, &zeroed));
                }
            }
            Ok(())
        }
        _ => {
            let rules = built(personality.family, spec, command, &names, &mut report::error_text)?;
            let mut said = Vec::new();
            let done = retry(|| {
                said.clear();
                // `-A` refers to no other rule, so it reads none, however many it adds.
                let history = rules.len() > 1 && command.action != Action::Append;
                let mut transaction =
                    Transaction::begin(&mut live, &names, personality.family, settings, history)?;
                transaction.written_in(Origin::Words(words));
                apply(&mut transaction, spec, command, &rules, personality.version, &mut said)?;
                transaction.commit()
            });
            // What -v says comes before the refusal.
            report::output(&said);
            done
        }
    }
}

fn zero_shown(
    live: &mut Live,
    names: &SystemNames,
    personality: &Personality,
    spec: &'static TableSpec,
    command: &Command<'_>,
    settings: Settings,
) -> Done<Vec<Vec<u8>>> {
    retry(|| {
        let mut transaction = Transaction::begin(live, names, personality.family, settings, false)?;
        let table = transaction.table(spec)?;
        let zeroed = transaction.zero_listed(table, command.chain.as_ref(), command.at)?;
        transaction.commit()?;
        Ok(zeroed)
    })
}

/// Builds and sends again for as long as somebody else is faster.
pub fn retry<T>(mut attempt: impl FnMut() -> Done<T>) -> Done<T> {
    loop {
        match attempt() {
            Err(Halt::Conflict) => {}
            done => return done,
        }
    }
}

/// The table after `-t`, `filter` by default.
pub fn table_spec(command: &Command<'_>) -> Done<&'static TableSpec> {
    let name: &[u8] = command.table.as_ref().map_or(b"filter", |w| &w.text);
    TableSpec::named(name).ok_or_else(|| {
        let word = command.table.as_ref();
        let shown = String::from_utf8_lossy(name).into_owned();
        let span = word.map_or(command.at, |w| w.span);
        let tables = ["filter", "nat", "mangle", "raw", "security"];
        let help = match rfw_values::suggest(name, tables) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the tables are {}", tables.join(", ")),
        };
        Box::new(
            Diagnostic::error(codes::UNKNOWN_TABLE, span, format!("there is no table `{shown}`"))
                .help(help)
                .classic(Classic::Version(format!("table '{shown}' does not exist"))),
        )
        .into()
    })
}

/// `-p ! tcp`: the original takes `!` for a value and refuses that, before it comes to the word that is too many.
pub fn told_of_bang(
    personality: &Personality,
    stray: Box<Diagnostic>,
    words: &[Word<'_>],
    mode: Mode,
    names: &SystemNames,
) -> Box<Diagnostic> {
    let at = words.iter().position(|word| word.span == stray.span).unwrap_or_default();
    let bangs = || words[..at].iter().filter(|word| *word.text == *b"!");
    if stray.code != codes::STRAY_WORD || bangs().next().is_none() {
        return stray;
    }
    let registry = Registry::new(personality.family);
    let Ok(command) = parse_command(&words[..at], stray.span, mode, &registry) else { return stray };
    let Ok(spec) = table_spec(&command) else { return stray };
    let addresses = [&command.rule.source, &command.rule.destination];
    let late = |span: Span| addresses.into_iter().flatten().any(|word| word.value.span == span);
    let found = match built(personality.family, spec, &command, names, &mut |_| {}) {
        Err(Halt::Diagnostics(found)) => found.into_iter().next(),
        _ => None,
    };
    let found = found.filter(|found| bangs().any(|bang| bang.span == found.span) && !late(found.span));
    match found.and_then(|found| found.words(personality.version).cloned()) {
        Some(classic) => Box::new(stray.classic(classic)),
        None => stray,
    }
}

fn takes_rule(action: Action) -> bool {
    matches!(action, Action::Append | Action::Insert | Action::Delete | Action::Replace | Action::Check)
}

/// The rules that the command's specification stands for; what iptables warns of goes to `warn`, line by line.
pub fn built(
    family: Family,
    spec: &TableSpec,
    command: &Command<'_>,
    names: &SystemNames,
    warn: &mut dyn FnMut(&str),
) -> Done<Vec<Rule>> {
    if !takes_rule(command.action) {
        return Ok(Vec::new());
    }
    let chain = command.chain.as_ref().map_or(&b""[..], |w| &w.text);
    let cx = BuildCx { family, table: spec.name, chain, names };
    warnings_of_words(&command.rule).for_each(|text| warn(&text));
    let rules = build(&command.rule, &cx)?;
    warnings_of_rules(family, command, &rules).iter().for_each(|text| warn(text));
    if command.action == Action::Replace && rules.len() > 1 {
        return Err(Box::new(
            Diagnostic::error(
                codes::BAD_VALUE,
                command.at,
                "several addresses make several rules, and -R replaces one",
            )
            .help("delete the rule and insert the new ones")
            .parameter("Replacement rule does not specify a unique address"),
        )
        .into());
    }
    Ok(rules)
}

/// What iptables says of options that it takes with a warning.
pub fn warnings_of_words(rule: &RuleAst<'_>) -> impl Iterator<Item = String> {
    rule.warnings().map(|text| format!("{text}\n"))
}

/// What iptables says of rules that it takes with a warning; several addresses in one command say it once.
pub fn warnings_of_rules(family: Family, command: &Command<'_>, rules: &[Rule]) -> Vec<String> {
    let mut warnings = Vec::new();
    let matches = rules.first().map_or(&[][..], |rule| &rule.matches);
    for (part, loaded) in matches.iter().zip(&command.rule.matches) {
        warnings.extend(part.warnings(&loaded.uses).iter().map(|text| format!("{text}\n")));
    }
    warnings.extend(warning_of_headers(family, command, rules));
    warnings
}

/// IPv6 extension headers are no protocol that `-p` would see: a packet's protocol is that of its last header.
fn warning_of_headers(family: Family, command: &Command<'_>, rules: &[Rule]) -> Option<String> {
    const HEADERS: [u8; 5] = [0, 43, 44, 51, 60];
    if family != Family::Ipv6 {
        return None;
    }
    if let (Some(rule), Some(word)) = (rules.first(), &command.rule.protocol)
        && rule
            .selector
            .protocol_pair()
            .is_some_and(|(number, inverted)| HEADERS.contains(&number) && !inverted)
    {
        let shown = word.value.lossy().to_lowercase();
        return Some(format!("Warning: never matched protocol: {shown}. use extension match instead.\n"));
    }
    None
}

/// Adds what a command does to a transaction; `said` is what `-v` prints, also of what is done before a mistake is found.
pub fn apply(
    transaction: &mut Transaction<'_>,
    spec: &'static TableSpec,
    command: &Command<'_>,
    rules: &[Rule],
    version: CompatVersion,
    said: &mut Vec<u8>,
) -> Done<()> {
    let table = transaction.table(spec)?;
    let verbose = command.verbose > 0;
    let chain = command.chain.as_ref();
    let span = rule_span(command);
    if let (Some(target), true) = (&command.rule.target, takes_rule(command.action))
        && rules.first().is_some_and(|r| matches!(r.target, RuleTarget::Jump(_) | RuleTarget::Goto(_)))
    {
        let registry = Registry::new(transaction.family());
        transaction.check_target(table, &target.name, &registry)?;
    }
    if takes_rule(command.action) {
        let Some(chain) = chain else { return Ok(()) };
        for rule in rules {
            // Only -A says what it is going to do; the others say what they have done.
            if verbose && command.action == Action::Append {
                say_rule(transaction, version, rule, said);
            }
            apply_rule(transaction, table, command, chain, rule, span)?;
            if verbose && command.action != Action::Append {
                say_rule(transaction, version, rule, said);
            }
        }
        return Ok(());
    }
    let chains = apply_to_chains(transaction, table, command, span)?;
    if verbose {
        said.extend(match command.action {
            Action::Flush => said_of_chains("Flushing", &chains),
            // Of built-in chains nothing is said, though they may go.
            Action::DeleteChain if chain.is_some_and(|c| spec.chain(&c.text).is_some()) => Vec::new(),
            Action::DeleteChain => said_of_chains("Deleting", &chains),
            Action::ZeroNumber => Vec::new(),
            _ => said_of_zeroed(spec, command, version, &chains),
        });
    }
    Ok(())
}

fn say_rule(transaction: &Transaction<'_>, version: CompatVersion, rule: &Rule, said: &mut Vec<u8>) {
    let mut printer = Printer {
        out: said,
        family: transaction.family(),
        names: transaction.names(),
        numeric: true,
        version,
        protocol: None,
    };
    list_verbose_line(rule, &mut printer);
}

/// ``Flushing chain `X'``, for `-v`.
pub fn said_of_chains(what: &str, names: &[Vec<u8>]) -> Vec<u8> {
    let line = |name: &Vec<u8>| format!("{what} chain `{}'\n", String::from_utf8_lossy(name));
    names.iter().map(line).collect::<String>().into_bytes()
}

/// ``Zeroing chain `X'``; 1.8.11 says it of built-in chains that were never made, too.
fn said_of_zeroed(
    spec: &TableSpec,
    command: &Command<'_>,
    version: CompatVersion,
    zeroed: &[Vec<u8>],
) -> Vec<u8> {
    let one = command.chain.is_some();
    let missing = spec.chains.iter().map(|base| base.name.as_bytes().to_vec());
    let mut names: Vec<Vec<u8>> =
        if one || version == CompatVersion::V1_8_9 { Vec::new() } else { missing.collect() };
    let found: Vec<Vec<u8>> = zeroed.iter().filter(|name| !names.contains(name)).cloned().collect();
    names.extend(found);
    said_of_chains("Zeroing", &names)
}

/// What a command does with one of its rules.
fn apply_rule(
    transaction: &mut Transaction<'_>,
    table: usize,
    command: &Command<'_>,
    chain: &Word<'_>,
    rule: &Rule,
    span: Span,
) -> Done<()> {
    use crate::engine::Wanted;
    let wanted = Wanted { rule, counters: command.rule.counters.unwrap_or((0, 0)), span };
    let number = command.number.unwrap_or(1);
    match command.action {
        Action::Append => {
            let index = transaction.chain_for_rules(table, chain)?;
            transaction.append(table, index, wanted)
        }
        Action::Insert => {
            let index = transaction.chain_for_rules(table, chain)?;
            transaction.insert(table, index, number, wanted, span)
        }
        Action::Replace => {
            if transaction.find_chain(table, &chain.text)?.is_none() {
                return Err(transaction.no_chain(table, chain));
            }
            let index = transaction.chain_for_rules(table, chain)?;
            transaction.replace(table, index, number, wanted, span)
        }
        Action::Delete => transaction.delete_rule(table, chain, rule, span),
        Action::Check => transaction.check_rule(table, chain, rule, span),
        _ => Ok(()),
    }
}

/// What a command does that has no rule; gives the chains that `-v` may name.
fn apply_to_chains(
    transaction: &mut Transaction<'_>,
    table: usize,
    command: &Command<'_>,
    span: Span,
) -> Done<Vec<Vec<u8>>> {
    match (command.action, command.chain.as_ref(), command.argument.as_ref(), command.number) {
        (Action::DeleteNumber, Some(chain), _, Some(number)) => {
            transaction.delete_number(table, chain, number, span)?;
        }
        (Action::Flush, chain, ..) => return transaction.flush(table, chain, command.at),
        (Action::Zero | Action::ZeroNumber, chain, _, number) => {
            return transaction.zero(table, chain, number, command.at);
        }
        (Action::NewChain, Some(chain), ..) => transaction.new_chain(table, chain)?,
        (Action::DeleteChain, chain, ..) => {
            return transaction.delete_chains(table, chain, command.at, command.verbose > 0);
        }
        (Action::RenameChain, Some(chain), Some(new), _) => transaction.rename(table, chain, new)?,
        (Action::Policy, Some(chain), Some(policy), _) => {
            transaction.set_policy(table, chain, policy, (0, 0), false)?;
        }
        // The grammar gives every command the words it needs.
        _ => {}
    }
    Ok(Vec::new())
}

/// The words of a command that a kernel error is about.
fn rule_span(command: &Command<'_>) -> Span {
    let rule = &command.rule;
    let mut span = command.at;
    let parts = [&rule.source, &rule.destination, &rule.in_interface, &rule.out_interface, &rule.protocol];
    for part in parts.into_iter().flatten() {
        span = span.to(part.span);
    }
    for loaded in &rule.matches {
        span = loaded.uses.iter().fold(span.to(loaded.at), |span, used| span.to(used.span()));
    }
    if let Some(target) = &rule.target {
        span = span.to(target.name.span);
        if let Some(loaded) = &target.extension {
            span = loaded.uses.iter().fold(span, |span, used| span.to(used.span()));
        }
    }
    if let Some(chain) = &command.chain {
        span = span.to(chain.span);
    }
    span
}

/// Prints the help of a command line; gives the exit status.
pub fn help(personality: &Personality, command: &Command<'_>) -> u8 {
    let (program, banner) = (personality.program(), personality.banner());
    let mut text = format!(
        "{banner}\n\n\
         Usage: {program} -[ACD] chain rule-specification [options]\n\
         \x20      {program} -I chain [rulenum] rule-specification [options]\n\
         \x20      {program} -R chain rulenum rule-specification [options]\n\
         \x20      {program} -D chain rulenum [options]\n\
         \x20      {program} -[LS] [chain [rulenum]] [options]\n\
         \x20      {program} -[FZ] [chain] [options]\n\
         \x20      {program} -[NX] chain\n\
         \x20      {program} -E old-chain-name new-chain-name\n\
         \x20      {program} -P chain target [options]\n\
         \x20      {program} -h (print this help information)\n\n"
    );
    text.push_str(HELP_OPTIONS);
    let mut described: Vec<_> =
        command.rule.matches.iter().filter_map(|m| Registry::match_entry(m.id)).collect();
    let registry = Registry::new(personality.family);
    let protocol = command.rule.protocol.as_ref().and_then(|p| registry.implicit_match(&p.value.text));
    if let Some(entry) = protocol.and_then(Registry::match_entry)
        && described.iter().all(|d| d.name != entry.name)
    {
        described.push(entry);
    }
    for entry in described {
        show::describe(&mut text, &format!("{} match", entry.name), entry.summary, entry.options);
    }
    let target = command.rule.target.as_ref().and_then(|t| t.extension.as_ref());
    if let Some(entry) = target.and_then(|t| Registry::target_entry(t.id)) {
        show::describe(&mut text, &format!("{} target", entry.name), entry.summary, entry.options);
    }
    report::output(text.as_bytes());
    0
}

const HELP_OPTIONS: &str = "\
Commands:
Either long or short options are allowed.
  --append  -A chain            append a rule to the chain
  --check   -C chain            look for a rule, exit 1 if it is not there
  --delete  -D chain            delete the first rule that matches
  --delete  -D chain rulenum    delete a rule by number (1 is the first)
  --insert  -I chain [rulenum]  insert a rule, as number 1 by default
  --replace -R chain rulenum    replace a rule
  --list    -L [chain [rulenum]]        list rules in columns
  --list-rules -S [chain [rulenum]]     print rules as commands
  --flush   -F [chain]          delete all rules
  --zero    -Z [chain [rulenum]]        zero the counters
  --new     -N chain            make a user chain
  --delete-chain -X [chain]     delete a user chain
  --policy  -P chain target     set the policy of a built-in chain
  --rename-chain -E old new     rename a chain
Options:
    --ipv4      -4              nothing (iptables) or an error (ip6tables)
    --ipv6      -6              an error (iptables) or nothing (ip6tables)
[!] --protocol  -p proto        protocol by number or name
[!] --source    -s address[/mask][,...]
[!] --destination -d address[/mask][,...]
[!] --in-interface -i name[+]   + matches any end of the name
 --jump -j target               where packets go
  --goto      -g chain          go to a chain without return
  --match       -m match        load a match (-m NAME -h describes it)
  --numeric     -n              numbers instead of names
[!] --out-interface -o name[+]
  --table       -t table        filter (default), nat, mangle, raw, security
  --verbose     -v              more output
  --wait        -w [seconds]    accepted; transactions need no lock
  --line-numbers                print rule numbers
  --exact       -x              exact counters
[!] --fragment  -f              second and later fragments only
  --modprobe=<command>          accepted
  --set-counters -c packets bytes       counters of a new rule
  --encoding auto|native|compat         how rules are written to the kernel (rfw)
  --compat-version 1.8.9|1.8.11         the release of iptables whose texts are printed (rfw)
  --no-xt                       refuse what needs nft_compat (rfw)
  --version     -V              print the version
";
