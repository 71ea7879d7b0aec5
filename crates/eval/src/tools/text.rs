//! grep, sed, sort and the ends of files, of our own: no program is started. Patterns are those of the `regex` crate,
//! whose time grows with the text alone, whatever the pattern; its size is bounded.

use std::{cmp::Ordering, collections::HashSet};

use regex::{Regex, RegexBuilder};

use super::{
    arguments::{Arguments, optional, required, spec},
    files::FileTool,
    workspace::Workspace,
};
use crate::tool::ToolError;

/// How much of a compiled pattern is kept in memory, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// The longest answer of a text tool, in bytes.
pub const MAX_ANSWER_BYTES: usize = 200_000;

/// Cuts an answer that is too long, and says so.
pub fn clip(mut text: String) -> String {
    if text.len() > MAX_ANSWER_BYTES {
        let length = text.len();
        text.truncate(text.floor_char_boundary(MAX_ANSWER_BYTES));
        text.push_str(&format!("\n[cut: {MAX_ANSWER_BYTES} of {length} bytes]"));
    }
    text
}

/// Compiles a pattern within bounds.
pub fn build(builder: &mut RegexBuilder) -> Result<Regex, ToolError> {
    builder
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_BYTES)
        .nest_limit(50)
        .build()
        .map_err(|error| ToolError::Arguments(format!("the pattern cannot be used: {error}")))
}

