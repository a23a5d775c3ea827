//! Values near a given one: at the borders of numbers, with parts of lists and ranges moved, and plainly wrong ones.

use super::numbers::Numbers;

/// Numbers next to the borders of masks, fields and counters.
const NUMBERS: [&str; 40] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "8",
    "15",
    "16",
    "31",
    "32",
    "33",
    "59",
    "60",
    "63",
    "64",
    "100",
    "127",
    "128",
    "129",
    "254",
    "255",
    "256",
    "257",
    "1000",
    "1023",
    "65534",
    "65535",
    "65536",
    "0x0",
    "0x10",
    "0xff",
    "0xffff",
    "0xffffffff",
    "010",
    "007",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
];

/// Values that hardly any option takes.
const WRONG: [&str; 12] =
    ["", "x", "-1", "+1", " 1", "1 ", "1x", "0x", "0xg", "1.5", "99999999999999999999999", "é"];

/// Another value like this one, often still a valid one.
pub fn edge(value: &str, numbers: &mut Numbers) -> String {
    let separators: Vec<char> =
        [',', ':', '-', '/', '='].into_iter().filter(|c| value.contains(*c)).collect();
    match numbers.below(10) {
        0..=3 => other_number(value, numbers),
        4 | 5 => match numbers.pick(&separators) {
            Some(separator) => other_parts(value, *separator, numbers),
            None => other_number(value, numbers),
        },
        6 => format!("{value}/{}", ["0", "1", "8", "0xff", "0xffffffff", "24", "32", "64"][numbers.below(8)]),
        7 => {
            let end = other_number(value, numbers);
            format!("{value}{}{end}", [":", "-", ","][numbers.below(3)])
        }
        8 if value.chars().any(char::is_lowercase) => value.to_uppercase(),
        8 if value.chars().any(char::is_uppercase) => value.to_lowercase(),
        _ => other_number(value, numbers),
    }
}

/// A value that is most likely refused.
pub fn wrong(value: &str, numbers: &mut Numbers) -> String {
    match numbers.below(8) {
        0..=2 => (*numbers.pick(&WRONG).unwrap_or(&"x")).to_owned(),
        3 => format!("{value}x"),
        4 => format!("{value},"),
        5 => value.chars().skip(1).collect(),
        6 => value.repeat(300 / value.len().max(1) + 1),
        _ => value.chars().rev().collect(),
    }
}

/// Begin and end of each number in a value, `0x` included.
fn number_spans(value: &str) -> Vec<(usize, usize)> {
    let bytes = value.as_bytes();
    let mut spans = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let hex = bytes[at..].starts_with(b"0x");
        at += if hex { 2 } else { 1 };
        while at < bytes.len() && (bytes[at].is_ascii_digit() || hex && bytes[at].is_ascii_hexdigit()) {
            at += 1;
        }
        spans.push((start, at));
    }
    spans
}

fn other_number(value: &str, numbers: &mut Numbers) -> String {
    let Some(&(start, end)) = numbers.pick(&number_spans(value)) else {
        return format!("{value}{}", NUMBERS[numbers.below(NUMBERS.len())]);
    };
    let old: Option<u64> = value[start..end].parse().ok();
    let new = match (numbers.below(4), old) {
        (0, Some(old)) => old.wrapping_add(1).to_string(),
        (1, Some(old)) => old.saturating_sub(1).to_string(),
        _ => NUMBERS[numbers.below(NUMBERS.len())].to_owned(),
    };
    format!("{}{new}{}", &value[..start], &value[end..])
}

fn other_parts(value: &str, separator: char, numbers: &mut Numbers) -> String {
    let mut parts: Vec<&str> = value.split(separator).collect();
    match numbers.below(6) {
        0 => parts.reverse(),
        1 => {
            parts.remove(numbers.below(parts.len()));
        }
        2 => parts.push(parts[numbers.below(parts.len())]),
        3 => {
            let at = numbers.below(parts.len());
            parts[at] = "";
        }
        4 => {
            let (from, to) = (numbers.below(parts.len()), numbers.below(parts.len()));
            parts[to] = parts[from];
        }
        _ => numbers.shuffle(&mut parts),
    }
    parts.join(&separator.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found() {
        assert_eq!(number_spans("10.0/0x1f:8a"), [(0, 2), (3, 4), (5, 9), (10, 11)]);
        assert_eq!(number_spans(""), []);
    }

    #[test]
    fn any_value_can_be_changed() {
        let mut numbers = Numbers::new(1, "values");
        for value in ["", "é", "1:2", "a,b", "-", "0x", "10.0.0.1-10.0.0.9:80-90"] {
            for _ in 0..500 {
                edge(value, &mut numbers);
                wrong(value, &mut numbers);
            }
        }
    }
}
