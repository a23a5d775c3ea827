//! Users and groups, from wherever the system keeps them (files, directory services).

use std::{
    ffi::{CStr, CString},
    mem::MaybeUninit,
    ptr,
};

/// Enough for any entry but a group with tens of thousands of members; doubled when it is not, up to [`BUFFER_MAX`].
const BUFFER: usize = 4096;
const BUFFER_MAX: usize = 16 << 20;

/// Calls a `get…_r` function with growing buffers and takes what is wanted out of the entry while its buffer lives.
fn lookup<E, T>(
    call: impl Fn(*mut E, *mut libc::c_char, libc::size_t, *mut *mut E) -> libc::c_int,
    take: impl Fn(&E) -> T,
) -> Option<T> {
    let mut buf: Vec<libc::c_char> = vec![0; BUFFER];
    loop {
        let mut entry = MaybeUninit::<E>::uninit();
        let mut found: *mut E = ptr::null_mut();
        let rc = call(entry.as_mut_ptr(), buf.as_mut_ptr(), buf.len(), &raw mut found);
        if rc == libc::ERANGE && buf.len() < BUFFER_MAX {
            buf.resize(buf.len() * 2, 0);
            continue;
        }
        // SAFETY: a non-NULL result points to `entry`, which is then filled; it and `buf`, to which its strings point, live on.
        return unsafe { found.as_ref() }.map(take);
    }
}

fn text(string: *const libc::c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: the C library's entries hold NUL-terminated strings, and the entry is still alive.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

pub(super) fn user_id(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    lookup(
        |entry: *mut libc::passwd, buf, len, found| {
            // SAFETY: all pointers are to live values, `len` is the buffer's size.
            unsafe { libc::getpwnam_r(name.as_ptr(), entry, buf, len, found) }
        },
        |entry| entry.pw_uid,
    )
}

pub(super) fn user_name(id: u32) -> Option<String> {
    lookup(
        |entry: *mut libc::passwd, buf, len, found| {
            // SAFETY: all pointers are to live values, `len` is the buffer's size.
            unsafe { libc::getpwuid_r(id, entry, buf, len, found) }
        },
        |entry| text(entry.pw_name),
    )
}

pub(super) fn group_id(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    lookup(
        |entry: *mut libc::group, buf, len, found| {
            // SAFETY: all pointers are to live values, `len` is the buffer's size.
            unsafe { libc::getgrnam_r(name.as_ptr(), entry, buf, len, found) }
        },
        |entry| entry.gr_gid,
    )
}

pub(super) fn group_name(id: u32) -> Option<String> {
    lookup(
        |entry: *mut libc::group, buf, len, found| {
            // SAFETY: all pointers are to live values, `len` is the buffer's size.
            unsafe { libc::getgrgid_r(id, entry, buf, len, found) }
        },
        |entry| text(entry.gr_name),
    )
}
