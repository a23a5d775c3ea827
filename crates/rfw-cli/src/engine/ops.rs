//! What each message of a batch was for: the way back from a kernel error to the words that caused it.

use rfw_diagnostics::{Code, Span, codes};

use super::state::TableState;

/// The operations, with iptables' names for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    TableAdd,
    TableFlush,
    ChainAdd,
    ChainUserAdd,
    ChainDelete,
    ChainUpdate,
    ChainRename,
    ChainZero,
    RuleAppend,
    RuleInsert,
    RuleReplace,
    RuleDelete,
    RuleFlush,
}

impl OpKind {
    /// As error messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TableAdd => "TABLE_ADD",
            Self::TableFlush => "TABLE_FLUSH",
            Self::ChainAdd => "CHAIN_ADD",
            Self::ChainUserAdd => "CHAIN_USER_ADD",
            Self::ChainDelete => "CHAIN_DEL",
            Self::ChainUpdate => "CHAIN_UPDATE",
            Self::ChainRename => "CHAIN_RENAME",
            Self::ChainZero => "CHAIN_ZERO",
            Self::RuleAppend => "RULE_APPEND",
            Self::RuleInsert => "RULE_INSERT",
            Self::RuleReplace => "RULE_REPLACE",
            Self::RuleDelete => "RULE_DELETE",
            Self::RuleFlush => "RULE_FLUSH",
        }
    }
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// What it does.
    pub kind: OpKind,
    /// The words that asked for it.
    pub span: Span,
    /// Index of its table in the transaction.
    pub table: u32,
    /// Index of its chain in the table's list of names, if it is about one.
    pub chain: Option<u32>,
}

/// errno values of the kernel's refusals.
pub(super) const ENOENT: i32 = 2;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
const EMLINK: i32 = 31;
const EOPNOTSUPP: i32 = 95;

impl Op {
    /// `chain X`, `rule in chain X`, `table X`.
    pub fn object(&self, tables: &[TableState]) -> String {
        let Some(table) = tables.get(self.table as usize) else { return String::new() };
        let chain = self.chain.and_then(|index| table.chain_name(index)).map(String::from_utf8_lossy);
        match (self.kind, chain) {
            (OpKind::TableAdd | OpKind::TableFlush, _) | (_, None) => format!("table {}", table.spec.name),
            (
                OpKind::RuleAppend
                | OpKind::RuleInsert
                | OpKind::RuleReplace
                | OpKind::RuleDelete
                | OpKind::RuleFlush,
                Some(chain),
            ) => format!("rule in chain {chain}"),
            (_, Some(chain)) => format!("chain {chain}"),
        }
    }

    /// The code of a refusal.
    pub fn code(&self, errno: i32) -> Code {
        match (self.kind, errno) {
            (OpKind::ChainDelete, EBUSY) => codes::CHAIN_STILL_REFERENCED,
            _ => codes::KERNEL_REFUSED,
        }
    }

    /// What to do about a refusal.
    pub fn hint(&self, errno: i32) -> Option<String> {
        let rule = matches!(self.kind, OpKind::RuleAppend | OpKind::RuleInsert | OpKind::RuleReplace);
        Some(match (self.kind, errno) {
            (OpKind::ChainDelete, EBUSY) => {
                "it still has rules, or a rule still jumps to it: flush it with -F, delete the jumps with -D"
                    .into()
            }
            (_, EMLINK) if rule => "this closes a loop of jumps, or goes deeper than 16 jumps".into(),
            (_, EINVAL) if rule => {
                "the kernel takes this match or target only in certain tables, chains or protocols".into()
            }
            (_, ENOENT) if rule => "this kernel lacks the extension, or the chain it jumps to is gone".into(),
            (_, EOPNOTSUPP) if rule => {
                "the kernel does not support this here, for instance a jump to a base chain".into()
            }
            _ => return None,
        })
    }
}
