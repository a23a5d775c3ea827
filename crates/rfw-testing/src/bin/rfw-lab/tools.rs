//! The commands that load, list and lint, each stock or rfw.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rfw_testing::lab::{Host, Lab, LabError};

/// A folder that is removed on drop.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The commands of one run.
pub struct Tools {
    /// This program, which also is the lab's agent.
    pub agent: PathBuf,
    restore: String,
    list: String,
    lint: Option<String>,
    // Holds the links under which rfw is called.
    _links: Option<Folder>,
}

fn io_error(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> LabError {
    let what = what.into();
    move |source| LabError::Io { what, source }
}

impl Tools {
    /// `rfw` is reached through links named `rfw` and `rfw-restore`, as it would be installed; `restore` and `list`
    /// (shell command lines) take precedence over both it and the stock commands.
    pub fn new(rfw: Option<&Path>, restore: Option<String>, list: Option<String>) -> Result<Tools, LabError> {
        let agent = std::env::current_exe().map_err(io_error("own path"))?;
        let mut tools = Tools {
            agent,
            restore: "iptables-restore".to_owned(),
            list: "iptables".to_owned(),
            lint: None,
            _links: None,
        };
        if let Some(rfw) = rfw {
            let program = rfw.canonicalize().map_err(io_error(rfw.display().to_string()))?;
            let folder = Folder(std::env::temp_dir().join(format!("rfw-lab-{}", std::process::id())));
            std::fs::create_dir(&folder.0).map_err(io_error(folder.0.display().to_string()))?;
            for name in ["rfw", "rfw-restore"] {
                symlink(&program, folder.0.join(name)).map_err(io_error(name))?;
            }
            let quoted = |name: &str| format!("'{}'", folder.0.join(name).display());
            tools.restore = quoted("rfw-restore");
            tools.list = quoted("rfw");
            tools.lint = Some(format!("{} lint", quoted("rfw")));
            tools._links = Some(folder);
        }
        tools.restore = restore.unwrap_or(tools.restore);
        tools.list = list.unwrap_or(tools.list);
        Ok(tools)
    }

    /// Loads rules on the router; gives what the command wrote.
    pub fn restore(&self, lab: &Lab, rules: &str) -> Result<String, LabError> {
        lab.check(Host::Router, &["sh", "-c", &self.restore], rules.as_bytes())
    }

    /// A listing from the router, by `arguments`.
    pub fn list(&self, lab: &Lab, arguments: &str) -> Result<String, LabError> {
        lab.check(Host::Router, &["sh", "-c", &format!("{} {arguments}", self.list)], b"")
    }

    /// What the linter says about a file and its exit status, if there is a linter.
    pub fn lint(&self, file: &Path) -> Result<Option<(String, Option<i32>)>, LabError> {
        let Some(lint) = &self.lint else {
            return Ok(None);
        };
        let output = Command::new("sh")
            .args(["-c", &format!("{lint} \"$1\" 2>&1"), "sh"])
            .arg(file)
            .output()
            .map_err(io_error("lint"))?;
        Ok(Some((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())))
    }
}
