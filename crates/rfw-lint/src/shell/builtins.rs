//! Simple commands: assignments, functions, what the shell itself knows, and the few programs that are followed.

use rfw_diagnostics::Span;

use super::ast::{Assignment, Word};
use super::programs::{Program, base, is_wrapper, named};
use super::run::{Flow, Shell, Stream};
use super::test;
use super::text::{Field, Text, Value, Why};

/// How deep functions may call each other.
const CALLS: usize = 30;

impl<'a> Shell<'a> {
    pub(super) fn simple(&mut self, assignments: &'a [Assignment], words: &'a [Word], span: Span) -> Flow {
        self.status = Some(true);
        let fields = self.fields(words);
        let lasting = fields.first().is_none_or(|f| f.known().is_some_and(is_declaration));
        let before = (!lasting && !assignments.is_empty()).then(|| self.variables.clone());
        for assignment in assignments {
            self.assign(assignment);
        }
        if fields.is_empty() {
            return Flow::Next;
        }
        let flow = self.call(&fields, span);
        // Those before a command are for that command only.
        if let Some(before) = before {
            self.steps += before.len() / 4;
            self.variables = before;
        }
        flow
    }

    /// Runs a command.
    pub(super) fn call(&mut self, fields: &[Field], span: Span) -> Flow {
        let fields = unwrapped(fields);
        let Some(first) = fields.first() else { return Flow::Next };
        let arguments = &fields[1..];
        let Some(name) = first.known() else {
            self.unknown_command(first, arguments, span);
            return Flow::Next;
        };
        let name = name.to_vec();
        if let Some(flow) = self.function(&name, arguments, span) {
            return flow;
        }
        match named(&name) {
            Some(Program::Tables(six)) => {
                self.tables(six, arguments, span);
                return Flow::Next;
            }
            Some(Program::Restore(six)) => {
                self.restore(six, arguments, span);
                return Flow::Next;
            }
            Some(Program::Save) => {
                self.write_unknown(&name, span);
                return Flow::Next;
            }
            Some(Program::Ipset) => self.noted(|noted, sure| noted.ipset(arguments, sure)),
            Some(Program::Modprobe) => {
                self.noted(|noted, sure| noted.modprobe(arguments, sure));
                self.status = None;
            }
            Some(Program::Sysctl) => {
                self.noted(|noted, sure| noted.sysctl(arguments, sure));
                self.status = None;
            }
            None => return self.builtin(&name, arguments, span),
        }
        Flow::Next
    }

    /// A command whose name is not known: it is iptables if its variable is called so and its words look so.
    fn unknown_command(&mut self, first: &Field, arguments: &[Field], span: Span) {
        let why = first.unknown.clone().unwrap_or_else(|| Why::new(first.span, "it is not known"));
        self.status = None;
        let from = self.text.get(first.span.start as usize..first.span.end as usize).unwrap_or_default();
        let from = from.to_ascii_lowercase();
        let has = |part: &[u8]| from.windows(part.len()).any(|w| w == part);
        let looks = arguments.iter().filter_map(Field::known).any(is_rule_option);
        if looks && (has(b"ipt") || has(b"ip6t")) {
            let six = has(b"6");
            self.firewall.assumed_program(&why, first.span, six);
            self.tables(six, arguments, span);
        } else if looks {
            self.firewall.not_followed(span, why, "what this command is can't be known");
        }
        self.write(Value::Unknown(Why::new(span, "it is what a command prints that is not known")));
    }

    /// Runs a function of the script, if there is one of that name.
    fn function(&mut self, name: &[u8], arguments: &[Field], span: Span) -> Option<Flow> {
        let (&name, &body) = self.functions.get_key_value(name)?;
        if self.calls.contains(&name) || self.calls.len() >= CALLS {
            let why = Why::new(span, "a function that calls itself is not followed");
            self.maybe(why, |_| {});
            let shown = String::from_utf8_lossy(name).into_owned();
            self.firewall.not_followed(
                span,
                Why::new(span, "it calls itself"),
                &format!("`{shown}` is not followed"),
            );
            return Some(Flow::Next);
        }
        let values = match arguments.iter().find(|f| f.many && f.unknown.is_some()) {
            // How many there are is not known.
            Some(_) => None,
            None => Some(arguments.iter().map(Field::value).collect()),
        };
        let outer = std::mem::replace(&mut self.arguments, values);
        let called = self.called;
        self.called.get_or_insert(span);
        self.calls.push(name);
        let flow = self.command(body);
        self.calls.pop();
        (self.arguments, self.called) = (outer, called);
        Some(if flow == Flow::Exit { Flow::Exit } else { Flow::Next })
    }

