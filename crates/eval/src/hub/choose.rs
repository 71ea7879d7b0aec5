//! Which files of a dataset hold the tasks that were asked for: by the configurations that its card declares, and else
//! by where the Hub's own library expects the parts of a dataset (`data/train-00000-of-00001.parquet`, `test.jsonl`, ...).

use std::collections::BTreeMap;

use glob::{MatchOptions, Pattern};
use serde_json::{Map, Value};

use super::client::Entry;

/// Endings of files that hold rows, the preferred one first.
const ENDINGS: &[&str] = &["parquet", "jsonl", "ndjson", "json", "csv"];
/// Files of every dataset that describe it.
const DESCRIPTIONS: &[&str] =
    &["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json"];
/// The usual parts of a dataset and the words by which files belong to them.
const SPLITS: &[(&str, &[&str])] = &[
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "dev", "val"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];

/// A configuration of a dataset, as its card declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    name: String,
    is_default: bool,
    folder: Option<String>,
    /// Split and patterns of its files.
    files: Vec<(String, Vec<String>)>,
}

/// The files that were chosen, and what a person should know of the choice.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen<'a> {
    pub files: Vec<&'a Entry>,
    pub note: Option<String>,
}

/// Whether a file holds rows, by its name.
fn holds_rows(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ending(path).is_some()
        && !DESCRIPTIONS.contains(&name)
        && !path.split('/').any(|part| part.starts_with(['.', '_']))
}

fn ending(path: &str) -> Option<&'static str> {
    let (_, given) = path.rsplit('/').next()?.rsplit_once('.')?;
    ENDINGS.iter().copied().find(|ending| given.eq_ignore_ascii_case(ending))
}

/// Whether `path` names a file, which then is all that is wanted.
pub(super) fn exact<'a>(entries: &'a [Entry], path: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.path == path)
}

/// The files of `selection` (a folder, a configuration, or a split) and `split`.
///
/// # Errors
/// What there is instead.
pub(super) fn choose<'a>(
    entries: &'a [Entry],
    configs: &[Config],
    selection: Option<&str>,
    split: &str,
) -> Result<Chosen<'a>, String> {
    let rows: Vec<&Entry> = entries.iter().filter(|entry| holds_rows(&entry.path)).collect();
    if rows.is_empty() {
        return Err(format!("there is no file with rows in it ({})", ENDINGS.join(", ")));
    }
    let below = |folder: &str| -> Vec<&'a Entry> {
        let folder = format!("{}/", folder.trim_matches('/'));
        rows.iter().copied().filter(|entry| entry.path.starts_with(&folder)).collect()
    };
    if let Some(selection) = selection {
        let folder = below(selection);
        if !folder.is_empty() {
            return one_form(of_split(&folder, split)?);
        }
        if let Some(config) = configs.iter().find(|config| config.name == selection) {
            return one_form(of_config(config, &rows, &below, split)?);
        }
        if selection.contains('/') {
            return Err(format!("there is no `{selection}` in it"));
        }
    }
    let split = selection.unwrap_or(split);
    match configs {
        [] => one_form(of_split(&rows, split)?),
        [config] => one_form(of_config(config, &rows, &below, split)?),
        several => {
            let default = several.iter().find(|config| config.is_default || config.name == "default");
            let names: Vec<&str> = several.iter().map(|config| config.name.as_str()).collect();
            let default = default
                .ok_or_else(|| format!("it has several configurations, name one: {}", names.join(", ")))?;
            one_form(of_config(default, &rows, &below, split)?)
        }
    }
}

fn of_config<'a>(
    config: &Config,
    rows: &[&'a Entry],
    below: &dyn Fn(&str) -> Vec<&'a Entry>,
    split: &str,
) -> Result<Vec<&'a Entry>, String> {
    if config.files.is_empty() {
        return match &config.folder {
            Some(folder) => of_split(&below(folder), split),
            None => of_split(rows, split),
        };
    }
    let Some((_, patterns)) = config.files.iter().find(|(name, _)| name == split) else {
        let names: Vec<&str> = config.files.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!("it has no split `{split}`; there is {}", names.join(", ")));
    };
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
    let mut matches = Vec::new();
    for pattern in patterns {
        let pattern = match &config.folder {
            Some(folder) => format!("{}/{pattern}", folder.trim_matches('/')),
            None => pattern.clone(),
        };
        let pattern = pattern.trim_start_matches("./");
        let glob = Pattern::new(pattern).map_err(|error| format!("its card says `{pattern}`: {error}"))?;
        matches.extend(rows.iter().copied().filter(|entry| glob.matches_with(&entry.path, options)));
    }
    if matches.is_empty() {
        return Err(format!("its card names files for `{split}` that are not there"));
    }
    matches.sort_by(|a, b| a.path.cmp(&b.path));
    matches.dedup_by(|a, b| a.path == b.path);
    Ok(matches)
}

