//! Local time as `ctime` prints it, for the comments of a saved ruleset.

use std::{
    io,
    mem::MaybeUninit,
    time::{SystemTime, UNIX_EPOCH},
};

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The current time, such as `Sat Nov 21 11:32:40 2026`, in the time zone of `TZ` or the system.
///
/// # Errors
/// If the clock is outside of what the C library can convert.
pub fn now() -> io::Result<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_secs();
    let seconds = libc::time_t::try_from(seconds).map_err(io::Error::other)?;
    let mut parts = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are to live values of their types; the result is checked for NULL before `parts` is used.
    let done = unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) };
    if done.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: localtime_r returned non-NULL, so it has filled the structure.
    let parts = unsafe { parts.assume_init() };
    Ok(format(&parts))
}

fn format(t: &libc::tm) -> String {
    let name = |names: &[&'static str], i: libc::c_int| {
        let name = usize::try_from(i).ok().and_then(|i| names.get(i).copied());
        name.unwrap_or("???")
    };
    format!(
        "{} {}{:3} {:02}:{:02}:{:02} {}",
        name(&DAYS, t.tm_wday),
        name(&MONTHS, t.tm_mon),
        t.tm_mday,
        t.tm_hour,
        t.tm_min,
        t.tm_sec,
        i64::from(t.tm_year) + 1900
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_the_day_with_a_blank() {
        // SAFETY: a `tm` of zeroes is valid: integers and a NULL pointer.
        let mut t: libc::tm = unsafe { std::mem::zeroed() };
        (t.tm_year, t.tm_mon, t.tm_mday, t.tm_wday) = (126, 10, 1, 0);
        (t.tm_hour, t.tm_min, t.tm_sec) = (3, 4, 5);
        assert_eq!(format(&t), "Sun Nov  1 03:04:05 2026");
        t.tm_mon = 12;
        assert_eq!(format(&t), "Sun ???  1 03:04:05 2026");
    }

    #[test]
    fn agrees_with_date() {
        let before = now().unwrap();
        let out = std::process::Command::new("date")
            .arg("+%a %b %e %H:%M:%S %Y")
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let date = String::from_utf8(out.stdout).unwrap();
        let after = now().unwrap();
        assert!(date.trim() == before || date.trim() == after, "{date} {before} {after}");
    }
}