    fn builtin(&mut self, name: &[u8], arguments: &[Field], span: Span) -> Flow {
        self.status = Some(true);
        let number = |field: Option<&Field>| {
            field
                .and_then(Field::known)
                .and_then(|k| std::str::from_utf8(k).ok())
                .and_then(|t| t.parse().ok())
        };
        match name {
            b":" | b"true" | b"trap" | b"umask" | b"cd" | b"wait" | b"sleep" | b"logger" | b"shopt"
            | b"exec" => {
                // What runs at the end of the script may undo all of it; other signals are no part of its course.
                let ends = arguments.iter().skip(1).any(|f| matches!(f.known(), Some(b"EXIT" | b"0")));
                if name == b"trap"
                    && self.mentions(
                        &arguments[..arguments.len().min(1)],
                        span,
                        "what a trap does is not followed",
                    )
                {
                    self.firewall.undone |= ends;
                }
            }
            b"false" => self.status = Some(false),
            b"echo" => self.echo(arguments, span),
            b"printf" => self.printf(arguments),
            b"[" => {
                let closed = arguments.last().is_some_and(|f| f.known() == Some(b"]"));
                self.status =
                    if closed { test::holds(&arguments[..arguments.len() - 1], false) } else { None };
            }
            b"test" => self.status = self.test(arguments, false),
            b"exit" => return Flow::Exit,
            b"return" => {
                self.status = match arguments.first() {
                    None => self.status,
                    first => number(first).map(|n: usize| n == 0),
                };
                return Flow::Return;
            }
            b"break" => return Flow::Break(number(arguments.first()).unwrap_or(1)),
            b"continue" => return Flow::Continue(number(arguments.first()).unwrap_or(1)),
            b"set" => self.set_options(arguments),
            b"shift" => match (&mut self.arguments, number(arguments.first()).unwrap_or(1)) {
                (Some(list), n) if n <= list.len() => drop(list.drain(..n)),
                (Some(_), _) => self.status = Some(false),
                (None, _) => {}
            },
            name if is_declaration(name) => self.declare(arguments),
            b"unset" => {
                for name in arguments.iter().filter_map(Field::known) {
                    let empty = Value::Known(Text::default());
                    self.set(name, empty, span);
                }
            }
            b"read" => self.read(arguments, span),
            b"cat" => self.cat(arguments, span),
            b"seq" => self.sequence(arguments, span),
            b"which" | b"command" | b"type" => self.which(arguments, span),
            b"." | b"source" => {
                self.sourced = true;
                let file = arguments.first().and_then(Field::known).unwrap_or_default();
                // The start and stop messages of init scripts.
                if !file.ends_with(b"functions") {
                    let why = Why::new(span, "another file is not read");
                    self.firewall.not_followed(span, why, "what this file sets and runs is not known");
                }
            }
            b"eval" => {
                if self.mentions(arguments, span, "what `eval` runs is not followed") {
                    self.firewall.blur_all(span);
                }
            }
            _ => self.program(name, arguments, span),
        }
        Flow::Next
    }

    /// `[ … ]`. A comparison of what the script is called with: it is read as it runs with `start`.
    pub(super) fn test(&mut self, fields: &[Field], double: bool) -> Option<bool> {
        const CALLS: [&[u8]; 9] =
            [b"start", b"up", b"on", b"stop", b"down", b"off", b"flush", b"clear", b"status"];
        let word = |f: &Field| f.known().is_some_and(|k| CALLS.contains(&k));
        let called = |f: &Field| f.unknown.as_ref().is_some_and(|why| why.text == super::expand::CALLED);
        if self.arguments.is_some() || !fields.iter().any(word) || !fields.iter().any(called) {
            return test::holds(fields, double);
        }
        if let Some(field) = fields.iter().find(|f| called(f)) {
            self.firewall.assumed_start(field.span);
        }
        let starts =
            fields.iter().filter_map(Field::known).find(|k| CALLS[..3].contains(k)).unwrap_or(b"start");
        let start = Value::Known(Text::new(starts, Span::default()));
        let assumed = |f: &Field| if called(f) { Field::of(&start, f.span) } else { f.clone() };
        let fields: Vec<Field> = fields.iter().map(assumed).collect();
        test::holds(&fields, double)
    }

