//! Manual pages.

use clap::{Arg, Command};
use rfw_extensions::Families;

use super::own;
use super::words::{self, Extension, Word};

/// A page.
pub struct Page {
    name: String,
    section: u8,
    /// Its roff.
    pub text: String,
}

impl Page {
    /// `rfw.8`.
    pub fn file(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }
}

/// All pages.
pub fn pages(program: &Command) -> Vec<Page> {
    let mut pages = vec![rfw(program), restore(), save()];
    let documented = |command: &&Command| !["restore", "save", "help"].contains(&command.get_name());
    pages.extend(own::first(program).filter(documented).map(own_command));
    pages
}

/// Commands that look at texts are for everybody; the others are for root.
fn section(name: &str) -> u8 {
    if ["lint", "rules", "lsp", "explain", "completions", "translate"].contains(&name) { 1 } else { 8 }
}

/// Roff that is being written.
struct Roff(String);

impl Roff {
    /// The top of a page; the first of the names is the page's.
    fn page(names: &str, section: u8, about: &str) -> Self {
        let title = names.split(',').next().unwrap_or_default().to_uppercase();
        let version = env!("CARGO_PKG_VERSION");
        let mut roff = Self(String::from(".\\\" Made by `rfw man`; do not edit.\n"));
        roff.0.push_str(&format!(".TH {} {section} \"\" \"rfw {version}\" \"rfw\"\n", plain(&title)));
        roff.section("NAME");
        roff.0.push_str(&format!("{} \\- {}\n", plain(names), plain(about)));
        roff
    }

    fn section(&mut self, heading: &str) {
        self.0.push_str(&format!(".SH {heading}\n"));
    }

    /// A paragraph.
    fn text(&mut self, text: &str) {
        self.0.push_str(&format!(".PP\n{}\n", plain(text)));
    }

    /// Lines that stay as they are.
    fn example(&mut self, lines: &[&str]) {
        self.0.push_str(".PP\n.RS 4\n.nf\n");
        for line in lines {
            self.0.push_str(&format!("{}\n", plain(line)));
        }
        self.0.push_str(".fi\n.RE\n");
    }

    /// Something and what it is: bold what is typed, italic what is put in.
    fn item(&mut self, bold: &str, italic: &str, text: &str) {
        let italic = if italic.is_empty() { String::new() } else { format!(" \\fI{}\\fR", plain(italic)) };
        let text = if text.is_empty() { "\\&".to_owned() } else { plain(text) };
        self.0.push_str(&format!(".TP\n\\fB{}\\fR{italic}\n{text}\n", plain(bold)));
    }

    fn words(&mut self, words: &[Word]) {
        for word in words {
            let short = word.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
            self.item(&format!("{short}--{}", word.long), word.value, &sentence(word.help));
        }
    }

    fn end(self, name: &str, section: u8) -> Page {
        Page { name: name.to_owned(), section, text: self.0 }
    }
}

/// Text without anything that roff would take for its own, in ASCII.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '`' => out.push_str("\\(ga"),
            '\'' => out.push_str("\\(aq"),
            '.' if out.is_empty() => out.push_str("\\&."),
            ascii if ascii.is_ascii() => out.push(ascii),
            other => out.push_str(&format!("\\[u{:04X}]", u32::from(other))),
        }
    }
    out
}

/// With a full stop.
fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

