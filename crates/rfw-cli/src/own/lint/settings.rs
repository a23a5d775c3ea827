//! Which settings are in force for a file: the nearest `rfw.toml` above it, or the one that `--config` names, and what
//! the command line says besides.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rfw_diagnostics::{Severity, Source, SourceKind};
use rfw_lint::Options;
use rfw_lint::facts::FileFacts;

use super::args::Choice;
use super::config::{self, Config};
use super::facts;

/// A file of settings and the folder it is in.
#[derive(Default)]
pub struct Settings {
    /// Its values, those of the files of facts among them.
    pub config: Config,
    /// Where paths begin.
    pub folder: PathBuf,
}

/// Finds and keeps settings.
pub struct Finder {
    given: Option<Rc<Settings>>,
    isolated: bool,
    known: HashMap<PathBuf, Rc<Settings>>,
    none: Rc<Settings>,
}

impl Finder {
    /// With the file that `--config` names, or none at all.
    ///
    /// # Errors
    /// If the file cannot be read or has a mistake.
    pub fn new(given: Option<&Path>, isolated: bool) -> Result<Self, String> {
        let given = given.map(read).transpose()?.map(Rc::new);
        Ok(Self { given, isolated, known: HashMap::new(), none: Rc::default() })
    }

    /// The settings for a file, or for the folder of work where there is no file.
    ///
    /// # Errors
    /// If the file of settings cannot be read or has a mistake.
    pub fn of(&mut self, path: Option<&Path>) -> Result<Rc<Settings>, String> {
        if let Some(given) = &self.given {
            return Ok(Rc::clone(given));
        }
        if self.isolated {
            return Ok(Rc::clone(&self.none));
        }
        let start = path.and_then(Path::parent).filter(|p| !p.as_os_str().is_empty());
        let Ok(start) = std::fs::canonicalize(start.unwrap_or(Path::new("."))) else {
            return Ok(Rc::clone(&self.none));
        };
        let Some(file) = start.ancestors().map(|f| f.join("rfw.toml")).find(|f| f.is_file()) else {
            return Ok(Rc::clone(&self.none));
        };
        if let Some(known) = self.known.get(&file) {
            return Ok(Rc::clone(known));
        }
        let settings = Rc::new(read(&file)?);
        self.known.insert(file, Rc::clone(&settings));
        Ok(settings)
    }
}

fn read(path: &Path) -> Result<Settings, String> {
    let bytes = |path: &Path| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let source = Source::new(path.display().to_string(), SourceKind::File, bytes(path)?);
    let mut config = config::parse(&source)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let text = |name: &PathBuf| {
        let text = bytes(&folder.join(name))?;
        Ok::<_, String>(String::from_utf8_lossy(&text).into_owned())
    };
    for name in &config.sysctl_files {
        config.options.facts.sysctls.extend(facts::sysctls(&text(name)?));
    }
    for name in &config.ipset_files {
        config.options.facts.ipsets.get_or_insert_default().extend(facts::ipsets(&text(name)?));
    }
    Ok(Settings { config, folder })
}

impl Settings {
    /// The options for a file: the settings, their overrides for its path, then the command line.
    pub fn options(&self, path: Option<&Path>, choice: &Choice) -> Options {
        let mut options = self.config.options.clone();
        let near = path.map(|path| self.relative(path));
        for over in &self.config.overrides {
            if !near.as_deref().is_some_and(|path| over.patterns.iter().any(|p| fits(p, path))) {
                continue;
            }
            for &(selector, wanted) in &over.words {
                options.selection.add(selector, wanted);
            }
            options.severities.extend(&over.severities);
        }
        if choice.words.iter().any(|&(_, wanted)| wanted) {
            options.selection.select_anew();
        }
        for &(selector, wanted) in &choice.words {
            options.selection.add(selector, wanted);
        }
        options.severities.extend(&choice.severities);
        options.require_reason |= choice.require_reason;
        options.walks = choice.walks;
        if let Some(budget) = choice.budget {
            options.facts.budget = budget;
        }
        options.facts.file = path
            .and_then(|path| std::fs::metadata(path).ok())
            .filter(std::fs::Metadata::is_file)
            .map(|about| FileFacts { mode: about.mode() & 0o7777, owner: about.uid() });
        options
    }

    /// The least severity that makes the status 1.
    pub fn fail_on(&self, choice: &Choice) -> Severity {
        choice.fail_on.or(self.config.fail_on).unwrap_or(Severity::Warn)
    }

    /// A path as seen from the folder of the settings.
    fn relative(&self, path: &Path) -> PathBuf {
        let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = std::fs::canonicalize(&self.folder).unwrap_or_default();
        whole.strip_prefix(folder).map_or(whole.clone(), Path::to_owned)
    }
}

/// A pattern without a slash is for the name of the file, in any folder.
fn fits(pattern: &glob::Pattern, path: &Path) -> bool {
    let name = path.file_name().map(Path::new).filter(|_| !pattern.as_str().contains('/'));
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    pattern.matches_path_with(name.unwrap_or(path), options)
}