    /// Some other program.
    fn program(&mut self, name: &[u8], arguments: &[Field], span: Span) {
        self.status = None;
        let shown = String::from_utf8_lossy(name).into_owned();
        match kind(base(name)) {
            Other::Harmless => {}
            Other::Shell => {
                let reads = self.input.as_ref().map(Stream::rest);
                let reads = reads.filter(|v| arguments.is_empty() || matches!(v, Value::Known(_)));
                let input = reads.map(|value| Field::of(&value, span));
                let texts: Vec<Field> = arguments.iter().cloned().chain(input).collect();
                if self.mentions(&texts, span, &format!("what `{shown}` runs is not followed")) {
                    self.firewall.blur_all(span);
                }
            }
            // What it does there changes nothing here.
            Other::Elsewhere => {
                self.mentions(arguments, span, &format!("what `{shown}` runs elsewhere is not followed"));
            }
            Other::Unknown if hides_command(arguments) => {
                let what = format!("what `{shown}` does with this command is not followed");
                self.firewall.not_followed(span, Why::new(span, "it is not known here"), &what);
                self.firewall.blur_all(span);
            }
            Other::Unknown => {}
        }
        self.write_unknown(name, span);
    }

    /// A finding where a text may hold firewall commands; whether there is one.
    fn mentions(&mut self, arguments: &[Field], span: Span, what: &str) -> bool {
        let speaks = |field: &Field| match field.known() {
            Some(known) => known.windows(6).any(|w| w == b"tables") || known.starts_with(b"rfw"),
            None => true,
        };
        let found = arguments.iter().any(speaks);
        if found {
            self.status = None;
            self.firewall.not_followed(span, Why::new(span, "its text is not read as commands"), what);
        }
        found
    }

    pub(super) fn write_unknown(&mut self, name: &[u8], span: Span) {
        let shown = String::from_utf8_lossy(base(name)).into_owned();
        self.write(Value::Unknown(Why::new(span, format!("it is what `{shown}` prints"))));
    }

    fn set_options(&mut self, arguments: &[Field]) {
        if let Some(at) = arguments.iter().position(|f| f.known() == Some(b"--")) {
            self.arguments = Some(arguments[at + 1..].iter().map(Field::value).collect());
            return;
        }
        if arguments
            .first()
            .is_some_and(|f| f.known().is_none_or(|k| !k.starts_with(b"-") && !k.starts_with(b"+")))
        {
            self.arguments = Some(arguments.iter().map(Field::value).collect());
        }
        let exits = |f: &Field| {
            f.known().is_some_and(|k| k == b"errexit" || k.starts_with(b"-") && k.contains(&b'e'))
        };
        if arguments.iter().any(exits) {
            self.firewall.stops_on_errors();
        }
    }

    /// `export A=b`, `local c`.
    fn declare(&mut self, arguments: &[Field]) {
        for field in arguments {
            let bytes = field.text.bytes();
            let Some(equals) = memchr::memchr(b'=', bytes) else { continue };
            let name = bytes[..equals].to_vec();
            let value = match &field.unknown {
                Some(why) => Value::Unknown(why.clone()),
                None => Value::Known(field.text.slice(equals + 1, bytes.len())),
            };
            self.set(&name, value, field.span);
        }
    }

    /// Sets variables from the next line of the input.
    fn read(&mut self, arguments: &[Field], span: Span) {
        let names: Vec<Vec<u8>> = arguments
            .iter()
            .filter_map(Field::known)
            .filter(|name| !name.starts_with(b"-"))
            .map(<[u8]>::to_vec)
            .collect();
        let Some(Stream { value, at: from }) = self.input.clone() else {
            return self.unread(&names, &Why::new(span, "it is read while the script runs"), span);
        };
        let text = match &*value {
            Value::Known(text) => text,
            Value::Unknown(why) => return self.unread(&names, why, span),
        };
        let rest = text.bytes().get(from..).unwrap_or_default();
        if rest.is_empty() {
            self.status = Some(false);
            return;
        }
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = text.slice(from, from + length);
        self.input = Some(Stream { value: value.clone(), at: from + length + 1 });
        self.charge(length);
        let mut at = 0;
        for (i, name) in names.iter().enumerate() {
            let bytes = line.bytes();
            let blank = |b: &u8| matches!(b, b' ' | b'\t');
            at += bytes[at..].iter().take_while(|b| blank(b)).count();
            let word = bytes[at..].iter().position(blank).map_or(bytes.len(), |p| at + p);
            let last = i + 1 == names.len();
            let tail = bytes.iter().rposition(|b| !blank(b)).map_or(at, |p| (p + 1).max(at));
            let until = if last { tail } else { word };
            let part = line.slice(at, until);
            self.set(name, Value::Known(part), span);
            at = until;
        }
    }

