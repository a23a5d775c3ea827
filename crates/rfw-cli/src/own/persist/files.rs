//! The files: where they are, and how one is replaced so that a power failure leaves the old or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rfw_nft::Family;

/// Where they are.
pub const FOLDER: &str = "/etc/rfw";

/// Where netfilter-persistent has its own.
pub const FALLBACK: &str = "/etc/iptables";

fn named(folder: &Path, stem: &str, family: Family, end: &str) -> PathBuf {
    let digit = if family == Family::Ipv4 { '4' } else { '6' };
    folder.join(format!("{stem}.v{digit}{end}"))
}

/// The ruleset.
pub fn rules(folder: &Path, family: Family) -> PathBuf {
    named(folder, "rules", family, "")
}

/// The ruleset that was loaded last.
pub fn good(folder: &Path, family: Family) -> PathBuf {
    named(folder, "rules", family, ".good")
}

/// The fail-safe of the administrator.
pub fn failsafe(folder: &Path, family: Family) -> PathBuf {
    named(folder, "failsafe", family, "")
}

/// A file's bytes; `None` if there is no such file.
///
/// # Errors
/// If it is there and can't be read.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a file of mode 0600 in the place of whatever is there; its folder is made if need be. A link stays, and what it
/// points to is replaced.
///
/// # Errors
/// Those of the system; the old file is then still there.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let temporary = folder.join(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let done = write_new(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
        return done;
    }
    File::open(folder)?.sync_all()
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    // A process of the same number may have died here.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("rfw-files-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn replaces_as_a_whole() {
        let folder = folder("whole");
        let path = rules(&folder, Family::Ipv6);
        assert!(path.ends_with("rules.v6"));
        assert_eq!(read(&path).expect("no error"), None);
        replace(&path, b"one").expect("written");
        replace(&path, b"two").expect("written");
        assert_eq!(read(&path).expect("readable").as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "no temporary file is left");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = folder("link");
        replace(&folder.join("real"), b"one").expect("written");
        std::os::unix::fs::symlink("real", folder.join("link")).expect("a link");
        replace(&folder.join("link"), b"two").expect("written");
        assert!(fs::symlink_metadata(folder.join("link")).expect("there").is_symlink());
        assert_eq!(fs::read(folder.join("real")).expect("readable"), b"two");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = folder("failure");
        fs::create_dir_all(folder.join("rules.v4/full")).expect("folders");
        assert!(replace(&folder.join("rules.v4"), b"text").is_err());
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
