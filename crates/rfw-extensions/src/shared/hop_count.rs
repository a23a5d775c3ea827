//! The hop count of an IP header: `ttl` in IPv4, `hl` in IPv6.
//!
//! ```c
//! struct ipt_ttl_info { __u8 mode, ttl; };  /* ipt_ttl.h; ip6t_hl_info is alike; mode: eq 0, ne 1, lt 2, gt 3 */
//! ```

use rfw_diagnostics::codes;
use rfw_nft::expr::{Base, CmpOp};
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;

use crate::Parsed;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;

const SIZE: usize = 2;
/// Modes of the kernel, in its order: index into [`Dialect::options`], sign of listings, comparison.
const MODES: [(usize, &str, CmpOp); 4] =
    [(0, "==", CmpOp::Eq), (0, "!=", CmpOp::Neq), (1, "<", CmpOp::Lt), (2, ">", CmpOp::Gt)];

/// What differs between the two.
#[derive(Debug)]
pub struct Dialect {
    /// The xt match.
    pub xt: &'static str,
    /// The options for equal, less and more: `ttl-eq`.
    pub options: [&'static str; 3],
    /// What the original says if none of them is given.
    pub missing: &'static str,
    /// What listings say: `TTL`.
    pub title: &'static str,
    /// Offset of the byte in the network header.
    pub offset: u32,
}

/// A comparison of the hop count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hops {
    /// Index into `MODES`.
    mode: u8,
    /// What it is compared with.
    value: u8,
}

impl Hops {
    /// Reads the one option that was given.
    ///
    /// # Errors
    /// None was, or not a byte.
    pub fn parse(uses: &Uses<'_, '_>, dialect: &Dialect) -> Parsed<Self> {
        for (name, mode) in dialect.options.into_iter().zip([0, 2, 3]) {
            if let Some(value) = uses.number(name, 0, 255)? {
                let value = u8::try_from(value).unwrap_or(u8::MAX);
                return Ok(Self { mode: mode + u8::from(uses.inverted(name)), value });
            }
        }
        let [eq, lt, gt] = dialect.options;
        let help = format!("add `--{eq}`, `--{lt}` or `--{gt}` with a number from 0 to 255");
        Err(uses.complaint(codes::OPTION_REQUIRED, dialect.missing, help))
    }

    fn row(self) -> (usize, &'static str, CmpOp) {
        MODES[usize::from(self.mode & 3)]
    }

    /// ` --ttl-lt 5`.
    pub fn print(self, out: &mut Printer<'_>, dialect: &Dialect) {
        let (option, _, op) = self.row();
        out.option(op == CmpOp::Neq, dialect.options[option]);
        out.fmt(format_args!(" {}", self.value));
    }

    /// ` TTL match TTL < 5`.
    pub fn list(self, out: &mut Printer<'_>, dialect: &Dialect) {
        let title = dialect.title;
        out.fmt(format_args!(" {title} match {title} {} {}", self.row().1, self.value));
    }

    /// Appends the test.
    pub fn lower(self, out: &mut Lowering, dialect: &Dialect) {
        if out.native() {
            out.payload(Base::Network, dialect.offset, 1);
            out.cmp(self.row().2, &[self.value]);
        } else {
            let info = Info::new(SIZE).u8(0, self.mode).u8(1, self.value);
            out.xt_match(dialect.xt, 0, info.finish());
        }
    }

    /// Takes the test. What every packet or none passes in other words (`<= 255`) stays what it is.
    pub fn lift(run: &mut Run<'_>, dialect: &Dialect) -> Option<Self> {
        if let Some(view) = run.xt_match(dialect.xt, 0, SIZE) {
            return (view.u8(0) < 4).then_some(Self { mode: view.u8(0), value: view.u8(1) });
        }
        let field = Field::Payload { base: Base::Network, offset: dialect.offset, len: 1 };
        let test = run.masked(&field)?;
        let (&[value], None) = (test.value, test.mask) else { return None };
        let (mode, value) = match test.op {
            CmpOp::Eq => (0, value),
            CmpOp::Neq => (1, value),
            CmpOp::Lt => (2, value),
            CmpOp::Lte => (2, value.checked_add(1)?),
            CmpOp::Gt => (3, value),
            CmpOp::Gte => (3, value.checked_sub(1)?),
        };
        Some(Self { mode, value })
    }
}
