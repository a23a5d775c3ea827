//! Typed form to expressions: the idioms, so that an extension's file holds only the intent.

use rfw_nft::expr::{Base, BitwiseOp, CmpOp, CtDir, REG_1, REG32_01, Reg};
use rfw_nft::set::Set;
use rfw_nft::{Bytes, Expr};

use crate::context::Family;

/// Which expressions a rule becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Expression for expression what iptables-nft 1.8.9 writes.
    Compat,
    /// nf_tables expressions wherever they are an exact equivalent, xt where not.
    Native,
}

/// What tells apart two spellings that lower to the same expressions; kept in the rule's userdata, keyed by the index of
/// the first expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hint {
    /// Index of the first expression that the spelling covers.
    pub expr: u8,
    /// The spelling; numbers are listed in `docs/architecture.md`.
    pub code: u8,
}

/// How many bytes of a rule's userdata spellings may take. The kernel has 256; a comment takes up to 165, hints and heads the rest.
pub const SPELLINGS: usize = 60;

/// Collects the expressions of one rule.
#[derive(Debug)]
pub struct Lowering {
    /// The expressions so far.
    pub exprs: Vec<Expr>,
    /// Which kind is wanted.
    pub encoding: Encoding,
    /// The family of the table.
    pub family: Family,
    /// The rule's protocol, number and `!`.
    pub protocol: Option<(u8, bool)>,
    /// Spellings to remember.
    pub hints: Vec<Hint>,
    /// Lists that the expressions keep in another order, or with fewer words: index of the first expression, bytes that
    /// the extension knows how to read. Together at most [`SPELLINGS`] bytes.
    pub spellings: Vec<(u8, Vec<u8>)>,
    /// A comment that may live in the rule's userdata (native encoding), with the index of the expression it stands before.
    pub comment: Option<(u8, Vec<u8>)>,
}

impl Lowering {
    /// An empty one.
    #[must_use]
    pub fn new(encoding: Encoding, family: Family, protocol: Option<(u8, bool)>) -> Self {
        Self::in_buffer(Vec::with_capacity(12), encoding, family, protocol)
    }

    /// The same, with a buffer of the caller's for the expressions, whose contents go.
    #[must_use]
    pub fn in_buffer(
        mut exprs: Vec<Expr>,
        encoding: Encoding,
        family: Family,
        protocol: Option<(u8, bool)>,
    ) -> Self {
        exprs.clear();
        Self { exprs, encoding, family, protocol, hints: Vec::new(), spellings: Vec::new(), comment: None }
    }

    /// Whether native expressions are wanted.
    #[must_use]
    pub fn native(&self) -> bool {
        self.encoding == Encoding::Native
    }

    /// Appends an expression.
    pub fn push(&mut self, expr: Expr) {
        self.exprs.push(expr);
    }

    /// Remembers a spelling for what is lowered next. Rules of more than 255 expressions don't exist (`NFT_RULE_MAXEXPRS` 128).
    pub fn hint(&mut self, code: u8) {
        let expr = u8::try_from(self.exprs.len()).unwrap_or(u8::MAX);
        self.hints.push(Hint { expr, code });
    }

    /// Remembers how a list was written for what is lowered next. False if there is no room: the caller then keeps it in
    /// another way.
    #[must_use]
    pub fn spell(&mut self, bytes: Vec<u8>) -> bool {
        let taken: usize = self.spellings.iter().map(|(_, bytes)| bytes.len() + 3).sum();
        let fits = taken + bytes.len() + 3 <= SPELLINGS;
        if fits {
            let expr = u8::try_from(self.exprs.len()).unwrap_or(u8::MAX);
            self.spellings.push((expr, bytes));
        }
        fits
    }

    /// An xt match.
    pub fn xt_match(&mut self, name: &str, rev: u32, info: Vec<u8>) {
        self.push(Expr::Match { name: name.as_bytes().to_vec(), rev, info });
    }

    /// An xt target.
    pub fn xt_target(&mut self, name: &str, rev: u32, info: Vec<u8>) {
        self.push(Expr::Target { name: name.as_bytes().to_vec(), rev, info });
    }

    /// Loads packet bytes into register 1.
    pub fn payload(&mut self, base: Base, offset: u32, len: u32) {
        self.push(Expr::Payload { dreg: REG_1, base, offset, len });
    }

    /// Loads packet bytes into the 4-byte register behind register 1: the second part of a concatenation.
    pub fn payload_behind(&mut self, base: Base, offset: u32, len: u32) {
        self.push(Expr::Payload { dreg: REG32_01, base, offset, len });
    }

    /// Loads a meta key into register 1.
    pub fn meta(&mut self, key: u32) {
        self.push(Expr::Meta { dreg: REG_1, key });
    }

    /// Loads a conntrack key into register 1.
    pub fn ct(&mut self, key: u32, dir: Option<CtDir>) {
        self.push(Expr::Ct { dreg: REG_1, key, dir });
    }

    /// `R1 = (R1 & mask) ^ xor`.
    pub fn mask_xor(&mut self, mask: &[u8], xor: &[u8]) {
        let len = u32::try_from(mask.len()).unwrap_or(u32::MAX);
        let op = BitwiseOp::MaskXor { mask: Bytes::from_slice(mask), xor: Bytes::from_slice(xor) };
        self.push(Expr::Bitwise { sreg: REG_1, dreg: REG_1, len, op });
    }

    /// `R1 &= mask`.
    pub fn mask(&mut self, mask: &[u8]) {
        self.mask_xor(mask, &[0; 16][..mask.len().min(16)]);
    }

    /// Compares register 1.
    pub fn cmp(&mut self, op: CmpOp, data: &[u8]) {
        self.push(Expr::Cmp { sreg: REG_1, op, data: Bytes::from_slice(data) });
    }

    /// Compares register 1 for equality, or inequality.
    pub fn equals(&mut self, inverted: bool, data: &[u8]) {
        self.cmp(if inverted { CmpOp::Neq } else { CmpOp::Eq }, data);
    }

    /// Tests `(R1 & mask) == value`; the mask is left out when it is all ones.
    pub fn masked_equals(&mut self, inverted: bool, value: &[u8], mask: &[u8]) {
        if mask.iter().any(|&b| b != 0xff) {
            self.mask(mask);
        }
        self.equals(inverted, value);
    }

    /// Tests that register 1 lies in a range of big-endian numbers.
    pub fn in_range(&mut self, inverted: bool, from: &[u8], to: &[u8]) {
        let (from, to) = (Bytes::from_slice(from), Bytes::from_slice(to));
        self.push(Expr::Range { sreg: REG_1, invert: inverted, from, to });
    }

    /// Looks for what is in register 1, and behind it for a concatenation, in an anonymous set.
    pub fn in_set(&mut self, inverted: bool, set: Set) {
        let id = self.exprs.iter().filter(|e| matches!(e, Expr::Lookup { .. })).count();
        self.push(Expr::Lookup {
            set: rfw_nft::set::ANONYMOUS.to_vec(),
            set_id: Some(u32::try_from(id).unwrap_or(0) + 1),
            sreg: REG_1,
            dreg: None,
            flags: inverted.into(),
            members: Some(Box::new(set)),
        });
    }

    /// Host to network order in register 1.
    pub fn hton(&mut self, len: u32, size: u32) {
        self.push(Expr::Byteorder { sreg: REG_1, dreg: REG_1, hton: true, len, size });
    }

    /// Puts a constant into a register.
    pub fn immediate(&mut self, dreg: Reg, data: &[u8]) {
        self.push(Expr::Immediate { dreg, data: Bytes::from_slice(data) });
    }
}
