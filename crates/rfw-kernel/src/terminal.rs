//! Single keys from a terminal.

use std::mem::MaybeUninit;

/// While this lives, standard input gives each key at once, Ctrl-C too; nothing, if it is no terminal.
#[derive(Debug)]
pub struct Keys(Option<libc::termios>);

impl Keys {
    /// Changes the terminal.
    #[must_use]
    pub fn new() -> Self {
        let mut before = MaybeUninit::uninit();
        // SAFETY: the pointer is to room for one termios, which the call fills when it gives 0.
        let before = unsafe {
            if libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) != 0 {
                return Self(None);
            }
            before.assume_init()
        };
        let mut keys = before;
        keys.c_lflag &= !(libc::ICANON | libc::ISIG);
        keys.c_cc[libc::VMIN] = 1;
        keys.c_cc[libc::VTIME] = 0;
        set(&keys);
        Self(Some(before))
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            set(before);
        }
    }
}

fn set(terminal: &libc::termios) {
    // SAFETY: the pointer is to a whole termios that outlives the call. A terminal that went away needs no change.
    unsafe {
        libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, terminal);
    }
}
