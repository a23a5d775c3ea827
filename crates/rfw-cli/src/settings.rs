//! `--encoding` and `--no-xt`: from the command line, the environment, `/etc/rfw/rfw.toml`, in this order.

use std::path::{Path, PathBuf};

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
    /// Takes the options of ours out of the arguments, wherever they stand before `--`, and asks the environment and the
    /// configuration file for what they leave open.
    pub fn extract(arguments: &mut Vec<Vec<u8>>) -> Result<Self, String> {
        let mut given: Option<String> = None;
        let mut no_xt = false;
        let mut index = 0;
        while index < arguments.len() {
            let word = arguments[index].clone();
            if word == b"--no-xt" {
                no_xt = true;
                arguments.remove(index);
            } else if word == b"--encoding" {
                if index + 1 >= arguments.len() {
                    return Err("option \"--encoding\" requires an argument".into());
                }
                given = Some(String::from_utf8_lossy(&arguments[index + 1]).into_owned());
                arguments.drain(index..index + 2);
            } else if let Some(value) = word.strip_prefix(b"--encoding=") {
                given = Some(String::from_utf8_lossy(value).into_owned());
                arguments.remove(index);
            } else {
                index += 1;
            }
        }
        let word = given
            .map(|w| (w, "--encoding"))
            .or_else(|| std::env::var("RFW_ENCODING").ok().map(|w| (w, "RFW_ENCODING")))
            .or_else(|| configured(Path::new(CONFIG)).map(|w| (w, CONFIG)));
        let encoding = match word {
            None => None,
            Some((word, from)) => parse(&word)
                .ok_or_else(|| format!("{from}: encoding is auto, native or compat, not `{word}'"))?,
        };
        Ok(Self { encoding, no_xt })
    }
}

/// `encoding = "…"` at the top level of the configuration file.
fn configured(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let top = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    for line in top {
        let line = line.split('#').next().unwrap_or_default();
        if let Some((key, value)) = line.split_once('=')
            && key.trim() == "encoding"
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
        assert!(Settings::extract(&mut words("--encoding=fast")).is_err());
        assert!(Settings::extract(&mut words("-L --encoding")).is_err());
    }
}