fn rfw(program: &Command) -> Page {
    let mut roff = Roff::page("rfw, rfw6", 8, "packet filter rules with the command line of iptables");
    roff.section("SYNOPSIS");
    roff.example(&[
        "rfw [-t TABLE] -A|-C|-D CHAIN RULE",
        "rfw [-t TABLE] -I CHAIN [NUMBER] RULE",
        "rfw [-t TABLE] -R CHAIN NUMBER RULE",
        "rfw [-t TABLE] -D CHAIN NUMBER",
        "rfw [-t TABLE] -L|-S|-Z [CHAIN [NUMBER]]",
        "rfw [-t TABLE] -F|-X [CHAIN]",
        "rfw [-t TABLE] -N CHAIN",
        "rfw [-t TABLE] -E OLD NEW",
        "rfw [-t TABLE] -P CHAIN TARGET",
        "rfw COMMAND ...",
    ]);
    roff.text("RULE is any of: selectors, -m MATCH with its options, -j TARGET with its options.");
    roff.section("DESCRIPTION");
    roff.text(
        "rfw reads the command lines of iptables, rfw6 those of ip6tables, and writes nf_tables rules to the kernel. \
         Options, listings, the first line of errors and exit statuses are those of iptables 1.8.9 (nf_tables). \
         Behind the first line a mistake is drawn at the words that it is in. Called as iptables, ip6tables, \
         iptables-restore, iptables-save, iptables-translate, iptables-apply, iptables-xml, xtables-monitor and so on, the \
         program is that program.",
    );
    roff.text("A first word without a dash is a command of rfw's own:");
    for command in own::first(program).filter(|command| command.get_name() != "help") {
        let name = command.get_name();
        let page = match name {
            "restore" | "save" => 8,
            name => section(name),
        };
        let about = sentence(&own::about(command));
        roff.item(&format!("rfw {name}"), "", &format!("{about} See rfw-{name}({page})."));
    }
    roff.section("COMMANDS");
    roff.words(words::COMMANDS);
    roff.section("OPTIONS");
    roff.words(words::OPTIONS);
    encodings(&mut roff);
    roff.section("MATCHES");
    roff.text(
        "A match is loaded by -m and its name; some are loaded by -p and a protocol when one of their options is \
         given. `[!]' stands before options that `!' may invert.",
    );
    words::matches().iter().for_each(|extension| describe(&mut roff, extension, "-m"));
    roff.section("TARGETS");
    roff.text(
        "Beside the verdicts ACCEPT, DROP, RETURN and QUEUE and the names of user chains there are these targets.",
    );
    words::targets().iter().for_each(|extension| describe(&mut roff, extension, "-j"));
    rfw_end(&mut roff);
    roff.end("rfw", 8)
}

fn encodings(roff: &mut Roff) {
    roff.section("ENCODINGS");
    roff.item("compat", "", "What iptables-nft writes, byte for byte: both programs work on one table.");
    roff.item(
        "native",
        "",
        "Pure nf_tables expressions wherever they mean exactly the same; nft lists them as a person would write them. \
         iptables refuses to show such a table.",
    );
    roff.item(
        "auto",
        "",
        "The default: native for tables that rfw made on a host where no other iptables would meet them, else compat.",
    );
    roff.text(
        "The option goes before the variable RFW_ENCODING, and that before `encoding' in /etc/rfw/rfw.toml. The same goes for \
         --compat-version, RFW_COMPAT_VERSION and `compat-version'.",
    );
}

fn rfw_end(roff: &mut Roff) {
    roff.section("EXIT STATUS");
    roff.item("0", "", "Done.");
    roff.item("1", "", "Something does not exist, exists already, or (-C) was not found.");
    roff.item("2", "", "The command line is wrong.");
    roff.item("3", "", "The versions of program and kernel do not fit.");
    roff.item("4", "", "The kernel refused.");
    roff.section("ENVIRONMENT");
    roff.item("RFW_ENCODING", "", "auto, native or compat.");
    roff.item("RFW_COMPAT_VERSION", "", "1.8.9 or 1.8.11.");
    roff.section("FILES");
    roff.item("/etc/rfw/rfw.toml", "", "Settings: encoding = \"auto\", compat-version = \"1.8.9\".");
    roff.item("/etc/rfw/rules.v4, /etc/rfw/rules.v6", "", "The rulesets of rfw-persist(8).");
    roff.section("EXAMPLES");
    roff.example(&[
        "rfw -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "rfw -A INPUT -p tcp --dport 22 -j ACCEPT",
        "rfw -P INPUT DROP",
        "rfw -t nat -A POSTROUTING -o eth0 -j MASQUERADE",
    ]);
    see_also(
        roff,
        &["rfw-restore(8)", "rfw-save(8)", "rfw-persist(8)", "rfw-lint(1)", "iptables(8)", "nft(8)"],
    );
}

