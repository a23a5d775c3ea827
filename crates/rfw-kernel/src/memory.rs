//! Memory for large batches.

/// Size of a huge page on the machines where the advice below is worth something.
const HUGE: usize = 2 * 1024 * 1024;

/// An empty buffer with room for `bytes`. A large one is backed by huge pages where the system lets programs ask for
/// them: a batch of 100,000 rules then takes some twenty page faults instead of ten thousand.
#[must_use]
pub fn batch_buffer(bytes: usize) -> Vec<u8> {
    let mut buffer: Vec<u8> = Vec::with_capacity(bytes);
    let start = (buffer.as_mut_ptr() as usize).next_multiple_of(HUGE);
    let end = buffer.as_mut_ptr() as usize + buffer.capacity();
    if let Some(len) = end.checked_sub(start).filter(|&len| len >= HUGE) {
        let offset = start - buffer.as_mut_ptr() as usize;
        // SAFETY: the range lies inside of the buffer's allocation, which is alive; MADV_HUGEPAGE changes no contents.
        // A refusal leaves ordinary pages.
        let _ = unsafe { libc::madvise(buffer.as_mut_ptr().add(offset).cast(), len, libc::MADV_HUGEPAGE) };
    }
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_hold_what_was_asked_for() {
        for bytes in [0, 1, HUGE - 1, HUGE, 5 * HUGE + 3] {
            let mut buffer = batch_buffer(bytes);
            assert!(buffer.is_empty() && buffer.capacity() >= bytes);
            buffer.resize(bytes, 7);
            assert!(buffer.iter().all(|&b| b == 7));
        }
    }
}