/// The files of a split by their names: those of numbered shards where there are any, else by folders, else by file
/// names; where no name says anything, all files are `train`.
fn of_split<'a>(rows: &[&'a Entry], split: &str) -> Result<Vec<&'a Entry>, String> {
    let by: [fn(&str) -> Vec<String>; 3] = [shard, folder_words, name_words];
    for splits_of in by {
        let mut found: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in rows {
            for split in splits_of(&entry.path) {
                found.entry(split).or_default().push(entry);
            }
        }
        if found.is_empty() {
            continue;
        }
        let names: Vec<String> = found.keys().cloned().collect();
        return found
            .remove(split)
            .or_else(|| found.remove(canonical(split)?))
            .ok_or_else(|| format!("it has no split `{split}`; there is {}", names.join(", ")));
    }
    match canonical(split) {
        Some("train") if !rows.is_empty() => Ok(rows.to_vec()),
        _ => Err(format!("it has no split `{split}`; no file is named after one")),
    }
}

/// `train` for `training`, and so on.
fn canonical(word: &str) -> Option<&'static str> {
    SPLITS.iter().find(|(_, words)| words.contains(&word)).map(|(split, _)| *split)
}

/// `data/NAME-00000-of-00001...`, which may be of any name.
fn shard(path: &str) -> Vec<String> {
    let split = || {
        let (name, rest) = path.strip_prefix("data/")?.split_once("-of-")?;
        let (split, number) = name.rsplit_once('-')?;
        let digits = |text: &str| text.len() >= 5 && text.bytes().take(5).all(|byte| byte.is_ascii_digit());
        (!split.is_empty() && !name.contains('/') && number.len() == 5 && digits(number) && digits(rest))
            .then(|| split.to_owned())
    };
    split().into_iter().collect()
}

fn folder_words(path: &str) -> Vec<String> {
    path.rsplit_once('/').map(|(folders, _)| words(folders)).unwrap_or_default()
}

fn name_words(path: &str) -> Vec<String> {
    words(path.rsplit('/').next().unwrap_or(path))
}

/// The splits that words of a text name.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| "/-._ ".contains(c) || c.is_ascii_digit());
    let mut splits: Vec<String> = words.filter_map(canonical).map(str::to_owned).collect();
    splits.sort_unstable();
    splits.dedup();
    splits
}

/// The same rows may be there in several forms: the form of most files is read.
fn one_form(files: Vec<&Entry>) -> Result<Chosen<'_>, String> {
    let mut forms: Vec<(&str, Vec<&Entry>)> = Vec::new();
    for form in ENDINGS {
        let of_form: Vec<&Entry> =
            files.iter().copied().filter(|entry| ending(&entry.path) == Some(form)).collect();
        if !of_form.is_empty() {
            forms.push((form, of_form));
        }
    }
    let names: Vec<&str> = forms.iter().map(|(form, _)| *form).collect();
    let note = |form: &str| format!("of the files in {}, those in {form} are read", names.join(", "));
    // The first of those with the most.
    let most = forms.iter().map(|(_, files)| files.len()).max().unwrap_or(0);
    let several = forms.len() > 1;
    match forms.iter().position(|(_, files)| files.len() == most) {
        Some(place) => {
            let note = several.then(|| note(names[place]));
            let mut files = std::mem::take(&mut forms[place].1);
            files.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(Chosen { files, note })
        }
        None => Err("there is no file with rows in it".into()),
    }
}

/// The configurations that a dataset's card declares in its YAML head. What cannot be read declares nothing.
pub(super) fn configs(card: &str) -> Vec<Config> {
    let card = card.strip_prefix('\u{feff}').unwrap_or(card).replace("\r\n", "\n");
    let Some(rest) = card.strip_prefix("---\n") else { return Vec::new() };
    let Some(end) = rest.find("\n---") else { return Vec::new() };
    let Ok(head) = serde_saphyr::from_str::<Map<String, Value>>(&rest[..end]) else { return Vec::new() };
    let configs = head.get("configs").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    configs.iter().filter_map(config).collect()
}