fn see_also(roff: &mut Roff, pages: &[&str]) {
    roff.section("SEE ALSO");
    roff.text(&pages.join(", "));
}

fn describe(roff: &mut Roff, extension: &Extension, by: &str) {
    let family = match extension.families {
        Families::Both => "",
        Families::Ipv4 => " (IPv4)",
        Families::Ipv6 => " (IPv6)",
    };
    roff.0.push_str(&format!(".SS {}{family}\n", plain(extension.name)));
    let mut text = capital(&sentence(extension.summary));
    if !extension.aliases.is_empty() {
        text.push_str(&format!(" Also {by} {}.", extension.aliases.join(&format!(", {by} "))));
    }
    if !extension.implied_by.is_empty() {
        text.push_str(&format!(" Loaded by -p {}.", extension.implied_by.join(", -p ")));
    }
    roff.0.push_str(&format!("{}\n", plain(&text)));
    for option in extension.options.iter().filter(|option| option.alias_of.is_none()) {
        let others = extension.options.iter().filter(|other| other.alias_of == Some(option.name));
        let names: Vec<String> = std::iter::once(option.name)
            .chain(others.map(|o| o.name))
            .map(|name| format!("--{name}"))
            .collect();
        let sign = if option.invertible { "[!] " } else { "" };
        roff.item(&format!("{sign}{}", names.join(", ")), option.value, &capital(&sentence(option.help)));
    }
}

/// With a capital, unless it begins with something that is typed.
fn capital(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    match text.chars().next() {
        Some(first) if word.bytes().all(|b| b.is_ascii_lowercase()) => {
            format!("{}{}", first.to_ascii_uppercase(), &text[first.len_utf8()..])
        }
        _ => text.to_owned(),
    }
}

fn restore() -> Page {
    let mut roff = Roff::page("rfw-restore, rfw6-restore", 8, "load a saved ruleset as one transaction");
    roff.section("SYNOPSIS");
    roff.example(&["rfw-restore [OPTION ...] [FILE]", "rfw6-restore [OPTION ...] [FILE]"]);
    roff.section("DESCRIPTION");
    roff.text(
        "Reads a file in the format of iptables-save from FILE or standard input. The tables that it names are emptied \
         and filled in one transaction: the kernel has all of the file or nothing of it. A file with mistakes shows \
         all of them and changes nothing. If a table is named twice, there is a transaction up to each repetition.",
    );
    roff.text("Lines `#rfw:foreign' hold rules that have no form in iptables' words; they are put back as they were.");
    roff.section("OPTIONS");
    roff.words(words::RESTORE);
    roff.section("EXIT STATUS");
    roff.text(
        "As of rfw(8): 0 done, 1 or 2 mistakes in the file or on the command line, 4 the kernel refused.",
    );
    see_also(&mut roff, &["rfw(8)", "rfw-save(8)", "rfw-persist(8)", "rfw-lint(1)"]);
    roff.end("rfw-restore", 8)
}

fn save() -> Page {
    let mut roff = Roff::page("rfw-save, rfw6-save", 8, "print the running ruleset");
    roff.section("SYNOPSIS");
    roff.example(&["rfw-save [OPTION ...]", "rfw6-save [OPTION ...]"]);
    roff.section("DESCRIPTION");
    roff.text(
        "Prints all tables that exist, or one, in the format of iptables-save, which rfw-restore(8) and iptables-restore(8) \
         read. Rules that have no form in iptables' words are printed as `#rfw:foreign' lines, which only rfw-restore \
         understands; if one needs a set, a warning says that the file will be refused.",
    );
    roff.section("OPTIONS");
    roff.words(words::SAVE);
    see_also(&mut roff, &["rfw(8)", "rfw-restore(8)", "rfw-persist(8)"]);
    roff.end("rfw-save", 8)
}

