//! Findings that are known and left for later, in a file.
//!
//! A finding is known by its file, its code and its fingerprint, so that rules before it may come and go. As many are
//! known as the file lists: one more of the same is new.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Checked;

const VERSION: u64 = 1;

/// What a finding is known by: file, code, fingerprint.
type Key = (String, String, String);

/// Refuses a place at which something else is: a ruleset whose name was taken for the baseline's, for one.
///
/// # Errors
/// If a file is there that is neither empty nor a baseline.
pub fn may_replace(path: &Path) -> Result<(), String> {
    match fs::read(path) {
        Ok(text) if !text.trim_ascii().is_empty() && read(path).is_err() => {
            Err(format!("{}: this is no baseline, and will not be replaced by one", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes all findings.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, checked: &[Checked]) -> Result<(), String> {
    let folder = folder(path);
    let mut findings = Vec::new();
    for one in checked {
        for finding in &one.report.findings {
            let (file, code, fingerprint) = key(one, finding, &folder);
            findings.push(json!({
                "file": file,
                "code": code,
                "fingerprint": fingerprint,
                "message": finding.diagnostic.message,
            }));
        }
    }
    let text = format!("{:#}\n", json!({ "version": VERSION, "findings": findings }));
    super::fix::replace(path, text.as_bytes()).map_err(|e| format!("{}: {e}", path.display()))
}

/// Moves what is known aside: by the file of the command line, or by those of the settings.
///
/// # Errors
/// If a file cannot be read or is no baseline.
pub fn subtract(given: Option<&Path>, checked: &mut [Checked]) -> Result<(), String> {
    let mut files: HashMap<PathBuf, HashMap<Key, usize>> = HashMap::new();
    for one in checked {
        let own = one.settings.config.baseline.as_ref().map(|path| one.settings.folder.join(path));
        let Some(path) = given.map(Path::to_owned).or(own) else { continue };
        if !files.contains_key(&path) {
            files.insert(path.clone(), read(&path)?);
        }
        let Some(left) = files.get_mut(&path) else { continue };
        let folder = folder(&path);
        for finding in std::mem::take(&mut one.report.findings) {
            match left.get_mut(&key(one, &finding, &folder)).filter(|count| **count > 0) {
                Some(count) => {
                    *count -= 1;
                    one.known.push(finding);
                }
                None => one.report.findings.push(finding),
            }
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<HashMap<Key, usize>, String> {
    let fail = |what: String| format!("{}: {what}", path.display());
    let text = fs::read(path).map_err(|e| fail(e.to_string()))?;
    let whole: Value = serde_json::from_slice(&text).map_err(|e| fail(format!("no baseline: {e}")))?;
    if whole["version"].as_u64() != Some(VERSION) {
        return Err(fail(format!("no baseline of version {VERSION}; `--write-baseline` makes one")));
    }
    let findings = whole["findings"].as_array().ok_or_else(|| fail("no list of findings".to_owned()))?;
    let mut known = HashMap::new();
    for finding in findings {
        let part = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        *known.entry((part("file"), part("code"), part("fingerprint"))).or_default() += 1;
    }
    Ok(known)
}

fn key(one: &Checked, finding: &rfw_lint::Finding, folder: &Path) -> Key {
    let file = one.path.as_deref().map_or_else(
        || one.source.name.clone(),
        |path| {
            let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            whole.strip_prefix(folder).unwrap_or(&whole).display().to_string()
        },
    );
    (file, finding.diagnostic.code.to_string(), finding.fingerprint.clone())
}

/// The folder of a file, which need not be there yet.
fn folder(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}
