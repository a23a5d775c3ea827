//! Words of the programs that take letters and long names as getopt_long does, and nothing else.

/// One option.
pub struct Flag {
    /// `-t`.
    pub letter: char,
    /// `--timeout`; any unambiguous beginning will do.
    pub long: &'static str,
    /// Whether a value follows.
    pub value: bool,
}

/// What was found, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// An option by its letter, with its value.
    Flag(char, Option<String>),
    /// A word that is no option.
    Word(String),
    /// A mistake, in the words of the C library behind the name of the program.
    Wrong(String),
}

/// Reads all words; words behind `--` are no options.
pub fn read(arguments: &[Vec<u8>], flags: &[Flag]) -> Vec<Found> {
    let mut words = arguments.iter().map(|word| String::from_utf8_lossy(word).into_owned());
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            found.extend(words.by_ref().map(Found::Word));
        } else if let Some(long) = word.strip_prefix("--") {
            found.push(long_flag(long, flags, &mut words));
        } else if word.len() > 1 && word.starts_with('-') {
            letters(&word[1..], flags, &mut words, &mut found);
        } else {
            found.push(Found::Word(word));
        }
    }
    found
}

fn long_flag(text: &str, flags: &[Flag], words: &mut impl Iterator<Item = String>) -> Found {
    let (name, attached) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let exact = flags.iter().filter(|flag| flag.long == name);
    let begun = flags.iter().filter(|flag| flag.long.starts_with(name));
    let candidates: Vec<&Flag> = exact.chain(begun).collect();
    let Some(flag) = candidates.first() else {
        return Found::Wrong(format!("unrecognized option '--{name}'"));
    };
    if flag.long != name && candidates.len() > 1 {
        return Found::Wrong(format!("option '--{name}' is ambiguous"));
    }
    match (flag.value, attached) {
        (false, Some(_)) => Found::Wrong(format!("option '--{}' doesn't allow an argument", flag.long)),
        (false, None) => Found::Flag(flag.letter, None),
        (true, attached) => match attached.or_else(|| words.next()) {
            Some(value) => Found::Flag(flag.letter, Some(value)),
            None => Found::Wrong(format!("option '--{}' requires an argument", flag.long)),
        },
    }
}

fn letters(text: &str, flags: &[Flag], words: &mut impl Iterator<Item = String>, found: &mut Vec<Found>) {
    for (at, letter) in text.char_indices() {
        let Some(flag) = flags.iter().find(|flag| flag.letter == letter) else {
            found.push(Found::Wrong(format!("invalid option -- '{letter}'")));
            continue;
        };
        if !flag.value {
            found.push(Found::Flag(letter, None));
            continue;
        }
        let rest = &text[at + letter.len_utf8()..];
        let value = if rest.is_empty() { words.next() } else { Some(rest.to_owned()) };
        found.push(match value {
            Some(value) => Found::Flag(letter, Some(value)),
            None => Found::Wrong(format!("option requires an argument -- '{letter}'")),
        });
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag { letter: 't', long: "timeout", value: true },
        Flag { letter: 'c', long: "command", value: false },
        Flag { letter: 'C', long: "combine", value: false },
    ];

    fn of(line: &str) -> Vec<Found> {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        read(&words, FLAGS)
    }

    #[test]
    fn words_are_read_as_the_c_library_does() {
        let timeout = |value: &str| Found::Flag('t', Some(value.to_owned()));
        let word = |text: &str| Found::Word(text.to_owned());
        let wrong = |text: &str| Found::Wrong(text.to_owned());
        assert_eq!(
            of("-ct5 a --time=7 -"),
            [Found::Flag('c', None), timeout("5"), word("a"), timeout("7"), word("-")]
        );
        assert_eq!(of("-- -t"), [word("-t")]);
        assert_eq!(of("--com"), [wrong("option '--com' is ambiguous")]);
        assert_eq!(of("--command=1"), [wrong("option '--command' doesn't allow an argument")]);
        assert_eq!(
            of("-x -t"),
            [wrong("invalid option -- 'x'"), wrong("option requires an argument -- 't'")]
        );
        assert_eq!(of("--nothing"), [wrong("unrecognized option '--nothing'")]);
    }
}