/// A glob as a pattern over a file's name: `*`, `?` and `[...]`.
pub fn glob(glob: &str) -> Result<Regex, ToolError> {
    // `**/*.py` is any depth, which a search has anyway.
    let glob = glob.rsplit('/').next().unwrap_or(glob);
    let mut pattern = String::from("(?s)^");
    let mut in_set = false;
    for c in glob.chars() {
        match c {
            '*' if !in_set => pattern.push_str(".*"),
            '?' if !in_set => pattern.push('.'),
            '[' if !in_set => {
                in_set = true;
                pattern.push('[');
            }
            '!' if pattern.ends_with('[') => pattern.push('^'),
            ']' if in_set => {
                in_set = false;
                pattern.push(']');
            }
            '-' if in_set => pattern.push('-'),
            other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push('$');
    build(&mut RegexBuilder::new(&pattern))
}

const PATH: &str = "Path of the file, relative to the working directory";
const OUTPUT: &str = "Optional path of a file to write the result to";

pub fn grep(workspace: &Workspace) -> FileTool {
    let spec = spec(
        "grep",
        "Search for regex patterns in file contents. Supports line numbers, context lines, case-insensitive search, \
         and invert matching. Returns matching lines with optional context.",
        vec![
            required("file_path", "string", PATH),
            required("pattern", "string", "Regex pattern to search for"),
            optional("case_insensitive", "boolean", "Case-insensitive search (default: False)"),
            optional("line_numbers", "boolean", "Show line numbers (default: True)"),
            optional("context_before", "integer", "Number of lines of context before match (default: 0)"),
            optional("context_after", "integer", "Number of lines of context after match (default: 0)"),
            optional("invert_match", "boolean", "Invert match - show non-matching lines (default: False)"),
            optional("count_only", "boolean", "Only count matching lines (default: False)"),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let path = arguments.text("file_path")?;
        let pattern = arguments.text("pattern")?;
        let case_insensitive = arguments.boolean("case_insensitive", false)?;
        let wanted = build(RegexBuilder::new(&pattern).case_insensitive(case_insensitive))?;
        let is_inverted = arguments.boolean("invert_match", false)?;
        let before = context(arguments, "context_before")?;
        let after = context(arguments, "context_after")?;
        let numbers = arguments.boolean("line_numbers", true)?;
        let text = workspace.read_text(&path)?;
        let lines: Vec<&str> = text.lines().collect();
        let hits: Vec<usize> =
            (0..lines.len()).filter(|&index| wanted.is_match(lines[index]) != is_inverted).collect();
        if arguments.boolean("count_only", false)? {
            return Ok(format!("{} matching lines in {path}", hits.len()));
        }
        if hits.is_empty() {
            return Ok(format!("No matches found for {pattern:?} in {path}"));
        }
        let mut shown = Vec::new();
        let mut next = 0;
        for &hit in &hits {
            let start = hit.saturating_sub(before).max(next);
            if start > next && next > 0 && before + after > 0 {
                shown.push("--".to_owned());
            }
            let context = lines.iter().enumerate().take(hit + after + 1).skip(start);
            for (index, line) in context {
                // A line of context may be a hit itself: it is marked as one.
                let mark = if hits.binary_search(&index).is_ok() { ':' } else { '-' };
                shown.push(match numbers {
                    true => format!("{}{mark}{line}", index + 1),
                    false => (*line).to_owned(),
                });
                next = index + 1;
            }
        }
        Ok(clip(shown.join("\n")))
    })
}

fn context(arguments: &Arguments, name: &str) -> Result<usize, ToolError> {
    Ok(usize::try_from(arguments.integer(name, 0, 0..=1_000)?).unwrap_or(0))
}

pub fn sed(workspace: &Workspace) -> FileTool {
    let command = "'s/pattern/replacement/' for substitution (flags g, i), '/pattern/d' for deletion, '/pattern/p' or \
                   'Np' or 'N,Mp' for printing lines, 'Nd' or 'N,Md' for deleting lines";
    let spec = spec(
        "sed",
        "Perform text transformations on files using sed-like commands. Supports substitution, deletion and line \
         selection. Can optionally write results to a new file.",
        vec![
            required("file_path", "string", PATH),
            required("command", "string", command),
            optional("global_replace", "boolean", "Replace all occurrences in each line (default: False)"),
            optional("case_insensitive", "boolean", "Case-insensitive pattern matching (default: False)"),
            optional("output_file", "string", OUTPUT),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let path = arguments.text("file_path")?;
        let command = SedCommand::parse(
            arguments.text("command")?.trim(),
            arguments.boolean("global_replace", false)?,
            arguments.boolean("case_insensitive", false)?,
        )?;
        let text = workspace.read_text(&path)?;
        finish(workspace, arguments, command.apply(&text)?)
    })
}

enum SedCommand {
    Substitute { pattern: Regex, replacement: String, everywhere: bool },
    Matching { pattern: Regex, keeps: bool },
    Lines { from: usize, to: usize, keeps: bool },
}

impl SedCommand {
    fn parse(command: &str, everywhere: bool, case_insensitive: bool) -> Result<Self, ToolError> {
        let wrong = || {
            ToolError::Arguments(format!(
                "{command:?} is not a command of this sed; there are s/pattern/replacement/, /pattern/d, /pattern/p, \
                 Np, N,Mp, Nd and N,Md"
            ))
        };
        let pattern = |text: &str, insensitive: bool| {
            build(RegexBuilder::new(text).case_insensitive(insensitive || case_insensitive))
        };
        let mut chars = command.chars();
        match chars.next().ok_or_else(wrong)? {
            's' => {
                let delimiter =
                    chars.next().filter(|c| !c.is_alphanumeric() && *c != '\\').ok_or_else(wrong)?;
                let parts = split_unescaped(chars.as_str(), delimiter);
                let [from, to, flags] = parts.as_slice() else { return Err(wrong()) };
                if !flags.chars().all(|flag| matches!(flag, 'g' | 'i' | 'I')) {
                    return Err(wrong());
                }
                Ok(Self::Substitute {
                    pattern: pattern(from, flags.contains(['i', 'I']))?,
                    replacement: replacement(to),
                    everywhere: everywhere || flags.contains('g'),
                })
            }
            '/' => {
                let parts = split_unescaped(chars.as_str(), '/');
                let [text, action] = parts.as_slice() else { return Err(wrong()) };
                let keeps = keeps(action).ok_or_else(wrong)?;
                Ok(Self::Matching { pattern: pattern(text, false)?, keeps })
            }
            _ => {
                let (range, action) =
                    command.split_at(command.len() - command.chars().last().map_or(0, char::len_utf8));
                let keeps = keeps(action).ok_or_else(wrong)?;
                let number = |text: &str| match text.trim() {
                    "$" => Some(usize::MAX),
                    text => text.parse().ok().filter(|number| *number > 0),
                };
                let (from, to) = range.split_once(',').unwrap_or((range, range));
                let (Some(from), Some(to)) = (number(from), number(to)) else { return Err(wrong()) };
                Ok(Self::Lines { from, to, keeps })
            }
        }
    }

    fn apply(&self, text: &str) -> Result<String, ToolError> {
        let lines: Vec<&str> = text.lines().collect();
        let mut result = String::new();
        for (index, line) in lines.iter().enumerate() {
            let changed = match self {
                Self::Substitute { pattern, replacement, everywhere } => {
                    Some(pattern.replacen(line, usize::from(!everywhere), replacement))
                }
                Self::Matching { pattern, keeps } => {
                    (pattern.is_match(line) == *keeps).then_some((*line).into())
                }
                Self::Lines { from, to, keeps } => {
                    let from = (*from).min(lines.len());
                    ((from..=*to).contains(&(index + 1)) == *keeps).then_some((*line).into())
                }
            };
            if let Some(line) = changed {
                result.push_str(&line);
                result.push('\n');
            }
            // Replacements can make a line many times as long.
            if result.len() as u64 > super::workspace::MAX_FILE_BYTES {
                return Err(ToolError::Failed("the result is too large".into()));
            }
        }
        Ok(result)
    }
}

fn keeps(action: &str) -> Option<bool> {
    match action.trim() {
        "p" => Some(true),
        "d" => Some(false),
        _ => None,
    }
}

/// Splits at delimiters that no backslash is before; `\/` becomes `/`.
fn split_unescaped(text: &str, delimiter: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let part = parts.last_mut().expect("begun with one");
        match c {
            '\\' => match chars.next() {
                Some(next) if next == delimiter => part.push(next),
                Some(next) => part.extend(['\\', next]),
                None => part.push('\\'),
            },
            c if c == delimiter => parts.push(String::new()),
            c => part.push(c),
        }
    }
    parts
}

/// `\1` and `&` of sed as `${1}` and `${0}` of `regex`.
fn replacement(text: &str) -> String {
    let mut result = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => result.push_str(&format!("${{{digit}}}")),
                Some('n') => result.push('\n'),
                Some('t') => result.push('\t'),
                Some(other) => result.push(other),
                None => result.push('\\'),
            },
            '&' => result.push_str("${0}"),
            '$' => result.push_str("$$"),
            c => result.push(c),
        }
    }
    result
}

