//! One `Config` from flags, environment and defaults. The only place that reads the environment
//! (clap reads the variables that the flags name).

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use crate::cli::{Color, Global};

#[derive(Debug, Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    /// Whether the data directory was chosen by the user.
    pub data_dir_given: bool,
    pub json: bool,
    /// Colour on standard output.
    pub color: bool,
    /// Progress on standard error.
    pub progress: bool,
    /// Nothing is told that was not asked for.
    pub quiet: bool,
}

impl Config {
    pub fn resolve(global: &Global) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::io::stdout().is_terminal() && !no_color,
        };
        Self {
            data_dir: global.data_dir.clone().unwrap_or_else(default_data_dir),
            data_dir_given: global.data_dir.is_some(),
            json: global.json,
            color,
            progress: !global.quiet && std::io::stderr().is_terminal(),
            quiet: global.quiet,
        }
    }

    /// The demo's own data directory, unless the user chose one.
    pub fn demo_data_dir(&self) -> PathBuf {
        if self.data_dir_given {
            return self.data_dir.clone();
        }
        let mut name = self.data_dir.clone().into_os_string();
        name.push("-demo");
        name.into()
    }
}

/// The first of these environment variables that says something, and its name.
pub fn variable<'a>(names: &[&'a str]) -> Option<(&'a str, String)> {
    names.iter().find_map(|name| {
        let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty())?;
        Some((*name, value.trim().to_owned()))
    })
}

/// The proxy that requests to other machines go through.
pub fn proxy() -> Option<String> {
    variable(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]).map(|(_, url)| url)
}

/// A copy of the environment, for tools that show or pass on parts of it. What is no UTF-8 is left out.
pub fn environment() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn default_data_dir() -> PathBuf {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| Path::new(".").to_path_buf())
        .join("smoltrace")
}