fn config(declared: &Value) -> Option<Config> {
    let text = |name: &str| declared.get(name).and_then(Value::as_str).map(str::to_owned);
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::String(one) => vec![one.clone()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    let mut files = Vec::new();
    match declared.get("data_files") {
        Some(Value::Array(parts)) if parts.iter().any(Value::is_object) => {
            for part in parts {
                let split = part.get("split").and_then(Value::as_str).unwrap_or("train");
                files.push((split.to_owned(), part.get("path").map(texts).unwrap_or_default()));
            }
        }
        Some(Value::Object(parts)) => {
            files.extend(parts.iter().map(|(split, paths)| (split.clone(), texts(paths))));
        }
        Some(paths) => files.push(("train".to_owned(), texts(paths))),
        None => {}
    }
    files.retain(|(_, patterns)| !patterns.is_empty());
    Some(Config {
        name: text("config_name")?,
        is_default: declared.get("default").and_then(Value::as_bool).unwrap_or(false),
        folder: text("data_dir").filter(|folder| !folder.trim_matches('/').is_empty()),
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        paths: &[&str],
        card: &str,
        selection: Option<&str>,
        split: &str,
    ) -> Result<Vec<String>, String> {
        let entries: Vec<Entry> = paths.iter().map(|path| Entry::of_path(path)).collect();
        let chosen = choose(&entries, &configs(card), selection, split)?;
        Ok(chosen.files.iter().map(|entry| entry.path.clone()).collect())
    }

    #[test]
    fn files_are_found_where_datasets_have_them() {
        let check = |paths: &[&str],
                     card: &str,
                     selection: Option<&str>,
                     split: &str,
                     expected: Result<&[&str], &str>| {
            let got = chosen(paths, card, selection, split);
            match (got, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{paths:?} {selection:?} {split}"),
                (Err(got), Err(words)) => assert!(got.contains(words), "{got}"),
                (got, expected) => panic!("{paths:?} {selection:?} {split}: {got:?}, not {expected:?}"),
            }
        };
        let pushed = &[
            "README.md",
            "data/test-00000-of-00001.parquet",
            "data/train-00001-of-00002.parquet",
            "data/train-00000-of-00002.parquet",
        ];
        check(
            pushed,
            "",
            None,
            "train",
            Ok(&["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]),
        );
        check(pushed, "", None, "test", Ok(&["data/test-00000-of-00001.parquet"]));
        check(pushed, "", Some("test"), "train", Ok(&["data/test-00000-of-00001.parquet"]));
        check(pushed, "", Some("data"), "test", Ok(&["data/test-00000-of-00001.parquet"]));
        check(pushed, "", None, "hard", Err("no split `hard`; there is test, train"));
        check(
            &["data/hard-00000-of-00001-a1b2.parquet"],
            "",
            None,
            "hard",
            Ok(&["data/hard-00000-of-00001-a1b2.parquet"]),
        );
        // By folders, by names, by nothing.
        check(&["train/a.jsonl", "dev/b.jsonl"], "", None, "validation", Ok(&["dev/b.jsonl"]));
        check(&["my_train_set.csv", "my_test_set.csv"], "", None, "train", Ok(&["my_train_set.csv"]));
        check(&["tasks.jsonl", "more.jsonl"], "", None, "train", Ok(&["more.jsonl", "tasks.jsonl"]));
        check(&["tasks.jsonl"], "", None, "test", Err("no split `test`"));
        check(&["restrained.csv"], "", None, "train", Ok(&["restrained.csv"]));
        // What holds no rows.
        check(
            &["README.md", "dataset_infos.json", ".hidden/train.csv"],
            "",
            None,
            "train",
            Err("no file with rows"),
        );
        check(&["tasks.jsonl"], "", Some("a/b"), "train", Err("there is no `a/b`"));
        // The card decides.
        let card = "---\nlicense: mit\nconfigs:\n- config_name: easy\n  data_files:\n  - split: train\n    path: easy/*.jsonl\n\
            - config_name: hard\n  data_files: hard/**/*.jsonl\n---\n# Tasks\n";
        let paths = &["easy/a.jsonl", "easy/deep/b.jsonl", "hard/x/c.jsonl"];
        check(paths, card, None, "train", Err("several configurations, name one: easy, hard"));
        check(paths, card, Some("easy"), "train", Ok(&["easy/a.jsonl", "easy/deep/b.jsonl"]));
        let renamed = &card.replace("easy/*", "./simple/*");
        check(
            &["simple/a.jsonl", "simple/deep/b.jsonl"],
            renamed,
            Some("easy"),
            "train",
            Ok(&["simple/a.jsonl"]),
        );
        check(&["simple/a.jsonl"], renamed, Some("easy"), "test", Err("no split `test`; there is train"));
        check(
            &["other.jsonl"],
            renamed,
            Some("easy"),
            "train",
            Err("names files for `train` that are not there"),
        );
        let default = "---\nconfigs:\n- {config_name: a, data_dir: a}\n- {config_name: b, default: true, data_dir: b}\n---";
        check(&["a/x.csv", "b/y.csv"], default, None, "train", Ok(&["b/y.csv"]));
        check(&["a.csv"], "---\nconfigs: {[\n---", None, "train", Ok(&["a.csv"]));
        // The same in two forms.
        check(&["train.parquet", "train.csv"], "", None, "train", Ok(&["train.parquet"]));
        check(
            &["train.parquet", "train1.csv", "train2.csv"],
            "",
            None,
            "train",
            Ok(&["train1.csv", "train2.csv"]),
        );
    }
}