pub fn sort(workspace: &Workspace) -> FileTool {
    let spec = spec(
        "sort",
        "Sort lines in a file alphabetically or numerically. Supports reverse sorting, unique lines only, and \
         case-insensitive sorting.",
        vec![
            required("file_path", "string", PATH),
            optional("numeric", "boolean", "Numeric sort (default: False)"),
            optional("reverse", "boolean", "Reverse sort order (default: False)"),
            optional("unique", "boolean", "Remove duplicate lines (default: False)"),
            optional("case_insensitive", "boolean", "Case-insensitive sorting (default: False)"),
            optional("output_file", "string", OUTPUT),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let text = workspace.read_text(&arguments.text("file_path")?)?;
        let is_numeric = arguments.boolean("numeric", false)?;
        let fold = arguments.boolean("case_insensitive", false)?;
        let key = |line: &str| if fold { line.to_lowercase() } else { line.to_owned() };
        let mut lines: Vec<(f64, String, &str)> = text
            .lines()
            .map(|line| (if is_numeric { leading_number(line) } else { 0.0 }, key(line), line))
            .collect();
        if arguments.boolean("unique", false)? {
            let mut seen = HashSet::new();
            lines.retain(|(_, key, _)| seen.insert(key.clone()));
        }
        lines.sort_by(|left, right| {
            left.0.partial_cmp(&right.0).unwrap_or(Ordering::Equal).then_with(|| left.1.cmp(&right.1))
        });
        if arguments.boolean("reverse", false)? {
            lines.reverse();
        }
        let mut sorted = String::with_capacity(text.len());
        for (_, _, line) in lines {
            sorted.push_str(line);
            sorted.push('\n');
        }
        finish(workspace, arguments, sorted)
    })
}

/// The number that a line begins with, as `sort -n` reads it; lines without one come first.
fn leading_number(line: &str) -> f64 {
    let line = line.trim_start();
    let end = line
        .char_indices()
        .find(|(index, c)| !(c.is_ascii_digit() || *c == '.' || (*index == 0 && *c == '-')))
        .map_or(line.len(), |(index, _)| index);
    line[..end].parse().unwrap_or(f64::NEG_INFINITY)
}

pub fn head_tail(workspace: &Workspace) -> FileTool {
    let spec = spec(
        "head_tail",
        "View the first N lines (head) or last N lines (tail) of a file. Useful for quick file inspection and log \
         analysis.",
        vec![
            required("file_path", "string", PATH),
            optional("mode", "string", "'head' for first N lines, 'tail' for last N lines (default: head)"),
            optional("lines", "integer", "Number of lines to show (default: 10)"),
        ],
    );
    FileTool::new(spec, workspace, |workspace, arguments| {
        let text = workspace.read_text(&arguments.text("file_path")?)?;
        let count = usize::try_from(arguments.integer("lines", 10, 1..=100_000)?).unwrap_or(10);
        let lines: Vec<&str> = text.lines().collect();
        let shown = match arguments.choice("mode", &["head", "tail"])? {
            "tail" => &lines[lines.len().saturating_sub(count)..],
            _ => &lines[..count.min(lines.len())],
        };
        Ok(clip(shown.join("\n")))
    })
}

/// The result as an answer, or in a file if one was named.
fn finish(workspace: &Workspace, arguments: &Arguments, result: String) -> Result<String, ToolError> {
    match arguments.optional_text("output_file")? {
        Some(path) => {
            workspace.write(&path, result.as_bytes())?;
            Ok(format!("Wrote {} lines to {path}", result.lines().count()))
        }
        None => Ok(clip(result)),
    }
}
