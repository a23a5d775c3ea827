//! What can go wrong between the program and the kernel.

use std::io;

/// A question to the kernel failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ruleset changed during a dump.
    #[error("the ruleset changed while it was being read")]
    Interrupted,
    /// The kernel's answer makes no sense.
    #[error("malformed netlink message from the kernel")]
    Malformed,
    /// A system call failed or the kernel answered with an error.
    #[error(transparent)]
    Os(#[from] io::Error),
}

impl From<rfw_nft::message::Malformed> for Error {
    fn from(_: rfw_nft::message::Malformed) -> Self {
        Self::Malformed
    }
}

impl Error {
    /// The error number, if there is one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Os(e) => e.raw_os_error(),
            Self::Interrupted | Self::Malformed => None,
        }
    }
}

/// One message of a batch that the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Sequence number of the message in its batch.
    pub seq: u32,
    /// Positive error number.
    pub errno: i32,
    /// Offset in the message (header included) of the attribute concerned; see
    /// [`rfw_nft::message::expr_at_offset`].
    pub attr_offset: Option<u32>,
    /// The kernel's own words, if it had any.
    pub message: Option<String>,
}

/// A batch was not applied.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The ruleset is no longer of the batch's generation (`ERESTART`): read it again, rebuild, retry.
    #[error("the ruleset changed meanwhile")]
    Conflict,
    /// The kernel refused messages; all that it refused, by rising sequence number. Later ones can be consequences of earlier ones.
    #[error("the kernel refused {} of the batch's messages", .0.len())]
    Rejected(Vec<Reject>),
    /// The batch is longer than the socket may send. Only a process with `CAP_NET_ADMIN` in the first user namespace can raise
    /// that limit above `net.core.wmem_max`.
    #[error(
        "batch of {len} bytes is longer than the {limit} bytes the socket may send; on the host, `sysctl -w net.core.wmem_max={len}` is enough for it"
    )]
    TooBig {
        /// Bytes of the batch.
        len: usize,
        /// Bytes the socket may send at once.
        limit: usize,
    },
    /// The batch as a whole was refused (`EPERM` and the like), or a system call failed.
    #[error(transparent)]
    Os(#[from] io::Error),
}
