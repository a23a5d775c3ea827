//! Words of the programs that take letters and long names as getopt_long does, and nothing else.

/// One option.
pub struct Flag {
    /// `-t`.
    pub letter: char,
    /// `--timeout`; any unambiguous beginning will do.
    pub long: &'static str,
    /// Whether a value follows.
    pub value: Takes,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// No value.
    Nothing,
    /// A value.
    Value,
    /// A number, if there is one.
    Number,
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

/// The words that are left.
type Rest<'w> = std::iter::Peekable<&'w mut dyn Iterator<Item = String>>;

/// Reads all words; words behind `--` are no options.
pub fn read(arguments: &[Vec<u8>], flags: &[Flag]) -> Vec<Found> {
    let mut words = arguments.iter().map(|word| String::from_utf8_lossy(word).into_owned());
    let words: &mut dyn Iterator<Item = String> = &mut words;
    let mut words = words.peekable();
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

/// The value of an option, if it has one: `Err` where it needs one.
fn value(takes: Takes, attached: Option<String>, words: &mut Rest<'_>) -> Result<Option<String>, ()> {
    let number = |word: &String| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    match (takes, attached) {
        (Takes::Nothing, _) => Ok(None),
        (_, Some(attached)) => Ok(Some(attached)),
        (Takes::Number, None) => Ok(words.next_if(number)),
        (Takes::Value, None) => words.next().map(Some).ok_or(()),
    }
}

fn long_flag(text: &str, flags: &[Flag], words: &mut Rest<'_>) -> Found {
    let (name, attached) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let exact = flags.iter().find(|flag| flag.long == name);
    let begun: Vec<&Flag> = flags.iter().filter(|flag| flag.long.starts_with(name)).collect();
    let flag = match (exact, begun.as_slice()) {
        (Some(flag), _) => flag,
        (None, [flag]) => *flag,
        (None, []) => return Found::Wrong(format!("unrecognized option '--{text}'")),
        (None, several) => {
            let names: String = several.iter().map(|flag| format!(" '--{}'", flag.long)).collect();
            return Found::Wrong(format!("option '--{text}' is ambiguous; possibilities:{names}"));
        }
    };
    if flag.value == Takes::Nothing && attached.is_some() {
        return Found::Wrong(format!("option '--{}' doesn't allow an argument", flag.long));
    }
    match value(flag.value, attached, words) {
        Ok(value) => Found::Flag(flag.letter, value),
        Err(()) => Found::Wrong(format!("option '--{}' requires an argument", flag.long)),
    }
}

fn letters(text: &str, flags: &[Flag], words: &mut Rest<'_>, found: &mut Vec<Found>) {
    for (at, letter) in text.char_indices() {
        let Some(flag) = flags.iter().find(|flag| flag.letter == letter) else {
            found.push(Found::Wrong(format!("invalid option -- '{letter}'")));
            continue;
        };
        let rest = &text[at + letter.len_utf8()..];
        let attached = (flag.value != Takes::Nothing && !rest.is_empty()).then(|| rest.to_owned());
        found.push(match value(flag.value, attached, words) {
            Ok(value) => Found::Flag(letter, value),
            Err(()) => Found::Wrong(format!("option requires an argument -- '{letter}'")),
        });
        if flag.value != Takes::Nothing {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag { letter: 't', long: "timeout", value: Takes::Value },
        Flag { letter: 'c', long: "command", value: Takes::Nothing },
        Flag { letter: 'C', long: "combine", value: Takes::Nothing },
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
        assert_eq!(
            of("--com"),
            [wrong("option '--com' is ambiguous; possibilities: '--command' '--combine'")]
        );
        assert_eq!(of("--command=1"), [wrong("option '--command' doesn't allow an argument")]);
        assert_eq!(
            of("-x -t"),
            [wrong("invalid option -- 'x'"), wrong("option requires an argument -- 't'")]
        );
        assert_eq!(of("--nothing"), [wrong("unrecognized option '--nothing'")]);
    }
}
