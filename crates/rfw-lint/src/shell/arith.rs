//! Arithmetic of the shell: whole numbers, variables, the usual operators. No assignments.

/// How deep parentheses may nest.
const DEPTH: usize = 40;

/// The value of an expression; nothing where a part of it is not known or not understood.
pub(super) fn value(text: &[u8], variable: &mut dyn FnMut(&[u8]) -> Option<i64>) -> Option<i64> {
    let mut reader = Reader { text, at: 0, depth: 0, variable };
    let value = reader.binary(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'t, 'v> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    variable: &'v mut dyn FnMut(&[u8]) -> Option<i64>,
}

/// Operators by how strongly they bind, the longer ones first.
const OPERATORS: &[(&[u8], u8)] = &[
    (b"||", 1),
    (b"&&", 2),
    (b"==", 3),
    (b"!=", 3),
    (b"<=", 4),
    (b">=", 4),
    (b"<<", 5),
    (b">>", 5),
    (b"<", 4),
    (b">", 4),
    (b"+", 6),
    (b"-", 6),
    (b"*", 7),
    (b"/", 7),
    (b"%", 7),
];

impl Reader<'_, '_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn binary(&mut self, least: u8) -> Option<i64> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut left = self.unary()?;
        loop {
            self.blanks();
            let rest = self.text.get(self.at..)?;
            let found = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator));
            let Some(&(operator, strength)) = found.filter(|(_, strength)| *strength > least) else {
                self.depth -= 1;
                return Some(left);
            };
            self.at += operator.len();
            let right = self.binary(strength)?;
            left = apply(operator, left, right)?;
        }
    }

    fn unary(&mut self) -> Option<i64> {
        self.blanks();
        let rest = self.text.get(self.at..)?;
        match rest.first()? {
            b'-' | b'+' | b'!' => {
                let sign = rest[0];
                self.at += 1;
                self.depth += 1;
                if self.depth > DEPTH {
                    return None;
                }
                let value = self.unary()?;
                self.depth -= 1;
                match sign {
                    b'-' => value.checked_neg(),
                    b'!' => Some(i64::from(value == 0)),
                    _ => Some(value),
                }
            }
            b'(' => {
                self.at += 1;
                let value = self.binary(0)?;
                self.blanks();
                (self.text.get(self.at) == Some(&b')')).then(|| self.at += 1)?;
                Some(value)
            }
            byte if byte.is_ascii_digit() => {
                let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
                self.at += length;
                let digits = std::str::from_utf8(&rest[..length]).ok()?;
                match digits.strip_prefix("0x") {
                    Some(hex) => i64::from_str_radix(hex, 16).ok(),
                    None if digits.len() > 1 && digits.starts_with('0') => {
                        i64::from_str_radix(digits, 8).ok()
                    }
                    None => digits.parse().ok(),
                }
            }
            _ => self.name(),
        }
    }

    fn name(&mut self) -> Option<i64> {
        let rest = self.text.get(self.at..)?;
        let dollar = usize::from(rest.first() == Some(&b'$'));
        let brace = usize::from(dollar == 1 && rest.get(1) == Some(&b'{'));
        let name = &rest[dollar + brace..];
        let mut length = name.iter().take_while(|b| **b == b'_' || b.is_ascii_alphanumeric()).count();
        if length == 0 && dollar == 1 && name.first() == Some(&b'#') {
            length = 1;
        }
        if length == 0 {
            return None;
        }
        let end = dollar + brace + length;
        if brace == 1 && rest.get(end) != Some(&b'}') {
            return None;
        }
        self.at += end + brace;
        (self.variable)(&name[..length])
    }
}

fn apply(operator: &[u8], left: i64, right: i64) -> Option<i64> {
    let shift = || u32::try_from(right).ok();
    match operator {
        b"+" => left.checked_add(right),
        b"-" => left.checked_sub(right),
        b"*" => left.checked_mul(right),
        b"/" => left.checked_div(right),
        b"%" => left.checked_rem(right),
        b"<<" => left.checked_shl(shift()?),
        b">>" => left.checked_shr(shift()?),
        b"==" => Some(i64::from(left == right)),
        b"!=" => Some(i64::from(left != right)),
        b"<=" => Some(i64::from(left <= right)),
        b">=" => Some(i64::from(left >= right)),
        b"<" => Some(i64::from(left < right)),
        b">" => Some(i64::from(left > right)),
        b"&&" => Some(i64::from(left != 0 && right != 0)),
        b"||" => Some(i64::from(left != 0 || right != 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let mut known = |name: &[u8]| match name {
            b"x" => Some(7),
            b"1" => Some(3),
            _ => None,
        };
        for (text, expected) in [
            ("1 + 2 * 3", Some(7)),
            ("(1+2)*3", Some(9)),
            ("$x - ${x} + x", Some(7)),
            ("$1+1", Some(4)),
            ("-x", Some(-7)),
            ("10 / 3 % 2", Some(1)),
            ("8 - 2 - 1", Some(5)),
            ("1 < 2 && 3 >= 3", Some(1)),
            ("!0", Some(1)),
            ("0x10 + 010", Some(24)),
            ("1/0", None),
            ("y", None),
            ("x++", None),
            ("x = 1", None),
            ("9223372036854775807 + 1", None),
            ("", None),
            ("1 2", None),
        ] {
            assert_eq!(value(text.as_bytes(), &mut known), expected, "{text}");
        }
    }
}
