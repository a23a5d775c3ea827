//! ipset's names and numbers, over its socket option (`linux/netfilter/ipset/ip_set.h`).

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use crate::socket::{check, socklen};

/// `IPSET_MAXNAMELEN`, with the NUL.
const NAME: usize = 32;
const INVALID: u16 = 65535;
const SO_IP_SET: libc::c_int = 83;
const OP_BY_NAME: u32 = 6;
const OP_BY_INDEX: u32 = 7;
const OP_VERSION: u32 = 0x100;
/// `IPSET_PROTOCOL_MIN`.
const PROTOCOL_MIN: u32 = 6;

/// Why an ipset was not found.
#[derive(Debug, thiserror::Error)]
pub enum IpsetError {
    /// No ipset in this kernel, or not for this process.
    #[error("ipset is not available: {0}")]
    Unavailable(io::Error),
    /// The kernel's ipset is older than the protocol spoken here.
    #[error("ipset protocol version {0} is too old")]
    Version(u32),
    /// No set of that name or number, or a name too long to be one.
    #[error("no such set")]
    Missing,
    /// A system call failed.
    #[error(transparent)]
    Os(io::Error),
    /// The kernel's answer has the wrong size.
    #[error("answer of {got} bytes instead of {want}")]
    Size {
        /// Bytes expected.
        want: usize,
        /// Bytes received.
        got: usize,
    },
}

/// `struct ip_set_req_version`.
#[repr(C)]
#[derive(Clone, Copy)]
struct VersionRequest {
    op: u32,
    version: u32,
}

/// `struct ip_set_req_get_set`; the union's index is its first two bytes. Aligned as the kernel's is.
#[repr(C)]
#[derive(Clone, Copy)]
struct SetRequest {
    op: u32,
    version: u32,
    set: [u8; NAME],
}

/// Plain old data of the kernel's interface.
trait Request: Copy {}
impl Request for VersionRequest {}
impl Request for SetRequest {}

pub(crate) struct Socket {
    fd: OwnedFd,
    version: u32,
}

impl Socket {
    /// Opens the socket and agrees on the protocol version.
    pub(crate) fn open() -> Result<Self, IpsetError> {
        // SAFETY: takes three integers and returns a new descriptor or -1.
        let fd =
            unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::IPPROTO_RAW) };
        if fd < 0 {
            return Err(IpsetError::Unavailable(io::Error::last_os_error()));
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let request = VersionRequest { op: OP_VERSION, version: 0 };
        let answer = ask(&fd, request).map_err(|e| match e {
            IpsetError::Os(e) => IpsetError::Unavailable(e),
            other => other,
        })?;
        if answer.version < PROTOCOL_MIN {
            return Err(IpsetError::Version(answer.version));
        }
        Ok(Self { fd, version: answer.version })
    }

    pub(crate) fn index(&self, name: &[u8]) -> Result<u16, IpsetError> {
        let mut set = [0; NAME];
        // The last byte stays NUL.
        set[..NAME - 1].get_mut(..name.len()).ok_or(IpsetError::Missing)?.copy_from_slice(name);
        let answer = self.get(OP_BY_NAME, set)?;
        match u16::from_ne_bytes([answer[0], answer[1]]) {
            INVALID => Err(IpsetError::Missing),
            index => Ok(index),
        }
    }

    pub(crate) fn name(&self, index: u16) -> Result<Vec<u8>, IpsetError> {
        let mut set = [0; NAME];
        set[..2].copy_from_slice(&index.to_ne_bytes());
        let answer = self.get(OP_BY_INDEX, set)?;
        let end = answer.iter().position(|&b| b == 0).unwrap_or(NAME);
        match &answer[..end] {
            [] => Err(IpsetError::Missing),
            name => Ok(name.to_vec()),
        }
    }

    fn get(&self, op: u32, set: [u8; NAME]) -> Result<[u8; NAME], IpsetError> {
        let request = SetRequest { op, version: self.version, set };
        ask(&self.fd, request).map(|answer| answer.set)
    }
}

fn ask<T: Request>(fd: &OwnedFd, mut request: T) -> Result<T, IpsetError> {
    let mut len = socklen::<T>();
    // SAFETY: the descriptor is open; both pointers are to live values, `len` is the size of the first, and any bytes the kernel
    // writes there make a valid value, since a `Request` has only integers.
    let rc = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_IP, SO_IP_SET, (&raw mut request).cast(), &raw mut len)
    };
    check(rc).map_err(IpsetError::Os)?;
    let got = usize::try_from(len).unwrap_or(0);
    let want = size_of::<T>();
    if got == want { Ok(request) } else { Err(IpsetError::Size { want, got }) }
}
