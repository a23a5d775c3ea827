//! Listening: changes of the ruleset and traces of packets, as the kernel announces them.

use std::ffi::CStr;
use std::io;

use crate::socket::Socket;

/// `NFNLGRP_NFTABLES`.
const GROUP_CHANGES: libc::c_int = 7;
/// `NFNLGRP_NFTRACE`.
const GROUP_TRACES: libc::c_int = 9;
/// Room for announcements that wait to be read.
const QUEUE: usize = 4 * 1024 * 1024;

/// A listener.
pub struct Monitor {
    socket: Socket,
}

impl Monitor {
    /// Listens to changes, to traces, or to both.
    ///
    /// # Errors
    /// If the socket can't be opened, or the process may not listen.
    pub fn open(changes: bool, traces: bool) -> io::Result<Self> {
        let socket = Socket::open()?;
        // A smaller queue only loses announcements sooner, which is told.
        let _ = socket.reserve_receive(QUEUE);
        if changes {
            socket.join(GROUP_CHANGES)?;
        }
        if traces {
            socket.join(GROUP_TRACES)?;
        }
        Ok(Self { socket })
    }

    /// Waits for the next announcements: bytes for [`rfw_nft::message::Messages`]. `None` says that some were lost because
    /// they were not read in time.
    ///
    /// # Errors
    /// If the system call fails.
    pub fn wait(&mut self) -> io::Result<Option<&[u8]>> {
        match self.socket.receive() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The name of the interface with an index, if there is one now.
#[must_use]
pub fn interface_name(index: u32) -> Option<String> {
    let mut name = [0_u8; libc::IF_NAMESIZE];
    // SAFETY: the buffer has IF_NAMESIZE bytes, which is what if_indextoname fills at most; the result is checked for NULL.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return None;
    }
    CStr::from_bytes_until_nul(&name).ok().map(|name| name.to_string_lossy().into_owned())
}
