//! `--encoding`, `--no-xt` and `--compat-version`: from the command line, the environment, `/etc/rfw/rfw.toml`, in this order.

use std::path::{Path, PathBuf};

use rfw_diagnostics::CompatVersion;
use rfw_extensions::Encoding;

/// What the user chose; `None` is `auto`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// The encoding, unless it is to be found out for each table.
    pub encoding: Option<Encoding>,
    /// Refuse what would need nft_compat.
    pub no_xt: bool,
}

const CONFIG: &str = "/etc/rfw/rfw.toml";

fn parse(word: &str) -> Option<Option<Encoding>> {
    match word {
        "auto" => Some(None),
        "native" => Some(Some(Encoding::Native)),
        "compat" => Some(Some(Encoding::Compat)),
        _ => None,
    }
}

impl Settings {
    /// Takes the options of ours out of the arguments, wherever they stand, and asks the environment and the configuration
    /// file for what they leave open.
    pub fn extract(arguments: &mut Vec<Vec<u8>>) -> Result<Self, String> {
        let mut no_xt = false;
        while let Some(index) = position(arguments, |word| word == b"--no-xt") {
            arguments.remove(index);
            no_xt = true;
        }
        let encoding = match chosen(arguments, "encoding", "RFW_ENCODING")? {
            None => None,
            Some((word, from)) => parse(&word)
                .ok_or_else(|| format!("{from}: encoding is auto, native or compat, not `{word}'"))?,
        };
        Ok(Self { encoding, no_xt })
    }
}

/// Takes `--compat-version` out of the arguments, or asks the environment and the configuration file: the release of iptables
/// whose texts are wanted.
pub fn compat_version(arguments: &mut Vec<Vec<u8>>) -> Result<CompatVersion, String> {
    let Some((word, from)) = chosen(arguments, "compat-version", "RFW_COMPAT_VERSION")? else {
        return Ok(CompatVersion::default());
    };
    let known = CompatVersion::ALL.map(CompatVersion::name).join(" or ");
    CompatVersion::named(&word).ok_or_else(|| format!("{from}: compat-version is {known}, not `{word}'"))
}

/// A setting, and where it is from: its option, which is taken out of the arguments, the environment, the configuration file.
fn chosen(
    arguments: &mut Vec<Vec<u8>>,
    name: &'static str,
    variable: &'static str,
) -> Result<Option<(String, String)>, String> {
    let option = format!("--{name}");
    Ok(taken(arguments, &option)?
        .map(|word| (word, option))
        .or_else(|| std::env::var(variable).ok().map(|word| (word, variable.to_owned())))
        .or_else(|| configured(Path::new(CONFIG), name).map(|word| (word, CONFIG.to_owned()))))
}

/// Takes every `--option VALUE` and `--option=VALUE` out of the arguments; gives the last value.
fn taken(arguments: &mut Vec<Vec<u8>>, option: &str) -> Result<Option<String>, String> {
    let attached = |word: &[u8]| {
        word.strip_prefix(option.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")).map(<[u8]>::to_vec)
    };
    let mut given = None;
    while let Some(index) = position(arguments, |word| word == option.as_bytes() || attached(word).is_some())
    {
        let word = arguments.remove(index);
        let value = match attached(&word) {
            Some(value) => value,
            None if index < arguments.len() => arguments.remove(index),
            None => return Err(format!("option \"{option}\" requires an argument")),
        };
        given = Some(String::from_utf8_lossy(&value).into_owned());
    }
    Ok(given)
}

/// The first of the words that `wanted` takes, unless it is what an option before it says: `--comment --no-xt`.
fn position(arguments: &[Vec<u8>], wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let said = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| arguments.get(before)?.strip_prefix(b"--"));
        before.is_some_and(rfw_extensions::takes_free_text)
    };
    (0..arguments.len()).find(|&index| wanted(&arguments[index]) && !said(index))
}

/// `KEY = "…"` at the top level of the configuration file; `_` in it is as good as `-`.
fn configured(path: &Path, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let top = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    for line in top {
        let line = line.split('#').next().unwrap_or_default();
        if let Some((key, value)) = line.split_once('=')
            && key.trim().replace('_', "-") == name
        {
            return Some(value.trim().trim_matches(['"', '\'']).to_owned());
        }
    }
    None
}

/// Whether a stock iptables on this host would meet the tables we make: one is installed that is not this program.
pub fn host_has_stock() -> bool {
    let own = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // A service manager's PATH may lack the folders where root's tools are.
    folders.extend(["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"].map(PathBuf::from));
    let programs = ["iptables", "ip6tables", "iptables-nft"];
    folders
        .iter()
        .flat_map(|folder| programs.iter().map(move |p| folder.join(p)))
        .any(|candidate| std::fs::canonicalize(&candidate).is_ok_and(|target| Some(target) != own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<u8>> {
        text.split(' ').map(|w| w.as_bytes().to_vec()).collect()
    }

    #[test]
    fn takes_its_own_options_out() {
        let mut arguments = words("-A INPUT --encoding native -j DROP --no-xt");
        let settings = Settings::extract(&mut arguments).expect("valid");
        assert_eq!(settings.encoding, Some(Encoding::Native));
        assert!(settings.no_xt);
        assert_eq!(arguments, words("-A INPUT -j DROP"));
        let mut arguments = words("--compat-version 1.8.9 -L --compat-version=1.8.11");
        assert_eq!(compat_version(&mut arguments), Ok(CompatVersion::V1_8_11));
        assert_eq!(arguments, words("-L"));
        assert!(compat_version(&mut words("--compat-version 1.8.10")).is_err());
        for text in [
            "-A INPUT -m comment --comment --no-xt -j ACCEPT",
            "-A INPUT -j LOG --log-pre --encoding -m comment --comment --encoding=native",
        ] {
            let mut arguments = words(text);
            let settings = Settings::extract(&mut arguments).expect("valid");
            assert!(!settings.no_xt && settings.encoding.is_none());
            assert_eq!(arguments, words(text), "free text is nobody's option");
        }
        assert!(Settings::extract(&mut words("--encoding=fast")).is_err());
        assert!(Settings::extract(&mut words("-L --encoding")).is_err());
    }
}