/// What is to be said of own commands beside their options.
fn description(name: &str) -> &'static [&'static str] {
    match name {
        "lint" => &[
            "Reads rulesets and reports what is wrong with them: rules that can't be reached, tests that can't hold, \
             chains that nothing jumps to and so on. Nothing is sent to the kernel, and no privileges are needed but \
             for --live.",
            "The nearest rfw.toml above a file says what is known of the host, which checks are wanted and how bad they \
             are; /usr/share/doc/rfw/lint.md has all its keys. A line `# rfw: allow(CODE) reason' above a rule, or \
             `rfw:allow=CODE reason' in the rule's comment, leaves a finding out.",
            "Exit status: 0 if nothing as bad as --fail-on was found, 1 if something was (with --diff: if something would \
             change), 2 if the command or a setting is wrong or something could not be read, 3 for a fault of rfw itself.",
        ],
        "rules" => &["Exit status: 0, or 2 if a word names no check."],
        "lsp" => &[
            "Speaks the language server protocol on standard input and output: findings when a ruleset is opened or changed, \
             a check's page on hover, fixes and allowances as code actions. /usr/share/doc/rfw/editors.md tells how \
             editors start it.",
            "Exit status: 0, or 1 if the editor went away without shutting it down.",
        ],
        "explain" => &["Exit status: 0, or 2 if there is no such check."],
        "persist" => &[
            "save writes the running rulesets to rules.v4 and rules.v6 in /etc/rfw, each as a whole or not at all. load \
             puts them into the kernel, each in one transaction; files that are missing are looked for in \
             /etc/iptables. status shows in what files and kernel differ.",
            "A file that is broken (it has a mistake, names no table or names one twice, is refused by the kernel, or is \
             gone though it was loaded before) leaves the first of these: rules.v4.good, which is what was loaded last; \
             failsafe.v4, if there is one; a built-in ruleset that lets in loopback, answers, ICMP, DHCP and SSH; the \
             same without connection tracking. Standard error says so.",
            "Exit status: 0 done (status: no difference); 1 a fail-safe is in force, a file was kept, or there are \
             differences; 2 something could not be read or written; 4 the kernel took no ruleset.",
        ],
        _ => &[],
    }
}

fn own_command(command: &Command) -> Page {
    let name = format!("rfw-{}", command.get_name());
    let section = section(command.get_name());
    let mut roff = Roff::page(&name, section, &lower_first(&own::about(command)));
    let all = if command.has_subcommands() {
        own::leaves(command, command.get_name())
    } else {
        vec![own::Own { path: command.get_name().to_owned(), command }]
    };
    roff.section("SYNOPSIS");
    for own in &all {
        let positional = own.command.get_positionals().map(|arg| {
            let many = if arg.get_num_args().is_some_and(|n| n.max_values() > 1) { " ..." } else { "" };
            let name = format!("{}{many}", value_name(arg));
            if arg.is_required_set() { format!(" {name}") } else { format!(" [{name}]") }
        });
        let positional: String = positional.collect();
        roff.example(&[&format!("rfw {} [OPTION ...]{positional}", own.path)]);
    }
    roff.section("DESCRIPTION");
    roff.text(&sentence(&own::about(command)));
    description(command.get_name()).iter().for_each(|text| roff.text(text));
    for own in &all {
        let heading = if all.len() == 1 { "options" } else { &own.path };
        roff.section(&heading.to_uppercase());
        if all.len() > 1 {
            roff.text(&sentence(&own::about(own.command)));
        }
        own.command.get_positionals().for_each(|arg| roff.item("", &value_name(arg), &arg_help(arg)));
        for arg in own.options() {
            let value = if arg.get_action().takes_values() { value_name(arg) } else { String::new() };
            roff.item(&own::spellings(arg).join(", "), &value, &arg_help(arg));
        }
    }
    see_also(&mut roff, &["rfw(8)"]);
    roff.end(&name, section)
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let named: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    if named.is_empty() { arg.get_id().as_str().to_uppercase() } else { named.join(" ") }
}

fn arg_help(arg: &Arg) -> String {
    let mut text = sentence(&own::help(arg));
    let values = own::values(arg);
    if !values.is_empty() {
        text.push_str(&format!(" One of {}.", values.join(", ")));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        text.push_str(&format!(" By default {}.", defaults.join(", ")));
    }
    text
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