    /// The input is not known: neither are the variables, nor when it ends.
    fn unread(&mut self, names: &[Vec<u8>], why: &Why, span: Span) {
        self.status = None;
        for name in names {
            self.set(name, Value::Unknown(why.clone()), span);
        }
    }

    /// `which iptables` is taken to find it: the script is for a host that has it.
    fn which(&mut self, arguments: &[Field], span: Span) {
        let wanted = arguments.iter().rev().find(|f| f.known().is_some_and(|k| !k.starts_with(b"-")));
        match wanted.filter(|f| f.known().and_then(named).is_some()) {
            Some(field) => {
                let mut text = field.text.clone();
                text.push(b"\n", Span { start: span.end, end: span.end });
                self.write(Value::Known(text));
            }
            None => {
                self.status = None;
                self.write_unknown(b"which", span);
            }
        }
    }
}

/// What another program may have to do with rules.
enum Other {
    /// Nothing.
    Harmless,
    /// It runs commands that it is given as a text.
    Shell,
    /// It runs them on another host or in another namespace.
    Elsewhere,
    Unknown,
}

fn kind(name: &[u8]) -> Other {
    match name {
        b"sh" | b"bash" | b"dash" | b"su" | b"at" | b"batch" => Other::Shell,
        b"ssh" | b"ip" | b"docker" | b"podman" | b"nsenter" | b"chroot" | b"lxc-attach" | b"vagrant" => {
            Other::Elsewhere
        }
        b"grep"
        | b"apt"
        | b"apt-get"
        | b"yum"
        | b"dnf"
        | b"systemctl"
        | b"service"
        | b"man"
        | b"rpm"
        | b"whereis"
        | b"lsmod"
        | b"pacman"
        | b"watch"
        | b"ls"
        | b"chmod"
        | b"alternatives"
        | b"update-alternatives"
        | b"tee"
        | b"rm"
        | b"touch"
        | b"alias" => Other::Harmless,
        _ => Other::Unknown,
    }
}

/// Whether the arguments of a program look like a command of iptables, with its name or without.
fn hides_command(arguments: &[Field]) -> bool {
    const CHAINS: [&[u8]; 5] = [b"INPUT", b"FORWARD", b"OUTPUT", b"PREROUTING", b"POSTROUTING"];
    arguments.windows(2).any(|pair| {
        let (Some(first), next) = (pair[0].known(), pair[1].known()) else { return false };
        let program = matches!(named(first), Some(Program::Tables(_) | Program::Restore(_)));
        let chain = next.is_some_and(|next| CHAINS.contains(&next));
        program && next.is_none_or(|next| next.starts_with(b"-")) || is_rule_option(first) && chain
    })
}

/// The fields of the command that `sudo` and the like run.
fn unwrapped(fields: &[Field]) -> &[Field] {
    let mut fields = fields;
    while let Some((first, rest)) = fields.split_first() {
        let wraps = first.known().is_some_and(is_wrapper);
        // `command -v` is a question.
        let asks = rest.first().is_some_and(|f| matches!(f.known(), Some(b"-v" | b"-V")));
        if !wraps || asks || rest.is_empty() {
            break;
        }
        let mut skip = 0;
        while let Some(word) = rest.get(skip).and_then(Field::known) {
            let sets = memchr::memchr(b'=', word)
                .is_some_and(|at| word[..at].iter().all(|&b| super::parse::lex::is_name(b)));
            if sets {
                skip += 1;
            } else if word.starts_with(b"-") {
                skip += if matches!(word, b"-u" | b"-g" | b"-n") && is_number_or_user(rest.get(skip + 1)) {
                    2
                } else {
                    1
                };
            } else {
                break;
            }
        }
        fields = rest.get(skip..).unwrap_or_default();
    }
    fields
}

/// Whether a word is the value of `sudo -u` or `nice -n`, not the command.
fn is_number_or_user(field: Option<&Field>) -> bool {
    field.and_then(Field::known).is_some_and(|k| named(k).is_none())
}

fn is_declaration(name: &[u8]) -> bool {
    matches!(name, b"export" | b"local" | b"declare" | b"typeset" | b"readonly")
}

/// Whether a word is a command of iptables that makes a difference.
fn is_rule_option(word: &[u8]) -> bool {
    matches!(
        word,
        b"-A"
            | b"-I"
            | b"-D"
            | b"-R"
            | b"-P"
            | b"-F"
            | b"-X"
            | b"-N"
            | b"--append"
            | b"--insert"
            | b"--policy"
    )
}
